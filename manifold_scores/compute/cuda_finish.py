"""From sums over a cloud to its moments, on the card: one thread a query."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from numba import cuda

from .cuda_compilation import ON_SIMULATOR, kernel

__all__ = ["FirstMoments", "blocks_of", "finish_covariance", "finish_first", "finish_trace", "launch"]

#: Threads of a block where every thread has a query, an entry or a tile of its own.
SPREAD = 8 if ON_SIMULATOR else 64


def blocks_of(count: int, threads: int = SPREAD) -> int:
    """Return how many blocks make `count` threads."""
    return -(-count // threads)


def launch(function: Any, count: int, *arrays: Any) -> None:
    """Launch a kernel with at least `count` threads, one each; nothing for no threads."""
    if count:
        function[blocks_of(count), SPREAD](*arrays)


class FirstMoments(NamedTuple):
    """Moments of M queries on the card: log mass (M,), mean and displacement (M, d), anchor (M, d), log rest (M,).

    As in `tilt.Tilt`: the anchor is the best point y_r, and the log rest is log Z + |z - y_r|^2 / 2s.
    """

    log_mass: Any
    mean: Any
    displacement: Any
    anchor: Any
    log_rest: Any


@functools.cache
def finish_first(real: Any) -> Any:
    """Return the kernel that divides sums (M, 1, 2 d + 2) of w, w y, w (y - z) by the mass."""
    ln_2, half = real(math.log(2.0)), real(0.5)

    @kernel
    def finish(
        sums: Any, references: Any, indices: Any, points: Any, variances: Any, log_total: Any, log_mass: Any, mean: Any,
        displacement: Any, anchor: Any, log_rest: Any,
    ) -> None:  # fmt: skip
        m = cuda.grid(1)
        if m >= log_mass.size:
            return
        d, mass = mean.shape[1], sums[m, 0, 0]
        rest = (math.log(mass) + references[m, 2] * ln_2) - log_total
        log_rest[m] = rest
        log_mass[m] = rest - half * references[m, 0] / variances[m]
        for k in range(d):
            mean[m, k] = sums[m, 0, 1 + k] / mass
            displacement[m, k] = sums[m, 0, 1 + d + k] / mass
            anchor[m, k] = points[indices[m], k]

    return finish


@kernel
def finish_trace(sums: Any, trace: Any) -> None:
    """Turn sums (M, 1, d + 2) of w, w (y - y_r), w |y - y_r|^2 into traces of covariances (M,)."""
    m = cuda.grid(1)
    if m >= trace.size:
        return
    d, mass = sums.shape[2] - 2, sums[m, 0, 0]
    centred = sums[m, 0, d + 1] / mass
    for k in range(d):
        mean = sums[m, 0, 1 + k] / mass
        centred -= mean * mean
    trace[m] = centred


@kernel
def finish_covariance(sums: Any, covariance: Any) -> None:
    """Turn sums (M, d + 1, d + 1) in the layout of `cloud_blocks.SECOND` into covariances (M, d, d)."""
    m = cuda.grid(1)
    if m >= covariance.shape[0]:
        return
    d = covariance.shape[1]
    mass = sums[m, d, 0]
    for i in range(d):
        for j in range(i, d):
            value = sums[m, i, 1 + j] / mass - (sums[m, i, 0] / mass) * (sums[m, j, 0] / mass)
            covariance[m, i, j], covariance[m, j, i] = value, value
