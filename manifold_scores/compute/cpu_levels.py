"""Log2 weights of the points of a cloud at queries, relative to the best point of each."""

from __future__ import annotations

import numpy as np

from .borrowing import borrowed
from .compilation import FloatArray, IntArray, exact, parallel, reduction

__all__ = ["point_levels"]


@reduction
def _level(point: FloatArray, reference: FloatArray, center: FloatArray) -> float:
    """Return (y - r) . ((y - z) + (r - z)) = |y - z|^2 - |r - z|^2."""
    total = 0.0
    for k in range(center.size):
        total += (point[k] - reference[k]) * ((point[k] - center[k]) + (reference[k] - center[k]))
    return total


@parallel
def point_levels(
    first: int, last: int, points: FloatArray, log2_weights: FloatArray, centers: FloatArray, rates: FloatArray,
    levels: FloatArray, references: IntArray,
) -> None:  # fmt: skip
    """Fill levels (M, N) = log2 weight of every point at every query relative to the best point, references (M,).

    rates = log2(e)/2s.  A level is the difference of squared distances taken as a product, not as a difference.
    """
    points, centers, levels = borrowed((points, centers, levels))
    for m in range(first, last):
        references[m] = _relative_levels(points, log2_weights, centers[m], rates[m], levels[m])


@exact
def _relative_levels(
    points: FloatArray, log2_weights: FloatArray, center: FloatArray, rate: float, level: FloatArray
) -> int:
    best, reference = -np.inf, 0
    for i in range(points.shape[0]):
        square = 0.0
        for k in range(center.size):
            square += (points[i, k] - center[k]) ** 2
        value = log2_weights[i] - square * rate
        if value > best:
            best, reference = value, i
    for i in range(points.shape[0]):
        apart = _level(points[i], points[reference], center)
        level[i] = (log2_weights[i] - log2_weights[reference]) - apart * rate
    return reference
