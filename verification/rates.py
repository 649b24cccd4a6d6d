"""Slopes on log-log axes, and the window on which they are taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from .record import Tolerance

Array = np.ndarray[Any, np.dtype[np.float64]]

#: power of the leading remainder -> (bottom, top) of the window in tau (t, or the effective variance s).
#: Top: the next order is relative O(tau^power) with lengths of 0.3 to 2.5, rates up to 2 and curvature terms up to
#: 9/2: below 1e-3 at 1e-5 for power 1, at 1e-8 for power 1/2.  Bottom: rounding is relative eps |x| / |lead| tau^-power
#: for |lead| > 0.02, |x| < 10: below 1e-4 at 1e-9 for power 1, at 1e-12 for power 1/2.
WINDOWS = {1.0: (1e-9, 1e-5), 0.5: (1e-12, 1e-8)}

SLOPE_TOLERANCE = Tolerance(
    0.005, "five times the 1e-3 to which truncation (top of the window) and rounding (bottom) are kept; asked for: 0.02"
)
CONSTANT_TOLERANCE = Tolerance(
    0.005, "five times the 1e-3 to which truncation (top of the window) and rounding (bottom) are kept; asked for: 1 %"
)


def slopes(tau: Array, values: Array) -> Array:
    """Return least-squares slopes of log(values) against log(tau), values of shape (T, n), result (n,)."""
    u = np.log(tau) - np.log(tau).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(u @ np.log(values) / (u @ u))


def furthest(values: Array, predicted: float) -> float:
    """Return the value furthest from the prediction; NaN if any is NaN."""
    flat = np.ravel(values)
    if np.isnan(flat).any():
        return float("nan")
    return float(flat[np.abs(flat - predicted).argmax()])
