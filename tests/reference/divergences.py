"""Laws with closed forms of their Renyi divergences, and how often a stated error is above the true one."""

import math

import numpy as np
from mpmath import mp

CLOSED_FORM = 1e-8
"""Smallest divergence of Gaussians that the closed form in float64 still gives to 1e-7."""


class Law:
    """A log-density that counts its calls and the points it was evaluated at."""

    def __init__(self, log_density):
        self.log_density, self.points, self.calls = log_density, 0, 0

    def __call__(self, x):
        self.points, self.calls = self.points + len(x), self.calls + 1
        return self.log_density(x)


def gaussian(mean, covariance):
    precision = np.linalg.inv(covariance)
    return Law(lambda x: -0.5 * np.einsum("ni,ij,nj->n", x - mean, precision, x - mean))


def between_gaussians(m0, c0, m1, c1, order):
    """Gil, Alajaji and Linder (2013)."""
    if order == 1.0:
        trace = np.trace(np.linalg.solve(c1, c0)) - len(m0)
        return 0.5 * (trace + (m1 - m0) @ np.linalg.solve(c1, m1 - m0) + np.log(np.linalg.det(c1) / np.linalg.det(c0)))
    mixed = order * c1 + (1 - order) * c0
    if np.linalg.eigvalsh(mixed).min() <= 0:
        return math.inf
    log_det = np.log(np.linalg.det(mixed) / np.linalg.det(c0) ** (1 - order) / np.linalg.det(c1) ** order)
    return order / 2 * (m0 - m1) @ np.linalg.solve(mixed, m0 - m1) - log_det / (2 * (order - 1))


def two_gaussians(rng, d, size):
    """Full covariances, means and factors that differ by the given size."""
    factor = np.eye(d) + 0.3 * rng.standard_normal((d, d))
    change = rng.standard_normal((d, d))
    change = np.eye(d) + 0.1 * size * (change + change.T)
    c0 = factor @ factor.T
    m0 = 0.5 * rng.standard_normal(d)
    return m0, c0, m0 + 0.5 * size * rng.standard_normal(d), change @ c0 @ change.T


def around(rng, c0):
    """A box that leaves out nothing: 12 standard deviations, placed at random."""
    half = 2 + 12 * math.sqrt(np.linalg.eigvalsh(c0).max())
    return rng.uniform(-0.3, 0.3, len(c0)) - half, rng.uniform(-0.3, 0.3, len(c0)) + half


def coverage(cases):
    """Share of the divergences whose error is at most what was stated."""
    checked = [
        abs(v - t) <= e
        for value, error, truth in cases
        for v, e, t in zip(value, error, truth, strict=True)
        if CLOSED_FORM < t < math.inf
    ]
    assert len(checked) >= 5
    return np.mean(checked)


def laplace(mean, scale):
    return Law(lambda x: -np.abs(x[:, 0] - mean) / scale)


def between_laplaces(m, b0, b1, order):
    """Laplace(0, b0) and Laplace(m, b1), m >= 0: the exponential pieces, at 40 digits."""
    with mp.workdps(40):
        m, b0, b1 = mp.mpf(float(m)), mp.mpf(float(b0)), mp.mpf(float(b1))
        if order == 1:
            return float(mp.log(b1 / b0) - 1 + m / b1 + b0 / b1 * mp.exp(-m / b0))
        if math.isinf(order):
            return float(mp.log(b1 / b0) + m / b1) if b0 <= b1 else math.inf
        q = mp.mpf(order)
        a0, a1 = q / b0, (1 - q) / b1
        if a0 + a1 <= 0:
            return math.inf
        middle = mp.exp(-a1 * m) * (1 - mp.exp(-(a0 - a1) * m)) / (a0 - a1) if a0 != a1 else m * mp.exp(-a1 * m)
        whole = mp.exp(-a1 * m) / (a0 + a1) + middle + mp.exp(-a0 * m) / (a0 + a1)
        return float(mp.log(whole * (2 * b0) ** -q * (2 * b1) ** (q - 1)) / (q - 1))


def on_the_tube(angular, radial, radius=1.0):
    """The density angular(theta) radial(|x| - R) with respect to d theta dr, as one with respect to dx."""

    def log_density(x):
        r = np.linalg.norm(x, axis=1)
        return angular(np.arctan2(x[:, 1], x[:, 0])) + radial(r - radius) - np.log(r)

    return Law(log_density)


def between_von_mises(k0, k1, angle, order):
    """Gil, Alajaji and Linder (2013): concentrations k0, k1, mean directions 0 and `angle`."""
    with mp.workdps(40):
        a0, a1 = mp.besseli(0, k0), mp.besseli(0, k1)
        if order == 1:
            ratio = mp.besseli(1, k0) / a0
            return float(mp.log(a1 / a0) + ratio * (k0 - k1 * mp.cos(angle)))
        if math.isinf(order):
            return float(mp.log(a1 / a0) + mp.sqrt(k0**2 + k1**2 - 2 * k0 * k1 * mp.cos(angle)))
        q = mp.mpf(order)
        mixed = mp.sqrt((q * k0) ** 2 + ((1 - q) * k1) ** 2 + 2 * q * (1 - q) * k0 * k1 * mp.cos(angle))
        return float(mp.log(mp.besseli(0, mixed) / a0**q / a1 ** (1 - q)) / (q - 1))
