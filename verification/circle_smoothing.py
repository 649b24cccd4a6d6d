"""Smoothed and adapted log-densities of points on a circle, by Fourier series in the angle (theory, section 5.2).

For points at angles theta_i on the circle of radius R, Brownian noise of variance v, and with Y = (rho, phi) in polar
coordinates,

    log p(Y) = -(rho - R)^2 / 2v - log 2 pi v + S(rho R / v, phi),
    S(k, phi) = log mean_i exp(k (cos(phi - theta_i) - 1)).

The adapted kernel moves Y along its ray to the signed radius R +- r(x), r(x)^2 = E (rho - R)^2, with the sign of
rho - R. So for Y ~ N(x, sigma^2 I)

    log p^k(x) = -r(x)^2 / 2v - log 2 pi v + E S(rho R / v, phi),
    log p^kM(x) = -r(x)^2 / 2v - log 2 pi v + E S((R +- r(x)) R / v, phi),
    Delta LSE(x) = E [S(rho R / v, phi) - S((R +- r(x)) R / v, phi)],

an expectation of differences, which is how it is computed. A Fourier mode n of S comes out multiplied by the radial
kernel (rho / sigma^2) exp(-(rho - |x|)^2 / 2 sigma^2) e^{-w} I_n(w), w = rho |x| / sigma^2, so that all angles of x
cost one series. Modes of S are tabulated at Chebyshev nodes of panels in k: by fast Fourier transforms, or, where S has
sharp walls and few modes are needed, by Gauss's rule on panels graded at the walls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ive

from .circle_modes import LEGENDRE, Table, panel_edges

DEVIATIONS = 9.0
"""Standard deviations of the kernel that the radial integral takes in (3e-18 of the mass is outside)."""

LOST = 46.0
"""A point this many units below the nearest in the exponent is below the rounding of S."""

BLOCK = 1_000_000
"""Numbers held at a time."""


class Values(NamedTuple):
    """On the grid of radii and angles: log p^k, log p^kM and Delta LSE, each (radii, angles)."""

    log_smoothed: np.ndarray
    log_adapted: np.ndarray
    delta: np.ndarray


class CircleSmoothing:
    """Gaussian smoothing of the empirical law of points at `angles` on the circle of `radius` about the origin.

    Brownian noise of variance v = `noise_variance`, kernel N(x, bandwidth^2 I). Against quadrature in space, over
    bandwidth / radius from 1e-3 to 0.3, noise scales from 0.02 to 1 of the radius and 3 to 200 points, equally spaced
    or at random, Delta LSE is right to 1e-15 (1 + R^2 / v) and the log-densities to that and 4e-15 of their size.
    Equal spacing, to 1e-12 in the angles, is noticed and used: only every N-th mode is there. 40 radii and any number
    of angles take 0.05 to 2 s, up to 10 s where walls of a hundredth of the kernel's width need all modes.
    """

    def __init__(self, angles, radius, noise_variance, bandwidth):
        self.angles = np.sort(np.mod(np.asarray(angles, dtype=np.float64), 2 * np.pi))
        self.radius, self.variance, self.bandwidth = float(radius), float(noise_variance), float(bandwidth)
        gaps = np.diff(np.append(self.angles, self.angles[0] + 2 * np.pi))
        count = len(self.angles)
        self.order = count if np.max(np.abs(gaps - 2 * np.pi / count)) < 1e-12 else 1
        self.start = float(self.angles[0]) if self.order > 1 else 0.0
        self._widest = float(np.max(gaps))
        self.chord = float(np.max(2 * np.sin(gaps / 2)))

    @property
    def sector(self):
        """Angles between which all values occur: half a spacing for equally spaced points, else the whole circle."""
        if self.order > 1:
            return self.start, self.start + np.pi / self.order
        return 0.0, 2 * np.pi

    def log_density(self, x_radius, x_angle):
        """log p, before smoothing, on the grid (radii, angles)."""
        x_radius = np.atleast_1d(np.asarray(x_radius, dtype=np.float64))
        k = x_radius * self.radius / self.variance
        excess = np.stack([self.log_mean(value, np.atleast_1d(x_angle)) for value in k])
        square = (x_radius - self.radius) ** 2 / (2 * self.variance)
        return excess - square[:, None] - np.log(2 * np.pi * self.variance)

    def radius_of_level(self, x_radius):
        """r(x) = E[(|Y| - R)^2]^(1/2) for |x| = x_radius: the distance of the level set from the circle."""
        rings = [self._ring(r) for r in np.atleast_1d(x_radius)]
        return np.array([np.sqrt(np.sum(ring.weights * (ring.rho - self.radius) ** 2)) for ring in rings])

    def evaluate(self, x_radius, x_angle):
        """All three quantities on the grid of radii (n,) and angles (m,)."""
        radii = np.atleast_1d(np.asarray(x_radius, dtype=np.float64))
        modes, coefficients = self._coefficients(radii)
        phase = np.exp(1j * np.outer(modes, np.atleast_1d(x_angle) - self.start))
        phase[1:] *= 2.0
        smoothed, adapted, delta = (np.real(part @ phase) for part in coefficients)
        common = -(self.radius_of_level(radii)[:, None] ** 2) / (2 * self.variance) - np.log(2 * np.pi * self.variance)
        return Values(common + smoothed, common + adapted, delta)

    def log_smoothed(self, x_radius, x_angle):
        """log p^k(x) = E log p(Y), not normalised."""
        return self.evaluate(x_radius, x_angle).log_smoothed

    def log_adapted(self, x_radius, x_angle):
        """log p^kM(x), the mean of log p at the points of the level set nearest to Y, not normalised."""
        return self.evaluate(x_radius, x_angle).log_adapted

    def delta(self, x_radius, x_angle):
        """Delta LSE(x) = log p^k(x) - log p^kM(x), as the mean of a difference."""
        return self.evaluate(x_radius, x_angle).delta

    def _ring(self, x_radius):
        """Radial rule for |x| = x_radius, split at the circle: nodes, normalised weights, and w of each node."""
        sigma = self.bandwidth
        low, high = max(0.0, x_radius - DEVIATIONS * sigma), x_radius + DEVIATIONS * sigma
        steps = x_radius + sigma * np.arange(-DEVIATIONS, DEVIATIONS + 1, 2.0)
        # S varies with k = rho R / v on the scale of k, which may be far below the bandwidth near the centre.
        fine = panel_edges(0.0, high * self.radius / self.variance) * self.variance / self.radius
        edges = np.concatenate([[low, high, self.radius], steps, fine])
        edges = np.unique(edges[(edges >= low) & (edges <= high)])
        half = np.diff(edges)[:, None] / 2
        rho = (edges[:-1, None] + half + half * LEGENDRE[0]).ravel()
        argument = rho * x_radius / sigma**2
        mass = (half * LEGENDRE[1]).ravel() * rho / sigma**2 * np.exp(-0.5 * ((rho - x_radius) / sigma) ** 2)
        mass *= ive(0, argument)
        # The sum is 1 to the relative error of the Bessel function, 1e-12 at large arguments.
        return _Ring(rho, mass / np.sum(mass), argument)

    def _coefficients(self, radii):
        """Fourier coefficients (radii, modes) of E S at rho, of E S on the level set, and of the mean difference."""
        rings = [self._ring(r) for r in radii]
        levels = self.radius_of_level(radii)
        scale = self.radius / self.variance
        largest = max(float(np.max(ring.argument)) for ring in rings)
        # Beyond, e^{-w} I_n(w) is below 1e-17 of its value at n = 0.
        last = int(8.9 * np.sqrt(largest) + 30 + min(largest, 30.0)) // self.order
        ends = np.concatenate([self.radius - levels, self.radius + levels])
        table = Table(self, scale * np.concatenate([ends, *(ring.rho for ring in rings)]), last)
        modes = self.order * np.arange(table.count)
        sums = np.zeros((3, len(radii), len(modes)), dtype=np.complex128)
        for i, (ring, level) in enumerate(zip(rings, levels, strict=True)):
            weights = ring.weights[:, None] * _bessel_ratios(modes, ring.argument)
            outside = ring.rho > self.radius
            at_rho = table.at(ring.rho * scale)
            on_level = table.at(np.where(outside, self.radius + level, self.radius - level)[[0, -1]] * scale)
            moved = np.where(outside[:, None], on_level[1], on_level[0])
            for part, values in zip(sums, (at_rho, moved, at_rho - moved), strict=True):
                part[i] = np.sum(weights * values, axis=0)
        return modes, sums

    def log_mean(self, k, phi):
        """S(k, phi) at one k and all angles phi (n,), from the points that count."""
        count = len(self.angles)
        cosine = np.cos(self._widest / 2) - LOST / k if k > 0 else -2.0
        if cosine > -1.0:
            reach = np.arccos(cosine)
            tiled = np.concatenate([self.angles - 2 * np.pi, self.angles, self.angles + 2 * np.pi])
            turned = np.mod(phi, 2 * np.pi)
            first, last = np.searchsorted(tiled, turned - reach), np.searchsorted(tiled, turned + reach)
            width = int(np.max(last - first))
        else:
            width = count
        result = np.empty(len(phi))
        for low in range(0, len(phi), max(1, BLOCK // width)):
            part = slice(low, low + max(1, BLOCK // width))
            if width < count:
                index = np.minimum(first[part, None] + np.arange(width), 3 * count - 1)
                gap = turned[part, None] - tiled[index]
            else:
                gap = phi[part, None] - self.angles
            # 1 - cos without loss near a point
            exponent = -2 * k * np.sin(gap / 2) ** 2
            top = np.max(exponent, axis=1)
            result[part] = top + np.log(np.sum(np.exp(exponent - top[:, None]), axis=1))
        return result - np.log(count)


class _Ring(NamedTuple):
    """Radial nodes, their weights (sum 1) and the arguments rho |x| / sigma^2 of the Bessel functions."""

    rho: np.ndarray
    weights: np.ndarray
    argument: np.ndarray


def _bessel_ratios(modes, argument):
    """I_n(w) / I_0(w), (arguments, modes), by continued fractions from the top down and a product from 0 up."""
    step, last = (int(modes[1]) if len(modes) > 1 else 1), int(modes[-1])
    w = np.maximum(argument, 1e-290)
    top, below = ive(last + 1, w), ive(last, w)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        known = below > 1e-280
        # Where both underflow, the ratio is small and its bound forgotten after a step or two.
        bound = w / (last + 0.5 + np.sqrt((last + 1.5) ** 2 + w * w))
        quotient = np.where(known, top / np.where(known, below, 1.0), bound)
        quotients = np.empty((last + 1, len(w)))
        for n in range(last, 0, -1):
            quotient = 1.0 / (2 * n / w + quotient)
            quotients[n] = quotient
    quotients[0] = 1.0
    np.cumprod(quotients, axis=0, out=quotients)
    return quotients[::step].T[:, : len(modes)]
