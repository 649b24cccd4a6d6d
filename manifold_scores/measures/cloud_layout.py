"""The order of the points of a cloud, and their tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray, multiply

__all__ = ["aligned", "in_order", "sampled", "tiled"]

#: Directions in which long points are ordered, found by so many steps from so many of the points.
_DIRECTIONS, _STEPS, _SAMPLE = 8, 6, 1024
_PADDING_EXPONENT = -1e290  # with mantissa 0: never the best, never counted


def in_order(points: FloatArray, levels: int, *, boxed: bool) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return points (n, d) in the order of a k-d tree, and that order.

    If not `boxed`, of the tree of their coordinates along a few directions: in many dimensions clusters show there.
    """
    from ..compute.cloud_tree import sort_points  # numba is imported on first use

    order = np.arange(len(points))
    if boxed:
        points = np.array(points, order="C")
        sort_points(points, order, levels)
        return points, order
    sort_points(multiply(points, _principal_directions(points)), order, levels)
    return points[order], order


def _principal_directions(points: FloatArray) -> FloatArray:
    """Return the directions (d, k) in which a sample of the points varies most, nearly, by subspace iteration."""
    sample = points[:: -(-len(points) // _SAMPLE)]
    sample = sample - sample.mean(axis=0)
    across = np.ascontiguousarray(sample.T)
    directions = _orthonormal(np.random.default_rng(0).standard_normal((points.shape[1], _DIRECTIONS)))
    for _ in range(_STEPS):
        directions = _orthonormal(multiply(across, multiply(sample, directions)))
    return directions


def _orthonormal(columns: FloatArray) -> FloatArray:
    """Return the columns made orthonormal (0 where they depend on those before), with sums whose bits are fixed."""
    columns = columns.copy()
    for k in range(columns.shape[1]):
        length = np.sqrt((columns[:, k] ** 2).sum())
        for _ in range(2):
            for other in range(k):
                columns[:, k] -= (columns[:, k] * columns[:, other]).sum() * columns[:, other]
        left = np.sqrt((columns[:, k] ** 2).sum())
        columns[:, k] *= 1.0 / left if left > 1e-8 * length else 0.0
    return columns


def tiled(
    points: FloatArray, mantissas: FloatArray, exponents: FloatArray, lanes: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lay points out as (tiles, d, lanes): the lanes of a vector run over points, and a tile stays in the cache."""
    from ..compute.cloud_tree import LEAF

    count, dimension = points.shape
    lanes = min(lanes, -(-count // LEAF) * LEAF)
    tiles = -(-count // lanes)
    padding = tiles * lanes - count
    if padding:
        points = np.concatenate([points, np.repeat(points[-1:], padding, axis=0)])
        mantissas = np.concatenate([mantissas, np.zeros(padding)])
        exponents = np.concatenate([exponents, np.full(padding, _PADDING_EXPONENT)])
    return (
        aligned(points.reshape(tiles, lanes, dimension).transpose(0, 2, 1)),
        aligned(mantissas.reshape(tiles, lanes)),
        aligned(exponents.reshape(tiles, lanes)),
    )


def sampled(
    tiles: FloatArray, squares: FloatArray, exponents: FloatArray, leaves: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the first points (d, n) of some leaves, with their squares and exponents (n,)."""
    from ..compute.cloud_screen import SAMPLE
    from ..compute.cloud_tree import LEAF
    from ..compute.vectors import GROUP

    starts = (np.arange(SAMPLE) * leaves // SAMPLE) * LEAF
    places = (starts[:, None] + np.arange(GROUP)).ravel()
    tile, lane = places // tiles.shape[2], places % tiles.shape[2]
    return aligned(tiles[tile, :, lane].T), aligned(squares[tile, lane]), aligned(exponents[tile, lane])


def aligned(array: FloatArray) -> FloatArray:
    """Return a copy whose rows begin where a vector may."""
    from ..compute.vectors import ALIGNMENT

    numbers = np.empty(array.size + ALIGNMENT // 8)
    start = -numbers.ctypes.data % ALIGNMENT // 8
    copy = numbers[start : start + array.size].reshape(array.shape)
    copy[...] = array
    return copy
