"""Delta LSE and log p^{k^M} for samples on spheres, degree by degree.

On the sphere of radius R in R^k, |s w - x_i|^2 = (s - R)^2 + (s/R) E_i with E_i = |R w - x_i|^2, so that

    log p(s w) + (s - R)^2/2 sigma^2 = F(s, w) + const,    F(s, w) = LSE_i(-(s/R) E_i/2 sigma^2),
    Delta LSE(x) = E[F(|Y|, w) - F(R + r(x) cos(a), w)],   Y - Pi(Y) = dist(Y) (cos(a) w + sin(a) e),

w = Y/|Y|, e a direction orthogonal to R^k (in R^k itself cos(a) = 1 outside and -1 inside).  F is interpolated in s by
Chebyshev polynomials, in w by harmonics; the kernel acts on each by integrals over radii alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .by_hand import log_sum_exp
from .quadrature import panels
from .rates import Array
from .renyi_grid import Grid, Interpolation, graded
from .renyi_harmonics import BallLaw, Constant, GaussianLaw, Harmonics, Periodic, Spherical
from .renyi_links import level

#: Standard deviations of the noise that the grid reaches out, and the highest degree on S^2.
REACH, DEGREES = 6.5, 36


@dataclass(frozen=True)
class Resolution:
    """Nodes of the quadratures: in a panel of radii, of offsets, Chebyshev nodes, and the rest by a factor."""

    radial: int
    offsets: int
    chebyshev: int
    factor: float


COARSE, FINE = Resolution(5, 4, 24, 0.8), Resolution(7, 6, 36, 1.2)


@dataclass(frozen=True)
class Sample:
    """Points (N, k) on the sphere of radius R in R^k; `period` > 1 for points with that symmetry in the plane.

    No points: the uniform law itself, the limit of many.
    """

    radius: float
    k: int
    points: Array | None
    period: int = 1

    @property
    def gap(self) -> float:
        """The largest distance from a point of the sphere (of many) to the nearest of the sample."""
        if self.points is None:
            return 0.0
        if self.k == 2:
            angles = np.sort(np.arctan2(self.points[:, 1], self.points[:, 0]))
            widest = np.diff(np.append(angles, angles[0] + 2.0 * np.pi)).max()
            return float(2.0 * self.radius * np.sin(0.25 * min(widest, 2.0 * np.pi)))
        _, cosines = self.holes()
        return float(self.radius * np.sqrt(2.0 - 2.0 * cosines.min()))

    def holes(self) -> tuple[Array, Array]:
        """Return the centres of the empty caps of a sample of S^2, unit vectors, and the cosines of their radii.

        They are the normals of the convex hull.
        """
        from scipy.spatial import ConvexHull

        planes = ConvexHull(self.points / self.radius).equations
        return planes[:, :3], -planes[:, 3]

    def _squares(self, feet: Array) -> Array:
        apart = 2.0 * self.radius**2 - 2.0 * self.radius * feet @ self.points.T
        return np.maximum(apart, 0.0)

    def envelope(self, s: Array, feet: Array, sigma: float) -> Array:
        """Return F(s, w) for radii (C,) and feet (A, k), shape (C, A)."""
        if self.points is None:
            from scipy.special import gammaln, ive

            nu = 0.5 * self.k - 1.0
            kappa = s * self.radius / sigma**2
            values = np.log(ive(nu, kappa)) - nu * np.log(0.5 * kappa) + gammaln(nu + 1.0)
            return np.repeat(values[:, None], len(feet), axis=1)
        squares = self._squares(feet) / (2.0 * self.radius * sigma**2)
        return np.stack([log_sum_exp(-radius * squares) for radius in s])

    def mean_square(self, feet: Array, sigma: float) -> Array:
        """Return the softmax mean of E_i at s = R, shape (A,)."""
        if self.points is None:
            from scipy.special import ive

            nu, kappa = 0.5 * self.k - 1.0, self.radius**2 / sigma**2
            rest = (ive(nu, kappa) - ive(nu + 1.0, kappa)) / ive(nu, kappa)
            return np.full(len(feet), 2.0 * self.radius**2 * rest)
        squares = self._squares(feet)
        logits = -squares / (2.0 * sigma**2)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray((weights * squares).sum(axis=1) / weights.sum(axis=1))


def harmonics(sample: Sample, kernel: GaussianLaw | BallLaw, sigma: float, largest: float, factor: float) -> Harmonics:
    """Return harmonics that resolve F and the kernel."""
    if sample.points is None:
        return Constant(sample.k)
    if sample.k == 3:
        return Spherical(int(factor * min(kernel.highest(largest), DEGREES)), sample.holes()[0])
    # Where one point takes over from the next F bends within sigma^2/(distance between them).
    bend = sigma**2 / (2.0 * sample.gap)
    feet = int(factor * 3.0 * 2.0 * np.pi * sample.radius / sample.period / bend)
    # Its harmonics fall off like e^{-pi l bend/R}.
    highest = min(kernel.highest(largest), factor * 8.0 * sample.radius / bend)
    return Periodic(sample.period, 2 * max(16, min(feet, 8192)), highest)


def on_sphere(
    sample: Sample, kernel: GaussianLaw | BallLaw, sigma: float, resolution: Resolution,
    profile: Callable[[Array], Array],
) -> Grid:  # fmt: skip
    """Return the two densities around a sphere in R^k; profile gives psi for the kernel."""
    radius, k = sample.radius, sample.k
    low, high = max(-radius, -REACH * sigma), REACH * sigma
    u, u_weights = graded(low, high, min(kernel.law_scale, sigma), 1.5 * sigma, resolution.offsets)
    u, u_weights = with_peaks(u, u_weights, kernel.law_scale * kernel.peaks)
    t = radius + u
    rho, rho_weights = kernel.radii(t, radius, resolution.radial)
    largest = float(rho.max())
    modes = harmonics(sample, kernel, sigma, largest, resolution.factor)
    distinct, place = np.unique(modes.degrees, return_inverse=True)
    w = kernel.zonal(rho, t[:, None], k, distinct) * rho_weights  # (L, T, K)
    total = w[0].sum(axis=1)
    w /= total[:, None]
    side = np.where(rho > radius, 1.0, -1.0)
    r = level(w[0], np.abs(rho - radius), np.abs(u))
    grid = _assemble(sample, sigma, modes, place, w, rho, radius + r[:, None] * side, resolution)
    law = kernel.law_scale * profile(u / kernel.law_scale)
    law = law[:, None] * sample.mean_square(modes.field_feet, sigma) / (2.0 * radius * sigma**2)
    with np.errstate(divide="ignore"):
        volume = (np.log(u_weights) + (k - 1) * np.log(t))[:, None] + np.log(modes.weights)
    return Grid(
        volume, grid[1] - r[:, None] ** 2 / (2.0 * sigma**2), grid[0], law, np.abs(u),
        float(np.abs(total - 1.0).max()), u[:, None], modes.field_feet,
    )  # fmt: skip


def around_circle(sample: Sample, kernel: GaussianLaw, sigma: float, resolution: Resolution,
                  profile: Callable[[Array], Array]) -> Grid:  # fmt: skip
    """Return the two densities around a circle in R^3, x = (R + a cos(b), a sin(b)) with 0 < a < R."""
    radius, h = sample.radius, kernel.scale
    a, a_weights = graded(0.0, min(REACH * sigma, radius - 1.05 * kernel.width), h, 1.5 * sigma, resolution.offsets)
    b, b_weights = panels(np.array([0.0, np.pi]), resolution.offsets + 2)
    a, b = (grid.ravel() for grid in np.meshgrid(a, b, indexing="ij"))
    weights = np.outer(a_weights, b_weights).ravel()
    peaks = np.tile(h * kernel.peaks, 2)
    a, weights = np.append(a, peaks), np.append(weights, 0.0 * peaks)
    b = np.append(b, np.repeat([0.0, np.pi], len(peaks) // 2))
    t, z = radius + a * np.cos(b), a * np.sin(b)
    # Y in polar coordinates about the circle: s from it, c the angle, in a window that holds the kernel.
    s, s_weights = _split_once(np.maximum(a - kernel.width, 0.0), a + kernel.width, 3, resolution.radial)
    window = np.where(a > 1.02 * kernel.width, np.arcsin(np.minimum(kernel.width / a, 1.0)), np.pi)
    n = int(30 * resolution.factor)
    c = b[:, None] + window[:, None] * (2.0 * np.arange(n) / n - 1.0)
    s_all = np.repeat(s, n, axis=1)
    cosine = np.tile(np.cos(c), (1, s.shape[1]))
    rho = radius + s_all * cosine
    height = s_all * np.tile(np.sin(c), (1, s.shape[1])) - z[:, None]
    node_weights = s_all * np.repeat(s_weights, n, axis=1) * (2.0 * window / n)[:, None] * kernel.across(height)
    modes = harmonics(sample, kernel, sigma, float(rho.max()), resolution.factor)
    distinct, place = np.unique(modes.degrees, return_inverse=True)
    pieces = []
    for rows in np.array_split(np.arange(len(a)), max(1, len(a) * rho.shape[1] * len(distinct) // 2_000_000)):
        w = kernel.zonal(rho[rows], t[rows, None], 2, distinct) * node_weights[rows]
        total = w[0].sum(axis=1)
        w /= total[:, None]
        r = level(w[0], s_all[rows], a[rows])
        found = _assemble(sample, sigma, modes, place, w, rho[rows], radius + r[:, None] * cosine[rows], resolution)
        pieces.append((*found, r, total))
    delta, mean, r, total = (np.concatenate(part) for part in zip(*pieces, strict=True))
    law = h * profile(a / h) * np.cos(b)
    law = law[:, None] * sample.mean_square(modes.field_feet, sigma) / (2.0 * radius * sigma**2)
    with np.errstate(divide="ignore"):
        volume = np.log(weights * a * t)[:, None] + np.log(modes.weights)
    return Grid(
        volume, mean - r[:, None] ** 2 / (2.0 * sigma**2), delta, law, a,
        float(np.abs(total - 1.0).max()), np.stack([a, b], axis=1), modes.field_feet,
    )  # fmt: skip


def with_peaks(u: Array, weights: Array, peaks: Array) -> tuple[Array, Array]:
    """Add nodes of weight 0 at +-peaks where a supremum may sit."""
    inside = np.concatenate([-peaks[-peaks > u.min()], peaks[peaks < u.max()]])
    return np.append(u, inside), np.append(weights, 0.0 * inside)


def _split_once(low: Array, high: Array, pieces: int, n: int) -> tuple[Array, Array]:
    nodes, weights = panels(np.linspace(0.0, 1.0, pieces + 1), n)
    return low[:, None] + (high - low)[:, None] * nodes, (high - low)[:, None] * weights


def _assemble(
    sample: Sample, sigma: float, modes: Harmonics, place: np.ndarray, w: Array, rho: Array, moved: Array,
    resolution: Resolution,
) -> tuple[Array, Array]:  # fmt: skip
    """Return E[F(rho, w) - F(moved, w)] and E[F(moved, w)], (T, B), for radii (T, K) and multipliers (L, T, K)."""
    # F is singular at imaginary s of size sigma^2/R and more: asinh moves these to a distance of order one.
    scale = sigma**2 / sample.radius
    rho, moved = np.arcsinh(rho / scale), np.arcsinh(moved / scale)
    cut = Interpolation(min(rho.min(), moved.min()), max(rho.max(), moved.max()), resolution.chebyshev)
    table = cut.coefficients(sample.envelope(scale * np.sinh(cut.nodes), modes.feet, sigma))
    spectrum = modes.modes(table)  # (modes, C)
    there = cut.table(moved)
    weights = w.transpose(1, 0, 2)
    found = []
    for values in (cut.table(rho) - there, there):
        kernel = weights @ values  # (T, L, C)
        found.append(modes.field(np.einsum("tlc,lc->tl", kernel[:, place], spectrum)))
    return found[0], found[1]
