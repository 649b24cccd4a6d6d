"""Sums over the points that have a weight, coordinate by coordinate, without a product of matrices.

Segments of points are added up plainly, and segments in two numbers.  Segments where no point counts are skipped.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from numba import cuda

from .cuda_arithmetic import add_exactly
from .cuda_compilation import ON_SIMULATOR, kernel
from .cuda_long_levels import SEGMENT
from .cuda_long_rows import THREADS, tree_sum

__all__ = [
    "COLUMNS",
    "SIDE",
    "TILE",
    "add_first",
    "add_second",
    "finish_covariances",
    "finish_first",
    "finish_trace",
    "pairs",
]

#: Coordinates of a block of threads.
COLUMNS = 4 if ON_SIMULATOR else 128
#: Threads along a side of a tile of a matrix, and entries of each along a side.
SIDE, _EACH = (2, 2) if ON_SIMULATOR else (16, 2)
#: Entries of a covariance along a side of a tile.
TILE = SIDE * _EACH
_LN_2 = math.log(2.0)


def pairs(dimension: int) -> int:
    """Return how many tiles there are on and above the diagonal of a covariance."""
    tiles = -(-dimension // TILE)
    return tiles * (tiles + 1) // 2


@functools.cache
def add_first(real: Any, spread: bool) -> Any:
    """Return the kernel that adds to totals (4, M, d): w y, w (y - z), high and low each.

    Or, for a `spread`, w (y - y_r) and w (y_k - y_rk)^2: z is then the best point.
    """
    nothing = real(0.0)

    @kernel
    def add(weights: Any, counts: Any, points: Any, origins: Any, first: bool, totals: Any) -> None:
        k, m = cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x, cuda.blockIdx.y
        if k >= points.shape[1]:
            return
        origin = origins[m, k]
        a_high, a_low, b_high, b_low = nothing, nothing, nothing, nothing
        if not first:
            a_high, a_low, b_high, b_low = totals[0, m, k], totals[1, m, k], totals[2, m, k], totals[3, m, k]
        for segment in range(counts.shape[1]):
            if counts[m, segment] == 0:
                continue
            a, b = nothing, nothing
            for j in range(segment * SEGMENT, min((segment + 1) * SEGMENT, weights.shape[1])):
                w = weights[m, j]
                if w != nothing:
                    y = points[j, k]
                    apart = y - origin
                    if spread:
                        a += w * apart
                        b += w * apart * apart
                    else:
                        a += w * y
                        b += w * apart
            a_high, a_low = add_exactly(a_high, a_low, a)
            b_high, b_low = add_exactly(b_high, b_low, b)
        totals[0, m, k], totals[1, m, k], totals[2, m, k], totals[3, m, k] = a_high, a_low, b_high, b_low

    return add


@functools.cache
def add_second(real: Any) -> Any:
    """Return the kernel that adds w (y - y_r)(y - y_r)' to totals (2, M, d, d), on and above the diagonal."""
    nothing, entries = real(0.0), (_EACH, _EACH)

    @kernel
    def add(weights: Any, counts: Any, points: Any, origins: Any, first: bool, totals: Any) -> None:
        m, d = cuda.blockIdx.y, points.shape[1]
        # Tile (row, column) of the upper triangle, counted column by column.
        row, column = cuda.blockIdx.x, 0
        while row > column:
            column += 1
            row -= column
        high, low = cuda.local.array(entries, real), cuda.local.array(entries, real)
        part = cuda.local.array(entries, real)
        left, right = cuda.local.array(_EACH, real), cuda.local.array(_EACH, real)
        top, side = row * TILE + cuda.threadIdx.y, column * TILE + cuda.threadIdx.x
        for i in range(_EACH):
            for j in range(_EACH):
                high[i, j], low[i, j] = nothing, nothing
                if not first and top + i * SIDE < d and side + j * SIDE < d:
                    high[i, j] = totals[0, m, top + i * SIDE, side + j * SIDE]
                    low[i, j] = totals[1, m, top + i * SIDE, side + j * SIDE]
        for segment in range(counts.shape[1]):
            if counts[m, segment] == 0:
                continue
            for i in range(_EACH):
                for j in range(_EACH):
                    part[i, j] = nothing
            for n in range(segment * SEGMENT, min((segment + 1) * SEGMENT, weights.shape[1])):
                w = weights[m, n]
                if w != nothing:
                    for i in range(_EACH):
                        k, other = min(top + i * SIDE, d - 1), min(side + i * SIDE, d - 1)
                        left[i] = w * (points[n, k] - origins[m, k])
                        right[i] = points[n, other] - origins[m, other]
                    for i in range(_EACH):
                        for j in range(_EACH):
                            part[i, j] += left[i] * right[j]
            for i in range(_EACH):
                for j in range(_EACH):
                    high[i, j], low[i, j] = add_exactly(high[i, j], low[i, j], part[i, j])
        for i in range(_EACH):
            for j in range(_EACH):
                if top + i * SIDE < d and side + j * SIDE < d:
                    totals[0, m, top + i * SIDE, side + j * SIDE] = high[i, j]
                    totals[1, m, top + i * SIDE, side + j * SIDE] = low[i, j]

    return add


@functools.cache
def finish_first(real: Any) -> Any:
    """Return the kernel that makes moments of the sums of w (2, M, 2) and of totals, each at its place in the batch.

    again (M,) says where points that were left out might count: `left` is their mass at most, relative to the
    reference, over the tolerance, and none is farther from 0 than the reach.
    """
    nothing, shape = real(0.0), (2, THREADS)
    half, ln_2 = real(0.5), real(_LN_2)

    @kernel
    def finish(
        sums: Any, totals: Any, points: Any, indices: Any, references: Any, variances: Any, log_total: Any,
        squares: Any, radius: Any, reach: Any, left: Any, again: Any, places: Any, log_mass: Any, mean: Any,
        displacement: Any, anchor: Any, log_rest: Any,
    ) -> None:  # fmt: skip
        m, thread = cuda.blockIdx.x, cuda.threadIdx.x
        values = cuda.shared.array(shape, real)
        square, apart_square = nothing, nothing
        place, r, mass = places[m], indices[m], sums[0, m, 0] + sums[1, m, 0]
        for k in range(thread, points.shape[1], THREADS):
            value = (totals[0, m, k] + totals[1, m, k]) / mass
            apart = (totals[2, m, k] + totals[3, m, k]) / mass
            mean[place, k], displacement[place, k], anchor[place, k] = value, apart, points[r, k]
            square += value * value
            apart_square += apart * apart
        values[0, thread], values[1, thread] = square, apart_square
        square, apart_square = tree_sum(values, 0, thread), tree_sum(values, 1, thread)
        if thread == 0:
            rest = (math.log(mass) + references[m, 2] * ln_2) - log_total
            log_rest[place] = rest
            log_mass[place] = rest - half * references[m, 0] / variances[m]
            far = math.sqrt(squares[m]) + radius
            enough = left * reach <= mass * math.sqrt(square) and left * far <= mass * math.sqrt(apart_square)
            again[m] = 0 if enough else 1

    return finish


@functools.cache
def finish_trace(real: Any) -> Any:
    """Return the kernel that makes traces of the sums about the best point, each at its place in the batch."""
    nothing, shape = real(0.0), (1, THREADS)

    @kernel
    def finish(sums: Any, totals: Any, places: Any, traces: Any) -> None:
        m, thread = cuda.blockIdx.x, cuda.threadIdx.x
        values = cuda.shared.array(shape, real)
        mass, trace = sums[0, m, 0] + sums[1, m, 0], nothing
        for k in range(thread, totals.shape[2], THREADS):
            apart = (totals[0, m, k] + totals[1, m, k]) / mass
            trace += (totals[2, m, k] + totals[3, m, k]) / mass - apart * apart
        values[0, thread] = trace
        trace = tree_sum(values, 0, thread)
        if thread == 0:
            traces[places[m]] = trace

    return finish


@kernel
def finish_covariances(sums: Any, totals: Any, second: Any, covariances: Any) -> None:
    """Make covariances (M, d, d) of the sums of w, of w (y - y_r) and of their products (2, M, d, d)."""
    m, d = cuda.blockIdx.x, covariances.shape[1]
    mass = sums[0, m, 0] + sums[1, m, 0]
    for place in range(cuda.threadIdx.x, d * d, THREADS):
        i, j = place // d, place % d
        if i <= j:
            apart, other = (totals[0, m, i] + totals[1, m, i]) / mass, (totals[0, m, j] + totals[1, m, j]) / mass
            value = (second[0, m, i, j] + second[1, m, i, j]) / mass - apart * other
            covariances[m, i, j], covariances[m, j, i] = value, value
