"""Second moments about the best point, over the runs of points that count at each query."""

from __future__ import annotations

import numpy as np

from .borrowing import borrowed
from .cloud_blocks import TRACE, collect, next_tile, rest_of_run
from .cloud_products import ROWS, add_weighted
from .cloud_search import STACK
from .cloud_sums import aligned, mass_of
from .cloud_tree import LEAF
from .cloud_weights import weigh
from .compilation import FloatArray, IntArray, exact, parallel
from .vectors import LANES, fma, load, load_row, splat, store, total

__all__ = ["second_sums"]


@exact
def _add_second(
    tile: FloatArray,
    start: int,
    stop: int,
    origin: FloatArray,
    weights: FloatArray,
    shifted: FloatArray,
    weighted: FloatArray,
    rows: IntArray,
    sums: FloatArray,
) -> None:
    """Add w (y - y_r) and its products with y - y_r to sums (d + 1, d + 1), row k for coordinate k, the mass below.

    Rows of `weighted` beyond d are zero: they fill up the last group of rows.
    """
    d = origin.size
    for k in range(d):
        rows[k] = k
        c = splat(origin[k])
        for j in range(start, stop, LANES):
            apart = load_row(tile, k, j) - c
            store(shifted[k], j - start, apart)
            store(weighted[k], j - start, load(weights, j - start) * apart)
    for row in range(d, len(rows)):
        rows[row] = d
        for j in range(stop - start):
            weighted[row, j] = 0.0
    add_weighted(shifted, stop - start, weighted, rows, d, sums)


@exact
def _add_trace(
    tile: FloatArray, start: int, stop: int, origin: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = origin.size
    trace = splat(0.0)
    for k in range(d):
        c = splat(origin[k])
        first = splat(0.0)
        for j in range(start, stop, LANES):
            apart = load_row(tile, k, j) - c
            weighted = load(weights, j - start) * apart
            first = first + weighted
            trace = fma(weighted, apart, trace)
        sums[1 + k] += total(first)
    sums[1 + d] += total(trace)


@exact
def _add_run(
    tile: FloatArray,
    mantissa: FloatArray,
    exponent: FloatArray,
    start: int,
    stop: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    point: FloatArray,
    floor: float,
    what: int,
    weights: FloatArray,
    shifted: FloatArray,
    weighted: FloatArray,
    rows: IntArray,
    sums: FloatArray,
) -> None:
    """Add `what` of the points in lanes start .. stop - 1 of a tile to sums; four arrays are scratch."""
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, floor, weights)
    mass = mass_of(weights, stop - start)
    if what == TRACE:
        sums[0, 0] += mass
        _add_trace(tile, start, stop, point, weights, sums[0])
    else:
        sums[center.size, 0] += mass
        _add_second(tile, start, stop, point, weights, shifted, weighted, rows, sums)


@exact
def _add_chunk(
    mantissas: FloatArray,
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
    what: int,
    level: int,
    chunk: int,
    sums: FloatArray,
) -> None:
    """Add one chunk of leaves for a block of queries that share its tiles while they are in the cache."""
    count, d = centers.shape
    width = tiles.shape[2]
    leaves = width // LEAF
    first_leaf, last_leaf = chunk << level, min((chunk + 1) << level, offsets[1])
    nodes, weights = np.empty(2 * STACK, dtype=np.int64), aligned(1, width)[0]
    runs = np.empty((count, (last_leaf - first_leaf) // 2 + 1, 2), dtype=np.int64)
    found, at = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    held = 0 if what == TRACE else d
    rows = (held + ROWS - 1) // ROWS * ROWS
    shifted, weighted, axes = aligned(held, width), aligned(rows, width), np.empty(rows, dtype=np.int64)
    for m in range(count):
        found[m] = collect(
            offsets, boxes, tops, screen[m], level, chunk, centers[m], rates[m], floors[m], nodes, runs[m]
        )
        for row in range(sums.shape[1]):
            for k in range(sums.shape[2]):
                sums[m, row, k] = 0.0
    i = next_tile(runs, at, found, first_leaf, last_leaf, leaves)
    while i >= 0:
        begin, end = i * leaves, min((i + 1) * leaves, last_leaf)
        for m in range(count):
            while at[m] < found[m] and runs[m, at[m], 0] < end:
                first, last, goes_on = rest_of_run(runs[m, at[m]], begin, end)
                _add_run(
                    tiles[i], mantissas[i], exponents[i], (first - begin) * LEAF,
                    min((last - begin) * LEAF, size - i * width), centers[m], rates[m], references[m], points[m],
                    floors[m], what, weights, shifted, weighted, axes, sums[m],
                )  # fmt: skip
                if goes_on:
                    break
                at[m] += 1
        i = next_tile(runs, at, found, end, last_leaf, leaves)


@parallel
def second_sums(
    first: int,
    last: int,
    mantissas: FloatArray,
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
    what: int,
    level: int,
    block: int,
    sums: FloatArray,
) -> None:
    """Fill sums, (chunks, M, d + 1, d + 1) for SECOND and (chunks, M, 1, d + 2) for TRACE; all else as `first_sums`."""
    (
        mantissas, tiles, exponents, boxes, screen, centers, rates, references, points, floors, sums,
    ) = borrowed((
        mantissas, tiles, exponents, boxes, screen, centers, rates, references, points, floors, sums,
    ))  # fmt: skip
    chunks = len(sums)
    for task in range(first, last):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _add_chunk(
            mantissas, tiles, exponents, size, offsets, boxes, tops, screen[start:stop], centers[start:stop],
            rates[start:stop], references[start:stop], points[start:stop], floors[start:stop], what, level, chunk,
            sums[chunk, start:stop],
        )  # fmt: skip
