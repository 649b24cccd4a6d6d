"""First moments in R^4 and beyond: whole tiles for several queries at once, by inner products, or runs for one."""

from __future__ import annotations

import numpy as np

from .borrowing import borrowed
from .cloud_blocks import collect, next_tile, rest_of_run
from .cloud_products import ROWS, add_weighted, products, weigh_row
from .cloud_search import STACK
from .cloud_sums import add_first, aligned, mass_of
from .cloud_tree import LEAF
from .cloud_weights import weigh
from .compilation import FloatArray, IntArray, exact, parallel
from .vectors import LANES, fma, load, splat, total

__all__ = ["first_sums"]


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
    held: IntArray,
    weights: FloatArray,
    products_sums: FloatArray,
    sums: FloatArray,
) -> None:
    """Add a whole tile for the chosen queries, by inner products; weights are scratch.

    Rows of `some` are the centers that are `held`: those of the last call, which are most often the same.
    """
    padded = (count + ROWS - 1) // ROWS * ROWS
    for row in range(padded):
        m = chosen[min(row, count - 1)]
        if held[row] != m:
            held[row] = m
            for k in range(centers.shape[1]):
                some[row, k] = centers[m, k]
    products(tile, stop, some, count, weights)
    for row in range(count):
        m = chosen[row]
        sums[m, sums.shape[1] - 1] += weigh_row(
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
            sums[m, 0] += mass
            for k in range(d):
                sums[m, 1 + k] += together[m, 1 + k]
                sums[m, 1 + d + k] += together[m, 1 + k] - mass * centers[m, k]


@exact
def _add_squares(square: FloatArray, start: int, stop: int, weights: FloatArray, sums: FloatArray) -> None:
    a, b = splat(0.0), splat(0.0)
    for j in range(start, stop, 2 * LANES):
        a = fma(load(weights, j - start), load(square, j), a)
        b = fma(load(weights, j - start + LANES), load(square, j + LANES), b)
    sums[sums.size - 1] += total(a + b)


@exact
def _add_run(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    square: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    floor: float,
    weights: FloatArray,
    sums: FloatArray,
) -> None:
    """Add the points in lanes start .. stop - 1 of a tile to sums; weights is scratch."""
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, floor, weights)
    sums[0] += mass_of(weights, stop - start)
    add_first(tile, start, stop, center, weights, sums)
    if reference[6] > 0.0:
        _add_squares(square, start, stop, weights, sums)


@exact
def _leaves_inside(runs: IntArray, at: int, found: int, begin: int, end: int) -> int:
    """Return how many leaves of begin .. end - 1 are in the runs from `at` on."""
    inside = 0
    while at < found and runs[at, 0] < end:
        inside += min(end, runs[at, 1]) - max(begin, runs[at, 0])
        at += 1
    return inside


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
    floors: FloatArray,
    level: int,
    chunk: int,
    sums: FloatArray,
) -> None:
    """Add one chunk of leaves for a block of queries that share its tiles while they are in the cache."""
    count, d = centers.shape
    width = tiles.shape[2]
    leaves = width // LEAF
    first_leaf, last_leaf = chunk << level, min((chunk + 1) << level, offsets[1])
    rows = (count + ROWS - 1) // ROWS * ROWS
    nodes, weights, some = np.empty(2 * STACK, dtype=np.int64), aligned(rows, width), np.empty((rows, d))
    runs = np.empty((count, (last_leaf - first_leaf) // 2 + 1, 2), dtype=np.int64)
    found, at, chosen = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64), np.empty(rows, dtype=np.int64)
    products_sums, held = np.zeros((count + 1, d + 1)), np.full(rows, -1)
    for m in range(count):
        found[m] = collect(
            offsets, boxes, tops, screen[m], level, chunk, centers[m], rates[m], floors[m], nodes, runs[m]
        )
        for k in range(sums.shape[1]):
            sums[m, k] = 0.0
    i = next_tile(runs, at, found, first_leaf, last_leaf, leaves)
    while i >= 0:
        begin, end = i * leaves, min((i + 1) * leaves, last_leaf)
        together = 0
        for m in range(count):
            inside = _leaves_inside(runs[m], at[m], found[m], begin, end)
            # A tile in good part is cheaper as a whole, if other queries share it.
            whole = references[m, 6] > 0.0 and inside > 0 and 4 * inside >= end - begin
            if whole:
                chosen[together] = m
                together += 1
            while at[m] < found[m] and runs[m, at[m], 0] < end:
                first, last, goes_on = rest_of_run(runs[m, at[m]], begin, end)
                if not whole:
                    _add_run(
                        tiles[i], mantissas[i], exponents[i], squares[i], (first - begin) * LEAF,
                        min((last - begin) * LEAF, size - i * width), centers[m], rates[m], references[m], floors[m],
                        weights[0], sums[m],
                    )  # fmt: skip
                if goes_on:
                    break
                at[m] += 1
        if together > 0:
            _add_together(
                tiles[i], mantissas[i], exponents[i], squares[i], min((end - begin) * LEAF, size - i * width), centers,
                rates, references, chosen, together, some, held, weights, products_sums, sums,
            )  # fmt: skip
        i = next_tile(runs, at, found, end, last_leaf, leaves)
    _add_apart(centers, products_sums, sums)


@parallel
def first_sums(
    first: int,
    last: int,
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
    floors: FloatArray,
    level: int,
    block: int,
    sums: FloatArray,
) -> None:
    """Fill sums (chunks, M, 1, 2 d + 2) over all leaves that may hold a point above the floor, relative to references.

    A chunk is a node of the given level, a task one chunk for `block` queries.  `squares` are |y|^2; `screen`
    (M, leaves) has the largest log2 weight of each leaf, or no columns: then boxes decide.
    """
    (
        mantissas, squares, tiles, exponents, boxes, screen, centers, rates, references, floors, sums,
    ) = borrowed((
        mantissas, squares, tiles, exponents, boxes, screen, centers, rates, references, floors, sums,
    ))  # fmt: skip
    chunks = len(sums)
    for task in range(first, last):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _add_chunk(
            mantissas, squares, tiles, exponents, size, offsets, boxes, tops, screen[start:stop], centers[start:stop],
            rates[start:stop], references[start:stop], floors[start:stop], level, chunk, sums[chunk, start:stop, 0],
        )  # fmt: skip
