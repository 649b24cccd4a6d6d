"""Samples on manifolds with a kernel and a noise level: everything that Theorem 3.6 speaks of, case by case."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import renyi_curves, renyi_draws, renyi_grid, renyi_zonal, shapes
from .rates import Array
from .renyi_curves import CurveSample
from .renyi_grid import Grid
from .renyi_harmonics import BallLaw, GaussianLaw
from .renyi_links import Draws
from .renyi_zonal import Resolution, Sample

PROFILES: dict[tuple[type, int], Callable[[Array], Array]] = {
    (GaussianLaw, 1): renyi_grid.psi, (GaussianLaw, 2): renyi_grid.psi_plane,
    (BallLaw, 2): renyi_grid.psi_semicircle, (BallLaw, 3): renyi_grid.psi_parabola,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A sample on alpha M with a kernel, at noise level sigma.

    Attributes
    ----------
    family, x : the sweep it belongs to, and the value of the parameter that varies there.
    sample : on a circle or sphere about 0, or on a curve in the plane; scaled by alpha.
    d : dimension of the space; k + 1 for a circle in R^3.
    """

    name: str
    family: str
    x: float
    sample: Sample | CurveSample
    law: GaussianLaw | BallLaw
    sigma: float
    d: int
    alpha: float = 1.0
    feet: int = 0

    @property
    def m(self) -> int:
        return self.sample.k - 1 if isinstance(self.sample, Sample) else 1

    @property
    def reach(self) -> float:
        """The reach of alpha M."""
        return self.sample.radius if isinstance(self.sample, Sample) else self.sample.reach

    @property
    def size(self) -> int | None:
        """N, None for the limit of many."""
        return None if self.sample.points is None else len(self.sample.points)

    @functools.cached_property
    def gap(self) -> float:
        """The covering radius of the sample, alpha delta_N."""
        return self.sample.gap

    @property
    def deviation(self) -> float:
        """E[|Y - x|^2]^{1/2}: an upper bound of K, attained on the medial axis of a sphere."""
        return self.law.deviation(self.d)

    @property
    def right_side(self) -> float:
        """The bound of the theorem without constants, (K/tau)(m + delta_N^2/sigma^2)."""
        return self.deviation / self.reach * (self.m + (self.gap / self.sigma) ** 2)

    @property
    def tube(self) -> float:
        """Where the supremum is taken: dist(x, M) below half the reach."""
        return 0.5 * self.reach

    def grid(self, resolution: Resolution) -> Grid:
        """Return both densities around alpha M."""
        if isinstance(self.sample, CurveSample):
            return renyi_curves.on_curve(self.sample, self._gaussian, self.sigma, resolution, self.feet)
        if self.d > self.sample.k:
            return renyi_zonal.around_circle(self.sample, self._gaussian, self.sigma, resolution, self.profile)
        return renyi_zonal.on_sphere(self.sample, self.law, self.sigma, resolution, self.profile)

    @property
    def _gaussian(self) -> GaussianLaw:
        if not isinstance(self.law, GaussianLaw):
            raise TypeError(f"curves, and circles in R^3, are taken with normal laws; got {type(self.law).__name__}")
        return self.law

    @property
    def profile(self) -> Callable[[Array], Array]:
        """The psi of the kernel: of a ball in R^d, of a normal law by the codimension."""
        return PROFILES[type(self.law), self.d if isinstance(self.law, BallLaw) else self.d - self.m]

    @property
    def constant(self) -> float:
        """sup |psi| h/K: D_inf/right_side stays below where the law of Delta LSE holds, as D_inf <= osc Delta LSE."""
        return float(np.abs(self.profile(np.linspace(0.0, 8.0, 1601))).max()) * self.law.law_scale / self.deviation

    def place(self, grid: Grid, row: int, foot: int) -> Array:
        """Return the x of an entry of the grid."""
        offset = grid.rows[row]
        if isinstance(self.sample, CurveSample):
            y, normal, _, _ = self.sample.frame(grid.feet[foot : foot + 1])
            return np.asarray(y[0] + offset[0] * normal[0])
        if self.d == self.sample.k:
            return np.asarray((self.reach + offset[0]) * grid.feet[foot])
        a, b = offset
        return np.append((self.reach + a * np.cos(b)) * grid.feet[foot], a * np.sin(b))

    def draws(self, grid: Grid, row: int, foot: int) -> Draws:
        """Return nodes of the kernel at an entry of the grid."""
        x = self.place(grid, row, foot)
        if isinstance(self.sample, CurveSample):
            offset = float(grid.rows[row, 0])
            return renyi_draws.about_curve(x, float(grid.feet[foot]), offset, self.sample, self._gaussian)
        if self.d == self.sample.k:
            return renyi_draws.about_sphere(x, self.reach, self.law, self.sigma**2 / (2.0 * self.gap))
        return renyi_draws.about_circle(x, self.reach, self._gaussian)

    def points(self) -> Array:
        """Return alpha x_i in R^d, (N, d)."""
        found = self.sample.points
        if found is None:
            raise ValueError(f"the limit of many points has no points: {self.name}")
        return np.pad(found, ((0, 0), (0, self.d - found.shape[1])))


def ring(radius: float, n: int) -> Sample:
    """n points on a circle, equally spaced."""
    angles = 2.0 * np.pi * np.arange(n) / n
    return Sample(radius, 2, radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), n)


def scattered(radius: float, n: int, k: int, seed: int) -> Sample:
    """n independent uniform points on a circle or sphere."""
    draws = np.random.default_rng([2510, 2305, 36, seed]).standard_normal((n, k))
    return Sample(radius, k, radius * draws / np.linalg.norm(draws, axis=1, keepdims=True))


def lattice(radius: float, n: int) -> Sample:
    """n well spread points of S^2 (the Fibonacci lattice)."""
    height = (2.0 * np.arange(n) + 1.0) / n - 1.0
    turn = np.pi * (3.0 - np.sqrt(5.0)) * np.arange(n)
    across = np.sqrt(1.0 - height**2)
    return Sample(radius, 3, radius * np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=1))


def limit(radius: float, m: int) -> Sample:
    """The uniform law on S^m: infinitely many points."""
    return Sample(radius, m + 1, None)


def ellipse(a: float, b: float, n: int, seed: int | None = None) -> CurveSample:
    """n points of an ellipse, equally spaced in the parameter, or with independent uniform parameters."""
    return _curve(shapes.ellipse(a, b), b * b / a, n, seed, (2, True))


def wavy(n: int) -> CurveSample:
    """n points of a circle with three waves, equally spaced in the parameter: a curve that bends both ways."""
    shape = shapes.wavy_circle(3, 0.1)
    return _curve(shape, float(shape.build().reach), n, None, (3, False))


def _curve(
    shape: shapes.Shape, reach: float, n: int, seed: int | None, symmetry: tuple[int, bool]
) -> CurveSample:  # fmt: skip
    share = np.arange(n) / n if seed is None else np.random.default_rng([2510, 2305, 36, seed]).random(n)
    points = shape.derivative(shape.lower + share * (shape.upper - shape.lower), 0)
    return CurveSample(shape, points, reach, *(symmetry if seed is None else (1, False)))
