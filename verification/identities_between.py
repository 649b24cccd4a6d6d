"""Identities between two oracles: equivariance, error transfer, semigroup."""

from __future__ import annotations

import numpy as np

import manifold_scores as ms
from manifold_scores.measures import SegmentLaw

from .clocks import Clock, brownian, ornstein_uhlenbeck
from .laws import Array, Law
from .quadrature import normal_rule
from .record import Evidence, Oracle, Tolerance
from .rounding import UNIT, Probes, draw_probes

Result = tuple[Array, Array, Array]
NOTHING = (np.empty(0), np.empty(0), np.empty(0))


def _norm(vectors: Array) -> Array:
    return np.asarray(np.linalg.norm(vectors, axis=1))


def _moved(measure: ms.Measure, turn: Array, shift: Array) -> ms.Measure:
    """The law of turn y + shift: built anew from moved inputs where that is possible, else by Embedded."""
    if isinstance(measure, ms.PointCloud):
        return ms.PointCloud(measure.points @ turn.T + shift, measure.weights)
    if isinstance(measure, SegmentLaw):
        end = measure.start + measure.length * measure.direction
        return ms.Segment(turn @ measure.start + shift, turn @ end + shift).uniform()
    return ms.Embedded(measure, turn, shift)


def equivariance(p: Probes) -> Result:
    """x -> turn x + alpha shift when y -> turn y + shift."""
    rng = np.random.default_rng([2301, 5])
    turn = np.linalg.qr(rng.standard_normal((p.d, p.d))).Q
    shift = rng.uniform(-1.0, 1.0, p.d)
    law = Law("moved", _moved(p.law.measure, turn, shift), p.law.on, p.law.dimensions, None,
              p.law.size + float(np.linalg.norm(shift)), p.law.off, p.law.closest)  # fmt: skip
    x = p.x @ turn.T + p.alpha[:, None] * shift
    other = Probes(law, p.clock, p.noised, x, p.t)
    mean = _norm(other.mean - (p.mean @ turn.T + shift)) / (p.mean_bound + other.mean_bound)
    score = _norm(other.score - p.score @ turn.T) / (p.score_bound + other.score_bound)
    log = np.abs(other.log_density - p.log_density) / (p.log_bound + other.log_bound)
    bound = p.mean_bound + other.mean_bound
    return np.maximum(np.maximum(mean, score), log) * bound, bound, p.reach + other.reach


def error_transfer(p: Probes) -> Result:
    """Between the law and its mixture with a point: one error in f is the error of score and noise, amplified."""
    point = ms.PointCloud(np.full((1, p.d), 0.25))
    law = Law("with a point", ms.Mixture([p.law.measure, point], [0.7, 0.3]), p.law.on, p.law.dimensions, None,
              p.law.size + 0.25 * np.sqrt(p.d), p.law.off, p.law.closest)  # fmt: skip
    other = Probes(law, p.clock, p.noised, p.x, p.t)
    error = (p.alpha / p.sigma2)[:, None] * (other.mean - p.mean)
    sigma = np.sqrt(p.sigma2)[:, None]
    noise = (other.model.noise(p.x, p.t) - p.model.noise(p.x, p.t)) / sigma
    deviation = np.maximum(_norm(other.score - p.score - error), _norm(noise + error))
    return deviation, p.score_bound + other.score_bound, p.alpha / p.sigma2 * (p.reach + other.reach)


def semigroup(p: Probes) -> Result:
    """p_{t+t'}(x) = alpha'^{-d} E p_t((x + sigma' xi)/alpha'), for a t' that adds a tenth to s; d <= 3.

    p_t is a mixture of normal laws of variance sigma_t^2, on which Gauss-Hermite rules converge geometrically.
    """
    if p.clock.rate is None or p.d > 3:
        return NOTHING
    take = slice(0, 6)  # the quadrature is what takes time
    x, t = p.x[take], p.t[take]
    later = p.clock.time(1.1 * p.s[take]) - t
    alpha, sigma = p.clock.alpha(later), np.sqrt(p.clock.sigma2(later))
    logs = []
    for nodes in (10, 16):
        xi, weights = normal_rule(nodes, p.d)
        y = (x[:, None] + sigma[:, None, None] * xi) / alpha[:, None, None]
        logs.append(
            np.logaddexp.reduce(p.model.log_density(y, t[:, None]) + np.log(weights), axis=1) - p.d * np.log(alpha)
        )
    direct: Array = p.model.log_density(x, t + later)
    bound = 4.0 * p.log_bound[take] + np.abs(logs[1] - logs[0])
    return np.abs(logs[1] - direct), bound, 1.0 + np.abs(direct)


def mass(law: Law, clock: Clock, noised: Oracle) -> float:
    """Return the sum of p_t over a grid of step 0.7 sigma, times the volume of a cell, at s = 1."""
    t = float(clock.time(np.array(1.0)))
    alpha, sigma = float(clock.alpha(t)), float(np.sqrt(clock.sigma2(t)))
    # A Gaussian law has standard deviations below its size: nine of them on either side.
    half = alpha * (law.size if law.support is not None else 10.0 * law.size) + 9.0 * sigma
    line = np.arange(-half, half + 0.7 * sigma, 0.7 * sigma)
    d = law.measure.ambient_dimension
    grid = np.stack(np.meshgrid(*[line] * d, indexing="ij"), axis=-1).reshape(-1, d)
    density = np.exp(noised(law.measure, clock.process).log_density(grid, t))
    return float(density.sum() * (0.7 * sigma) ** d)


def closed_semigroups(
    noised: Oracle, catalogue: list[Law], evidence: Evidence, n: int, tolerance: Tolerance
) -> Array:  # fmt: skip
    """A cloud noised for t is a mixture of N(alpha y_i, sigma^2 I), a Gaussian stays one: both then noised for t'."""
    rng = np.random.default_rng([2301, 99])
    row = np.full(len(catalogue), np.nan)
    for column, law in enumerate(catalogue):
        for clock in (ornstein_uhlenbeck(0.5), ornstein_uhlenbeck(2.0), brownian()):
            first, second = rng.uniform(0.05, 1.0, 2)
            noisy = _noisy(law, float(clock.alpha(first)), float(clock.sigma2(first)))
            if noisy is None:
                continue
            p = draw_probes(law, clock, noised, n, 0.1, rng)
            direct = Probes(law, clock, noised, p.x, np.full(len(p.x), first + second))
            after = noised(noisy, clock.process)
            later = np.full(len(p.x), second)
            log = np.abs(after.log_density(p.x, later) - direct.log_density) / direct.log_bound
            score = _norm(after.score(p.x, later) - direct.score) / (direct.score_bound + UNIT * _norm(direct.score))
            found = np.nan_to_num(np.max([log, score]), nan=np.inf)  # fmax would pass over a NaN
            row[column] = np.fmax(row[column], found)
    worst = int(np.nan_to_num(row, nan=-1.0).argmax())
    evidence.check(
        "semigroup, closed form", "clouds and Gaussians noised for t, then t', in closed form; in units of the bound",
        row[worst], 0.0, tolerance, one_sided=True, worst=catalogue[worst].name,
    )  # fmt: skip
    return row


def _noisy(law: Law, alpha: float, sigma2: float) -> ms.Measure | None:
    """The law of alpha y + sigma xi where it has a name."""
    d = law.measure.ambient_dimension
    if isinstance(law.measure, ms.PointCloud):
        normals = [ms.Gaussian(alpha * y, sigma2 * np.eye(d)) for y in law.measure.points]
        return ms.Mixture(normals, law.measure.weights)
    if law.name == "Gaussian on a line":
        mean, normal = law.flat if law.flat is not None else (np.zeros(d), np.eye(d))
        return ms.Gaussian(alpha * mean, alpha**2 * 0.7 * (np.eye(d) - normal) + sigma2 * np.eye(d))
    return None
