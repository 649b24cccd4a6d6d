"""Tilted moments of weighted points: log mass, mean, displacement and second moments, one pass per query block.

Points come in tiles, `tiles[i, k, j]` = coordinate k of point j of tile i, so that the lanes of a vector run over
points in every dimension.  Weights are `mantissa * 2**exponent`, exactly; padding has mantissa 0.

For one query the *reference* r is the point of largest weight `w_i exp(-|y_i - z|^2 / 2s)`, and every other point is
measured against it, in base 2:

    log2 (weight_i / weight_r) = (exponent_i - exponent_r) - (|y_i - z|^2 - |y_r - z|^2) * rate,   rate = log2(e) / 2s.

Rounding |y_i - z|^2 costs about eps sqrt(d) |y_i - z|^2 * rate bits.  While that is below `PLAIN_LIMIT` eps for the
reference it is some ten eps for every point that counts, and plain float64 is used; beyond, the squared distances are
accumulated in double-double arithmetic.  Tiles whose best point is below 2**-200 of the reference are
skipped: what they would add is below N * 2**-200 of the sums.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .compilation import FloatArray, IntArray, contracted, exact, extremum, parallel, reduction
from .cpu_exponential import exp2_tile
from .error_free import product_error, sum_error

PLAIN_LIMIT = 12.0
NEGLIGIBLE = -200.0
LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
LARGEST_BLOCK = 16  # queries that share a tile while it is in the cache


@contracted
def _squared_distances(tile: FloatArray, center: FloatArray, squared: FloatArray) -> None:
    squared[:] = 0.0
    for k in range(center.size):
        row = tile[k]
        c = center[k]
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


@extremum
def _largest(squared: FloatArray, exponent: FloatArray, rate: float) -> float:
    best = -np.inf
    for j in range(squared.size):
        value = exponent[j] - squared[j] * rate
        best = value if value > best else best
    return best


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
def _find_reference(
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
def _floor(dimension: int, tops: FloatArray, reference: FloatArray, rate: float) -> float:
    """Below this plain log2 weight a tile is certainly negligible."""
    return np.max(tops) + NEGLIGIBLE - 4.0 * _doubtful_bits(dimension, reference[0], rate)


@exact
def _weigh_tile(
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
    else:
        _squared_distances(tile, center, high)
        low[:] = 0.0
    _relative_exponents(high, low, exponent, rate, reference[0], reference[1], reference[2], relative)
    exp2_tile(relative, high, bits, weights)
    for j in range(weights.size):
        weights[j] *= mantissa[j]


@reduction
def _add_first_moments(
    tile: FloatArray, center: FloatArray, weights: FloatArray, mean: FloatArray, displacement: FloatArray
) -> float:
    total = 0.0
    for j in range(weights.size):
        total += weights[j]
    for k in range(center.size):
        row = tile[k]
        c = center[k]
        sum_y, sum_difference = 0.0, 0.0
        for j in range(weights.size):
            sum_y += weights[j] * row[j]
            sum_difference += weights[j] * (row[j] - c)
        mean[k] += sum_y
        displacement[k] += sum_difference
    return total


@reduction
def _add_second_moments(
    tile: FloatArray,
    origin: FloatArray,
    weights: FloatArray,
    first: FloatArray,
    second: FloatArray,
    shifted: FloatArray,
) -> float:
    """Add moments of y - origin: `second` is (d, d), upper triangle, or (1, 1) for the trace alone."""
    total = 0.0
    for j in range(weights.size):
        total += weights[j]
    for k in range(origin.size):
        for j in range(weights.size):
            shifted[k, j] = tile[k, j] - origin[k]
    for k in range(origin.size):
        row = shifted[k]
        accumulated = 0.0
        for j in range(weights.size):
            accumulated += weights[j] * row[j]
        first[k] += accumulated
        last = origin.size if second.shape[0] > 1 else k + 1
        for other in range(k, last):
            other_row = shifted[other]
            accumulated = 0.0
            for j in range(weights.size):
                accumulated += weights[j] * row[j] * other_row[j]
            if second.shape[0] > 1:
                second[k, other] += accumulated
            else:
                second[0, 0] += accumulated
    return total


@exact
def _centre_second_moments(first: FloatArray, total: float, second: FloatArray) -> None:
    """Turn sums about the reference into the covariance (both triangles), or its trace for a (1, 1) `second`."""
    if second.shape[0] < first.size:
        second[0, 0] /= total
        for k in range(first.size):
            second[0, 0] -= (first[k] / total) ** 2
        return
    for k in range(first.size):
        for other in range(k, first.size):
            value = second[k, other] / total - (first[k] / total) * (first[other] / total)
            second[k, other] = value
            second[other, k] = value


@exact
def _survey(
    tiles: FloatArray,
    exponents: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    squared: FloatArray,
    tops: FloatArray,
) -> None:
    """Fill tops[m, i], the largest plain log2 weight in tile i for query m."""
    for i in range(tiles.shape[0]):
        for m in range(centers.shape[0]):
            _squared_distances(tiles[i], centers[m], squared)
            tops[m, i] = _largest(squared, exponents[i], rates[m])


@exact
def _block_size(queries: int, blocks: int) -> int:
    return min(LARGEST_BLOCK, max(1, (queries + blocks - 1) // blocks))


@parallel
def first_moments(
    tiles: FloatArray,
    mantissas: FloatArray,
    exponents: FloatArray,
    centers: FloatArray,
    variances: FloatArray,
    blocks: int,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
) -> None:
    """Fill log sum_i w_i exp(-|y_i-z|^2/2s), E[y] and E[y - z] for every query (z, s).

    Shapes: tiles (tiles, d, lanes); mantissas, exponents (tiles, lanes); centers, mean, displacement (M, d);
    variances, log_mass (M,).  `blocks` is how many blocks of queries to aim for; it does not change the result.
    """
    size = _block_size(centers.shape[0], blocks)
    dimension = centers.shape[1]
    for block in prange((centers.shape[0] + size - 1) // size):
        start = block * size
        count = min(size, centers.shape[0] - start)
        scratch = np.empty((4, tiles.shape[2]))
        bits = scratch[0].view(np.int64)
        weights = scratch[3]
        point = np.empty(dimension)
        references = np.empty((count, 4))
        floors = np.empty(count)
        totals = np.zeros(count)
        tops = np.empty((count, tiles.shape[0]))
        rates = LOG2_E / (2.0 * variances[start : start + count])
        _survey(tiles, exponents, centers[start : start + count], rates, scratch[0], tops)
        for m in range(count):
            _find_reference(tiles, exponents, centers[start + m], rates[m], tops[m], scratch, references[m], point)
            floors[m] = _floor(dimension, tops[m], references[m], rates[m])
            mean[start + m] = 0.0
            displacement[start + m] = 0.0
        for i in range(tiles.shape[0]):
            for m in range(count):
                if tops[m, i] < floors[m]:
                    continue
                center = centers[start + m]
                _weigh_tile(
                    tiles[i], mantissas[i], exponents[i], center, rates[m], references[m], scratch, bits, weights
                )
                totals[m] += _add_first_moments(tiles[i], center, weights, mean[start + m], displacement[start + m])
        for m in range(count):
            query = start + m
            log_mass[query] = (math.log(totals[m]) + references[m, 2] * LN_2) - references[m, 0] / (
                2.0 * variances[query]
            )
            for k in range(dimension):
                mean[query, k] /= totals[m]
                displacement[query, k] /= totals[m]


@parallel
def second_moments(
    tiles: FloatArray,
    mantissas: FloatArray,
    exponents: FloatArray,
    centers: FloatArray,
    variances: FloatArray,
    blocks: int,
    covariance: FloatArray,
) -> None:
    """Fill the covariance (M, d, d), or with covariance of shape (M, 1, 1) its trace, for every query (z, s).

    Moments are taken about the reference point, which holds at least 1/N of the mass, so the subtraction of the
    squared mean loses at most a factor N, and nothing where the reference dominates and the covariance is tiny.
    """
    size = _block_size(centers.shape[0], blocks)
    dimension = centers.shape[1]
    for block in prange((centers.shape[0] + size - 1) // size):
        start = block * size
        count = min(size, centers.shape[0] - start)
        scratch = np.empty((4, tiles.shape[2]))
        bits = scratch[0].view(np.int64)
        weights = scratch[3]
        shifted = np.empty((dimension, tiles.shape[2]))
        point = np.empty(dimension)
        first = np.empty(dimension)
        reference = np.empty(4)
        tops = np.empty((count, tiles.shape[0]))
        rates = LOG2_E / (2.0 * variances[start : start + count])
        _survey(tiles, exponents, centers[start : start + count], rates, scratch[0], tops)
        for m in range(count):
            center = centers[start + m]
            _find_reference(tiles, exponents, center, rates[m], tops[m], scratch, reference, point)
            floor = _floor(dimension, tops[m], reference, rates[m])
            second = covariance[start + m]
            second[:] = 0.0
            first[:] = 0.0
            total = 0.0
            for i in range(tiles.shape[0]):
                if tops[m, i] < floor:
                    continue
                _weigh_tile(tiles[i], mantissas[i], exponents[i], center, rates[m], reference, scratch, bits, weights)
                total += _add_second_moments(tiles[i], point, weights, first, second, shifted)
            _centre_second_moments(first, total, second)
