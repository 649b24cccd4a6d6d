"""What every manifold answers: geometry only; `uniform()` hands over to the measures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrays
from ..arrays import FloatArray
from ..tilt import Measure

__all__ = ["Manifold"]


class Manifold(ABC):
    """A manifold M of dimension m in R^d, possibly with boundary.

    Points have shape (..., d).  Parameters u have shape (..., m), for a curve (m = 1) shape (...).  Bases are d x m
    matrices, one vector a column.

    Attributes
    ----------
    dimension, ambient_dimension : m and d.
    volume : m-dimensional volume (inf where it is infinite).
    reach : largest r such that every point closer than r to M has one nearest point (inf for a convex set).
    """

    dimension: int
    ambient_dimension: int
    volume: float
    reach: float

    def embed(self, u: Any) -> Any:
        """Return the point of M with parameter u, shape (..., d)."""
        parameters = arrays.real_array("u", u)
        if self.dimension == 1:
            parameters = parameters[..., None]
        if parameters.ndim == 0 or parameters.shape[-1] != self.dimension:
            raise ValueError(f"u must have shape (..., {self.dimension}); got {parameters.shape}")
        return arrays.restore(self._embed(arrays.length_scale("u", parameters)), u)

    def project(self, x: Any, *, return_unique: bool = False) -> Any:
        """Return the nearest point y_x of M, shape (..., d).

        With return_unique=True return (y_x, unique), unique of shape (...) and False where another point of M is as
        near (x on the medial axis); one of the nearest points is returned then.
        """
        rows = self._rows("x", x)
        nearest, unique = self._project(rows.points, arrays.flag("return_unique", return_unique))
        return rows.restore(nearest) if unique is None else (rows.restore(nearest), rows.restore(unique))

    def distance(self, x: Any) -> Any:
        """Return |x - y_x|, shape (...)."""
        rows = self._rows("x", x)
        return rows.restore(self._distance(rows.points))

    def tangent_basis(self, y: Any) -> Any:
        """Return an orthonormal basis of T_y M, shape (..., d, m), for y on M (the projection of y is used)."""
        rows = self._rows("y", y)
        return rows.restore(self._tangent_basis(rows.points))

    def normal_basis(self, y: Any) -> Any:
        """Return an orthonormal basis of the normal space at y, shape (..., d, d - m)."""
        rows = self._rows("y", y)
        return rows.restore(self._normal_basis(rows.points))

    def second_fundamental_form(self, y: Any) -> Any:
        """Return the normal vectors II(e_i, e_j) for the columns e_i of `tangent_basis(y)`, shape (..., m, m, d)."""
        rows = self._rows("y", y)
        return rows.restore(self._second_fundamental_form(rows.points))

    def sample(self, n: int, rng: Any = None) -> FloatArray:
        """Return n independent points, uniform with respect to volume, shape (n, d); rng as for measures."""
        return self.uniform().sample(n, rng)

    @abstractmethod
    def uniform(self) -> Measure:
        """Return the uniform probability measure on M."""

    def _rows(self, name: str, value: Any) -> arrays.Rows:
        return arrays.Rows(name, value, "t", 1.0, self.ambient_dimension, owner="manifold")

    @abstractmethod
    def _embed(self, u: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _project(self, x: FloatArray, unique: bool) -> tuple[FloatArray, NDArray[np.bool_] | None]:
        """Return the nearest points, and whether they are unique if that is asked for."""

    def _distance(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(x - self._project(x, False)[0], axis=1))

    # Of the projection of y.

    @abstractmethod
    def _tangent_basis(self, y: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _normal_basis(self, y: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _second_fundamental_form(self, y: FloatArray) -> FloatArray: ...
