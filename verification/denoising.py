"""The denoising losses of the three targets, single draws at a time, and what their gradients should be.

Scales of Cov(Y | X_t) = b^2 Cov(X_0 | X_t), Y the regression target: b = 1, alpha/sigma^2, alpha/sigma.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .clocks import Clock
from .hand_network import HandNetwork
from .planted import KINDS, Law
from .rates import Array
from .record import Oracle

#: lambda(t), as in the training of networks.
WEIGHTS: dict[str, Callable[[Clock, float], float]] = {
    "uniform": lambda clock, t: 1.0,
    "snr": lambda clock, t: float(clock.alpha(t) ** 2 / clock.sigma2(t)),
    "variance": lambda clock, t: float(clock.sigma2(t)),
}
#: The weights for which the three losses of one network are the same.
EQUIVALENT = {"posterior_mean": "snr", "score": "variance", "noise": "uniform"}

#: lambda as a power of s, up to powers of alpha.
WEIGHT_POWER = {"uniform": 0.0, "snr": -1.0, "variance": 1.0}
#: b as a power of s, up to powers of alpha: 1, 1/(alpha s), s^(-1/2).
SCALE_POWER = {"posterior_mean": 0.0, "score": -1.0, "noise": -0.5}

STEP = 1e-3


def regression_target(kind: str, clean: Array, noise: Array, clock: Clock, t: float) -> Array:
    """Return Y: X_0, (alpha X_0 - X_t)/sigma^2 = -xi/sigma, or (X_t - alpha X_0)/sigma = xi."""
    if kind == "posterior_mean":
        return clean
    return noise if kind == "noise" else -noise / np.sqrt(clock.sigma2(t))


def amplification(kind: str, clock: Clock, t: float) -> float:
    """Return b."""
    alpha, sigma2 = float(clock.alpha(t)), float(clock.sigma2(t))
    return {"posterior_mean": 1.0, "score": alpha / sigma2, "noise": alpha / np.sqrt(sigma2)}[kind]


@dataclass(frozen=True)
class Draws:
    """Per-draw numbers of one law at one time, shapes (3 targets, n), for the weight 1.

    Attributes
    ----------
    gradient, gradient_mean : |2 J^T (E[Y|X] - Y)|^2, and its mean given X_t, 4 b^2 tr(J C J^T).
    curvature, curvature_mean : second difference of the loss along a direction v, and its mean, 2 |J v|^2.
    loss, loss_mean : |E[Y|X] - Y|^2, and b^2 tr C.
    target, target_mean : |Y|^2, and |E[Y|X]|^2 + b^2 tr C.
    hessian : 2 tr J^T J, (n,), the same for all.
    """

    gradient: Array
    gradient_mean: Array
    curvature: Array
    curvature_mean: Array
    loss: Array
    loss_mean: Array
    target: Array
    target_mean: Array
    hessian: Array

    def pairs(self) -> dict[str, tuple[Array, Array]]:
        """Return (measured, mean given X_t) by name."""
        return {
            name: (getattr(self, name), getattr(self, name + "_mean"))
            for name in ("gradient", "curvature", "loss", "target")
        }


def draws(law: Law, clock: Clock, noised: Oracle, network: HandNetwork, s: float, n: int, seed: Any) -> Draws:
    """Draw (X_0, xi) n times for each target and take the gradient of each draw.

    The network is right at these parameters, g_theta = E[Y|X_t] + N_theta - N_theta0, N of x/alpha, and J = dN/dtheta.
    """
    t = float(clock.time(s))
    alpha, sigma = float(clock.alpha(t)), float(np.sqrt(clock.sigma2(t)))
    oracle, rng = noised(law.measure, clock.process), np.random.default_rng(seed)
    direction = rng.standard_normal(network.parameters.size)
    direction /= np.linalg.norm(direction)
    rows: dict[str, list[Array]] = {name: [] for name in Draws.__dataclass_fields__}
    for kind in KINDS:
        clean = law.measure.sample(n, rng)
        noise = rng.standard_normal(clean.shape)
        x = alpha * clean + sigma * noise
        wanted = regression_target(kind, clean, noise, clock, t)
        right = np.asarray(getattr(oracle, kind)(x, t))
        residual = right - wanted
        covariance = amplification(kind, clock, t) ** 2 * oracle.posterior_covariance(x, t)
        z = x / alpha
        jacobian = network.jacobian(z)
        gradient = 2.0 * (residual[:, None, :] @ jacobian)[:, 0]
        rows["gradient"].append((gradient**2).sum(axis=1))
        rows["gradient_mean"].append(4.0 * (covariance @ jacobian * jacobian).sum(axis=(1, 2)))
        middle = network(z)
        up, down = (network(z, network.parameters + h * direction) - middle for h in (STEP, -STEP))
        bend = 2.0 * (residual * (up + down)).sum(axis=1) + (up**2 + down**2).sum(axis=1)
        rows["curvature"].append(bend / STEP**2)
        rows["curvature_mean"].append(2.0 * ((jacobian @ direction) ** 2).sum(axis=1))
        trace = np.trace(covariance, axis1=1, axis2=2)
        rows["loss"].append((residual**2).sum(axis=1))
        rows["loss_mean"].append(trace)
        rows["target"].append((wanted**2).sum(axis=1))
        rows["target_mean"].append((right**2).sum(axis=1) + trace)
        rows["hessian"].append(2.0 * (jacobian**2).sum(axis=(1, 2)))
    return Draws(**{name: np.array(values) for name, values in rows.items()})
