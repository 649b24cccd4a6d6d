"""Best points, and where inner products are good enough: as in `cloud_products`, with centred coordinates.

An inner product is off by about c eps sum_k |z_k||y_k|, c = 1/2 + sqrt(d)/6, both less the origin: 1/2 for rounding
those, the rest for adding up.  That is harmless where it changes exponents by a few eps, or by a few eps times their
sensitivity to the points as given, sum_k |y_k||y_k - z_k| / s.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda

from .cloud_judgement import FEW_EPS, MANY_EPS
from .cloud_reference import LOG2_E
from .cuda_compilation import kernel
from .cuda_long_rows import LANES, THREADS, add_lanes, square_of_lane, tree_sum

__all__ = ["finish_products", "finish_traces", "judge_references"]

#: How many eps, or eps times the sensitivity to the points, an exponent may be off; and at most, whatever that is.
_PRODUCT_LIMIT, _LARGEST_ERROR = 16.0, 2.0**-10
#: How many eps it may be off where covariances are wanted, and by what its subtraction may exceed a trace: together
#: they leave 1e-11 of it in double precision.
_TRACE_LIMIT, _CANCELLATION = 4096.0, 1000.0
_LN_2 = math.log(2.0)


@functools.cache
def judge_references(real: Any) -> Any:
    """Return the kernel that measures best points and asks whether inner products will do, row by row.

    references (M, 3) are |y_r - z|^2, high and low, and the exponent of the weight; floors (M,) are below the plain
    levels of all points up to some bits below the best one; losses (M,) are by how many eps products change exponents;
    suited (M,) is 1 where that is good enough.
    """
    nothing, two, half, shape = real(0.0), real(2.0), real(0.5), (3, THREADS)
    half_log, eps, limit = real(0.5 * LOG2_E), real(np.finfo(real).eps), real(_PRODUCT_LIMIT)
    largest, trace_limit = real(_LARGEST_ERROR / np.finfo(real).eps), real(_TRACE_LIMIT)
    eight, sixth = real(8.0), real(1.0 / 6.0)

    @kernel
    def judge(
        points: Any, centred_points: Any, exponents: Any, centers: Any, centred: Any, variances: Any, radius: Any,
        bits: Any, levels: Any, indices: Any, for_traces: bool, references: Any, floors: Any, losses: Any,
        suited: Any,
    ) -> None:  # fmt: skip
        m, thread, d = cuda.blockIdx.x, cuda.threadIdx.x, centers.shape[1]
        values = cuda.shared.array(shape, real)
        highs = cuda.shared.array(LANES, real)
        lows = cuda.shared.array(LANES, real)
        r = indices[m]
        if thread < LANES:
            highs[thread], lows[thread] = square_of_lane(points, r, centers, m, thread, nothing)
        lost, sensitivity, size = nothing, nothing, nothing
        for k in range(thread, d, THREADS):
            y, z = points[r, k], centers[m, k]
            sensitivity += abs(y) * abs(y - z)
            y, z = centred_points[r, k], centred[m, k]
            lost += abs(y) * (abs(z) + half * abs(y))
            size += z * z
        values[0, thread], values[1, thread], values[2, thread] = lost, sensitivity, size
        lost, sensitivity = tree_sum(values, 0, thread), tree_sum(values, 1, thread)
        size = math.sqrt(tree_sum(values, 2, thread)) + radius
        if thread == 0:
            s, dimension = variances[m], real(d)
            rate = half_log / s
            high, low = add_lanes(highs, lows, 0)
            # The larger part is the rounded value: log masses are made of it alone.
            references[m, 0] = high + low
            references[m, 1], references[m, 2] = low - (references[m, 0] - high), exponents[r]
            floors[m] = levels[m] - (bits + two * (dimension + eight) * eps * size * size * rate)
            lost *= half + sixth * math.sqrt(dimension)
            losses[m] = lost / s
            allowed = trace_limit * s if for_traces else limit * max(s, sensitivity)
            suited[m] = 1 if lost <= min(allowed, largest * s) else 0

    return judge


@functools.cache
def finish_products(real: Any) -> Any:
    """Return the kernel that makes moments of the sums of w and w |y|^2 (2, M, 2), w y (2, M, d), for suited rows.

    Rows are suited no longer where what is weighed nearly cancels, so that products are too coarse.
    """
    nothing, half, shape, ln_2 = real(0.0), real(0.5), (2, THREADS), real(_LN_2)
    few, many = real(FEW_EPS), real(MANY_EPS)

    @kernel
    def finish(
        sums: Any, totals: Any, origin: Any, centred: Any, points: Any, indices: Any, references: Any, variances: Any,
        losses: Any, log_total: Any, suited: Any, log_mass: Any, mean: Any, displacement: Any, anchor: Any,
        log_rest: Any,
    ) -> None:  # fmt: skip
        m, thread = cuda.blockIdx.x, cuda.threadIdx.x
        if suited[m] == 0:
            return
        values = cuda.shared.array(shape, real)
        mass, r = sums[0, m, 0] + sums[1, m, 0], indices[m]
        square, apart_square = nothing, nothing
        for k in range(thread, origin.size, THREADS):
            value = (totals[0, m, k] + totals[1, m, k]) / mass
            apart = value - centred[m, k]
            square += value * value
            apart_square += apart * apart
            mean[m, k], displacement[m, k], anchor[m, k] = origin[k] + value, apart, points[r, k]
        values[0, thread], values[1, thread] = square, apart_square
        square, apart_square = tree_sum(values, 0, thread), tree_sum(values, 1, thread)
        if thread == 0:
            spread = math.sqrt(max((sums[0, m, 1] + sums[1, m, 1]) / mass - square, nothing))
            if losses[m] > few and losses[m] * spread > many * math.sqrt(apart_square):
                suited[m] = 0
            rest = (math.log(mass) + references[m, 2] * ln_2) - log_total
            log_rest[m] = rest
            log_mass[m] = rest - half * references[m, 0] / variances[m]

    return finish


@functools.cache
def finish_traces(real: Any) -> Any:
    """Return the kernel that makes traces of the same sums, for suited rows; not where the subtraction loses much."""
    nothing, shape, limit = real(0.0), (1, THREADS), real(_CANCELLATION)

    @kernel
    def finish(sums: Any, totals: Any, suited: Any, traces: Any) -> None:
        m, thread = cuda.blockIdx.x, cuda.threadIdx.x
        if suited[m] == 0:
            return
        values = cuda.shared.array(shape, real)
        mass, square = sums[0, m, 0] + sums[1, m, 0], nothing
        for k in range(thread, totals.shape[2], THREADS):
            value = (totals[0, m, k] + totals[1, m, k]) / mass
            square += value * value
        values[0, thread] = square
        square = tree_sum(values, 0, thread)
        if thread == 0:
            trace = (sums[0, m, 1] + sums[1, m, 1]) / mass - square
            traces[m] = trace
            if not square <= limit * trace:
                suited[m] = 0

    return finish
