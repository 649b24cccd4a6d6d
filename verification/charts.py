"""Curves and surfaces by hand, with orthonormal frames, and Federer's formula for the reach.

For a closed set M (Federer 1959, Theorem 4.18)

    reach M = inf over x != y in M of |y - x|^2 / (2 dist(y - x, Tan_x M)),

Tan_x M the tangent cone: the tangent space, at an edge its inner half, at a corner of two edges its inner quarter.  So
every pair of points gives an upper bound of the reach.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .rates import Array
from .shapes import ROLL_WIDTH, SPIRAL, Shape, spiral_derivative
from .situations_surfaces import MAJOR, MINOR, PATCH_U, PATCH_V, patch, swiss_roll, torus

#: Pairs closer than this part of a coordinate range are left out.
CLOSEST = 3e-4

#: Moves of every pair in a round of the search.
TRIES = 24


@dataclass(frozen=True)
class Chart:
    """A manifold of dimension m whose coordinate lines are orthogonal.

    Attributes
    ----------
    build : returns the package's manifold.
    point : u (n, m) -> (n, d).
    frame : u (n, m) -> unit coordinate directions (n, m, d) and the lengths of the coordinate vectors (n, m).
    reach : known in closed form, or None.
    """

    name: str
    build: Callable[[], Any]
    point: Callable[[Array], Array]
    frame: Callable[[Array], tuple[Array, Array]]
    lower: Array
    upper: Array
    closed: tuple[bool, ...]
    reach: float | None = None

    @property
    def dimension(self) -> int:
        return len(self.lower)

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Return n random parameters, uniform in the domain, (n, m)."""
        return rng.uniform(self.lower, self.upper, (n, self.dimension))

    def within(self, u: Array) -> Array:
        """Return u moved into the domain: closed directions are periodic, others end."""
        width = self.upper - self.lower
        return np.where(self.closed, self.lower + np.mod(u - self.lower, width), np.clip(u, self.lower, self.upper))

    def allowed(self, u: Array, v: Array) -> Array:
        """Return |y - x|^2/(2 dist(y - x, Tan_x M)), x = point(u), y = point(v), shape (n,)."""
        apart = self.point(v) - self.point(u)
        axes, _ = self.frame(u)
        along = np.einsum("nd,nkd->nk", apart, axes)
        opened = ~np.array(self.closed)
        along = np.where((u <= self.lower) & opened, np.maximum(along, 0.0), along)
        along = np.where((u >= self.upper) & opened, np.minimum(along, 0.0), along)
        beside = np.linalg.norm(apart - np.einsum("nk,nkd->nd", along, axes), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((apart * apart).sum(axis=1) / (2.0 * beside))


def tightest(chart: Chart, n: int, rng: np.random.Generator, keep: int = 32, rounds: int = 70) -> float:
    """Return the least value that Federer's formula takes on n random pairs and, from the `keep` best, downhill.

    Pairs closer than 3e-4 of a coordinate's range are left out, so that rounding stays below 1e-9.
    """
    width = chart.upper - chart.lower
    u, v = chart.draw(n, rng), chart.draw(n, rng)
    close = np.arange(n) % 2 == 0
    v[close] = u[close] + width * rng.normal(0.0, 0.02, (close.sum(), chart.dimension))
    opened = ~np.array(chart.closed)
    edge = (rng.random(u.shape) < 0.25) & opened
    u = np.where(edge, np.where(rng.random(u.shape) < 0.5, chart.lower, chart.upper), u)
    v = chart.within(v)
    value = _far(chart, u, v)
    best = np.argsort(value)[:keep]
    u, v, value = u[best], v[best], value[best]
    scale = 0.03
    for _ in range(rounds):
        # Edges stay edges: only coordinates within the domain move.
        fixed = opened & ((u <= chart.lower) | (u >= chart.upper))
        shape = (TRIES, keep, chart.dimension)
        near_u = chart.within(u + np.where(fixed, 0.0, scale * width * rng.standard_normal(shape)))
        near_v = chart.within(v + scale * width * rng.standard_normal(shape))
        flat = near_u.reshape(-1, chart.dimension), near_v.reshape(-1, chart.dimension)
        found = _far(chart, *flat).reshape(TRIES, keep)
        first = found.argmin(axis=0)
        better = found.min(axis=0) < value
        column = np.arange(keep)
        u = np.where(better[:, None], near_u[first, column], u)
        v = np.where(better[:, None], near_v[first, column], v)
        value = np.minimum(value, found.min(axis=0))
        scale *= 1e-5 ** (1.0 / rounds)
    return float(value.min())


def _far(chart: Chart, u: Array, v: Array) -> Array:
    """As `allowed`, inf for pairs that are too close."""
    step = np.abs(u - v)
    width = chart.upper - chart.lower
    step = np.where(chart.closed, np.minimum(step, width - step), step)
    return np.where((step / width).max(axis=1) > CLOSEST, np.nan_to_num(chart.allowed(u, v), nan=np.inf), np.inf)


def of_curve(shape: Shape) -> Chart:
    """A curve as a chart."""

    def frame(u: Array) -> tuple[Array, Array]:
        first = shape.derivative(u[:, 0], 1)
        speed = np.linalg.norm(first, axis=1, keepdims=True)
        return (first / speed)[:, None, :], speed

    ends = np.array([shape.lower]), np.array([shape.upper])
    return Chart(
        shape.name, shape.build, lambda u: shape.derivative(u[:, 0], 0), frame, *ends, (shape.closed,), shape.reach
    )


@functools.cache
def torus_chart() -> Chart:
    def point(u: Array) -> Array:
        c = MAJOR + MINOR * np.cos(u[:, 1])
        return np.stack([c * np.cos(u[:, 0]), c * np.sin(u[:, 0]), MINOR * np.sin(u[:, 1])], axis=1)

    def frame(u: Array) -> tuple[Array, Array]:
        (a, b), zero = u.T, np.zeros(len(u))
        along = np.stack([-np.sin(a), np.cos(a), zero], axis=1)
        around = np.stack([-np.sin(b) * np.cos(a), -np.sin(b) * np.sin(a), np.cos(b)], axis=1)
        return np.stack([along, around], axis=1), np.stack([MAJOR + MINOR * np.cos(b), zero + MINOR], axis=1)

    turn = np.full(2, 2.0 * np.pi)
    return Chart("torus", torus, point, frame, 0.0 * turn, turn, (True, True), min(MINOR, MAJOR - MINOR))


@functools.cache
def roll_chart() -> Chart:
    def point(u: Array) -> Array:
        plane = spiral_derivative(u[:, 0], 0)
        return np.stack([plane[:, 0], u[:, 1], plane[:, 1]], axis=1)

    def frame(u: Array) -> tuple[Array, Array]:
        plane, zero = spiral_derivative(u[:, 0], 1), np.zeros(len(u))
        speed = np.linalg.norm(plane, axis=1)
        along = np.stack([plane[:, 0] / speed, zero, plane[:, 1] / speed], axis=1)
        across = np.stack([zero, zero + 1.0, zero], axis=1)
        return np.stack([along, across], axis=1), np.stack([speed, zero + 1.0], axis=1)

    lower, upper = np.array([SPIRAL[0], 0.0]), np.array([SPIRAL[1], ROLL_WIDTH])
    return Chart("Swiss roll", swiss_roll, point, frame, lower, upper, (False, False))


@functools.cache
def patch_chart() -> Chart:
    def point(u: Array) -> Array:
        return np.stack([np.cos(u[:, 1]) * np.cos(u[:, 0]), np.cos(u[:, 1]) * np.sin(u[:, 0]), np.sin(u[:, 1])], axis=1)

    def frame(u: Array) -> tuple[Array, Array]:
        (a, b), zero = u.T, np.zeros(len(u))
        east = np.stack([-np.sin(a), np.cos(a), zero], axis=1)
        north = np.stack([-np.sin(b) * np.cos(a), -np.sin(b) * np.sin(a), np.cos(b)], axis=1)
        return np.stack([east, north], axis=1), np.stack([np.cos(b), zero + 1.0], axis=1)

    ends = np.array([PATCH_U, PATCH_V]).T
    # The northern edge bends away from the patch: its radius cos(0.7) is the reach, below that of the sphere.
    return Chart("patch of S²", patch, point, frame, ends[0], ends[1], (False, False), float(np.cos(PATCH_V[1])))


@functools.cache
def circle_chart() -> Chart:
    """A circle of radius 1.3 about (0.2, -0.1), as a user would write it."""
    radius, centre = 1.3, np.array([0.2, -0.1])

    def build() -> ms.Curve:
        import sympy as sp

        u = sp.Symbol("u", real=True)
        return ms.Curve([centre[0] + radius * sp.cos(u), centre[1] + radius * sp.sin(u)], (u, 0, 2 * sp.pi))

    def point(u: Array) -> Array:
        return centre + radius * np.concatenate([np.cos(u), np.sin(u)], axis=1)

    def frame(u: Array) -> tuple[Array, Array]:
        return np.stack([-np.sin(u), np.cos(u)], axis=2), np.full_like(u, radius)

    turn = np.array([2.0 * np.pi])
    return Chart("circle, as a curve", functools.cache(build), point, frame, 0.0 * turn, turn, (True,), radius)
