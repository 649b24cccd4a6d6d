"""The noising processes again, written out from the table of signal scales and noise variances.

Nothing here calls the package's formulas: a claim compares the package with these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Clock:
    """X_t | X_0 = y ~ N(alpha_t y, sigma_t^2 I), with s = sigma_t^2 / alpha_t^2.

    Attributes
    ----------
    process : the package's process of the same name, handed to the oracle under test.
    alpha, sigma2 : signal scale and noise variance.
    drift, diffusion2 : (alpha'/alpha)(t) and g(t)^2 of the linear SDE.
    time : inverse of t -> s.
    rate : the a of an Ornstein-Uhlenbeck process (Brownian motion: 0), None for the others.
    latest : times at which identities are evaluated stay below this.
    """

    name: str
    process: ms.Process
    alpha: Function
    sigma2: Function
    drift: Function
    diffusion2: Function
    time: Function
    rate: float | None
    latest: float

    def variance(self, t: Any) -> Any:
        """Return s, the effective variance."""
        return self.sigma2(t) / self.alpha(t) ** 2


def ornstein_uhlenbeck(rate: float) -> Clock:
    """dX = -a X dt + dW."""
    return Clock(
        name=f"OU a={rate:g}",
        process=ms.OrnsteinUhlenbeck(rate),
        alpha=lambda t: np.exp(-rate * t),
        sigma2=lambda t: -np.expm1(-2.0 * rate * t) / (2.0 * rate),
        drift=lambda t: -rate * np.ones_like(t),
        diffusion2=np.ones_like,
        time=lambda s: np.log1p(2.0 * rate * s) / (2.0 * rate),
        rate=rate,
        latest=3.0 / rate,
    )


def brownian() -> Clock:
    """dX = dW."""
    return Clock(
        name="Brownian",
        process=ms.BrownianMotion(),
        alpha=np.ones_like,
        sigma2=lambda t: 1.0 * t,
        drift=np.zeros_like,
        diffusion2=np.ones_like,
        time=lambda s: 1.0 * s,
        rate=0.0,
        latest=50.0,
    )


def variance_preserving(beta_min: float = 0.1, beta_max: float = 20.0) -> Clock:
    """dX = -beta/2 X dt + sqrt(beta) dW, beta linear in t; B = integral of beta, s = e^B - 1."""
    slope = beta_max - beta_min

    def integral(t: Any) -> Any:
        return t * (beta_min + 0.5 * slope * t)

    def time(s: Any) -> Any:
        total = np.log1p(s)  # B; the stable root of slope/2 t^2 + beta_min t = B
        return 2.0 * total / (beta_min + np.sqrt(beta_min**2 + 2.0 * slope * total))

    return Clock(
        name="VP",
        process=ms.VariancePreserving(beta_min, beta_max),
        alpha=lambda t: np.exp(-0.5 * integral(t)),
        sigma2=lambda t: -np.expm1(-integral(t)),
        drift=lambda t: -0.5 * (beta_min + slope * t),
        diffusion2=lambda t: beta_min + slope * t,
        time=time,
        rate=None,
        latest=0.9,
    )


def linear_interpolant() -> Clock:
    """X_t = (1 - t) X_0 + t xi, 0 < t < 1."""
    return Clock(
        name="interpolant",
        process=ms.LinearInterpolant(),
        alpha=lambda t: 1.0 - t,
        sigma2=lambda t: t * t,
        drift=lambda t: -1.0 / (1.0 - t),
        diffusion2=lambda t: 2.0 * t / (1.0 - t),
        time=lambda s: np.sqrt(s) / (1.0 + np.sqrt(s)),
        rate=None,
        latest=0.8,
    )


def one_of_each() -> list[Clock]:
    """One clock of every kind."""
    return [ornstein_uhlenbeck(0.5), brownian(), variance_preserving(), linear_interpolant()]


def all_clocks() -> list[Clock]:
    """One clock of every kind, and two rates of the Ornstein-Uhlenbeck process."""
    first, *others = one_of_each()
    return [first, ornstein_uhlenbeck(2.0), *others]
