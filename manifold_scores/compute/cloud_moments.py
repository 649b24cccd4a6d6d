"""Sums over the points that count at each query: masses, first and second moments."""

from __future__ import annotations

import numpy as np
from numba import prange

from .cloud_search import STACK, collect_runs
from .cloud_tree import LEAF
from .cloud_weights import plain_shift, weigh, weights_of_four
from .compilation import FloatArray, IntArray, exact, parallel
from .vectors import GROUP, LANES, fma, load, load_row, splat, total

__all__ = ["FIRST", "SECOND", "TRACE", "moment_sums"]

#: What is summed: (mass, y, y - z), (mass, y - y_r, products of y - y_r), (mass, y - y_r, |y - y_r|^2).
FIRST, SECOND, TRACE = 0, 1, 2


@exact
def _add_mass(weights: FloatArray, size: int, sums: FloatArray) -> None:
    a, b = splat(0.0), splat(0.0)
    for j in range(0, size, GROUP):
        a, b = a + load(weights, j), b + load(weights, j + LANES)
        a, b = a + load(weights, j + 2 * LANES), b + load(weights, j + 3 * LANES)
    sums[0] += total(a + b)


@exact
def _add_first(
    tile: FloatArray, start: int, stop: int, center: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = center.size
    for k in range(d):
        c = splat(center[k])
        value, other_value, apart, other_apart = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        for j in range(start, stop, 2 * LANES):
            w, y = load(weights, j - start), load_row(tile, k, j)
            value, apart = fma(w, y, value), fma(w, y - c, apart)
            w, y = load(weights, j - start + LANES), load_row(tile, k, j + LANES)
            other_value, other_apart = fma(w, y, other_value), fma(w, y - c, other_apart)
        sums[1 + k] += total(value + other_value)
        sums[1 + d + k] += total(apart + other_apart)


@exact
def _add_plane(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    sums: FloatArray,
) -> None:
    """Weights and first moments in R^2 at once: nothing leaves the registers."""
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y = splat(center[0]), splat(center[1])
    mass, value0, value1, apart0, apart1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        a0, b0, c0, d0 = (
            load_row(tile, 0, j) - x, load_row(tile, 0, k) - x, load_row(tile, 0, m) - x, load_row(tile, 0, n) - x,
        )  # fmt: skip
        a1, b1, c1, d1 = (
            load_row(tile, 1, j) - y, load_row(tile, 1, k) - y, load_row(tile, 1, m) - y, load_row(tile, 1, n) - y,
        )  # fmt: skip
        a, b, c, d = fma(a1, a1, a0 * a0), fma(b1, b1, b0 * b0), fma(c1, c1, c0 * c0), fma(d1, d1, d0 * d0)
        a, b = fma(a, slope, load(exponent, j) + shift), fma(b, slope, load(exponent, k) + shift)
        c, d = fma(c, slope, load(exponent, m) + shift), fma(d, slope, load(exponent, n) + shift)
        a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
        mass = mass + ((a + b) + (c + d))
        apart0, apart1 = fma(a, a0, apart0), fma(a, a1, apart1)
        value0, value1 = fma(a, load_row(tile, 0, j), value0), fma(a, load_row(tile, 1, j), value1)
        apart0, apart1 = fma(b, b0, apart0), fma(b, b1, apart1)
        value0, value1 = fma(b, load_row(tile, 0, k), value0), fma(b, load_row(tile, 1, k), value1)
        apart0, apart1 = fma(c, c0, apart0), fma(c, c1, apart1)
        value0, value1 = fma(c, load_row(tile, 0, m), value0), fma(c, load_row(tile, 1, m), value1)
        apart0, apart1 = fma(d, d0, apart0), fma(d, d1, apart1)
        value0, value1 = fma(d, load_row(tile, 0, n), value0), fma(d, load_row(tile, 1, n), value1)
    sums[0] += total(mass)
    sums[1] += total(value0)
    sums[2] += total(value1)
    sums[3] += total(apart0)
    sums[4] += total(apart1)


@exact
def _add_second(
    tile: FloatArray, start: int, stop: int, origin: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = origin.size
    for k in range(d):
        c = splat(origin[k])
        first = splat(0.0)
        for j in range(start, stop, LANES):
            first = fma(load(weights, j - start), load_row(tile, k, j) - c, first)
        sums[1 + k] += total(first)
        for other in range(k, d):
            other_c = splat(origin[other])
            product = splat(0.0)
            for j in range(start, stop, LANES):
                weighted = load(weights, j - start) * (load_row(tile, k, j) - c)
                product = fma(weighted, load_row(tile, other, j) - other_c, product)
            sums[1 + d + k * d + other] += total(product)


@exact
def _add_trace(
    tile: FloatArray, start: int, stop: int, origin: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = origin.size
    trace = splat(0.0)
    for k in range(d):
        c = splat(origin[k])
        first = splat(0.0)
        for j in range(start, stop, LANES):
            apart = load_row(tile, k, j) - c
            weighted = load(weights, j - start) * apart
            first = first + weighted
            trace = fma(weighted, apart, trace)
        sums[1 + k] += total(first)
    sums[1 + d] += total(trace)


@exact
def _add_run(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    point: FloatArray,
    what: int,
    weights: FloatArray,
    sums: FloatArray,
) -> None:
    if what == FIRST and reference[3] == 0.0 and center.size == 2:
        _add_plane(tile, mantissa, exponent, start, stop, center, rate, reference, sums)
        return
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, weights)
    _add_mass(weights, stop - start, sums)
    if what == FIRST:
        _add_first(tile, start, stop, center, weights, sums)
    elif what == SECOND:
        _add_second(tile, start, stop, point, weights, sums)
    else:
        _add_trace(tile, start, stop, point, weights, sums)


@exact
def _add_chunk(
    mantissas: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    floors: FloatArray,
    what: int,
    level: int,
    chunk: int,
    sums: FloatArray,
    visited: IntArray,
) -> None:
    """Add one chunk of leaves for a block of queries that share its tiles while they are in the cache."""
    count = len(centers)
    leaves_of_tile = tiles.shape[2] // LEAF
    first_leaf, last_leaf = chunk << level, min((chunk + 1) << level, offsets[1])
    nodes, weights = np.empty(2 * STACK, dtype=np.int64), np.empty(tiles.shape[2])
    runs = np.empty((count, (last_leaf - first_leaf) // 2 + 1, 2), dtype=np.int64)
    found, at = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for m in range(count):
        found[m] = collect_runs(offsets, boxes, tops, level, chunk, centers[m], rates[m], floors[m], nodes, runs[m])
        sums[m] = 0.0
        visited[m] = 0
    for i in range(first_leaf // leaves_of_tile, (last_leaf + leaves_of_tile - 1) // leaves_of_tile):
        begin, end = i * leaves_of_tile, (i + 1) * leaves_of_tile
        for m in range(count):
            while at[m] < found[m] and runs[m, at[m], 0] < end:
                first, last = max(begin, runs[m, at[m], 0]), min(end, runs[m, at[m], 1])
                stop = min((last - begin) * LEAF, size - i * tiles.shape[2])
                _add_run(
                    tiles[i], mantissas[i], exponents[i], (first - begin) * LEAF, stop, centers[m], rates[m],
                    references[m], points[m], what, weights, sums[m],
                )  # fmt: skip
                visited[m] += last - first
                if runs[m, at[m], 1] > end:
                    break
                at[m] += 1


@parallel
def moment_sums(
    mantissas: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    floors: FloatArray,
    what: int,
    level: int,
    block: int,
    sums: FloatArray,
    visited: IntArray,
) -> None:
    """Fill sums (chunks, M, .) over all leaves that may hold a point above the floor, relative to the references.

    `what` is FIRST, SECOND or TRACE.  A chunk is a node of the given level; visited (chunks, M) counts its leaves.
    """
    blocks = (len(centers) + block - 1) // block
    chunks = len(sums)
    for task in prange(blocks * chunks):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _add_chunk(
            mantissas, tiles, exponents, size, offsets, boxes, tops, centers[start:stop], rates[start:stop],
            references[start:stop], points[start:stop], floors[start:stop], what, level, chunk,
            sums[chunk, start:stop], visited[chunk, start:stop],
        )  # fmt: skip
