"""Laws of the times at which a network is trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..callbacks import call
from ..processes import Process

__all__ = ["GridTimes", "LogUniformTimes", "UniformTimes", "drawn", "time_law"]


class _Interval:
    """Times between two ends."""

    def __init__(self, t_min: float, t_max: float) -> None:
        self.t_min, self.t_max = arrays.positive("t_min", t_min), arrays.positive("t_max", t_max)
        if self.t_min >= self.t_max:
            raise ValueError(f"t_min must be below t_max = {self.t_max!r}; got {self.t_min!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.t_min!r}, {self.t_max!r})"


class UniformTimes(_Interval):
    """Uniform on [t_min, t_max].

    Parameters
    ----------
    t_min, t_max : ends, 0 < t_min < t_max.
    """

    def __call__(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent times, shape (n,), drawn from the Generator rng."""
        return rng.uniform(self.t_min, self.t_max, n)


class LogUniformTimes(_Interval):
    """log t uniform on [log t_min, log t_max]: every decade gets the same share of the batch.

    Parameters
    ----------
    t_min, t_max : ends, 0 < t_min < t_max.
    """

    def __call__(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent times, shape (n,), drawn from the Generator rng."""
        times = np.exp(rng.uniform(np.log(self.t_min), np.log(self.t_max), n))
        return np.asarray(np.clip(times, self.t_min, self.t_max))


class GridTimes:
    """Uniform on the positive times of a grid, such as `geometric_times(...)` or `exponential_times(...)`.

    Parameters
    ----------
    times : the grid, shape (k,), in any order; a 0, at which a sampler ends, is left out.
    """

    def __init__(self, times: Any) -> None:
        grid = arrays.vector("times", times)
        #: The times that are drawn.
        self.times = arrays.times("times", grid[grid != 0.0])
        if not self.times.size:
            raise ValueError("times must hold at least one positive time")

    def __repr__(self) -> str:
        return f"GridTimes({self.times.size} times, {self.times.min():g} to {self.times.max():g})"

    def __call__(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent times, shape (n,), drawn from the Generator rng."""
        return self.times[rng.integers(self.times.size, size=n)]


def time_law(times: Any) -> Any:
    """Return a function (n, rng) -> times: the one that is given, or draws from a grid."""
    return times if callable(times) else GridTimes(times)


def drawn(law: Any, n: int, rng: np.random.Generator, process: Process) -> FloatArray:
    """Return n times that a law draws, checked."""
    times = arrays.times("times", call("times", law, n, rng), process.end)
    if times.shape != (n,):
        raise ValueError(f"times must return shape ({n},); got {times.shape}")
    return times
