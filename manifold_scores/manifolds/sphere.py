"""Spheres and circles, centred at the origin (move them with `Embedded`)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrays
from ..arrays import FloatArray
from ..measures import ParametricLaw, SphereLaw
from ..measures.parametric import DEFAULT_TOLERANCE
from .curves import Curve
from .manifold import Manifold

__all__ = ["Circle", "Sphere"]


class Sphere(Manifold):
    """The sphere {|y| = R} in R^k, of dimension k - 1, reach R, volume 2 pi^{k/2} R^{k-1} / Gamma(k/2).

    Parameters are hyperspherical angles: y = R (cos u_1, sin u_1 cos u_2, ..., sin u_1 .. sin u_{k-1}), so that for
    k = 2 u is the polar angle.

    Parameters
    ----------
    ambient_dimension : k >= 2.
    radius : R > 0.
    """

    def __init__(self, ambient_dimension: int, radius: float = 1.0) -> None:
        self._uniform = SphereLaw(ambient_dimension, radius)
        self.ambient_dimension = self._uniform.ambient_dimension
        self.dimension = self.ambient_dimension - 1
        self.radius = self.reach = self._uniform.radius
        half = 0.5 * self.ambient_dimension
        log_volume = math.log(2.0) + half * math.log(math.pi) - math.lgamma(half) + self.dimension * math.log(radius)
        self.volume = math.exp(log_volume) if log_volume < 709.0 else math.inf

    def __repr__(self) -> str:
        return f"Sphere({self.ambient_dimension}, radius={self.radius!r})"

    def uniform(self) -> SphereLaw:
        """Return the uniform law on the sphere."""
        return self._uniform

    def von_mises_fisher(self, mean_direction: Any, concentration: float) -> SphereLaw:
        """Return the law with density ~ exp(c <m, y>/R), m = mean_direction normalised, c = concentration >= 0."""
        return SphereLaw(self.ambient_dimension, self.radius, mean_direction, concentration)

    def _embed(self, u: FloatArray) -> FloatArray:
        sines = np.cumprod(np.sin(u), axis=-1)
        ones = np.ones((*u.shape[:-1], 1))
        cosines = np.concatenate([np.cos(u), ones], axis=-1)
        return np.asarray(self.radius * cosines * np.concatenate([ones, sines], axis=-1))

    def _project(self, x: FloatArray, unique: bool) -> tuple[FloatArray, NDArray[np.bool_] | None]:
        normal, only = self._normal(x)
        return self.radius * normal, only if unique else None

    def _distance(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.abs(np.linalg.norm(x, axis=1) - self.radius))

    @staticmethod
    def _normal(x: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        largest = np.abs(x).max(axis=1, keepdims=True)
        unique = largest[:, 0] > 0.0
        scaled = np.divide(x, largest, out=np.eye(1, x.shape[1]).repeat(len(x), axis=0), where=largest > 0.0)
        return scaled / np.linalg.norm(scaled, axis=1, keepdims=True), unique

    def _normal_basis(self, y: FloatArray) -> FloatArray:
        return self._normal(y)[0][:, :, None]

    def _tangent_basis(self, y: FloatArray) -> FloatArray:
        # The Householder reflection that takes e_1 to the normal takes e_2, ..., e_k to a basis of the tangent space.
        normal = self._normal(y)[0]
        sign = np.where(normal[:, :1] < 0.0, -1.0, 1.0)
        v = normal.copy()
        v[:, :1] += sign
        reflected: FloatArray = -2.0 * v[:, :, None] * v[:, None, 1:] / (v * v).sum(axis=1)[:, None, None]
        index = np.arange(self.dimension)
        reflected[:, index + 1, index] += 1.0
        return reflected

    def _second_fundamental_form(self, y: FloatArray) -> FloatArray:
        normal = self._normal(y)[0]
        return np.asarray(-np.eye(self.dimension)[None, :, :, None] * normal[:, None, None, :] / self.radius)


class Circle(Sphere):
    """The circle of radius R in the plane; embed(u) = R (cos u, sin u)."""

    def __init__(self, radius: float = 1.0) -> None:
        super().__init__(2, arrays.positive("radius", radius))

    def measure(self, density: Any, *, tolerance: float = DEFAULT_TOLERANCE) -> ParametricLaw:
        """Return the law with a density in the polar angle u; density and tolerance as in `Curve.measure`."""
        import sympy

        u = sympy.Symbol("u", real=True)
        curve = Curve([self.radius * sympy.cos(u), self.radius * sympy.sin(u)], (u, 0, 2 * sympy.pi))
        return curve.measure(density, tolerance=tolerance)

    def __repr__(self) -> str:
        return f"Circle(radius={self.radius!r})"
