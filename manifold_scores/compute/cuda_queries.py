"""What is decided query by query on the card, one thread each: references, and whether the sums are good enough."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import cuda

from .cloud_judgement import judge
from .cloud_reference import LARGEST_DOUBT, LOG2_E
from .cloud_weights import doubtful_bits, needs_exact
from .cuda_arithmetic import LARGEST_BITS, add_exactly, add_square
from .cuda_compilation import kernel, of_arrays

__all__ = ["choose_reference", "fill_rates", "improve_reference", "merge_and_judge"]

_judge = of_arrays(judge)


@functools.cache
def fill_rates(real: Any) -> Any:
    """Return the kernel that fills rates (M,) with log2(e) / 2s, and bits (M,) with how far sums reach at first."""
    half = real(0.5 * LOG2_E)

    @kernel
    def fill(variances: Any, first_bits: Any, rates: Any, bits: Any) -> None:
        m = cuda.grid(1)
        if m < rates.size:
            rates[m], bits[m] = half / variances[m], first_bits

    return fill


@functools.cache
def choose_reference(d: int, real: Any) -> Any:
    """Return the kernel that fills references (M, 7) and indices (M,) from the best points of chunks (chunks, M).

    A reference is |y_r - z|^2 as high and low, the exponent of its weight, whether exponents are taken exactly, the
    plain level below which no point is the best one, and by how many bits plain arithmetic may be wrong about that
    (0 where it does not matter); the last column is that of `cloud_judgement`, for inner products.
    """
    nothing, one, four = real(0.0), real(1.0), real(4.0)
    # Doubts are in units of the rounding of the arithmetic.
    unit = np.finfo(real).eps / np.finfo(np.float64).eps

    @kernel
    def choose(
        points: Any, exponents: Any, centers: Any, rates: Any, levels: Any, chunk_indices: Any, references: Any,
        indices: Any,
    ) -> None:  # fmt: skip
        m = cuda.grid(1)
        if m >= rates.size:
            return
        best, index = levels[0, m], chunk_indices[0, m]
        for chunk in range(1, levels.shape[0]):
            if levels[chunk, m] > best:
                best, index = levels[chunk, m], chunk_indices[chunk, m]
        high, low, square = nothing, nothing, nothing
        for k in range(d):
            apart = points[index, k] - centers[m, k]
            square += apart * apart
            high, low = add_square(high, low, points[index, k], centers[m, k])
        doubt = unit * doubtful_bits(d, np.float64(square), np.float64(rates[m]))
        exact = needs_exact(d, np.float64(square), np.float64(rates[m]))
        references[m, 0], references[m, 1] = (high, low) if exact else (square, nothing)
        references[m, 2], references[m, 3] = exponents[index], one if exact else nothing
        references[m, 4] = best - four * real(doubt)
        references[m, 5] = real(doubt) if exact and doubt > LARGEST_DOUBT else nothing
        references[m, 6] = nothing
        indices[m] = index

    return choose


@functools.cache
def improve_reference(d: int, real: Any) -> Any:
    """Return the kernel that moves doubtful references to points better by half a bit in exact arithmetic."""
    nothing, least = real(0.0), real(0.5)

    @kernel
    def improve(
        points: Any, exponents: Any, centers: Any, levels: Any, chunk_indices: Any, references: Any, indices: Any,
    ) -> None:  # fmt: skip
        m = cuda.grid(1)
        if m >= indices.size or not references[m, 5] > nothing:
            return
        best, index = least, indices[m]
        for chunk in range(levels.shape[0]):
            if levels[chunk, m] > best:
                best, index = levels[chunk, m], chunk_indices[chunk, m]
        if index != indices[m]:
            high, low = nothing, nothing
            for k in range(d):
                high, low = add_square(high, low, points[index, k], centers[m, k])
            references[m, 0], references[m, 1], references[m, 2] = high, low, exponents[index]
            indices[m] = index

    return improve


@functools.cache
def merge_and_judge(real: Any, what: int, places: tuple[int, ...]) -> Any:
    """Return the kernel that adds up chunks into sums (M, rows, columns) and asks whether they left out too much.

    `bits` becomes 0 for a query that is done, and otherwise how far the next round reaches; pending (blocks,) says
    where there is one.  lost (M, 3) bounds w, w |y| and w |y - z| over what was left out, as shares of the mass.
    """
    nothing, limit = real(0.0), LARGEST_BITS[np.dtype(real)]
    size = len(places)

    @kernel
    def finish(
        partial: Any, centers: Any, points: Any, rates: Any, references: Any, indices: Any, top: float, radius: float,
        count: int, tolerance: float, bits: Any, sums: Any, lost: Any, pending: Any,
    ) -> None:  # fmt: skip
        m, again = cuda.grid(1), False
        if m < bits.size and bits[m] > nothing:
            width = sums.shape[2]
            for n in range(size):
                place = places[n]
                high, low = partial[0, m, place], nothing
                for chunk in range(1, partial.shape[0]):
                    high, low = add_exactly(high, low, partial[chunk, m, place])
                sums[m, place // width, place % width] = high + low
            reach = np.float64(bits[m])
            missing, wanted, mass, value, apart = _judge(
                what, sums[m], centers[m], points[indices[m]], rates[m], references[m], top, radius, count, tolerance,
                reach,
            )  # fmt: skip
            # In the unit of the best point, whose mantissa alone is half of it at least.
            lost[m, 0], lost[m, 1], lost[m, 2] = 2.0 * mass, 2.0 * value, 2.0 * apart
            again = bool(missing and reach < limit)
            bits[m] = real(min(wanted, limit)) if again else nothing
        waits = cuda.syncthreads_or(np.int32(again))
        if cuda.threadIdx.x == 0:
            pending[cuda.blockIdx.x] = waits

    return finish
