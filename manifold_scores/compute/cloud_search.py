"""The best point of a cloud at each query, and the runs of points that count, by descent of the tree."""

from __future__ import annotations

import math

import numpy as np

from .borrowing import borrowed
from .cloud_reference import LARGEST_DOUBT, better_in_leaf, finish_reference, place, reference_in_leaf
from .cloud_weights import best_level
from .compilation import FloatArray, IntArray, exact, parallel

__all__ = ["STACK", "box_bound", "collect_runs", "find_references"]

#: Open nodes of a descent: two a level, and more levels than there are addresses.
STACK = 128


@exact
def box_bound(box: FloatArray, top: float, center: FloatArray, rate: float) -> float:
    """No plain log2 weight in the box is larger, up to the rounding of one."""
    square = 0.0
    for k in range(center.size):
        outside = max(box[0, k] - center[k], center[k] - box[1, k], 0.0)
        square += outside * outside
    return top - square * rate


@exact
def _farthest(box: FloatArray, center: FloatArray) -> float:
    square = 0.0
    for k in range(center.size):
        across = max(center[k] - box[0, k], box[1, k] - center[k])
        square += across * across
    return square


@exact
def _best_leaf(
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    center: FloatArray,
    rate: float,
    nodes: IntArray,
    bounds: FloatArray,
) -> tuple[float, int]:
    """Return the largest plain log2 weight and its leaf: depth first, the better child first."""
    best, best_leaf = -math.inf, 0
    level, node = len(offsets) - 2, 0
    depth = 0
    bound = math.inf
    while True:
        if bound > best:
            while level > 0:
                left = 2 * node
                level -= 1
                row = offsets[level] + left
                first = box_bound(boxes[row], tops[row], center, rate)
                node = left
                bound = first
                if row + 1 < offsets[level + 1]:
                    second = box_bound(boxes[row + 1], tops[row + 1], center, rate)
                    other = left + 1
                    if second > first:
                        node, other = other, left
                        bound, second = second, first
                    if second > best:
                        nodes[2 * depth], nodes[2 * depth + 1] = level, other
                        bounds[depth] = second
                        depth += 1
                if bound <= best:
                    break
            if level == 0 and bound > best:
                tile, start, stop = place(node, tiles.shape[2], size)
                found = best_level(tiles[tile], exponents[tile], start, stop, center, rate)
                if found > best:
                    best, best_leaf = found, node
        if depth == 0:
            return best, best_leaf
        depth -= 1
        level, node = nodes[2 * depth], nodes[2 * depth + 1]
        bound = bounds[depth]


@exact
def collect_runs(
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    level: int,
    node: int,
    center: FloatArray,
    rate: float,
    floor: float,
    nodes: IntArray,
    runs: IntArray,
) -> int:
    """Fill runs (., 2) with first and last + 1 leaf of all runs below a node that may reach the floor; return how many.

    In the order of the leaves.  Boxes whose farthest corner is above the floor are taken whole.
    """
    count, depth = 0, 1
    nodes[0], nodes[1] = level, node
    while depth > 0:
        depth -= 1
        level, node = nodes[2 * depth], nodes[2 * depth + 1]
        row = offsets[level] + node
        if box_bound(boxes[row], tops[row], center, rate) < floor:
            continue
        if level == 0 or tops[row] - _farthest(boxes[row], center) * rate >= floor:
            first, last = node << level, min((node + 1) << level, offsets[1])
            if count > 0 and runs[count - 1, 1] == first:
                runs[count - 1, 1] = last
            else:
                runs[count, 0], runs[count, 1] = first, last
                count += 1
            continue
        if offsets[level - 1] + 2 * node + 1 < offsets[level]:
            nodes[2 * depth], nodes[2 * depth + 1] = level - 1, 2 * node + 1
            depth += 1
        nodes[2 * depth], nodes[2 * depth + 1] = level - 1, 2 * node
        depth += 1
    return count


@exact
def _refine(
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    center: FloatArray,
    rate: float,
    floor: float,
    nodes: IntArray,
    scratch: FloatArray,
    reference: FloatArray,
    leaf: int,
    lane: int,
) -> tuple[int, int]:
    """Move to any point above the floor that is better by half a bit in exact arithmetic, until there is none."""
    depth = 1
    nodes[0], nodes[1] = len(offsets) - 2, 0
    while depth > 0:
        depth -= 1
        level, node = nodes[2 * depth], nodes[2 * depth + 1]
        row = offsets[level] + node
        if box_bound(boxes[row], tops[row], center, rate) < floor:
            continue
        if level > 0:
            for child in range(2 * node, min(2 * node + 2, offsets[level] - offsets[level - 1])):
                nodes[2 * depth], nodes[2 * depth + 1] = level - 1, child
                depth += 1
            continue
        better = better_in_leaf(tiles, exponents, size, node, center, rate, scratch, reference)
        if better >= 0:
            leaf, lane = node, better
    return leaf, lane


@exact
def _find_reference(
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    center: FloatArray,
    rate: float,
    nodes: IntArray,
    scratch: FloatArray,
    reference: FloatArray,
    point: FloatArray,
) -> None:
    best, leaf = _best_leaf(tiles, exponents, size, offsets, boxes, tops, center, rate, nodes, scratch)
    lane, doubt = reference_in_leaf(tiles, exponents, size, leaf, best, center, rate, scratch, reference)
    if reference[3] > 0.0 and doubt > LARGEST_DOUBT:
        floor = reference[4] - 1.0
        leaf, lane = _refine(
            tiles, exponents, size, offsets, boxes, tops, center, rate, floor, nodes, scratch, reference, leaf, lane
        )
    finish_reference(tiles, size, leaf, lane, center, rate, reference, point)


@parallel
def find_references(
    first: int,
    last: int,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
) -> None:
    """Locate the best point at every query.

    Fills references (M, 7) with |y_r - z|^2 as high and low part, exponent_r, 1 if exact exponents are needed, the
    plain log2 weight that no point can miss by more than its rounding, the shift of exponents from inner products and
    1 if these will do, 2 if plain differences will do too, even if [3] is 1; and the points y_r (M, d).  `size` points
    with padding are in use.
    """
    (
        tiles, exponents, boxes, tops, centers, references, points,
    ) = borrowed((
        tiles, exponents, boxes, tops, centers, references, points,
    ))  # fmt: skip
    nodes, scratch = np.empty(2 * STACK, dtype=np.int64), np.empty(STACK)
    for m in range(first, last):
        _find_reference(
            tiles, exponents, size, offsets, boxes, tops, centers[m], rates[m], nodes, scratch, references[m], points[m]
        )
