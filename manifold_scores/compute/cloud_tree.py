"""Points in the order of a k-d tree, and the boxes of its nodes.

The tree is implicit: a leaf is LEAF consecutive points, and node j of level h covers the leaves j 2^h .. (j+1) 2^h - 1
that exist.  Only the order of the points and one box a node are stored.  A node is split at the leaf in its middle
along the longest side of its box (Friedman, Bentley and Finkel 1977).
"""

from __future__ import annotations

import numpy as np

from .borrowing import borrowed
from .compilation import FloatArray, IntArray, exact, parallel
from .threads import spread

__all__ = ["LEAF", "enclose", "level_offsets", "sort_points"]

LEAF = 64
#: Blocks of leaves whose boxes one task computes.
_GRAIN = 64


def level_offsets(count: int) -> IntArray:
    """Return where the nodes of each level start, leaves first, and at last how many there are."""
    sizes = [-(-count // LEAF)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // 2))
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


@exact
def _longest_side(points: FloatArray, start: int, stop: int) -> int:
    axis, longest = 0, -1.0
    for k in range(points.shape[1]):
        low = high = points[start, k]
        for i in range(start + 1, stop):
            low, high = min(low, points[i, k]), max(high, points[i, k])
        if high - low > longest:
            axis, longest = k, high - low
    return axis


@exact
def _swap(points: FloatArray, order: IntArray, i: int, j: int) -> None:
    for k in range(points.shape[1]):
        points[i, k], points[j, k] = points[j, k], points[i, k]
    order[i], order[j] = order[j], order[i]


@exact
def _select(points: FloatArray, order: IntArray, start: int, stop: int, middle: int, axis: int) -> None:
    """Order rows start .. stop - 1 so that none before `middle` has a larger coordinate than one from there on."""
    low, high = start, stop - 1
    while low < high:
        # The pivot is the median of three; both scans stop at equal values, so duplicates are split evenly.
        a, b, c = points[low, axis], points[(low + high) // 2, axis], points[high, axis]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while points[i, axis] < pivot:
                i += 1
            while points[j, axis] > pivot:
                j -= 1
            if i <= j:
                _swap(points, order, i, j)
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@exact
def _split(points: FloatArray, order: IntArray, level: int, node: int) -> None:
    width = LEAF << level
    start, middle = node * width, node * width + width // 2
    stop = min(start + width, len(points))
    if middle < stop:
        _select(points, order, start, stop, middle, _longest_side(points, start, stop))


@parallel
def _split_level(first: int, last: int, points: FloatArray, order: IntArray, level: int) -> None:
    for node in range(first, last):
        _split(points, order, level, node)


def sort_points(points: FloatArray, order: IntArray, levels: int) -> None:
    """Bring the rows of points (N, d) and with them `order` (N,) into the order of the tree, in place."""
    for level in range(levels - 1, 0, -1):
        spread(_split_level, -(-len(points) // (LEAF << level)), points, order, level, grain=max(1, _GRAIN >> level))


@exact
def _enclose_leaf(points: FloatArray, exponents: FloatArray, leaf: int, box: FloatArray, tops: FloatArray) -> None:
    start, stop = leaf * LEAF, min((leaf + 1) * LEAF, len(points))
    tops[leaf] = exponents[start]
    for k in range(points.shape[1]):
        box[0, k] = box[1, k] = points[start, k]
    for i in range(start + 1, stop):
        tops[leaf] = max(tops[leaf], exponents[i])
        for k in range(points.shape[1]):
            box[0, k] = min(box[0, k], points[i, k])
            box[1, k] = max(box[1, k], points[i, k])


@parallel
def _enclose_leaves(
    first: int, last: int, points: FloatArray, exponents: FloatArray, boxes: FloatArray, tops: FloatArray
) -> None:
    points, boxes = borrowed((points, boxes))
    for leaf in range(first, last):
        _enclose_leaf(points, exponents, leaf, boxes[leaf], tops)


@exact
def _enclose_inner(offsets: IntArray, boxes: FloatArray, tops: FloatArray) -> None:
    for level in range(1, len(offsets) - 1):
        below = offsets[level] - offsets[level - 1]
        for j in range(offsets[level + 1] - offsets[level]):
            node, left = offsets[level] + j, offsets[level - 1] + 2 * j
            right = left + 1 if 2 * j + 1 < below else left
            tops[node] = max(tops[left], tops[right])
            for k in range(boxes.shape[2]):
                boxes[node, 0, k] = min(boxes[left, 0, k], boxes[right, 0, k])
                boxes[node, 1, k] = max(boxes[left, 1, k], boxes[right, 1, k])


def enclose(points: FloatArray, exponents: FloatArray, offsets: IntArray, boxes: FloatArray, tops: FloatArray) -> None:
    """Fill boxes (nodes, 2, d) with lower and upper corners, and tops (nodes,) with the largest exponents inside."""
    spread(_enclose_leaves, int(offsets[1] - offsets[0]), points, exponents, boxes, tops, grain=_GRAIN)
    _enclose_inner(offsets, boxes, tops)
