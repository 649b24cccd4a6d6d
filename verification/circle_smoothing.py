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

DEVIATIONS = 9.0
"""Standard deviations of the kernel that the radial integral takes in (3e-18 of the mass is outside)."""

RADIAL = np.polynomial.legendre.leggauss(16)
"""Rule of a radial panel, at most two bandwidths long."""

CHEBYSHEV = 24
"""Nodes of a panel in k."""

RATIO = 1.5
"""Ratio of the ends of a panel in k: as a function of k, S has no singularity to the right of the imaginary axis when
two points count, and few near it otherwise."""

CENTRAL = 2.0
"""Length of the panels about k = 0, where S varies with k itself."""

LOST = 46.0
"""A point this many units below the nearest in the exponent is below the rounding of S."""

FADED = 1e-15
"""Share of its largest that the last mode of S may have."""

NOTHING = 1e-17
"""Modes of S below this are left out, and those that follow."""

DENSE = 2e7
"""Largest matrix of a graded rule, angles times modes."""

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
        fine = _edges(0.0, high * self.radius / self.variance) * self.variance / self.radius
        edges = np.concatenate([[low, high, self.radius], steps, fine])
        edges = np.unique(edges[(edges >= low) & (edges <= high)])
        half = np.diff(edges)[:, None] / 2
        rho = (edges[:-1, None] + half + half * RADIAL[0]).ravel()
        argument = rho * x_radius / sigma**2
        mass = (half * RADIAL[1]).ravel() * rho / sigma**2 * np.exp(-0.5 * ((rho - x_radius) / sigma) ** 2)
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
        table = _Table(self, scale * np.concatenate([ends, *(ring.rho for ring in rings)]), last)
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


class _Table:
    """Fourier modes of S as functions of k, piecewise polynomial, on the panels that hold the values asked for."""

    def __init__(self, circle, values, last):
        edges = _edges(float(np.min(values)), float(np.max(values)))
        self.low, self.high = edges[:-1], edges[1:]
        turn = np.pi * (np.arange(CHEBYSHEV) + 0.5) / CHEBYSHEV
        self._x, self._sign = np.cos(turn), np.sin(turn) * (-1.0) ** np.arange(CHEBYSHEV)
        self._rows = {int(p): self._panel(circle, p, last) for p in np.unique(self._panel_of(values))}
        self.count = max(rows.shape[1] for rows in self._rows.values())

    def _panel_of(self, k):
        """Numbers of the panels of values of k."""
        return np.clip(np.searchsorted(self.high, k), 0, len(self.high) - 1)

    def _panel(self, circle, panel, last):
        """Modes at the nodes of a panel, up to the last one that is not nothing."""
        low, high = self.low[panel], self.high[panel]
        nodes = 0.5 * (low + high) + 0.5 * (high - low) * self._x
        largest = max(abs(low), abs(high))
        # A wall between points a chord c apart is 1 / (k c) wide in the angle: modes fade as exp(-pi n / k c).
        own = int(12.0 * largest * circle.chord + 9.0 * np.sqrt(largest) + 40.0) // circle.order + 1
        last = min(last, own)
        size = 1 << int(np.ceil(np.log2(own + last + 16)))
        phi, weights = _graded(circle, largest, last, low < 0)
        if len(phi) < size / 4 and len(phi) * (last + 1) < DENSE:
            waves = np.exp(-1j * np.outer(phi - circle.start, circle.order * np.arange(last + 1)))
            waves *= weights[:, None] * circle.order / (2 * np.pi)
            rows = np.stack([circle.log_mean(k, phi) for k in nodes]) @ waves
        else:
            rows = _transformed(circle, nodes, size, last)
        kept = np.nonzero(np.max(np.abs(rows), axis=0) > NOTHING)[0]
        return rows[:, : int(kept[-1]) + 1 if len(kept) else 1]

    def at(self, k):
        """Modes at the values k (n,): barycentric interpolation in the panel of each."""
        panel = self._panel_of(k)
        place = (2 * k - self.low[panel] - self.high[panel]) / (self.high[panel] - self.low[panel])
        gap = place[:, None] - self._x
        exact = gap == 0.0
        quotient = self._sign / np.where(exact, 1.0, gap)
        quotient = np.where(np.any(exact, axis=1)[:, None], exact, quotient)
        quotient /= np.sum(quotient, axis=1, keepdims=True)
        result = np.zeros((len(k), self.count), dtype=np.complex128)
        for p in np.unique(panel):
            mine, rows = panel == p, self._rows[int(p)]
            result[mine, : rows.shape[1]] = quotient[mine] @ rows
        return result


def _transformed(circle, nodes, size, last):
    """Modes 0..last at each of the values of k, by transforms of `size` and more values of S."""
    while True:
        phi = circle.start + 2 * np.pi / circle.order * np.arange(size) / size
        rows = np.empty((len(nodes), min(last, size // 2 - 1) + 1), dtype=np.complex128)
        aliased = 0.0
        for i, k in enumerate(nodes):
            modes = np.fft.rfft(circle.log_mean(k, phi)) / size
            # What is folded onto mode n comes from mode size - n.
            beyond = modes[-1:] if rows.shape[1] > size // 4 else modes[-size // 8 :]
            aliased = max(aliased, float(np.max(np.abs(beyond)) / max(1.0, np.max(np.abs(modes)))))
            rows[i] = modes[: rows.shape[1]]
        if aliased <= FADED:
            return rows
        size *= 2


def _graded(circle, largest, last, mirrored):
    """Nodes and weights of a period of S: panels graded at the walls, and short enough for the last mode."""
    period = 2 * np.pi / circle.order
    gaps = np.diff(np.append(circle.angles, circle.angles[0] + 2 * np.pi))
    walls, chords = circle.angles + gaps / 2, 2 * np.abs(np.sin(gaps / 2))
    if circle.order > 1:
        walls, chords = walls[:1], chords[:1]
    longest = min(period / 4, 12.0 / (circle.order * last + 1))
    edges = [np.linspace(0.0, period, int(np.ceil(period / longest)) + 1)]
    for wall, chord in zip(walls, chords, strict=True):
        width = 4.0 / max(largest * chord, 1.0)
        steps = width * 2.0 ** np.arange(max(0, int(np.log2(period / width)) + 1))
        for centre in (wall, wall + np.pi) if mirrored else (wall,):
            edges.append(np.mod(centre - circle.start + np.concatenate([-steps, [0.0], steps]), period))
    edges = np.unique(np.concatenate(edges))
    half = np.diff(edges)[:, None] / 2
    half, left = half[half[:, 0] > 1e-15], edges[:-1][half[:, 0] > 1e-15]
    phi = circle.start + left[:, None] + half + half * RADIAL[0]
    return phi.ravel(), (half * RADIAL[1]).ravel()


def _edges(low, high):
    """Ends of panels that cover [low, high]: of fixed length about 0, of fixed ratio further out."""
    ends = {0.0}
    for sign, far in ((1.0, high), (-1.0, -low)):
        end = 0.0
        while end < far:
            end += max(CENTRAL, (RATIO - 1.0) * end)
            ends.add(sign * end)
    ends = np.array(sorted(ends))
    first, last = np.searchsorted(ends, low, side="right") - 1, np.searchsorted(ends, high, side="left")
    return ends[max(first, 0) : max(last, first + 1) + 1]


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
