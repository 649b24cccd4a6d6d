"""Uniform laws on spheres, which depend on a few radii: their oracle on a grid, and Gaussian averages of it by hand.

M is the sphere of radius R in the first k coordinates of R^d, d = k or k + 1. A function of rho = |(y_1..y_k)| and
z = y_{k+1} averaged over N(x, h^2 I) is an integral against the law of rho (Rice) and a normal law for z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from . import quadrature
from .clocks import Clock, brownian, ornstein_uhlenbeck
from .rates import Array
from .record import Oracle

#: Standard deviations of the kernel that are integrated (1e-18 is outside), and nodes of a panel one deviation long.
DEVIATIONS, NODES = 9.0, 10

#: An Ornstein-Uhlenbeck process so fast that M_eps = alpha M is far from M while sigma_eps is small.
RATE = 1000.0


@dataclass(frozen=True)
class Shell:
    """The uniform law on the sphere of radius R in R^k, in R^d; M_eps has radius alpha R.

    Attributes
    ----------
    clock, t : process and time; variance is sigma_t^2.
    """

    name: str
    k: int
    d: int
    clock: Clock
    t: float
    R: float = 1.0

    @property
    def m(self) -> int:
        return self.k - 1

    @property
    def radius(self) -> float:
        """Return the radius of M_eps."""
        return self.R * float(self.clock.alpha(self.t))

    @property
    def variance(self) -> float:
        return float(self.clock.sigma2(self.t))

    def measure(self) -> Any:
        law = (ms.Circle(self.R) if self.k == 2 else ms.Sphere(self.k, self.R)).uniform()
        return law if self.d == self.k else ms.Embedded(law, np.eye(self.d)[:, : self.k])

    def oracle(self, noised: Oracle) -> Any:
        return noised(self.measure(), self.clock.process)

    def radial_score(self, rho: float, oracle: Any, t: float) -> float:
        """Return the radial component of the oracle's score at (rho, 0)."""
        return float(oracle.score(self.place(rho, 0.0), t)[0])

    def place(self, rho: Array, z: Array) -> Array:
        """Return points (..., d) with these radii."""
        rho, z = np.broadcast_arrays(rho, z)
        x = np.zeros((*rho.shape, self.d))
        x[..., 0] = rho
        if self.d > self.k:
            x[..., self.k] = z
        return x


def shells(variance: float) -> list[Shell]:
    """Return the circle, one that a fast process has shrunk, the sphere, and the circle in R^3."""
    fast = -np.log1p(-2.0 * RATE * variance) / (2.0 * RATE)
    return [
        Shell("circle", 2, 2, brownian(), variance),
        Shell("shrunken circle", 2, 2, ornstein_uhlenbeck(RATE), fast),
        Shell("sphere S²", 3, 3, brownian(), variance),
        Shell("circle in R³", 2, 3, brownian(), variance),
    ]


def panels(low: float, high: float, longest: float, nodes: int = NODES) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes and weights on panels that cover [low, high]."""
    return quadrature.panels(np.linspace(low, high, int(np.ceil((high - low) / longest)) + 1), nodes)


def rice(k: int, r: Array, rho: Array, h: float) -> tuple[Array, Array]:
    """Return the density in rho of |x + h xi| in R^k, |x| = r, and E[cos angle to x | rho] times it: (r, rho) each."""
    from scipy.special import ive

    w = np.multiply.outer(r, rho) / h**2
    scale = rho / h**2 * (rho / r[:, None]) ** (0.5 * k - 1.0) * np.exp(-0.5 * ((rho - r[:, None]) / h) ** 2)
    return scale * ive(0.5 * k - 1.0, w), scale * ive(0.5 * k, w)


class Smoothed:
    """The average of the oracle's log-density, and of its score, over N(x, h^2 I), for x within `reach` of M_eps."""

    def __init__(self, shell: Shell, noised: Oracle, h: float, reach: float) -> None:
        self.shell, self.h = shell, h
        far = reach + DEVIATIONS * h
        self.rho, self.rho_weights = panels(max(0.0, shell.radius - far), shell.radius + far, h)
        flat = shell.d == shell.k
        self.z, self.z_weights = (np.zeros(1), np.ones(1)) if flat else panels(-far, far, h)
        self.oracle = shell.oracle(noised)
        self.grid = shell.place(self.rho[:, None], self.z)
        self._log_density: Array | None = None

    def _along(self, z: Array) -> Array:
        if self.shell.d == self.shell.k:
            return np.ones((len(z), 1))
        density = np.exp(-0.5 * ((self.z - z[:, None]) / self.h) ** 2) / np.sqrt(2.0 * np.pi) / self.h
        return np.asarray(density * self.z_weights)

    def log_density(self, r: Array, z: Array) -> Array:
        """Return E log p(x + h xi) at x with radii r (n,) and z (n,)."""
        if self._log_density is None:
            self._log_density = self.oracle.log_density(self.grid, self.shell.t)
        weights = rice(self.shell.k, r, self.rho, self.h)[0] * self.rho_weights
        return np.asarray(((weights @ self._log_density) * self._along(z)).sum(axis=1))

    def radial_score(self) -> Callable[[float], float]:
        """Return r -> E <grad log p(x + h xi), x>/|x| at z = 0."""
        pull = self.oracle.score(self.grid, self.shell.t)[..., 0] @ self._along(np.zeros(1))[0]

        def average(r: float) -> float:
            return float(rice(self.shell.k, np.array([r]), self.rho, self.h)[1][0] @ (self.rho_weights * pull))

        return average


def level_squared(k: int, r: Array, h: float, radius: float) -> Array:
    """Return r(x)^2 = E(|x + h xi| - R)^2 in R^k for |x| = r in closed form, k = 2 or 3."""
    from scipy.special import erf, ive

    if k == 2:
        w = (r / (2.0 * h)) ** 2
        mean = h * np.sqrt(np.pi / 2.0) * ((1.0 + 2.0 * w) * ive(0, w) + 2.0 * w * ive(1, w))
    else:
        bell = h * np.sqrt(2.0 / np.pi) * np.exp(-0.5 * (r / h) ** 2)
        mean = (r + h * h / r) * erf(r / (h * np.sqrt(2.0))) + bell
    return np.asarray(r * r + k * h * h + radius**2 - 2.0 * radius * mean)


class Tail:
    """P(dist(X, M_eps) >= r) at radii r (edges of panels), for densities known up to a constant.

    Points are R +- v in codimension one, (R + v cos a, v sin a) in codimension two, v in panels between the radii.
    """

    def __init__(self, shell: Shell, variance: float, last: float, nodes: int, count: int = 28) -> None:
        self.codimension = shell.d - shell.m
        self.r = np.sqrt(2.0 * variance * last) * np.linspace(0.0, 1.0, count + 1)
        v, dv = (part.reshape(count, nodes, 1) for part in quadrature.panels(self.r, nodes))
        if self.codimension == 1:
            cosine, sine, da = np.array([1.0, -1.0]), np.zeros(2), np.ones(2)
        else:
            a, da = panels(0.0, np.pi, np.pi, 4 * nodes)
            cosine, sine = np.cos(a), np.sin(a)
            dv = dv * v
        self.rho, self.z = (part.reshape(-1) for part in np.broadcast_arrays(shell.radius + v * cosine, v * sine))
        self.log_volume = np.log(np.broadcast_to(dv * da, (*v.shape[:2], len(da))).reshape(-1))
        self.log_volume += shell.m * np.log(self.rho)

    def log_probability(self, log_density: Array) -> Array:
        """Return log P(dist >= r) at the radii but the last; the density (nodes,) is cut there."""
        logs = (log_density + self.log_volume).reshape(len(self.r) - 1, -1)
        top = logs.max()
        parts = np.exp(logs - top).sum(axis=1)
        beyond = np.cumsum(parts[::-1])[::-1]
        return np.asarray(np.log(beyond) - np.log(beyond[0]))


def chi_tail(codimension: int, u: Array) -> Array:
    """Return log P(chi^2 >= 2u) with this many degrees of freedom: the tail of a normal law on the normal space."""
    from scipy.special import gammaincc

    return np.asarray(np.log(gammaincc(0.5 * codimension, u)))
