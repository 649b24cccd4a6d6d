"""Time grids, in the order in which a reverse-time sampler visits them."""

from __future__ import annotations

import numpy as np

from .. import arrays
from ..arrays import FloatArray

__all__ = ["exponential_times", "geometric_times"]


def geometric_times(t_min: float, t_max: float, n: int) -> FloatArray:
    """Return n times from t_max down to t_min with constant ratio, t_max (t_min/t_max)^{i/(n-1)}, shape (n,).

    Raises ValueError unless 0 < t_min < t_max and n >= 2.  [FPHDP] samples on these, 100 from 9 to 1e-6, and then 0.
    """
    t_min, t_max = arrays.positive("t_min", t_min), arrays.positive("t_max", t_max)
    if t_min >= t_max:
        raise ValueError(f"t_min must be below t_max = {t_max!r}; got {t_min!r}")
    times = np.geomspace(t_max, t_min, arrays.count("n", n, 2))
    times[0], times[-1] = t_max, t_min
    if not (np.diff(times) < 0.0).all():
        raise ValueError(f"t_min must be so far below t_max that {n} times differ; got {t_min!r} and {t_max!r}")
    return times


def exponential_times(t_max: float, n: int, rate: float = 8.0) -> FloatArray:
    """Return n times from t_max down to 0, t_max (e^{rate u} - 1)/(e^{rate} - 1) for u = 1 - i/(n-1), shape (n,).

    Steps shrink geometrically towards t = 0, where the score blows up, yet the grid reaches 0 itself: near 0 the step
    is about rate t_max e^{-rate}/n.  This is the kind of grid [LWB] samples on.

    Raises ValueError unless t_max > 0, n >= 2 and 0 < rate <= 100.
    """
    t_max, rate = arrays.positive("t_max", t_max), arrays.positive("rate", rate)
    if rate > 100.0:
        raise ValueError(f"rate must be at most 100; got {rate!r}")
    u = np.linspace(1.0, 0.0, arrays.count("n", n, 2))
    times = t_max * np.expm1(rate * u) / np.expm1(rate)
    times[0] = t_max
    return np.asarray(times)
