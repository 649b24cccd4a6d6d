"""Log2 weights of many points at many queries: from inner products, or again, exactly, for those that count.

An array (M, n) goes through three stages in place: inner products of centred queries and points, log2 weights relative
to the best point, weights.  From products P the plain log2 weight is

    e_j - (|y_j|^2 - 2 P_j) rate,   rate = log2(e) / 2s,

y_j less the origin; it lacks a common |z|^2 rate.  Where that is not good enough it is a screen: what it leaves is
measured again, in double-double arithmetic, from coordinates as they were given.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda

from .cloud_reference import LOG2_E
from .cuda_arithmetic import BELOW_ALL, LARGEST_BITS, add_exactly, exp2_of
from .cuda_compilation import ON_SIMULATOR, kernel
from .cuda_long_rows import LANES, THREADS, add_lanes, square_of_lane, tree_sum

__all__ = [
    "MEASURERS",
    "SEGMENT",
    "best_points",
    "measure_again",
    "move_references",
    "weigh_again",
    "weigh_products",
]

#: Threads that measure points again, and points that a block of them looks through.
MEASURERS = 4 if ON_SIMULATOR else 128
SEGMENT = 8 * MEASURERS
_GROUPS = MEASURERS // LANES
#: A reference moves to a point that is better by more bits than this.
_BETTER = 0.5


@functools.cache
def best_points(real: Any, measured: bool) -> Any:
    """Return the kernel that raises levels and indices (M,) to the best point of a block of points, row by row.

    `table` (M, n) holds inner products, or levels if they were `measured`; the lowest index wins.  gains (M,) are
    2 P - |y|^2 there.
    """
    least, two, half = real(-math.inf), real(2.0), real(0.5 * LOG2_E)

    @kernel
    def find(
        table: Any, squares: Any, exponents: Any, variances: Any, start: int, levels: Any, gains: Any, indices: Any
    ) -> None:
        m, thread = cuda.blockIdx.x, cuda.threadIdx.x
        tops = cuda.shared.array(THREADS, real)
        places = cuda.shared.array(THREADS, np.int64)
        rate = half / variances[m]
        best, place = least, np.int64(0)
        for j in range(thread, table.shape[1], THREADS):
            level = table[m, j]
            if not measured:
                level = exponents[j] + rate * (two * level - squares[j])
            if level > best:
                best, place = level, np.int64(start + j)
        tops[thread], places[thread] = best, place
        stride = THREADS // 2
        while stride > 0:
            cuda.syncthreads()
            if thread < stride:
                other, there = tops[thread + stride], places[thread + stride]
                if other > tops[thread] or (other == tops[thread] and there < places[thread]):
                    tops[thread], places[thread] = other, there
            stride //= 2
        if thread == 0 and (start == 0 or tops[0] > levels[m]):
            levels[m], indices[m] = tops[0], places[0]
            if not measured:
                j = places[0] - start
                gains[m] = two * table[m, j] - squares[j]

    return find


@functools.cache
def weigh_products(real: Any) -> Any:
    """Return the kernel that turns inner products (M, n) into weights, and adds up w and w |y|^2, row by row.

    For the rows that are suited, and relative to the product of the best point: its own weight is then its mantissa,
    and exact where it dominates.  sums (2, M, 2) are high and low of either.
    """
    nothing, two, half, shape = real(0.0), real(2.0), real(0.5 * LOG2_E), (2, THREADS)
    exp2, least = _power(real)

    @kernel
    def weigh(
        table: Any, squares: Any, mantissas: Any, exponents: Any, variances: Any, references: Any, gains: Any,
        suited: Any, first: bool, sums: Any,
    ) -> None:  # fmt: skip
        m, thread = cuda.blockIdx.x, cuda.threadIdx.x
        if suited[m] == 0:
            return
        values = cuda.shared.array(shape, real)
        rate, gain, exponent = half / variances[m], gains[m], references[m, 2]
        mass, second = nothing, nothing
        for j in range(thread, table.shape[1], THREADS):
            level = (exponents[j] - exponent) + rate * ((two * table[m, j] - squares[j]) - gain)
            w = mantissas[j] * exp2(level) if level > least else nothing
            table[m, j] = w
            mass += w
            second += w * squares[j]
        values[0, thread], values[1, thread] = mass, second
        mass, second = tree_sum(values, 0, thread), tree_sum(values, 1, thread)
        if thread < 2:
            high, low = (nothing, nothing) if first else (sums[0, m, thread], sums[1, m, thread])
            sums[0, m, thread], sums[1, m, thread] = add_exactly(high, low, mass if thread == 0 else second)

    return weigh


@functools.cache
def measure_again(real: Any, measured: bool) -> Any:
    """Return the kernel that turns (M, n) inner products into levels relative to the reference, of active rows.

    Those of points whose plain level reaches the floor, from double-double squared distances; others are below all.
    If the levels were `measured` before, against another reference, those that are not below all are taken again.
    counts (M, segments) says how many they are.  A few threads share a point.
    """
    nothing, two, half = real(0.0), real(2.0), real(0.5 * LOG2_E)
    below, some = real(BELOW_ALL), real(0.5 * BELOW_ALL)

    @kernel
    def measure(
        table: Any, points: Any, squares: Any, exponents: Any, centers: Any, variances: Any, references: Any,
        floors: Any, active: Any, counts: Any,
    ) -> None:  # fmt: skip
        segment, m, thread = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x
        if active[m] == 0:
            return
        chosen = cuda.shared.array(SEGMENT, np.int32)
        found = cuda.shared.array(1, np.int32)
        highs = cuda.shared.array(MEASURERS, real)
        lows = cuda.shared.array(MEASURERS, real)
        rate, floor = half / variances[m], floors[m]
        if thread == 0:
            found[0] = 0
        cuda.syncthreads()
        for j in range(segment * SEGMENT + thread, min((segment + 1) * SEGMENT, table.shape[1]), MEASURERS):
            level = table[m, j]
            if not measured:
                level = exponents[j] + rate * (two * level - squares[j])
            if level >= (some if measured else floor):
                # Their order in the list does not matter: every level is found by itself.
                chosen[cuda.atomic.add(found, 0, 1)] = j
            else:
                table[m, j] = below
        cuda.syncthreads()
        count, group, lane = found[0], thread // LANES, thread % LANES
        if thread == 0:
            counts[m, segment] = count
        for first in range(0, count, _GROUPS):
            place = first + group
            if place < count:
                highs[thread], lows[thread] = square_of_lane(points, chosen[place], centers, m, lane, nothing)
            cuda.syncthreads()
            if place < count and lane == 0:
                high, low = add_lanes(highs, lows, thread)
                apart = (high - references[m, 0]) + (low - references[m, 1])
                table[m, chosen[place]] = (exponents[chosen[place]] - references[m, 2]) - rate * apart
            cuda.syncthreads()

    return measure


@functools.cache
def move_references(real: Any) -> Any:
    """Return the kernel that moves indices (M,) to points that were measured to be better, and says which moved."""
    better = real(_BETTER)

    @kernel
    def move(levels: Any, places: Any, indices: Any, moved: Any) -> None:
        m = cuda.blockIdx.x * THREADS + cuda.threadIdx.x
        if m < indices.size:
            moved[m] = 1 if levels[m] > better else 0
            if levels[m] > better:
                indices[m] = places[m]

    return move


@functools.cache
def weigh_again(real: Any) -> Any:
    """Return the kernel that turns measured levels (M, n) into weights and adds them to sums (2, M, 2).

    Segments without any point that counts are left as they are.
    """
    nothing, shape = real(0.0), (1, THREADS)
    exp2, least = _power(real)

    @kernel
    def weigh(table: Any, mantissas: Any, counts: Any, first: bool, sums: Any) -> None:
        m, thread = cuda.blockIdx.x, cuda.threadIdx.x
        values = cuda.shared.array(shape, real)
        mass = nothing
        for segment in range(counts.shape[1]):
            if counts[m, segment] > 0:
                start = segment * SEGMENT
                for j in range(start + thread, min(start + SEGMENT, table.shape[1]), THREADS):
                    level = table[m, j]
                    w = mantissas[j] * exp2(level) if level > least else nothing
                    table[m, j] = w
                    mass += w
        values[0, thread] = mass
        mass = tree_sum(values, 0, thread)
        if thread == 0:
            high, low = (nothing, nothing) if first else (sums[0, m, 0], sums[1, m, 0])
            sums[0, m, 0], sums[1, m, 0] = add_exactly(high, low, mass)

    return weigh


def _power(real: Any) -> tuple[Any, Any]:
    """Return 2**x for a precision, and the level below which weights are zero."""
    return exp2_of(real), real(-LARGEST_BITS[np.dtype(real)])
