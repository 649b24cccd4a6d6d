"""The rows of the oracle atlas: five measures, what to draw of M, and a quadrature rule for each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import manifold_scores as ms

__all__ = ["Entry", "entries"]

CLOUD = np.array([[-1.5, -0.6], [-0.75, 0.8], [0.15, -0.35], [1.0, 0.75], [1.5, -0.75]])
CLOUD_WEIGHTS = np.array([0.10, 0.25, 0.15, 0.30, 0.20])
STAR = 1.25 * np.array([[math.cos(a), math.sin(a)] for a in math.pi * (0.5 + 0.8 * np.arange(6))]) - [0.0, 0.12]
RADIUS, DIRECTION, CONCENTRATION = 1.1, np.array([1.0, 1.0]), 2.0
RINGS = ((-0.55, 0.9), (0.8, 0.6))  # centre on the horizontal axis, radius
DRUM, PIPE = (1.05, 0.9), (0.4, 1.8)  # radius and half length of the upright and of the lying cylinder

Rule = Callable[[int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Entry:
    """One row: a measure, M as polylines with NaN between them, and a quadrature rule independent of the package."""

    name: str
    detail: str
    measure: ms.Measure
    outline: np.ndarray
    rule: Rule  # size -> (points (N, d), weights (N,))


def entries() -> list[Entry]:
    """The five rows."""
    return [_cloud(), _star(), _von_mises(), _rings(), _cylinders()]


def _cloud() -> Entry:
    measure = ms.PointCloud(CLOUD, CLOUD_WEIGHTS)
    return Entry("five points", "unequal weights", measure, CLOUD, lambda n: (CLOUD, CLOUD_WEIGHTS))


def _star() -> Entry:
    ends = list(itertools.pairwise(STAR))

    def rule(n: int) -> tuple[np.ndarray, np.ndarray]:
        u, w = _gauss(n)
        points = np.concatenate([(1.0 - u)[:, None] * a + u[:, None] * b for a, b in ends])
        return points, np.tile(w / len(ends), len(ends))

    return Entry("star", "five segments", ms.Mixture([ms.Segment(a, b).uniform() for a, b in ends]), STAR, rule)


def _von_mises() -> Entry:
    measure = ms.Circle(RADIUS).von_mises_fisher(DIRECTION, CONCENTRATION)

    def rule(n: int) -> tuple[np.ndarray, np.ndarray]:
        weights = np.exp(CONCENTRATION * (_ring(n) @ (DIRECTION / np.linalg.norm(DIRECTION)) - 1.0))
        return RADIUS * _ring(n), weights / weights.sum()

    return Entry("circle", "von Mises–Fisher", measure, RADIUS * _closed_ring(), rule)


def _rings() -> Entry:
    circles = [ms.Embedded(ms.Circle(radius).uniform(), np.eye(2), [centre, 0.0]) for centre, radius in RINGS]
    radii = np.array([radius for _, radius in RINGS])

    def rule(n: int) -> tuple[np.ndarray, np.ndarray]:
        return np.concatenate([radius * _ring(n) + [centre, 0.0] for centre, radius in RINGS]), (
            radii / radii.sum() / n
        ).repeat(n)

    outline = _polylines([radius * _closed_ring() + [centre, 0.0] for centre, radius in RINGS])
    return Entry("two circles", "a mixture", ms.Mixture(circles, radii), outline, rule)


def _cylinders() -> Entry:
    """Two crossing cylinders in R^3, cut by a plane of symmetry: score and posterior mean stay in the plane."""
    (drum, drum_half), (pipe, pipe_half) = DRUM, PIPE
    upright = ms.Product(ms.Circle(drum).uniform(), ms.Segment([-drum_half], [drum_half]).uniform())
    lying = ms.Product(ms.Segment([-pipe_half], [pipe_half]).uniform(), ms.Circle(pipe).uniform())
    areas = np.array([drum * drum_half, pipe * pipe_half])

    def rule(n: int) -> tuple[np.ndarray, np.ndarray]:
        u, w = _gauss(n)
        along, ring = (2.0 * u - 1.0).repeat(n)[:, None], np.tile(_ring(n), (n, 1))
        points = [np.hstack([drum * ring, drum_half * along]), np.hstack([pipe_half * along, pipe * ring])]
        return np.concatenate(points), np.concatenate([share * w.repeat(n) / n for share in areas / areas.sum()])

    line = np.array([[-pipe_half, pipe], [pipe_half, pipe]])
    outline = _polylines([drum * _closed_ring(), line, line * [1.0, -1.0]])
    return Entry("two cylinders", "in R³, a section", ms.Mixture([upright, lying], areas), outline, rule)


def _ring(n: int) -> np.ndarray:
    """n equispaced points of the unit circle: nodes of the trapezoidal rule, spectrally accurate there."""
    angle = np.arange(n) * (2.0 * math.pi / n)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _closed_ring() -> np.ndarray:
    return np.concatenate([_ring(360), [[1.0, 0.0]]])


def _gauss(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(n)
    return 0.5 * (x + 1.0), 0.5 * w


def _polylines(pieces: list[np.ndarray]) -> np.ndarray:
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for piece in pieces for part in (piece, gap)])
