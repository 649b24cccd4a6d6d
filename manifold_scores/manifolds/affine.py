"""Flat manifolds: affine subspaces, segments, boxes."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .. import arrays
from ..arrays import FloatArray
from ..measures import BoxLaw, Embedded, ParametricLaw, SegmentLaw
from ..measures.parametric import DEFAULT_TOLERANCE
from ..tilt import Measure
from .curves import Curve
from .manifold import Manifold

__all__ = ["AffineSubspace", "Box", "Segment"]


class _Flat(Manifold):
    """A convex piece of an affine subspace: constant tangent space, no curvature, infinite reach."""

    reach = math.inf
    _basis: FloatArray  # (d, m), orthonormal

    def _tangent_basis(self, y: FloatArray) -> FloatArray:
        return np.broadcast_to(self._basis, (len(y), *self._basis.shape)).copy()

    def _normal_basis(self, y: FloatArray) -> FloatArray:
        complete = np.linalg.qr(self._basis, mode="complete").Q[:, self.dimension :]
        return np.broadcast_to(complete, (len(y), *complete.shape)).copy()

    def _second_fundamental_form(self, y: FloatArray) -> FloatArray:
        return np.zeros((len(y), self.dimension, self.dimension, self.ambient_dimension))


class AffineSubspace(_Flat):
    """The subspace {origin + basis u : u in R^m} of R^d, which carries measures on R^m into R^d.

    Parameters
    ----------
    basis : shape (d, m), orthonormal columns.
    origin : shape (d,); default 0.
    """

    volume = math.inf

    def __init__(self, basis: Any, origin: Any = None) -> None:
        self._basis = arrays.orthonormal("basis", basis)
        self.ambient_dimension, self.dimension = self._basis.shape
        self._origin = np.zeros(self.ambient_dimension)
        if origin is not None:
            self._origin = arrays.vector("origin", origin, self.ambient_dimension)

    def __repr__(self) -> str:
        return f"AffineSubspace(dimension {self.dimension} in R^{self.ambient_dimension})"

    def measure(self, law: Measure) -> Embedded:
        """Return the image in R^d of a law on R^m (a measure) under u -> origin + basis u."""
        if not isinstance(law, Measure):
            raise TypeError(f"law must be a measure, such as Circle(1.0).uniform(); got {type(law).__name__}")
        return Embedded(law, self._basis, self._origin)

    def uniform(self) -> NoReturn:
        """Raise ValueError: an infinite volume has no uniform probability."""
        raise ValueError("an AffineSubspace has infinite volume and no uniform measure; use .measure(law on R^m)")

    def _embed(self, u: FloatArray) -> FloatArray:
        return np.asarray(self._origin + np.einsum("...m,dm->...d", u, self._basis))

    def _project(self, x: FloatArray, unique: bool) -> tuple[FloatArray, NDArray[np.bool_] | None]:
        return self._embed(arrays.multiply(x - self._origin, self._basis)), np.ones(
            len(x), dtype=bool
        ) if unique else None


class Segment(_Flat):
    """The segment from start to end in R^d; embed(u) = (1 - u) start + u end for u in [0, 1].

    Parameters
    ----------
    start, end : different points, shape (d,).
    """

    dimension = 1

    def __init__(self, start: Any, end: Any) -> None:
        self._law = SegmentLaw(start, end)
        self.ambient_dimension = self._law.ambient_dimension
        self.volume = self._law.length
        self._basis = self._law.direction[:, None]

    def __repr__(self) -> str:
        return f"Segment(length {self.volume!r} in R^{self.ambient_dimension})"

    def uniform(self) -> SegmentLaw:
        """Return the uniform law on the segment."""
        return self._law

    def measure(self, density: Any, *, tolerance: float = DEFAULT_TOLERANCE) -> ParametricLaw:
        """Return the law with a density in the parameter u in [0, 1]; density, tolerance as in `Curve.measure`."""
        import sympy

        if self.ambient_dimension < 2:
            raise ValueError("a density on a segment is integrated in R^2 and above; this segment lives in R^1")
        u = sympy.Symbol("u", real=True)
        ends = zip(self._law.start.tolist(), self._law.end.tolist(), strict=True)
        return Curve([(1 - u) * start + u * end for start, end in ends], (u, 0, 1)).measure(
            density, tolerance=tolerance
        )

    def _embed(self, u: FloatArray) -> FloatArray:
        if u.size and not 0.0 <= u.min() <= u.max() <= 1.0:
            raise ValueError(f"u must lie in [0, 1]; got {u.min()} to {u.max()}")
        return (1.0 - u) * self._law.start + u * self._law.end

    def _project(self, x: FloatArray, unique: bool) -> tuple[FloatArray, NDArray[np.bool_] | None]:
        fraction = ((x - self._law.start) * self._law.direction).sum(axis=1) / self._law.length
        return self._embed(np.clip(fraction, 0.0, 1.0)[:, None]), np.ones(len(x), dtype=bool) if unique else None


class Box(_Flat):
    """The box prod_i [lower_i, upper_i], of full dimension d; its parameters are the coordinates themselves.

    Parameters
    ----------
    lower, upper : shape (d,), lower < upper in every coordinate.
    """

    def __init__(self, lower: Any, upper: Any) -> None:
        self._law = BoxLaw(lower, upper)
        self.dimension = self.ambient_dimension = self._law.ambient_dimension
        self.volume = math.prod((self._law.upper - self._law.lower).tolist())
        self._basis = np.eye(self.dimension)

    def __repr__(self) -> str:
        return f"Box(volume {self.volume!r} in R^{self.ambient_dimension})"

    def uniform(self) -> BoxLaw:
        """Return the uniform law on the box."""
        return self._law

    def _embed(self, u: FloatArray) -> FloatArray:
        if not ((u >= self._law.lower) & (u <= self._law.upper)).all():
            raise ValueError("u must lie in the box: lower <= u <= upper in every coordinate")
        return u.copy()

    def _project(self, x: FloatArray, unique: bool) -> tuple[FloatArray, NDArray[np.bool_] | None]:
        return np.clip(x, self._law.lower, self._law.upper), np.ones(len(x), dtype=bool) if unique else None
