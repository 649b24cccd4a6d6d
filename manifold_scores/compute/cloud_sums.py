"""Sums over one run of points at one query: masses, first and second moments."""

from __future__ import annotations

from .cloud_products import add_weighted
from .cloud_weights import plain_shift, squares, weigh, weights_of_four
from .compilation import FloatArray, IntArray, exact
from .vectors import GROUP, LANES, fma, load, load_row, splat, store, total

__all__ = ["FIRST", "SECOND", "TRACE", "add_run"]

#: What is summed: (mass, y, y - z, |y|^2), the last for queries of inner products; rows (y - y_r, products of y - y_r)
#: with the mass below; (mass, y - y_r, |y - y_r|^2).
FIRST, SECOND, TRACE = 0, 1, 2


@exact
def _mass(weights: FloatArray, size: int) -> float:
    a, b = splat(0.0), splat(0.0)
    for j in range(0, size, GROUP):
        a, b = a + load(weights, j), b + load(weights, j + LANES)
        a, b = a + load(weights, j + 2 * LANES), b + load(weights, j + 3 * LANES)
    return float(total(a + b))


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
    sums: FloatArray,
) -> None:
    """Weights and first moments in R^2 at once: nothing leaves the registers."""
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y = splat(center[0]), splat(center[1])
    mass, value0, value1, apart0, apart1 = splat(0.0), splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        t, u = load_row(tile, 0, j) - x, load_row(tile, 1, j) - y
        a = fma(fma(u, u, t * t), slope, load(exponent, j) + shift)
        t, u = load_row(tile, 0, k) - x, load_row(tile, 1, k) - y
        b = fma(fma(u, u, t * t), slope, load(exponent, k) + shift)
        t, u = load_row(tile, 0, m) - x, load_row(tile, 1, m) - y
        c = fma(fma(u, u, t * t), slope, load(exponent, m) + shift)
        t, u = load_row(tile, 0, n) - x, load_row(tile, 1, n) - y
        d = fma(fma(u, u, t * t), slope, load(exponent, n) + shift)
        a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
        mass = mass + ((a + b) + (c + d))
        # Differences anew: kept, they would not fit into the registers.
        t, u = load_row(tile, 0, j), load_row(tile, 1, j)
        value0, value1, apart0, apart1 = (
            fma(a, t, value0),
            fma(a, u, value1),
            fma(a, t - x, apart0),
            fma(a, u - y, apart1),
        )
        t, u = load_row(tile, 0, k), load_row(tile, 1, k)
        value0, value1, apart0, apart1 = (
            fma(b, t, value0),
            fma(b, u, value1),
            fma(b, t - x, apart0),
            fma(b, u - y, apart1),
        )
        t, u = load_row(tile, 0, m), load_row(tile, 1, m)
        value0, value1, apart0, apart1 = (
            fma(c, t, value0),
            fma(c, u, value1),
            fma(c, t - x, apart0),
            fma(c, u - y, apart1),
        )
        t, u = load_row(tile, 0, n), load_row(tile, 1, n)
        value0, value1, apart0, apart1 = (
            fma(d, t, value0),
            fma(d, u, value1),
            fma(d, t - x, apart0),
            fma(d, u - y, apart1),
        )
    sums[0] += total(mass)
    sums[1] += total(value0)
    sums[2] += total(value1)
    sums[3] += total(apart0)
    sums[4] += total(apart1)


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
    sums: FloatArray,
) -> None:
    """Do the same in R^3."""
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    x, y, z = splat(center[0]), splat(center[1]), splat(center[2])
    nothing = splat(0.0)
    mass, value0, value1, value2, apart0, apart1, apart2 = nothing, nothing, nothing, nothing, nothing, nothing, nothing
    for j in range(start, stop, GROUP):
        k, m, n = j + LANES, j + 2 * LANES, j + 3 * LANES
        a, b, c, d = squares(tile, j, center)
        a, b = fma(a, slope, load(exponent, j) + shift), fma(b, slope, load(exponent, k) + shift)
        c, d = fma(c, slope, load(exponent, m) + shift), fma(d, slope, load(exponent, n) + shift)
        a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
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
    what: int,
    weights: FloatArray,
    shifted: FloatArray,
    weighted: FloatArray,
    rows: IntArray,
    sums: FloatArray,
) -> None:
    """Add `what` of the points in lanes start .. stop - 1 of a tile to sums; four arrays are scratch."""
    if what == FIRST and center.size == 2 and reference[3] == 0.0:
        _add_plane(tile, mantissa, exponent, start, stop, center, rate, reference, sums[0])
        return
    if what == FIRST and center.size == 3 and reference[3] == 0.0:
        _add_space(tile, mantissa, exponent, start, stop, center, rate, reference, sums[0])
        return
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, weights)
    mass = _mass(weights, stop - start)
    if what == SECOND:
        sums[center.size, 0] += mass
        _add_second(tile, start, stop, point, weights, shifted, weighted, rows, sums)
        return
    sums[0, 0] += mass
    if what == TRACE:
        _add_trace(tile, start, stop, point, weights, sums[0])
        return
    _add_first(tile, start, stop, center, weights, sums[0])
    if reference[6] > 0.0:
        _add_squares(square, start, stop, weights, sums[0])
