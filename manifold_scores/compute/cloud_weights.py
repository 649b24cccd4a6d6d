"""Weights of a run of points relative to the best one, exact where float64 exponents would not do.

Points come in tiles, `tiles[i, k, j]` = coordinate k of point j of tile i, so that the lanes of a vector run over
points in every dimension; a run is the lanes start .. stop - 1 of a tile, both multiples of four vectors.  Weights are
`mantissa * 2**exponent`, exactly; padding has mantissa 0 and an exponent that never wins.

For one query the *reference* r is the point of largest weight `w_i exp(-|y_i - z|^2 / 2s)`, and every other point is
measured against it, in base 2:

    log2 (weight_i / weight_r) = (exponent_i - exponent_r) - (|y_i - z|^2 - |y_r - z|^2) * rate,   rate = log2(e) / 2s.

In float64 |y_i - z|^2 has a random relative error of about (1/sqrt(d) + sqrt(d)/6) eps: that of the differences, and
that of adding up.  While it changes the reference's exponent by at most `PLAIN_LIMIT` eps bits, and so every weight
that counts by twenty eps, plain float64 is used; beyond, squared distances are accumulated in double-double arithmetic.
"""

from __future__ import annotations

import math
from typing import Any

from .compilation import FloatArray, exact
from .error_free import product_error, sum_error
from .vector_exponential import exp2_of_four
from .vectors import GROUP, LANES, fma, larger, largest, load, load_row, splat, store

__all__ = [
    "best_level",
    "difference_constant",
    "doubtful_bits",
    "exact_levels",
    "largest_index",
    "levels",
    "measure",
    "needs_exact",
    "plain_shift",
    "squares",
    "store_four",
    "weigh",
    "weights_of_four",
]

PLAIN_LIMIT = 32.0
#: The log2 weight of what is left out.
BELOW_ALL = -1e290


@exact
def squares(tile: FloatArray, j: int, center: FloatArray) -> tuple[Any, Any, Any, Any]:
    """|y - z|^2 for four vectors of points from lane j on."""
    c = splat(center[0])
    t, u = load_row(tile, 0, j) - c, load_row(tile, 0, j + LANES) - c
    v, w = load_row(tile, 0, j + 2 * LANES) - c, load_row(tile, 0, j + 3 * LANES) - c
    a, b, e, f = t * t, u * u, v * v, w * w
    if center.size == 3:  # no loop
        c = splat(center[1])
        t, u = load_row(tile, 1, j) - c, load_row(tile, 1, j + LANES) - c
        v, w = load_row(tile, 1, j + 2 * LANES) - c, load_row(tile, 1, j + 3 * LANES) - c
        a, b, e, f = fma(t, t, a), fma(u, u, b), fma(v, v, e), fma(w, w, f)
        c = splat(center[2])
        t, u = load_row(tile, 2, j) - c, load_row(tile, 2, j + LANES) - c
        v, w = load_row(tile, 2, j + 2 * LANES) - c, load_row(tile, 2, j + 3 * LANES) - c
        return fma(t, t, a), fma(u, u, b), fma(v, v, e), fma(w, w, f)
    for k in range(1, center.size):
        c = splat(center[k])
        t, u = load_row(tile, k, j) - c, load_row(tile, k, j + LANES) - c
        v, w = load_row(tile, k, j + 2 * LANES) - c, load_row(tile, k, j + 3 * LANES) - c
        a, b, e, f = fma(t, t, a), fma(u, u, b), fma(v, v, e), fma(w, w, f)
    return a, b, e, f


@exact
def _plain_levels(
    tile: FloatArray, exponent: FloatArray, j: int, center: FloatArray, slope: Any, shift: Any
) -> tuple[Any, Any, Any, Any]:
    """log2 weights of four vectors of points from lane j on, plus shift."""
    a, b, c, d = squares(tile, j, center)
    return (
        fma(a, slope, load(exponent, j) + shift),
        fma(b, slope, load(exponent, j + LANES) + shift),
        fma(c, slope, load(exponent, j + 2 * LANES) + shift),
        fma(d, slope, load(exponent, j + 3 * LANES) + shift),
    )


@exact
def store_four(out: FloatArray, j: int, a: Any, b: Any, c: Any, d: Any) -> None:
    """Set four vectors from lane j on."""
    store(out, j, a)
    store(out, j + LANES, b)
    store(out, j + 2 * LANES, c)
    store(out, j + 3 * LANES, d)


@exact
def weights_of_four(mantissa: FloatArray, j: int, a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    """Mantissas times 2**x for the exponents of four vectors of points from lane j on."""
    a, b, c, d = exp2_of_four(a, b, c, d)
    return (
        a * load(mantissa, j),
        b * load(mantissa, j + LANES),
        c * load(mantissa, j + 2 * LANES),
        d * load(mantissa, j + 3 * LANES),
    )


@exact
def _exact_square(tile: FloatArray, j: int, center: FloatArray) -> tuple[Any, Any]:
    """|y - z|^2 as the sum of two vectors, with a relative error of about 2**-100."""
    high, low = splat(0.0), splat(0.0)
    for k in range(center.size):
        y, c = load_row(tile, k, j), splat(-center[k])
        apart = y + c
        lost = sum_error(y, c, apart)
        square = apart * apart
        square_lost = fma(apart + apart, lost, product_error(apart, apart, square))
        total = high + square
        low = low + (sum_error(high, square, total) + square_lost)
        high = total
    return high, low


@exact
def best_level(tile: FloatArray, exponent: FloatArray, start: int, stop: int, center: FloatArray, rate: float) -> float:
    """Return the largest plain log2 weight of a run."""
    best, slope, nothing = splat(-math.inf), splat(-rate), splat(0.0)
    for j in range(start, stop, GROUP):
        a, b, c, d = _plain_levels(tile, exponent, j, center, slope, nothing)
        best = larger(larger(larger(a, b), larger(c, d)), best)
    return float(largest(best))


@exact
def levels(
    tile: FloatArray, exponent: FloatArray, start: int, stop: int, center: FloatArray, rate: float, out: FloatArray
) -> None:
    """Fill out[: stop - start] with the plain log2 weights of a run, the same ones as in `best_level`."""
    slope, nothing = splat(-rate), splat(0.0)
    for j in range(start, stop, GROUP):
        a, b, c, d = _plain_levels(tile, exponent, j, center, slope, nothing)
        store_four(out, j - start, a, b, c, d)


@exact
def measure(tile: FloatArray, lane: int, center: FloatArray, exactly: bool, scratch: FloatArray) -> tuple[float, float]:
    """Return |y - z|^2 of one point as (high, low), with the bits that its run gives it."""
    if exactly:
        j = lane - lane % LANES
        high, low = _exact_square(tile, j, center)
        store(scratch, 0, high)
        store(scratch, LANES, low)
        return scratch[lane - j], scratch[LANES + lane - j]
    j = lane - lane % GROUP
    a, b, c, d = squares(tile, j, center)
    store_four(scratch, 0, a, b, c, d)
    return scratch[lane - j], 0.0


@exact
def exact_levels(
    tile: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out[: stop - start] with log2 weights relative to the reference, from double-double distances."""
    slope, level = splat(-rate), splat(reference[2])
    reference_high, reference_low = splat(reference[0]), splat(reference[1])
    for j in range(start, stop, LANES):
        high, low = _exact_square(tile, j, center)
        apart = (high - reference_high) + (low - reference_low)
        store(out, j - start, fma(apart, slope, load(exponent, j) - level))


@exact
def plain_shift(reference: FloatArray, rate: float) -> float:
    """Return what makes plain log2 weights relative to the reference: its rounding is common to all points."""
    return float(reference[0] * rate - reference[2])


@exact
def _exact_levels_above(
    tile: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    floor: float,
    out: FloatArray,
) -> None:
    """Fill out as `exact_levels` does, but for vectors of points that are all below the floor in plain arithmetic."""
    slope, nothing = splat(-rate), splat(0.0)
    for i in range(start, stop, GROUP):
        a, b, c, d = _plain_levels(tile, exponent, i, center, slope, nothing)
        store_four(out, i - start, a, b, c, d)
        for j in range(i, i + GROUP, LANES):
            if largest(load(out, j - start)) >= floor:
                exact_levels(tile, exponent, j, j + LANES, center, rate, reference, out[j - start :])
            else:
                store(out, j - start, splat(BELOW_ALL))


@exact
def weigh(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    floor: float,
    weights: FloatArray,
) -> None:
    """weights[: stop - start] = weights of a run relative to the reference's 2**exponent (the mantissas stay in)."""
    if reference[3] > 0.0 and reference[6] < 2.0:
        _exact_levels_above(tile, exponent, start, stop, center, rate, reference, floor, weights)
        for i in range(0, stop - start, GROUP):
            a, b = load(weights, i), load(weights, i + LANES)
            c, d = load(weights, i + 2 * LANES), load(weights, i + 3 * LANES)
            a, b, c, d = weights_of_four(mantissa, start + i, a, b, c, d)
            store_four(weights, i, a, b, c, d)
        return
    slope, shift = splat(-rate), splat(plain_shift(reference, rate))
    for j in range(start, stop, GROUP):
        a, b, c, d = _plain_levels(tile, exponent, j, center, slope, shift)
        a, b, c, d = weights_of_four(mantissa, j, a, b, c, d)
        store_four(weights, j - start, a, b, c, d)


@exact
def largest_index(values: FloatArray, count: int) -> int:
    """Return the first place of the largest of values[:count]; np.argmax would be compiled for seconds."""
    index = 0
    for j in range(1, count):
        if values[j] > values[index]:
            index = j
    return index


@exact
def difference_constant(dimension: int) -> float:
    """Return how many eps of itself a sum of squared differences is off."""
    root = math.sqrt(dimension)
    return 1.0 / root + root / 6.0


@exact
def needs_exact(dimension: int, squared: float, rate: float) -> bool:
    """Whether float64 exponents would not do for a reference at this squared distance."""
    return bool(squared * rate * difference_constant(dimension) > PLAIN_LIMIT)


@exact
def doubtful_bits(dimension: int, squared: float, rate: float) -> float:
    """Bound on the bits by which plain float64 can misjudge an exponent whose squared distance is `squared`."""
    return (dimension + 4.0) * 2.3e-16 * squared * rate
