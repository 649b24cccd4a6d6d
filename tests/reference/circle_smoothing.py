"""Smoothing of points on a circle by quadrature in space, with the closed forms of theory.md, section 5.2.

    level_radius(distance, radius, bandwidth)       r(x) from the Laguerre function, in mpmath
    direction_density, outside_density              laws of the direction of x + sigma xi, alone and with |Y| > R
    log_smoothed(angles, radius, variance, bandwidth, x)   log p^k(x), the polar rule about x of `smoothing`
    log_adapted(...)                                log p^kM(x), a periodic integral over the direction
    delta(...)                                      E[LSE(logits at Y~ + shifts) - LSE(logits at Y~)], in space
    delta_by_samples(...)                           the same by Monte Carlo, with its standard error
    psi, CENTRE                                     what Delta LSE is like near a dense circle, and at its centre

Nothing here knows that the logits are linear along rays through the origin, nor has it a Fourier series: points,
projections and differences are vectors. Log-densities are of the normal mixture, not normalised after smoothing.
"""

import numpy as np
from mpmath import mp, mpf
from scipy.special import ndtr

from .kronrod import KRONROD, NODES, integrals
from .smoothing import smoothed

CENTRE = 0.25 * (float(np.euler_gamma) + float(np.log(np.pi / 4)))
"""Delta LSE at the centre of a circle with points all over it, sigma -> 0 and sigma_eps far smaller: 0.0839."""

WINDOW = 9.0
"""Standard deviations of the kernel that integrals take in."""

TOLERANCE = 1e-13
"""Share of the result to which the angle is resolved, or this hundredth of it in nats."""

PANELS = 3000
"""Panels of the angle at which refinement stops, whatever the error, which is returned."""


def psi(v):
    """sqrt(1 + v^2) (2 Phi(v) - 1) - v, odd: Delta LSE is psi(u / sigma) sigma / 2R at |x| = R + u, dense points."""
    v = np.asarray(v, dtype=np.float64)
    size = np.abs(v)
    # (sqrt(1 + v^2) - v) - 2 sqrt(1 + v^2) Phi(-v) without the cancellation.
    root = np.sqrt(1 + size * size)
    return np.sign(v) * (1 / (root + size) - 2 * root * ndtr(-size))


def level_radius(distance, radius, bandwidth):
    """r(x) = (|x|^2 + 2 sigma^2 + R^2 - 2 R sigma sqrt(pi/2) L_{1/2}(-|x|^2 / 2 sigma^2))^(1/2), at 50 digits."""
    with mp.workdps(50):
        x, r, s = mpf(float(distance)), mpf(float(radius)), mpf(float(bandwidth))
        laguerre = mp.hyp1f1(mpf(-1) / 2, 1, -((x / s) ** 2) / 2)
        return float(mp.sqrt(x * x + 2 * s * s + r * r - 2 * r * s * mp.sqrt(mp.pi / 2) * laguerre))


def level_radius_by_bessel(distance, radius, bandwidth):
    """The same with L_{1/2}(-2w) = (1 + 2w) e^-w I_0(w) + 2w e^-w I_1(w)."""
    with mp.workdps(50):
        x, r, s = mpf(float(distance)), mpf(float(radius)), mpf(float(bandwidth))
        w = (x / s) ** 2 / 4
        laguerre = mp.exp(-w) * ((1 + 2 * w) * mp.besseli(0, w) + 2 * w * mp.besseli(1, w))
        return float(mp.sqrt(x * x + 2 * s * s + r * r - 2 * r * s * mp.sqrt(mp.pi / 2) * laguerre))


def direction_density(angle, distance, bandwidth):
    """Density of the angle between x + sigma xi and x: (1/2pi) e^{-rho^2/2} [1 + sqrt(2pi) u Phi(u) e^{u^2/2}]."""
    rho = distance / bandwidth
    u = rho * np.cos(angle)
    across = np.exp(-0.5 * (rho * np.sin(angle)) ** 2)
    return (np.exp(-0.5 * rho * rho) + np.sqrt(2 * np.pi) * u * ndtr(u) * across) / (2 * np.pi)


def outside_density(angle, distance, radius, bandwidth):
    """Density of the angle where |x + sigma xi| > R."""
    rho, a = distance / bandwidth, radius / bandwidth
    u = rho * np.cos(angle)
    across = np.exp(-0.5 * (rho * np.sin(angle)) ** 2)
    return across * (np.exp(-0.5 * (a - u) ** 2) + np.sqrt(2 * np.pi) * u * ndtr(u - a)) / (2 * np.pi)


def circle_points(angles, radius):
    """Points (N, 2) at the angles."""
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def log_smoothed(angles, radius, variance, bandwidth, x):
    """log p^k(x) and an estimate of its error, x a point (2,)."""
    result = smoothed(circle_points(angles, radius), x, variance, bandwidth)
    return result.log_sum - np.log(2 * np.pi * variance), result.log_sum_error


def log_adapted(angles, radius, variance, bandwidth, x):
    """log p^kM(x) and an estimate of its error, x a point (2,)."""
    distance, direction = np.hypot(*x), np.arctan2(x[1], x[0])
    points, level = circle_points(angles, radius), level_radius(distance, radius, bandwidth)

    def integrand(phi):
        ray = np.stack([np.cos(phi), np.sin(phi)], axis=-1)
        outside = outside_density(phi - direction, distance, radius, bandwidth)
        inside = direction_density(phi - direction, distance, bandwidth) - outside
        values = [_log_mean(_logits((radius + sign * level) * ray, points, variance)) for sign in (1.0, -1.0)]
        return outside * values[0] + inside * values[1]

    value, error = _over_angles(integrand, angles, radius, variance, bandwidth, distance, direction, level)
    # The closed forms of the densities are exponentials of squares of |x| / sigma.
    error += 2 * np.finfo(float).eps * (distance / bandwidth + 10.0) * abs(value)
    return value - np.log(2 * np.pi * variance), error


def delta(angles, radius, variance, bandwidth, x):
    """Delta LSE(x) and an estimate of its error: the mean over Y of the difference that Delta_i makes."""
    distance, direction = np.hypot(*x), np.arctan2(x[1], x[0])
    points, level = circle_points(angles, radius), level_radius(distance, radius, bandwidth)
    near = variance / radius * 2.0 ** np.arange(-1, 24)

    def integrand(phi):
        ray = np.stack([np.cos(phi), np.sin(phi)], axis=-1)
        middle = distance * np.cos(phi - direction)[:, None]
        edges = np.concatenate([np.arange(-WINDOW, WINDOW + 1, 1.5) * bandwidth + middle, 0 * middle + radius], axis=1)
        edges = np.concatenate([edges, np.broadcast_to(near, (len(phi), len(near)))], axis=1)
        edges = np.sort(np.clip(edges, np.maximum(0, middle - WINDOW * bandwidth), middle + WINDOW * bandwidth), axis=1)
        edges = np.maximum(edges, 0.0)
        half = np.diff(edges, axis=1)[..., None] / 2
        rho = edges[:, :-1, None] + half * (1 + NODES)
        square = (rho - middle[..., None]) ** 2 + (distance * np.sin(phi - direction))[:, None, None] ** 2
        mass = half * KRONROD * rho * np.exp(-0.5 * square / bandwidth**2) / (2 * np.pi * bandwidth**2)
        rows, panels, nodes = np.nonzero(mass > 0)
        total = np.zeros(len(phi))
        for low in range(0, len(rows), 400_000):
            part = (rows[low : low + 400_000], panels[low : low + 400_000], nodes[low : low + 400_000])
            y = rho[part][:, None] * ray[part[0]]
            values = mass[part] * _moved(y, points, radius, level, variance)
            total += np.bincount(part[0], weights=values, minlength=len(phi))
        return total

    return _over_angles(integrand, angles, radius, variance, bandwidth, distance, direction, level)


def delta_by_samples(angles, radius, variance, bandwidth, x, count, seed=0):
    """Delta LSE(x) by Monte Carlo, and its standard error."""
    level = level_radius(np.hypot(*x), radius, bandwidth)
    y = np.asarray(x) + bandwidth * np.random.default_rng(seed).standard_normal((count, 2))
    values = _moved(y, circle_points(angles, radius), radius, level, variance)
    return float(np.mean(values)), float(np.std(values) / np.sqrt(count))


def _logits(y, points, variance):
    """-|y - x_i|^2 / 2v, (..., N)."""
    return -np.sum((y[..., None, :] - points) ** 2, axis=-1) / (2 * variance)


def _log_mean(logits):
    """Log of the mean of exponentials along the last axis."""
    top = np.max(logits, axis=-1)
    return top + np.log(np.mean(np.exp(logits - top[..., None]), axis=-1))


def _moved(y, points, radius, level, variance):
    """LSE(-|Y~ - x_i|^2 / 2v - Delta_i / 2v) - LSE(-|Y~ - x_i|^2 / 2v) for each y."""
    length = np.linalg.norm(y, axis=-1, keepdims=True)
    nearest = radius * y / length
    # (Y - Pi) / |Y - Pi| is +- the direction of Y.
    normal = np.where(length > radius, 1.0, -1.0) * y / length
    adapted = nearest + level * normal
    shift = -np.sum((y - adapted)[:, None, :] * (nearest[:, None, :] - points), axis=-1) / variance
    logits = _logits(adapted, points, variance)
    share = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    share /= np.sum(share, axis=-1, keepdims=True)
    # Shifts may be tiny (their mean of exponentials then loses digits) or huge (they then overflow).
    largest = np.max(np.abs(shift), axis=-1)
    small = np.log1p(np.sum(share * np.expm1(np.where(largest[:, None] < 1, shift, 0.0)), axis=-1))
    return np.where(largest < 1, small, _log_mean(logits + shift) - _log_mean(logits))


def _over_angles(function, angles, radius, variance, bandwidth, distance, direction, level):
    """Adaptive Gauss-Kronrod rule in the direction of Y, split at walls of nearest and farthest points."""
    turns = np.sort(np.mod(angles, 2 * np.pi))
    gaps = np.diff(np.append(turns, turns[0] + 2 * np.pi))
    width = variance / ((radius + level) * radius * np.maximum(2 * np.abs(np.sin(gaps / 2)), 1e-3))
    grading = np.concatenate([[0.0], 4.0 * 3.0 ** np.arange(4), -4.0 * 3.0 ** np.arange(4)])
    walls = ((turns + gaps / 2)[:, None] + np.minimum(width, 0.01)[:, None] * grading).ravel()
    narrow = min(1.0, bandwidth / max(distance, bandwidth))
    about = direction + narrow * np.arange(-WINDOW, WINDOW + 1, 1.5)
    edges = np.mod(np.concatenate([walls, walls + np.pi, about[np.abs(about - direction) < np.pi]]), 2 * np.pi)
    edges = np.unique(np.concatenate([edges, np.linspace(0.0, 2 * np.pi, 9)]))
    left, right = edges[:-1], edges[1:]
    done = np.zeros((0, 4))
    for _ in range(40):
        half = (right - left) / 2
        values = function((left[:, None] + half[:, None] * (1 + NODES)).ravel()).reshape(len(left), 21)
        fine, gap = (column[:, 0] for column in integrals(values[None], half[:, None]))
        done = np.concatenate([done, np.stack([left, right, fine, gap], axis=1)])
        scale = TOLERANCE * max(0.01, float(np.sum(np.abs(done[:, 2]))))
        split = done[:, 3] > scale / len(done)
        if np.sum(done[:, 3]) <= scale or not np.any(split) or len(done) > PANELS:
            break
        middle = np.mean(done[split, :2], axis=1)
        left, right = np.concatenate([done[split, 0], middle]), np.concatenate([middle, done[split, 1]])
        done = done[~split]
    return float(np.sum(done[:, 2])), float(np.sum(done[:, 3]))
