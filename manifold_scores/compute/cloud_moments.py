"""Sums over the points that count at each query: masses, first and second moments."""

from __future__ import annotations

import numpy as np
from numba import prange

from .cloud_search import STACK, collect_runs
from .cloud_tree import LEAF
from .cloud_weights import weigh
from .compilation import FloatArray, IntArray, exact, parallel
from .vectors import LANES, fma, load, splat, total

__all__ = ["FIRST", "SECOND", "TRACE", "moment_sums"]

#: What is summed: (mass, y, y - z), (mass, y - y_r, products of y - y_r), (mass, y - y_r, |y - y_r|^2).
FIRST, SECOND, TRACE = 0, 1, 2


@exact
def _add_mass(weights: FloatArray, size: int, sums: FloatArray) -> None:
    mass = splat(0.0)
    for j in range(0, size, LANES):
        mass = mass + load(weights, j)
    sums[0] += total(mass)


@exact
def _add_first(
    tile: FloatArray, start: int, stop: int, center: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = center.size
    for k in range(d):
        row, c = tile[k], splat(center[k])
        value, apart = splat(0.0), splat(0.0)
        for j in range(start, stop, LANES):
            w, y = load(weights, j - start), load(row, j)
            value = fma(w, y, value)
            apart = fma(w, y - c, apart)
        sums[1 + k] += total(value)
        sums[1 + d + k] += total(apart)


@exact
def _add_second(
    tile: FloatArray, start: int, stop: int, origin: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = origin.size
    for k in range(d):
        row, c = tile[k], splat(origin[k])
        first = splat(0.0)
        for j in range(start, stop, LANES):
            first = fma(load(weights, j - start), load(row, j) - c, first)
        sums[1 + k] += total(first)
        for other in range(k, d):
            other_row, other_c = tile[other], splat(origin[other])
            product = splat(0.0)
            for j in range(start, stop, LANES):
                weighted = load(weights, j - start) * (load(row, j) - c)
                product = fma(weighted, load(other_row, j) - other_c, product)
            sums[1 + d + k * d + other] += total(product)


@exact
def _add_trace(
    tile: FloatArray, start: int, stop: int, origin: FloatArray, weights: FloatArray, sums: FloatArray
) -> None:
    d = origin.size
    trace = splat(0.0)
    for k in range(d):
        row, c = tile[k], splat(origin[k])
        first = splat(0.0)
        for j in range(start, stop, LANES):
            apart = load(row, j) - c
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
    what: int,
    weights: FloatArray,
    sums: FloatArray,
) -> None:
    weigh(tile, mantissa, exponent, start, stop, center, rate, reference, weights)
    _add_mass(weights, stop - start, sums)
    if what == FIRST:
        _add_first(tile, start, stop, center, weights, sums)
    elif what == SECOND:
        _add_second(tile, start, stop, point, weights, sums)
    else:
        _add_trace(tile, start, stop, point, weights, sums)


@exact
def _add_chunk(
    mantissas: FloatArray,
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
    floors: FloatArray,
    what: int,
    level: int,
    chunk: int,
    sums: FloatArray,
    visited: IntArray,
) -> None:
    """Add one chunk of leaves for a block of queries that share its tiles while they are in the cache."""
    count = len(centers)
    leaves_of_tile = tiles.shape[2] // LEAF
    first_leaf, last_leaf = chunk << level, min((chunk + 1) << level, offsets[1])
    nodes, weights = np.empty(2 * STACK, dtype=np.int64), np.empty(tiles.shape[2])
    runs = np.empty((count, (last_leaf - first_leaf) // 2 + 1, 2), dtype=np.int64)
    found, at = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for m in range(count):
        found[m] = collect_runs(offsets, boxes, tops, level, chunk, centers[m], rates[m], floors[m], nodes, runs[m])
        sums[m] = 0.0
        visited[m] = 0
    for i in range(first_leaf // leaves_of_tile, (last_leaf + leaves_of_tile - 1) // leaves_of_tile):
        begin, end = i * leaves_of_tile, (i + 1) * leaves_of_tile
        for m in range(count):
            while at[m] < found[m] and runs[m, at[m], 0] < end:
                first, last = max(begin, runs[m, at[m], 0]), min(end, runs[m, at[m], 1])
                stop = min((last - begin) * LEAF, size - i * tiles.shape[2])
                _add_run(
                    tiles[i], mantissas[i], exponents[i], (first - begin) * LEAF, stop, centers[m], rates[m],
                    references[m], points[m], what, weights, sums[m],
                )  # fmt: skip
                visited[m] += last - first
                if runs[m, at[m], 1] > end:
                    break
                at[m] += 1


@parallel
def moment_sums(
    mantissas: FloatArray,
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
    floors: FloatArray,
    what: int,
    level: int,
    block: int,
    sums: FloatArray,
    visited: IntArray,
) -> None:
    """Fill sums (chunks, M, .) over all leaves that may hold a point above the floor, relative to the references.

    `what` is FIRST, SECOND or TRACE.  A chunk is a node of the given level; visited (chunks, M) counts its leaves.
    """
    blocks = (len(centers) + block - 1) // block
    chunks = len(sums)
    for task in prange(blocks * chunks):
        chunk, start = task % chunks, task // chunks * block
        stop = min(start + block, len(centers))
        _add_chunk(
            mantissas, tiles, exponents, size, offsets, boxes, tops, centers[start:stop], rates[start:stop],
            references[start:stop], points[start:stop], floors[start:stop], what, level, chunk,
            sums[chunk, start:stop], visited[chunk, start:stop],
        )  # fmt: skip
