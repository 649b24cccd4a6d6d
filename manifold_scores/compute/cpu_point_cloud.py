"""Tilted moments of weighted points: log mass, mean, displacement and second moments.

The loops of `first_moments` and `second_moments`; how a point is weighed is in `cpu_relative_weights`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .compilation import FloatArray, exact, parallel, reduction
from .cpu_relative_weights import find_reference, floor, survey, weigh_tile

LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
# Tiles whose best point is below these shares of the reference are skipped.  Means change by less than N 2**-200 of the
# size of the cloud; a covariance may be as small as the second largest share, so only what float64 cannot hold goes.
NEGLIGIBLE_FOR_MEANS = -200.0
NEGLIGIBLE_FOR_COVARIANCES = -900.0
LARGEST_BLOCK = 16  # queries that share a tile while it is in the cache


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
    anchor: FloatArray,
    log_rest: FloatArray,
) -> None:
    """Fill log sum_i w_i exp(-|y_i-z|^2/2s), E[y], E[y - z] and the anchored log mass for every query (z, s).

    Shapes: tiles (tiles, d, lanes); mantissas, exponents (tiles, lanes); centers, mean, displacement, anchor (M, d);
    variances, log_mass, log_rest (M,).  The anchor is the reference point.
    `blocks` is how many blocks of queries to aim for; it does not change the result.
    """
    size = _block_size(centers.shape[0], blocks)
    dimension = centers.shape[1]
    for block in prange((centers.shape[0] + size - 1) // size):
        start = block * size
        count = min(size, centers.shape[0] - start)
        scratch = np.empty((4, tiles.shape[2]))
        bits = scratch[0].view(np.int64)
        weights = scratch[3]
        references = np.empty((count, 4))
        floors = np.empty(count)
        totals = np.zeros(count)
        tops = np.empty((count, tiles.shape[0]))
        rates = LOG2_E / (2.0 * variances[start : start + count])
        survey(tiles, exponents, centers[start : start + count], rates, scratch, tops)
        for m in range(count):
            find_reference(
                tiles, exponents, centers[start + m], rates[m], tops[m], scratch, references[m], anchor[start + m]
            )
            floors[m] = floor(NEGLIGIBLE_FOR_MEANS, dimension, tops[m], references[m], rates[m])
            mean[start + m] = 0.0
            displacement[start + m] = 0.0
        for i in range(tiles.shape[0]):
            for m in range(count):
                if tops[m, i] < floors[m]:
                    continue
                center = centers[start + m]
                weigh_tile(
                    tiles[i], mantissas[i], exponents[i], center, rates[m], references[m], scratch, bits, weights
                )
                totals[m] += _add_first_moments(tiles[i], center, weights, mean[start + m], displacement[start + m])
        for m in range(count):
            query = start + m
            log_rest[query] = math.log(totals[m]) + references[m, 2] * LN_2
            log_mass[query] = log_rest[query] - references[m, 0] / (2.0 * variances[query])
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
        survey(tiles, exponents, centers[start : start + count], rates, scratch, tops)
        for m in range(count):
            center = centers[start + m]
            find_reference(tiles, exponents, center, rates[m], tops[m], scratch, reference, point)
            lowest = floor(NEGLIGIBLE_FOR_COVARIANCES, dimension, tops[m], reference, rates[m])
            second = covariance[start + m]
            second[:] = 0.0
            first[:] = 0.0
            total = 0.0
            for i in range(tiles.shape[0]):
                if tops[m, i] < lowest:
                    continue
                weigh_tile(tiles[i], mantissas[i], exponents[i], center, rates[m], reference, scratch, bits, weights)
                total += _add_second_moments(tiles[i], point, weights, first, second, shifted)
            _centre_second_moments(first, total, second)
