"""References and the largest weight in every leaf by inner products, where boxes exclude nothing: in many dimensions.

A query at which most of a sample of leaves have points that count is *dense*: all leaves are summed, and the reference
need not be the best point, only within the range of float64 of it.
"""

from __future__ import annotations

import math

import numpy as np

from .cloud_products import ROWS, doubtful_product, leaf_top, products
from .cloud_reference import LARGEST_DOUBT, better_in_leaf, finish_reference, place, reference_in_leaf
from .cloud_search import box_bound
from .cloud_sums import aligned
from .cloud_tree import LEAF
from .cloud_weights import best_level, levels
from .compilation import BoolArray, FloatArray, IntArray, exact, parallel
from .vectors import GROUP

__all__ = ["find_dense_references", "find_screened_references", "screen_leaves"]


#: Leaves of the sample, each with its first GROUP points, and the bits below the best that count.
_SAMPLE, _DENSE_BITS = 4, 10.0
#: Exponents below are those of padding.
PADDING = -1e200
#: No weight may exceed the reference's by so many bits.
_LARGEST_BITS = 900.0


@exact
def _find_dense_reference(
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    box: FloatArray,
    top: float,
    leaves: int,
    center: FloatArray,
    rate: float,
    scratch: FloatArray,
    tops: FloatArray,
    reference: FloatArray,
    point: FloatArray,
) -> bool:
    best, leaf, lane = -math.inf, 0, 0
    samples = min(_SAMPLE, leaves)
    for sample in range(samples):
        i, start, stop = place(sample * leaves // samples, tiles.shape[2], size)
        stop = min(stop, start + GROUP)
        levels(tiles[i], exponents[i], start, stop, center, rate, scratch)
        tops[sample] = -math.inf
        for j in range(stop - start):
            tops[sample] = max(tops[sample], scratch[j])
            if scratch[j] > best:
                best, leaf, lane = scratch[j], sample * leaves // samples, j
    near = 0
    for sample in range(samples):
        near += tops[sample] > best - _DENSE_BITS
    # Where most leaves count, to look first costs more than it saves.
    if 4 * near < 3 * samples or box_bound(box, top, center, rate) - best > _LARGEST_BITS:
        return False
    lane, doubt = reference_in_leaf(tiles, exponents, size, leaf, best, center, rate, scratch, reference)
    reference[4] = -math.inf  # no leaf is left out
    finish_reference(tiles, size, leaf, lane, center, rate, reference, point)
    return bool(doubt < LARGEST_DOUBT and reference[6] > 0.0)


@parallel
def find_dense_references(
    first: int,
    last: int,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    box: FloatArray,
    top: float,
    leaves: int,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    dense: BoolArray,
) -> None:
    """Fill dense (M,), and references and points as `find_references` does where it holds."""
    scratch, tops = np.empty(2 * LEAF), np.empty(_SAMPLE)
    for m in range(first, last):
        dense[m] = _find_dense_reference(
            tiles, exponents, size, box, top, leaves, centers[m], rates[m], scratch, tops, references[m], points[m]
        )


@exact
def _screen_chunk(
    squares: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    first_leaf: int,
    last_leaf: int,
    centers: FloatArray,
    rates: FloatArray,
    tops: FloatArray,
) -> None:
    count, d = centers.shape
    width = tiles.shape[2]
    leaves_of_tile = width // LEAF
    rows = (count + ROWS - 1) // ROWS * ROWS
    some, product, norms = np.empty((rows, d)), aligned(rows, width), np.empty(count)
    for row in range(rows):
        for k in range(d):
            some[row, k] = centers[min(row, count - 1), k]
    for m in range(count):
        norm = 0.0
        for k in range(d):
            norm += centers[m, k] * centers[m, k]
        norms[m] = norm * rates[m]
    for i in range(first_leaf // leaves_of_tile, (last_leaf + leaves_of_tile - 1) // leaves_of_tile):
        begin, stop = i * leaves_of_tile, min(width, size - i * width)
        products(tiles[i], stop, some, count, product)
        for m in range(count):
            for leaf in range(begin, min(begin + leaves_of_tile, last_leaf)):
                start = (leaf - begin) * LEAF
                end = min(start + LEAF, stop)
                tops[m, leaf] = leaf_top(product[m], squares[i], exponents[i], start, end, rates[m]) - norms[m]


@parallel
def screen_leaves(
    first: int,
    last: int,
    squares: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    centers: FloatArray,
    rates: FloatArray,
    level: int,
    block: int,
    tops: FloatArray,
) -> None:
    """Fill tops (M, leaves) with the largest log2 weight of each leaf, right up to `doubtful_product`."""
    chunks = ((offsets[1] - 1) >> level) + 1
    for task in range(first, last):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _screen_chunk(
            squares, tiles, exponents, size, chunk << level, min((chunk + 1) << level, offsets[1]),
            centers[start:stop], rates[start:stop], tops[start:stop],
        )  # fmt: skip


@exact
def _find_reference(
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    tops: FloatArray,
    radius: float,
    center: FloatArray,
    rate: float,
    scratch: FloatArray,
    reference: FloatArray,
    point: FloatArray,
) -> None:
    doubt = doubtful_product(center, radius, rate)
    highest = -math.inf
    for other in range(len(tops)):
        highest = max(highest, tops[other])
    best, leaf = -math.inf, 0
    for other in range(len(tops)):
        if tops[other] >= highest - 2.0 * doubt:
            tile, start, stop = place(other, tiles.shape[2], size)
            found = best_level(tiles[tile], exponents[tile], start, stop, center, rate)
            if found > best:
                best, leaf = found, other
    lane, plain_doubt = reference_in_leaf(tiles, exponents, size, leaf, best, center, rate, scratch, reference)
    reference[4] -= doubt
    if reference[3] > 0.0 and plain_doubt > LARGEST_DOUBT:
        floor = reference[4] - doubt - 1.0
        for other in range(len(tops)):
            if tops[other] >= floor:
                better = better_in_leaf(tiles, exponents, size, other, center, rate, scratch, reference)
                if better >= 0:
                    leaf, lane = other, better
    finish_reference(tiles, size, leaf, lane, center, rate, reference, point)


@parallel
def find_screened_references(
    first: int,
    last: int,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    tops: FloatArray,
    radius: float,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
) -> None:
    """Locate the best point at every query from the tops of its leaves; all as in `find_references`."""
    scratch = np.empty(2 * LEAF)
    for m in range(first, last):
        _find_reference(
            tiles, exponents, size, tops[m], radius, centers[m], rates[m], scratch, references[m], points[m]
        )
