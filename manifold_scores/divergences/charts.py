"""Manifolds with the parameters, normal frames and shape operators that tubular coordinates need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..arrays import FloatArray
from ..manifolds import Segment, Sphere
from ..manifolds.frames import second_fundamental_form, volume
from ..manifolds.parametric import Parametric

__all__ = ["Chart", "Frames", "chart"]


@dataclass(frozen=True)
class Frames:
    """Points of M and what is known there.

    Attributes
    ----------
    points : y, (N, d).
    volumes : volume of M per volume of the parameters, (N,).
    normals : orthonormal basis n_k of the normal space, one vector a row, (N, c, d); it varies smoothly.
    shapes : <n_k, II(e_i, e_j)> in an orthonormal basis e_i of the tangent space, (N, c, m, m).
    """

    points: FloatArray
    volumes: FloatArray
    normals: FloatArray
    shapes: FloatArray

    def offset(self, coordinates: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return x = y + v, v = sum_k coordinates_k n_k, and det(I - A_v), A_v = sum_k coordinates_k shapes_k."""
        shape = np.eye(self.shapes.shape[2]) - np.einsum("nk,nkij->nij", coordinates, self.shapes)
        return self.points + np.einsum("nk,nkd->nd", coordinates, self.normals), np.linalg.det(shape)


class Chart(Protocol):
    """A parametrisation of M, or of M without a set of measure 0."""

    lower: FloatArray
    upper: FloatArray

    def frames(self, u: FloatArray) -> Frames:
        """Return points and frames at parameters u (N, m)."""


class _SphereChart:
    """Hyperspherical angles; the poles are ends of the domain, where only the volume element vanishes."""

    def __init__(self, sphere: Sphere) -> None:
        self._sphere = sphere
        self.lower = np.zeros(sphere.dimension)
        self.upper = np.array([math.pi] * (sphere.dimension - 1) + [2.0 * math.pi])

    def frames(self, u: FloatArray) -> Frames:
        radius, m = self._sphere.radius, self._sphere.dimension
        points = np.asarray(self._sphere.embed(u[:, 0] if m == 1 else u))
        volumes = np.full(len(u), radius) if m == 1 else radius**2 * np.sin(u[:, 0])
        shapes = np.broadcast_to(-np.eye(m) / radius, (len(u), 1, m, m))
        return Frames(points, volumes, points[:, None] / radius, shapes)


class _SegmentChart:
    """A segment: straight, with any frame that is orthogonal to it."""

    lower, upper = np.zeros(1), np.ones(1)

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._normals = np.asarray(segment.normal_basis(segment.embed(0.5))).T

    def frames(self, u: FloatArray) -> Frames:
        normals = np.broadcast_to(self._normals, (len(u), *self._normals.shape))
        points = np.asarray(self._segment.embed(u[:, 0]))
        return Frames(points, np.full(len(u), self._segment.volume), normals, np.zeros((len(u), len(normals[0]), 1, 1)))


class _ParametricChart:
    """Derivatives of the embedding.

    Normals are the turned tangent of a curve in the plane, the cross product of the tangents of a surface in R^3; for a
    curve in R^3 they are the normal part of a fixed vector that is never tangent, and its cross product with T.
    """

    def __init__(self, manifold: Parametric) -> None:
        self._manifold = manifold
        self.lower, self.upper = manifold.lower, manifold.upper
        m = manifold.dimension
        self._units = [tuple(int(k == axis) for k in range(m)) for axis in range(m)]
        self._aside = np.zeros(manifold.ambient_dimension)
        if (m, manifold.ambient_dimension) == (1, 3):
            u = np.linspace(self.lower[0], self.upper[0], _TANGENTS)
            tangents = np.asarray(manifold.derivative(u, 1))
            tangents = tangents / np.linalg.norm(tangents, axis=1, keepdims=True)
            directions = _directions()
            # Rounded, so that of equally good vectors the first one is taken on every machine.
            nearest = np.round(np.abs(np.einsum("id,nd->in", directions, tangents)).max(axis=1), 9)
            self._aside = directions[int(nearest.argmin())]

    def _derivative(self, u: FloatArray, orders: tuple[int, ...]) -> FloatArray:
        return np.asarray(self._manifold.derivative(u[:, 0] if len(orders) == 1 else u, orders))

    def frames(self, u: FloatArray) -> Frames:
        first = np.stack([self._derivative(u, unit) for unit in self._units], axis=1)
        rows = [[self._derivative(u, tuple(np.add(a, b).tolist())) for b in self._units] for a in self._units]
        second = np.stack([np.stack(row, axis=1) for row in rows], axis=1)
        form = second_fundamental_form(first, second)
        normals = self._normals(first)
        shapes = np.einsum("nkd,nijd->nkij", normals, form)
        return Frames(self._derivative(u, (0,) * len(self._units)), volume(first), normals, shapes)

    def _normals(self, first: FloatArray) -> FloatArray:
        if first.shape[1:] == (1, 2):
            normals = np.stack([-first[:, :, 1], first[:, :, 0]], axis=2)
        elif first.shape[1:] == (2, 3):
            normals = np.cross(first[:, 0], first[:, 1])[:, None]
        else:
            tangent = first[:, 0] / np.linalg.norm(first[:, 0], axis=1, keepdims=True)
            across = self._aside - np.einsum("d,nd->n", self._aside, tangent)[:, None] * tangent
            normals = np.stack([across, np.cross(tangent, across)], axis=1)
        return np.asarray(normals / np.linalg.norm(normals, axis=2, keepdims=True))


#: Tangents of a curve in R^3, and directions, among which one that is not tangent is looked for.
_TANGENTS, _DIRECTIONS = 513, 400


def _directions() -> FloatArray:
    """Return well spread unit vectors of R^3 (the Fibonacci lattice)."""
    index = np.arange(_DIRECTIONS)
    height, angle = (2 * index + 1) / _DIRECTIONS - 1.0, math.pi * (3.0 - math.sqrt(5.0)) * index
    across = np.sqrt(1.0 - height**2)
    return np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)


def chart(manifold: Any) -> Chart:
    """Return the chart of a manifold with tubular coordinates in at most 3 dimensions."""
    if isinstance(manifold, (Parametric, Segment, Sphere)):
        m, d = manifold.dimension, manifold.ambient_dimension
        if (m, d) not in {(1, 2), (1, 3), (2, 3)}:
            raise ValueError(f"manifold must be a curve in R^2 or R^3 or a surface in R^3; got dimension {m} in R^{d}")
        if isinstance(manifold, Sphere):
            return _SphereChart(manifold)
        return _SegmentChart(manifold) if isinstance(manifold, Segment) else _ParametricChart(manifold)
    raise TypeError(f"manifold must be a sphere, a segment, a curve or a surface; got {type(manifold).__name__}")
