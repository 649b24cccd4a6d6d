"""How fast a process moves x/alpha away from x: 1/alpha - 1 ~ factor s^power, s the effective variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..processes import Process

__all__ = ["Growth", "growth", "shift"]

_EARLY = 1e-12
#: Below this effective variance 1/alpha - 1 is taken from its leading term: it would be rounding.
_SMALL = 1e-8


class Growth(NamedTuple):
    """1/alpha - 1 ~ factor s^power as s -> 0: (1, a) for Ornstein-Uhlenbeck, (1/2, 1) for the linear interpolant."""

    power: float
    factor: float


def growth(process: Process | float) -> Growth:
    """Return the growth of a process; a number stands for the rate a of an Ornstein-Uhlenbeck process, 0 for Brownian.

    From d(1/alpha)/ds -> -(alpha'/alpha)/g^2 at two early times.

    Raises
    ------
    ValueError, TypeError : a rate that is negative or not finite, something that is neither.
    """
    if not isinstance(process, Process):
        return Growth(1.0, arrays.non_negative("process", process))
    early = np.array([1.0, 2.0]) * (_EARLY * min(process.end, 1.0))
    rates = -process.log_signal_rate(early) / process.diffusion(early) ** 2
    if rates[0] == 0.0 or abs(rates[1] / rates[0] - 1.0) < 1e-6:
        return Growth(1.0, float(rates[0]))
    s = process.effective_variance(early)
    power = 1.0 + round(float(np.log(rates[1] / rates[0]) / np.log(s[1] / s[0])), 6)
    return Growth(power, float(rates[0] * s[0] ** (1.0 - power) / power))


def shift(process: Process, t: FloatArray) -> FloatArray:
    """Return 1/alpha_t - 1, without the rounding that decides it at small t."""
    s = np.asarray(process.effective_variance(t))
    power, factor = growth(process)
    return np.where(s < _SMALL, factor * s**power, 1.0 / np.asarray(process.signal_scale(t)) - 1.0)
