"""First moments of clouds of few points, all of which are summed at every query: no tree, and little to compile."""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .cloud_reference import LARGEST_DOUBT, better_in_leaf, place, reference_in_leaf
from .cloud_sums import add_first, mass_of
from .cloud_tree import LEAF
from .cloud_weights import best_level, weigh
from .compilation import FloatArray, exact, parallel

__all__ = ["small_moments"]

_QUERIES = 32


@exact
def _sum_all(
    tiles: FloatArray,
    mantissas: FloatArray,
    exponents: FloatArray,
    size: int,
    center: FloatArray,
    rate: float,
    weights: FloatArray,
    reference: FloatArray,
    point: FloatArray,
    sums: FloatArray,
) -> None:
    width = tiles.shape[2]
    leaves = (size + LEAF - 1) // LEAF
    best, leaf = -math.inf, 0
    for other in range(leaves if leaves > 1 else 0):
        tile, start, stop = place(other, width, size)
        found = best_level(tiles[tile], exponents[tile], start, stop, center, rate)
        if found > best:
            best, leaf = found, other
    lane, doubt = reference_in_leaf(tiles, exponents, size, leaf, best, center, rate, weights, reference)
    if reference[3] > 0.0 and doubt > LARGEST_DOUBT:
        for other in range(leaves):
            better = better_in_leaf(tiles, exponents, size, other, center, rate, weights, reference)
            if better >= 0:
                leaf, lane = other, better
    tile, start, _ = place(leaf, width, size)
    for k in range(center.size):
        point[k] = tiles[tile, k, start + lane]
    for k in range(sums.size):
        sums[k] = 0.0
    for i in range(tiles.shape[0]):
        stop = min(width, size - i * width)
        weigh(tiles[i], mantissas[i], exponents[i], 0, stop, center, rate, reference, -math.inf, weights)
        sums[0] += mass_of(weights, stop)
        add_first(tiles[i], 0, stop, center, weights, sums)


@exact
def _sum_block(
    tiles: FloatArray,
    mantissas: FloatArray,
    exponents: FloatArray,
    size: int,
    centers: FloatArray,
    rates: FloatArray,
    start: int,
    stop: int,
    references: FloatArray,
    points: FloatArray,
    sums: FloatArray,
) -> None:
    weights = np.empty(tiles.shape[2])
    for m in range(start, stop):
        _sum_all(tiles, mantissas, exponents, size, centers[m], rates[m], weights, references[m], points[m], sums[m])


@parallel
def small_moments(
    tiles: FloatArray,
    mantissas: FloatArray,
    exponents: FloatArray,
    size: int,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    sums: FloatArray,
) -> None:
    """Fill sums (M, 2 d + 1) of w, w y and w (y - z), and references (M, 5) and points (M, d) as `find_references`."""
    for task in prange((len(centers) + _QUERIES - 1) // _QUERIES):
        start, stop = task * _QUERIES, min((task + 1) * _QUERIES, len(centers))
        _sum_block(tiles, mantissas, exponents, size, centers, rates, start, stop, references, points, sums)
