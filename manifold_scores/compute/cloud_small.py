"""First moments of clouds of few points, all of which are summed at every query: no tree, and little to compile."""

from __future__ import annotations

import math

from .borrowing import borrowed
from .cloud_reference import LARGEST_DOUBT, better_in_leaf, place, reference_in_leaf
from .cloud_sums import add_first, aligned, mass_of
from .cloud_tree import LEAF
from .cloud_weights import best_level, weigh
from .compilation import FloatArray, exact, parallel

__all__ = ["small_moments"]


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
    reference[6] = 0.0  # no inner products
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


@parallel
def small_moments(
    first: int,
    last: int,
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
    """Fill sums (M, 2 d + 1) of w, w y and w (y - z), and references (M, 7) and points (M, d) as `find_references`."""
    (
        tiles, mantissas, exponents, centers, references, points, sums,
    ) = borrowed((
        tiles, mantissas, exponents, centers, references, points, sums,
    ))  # fmt: skip
    weights = aligned(1, tiles.shape[2])[0]
    for m in range(first, last):
        _sum_all(tiles, mantissas, exponents, size, centers[m], rates[m], weights, references[m], points[m], sums[m])
