"""Weights of a run of points relative to the best one, exact where float64 exponents would not do.

Points come in tiles, `tiles[i, k, j]` = coordinate k of point j of tile i, so that the lanes of a vector run over
points in every dimension; a run is the lanes start .. stop - 1 of a tile, both multiples of a vector.  Weights are
`mantissa * 2**exponent`, exactly; padding has mantissa 0 and an exponent that never wins.

For one query the *reference* r is the point of largest weight `w_i exp(-|y_i - z|^2 / 2s)`, and every other point is
measured against it, in base 2:

    log2 (weight_i / weight_r) = (exponent_i - exponent_r) - (|y_i - z|^2 - |y_r - z|^2) * rate,   rate = log2(e) / 2s.

Rounding |y_i - z|^2 costs about eps sqrt(d) |y_i - z|^2 * rate bits.  While that is below `PLAIN_LIMIT` eps for the
reference it is some ten eps for every point that counts, and plain float64 is used; beyond, the squared distances are
accumulated in double-double arithmetic.
"""

from __future__ import annotations

import math
from typing import Any

from .compilation import FloatArray, exact
from .error_free import product_error, sum_error
from .vector_exponential import exp2
from .vectors import LANES, fma, larger, largest, load, splat, store

__all__ = ["best_level", "doubtful_bits", "exact_levels", "levels", "measure", "needs_exact", "weigh"]

PLAIN_LIMIT = 12.0


@exact
def _square(tile: FloatArray, j: int, center: FloatArray) -> Any:
    """|y - z|^2 for LANES points from lane j on."""
    apart = load(tile[0], j) - splat(center[0])
    square = apart * apart
    for k in range(1, center.size):
        apart = load(tile[k], j) - splat(center[k])
        square = fma(apart, apart, square)
    return square


@exact
def _exact_square(tile: FloatArray, j: int, center: FloatArray) -> tuple[Any, Any]:
    """|y - z|^2 as the sum of two vectors, with a relative error of about 2**-100."""
    high, low = splat(0.0), splat(0.0)
    for k in range(center.size):
        y, c = load(tile[k], j), splat(-center[k])
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
    best, slope = splat(-math.inf), splat(-rate)
    for j in range(start, stop, LANES):
        best = larger(fma(_square(tile, j, center), slope, load(exponent, j)), best)
    return float(largest(best))


@exact
def levels(
    tile: FloatArray, exponent: FloatArray, start: int, stop: int, center: FloatArray, rate: float, out: FloatArray
) -> None:
    """Fill out[: stop - start] with the plain log2 weights of a run, the same ones as in `best_level`."""
    slope = splat(-rate)
    for j in range(start, stop, LANES):
        store(out, j - start, fma(_square(tile, j, center), slope, load(exponent, j)))


@exact
def measure(tile: FloatArray, lane: int, center: FloatArray, exactly: bool, scratch: FloatArray) -> tuple[float, float]:
    """Return |y - z|^2 of one point as (high, low), with the bits that its run gives it."""
    j = lane - lane % LANES
    if exactly:
        high, low = _exact_square(tile, j, center)
        store(scratch, 0, high)
        store(scratch, LANES, low)
        return scratch[lane - j], scratch[LANES + lane - j]
    store(scratch, 0, _square(tile, j, center))
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
def weigh(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    weights: FloatArray,
) -> None:
    """weights[: stop - start] = weights of a run relative to the reference's 2**exponent (the mantissas stay in)."""
    if reference[3] > 0.0:
        exact_levels(tile, exponent, start, stop, center, rate, reference, weights)
        for j in range(start, stop, LANES):
            store(weights, j - start, exp2(load(weights, j - start)) * load(mantissa, j))
        return
    slope, level, nearest = splat(-rate), splat(reference[2]), splat(reference[0])
    for j in range(start, stop, LANES):
        x = fma(_square(tile, j, center) - nearest, slope, load(exponent, j) - level)
        store(weights, j - start, exp2(x) * load(mantissa, j))


@exact
def needs_exact(dimension: int, squared: float, rate: float) -> bool:
    """Whether float64 exponents would not do for a reference at this squared distance."""
    return squared * rate * math.sqrt(dimension) > PLAIN_LIMIT


@exact
def doubtful_bits(dimension: int, squared: float, rate: float) -> float:
    """Bound on the bits by which plain float64 can misjudge an exponent whose squared distance is `squared`."""
    return (dimension + 4.0) * 2.3e-16 * squared * rate
