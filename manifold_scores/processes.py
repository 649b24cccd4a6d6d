"""Noising processes: linear SDEs with law X_t | X_0 = y ~ N(alpha_t y, sigma_t^2 I).

Symbols used throughout the package: t is the process's own time; the *signal scale* is alpha_t; the *noise variance*
is sigma_t^2 (a variance, not a standard deviation); the *effective variance* is s = sigma_t^2 / alpha_t^2.  Every
process is dX = (alpha'/alpha) X dt + g dW with g^2 = alpha^2 ds/dt.  Differences of exponentials are taken with
`expm1`, so all three functions are accurate for t from 1e-14 up, to a few ulps and |log alpha_t| more of them from the
rounding of the exponent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from . import arrays
from .arrays import FloatArray

__all__ = ["BrownianMotion", "LinearInterpolant", "OrnsteinUhlenbeck", "Process", "VariancePreserving"]


class Process(ABC):
    """A noising process, known through alpha_t, sigma_t^2, (alpha'/alpha)(t) and g(t).

    A new process is a subclass with the four methods `_signal_scale`, `_noise_variance`, `_effective_variance` and
    `_coefficients`; they get a float64 array of valid times.
    """

    #: Times run over the open interval (0, end).
    end: float = float("inf")

    def signal_scale(self, t: Any) -> Any:
        """Return alpha_t, of the shape of t.  Raises ValueError for t outside (0, end)."""
        return arrays.restore(self._signal_scale(arrays.times("t", t, self.end)), t)

    def noise_variance(self, t: Any) -> Any:
        """Return sigma_t^2, of the shape of t.  Raises ValueError for t outside (0, end)."""
        return arrays.restore(self._noise_variance(arrays.times("t", t, self.end)), t)

    def effective_variance(self, t: Any) -> Any:
        """Return s = sigma_t^2 / alpha_t^2, of the shape of t (inf where alpha_t^2 underflows)."""
        return arrays.restore(self._effective_variance(arrays.times("t", t, self.end)), t)

    def log_signal_rate(self, t: Any) -> Any:
        """Return (alpha'/alpha)(t), of the shape of t."""
        return arrays.restore(self._coefficients(arrays.times("t", t, self.end))[0], t)

    def diffusion(self, t: Any) -> Any:
        """Return g(t), the coefficient of dW (not its square), of the shape of t."""
        return arrays.restore(self._coefficients(arrays.times("t", t, self.end))[1], t)

    def drift(self, x: Any, t: Any) -> Any:
        """Return (alpha'/alpha)(t) x for x of shape (..., d) and t broadcasting against x.shape[:-1]."""
        rows = arrays.Rows("x", x, "t", arrays.times("t", t, self.end))
        rate = self._coefficients(rows.scalars)[0]
        return rows.restore(rate[:, None] * rows.points)

    @abstractmethod
    def _signal_scale(self, t: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _noise_variance(self, t: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _effective_variance(self, t: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _coefficients(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(alpha'/alpha, g)."""


class OrnsteinUhlenbeck(Process):
    """dX = -a X dt + dW: alpha = exp(-a t), sigma^2 = (1 - exp(-2 a t)) / 2a, stationary law N(0, I/2a).

    [LWB] takes a = 1/2, for which s = e^t - 1.

    Parameters
    ----------
    rate : a > 0, in units of 1/time.
    """

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = arrays.positive("rate", rate)

    def __repr__(self) -> str:
        return f"OrnsteinUhlenbeck(rate={self.rate!r})"

    def _signal_scale(self, t: FloatArray) -> FloatArray:
        return np.exp(-self.rate * t)

    def _noise_variance(self, t: FloatArray) -> FloatArray:
        return -np.expm1(-2.0 * self.rate * t) / (2.0 * self.rate)

    def _effective_variance(self, t: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.expm1(2.0 * self.rate * t) / (2.0 * self.rate)

    def _coefficients(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.full_like(t, -self.rate), np.ones_like(t)


class BrownianMotion(Process):
    """dX = dW (variance exploding): alpha = 1, sigma^2 = s = t."""

    def __repr__(self) -> str:
        return "BrownianMotion()"

    def _signal_scale(self, t: FloatArray) -> FloatArray:
        return np.ones_like(t)

    def _noise_variance(self, t: FloatArray) -> FloatArray:
        return t.copy()

    def _effective_variance(self, t: FloatArray) -> FloatArray:
        return t.copy()

    def _coefficients(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.zeros_like(t), np.ones_like(t)


class VariancePreserving(Process):
    """dX = -beta(t)/2 X dt + sqrt(beta(t)) dW with beta(t) = beta_min + (beta_max - beta_min) t (DDPM convention).

    With B(t) = integral of beta from 0 to t: alpha = exp(-B/2), sigma^2 = 1 - exp(-B), s = exp(B) - 1.  The usual time
    range is (0, 1]; larger t goes on with the same linear beta.

    Parameters
    ----------
    beta_min, beta_max : beta(0) > 0 and beta(1) >= beta_min, in units of 1/time.
    """

    def __init__(self, beta_min: float = 0.1, beta_max: float = 20.0) -> None:
        self.beta_min = arrays.positive("beta_min", beta_min)
        self.beta_max = arrays.positive("beta_max", beta_max)
        if self.beta_max < self.beta_min:
            raise ValueError(f"beta_max must be at least beta_min = {self.beta_min!r}; got {self.beta_max!r}")

    def __repr__(self) -> str:
        return f"VariancePreserving(beta_min={self.beta_min!r}, beta_max={self.beta_max!r})"

    def _integral(self, t: FloatArray) -> FloatArray:
        return t * (self.beta_min + 0.5 * (self.beta_max - self.beta_min) * t)

    def _signal_scale(self, t: FloatArray) -> FloatArray:
        return np.exp(-0.5 * self._integral(t))

    def _noise_variance(self, t: FloatArray) -> FloatArray:
        return -np.expm1(-self._integral(t))

    def _effective_variance(self, t: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.expm1(self._integral(t))

    def _coefficients(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        beta = self.beta_min + (self.beta_max - self.beta_min) * t
        return -0.5 * beta, np.sqrt(beta)


class LinearInterpolant(Process):
    """X_t ~ (1 - t) X_0 + t N(0, I) for 0 < t < 1 (flow matching): dX = -X/(1-t) dt + sqrt(2t/(1-t)) dW."""

    end = 1.0

    def __repr__(self) -> str:
        return "LinearInterpolant()"

    def _signal_scale(self, t: FloatArray) -> FloatArray:
        return 1.0 - t

    def _noise_variance(self, t: FloatArray) -> FloatArray:
        return t * t

    def _effective_variance(self, t: FloatArray) -> FloatArray:
        return (t / (1.0 - t)) ** 2

    def _coefficients(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        return -1.0 / (1.0 - t), np.sqrt(2.0 * t / (1.0 - t))
