"""Sums over one run of points at one query, from their weights."""

from __future__ import annotations

import numpy as np

from .compilation import FloatArray, exact
from .vectors import ALIGNMENT, GROUP, LANES, add_totals, fma, load, load_row, splat, total

__all__ = ["add_first", "aligned", "mass_of"]


@exact
def aligned(rows: int, width: int) -> FloatArray:
    """Return an array (rows, width) for vectors; the width is a multiple of their lanes."""
    spare = ALIGNMENT // 8
    numbers = np.empty(rows * width + spare)
    start = (-numbers.ctypes.data // 8) % spare
    return numbers[start : start + rows * width].reshape(rows, width)


@exact
def mass_of(weights: FloatArray, size: int) -> float:
    """Return the sum of weights[:size]."""
    a, b = splat(0.0), splat(0.0)
    for j in range(0, size, GROUP):
        a, b = a + load(weights, j), b + load(weights, j + LANES)
        a, b = a + load(weights, j + 2 * LANES), b + load(weights, j + 3 * LANES)
    return float(total(a + b))


@exact
def add_first(
    tile: FloatArray, start: int, stop: int, center: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    """Add the sums of w y and w (y - z) of a run to sums[1:]."""
    d = center.size
    for k in range(0, d - 1, 2):
        c, e = splat(center[k]), splat(center[k + 1])
        value, next_value, apart, next_apart = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        for j in range(start, stop, LANES):
            w, y, u = load(weights, j - start), load_row(tile, k, j), load_row(tile, k + 1, j)
            value, apart = fma(w, y, value), fma(w, y - c, apart)
            next_value, next_apart = fma(w, u, next_value), fma(w, u - e, next_apart)
        add_totals(sums, 1 + k, value, next_value, sums, 1 + d + k, apart, next_apart)
    if d % 2 == 1:
        k, c = d - 1, splat(center[d - 1])
        value, other_value, apart, other_apart = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        for j in range(start, stop, 2 * LANES):
            w, y = load(weights, j - start), load_row(tile, k, j)
            value, apart = fma(w, y, value), fma(w, y - c, apart)
            w, y = load(weights, j - start + LANES), load_row(tile, k, j + LANES)
            other_value, other_apart = fma(w, y, other_value), fma(w, y - c, other_apart)
        sums[1 + k] += total(value + other_value)
        sums[1 + d + k] += total(apart + other_apart)
