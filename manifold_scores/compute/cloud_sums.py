"""Sums over one run of points at one query: masses, first and second moments."""

from __future__ import annotations

from typing import Any

from .cloud_products import add_weighted
from .cloud_weights import plain_shift, squares, weigh, weights_of_four
from .compilation import FloatArray, IntArray, exact
from .vector_exponential import exp2_of_four
from .vectors import GROUP, LANES, fma, load, load_row, splat, store, total

__all__ = ["FIRST", "SECOND", "TRACE", "add_first", "add_run", "mass_of"]

#: What is summed: (mass, y, y - z, |y|^2), the last for queries of inner products; rows (y - y_r, products of y - y_r)
#: with the mass below; (mass, y - y_r, |y - y_r|^2).
FIRST, SECOND, TRACE = 0, 1, 2


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
def _add_squares(square: FloatArray, start: int, stop: int, weights: FloatArray, sums: FloatArray) -> None:
    a, b = splat(0.0), splat(0.0)
    for j in range(start, stop, 2 * LANES):
        a = fma(load(weights, j - start), load(square, j), a)
        b = fma(load(weights, j - start + LANES), load(square, j + LANES), b)
    sums[sums.size - 1] += total(a + b)


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
    equal: bool,
    sums: FloatArray,
) -> None:
    """Add weights and first moments in R^2 at once: nothing leaves the registers.  `equal`: so are all weights."""
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y = splat(center[0]), splat(center[1])
    mass, value0, value1, apart0, apart1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    weight = splat(mantissa[start])
    if equal:
        shift = shift + splat(exponent[start])
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        t, u = load_row(tile, 0, j) - x, load_row(tile, 1, j) - y
        a = fma(u, u, t * t)
        t, u = load_row(tile, 0, k) - x, load_row(tile, 1, k) - y
        b = fma(u, u, t * t)
        t, u = load_row(tile, 0, m) - x, load_row(tile, 1, m) - y
        c = fma(u, u, t * t)
        t, u = load_row(tile, 0, n) - x, load_row(tile, 1, n) - y
        d = fma(u, u, t * t)
        a, b, c, d = _weights(mantissa, exponent, j, a, b, c, d, slope, shift, equal)
        mass = mass + ((a + b) + (c + d))
        # Differences anew: kept, they would not fit into the registers.
        t, u = load_row(tile, 0, j), load_row(tile, 1, j)
        value0, value1, apart0, apart1 = _sum2(a, t, u, x, y, value0, value1, apart0, apart1)
        t, u = load_row(tile, 0, k), load_row(tile, 1, k)
        value0, value1, apart0, apart1 = _sum2(b, t, u, x, y, value0, value1, apart0, apart1)
        t, u = load_row(tile, 0, m), load_row(tile, 1, m)
        value0, value1, apart0, apart1 = _sum2(c, t, u, x, y, value0, value1, apart0, apart1)
        t, u = load_row(tile, 0, n), load_row(tile, 1, n)
        value0, value1, apart0, apart1 = _sum2(d, t, u, x, y, value0, value1, apart0, apart1)
    if equal:
        mass, value0, value1, apart0, apart1 = (
            mass * weight, value0 * weight, value1 * weight, apart0 * weight, apart1 * weight,
        )  # fmt: skip
    sums[0] += total(mass)
    sums[1] += total(value0)
    sums[2] += total(value1)
    sums[3] += total(apart0)
    sums[4] += total(apart1)


@exact
def _weights(
    mantissa: FloatArray,
    exponent: FloatArray,
    j: int,
    a: Any,
    b: Any,
    c: Any,
    d: Any,
    slope: Any,
    shift: Any,
    equal: bool,
) -> tuple[Any, Any, Any, Any]:
    """Turn squared distances of four vectors of points into weights, without mantissas for equal ones."""
    if equal:
        a, b, c, d = fma(a, slope, shift), fma(b, slope, shift), fma(c, slope, shift), fma(d, slope, shift)
        a, b, c, d = exp2_of_four(a, b, c, d)
        return a, b, c, d
    a, b = fma(a, slope, load(exponent, j) + shift), fma(b, slope, load(exponent, j + LANES) + shift)
    c = fma(c, slope, load(exponent, j + 2 * LANES) + shift)
    d = fma(d, slope, load(exponent, j + 3 * LANES) + shift)
    a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
    return a, b, c, d


@exact
def _sum2(
    w: Any, t: Any, u: Any, x: Any, y: Any, value0: Any, value1: Any, apart0: Any, apart1: Any
) -> tuple[Any, Any, Any, Any]:
    return fma(w, t, value0), fma(w, u, value1), fma(w, t - x, apart0), fma(w, u - y, apart1)


@exact
def _add_space(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    equal: bool,
    sums: FloatArray,
) -> None:
    """Do the same in R^3."""
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y, z = splat(center[0]), splat(center[1]), splat(center[2])
    nothing, weight = splat(0.0), splat(mantissa[start])
    mass, value0, value1, value2, apart0, apart1, apart2 = nothing, nothing, nothing, nothing, nothing, nothing, nothing
    if equal:
        shift = shift + splat(exponent[start])
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        a, b, c, d = squares(tile, j, center)
        a, b, c, d = _weights(mantissa, exponent, j, a, b, c, d, slope, shift, equal)
        mass = mass + ((a + b) + (c + d))
        t, u, v = load_row(tile, 0, j), load_row(tile, 1, j), load_row(tile, 2, j)
        value0, value1, value2 = fma(a, t, value0), fma(a, u, value1), fma(a, v, value2)
        apart0, apart1, apart2 = fma(a, t - x, apart0), fma(a, u - y, apart1), fma(a, v - z, apart2)
        t, u, v = load_row(tile, 0, k), load_row(tile, 1, k), load_row(tile, 2, k)
        value0, value1, value2 = fma(b, t, value0), fma(b, u, value1), fma(b, v, value2)
        apart0, apart1, apart2 = fma(b, t - x, apart0), fma(b, u - y, apart1), fma(b, v - z, apart2)
        t, u, v = load_row(tile, 0, m), load_row(tile, 1, m), load_row(tile, 2, m)
        value0, value1, value2 = fma(c, t, value0), fma(c, u, value1), fma(c, v, value2)
        apart0, apart1, apart2 = fma(c, t - x, apart0), fma(c, u - y, apart1), fma(c, v - z, apart2)
        t, u, v = load_row(tile, 0, n), load_row(tile, 1, n), load_row(tile, 2, n)
        value0, value1, value2 = fma(d, t, value0), fma(d, u, value1), fma(d, v, value2)
        apart0, apart1, apart2 = fma(d, t - x, apart0), fma(d, u - y, apart1), fma(d, v - z, apart2)
    if equal:
        mass, value0, value1, value2 = mass * weight, value0 * weight, value1 * weight, value2 * weight
        apart0, apart1, apart2 = apart0 * weight, apart1 * weight, apart2 * weight
    sums[0] += total(mass)
    sums[1] += total(value0)
    sums[2] += total(value1)
    sums[3] += total(value2)
    sums[4] += total(apart0)
    sums[5] += total(apart1)
    sums[6] += total(apart2)


@exact
def _add_second(
    tile: FloatArray,
    start: int,
    stop: int,
    origin: FloatArray,
    weights: FloatArray,
    shifted: FloatArray,
    weighted: FloatArray,
    rows: IntArray,
    sums: FloatArray,
) -> None:
    """Add w (y - y_r) and its products with y - y_r to sums (d + 1, d + 1), row k for coordinate k, the mass below.

    Rows of `weighted` beyond d are zero: they fill up the last group of rows.
    """
    d = origin.size
    for k in range(d):
        rows[k] = k
        c = splat(origin[k])
        for j in range(start, stop, LANES):
            apart = load_row(tile, k, j) - c
            store(shifted[k], j - start, apart)
            store(weighted[k], j - start, load(weights, j - start) * apart)
    for row in range(d, len(rows)):
        rows[row] = d
        for j in range(stop - start):
            weighted[row, j] = 0.0
    add_weighted(shifted, stop - start, weighted, rows, d, sums)


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
def add_run(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    square: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    point: FloatArray,
    floor: float,
    equal: int,
    what: int,
    weights: FloatArray,
    shifted: FloatArray,
    weighted: FloatArray,
    rows: IntArray,
    sums: FloatArray,
) -> None:
    """Add `what` of the points in lanes start .. stop - 1 of a tile to sums; four arrays are scratch.

    The first `equal` lanes of the tile have equal weights (0 if that is not known).
    """
    if what == FIRST and reference[3] == 0.0 and 2 <= center.size <= 3:
        middle = min(stop, max(start, equal))
        for part in range(2):
            first, last = (start, middle) if part == 0 else (middle, stop)
            if last > first and center.size == 2:
                _add_plane(tile, mantissa, exponent, first, last, center, rate, reference, part == 0, sums[0])
            elif last > first:
                _add_space(tile, mantissa, exponent, first, last, center, rate, reference, part == 0, sums[0])
        return
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, floor, weights)
    mass = mass_of(weights, stop - start)
    if what == SECOND:
        sums[center.size, 0] += mass
        _add_second(tile, start, stop, point, weights, shifted, weighted, rows, sums)
        return
    sums[0, 0] += mass
    if what == TRACE:
        _add_trace(tile, start, stop, point, weights, sums[0])
        return
    add_first(tile, start, stop, center, weights, sums[0])
    if reference[6] > 0.0:
        _add_squares(square, start, stop, weights, sums[0])
