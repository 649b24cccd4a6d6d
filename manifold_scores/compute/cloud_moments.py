"""Sums over the points that count at each query: whole tiles for several queries at once, or runs for one."""

from __future__ import annotations

import numpy as np
from numba import prange

from .cloud_products import ROWS, add_weighted, products, weigh_row
from .cloud_search import STACK, collect_runs
from .cloud_sums import FIRST, SECOND, TRACE, add_run
from .cloud_tree import LEAF
from .compilation import FloatArray, IntArray, exact, parallel

__all__ = ["FIRST", "SECOND", "TRACE", "moment_sums"]


@exact
def _add_together(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    square: FloatArray,
    stop: int,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    chosen: IntArray,
    count: int,
    some: FloatArray,
    weights: FloatArray,
    products_sums: FloatArray,
    sums: FloatArray,
) -> None:
    """Add a whole tile for the chosen queries, by inner products; some and weights are scratch."""
    padded = (count + ROWS - 1) // ROWS * ROWS
    for row in range(padded):
        for k in range(centers.shape[1]):
            some[row, k] = centers[chosen[min(row, count - 1)], k]
    products(tile, stop, some, count, weights)
    for row in range(count):
        m = chosen[row]
        sums[m, 0, sums.shape[2] - 1] += weigh_row(
            weights[row], square, mantissa, exponent, stop, rates[m], references[m, 5]
        )
    for row in range(count, padded):  # stand-ins, summed into a spare place
        chosen[row] = len(centers)
        for j in range(stop):
            weights[row, j] = 0.0
    add_weighted(tile, stop, weights, chosen, count, products_sums)


@exact
def _add_apart(centers: FloatArray, together: FloatArray, sums: FloatArray) -> None:
    """Add what was summed by inner products, w and w y, and w (y - z) from them."""
    d = centers.shape[1]
    for m in range(centers.shape[0]):
        mass = together[m, 0]
        if mass > 0.0:
            sums[m, 0, 0] += mass
            for k in range(d):
                sums[m, 0, 1 + k] += together[m, 1 + k]
                sums[m, 0, 1 + d + k] += together[m, 1 + k] - mass * centers[m, k]


@exact
def _collect_above(tops: FloatArray, first: int, last: int, floor: float, runs: IntArray) -> int:
    """Fill runs as `collect_runs` does, of the leaves whose tops reach the floor."""
    count = 0
    for leaf in range(first, last):
        if tops[leaf] >= floor:
            if count > 0 and runs[count - 1, 1] == leaf:
                runs[count - 1, 1] = leaf + 1
            else:
                runs[count, 0], runs[count, 1] = leaf, leaf + 1
                count += 1
    return count


@exact
def _add_chunk(
    mantissas: FloatArray,
    squares: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    screen: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    floors: FloatArray,
    equal: int,
    what: int,
    level: int,
    chunk: int,
    sums: FloatArray,
) -> None:
    """Add one chunk of leaves for a block of queries that share its tiles while they are in the cache."""
    count, d = centers.shape
    width = tiles.shape[2]
    leaves_of_tile = width // LEAF
    first_leaf, last_leaf = chunk << level, min((chunk + 1) << level, offsets[1])
    rows = (count + ROWS - 1) // ROWS * ROWS
    nodes, weights, some = np.empty(2 * STACK, dtype=np.int64), np.empty((rows, width)), np.empty((rows, d))
    runs = np.empty((count, (last_leaf - first_leaf) // 2 + 1, 2), dtype=np.int64)
    found, at, chosen = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64), np.empty(rows, dtype=np.int64)
    products_sums = np.zeros((count + 1 if what == FIRST else 0, d + 1))
    shifted, weighted = (
        np.empty((d if what == SECOND else 0, width)),
        np.empty((d + ROWS if what == SECOND else 0, width)),
    )
    done = first_leaf
    axes = np.empty((d + ROWS - 1) // ROWS * ROWS, dtype=np.int64)
    for m in range(count):
        if len(screen) > 0:
            found[m] = _collect_above(screen[m], first_leaf, last_leaf, floors[m], runs[m])
        else:
            found[m] = collect_runs(offsets, boxes, tops, level, chunk, centers[m], rates[m], floors[m], nodes, runs[m])
        for row in range(sums.shape[1]):
            for k in range(sums.shape[2]):
                sums[m, row, k] = 0.0
    while True:
        begin = last_leaf  # the next leaf that any query asks for
        for m in range(count):
            if at[m] < found[m]:
                begin = min(begin, max(runs[m, at[m], 0], done))
        if begin == last_leaf:
            break
        i = begin // leaves_of_tile
        begin, end = i * leaves_of_tile, min((i + 1) * leaves_of_tile, last_leaf)
        done = end
        together = 0
        for m in range(count):
            inside, here = 0, at[m]
            while here < found[m] and runs[m, here, 0] < end:
                inside += min(end, runs[m, here, 1]) - max(begin, runs[m, here, 0])
                here += 1
            if inside == 0:
                continue
            # A tile in good part is cheaper as a whole, if other queries share it.
            whole = what == FIRST and references[m, 6] > 0.0 and 4 * inside >= end - begin
            if whole:
                chosen[together] = m
                together += 1
            while at[m] < found[m] and runs[m, at[m], 0] < end:
                if not whole:
                    first, last = max(begin, runs[m, at[m], 0]), min(end, runs[m, at[m], 1])
                    stop = min((last - begin) * LEAF, size - i * width)
                    add_run(
                        tiles[i], mantissas[i], exponents[i], squares[i], (first - begin) * LEAF, stop, centers[m],
                        rates[m], references[m], points[m], floors[m], equal - i * width, what, weights[0], shifted,
                        weighted, axes, sums[m],
                    )  # fmt: skip
                if runs[m, at[m], 1] > end:
                    break
                at[m] += 1
        if together > 0:
            _add_together(
                tiles[i], mantissas[i], exponents[i], squares[i], min((end - begin) * LEAF, size - i * width), centers,
                rates, references, chosen, together, some, weights, products_sums, sums,
            )  # fmt: skip
    if what == FIRST:
        _add_apart(centers, products_sums, sums)


@parallel
def moment_sums(
    mantissas: FloatArray,
    squares: FloatArray,
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    screen: FloatArray,
    centers: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    points: FloatArray,
    floors: FloatArray,
    equal: int,
    what: int,
    level: int,
    block: int,
    sums: FloatArray,
) -> None:
    """Fill sums over all leaves that may hold a point above the floor, relative to the references.

    `what` is FIRST with sums (chunks, M, 1, 2d + 2), SECOND with (chunks, M, d + 1, d + 1), or TRACE with
    (chunks, M, 1, d + 2).  A chunk is a node of the given level.  The first `equal` points have equal weights, a
    multiple of GROUP.  `squares` are |y|^2; `screen` (M, leaves) has the largest log2 weight of each leaf, or no rows:
    then boxes decide.
    """
    blocks = (len(centers) + block - 1) // block
    chunks = len(sums)
    for task in prange(blocks * chunks):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _add_chunk(
            mantissas, squares, tiles, exponents, size, offsets, boxes, tops, screen[start:stop], centers[start:stop],
            rates[start:stop], references[start:stop], points[start:stop], floors[start:stop], equal, what, level,
            chunk, sums[chunk, start:stop],
        )  # fmt: skip
