"""From the moments of a measure to the targets of diffusion, on the card: one thread a number or a query.

Numbers that belong to a time, rather than to a query, come as arrays of one entry, for all queries, or of one entry
each.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda

from .cuda_compilation import ON_SIMULATOR, device, kernel
from .cuda_finish import launch
from .cuda_memory import empty, to_host

__all__ = [
    "centers_and_variances",
    "dimensions",
    "divergences",
    "jacobians",
    "largest",
    "log_densities",
    "pulls",
]

#: Threads that look for the largest number; each leaves one behind.
_SEARCHERS = 16 if ON_SIMULATOR else 2**14


@kernel
def _search(flat: Any, found: Any) -> None:
    """Leave the largest absolute value, infinite for NaN, among every entry that a thread has looked at."""
    start = cuda.grid(1)
    if start >= found.size:
        return
    most = 0.0
    for i in range(start, flat.size, found.size):
        value = abs(float(flat[i]))
        if not value <= most:  # NaN too
            most = np.inf if math.isnan(value) else value
    found[start] = most


def largest(array: Any) -> float:
    """Return the largest absolute value of a contiguous array, infinity if there is a NaN; 0 for none."""
    if not array.size:
        return 0.0
    found = empty(min(_SEARCHERS, array.size))
    launch(_search, found.size, array.reshape(array.size), found)
    return float(to_host(found).max())


@device
def _entry(values: Any, m: Any) -> Any:
    """Return the number of query m."""
    return values[m if values.size > 1 else 0]


@functools.cache
def centers_and_variances(real: Any, smallest_ratio: float, largest_center: float, largest_length: float) -> Any:
    """Return the kernel that fills z = x/alpha, s and the alpha that was used, which is never below what is resolved.

    The signal scale is resolved where alpha >= smallest_ratio sigma and |x|/alpha <= largest_center; no entry of x
    exceeds largest_length.
    """
    # In single precision the bounds of lengths are beyond what a number can hold, and nothing is unresolved.
    ratio, always = real(smallest_ratio), real(largest_length / largest_center)
    bound = real(min(largest_center, float(np.finfo(real).max)))

    @kernel
    def fill(x: Any, alpha: Any, sigma: Any, variance: Any, centers: Any, variances: Any, resolved: Any) -> None:
        i = cuda.grid(1)
        if i >= x.size:
            return
        m, k = i // x.shape[1], i % x.shape[1]
        scale, s = _entry(alpha, m), _entry(variance, m)
        floor = ratio * _entry(sigma, m)
        if scale < max(floor, always):
            for other in range(x.shape[1]):
                floor = max(floor, abs(x[m, other]) / bound)
        if scale < floor:
            s = (_entry(sigma, m) / floor) * (_entry(sigma, m) / floor)
            scale = floor
        centers[m, k] = x[m, k] / scale
        if k == 0:
            variances[m] = s
            resolved[m] = scale

    return fill


@kernel
def pulls(x: Any, mean: Any, displacement: Any, alpha: Any, resolved: Any, divisor: Any, result: Any) -> None:
    """Fill (alpha f - x)/divisor (M, d): the score for sigma^2, the noise for -sigma."""
    i = cuda.grid(1)
    if i >= result.size:
        return
    m, k = i // result.shape[1], i % result.shape[1]
    scale = _entry(alpha, m)
    pull = scale * displacement[m, k] if scale == resolved[m] else scale * mean[m, k] - x[m, k]
    result[m, k] = pull / _entry(divisor, m)


@kernel
def log_densities(log_mass: Any, constant: Any, result: Any) -> None:
    """Fill log Z - (d/2) log(2 pi sigma^2), of which the latter is the constant."""
    m = cuda.grid(1)
    if m < result.size:
        result[m] = log_mass[m] - _entry(constant, m)


@kernel
def jacobians(variances: Any, noise: Any, covariance: Any) -> None:
    """Turn covariances (M, d, d) into (Cov/s - I)/sigma^2, in place."""
    i = cuda.grid(1)
    if i >= covariance.size:
        return
    d = covariance.shape[1]
    m, row, column = i // (d * d), i // d % d, i % d
    scaled = covariance[m, row, column] / variances[m]
    if row == column:
        scaled -= type(scaled)(1.0)
    covariance[m, row, column] = scaled / _entry(noise, m)


@kernel
def divergences(trace: Any, variances: Any, noise: Any, dimension: Any, result: Any) -> None:
    """Fill (tr Cov/s - d)/sigma^2."""
    m = cuda.grid(1)
    if m < result.size:
        result[m] = (trace[m] / variances[m] - dimension) / _entry(noise, m)


@functools.cache
def dimensions(real: Any) -> Any:
    """Return the kernel that fills (tr Cov + |delta|^2)/s."""
    zero = real(0.0)

    @kernel
    def fill(trace: Any, displacement: Any, variances: Any, result: Any) -> None:
        m = cuda.grid(1)
        if m >= result.size:
            return
        total, root = zero, math.sqrt(variances[m])
        for k in range(displacement.shape[1]):
            scaled = displacement[m, k] / root
            total += scaled * scaled
        result[m] = trace[m] / variances[m] + total

    return fill
