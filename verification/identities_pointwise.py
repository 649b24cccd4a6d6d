"""Identities at one point of one law: each returns (deviation, bound, size of the terms compared)."""

from __future__ import annotations

import numpy as np

from .laws import Array
from .rounding import MATRIX_UNIT, UNIT, Probes, derivative

Result = tuple[Array, Array, Array]


def _directions(p: Probes, count: int, seed: int) -> Array:
    u = np.random.default_rng([2301, seed]).standard_normal((count, p.d))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def _norm(vectors: Array) -> Array:
    return np.asarray(np.linalg.norm(vectors, axis=1))


def gradient(p: Probes) -> Result:
    """Along a random direction; x moves by alpha h when z moves by h."""
    u = _directions(p, len(p.x), 1)
    found, error = derivative(lambda h: p.model.log_density(p.x + h[:, None] * u, p.t), p.alpha * p.step_z, p.log_bound)
    deviation = np.abs(found - (p.score * u).sum(axis=1))
    return deviation, error + p.score_bound, _norm(p.score) + 1.0 / np.sqrt(p.sigma2)


def jacobian(p: Probes) -> Result:
    """Both sides of the symmetric Jacobian are taken along random directions."""
    u, v = _directions(p, len(p.x), 2), _directions(p, len(p.x), 3)
    found, error = derivative(
        lambda h: (v * p.model.score(p.x + h[:, None] * u, p.t)).sum(axis=1), p.alpha * p.step_z, p.score_bound
    )
    expected = np.einsum("ni,nij,nj->n", v, p.model.score_jacobian(p.x, p.t), u)
    bound = error + MATRIX_UNIT * (1.0 + p.trace) / p.sigma2
    return np.abs(found - expected), bound, (1.0 + p.trace * p.dimension) / p.sigma2


def fokker_planck(p: Probes) -> Result:
    """In logarithmic time: t d/dt log p_t by differences against the right-hand side times t."""
    rate = np.abs(p.t * p.clock.diffusion2(p.t) / p.sigma2)  # d log s / d log t, 1 as t -> 0 for most processes
    step = p.step_log / (1.0 + rate)
    found, error = derivative(lambda h: p.model.log_density(p.x, p.t * np.exp(h)), step, p.log_bound)
    drift, half = p.clock.drift(p.t), 0.5 * p.clock.diffusion2(p.t)
    laplacian = p.model.score_divergence(p.x, p.t)
    square, along = (p.score**2).sum(axis=1), (p.x * p.score).sum(axis=1)
    expected = p.t * (half * (laplacian + square) - drift * (p.d + along))
    terms = p.t * (half * (np.abs(laplacian) + square) + np.abs(drift) * (p.d + np.abs(along)))
    slack = 2.0 * half * _norm(p.score) + np.abs(drift) * _norm(p.x)
    bound = error + p.t * (slack * p.score_bound + half * MATRIX_UNIT * (p.d + p.trace) / p.sigma2) + UNIT * terms
    return np.abs(found - expected), bound, terms + np.abs(found) + rate * p.d


def dimension_derivative(p: Probes) -> Result:
    """log Z(z, s) = log p_t(alpha z) + (d/2) log(2 pi sigma^2), at fixed z, against log s."""

    def log_mass(h: Array) -> Array:
        t = p.clock.time(p.s * np.exp(h))
        log_density: Array = p.model.log_density(p.clock.alpha(t)[:, None] * p.z, t)
        return log_density + 0.5 * p.d * np.log(2.0 * np.pi * p.clock.sigma2(t))

    found, error = derivative(log_mass, p.step_log, p.log_bound)
    bound = 2.0 * error + MATRIX_UNIT * (1.0 + p.dimension)
    return np.abs(2.0 * found - p.dimension), bound, p.dimension + p.d


def dimension_algebra(p: Probes) -> Result:
    square = (p.score**2).sum(axis=1)
    expected = p.d + p.sigma2 * (p.model.score_divergence(p.x, p.t) + square)
    terms = p.d + p.trace + p.sigma2 * square
    bound = MATRIX_UNIT * (p.d + p.trace) + 2.0 * p.sigma2 * _norm(p.score) * p.score_bound + UNIT * terms
    return np.abs(p.dimension - expected), bound, terms


def tweedie(p: Probes) -> Result:
    deviation = _norm(p.sigma2[:, None] * p.score - (p.alpha[:, None] * p.mean - p.x))
    return deviation, p.alpha * p.mean_bound, p.alpha * p.reach


def noise(p: Probes) -> Result:
    found: Array = p.model.noise(p.x, p.t)
    sigma = np.sqrt(p.sigma2)
    terms = sigma * _norm(p.score)
    return _norm(found + sigma[:, None] * p.score), sigma * p.score_bound, terms + p.alpha * p.reach / sigma


def covariance(p: Probes) -> Result:
    """Jacobian, its trace and the posterior covariance say the same."""
    cov: Array = p.model.posterior_covariance(p.x, p.t)
    found: Array = p.model.score_jacobian(p.x, p.t)
    expected = (cov / p.s[:, None, None] - np.eye(p.d)) / p.sigma2[:, None, None]
    deviation = np.linalg.norm(found - expected, axis=(1, 2))
    deviation += np.abs(np.trace(found, axis1=1, axis2=2) - p.model.score_divergence(p.x, p.t))
    terms = (p.d + p.trace) / p.sigma2
    return deviation, MATRIX_UNIT * terms, terms


def hull(p: Probes) -> Result:
    """f lies in the closed convex hull of M; for a Gaussian, in its affine hull."""
    if p.law.support is not None:
        u = _directions(p, 40, 4)
        excess = (p.mean @ u.T - p.law.support(u)).max(axis=1)
    elif p.law.flat is not None:
        mean, normal = p.law.flat
        excess = _norm((p.mean - mean) @ normal)
    else:
        return np.empty(0), np.empty(0), np.empty(0)
    return np.maximum(excess, 0.0), p.mean_bound, p.reach
