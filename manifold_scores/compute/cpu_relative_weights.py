"""Weights of points relative to the best one, exact where float64 exponents would not do.

Points come in tiles, `tiles[i, k, j]` = coordinate k of point j of tile i, so that the lanes of a vector run over
points in every dimension.  Weights are `mantissa * 2**exponent`, exactly; padding has mantissa 0.

For one query the *reference* r is the point of largest weight `w_i exp(-|y_i - z|^2 / 2s)`, and every other point is
measured against it, in base 2:

    log2 (weight_i / weight_r) = (exponent_i - exponent_r) - (|y_i - z|^2 - |y_r - z|^2) * rate,   rate = log2(e) / 2s.

Rounding |y_i - z|^2 costs about eps sqrt(d) |y_i - z|^2 * rate bits.  While that is below `PLAIN_LIMIT` eps for the
reference it is some ten eps for every point that counts, and plain float64 is used; beyond, the squared distances are
accumulated in double-double arithmetic.
"""

from __future__ import annotations

import math

import numpy as np

from .compilation import FloatArray, IntArray, contracted, exact
from .cpu_exponential import exp2_tile
from .error_free import product_error, sum_error

PLAIN_LIMIT = 12.0


@contracted
def _squared_distances(tile: FloatArray, center: FloatArray, squared: FloatArray) -> None:
    row, c = tile[0], center[0]
    for j in range(squared.size):
        difference = row[j] - c
        squared[j] = difference * difference
    for k in range(1, center.size):
        row, c = tile[k], center[k]
        for j in range(squared.size):
            difference = row[j] - c
            squared[j] += difference * difference


@exact
def _exact_squared_distances(tile: FloatArray, center: FloatArray, high: FloatArray, low: FloatArray) -> None:
    """|y_j - z|^2 = high[j] + low[j] with a relative error of about 2**-100."""
    high[:] = 0.0
    low[:] = 0.0
    for k in range(center.size):
        row = tile[k]
        c = -center[k]
        for j in range(high.size):
            difference = row[j] + c
            lost = sum_error(row[j], c, difference)
            square = difference * difference
            square_lost = product_error(difference, difference, square) + 2.0 * difference * lost
            total = high[j] + square
            low[j] += sum_error(high[j], square, total) + square_lost
            high[j] = total


@exact
def _largest(squared: FloatArray, exponent: FloatArray, rate: float, folded: FloatArray) -> float:
    """Return the largest plain log2 weight, by halving: an elementwise maximum vectorises, a running one does not."""
    for j in range(squared.size):
        folded[j] = exponent[j] - squared[j] * rate
    size = squared.size
    while size > 1:
        half = (size + 1) // 2
        for j in range(size - half):
            folded[j] = folded[half + j] if folded[half + j] > folded[j] else folded[j]
        size = half
    return float(folded[0])


@exact
def _index_of_largest(squared: FloatArray, exponent: FloatArray, rate: float) -> int:
    best, index = -np.inf, 0
    for j in range(squared.size):
        value = exponent[j] - squared[j] * rate
        if value > best:
            best, index = value, j
    return index


@exact
def _relative_exponents(
    high: FloatArray,
    low: FloatArray,
    exponent: FloatArray,
    rate: float,
    reference_high: float,
    reference_low: float,
    reference_exponent: float,
    out: FloatArray,
) -> None:
    for j in range(out.size):
        distance = (high[j] - reference_high) + (low[j] - reference_low)
        out[j] = (exponent[j] - reference_exponent) - distance * rate


@exact
def _doubtful_bits(dimension: int, squared: float, rate: float) -> float:
    """Bound on the bits by which plain float64 can misjudge an exponent whose squared distance is `squared`."""
    return (dimension + 4.0) * 2.3e-16 * squared * rate


@exact
def find_reference(
    tiles: FloatArray,
    exponents: FloatArray,
    center: FloatArray,
    rate: float,
    tops: FloatArray,
    scratch: FloatArray,
    reference: FloatArray,
    point: FloatArray,
) -> None:
    """Locate the reference: fill (|y_r - z|^2 as high, low; exponent_r; 1 if exact exponents are needed) and y_r."""
    squared, low, relative = scratch[0], scratch[1], scratch[2]
    best_tile = int(np.argmax(tops))
    i = best_tile
    _squared_distances(tiles[i], center, squared)
    j = _index_of_largest(squared, exponents[i], rate)
    high_r, low_r = squared[j], 0.0
    needs_exact = high_r * rate * math.sqrt(center.size) > PLAIN_LIMIT
    if needs_exact:
        doubt = _doubtful_bits(center.size, high_r, rate)
        _exact_squared_distances(tiles[i], center, squared, low)
        high_r, low_r = squared[j], low[j]
        # Plain arithmetic may have picked a point that is many bits below the best one: move until none is better.
        moved = doubt > 0.25
        while moved:
            moved = False
            for other in range(tiles.shape[0]):
                if tops[other] < tops[best_tile] - 4.0 * doubt - 1.0:
                    continue
                _exact_squared_distances(tiles[other], center, squared, low)
                _relative_exponents(squared, low, exponents[other], rate, high_r, low_r, exponents[i, j], relative)
                candidate = int(np.argmax(relative))
                if relative[candidate] > 0.5:
                    i, j = other, candidate
                    high_r, low_r = squared[j], low[j]
                    moved = True
    reference[0], reference[1], reference[2] = high_r, low_r, exponents[i, j]
    reference[3] = 1.0 if needs_exact else 0.0
    point[:] = tiles[i, :, j]


@exact
def floor(bits: float, dimension: int, tops: FloatArray, reference: FloatArray, rate: float) -> float:
    """Return the plain log2 weight below which every point of a tile is certainly below 2**bits of the reference."""
    return float(np.max(tops) + bits - 4.0 * _doubtful_bits(dimension, reference[0], rate))


@exact
def weigh_tile(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    scratch: FloatArray,
    bits: IntArray,
    weights: FloatArray,
) -> None:
    """weights[j] = weight of point j relative to the reference's 2**exponent (the mantissas stay in)."""
    high, low, relative = scratch[0], scratch[1], scratch[2]
    if reference[3] > 0.0:
        _exact_squared_distances(tile, center, high, low)
        _relative_exponents(high, low, exponent, rate, reference[0], reference[1], reference[2], relative)
    else:
        _squared_distances(tile, center, high)
        for j in range(relative.size):
            relative[j] = (exponent[j] - reference[2]) - (high[j] - reference[0]) * rate
    exp2_tile(relative, high, bits, weights)
    for j in range(weights.size):
        weights[j] *= mantissa[j]


@exact
def survey(
    tiles: FloatArray,
    exponents: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    scratch: FloatArray,
    tops: FloatArray,
) -> None:
    """Fill tops[m, i], the largest plain log2 weight in tile i for query m."""
    for i in range(tiles.shape[0]):
        for m in range(centers.shape[0]):
            _squared_distances(tiles[i], centers[m], scratch[0])
            tops[m, i] = _largest(scratch[0], exponents[i], rates[m], scratch[1])
