"""What blocks of threads do together for one row: sums in a fixed order, and moves of rows.

Shared arrays stand on lines of their own, by which the simulator tells them apart.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from numba import cuda

from .cuda_arithmetic import add_exactly, add_square
from .cuda_compilation import ON_SIMULATOR, device, kernel

__all__ = [
    "LANES",
    "THREADS",
    "add_lanes",
    "add_part",
    "centre_rows",
    "divide",
    "square_of_lane",
    "sum_columns",
    "take_rows",
    "tree_sum",
]

#: Threads of a block that work on one row together: a power of two.
THREADS = 4 if ON_SIMULATOR else 256
#: Threads that add up a squared distance in double-double arithmetic together.
LANES = 2 if ON_SIMULATOR else 8


@device
def square_of_lane(points: Any, j: int, centers: Any, m: int, lane: int, nothing: Any) -> Any:
    """Return what a lane adds to |y - z|^2, as a pair: every LANES-th coordinate."""
    high, low = nothing, nothing
    for k in range(lane, points.shape[1], LANES):
        high, low = add_square(high, low, points[j, k], centers[m, k])
    return high, low


@device
def add_lanes(highs: Any, lows: Any, first: int) -> Any:
    """Return |y - z|^2 as a pair, from those of its lanes, the same bits wherever a point is measured."""
    high, low = highs[first], lows[first]
    for lane in range(1, LANES):
        high, low = add_exactly(high, low + lows[first + lane], highs[first + lane])
    return high, low


@device
def tree_sum(values: Any, row: int, thread: int) -> Any:
    """Return the sum of values[row], one of each thread, the same for all: pairs at half the distance each time."""
    stride = THREADS // 2
    while stride > 0:
        cuda.syncthreads()
        if thread < stride:
            values[row, thread] += values[row, thread + stride]
        stride //= 2
    cuda.syncthreads()
    return values[row, 0]


@functools.cache
def sum_columns(real: Any) -> Any:
    """Return the kernel that fills sums (parts, d) with the sums of `width` rows of an array (N, d) each."""
    nothing = real(0.0)

    @kernel
    def add(array: Any, width: int, sums: Any) -> None:
        part, k = cuda.blockIdx.x, cuda.blockIdx.y * THREADS + cuda.threadIdx.x
        if k >= array.shape[1]:
            return
        high, low = nothing, nothing
        for i in range(part * width, min((part + 1) * width, array.shape[0])):
            high, low = add_exactly(high, low, array[i, k])
        sums[part, k] = high + low

    return add


@kernel
def divide(sums: Any, count: Any, means: Any) -> None:
    """Fill means (d,) with sums (1, d) over the count."""
    k = cuda.blockIdx.x * THREADS + cuda.threadIdx.x
    if k < means.size:
        means[k] = sums[0, k] / count


@functools.cache
def centre_rows(real: Any) -> Any:
    """Return the kernel that fills centred (N, d) with rows less the origin, and squares (N,) of their norms."""
    nothing, shape = real(0.0), (1, THREADS)

    @kernel
    def centre(rows: Any, origin: Any, centred: Any, squares: Any) -> None:
        i, thread = cuda.blockIdx.x, cuda.threadIdx.x
        values = cuda.shared.array(shape, real)
        square = nothing
        for k in range(thread, origin.size, THREADS):
            apart = rows[i, k] - origin[k]
            centred[i, k] = apart
            square += apart * apart
        values[0, thread] = square
        total = tree_sum(values, 0, thread)
        if thread == 0:
            squares[i] = total

    return centre


@kernel
def take_rows(rows: Any, scalars: Any, places: Any, some_rows: Any, some_scalars: Any) -> None:
    """Fill some_rows (m, d) and some_scalars (m,) with those at places (m,)."""
    m, thread = cuda.blockIdx.x, cuda.threadIdx.x
    for k in range(thread, rows.shape[1], THREADS):
        some_rows[m, k] = rows[places[m], k]
    if thread == 0:
        some_scalars[m] = scalars[places[m]]


@functools.cache
def add_part(real: Any) -> Any:
    """Return the kernel that adds part (M, d) to totals (2, M, d), high and low; to nothing if it is the first."""
    nothing = real(0.0)

    @kernel
    def add(part: Any, first: bool, totals: Any) -> None:
        m = cuda.blockIdx.x
        for k in range(cuda.threadIdx.x, part.shape[1], THREADS):
            high, low = (nothing, nothing) if first else (totals[0, m, k], totals[1, m, k])
            totals[0, m, k], totals[1, m, k] = add_exactly(high, low, part[m, k])

    return add


@kernel
def bound_left_out(squares: Any, share: float, reach: float, radius: float, lost: Any) -> None:
    """Fill lost (M, 3) with what points of this share of the mass can add to it, to the mean, to the displacement.

    No |y| is above the reach, and no |y - z| above |z - o| + radius; squares (M,) are |z - o|^2 of the origin o.
    """
    m = cuda.blockIdx.x * THREADS + cuda.threadIdx.x
    if m < squares.size:
        lost[m, 0], lost[m, 1] = share, 2.0 * share * reach
        lost[m, 2] = 2.0 * share * (math.sqrt(squares[m]) + radius)
