"""How far rounding may move a target, and derivatives by finite differences that say how good they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .clocks import Clock
from .laws import Array, Law
from .record import Oracle

#: Promised by the package: errors below 100 eps (1 + kappa).
UNIT = 100.0 * np.finfo(float).eps

#: Promised for covariances and Jacobians, of their scale.
MATRIX_UNIT = 1e-10

#: Central differences of order 8 and 6: weights of f(+kh) - f(-kh), k = 1, 2, ...
_EIGHTH = (4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0)
_SIXTH = (3.0 / 4.0, -3.0 / 20.0, 1.0 / 60.0)


class Probes:
    """Points (x, t) for one law and process, the oracle there, and rounding bounds for its answers.

    With Q the tilted law, reach = |z| + size of M, T = tr Cov_Q / s, L = E_Q|y - z|^2 / s, Cauchy-Schwarz bounds what a
    relative perturbation eps of x, t, the process and all points of M does:

        f and f - z by   eps reach (1 + 2 sqrt(T L)),       log p by   eps (reach sqrt(L/s) + L).

    This is kappa, written out; the bounds below are 100 eps (1 + kappa).
    """

    def __init__(self, law: Law, clock: Clock, noised: Oracle, x: Array, t: Array) -> None:
        self.law, self.clock, self.noised, self.x, self.t = law, clock, noised, x, t
        self.model = model = noised(law.measure, clock.process)
        self.d = x.shape[1]
        self.alpha, self.sigma2 = clock.alpha(t), clock.sigma2(t)
        self.s = self.sigma2 / self.alpha**2
        self.z = x / self.alpha[:, None]
        self.score = model.score(x, t)
        self.mean = model.posterior_mean(x, t)
        self.log_density = model.log_density(x, t)
        self.trace = np.trace(model.posterior_covariance(x, t), axis1=1, axis2=2) / self.s
        self.dimension = model.local_dimension(x, t)
        self.reach = np.linalg.norm(self.z, axis=1) + law.size
        self.mean_bound = UNIT * self.reach * (1.0 + 2.0 * np.sqrt(self.trace * self.dimension))
        self.score_bound = self.alpha / self.sigma2 * self.mean_bound
        unit = 1.0 + np.abs(self.log_density) + 0.5 * self.d * np.abs(np.log(2.0 * np.pi * self.sigma2))
        self.log_bound = UNIT * (unit + self.reach * np.sqrt(self.dimension / self.s) + self.dimension)
        #: Steps in z and in log s over which log p_t varies by a small part: the nearest change between two parts of M,
        #: at distance reach, has width s/reach in z and s/reach^2 in log s; elsewhere sqrt(s) and 1.
        self.step_z = 0.05 * np.minimum(np.sqrt(self.s), self.s / self.reach)
        self.step_log = 0.05 * np.minimum(1.0, self.s / self.reach**2)


def draw_probes(law: Law, clock: Clock, noised: Oracle, n: int, earliest: float, rng: np.random.Generator) -> Probes:
    """Draw s = sigma^2/alpha^2 log-uniformly from `earliest` up, and x: half of the points from p_t, a quarter three
    times as noisy, a quarter anywhere within |x| of about 3.
    """
    t = clock.time(np.exp(rng.uniform(np.log(earliest), np.log(clock.variance(clock.latest)), n)))
    clean = law.measure.sample(n, rng)
    noise = rng.standard_normal(clean.shape)
    kind = (np.arange(n) % 4)[:, None]
    near = clock.alpha(t)[:, None] * clean + np.where(kind == 2, 3.0, 1.0) * np.sqrt(clock.sigma2(t))[:, None] * noise
    x = np.where(kind == 3, noise * 1.5, near)
    return Probes(law, clock, noised, x, t)


def derivative(f: Callable[[Array], Array], h: Array, bound: Array) -> tuple[Array, Array]:
    """Return f'(0) by the difference of order 8, and a bound of its error.

    The bound is the gap to the difference of order 6 (truncation; order 8 is better) plus what errors `bound` of f do.
    """
    shape = (...,) + (None,) * (np.ndim(f(0.0 * h)) - 1)
    step = h[shape]
    pairs = [f(k * h) - f(-k * h) for k in range(1, 5)]
    eighth = sum(c * pair for c, pair in zip(_EIGHTH, pairs, strict=True)) / step
    sixth = sum(c * pair for c, pair in zip(_SIXTH, pairs[:3], strict=True)) / step
    rounding = 2.0 * sum(map(abs, _EIGHTH)) * bound / h
    return eighth, np.abs(eighth - sixth).reshape(len(h), -1).max(axis=1) + rounding
