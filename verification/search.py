"""Nearest points by dense search, with a proven bound of what the search can miss.

phi(u) = |x - y(u)|^2 has |phi''| = 2 ||y'|^2 - <x - y, y''>| <= F = 2 speed^2 + 2 (|x| + |M|) bend, so between
neighbours of a grid with step h it is at least the smaller of its values at them less h^2 F/8: the least value on the
grid is at most h^2 F/8 above the global minimum.  Newton steps from there take the rest away where phi'' > 0.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from .rates import Array
from .shapes import Shape
from .situations_surfaces import MAJOR, MINOR, PATCH_U, PATCH_V


@dataclass(frozen=True)
class Found:
    """Global nearest points by search.

    Attributes
    ----------
    distance : refined, an upper bound of dist(x, M) up to rounding, shape (n,).
    floor : proven lower bound of dist(x, M)^2, shape (n,).
    """

    distance: Array
    floor: Array


@functools.cache
def _tree(shape: Shape, size: int) -> tuple[Array, object]:
    from scipy.spatial import cKDTree

    u = shape.grid(size)
    return u, cKDTree(shape.derivative(u, 0))


def on_curve(shape: Shape, x: Array, size: int) -> Found:
    """Search a grid of `size` points by a k-d tree, which is exact."""
    u, tree = _tree(shape, size)
    distance, index = tree.query(x, workers=1)  # type: ignore[attr-defined]
    return Found(np.minimum(distance, refined(shape, x, u[index], u[1] - u[0])), distance**2 - slack(shape, x, size))


def slack(shape: Shape, x: Array, size: int) -> Array:
    """Return h^2 F/8 at every x."""
    u = shape.grid(size)
    largest = np.linalg.norm(shape.derivative(u[:: max(1, size // 4096)], 0), axis=1).max()
    curved = 2.0 * shape.speed**2 + 2.0 * (np.linalg.norm(x, axis=1) + largest) * shape.bend
    return np.asarray((u[1] - u[0]) ** 2 * curved / 8.0)


def refined(shape: Shape, x: Array, u: Array, step: float, rounds: int = 2) -> Array:
    """Return |x - y| after Newton steps of at most `step` from u."""
    best = np.full(len(x), np.inf)
    for _ in range(rounds):
        away, first, second = x - shape.derivative(u, 0), shape.derivative(u, 1), shape.derivative(u, 2)
        best = np.fmin(best, np.linalg.norm(away, axis=1))
        slope, bend = -(away * first).sum(axis=1), (first * first).sum(axis=1) - (away * second).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            move = np.where(bend > 0.0, -slope / bend, 0.0)
        u = u + np.clip(move, -step, step)
        if not shape.closed:
            u = np.clip(u, shape.lower, shape.upper)
    return np.fmin(best, np.linalg.norm(x - shape.derivative(u, 0), axis=1))


def local_minima(shape: Shape, x: Array, size: int) -> Array:
    """Return the two lowest local minima of |x - y(u)| on a grid, refined, shape (n, 2); inf where there is none."""
    u = shape.grid(size)
    y = shape.derivative(u, 0)
    squares = (x * x).sum(axis=1)[:, None] - 2.0 * x @ y.T + (y * y).sum(axis=1)
    before, after = np.roll(squares, 1, axis=1), np.roll(squares, -1, axis=1)
    if not shape.closed:
        before[:, 0], after[:, -1] = np.inf, np.inf
    candidates = np.where((squares <= before) & (squares < after), squares, np.inf)
    order = np.argsort(candidates, axis=1)[:, :2]
    lowest = [refined(shape, x, u[order[:, k]], u[1] - u[0], rounds=5) for k in range(2)]
    there = np.isfinite(np.take_along_axis(candidates, order, axis=1))
    return np.where(there, np.stack(lowest, axis=1), np.inf)


def on_torus(x: Array) -> Array:
    """Distance from the torus in closed form."""
    return np.abs(np.hypot(np.hypot(x[:, 0], x[:, 1]) - MAJOR, x[:, 2]) - MINOR)


def on_patch(x: Array) -> Array:
    """Distance from the patch of the unit sphere: along the radius, or to one of four arcs of circles."""
    longitude, latitude = np.arctan2(x[:, 1], x[:, 0]), np.arctan2(x[:, 2], np.hypot(x[:, 0], x[:, 1]))
    inside = (PATCH_U[0] <= longitude) & (longitude <= PATCH_U[1])
    inside &= (PATCH_V[0] <= latitude) & (latitude <= PATCH_V[1])
    arcs = []
    for v in PATCH_V:
        arcs.append(_point(_onto_arc(longitude, PATCH_U), np.full(len(x), v)))
    for u in PATCH_U:
        angle = np.arctan2(x[:, 2], x[:, 0] * np.cos(u) + x[:, 1] * np.sin(u))
        arcs.append(_point(np.full(len(x), u), _onto_arc(angle, PATCH_V)))
    edges = np.min([np.linalg.norm(x - y, axis=1) for y in arcs], axis=0)
    return np.where(inside, np.abs(np.linalg.norm(x, axis=1) - 1.0), edges)


def _onto_arc(angle: Array, ends: tuple[float, float]) -> Array:
    """The nearest angle within an arc: the angle itself, or the end that is nearer on the circle."""
    middle = 0.5 * (ends[0] + ends[1])
    around = np.remainder(angle - middle + np.pi, 2.0 * np.pi) - np.pi
    return np.asarray(middle + np.clip(around, ends[0] - middle, ends[1] - middle))


def _point(u: Array, v: Array) -> Array:
    return np.stack([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)], axis=1)
