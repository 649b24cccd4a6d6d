"""Measures on curves and surfaces: a density with respect to volume, tilted by adaptive quadrature."""

from __future__ import annotations

import copy
import functools
import math
from typing import Any, NamedTuple

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..panels import LongArray, Panels
from ..tilt import ErrorEstimate, Measure, Tilt
from .combinators import Embedded

__all__ = ["ParametricLaw"]

#: The relative accuracy of one quadrature; see `ParametricLaw.tolerance`.
DEFAULT_TOLERANCE = 1e-14
#: An error is estimated by a second quadrature that is this much finer.
_FINER = 1e-4
#: A panel this narrow is at a point where the density is not smooth; with more than this share of the mass on it the
#: density is unbounded there.
_SMALLEST_WIDTH, _LARGEST_UNRESOLVED = 1e-14, 1e-12
#: Nodes that integrate the product of two of its polynomials exactly.
_MEAN_NODES = 16


class Support(NamedTuple):
    """What a manifold hands to its measures.

    Attributes
    ----------
    panels : the piecewise polynomial of (y, w): y in R^r, w the density with respect to v in the unit domain.
    closed : which directions of the domain are closed.
    basis, origin : of the isometry R^r -> R^d, or None for r = d.
    """

    panels: Panels
    closed: tuple[bool, ...]
    basis: FloatArray | None
    origin: FloatArray | None


class ParametricLaw(Measure):
    """A probability measure with a density rho with respect to volume on a curve or a surface.

        Z(z, s) = integral over M of exp(-|z - y|^2 / 2s) rho(y) vol(dy)

    The integrand is resolved by cells that shrink to its own scale around every competing nearest point (theory:
    sqrt(s); s/D at an end; s^(1/4) at a focal point) and integrated by Gauss-Legendre rules chosen from a bound on
    its growth in the complex plane.  Cells are left out when they are provably below 1e-18 of the total.  The cost of
    a query grows like log(1/s).  Where float64 squared distances divided by s would be rounding, they are computed in
    double-double arithmetic.

    Accuracy: `tolerance` (1e-14 unless the measure was given another) times (1 + kappa) for the quadrature, on top of
    the rounding of the piecewise polynomials that stand for M and rho: 1e-16 of the size of M in y, and see
    `manifolds.Curve` for its derivatives.  `error_estimate` measures the first at any query.  Variances below
    1e-26 |M|^2 or 1e-19 |M| |z - M| are raised to these, where the tilted law is a point to float64.

    Built by `Curve.uniform`, `Curve.measure`, `Surface.uniform`, `Surface.measure` and the manifolds named after them.

    Attributes
    ----------
    manifold : M.
    tolerance : of the quadrature, relative to (1 + kappa).
    symbolic_density : the density before it was normalised, as a SymPy expression in the symbols of M, or None.
    """

    def __init__(self, manifold: Any, support: Support, density: Any, tolerance: float) -> None:
        self.manifold = manifold
        self.tolerance = tolerance
        self.symbolic_density = density.expression
        self.ambient_dimension = manifold.ambient_dimension
        self.dimension = manifold.dimension
        self._density = density
        self._support = support
        self._panel_law = _PanelLaw(support.panels, support.closed, tolerance)
        self._law = self._embedded(self._panel_law)

    def __repr__(self) -> str:
        return f"ParametricLaw(on {self.manifold!r})"

    def density(self, u: Any) -> Any:
        """Return rho at the parameter u: shape (...) for a curve (u of shape (...)), and for a surface (u (..., 2))."""
        v, shape = self.manifold.unit_parameters(u)
        return arrays.restore(np.asarray(self._density.values(v) / self.total, dtype=np.float64).reshape(shape), u)

    @property
    def total(self) -> float:
        """Integral of the density before it was normalised."""
        return self._panel_law.total

    def cumulative(self, v: FloatArray) -> FloatArray:
        """Return the mass of the parameters below v (N, 1) in the unit interval, for a curve."""
        return self._panel_law.cumulative(v)

    def error_estimate(self, center: Any, variance: Any) -> ErrorEstimate:
        """Return the estimated errors of `tilt` at center (..., d) and variance, by comparison with a finer quadrature.

        It measures the quadrature and its truncation, not the rounding that the condition of the query amplifies; never
        less than the rounding of the result itself.
        """
        rows = self._rows(center, variance)
        finer = copy.copy(self._panel_law)
        finer.tolerance *= _FINER
        coarse = self._law.tilt_rows(rows.points, rows.scalars)
        fine = self._embedded(finer).tilt_rows(rows.points, rows.scalars)
        epsilon = np.finfo(np.float64).eps
        mass = np.abs(coarse.log_mass - fine.log_mass) + epsilon * np.abs(fine.log_mass)
        mean = np.linalg.norm(coarse.mean - fine.mean, axis=1) + epsilon * np.linalg.norm(fine.mean, axis=1)
        return ErrorEstimate(rows.restore(mass), rows.restore(mean))

    def _embedded(self, law: Measure) -> Measure:
        support = self._support
        return law if support.basis is None else Embedded(law, support.basis, support.origin)

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        return self._law.tilt_rows(centers, variances)

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return self._law.covariance_rows(centers, variances)

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return self._law.covariance_trace_rows(centers, variances)

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        return self._law.sample_rows(n, rng)


class _PanelLaw(Measure):
    """The law in the coordinates of its panels, R^r."""

    def __init__(self, panels: Panels, closed: tuple[bool, ...], tolerance: float) -> None:
        self.panels = panels
        self.dimension = panels.dimension
        self.ambient_dimension = panels.coefficients.shape[1] - 1
        self.tolerance = tolerance
        self._closed = closed
        # With respect to xi: dv = prod width/2 dxi.
        jacobian = np.prod(0.5 * panels.width, axis=1)
        self._masses = jacobian * _integrals(panels.coefficients[:, -1])
        self.total = math.fsum(self._masses)
        unresolved = self._masses[panels.width.max(axis=1) < _SMALLEST_WIDTH].max(initial=0.0)
        if not unresolved <= _LARGEST_UNRESOLVED * self.total:
            raise ValueError("density must be bounded per parameter; its integral does not converge where it is not")
        self._scale = jacobian / self.total

    @functools.cached_property
    def _patches(self) -> Any:
        return self.panels.patches(self._closed, self._mean(), self._scale)

    def _mean(self) -> FloatArray:
        """Return E[y]; what vanishes to rounding is zero, so that symmetric laws stay so when the noise is large."""
        nodes, weights = np.polynomial.legendre.leggauss(_MEAN_NODES)
        grid = np.stack(np.meshgrid(*[nodes] * self.dimension), axis=-1).reshape(-1, self.dimension)
        rule = np.prod(np.stack(np.meshgrid(*[weights] * self.dimension), axis=-1), axis=-1).reshape(-1)
        mean, size = np.zeros(self.ambient_dimension), np.zeros(self.ambient_dimension)
        for panel, scale in enumerate(self._scale):
            values = self.panels.at(np.full(len(grid), panel), grid)
            terms = (scale * rule * values[:, -1])[:, None] * values[:, :-1]
            mean += terms.sum(axis=0)
            size += np.abs(terms).sum(axis=0)
        return np.where(np.abs(mean) <= 8.0 * np.finfo(np.float64).eps * size, 0.0, mean)

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        out = self._empty(centers)
        self._run(centers, variances, out, np.empty((0, self.ambient_dimension, self.ambient_dimension)))
        return out

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        covariance = np.empty((len(centers), self.ambient_dimension, self.ambient_dimension))
        self._run(centers, variances, self._empty(centers), covariance)
        return covariance

    def _run(self, centers: FloatArray, variances: FloatArray, out: Tilt, covariance: FloatArray) -> None:
        from ..compute.cpu_parametric import Moments, parametric_moments
        from ..compute.threads import spread

        moments = Moments(out.log_mass, out.mean, out.displacement, out.anchor, out.log_rest, covariance)
        spread(parametric_moments, len(centers), self._patches, centers, variances, -math.log(self.tolerance), moments)

    def cumulative(self, v: FloatArray) -> FloatArray:
        panels = self.panels
        order = np.argsort(panels.lower[:, 0])
        below = np.zeros(len(order))
        below[order[1:]] = np.cumsum(self._masses[order])[:-1]
        panel, xi = panels.locate(v)
        coefficients = panels.coefficients[panel, -1, :, 0]
        powers = np.arange(1, coefficients.shape[1] + 1)
        inside = (coefficients / powers * (xi**powers - (-1.0) ** powers)).sum(axis=1) * 0.5 * panels.width[panel, 0]
        return np.asarray((below[panel] + inside) / self.total)

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        panels = self.panels
        chosen, local = np.empty(0, dtype=np.int64), np.empty((0, self.dimension))
        probabilities = panels.largest[:, 0] * np.prod(panels.width, axis=1)  # of proposals: bound times volume
        probabilities = probabilities / probabilities.sum()
        while len(chosen) < n:
            panel = rng.choice(len(panels.lower), size=2 * (n - len(chosen)) + 16, p=probabilities)
            xi = rng.uniform(-1.0, 1.0, (len(panel), self.dimension))
            accepted = rng.random(len(panel)) * panels.largest[panel, 0] <= panels.at(panel, xi)[:, -1]
            chosen = np.concatenate([chosen, panel[accepted]])
            local = np.concatenate([local, xi[accepted]])
        return panels.at(chosen[:n], local[:n])[:, :-1]


def _integrals(coefficients: FloatArray) -> LongArray:
    """Return the integrals over [-1, 1]^m of polynomials (P, K, K or 1)."""
    total = coefficients
    for _ in range(2):
        if total.shape[1] > 1:
            powers = np.arange(0, total.shape[1], 2)
            total = np.moveaxis(total[:, ::2], 1, -1) @ (2.0 / (powers + 1.0))
        else:
            total = total[:, 0]
    return np.asarray(total)
