"""References and the largest weight in every leaf by inner products, where boxes exclude nothing: in many dimensions.

A query at which most of a sample of leaves have points that count is *dense*: all leaves are summed, and the reference
need not be the best point, only within the range of float64 of it.
"""

from __future__ import annotations

import math

import numpy as np

from .borrowing import borrowed
from .cloud_products import ROWS, doubtful_product, leaf_top, products
from .cloud_reference import LARGEST_DOUBT, better_in_leaf, finish_reference, place, reference_in_leaf
from .cloud_search import box_bound
from .cloud_sums import aligned
from .cloud_tree import LEAF
from .cloud_weights import best_level
from .compilation import BoolArray, FloatArray, IntArray, exact, parallel
from .vectors import GROUP

__all__ = ["find_dense_references", "find_screened_references", "screen_leaves"]


#: Leaves of the sample, each with its first GROUP points, and the bits below the best that count.
SAMPLE = 4
_DENSE_BITS = 13.0
#: No weight may exceed the reference's by so many bits.
_LARGEST_BITS = 900.0
#: Queries that share the sample.
_QUERIES = 60


@exact
def _find_dense_reference(
    product: FloatArray,
    square: FloatArray,
    exponent: FloatArray,
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
    best, chosen = -math.inf, 0
    for sample in range(SAMPLE):
        tops[sample] = leaf_top(product, square, exponent, sample * GROUP, (sample + 1) * GROUP, rate)
        if tops[sample] > best:
            best, chosen = tops[sample], sample
    near = 0
    for sample in range(SAMPLE):
        near += tops[sample] > best - _DENSE_BITS
    # Where most leaves count, to look first costs more than it saves.
    if 4 * near < 3 * SAMPLE:
        return False
    norm = 0.0
    for k in range(center.size):
        norm += center[k] * center[k]
    best -= norm * rate
    if box_bound(box, top, center, rate) - best > _LARGEST_BITS:
        return False
    leaf = chosen * leaves // SAMPLE
    lane, doubt = reference_in_leaf(tiles, exponents, size, leaf, best, center, rate, scratch, reference)
    reference[4] = -math.inf  # no leaf is left out
    finish_reference(tiles, size, leaf, lane, center, rate, reference, point)
    return bool(doubt < LARGEST_DOUBT and reference[6] > 0.0)


@parallel
def find_dense_references(
    first: int,
    last: int,
    sample: FloatArray,
    square: FloatArray,
    exponent: FloatArray,
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
    """Fill dense (M,), and references and points as `find_references` does where it holds.

    sample (d, SAMPLE * GROUP) are the first GROUP points of SAMPLE leaves, square and exponent theirs.
    """
    tiles, exponents, box, centers, references, points = borrowed((tiles, exponents, box, centers, references, points))
    rows = (_QUERIES + ROWS - 1) // ROWS * ROWS
    some, product = np.empty((rows, centers.shape[1])), aligned(rows, sample.shape[1])
    scratch, tops = np.empty(2 * LEAF), np.empty(SAMPLE)
    for start in range(first, last, _QUERIES):
        count = min(_QUERIES, last - start)
        _copy_rows(centers[start : start + count], some)
        products(sample, sample.shape[1], some, count, product)
        for row in range(count):
            m = start + row
            dense[m] = _find_dense_reference(
                product[row], square, exponent, tiles, exponents, size, box, top, leaves, centers[m], rates[m], scratch,
                tops, references[m], points[m],
            )  # fmt: skip


@exact
def _copy_rows(rows: FloatArray, out: FloatArray) -> None:
    """Copy rows, and the last one into all that are left of out."""
    for row in range(len(out)):
        for k in range(rows.shape[1]):
            out[row, k] = rows[min(row, len(rows) - 1), k]


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
    _copy_rows(centers, some)
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
    squares, tiles, exponents, centers, rates, tops = borrowed((squares, tiles, exponents, centers, rates, tops))
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
    tiles, exponents, tops, centers, references, points = borrowed(
        (tiles, exponents, tops, centers, references, points)
    )
    scratch = np.empty(2 * LEAF)
    for m in range(first, last):
        _find_reference(
            tiles, exponents, size, tops[m], radius, centers[m], rates[m], scratch, references[m], points[m]
        )
