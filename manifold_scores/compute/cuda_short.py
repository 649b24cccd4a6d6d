"""Kernels for points of few coordinates: one thread a query, tiles of points in shared memory, sums in registers.

A thread keeps its query and its sums in registers.  The threads of a block load a tile of points together, and every
thread then goes through it; a tile whose box is too far away for all queries of the block is not loaded.  Points stand
in the order of a k-d tree, so that boxes are small.  The grid has a second direction, chunks of tiles, which depends on
the number of points only: few queries fill the card too, and no result depends on the other queries.

The sums over a tile are plain, those over tiles are carried in two numbers.  What is measured against what, and when
squared distances are taken in double-double arithmetic, is as in `cloud_weights`.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda

from .cloud_blocks import FIRST, SECOND
from .cuda_arithmetic import add_exactly, add_square, exp2_of
from .cuda_compilation import ON_SIMULATOR, device, kernel

__all__ = ["THREADS", "columns", "enclosing", "search", "sums"]

#: Queries of a block and points of a tile.
THREADS = 8 if ON_SIMULATOR else 128


@functools.cache
def enclosing(d: int, real: Any) -> Any:
    """Return the kernel that fills boxes (T, 2, d) of tiles and their largest exponents (T,), one thread a tile."""

    @kernel
    def enclose(points: Any, exponents: Any, boxes: Any, tops: Any) -> None:
        i = cuda.grid(1)
        if i >= tops.size:
            return
        start, stop = i * THREADS, min((i + 1) * THREADS, exponents.size)
        tops[i] = exponents[start]
        for k in range(d):
            boxes[i, 0, k], boxes[i, 1, k] = points[start, k], points[start, k]
        for j in range(start + 1, stop):
            tops[i] = max(tops[i], exponents[j])
            for k in range(d):
                boxes[i, 0, k] = min(boxes[i, 0, k], points[j, k])
                boxes[i, 1, k] = max(boxes[i, 1, k], points[j, k])

    return enclose


@functools.cache
def _levels(d: int, real: Any) -> tuple[Any, Any, Any]:
    """Return functions for the log2 weight of a box, of a point of a tile, and of one relative to the reference."""
    nothing = real(0.0)

    @device
    def of_box(boxes: Any, tops: Any, i: int, z: Any, rate: Any) -> Any:
        square = nothing
        for k in range(d):
            apart = max(boxes[i, 0, k] - z[k], z[k] - boxes[i, 1, k], nothing)
            square += apart * apart
        return tops[i] - rate * square

    @device
    def plain(tile: Any, j: int, z: Any, rate: Any, shift: Any) -> Any:
        square = nothing
        for k in range(d):
            apart = tile[k, j] - z[k]
            square += apart * apart
        return (tile[d, j] + shift) - rate * square

    @device
    def exact(tile: Any, j: int, z: Any, rate: Any, reference: Any) -> Any:
        high, low = nothing, nothing
        for k in range(d):
            high, low = add_square(high, low, tile[k, j], z[k])
        return (tile[d, j] - reference[2]) - rate * ((high - reference[0]) + (low - reference[1]))

    return of_box, plain, exact


@functools.cache
def _loading(d: int, real: Any) -> Any:
    """Return the function by which a thread puts point j and its exponent into a tile; past the end, one below all."""
    below = real(-math.inf)

    @device
    def load(tile: Any, points: Any, exponents: Any, j: int, thread: int) -> None:
        tile[d, thread] = exponents[j] if j < exponents.size else below
        j = min(j, exponents.size - 1)
        for k in range(d):
            tile[k, thread] = points[j, k]

    return load


@functools.cache
def search(d: int, real: Any, exact: bool) -> Any:
    """Return the kernel that fills levels and indices (chunks, M) with the best point of every chunk at each query.

    Plain log2 weights; or, if `exact`, those relative to the reference, of the queries whose reference is in doubt.
    """
    nothing, shape = real(0.0), (d + 1, THREADS)
    level_of_box, plain_level, exact_level = _levels(d, real)
    load = _loading(d, real)

    @kernel
    def find(
        points: Any, exponents: Any, boxes: Any, tops: Any, centers: Any, rates: Any, references: Any, width: int,
        levels: Any, indices: Any,
    ) -> None:  # fmt: skip
        thread, chunk = cuda.threadIdx.x, cuda.blockIdx.y
        m = cuda.blockIdx.x * THREADS + thread
        tile = cuda.shared.array(shape, real)
        z = cuda.local.array(d, real)
        mine = m < centers.shape[0]
        if exact and mine:
            mine = references[m, 5] > nothing
        if cuda.syncthreads_or(np.int32(mine)) == 0:
            return
        first, last = chunk * width, min((chunk + 1) * width, tops.size)
        row = m if mine else 0
        rate = rates[row]
        for k in range(d):
            z[k] = centers[row, k]
        reference = references[row]
        # The tile that promises most comes first, so that the others can be skipped.
        start, promise = first, -math.inf
        for i in range(first, last):
            level = level_of_box(boxes, tops, i, z, rate)
            if level > promise:
                start, promise = i, level
        best, index = real(-math.inf), start * THREADS
        if not exact:
            for j in range(start * THREADS, min((start + 1) * THREADS, exponents.size)):
                square = nothing
                for k in range(d):
                    apart = points[j, k] - z[k]
                    square += apart * apart
                level = exponents[j] - rate * square
                if level > best:
                    best, index = level, j
        for i in range(first, last):
            bound = level_of_box(boxes, tops, i, z, rate)
            wanted = mine and (bound >= reference[4] if exact else bound >= best)
            if cuda.syncthreads_or(np.int32(wanted)) == 0:
                continue
            load(tile, points, exponents, i * THREADS + thread, thread)
            cuda.syncthreads()
            if wanted:
                for j in range(THREADS):
                    if exact:
                        level = exact_level(tile, j, z, rate, reference)
                    else:
                        level = plain_level(tile, j, z, rate, nothing)
                    if level > best:
                        best, index = level, i * THREADS + j
            cuda.syncthreads()
        if mine:
            levels[chunk, m], indices[chunk, m] = best, index

    return find


def columns(d: int, what: int) -> tuple[int, ...]:
    """Return where the sums of a query stand, in the layout of `cloud_blocks`: mass, then the others in order."""
    if what == SECOND:
        return (
            d * (d + 1),
            *(k * (d + 1) for k in range(d)),
            *(k * (d + 1) + 1 + other for k in range(d) for other in range(k, d)),
        )
    return tuple(range(2 * d + 1 if what == FIRST else d + 2))


@functools.cache
def sums(d: int, real: Any, what: int, exact: bool) -> Any:
    """Return the kernel that fills out (chunks, M, columns) for the queries that are active and exact, or not.

    FIRST: w, w y, w (y - z); TRACE: w, w (y - y_r), w |y - y_r|^2; SECOND: w, w (y - y_r), w (y - y_r)(y - y_r)'.
    """
    places = columns(d, what)
    size, shape = len(places), (d + 2, THREADS)
    nothing = real(0.0)
    level_of_box, plain_level, exact_level = _levels(d, real)
    load = _loading(d, real)
    exp2 = exp2_of(real)

    @kernel
    def add(
        points: Any, mantissas: Any, exponents: Any, boxes: Any, tops: Any, centers: Any, rates: Any, references: Any,
        indices: Any, bits: Any, width: int, out: Any,
    ) -> None:  # fmt: skip
        thread, chunk = cuda.threadIdx.x, cuda.blockIdx.y
        m = cuda.blockIdx.x * THREADS + thread
        tile = cuda.shared.array(shape, real)
        z, origin = cuda.local.array(d, real), cuda.local.array(d, real)
        part = cuda.local.array(size, real)
        high_sum, low_sum = cuda.local.array(size, real), cuda.local.array(size, real)
        mine = m < centers.shape[0]
        if mine:
            mine = bits[m] > nothing and (references[m, 3] > nothing) == exact
        if cuda.syncthreads_or(np.int32(mine)) == 0:
            return
        row = m if mine else 0
        reference, rate = references[row], rates[row]
        floor, shift = reference[4] - bits[row], reference[0] * rate - reference[2]
        for k in range(d):
            z[k] = centers[row, k]
            # What else is summed is measured from the query, or from the best point.
            origin[k] = z[k] if what == FIRST else points[indices[row], k]
        for n in range(size):
            high_sum[n], low_sum[n] = nothing, nothing
        for i in range(chunk * width, min((chunk + 1) * width, tops.size)):
            wanted = mine and level_of_box(boxes, tops, i, z, rate) >= floor
            if cuda.syncthreads_or(np.int32(wanted)) == 0:
                continue
            j = i * THREADS + thread
            load(tile, points, exponents, j, thread)
            tile[d + 1, thread] = mantissas[j] if j < exponents.size else nothing
            cuda.syncthreads()
            if wanted:
                for n in range(size):
                    part[n] = nothing
                for j in range(THREADS):
                    level = exact_level(tile, j, z, rate, reference) if exact else plain_level(tile, j, z, rate, shift)
                    w = exp2(level) * tile[d + 1, j]
                    part[0] += w
                    if what == FIRST:
                        for k in range(d):
                            part[1 + k] += w * tile[k, j]
                            part[1 + d + k] += w * (tile[k, j] - origin[k])
                    elif what == SECOND:
                        n = 1 + d
                        for k in range(d):
                            apart = tile[k, j] - origin[k]
                            weighted = w * apart
                            part[1 + k] += weighted
                            for other in range(k, d):
                                part[n] += weighted * (tile[other, j] - origin[other])
                                n += 1
                    else:
                        for k in range(d):
                            apart = tile[k, j] - origin[k]
                            weighted = w * apart
                            part[1 + k] += weighted
                            part[1 + d] += weighted * apart
                for n in range(size):
                    high_sum[n], low_sum[n] = add_exactly(high_sum[n], low_sum[n], part[n])
            cuda.syncthreads()
        if mine:
            for n in range(size):
                out[chunk, m, places[n]] = high_sum[n] + low_sum[n]

    return add
