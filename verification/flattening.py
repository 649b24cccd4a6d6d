"""Averages over a Gaussian kernel by hand: what flattens a log-density along M, and closed forms for sparse points.

For N equispaced points on the circle of radius R and sigma_eps -> 0, at (rho, phi) in polar coordinates,

    2 sigma_eps^2 log p = -(rho - R)^2 - 2 rho R (1 - g(phi)) + const,   g(phi) = max_i cos(phi - phi_i),

and a kernel N(x, h^2 I) multiplies the mode n of g by the integral of
(rho^2/h^2) e^{-(rho^2 + R^2)/2h^2} I_n(rho R/h^2).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .radial_laws import panels
from .rates import Array

#: Independent scrambled Sobol sequences.
REPLICATES = 16


def kernel_nodes(power: int, d: int, seed: int) -> Array:
    """Return standard normal nodes (16, 2^power/16, d): every row an independent scrambled Sobol sequence."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    seeds = np.random.default_rng([2510, 2305, 38, seed]).spawn(REPLICATES)
    return np.stack([ndtri(qmc.Sobol(d, rng=child).random(2**power // REPLICATES)) for child in seeds])


class Slopes(NamedTuple):
    """At points x (n,): averages over the kernel, by replicate (n, 16) where errors are needed.

    Attributes
    ----------
    pull : E <grad log p(Y), v>, (n, 16, m) for the tangent basis v.
    stein : E U(Y) <xi, v>/h, which equals pull + drift.
    drift : E <Y - Pi(Y), v>/sigma_eps^2, half the derivative of r(x)^2 over sigma_eps^2: 0 where that is constant.
    deviation : (Var U(Y))^{1/2}, (n,).
    """

    pull: Array
    stein: Array
    drift: Array
    deviation: Array

    @property
    def flatness(self) -> Array:
        """Return |grad_M log p^k|, (n,)."""
        return np.asarray(np.linalg.norm(self.pull.mean(axis=1), axis=-1))

    @property
    def corrected(self) -> Array:
        """Return |grad_M (log p^k + r^2/2 sigma_eps^2)|, (n,)."""
        return np.asarray(np.linalg.norm((self.pull + self.drift).mean(axis=1), axis=-1))

    @property
    def misfit(self) -> Array:
        """Return |pull + drift - stein| in standard errors, the worst component, (n,)."""
        gap = self.pull + self.drift - self.stein
        error = gap.std(axis=1, ddof=1) / np.sqrt(gap.shape[1])
        return np.asarray((np.abs(gap.mean(axis=1)) / error).max(axis=-1))


def slopes_along(model: Any, manifold: Any, x: Array, h: float, t: float, variance: float, xi: Array) -> Slopes:
    """Return the averages at x (n, d) on M, Brownian noise of the given variance, nodes xi (16, q, d)."""
    rows = []
    for point, basis in zip(x, manifold.tangent_basis(x), strict=True):
        y = point + h * xi
        apart = y - manifold.project(y)
        u = model.log_density(y, t) + (apart**2).sum(axis=-1) / (2.0 * variance)
        centred = u - u.mean()  # the mean of xi over a replicate is not quite zero
        rows.append((
            (model.score(y, t) @ basis).mean(axis=1), (centred[..., None] * (xi @ basis)).mean(axis=1) / h,
            (apart @ basis).mean(axis=1) / variance, u.std(),
        ))  # fmt: skip
    return Slopes(*(np.array(column) for column in zip(*rows, strict=True)))


def sparse_amplitude(count: int, h: float, radius: float, variance: float) -> float:
    """Return log p^k at a point less that half way to the next one, on the circle, as sigma_eps -> 0."""
    from scipy.special import ive

    rho, weights = panels(max(0.0, radius - 9.0 * h), radius + 9.0 * h, 0.5 * h)
    total = 0.0
    for j in range(1, 200, 2):
        n = j * count
        mode = 2.0 * count / np.pi * np.sin(np.pi / count) / (n * n - 1.0)
        kernel = (rho / h) ** 2 * np.exp(-0.5 * ((rho - radius) / h) ** 2) * ive(n, rho * radius / h**2)
        total += mode * float(weights @ kernel)
    return 2.0 * radius / variance * total


def sparse_deviation(count: int, h: float, radius: float, variance: float) -> float:
    """Return (Var U(Y))^{1/2} as sigma_eps -> 0, U = -rho R (1 - g)/sigma_eps^2, phi uniform (small gaps)."""
    from scipy.special import ive

    phi, weights = panels(0.0, np.pi / count, np.pi / count, 12)
    gap, weights = 2.0 * np.sin(0.5 * phi) ** 2, weights * count / np.pi
    w = (radius / (2.0 * h)) ** 2
    mean = h * np.sqrt(np.pi / 2.0) * ((1.0 + 2.0 * w) * ive(0, w) + 2.0 * w * ive(1, w))
    square = radius**2 + 2.0 * h * h
    return float(radius / variance * np.sqrt(square * (weights @ gap**2) - (mean * (weights @ gap)) ** 2))
