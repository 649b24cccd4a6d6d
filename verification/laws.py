"""Measures of every kind, with support function, size and points of their supports written out independently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

Array = np.ndarray[Any, np.dtype[np.float64]]
Support = Callable[[Array], Array]


@dataclass(frozen=True)
class Law:
    """A measure and what is known of its support M.

    Attributes
    ----------
    on, dimensions : points of M, shape (k, d), boundary points among them, and the dimension of M at each of them.
    support : u (j, d) -> max over M of <u, y>, shape (j,); None for an unbounded support.
    flat : (mean, projection onto the normal space) of an affine support; None for others.
    size : max |y| over M; for a Gaussian |mu| + sqrt(tr C), the scale of its inputs.
    off, closest : a point with one nearest point on M, and its distance (0 where M is the whole space).
    """

    name: str
    measure: ms.Measure
    on: Array
    dimensions: Array
    support: Support | None
    size: float
    off: Array
    closest: float
    flat: tuple[Array, Array] | None = None


def _points(y: Array) -> Support:
    return lambda u: (u @ np.asarray(y).T).max(axis=1)


def _ball(radius: float) -> Support:
    return lambda u: radius * np.linalg.norm(u, axis=1)


def _product(*parts: tuple[int, Support]) -> Support:
    ends = np.cumsum([size for size, _ in parts])
    return lambda u: sum(h(u[:, end - size : end]) for end, (size, h) in zip(ends, parts, strict=True))


def _maximum(*parts: Support) -> Support:
    return lambda u: np.max([h(u) for h in parts], axis=0)


def _image(h: Support, basis: Array, origin: Array) -> Support:
    return lambda u: u @ origin + h(u @ basis)


def _longest(y: Array) -> float:
    return float(np.linalg.norm(y, axis=1).max())


def laws() -> list[Law]:
    """Return the catalogue; everything in it is fixed."""
    rng = np.random.default_rng(20230719)
    five = np.array([[1.0, 0.0], [0.3, 0.9], [-0.8, 0.5], [-0.8, -0.6], [0.4, -0.9]])
    wide = rng.standard_normal((12, 3))
    circle, interval = ms.Circle(1.0).uniform(), ms.Segment([0.0], [2.0]).uniform()
    start, end = np.array([0.2, -0.5, 0.1]), np.array([1.4, 0.4, -0.5])
    normal = np.array([0.75, -1.0, 0.0]) / 1.25  # perpendicular to end - start
    line = np.array([0.6, 0.8])
    basis = np.linalg.qr(rng.standard_normal((5, 2))).Q
    aside = np.linalg.qr(np.column_stack([basis, np.eye(5)[:, 0]])).Q[:, 2]
    origin = np.array([0.5, -0.2, 0.1, 0.3, -0.4])
    full = np.array([[1.0, 0.3, 0.0], [0.3, 0.5, 0.1], [0.0, 0.1, 0.2]])
    ends = np.stack([start, end])

    def law(
        name: str, measure: ms.Measure, on: Any, dimensions: Any, support: Support | None, size: float, off: Any,
        closest: float, flat: tuple[Array, Array] | None = None,
    ) -> Law:  # fmt: skip
        on = np.atleast_2d(np.asarray(on, dtype=float))
        dimension = np.broadcast_to(np.asarray(dimensions, dtype=float), len(on))
        return Law(name, measure, on, dimension, support, size, np.asarray(off, dtype=float), closest, flat)

    cylinder = ms.Product(circle, interval)
    cylinder_support = _product((2, _ball(1.0)), (1, _points([[0.0], [2.0]])))
    return [
        law("five points", ms.PointCloud(five, [0.3, 0.1, 0.2, 0.25, 0.15]), five, 0, _points(five), 1.0,
            [1.5, 0.0], 0.5),
        law("points, weights 1e-150 to 1e150", ms.PointCloud(wide, np.logspace(-150, 150, 12)), wide, 0, _points(wide),
            _longest(wide), [3.0, 3.0, 3.0], float(np.linalg.norm(wide - 3.0, axis=1).min())),
        law("circle", circle, [[1.0, 0.0], [0.0, -1.0]], 1, _ball(1.0), 1.0, [1.5, 0.0], 0.5),
        law("circle, von Mises", ms.Circle(0.8).von_mises_fisher([1.0, 1.0], 4.0), [[0.8, 0.0]], 1, _ball(0.8), 0.8,
            [0.0, 0.4], 0.4),
        law("sphere S²", ms.Sphere(3, 1.5).uniform(), [[0.0, 1.5, 0.0]], 2, _ball(1.5), 1.5, [0.0, 0.0, 1.0], 0.5),
        law("sphere S⁹, von Mises-Fisher", ms.Sphere(10, 1.0).von_mises_fisher(np.ones(10), 5.0), [np.eye(10)[3]], 9,
            _ball(1.0), 1.0, 1.75 * np.eye(10)[0], 0.75),
        law("segment in R³", ms.Segment(start, end).uniform(), [start, end, 0.5 * (start + end)], 1, _points(ends),
            _longest(ends), 0.5 * (start + end) + 0.5 * normal, 0.5),
        law("box in R²", ms.Box([-1.0, 0.0], [1.0, 0.5]).uniform(), [[0.0, 0.0], [1.0, 0.5], [0.5, 0.25]], 2,
            _product((1, _points([[-1.0], [1.0]])), (1, _points([[0.0], [0.5]]))), np.sqrt(1.25), [2.0, 0.25], 1.0),
        law("Gaussian on a line", ms.Gaussian([0.3, -0.2], 0.7 * np.outer(line, line)), [[0.3, -0.2]], 1, None,
            np.hypot(0.3, 0.2) + np.sqrt(0.7), [0.3 - 0.8, -0.2 + 0.6], 1.0,
            (np.array([0.3, -0.2]), np.eye(2) - np.outer(line, line))),
        law("Gaussian in R³", ms.Gaussian([0.1, 0.2, 0.3], full), [[0.1, 0.2, 0.3]], 3, None,
            np.sqrt(0.14) + np.sqrt(1.7), [0.1, 0.2, 0.3], 0.0),
        law("cylinder", cylinder, [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], 2, cylinder_support, np.sqrt(5.0),
            [1.5, 0.0, 1.0], 0.5),
        law("flat torus in R⁴", ms.Product(circle, ms.Circle(0.5).uniform()), [[1.0, 0.0, 0.5, 0.0]], 2,
            _product((2, _ball(1.0)), (2, _ball(0.5))), np.sqrt(1.25), [1.5, 0.0, 0.5, 0.0], 0.5),
        law("cylinder, sphere and points", _mixture(cylinder), [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], 2,
            _maximum(cylinder_support, _image(_ball(0.5), np.eye(3), np.array([3.0, 0.0, 0.0])), _points(wide)),
            max(3.5, _longest(wide)), [3.0, 0.0, 1.0], 0.5),
        law("circle in R⁵", ms.Embedded(circle, basis, origin), [origin + basis[:, 0]], 1,
            _image(_ball(1.0), basis, origin),
            float(np.sqrt(origin @ origin + 1.0 + 2.0 * np.linalg.norm(origin @ basis))),
            origin + basis[:, 0] + 0.5 * aside, 0.5),
    ]  # fmt: skip


def _mixture(cylinder: ms.Measure) -> ms.Mixture:
    sphere = ms.Embedded(ms.Sphere(3, 0.5).uniform(), np.eye(3), [3.0, 0.0, 0.0])
    points = ms.PointCloud(np.random.default_rng(20230719).standard_normal((12, 3)))
    return ms.Mixture([cylinder, sphere, points], [0.5, 0.3, 0.2])
