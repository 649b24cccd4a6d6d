"""Where the centres of bumps may be, on a circle or in a square, by parameters on a grid; lattices of the data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ORBIT = 0.5  # radius of the circle, and half the side of the square


@dataclass(frozen=True)
class Chart:
    """Centres of bumps by m parameters on a grid of J nodes, with first and second derivatives.

    Attributes
    ----------
    nodes (J, m), spacing; coarse : indices of the nodes that are searched first.
    """

    nodes: np.ndarray
    spacing: float
    coarse: np.ndarray

    @property
    def dimension(self) -> int:
        return self.nodes.shape[1]


@dataclass(frozen=True)
class CircleChart(Chart):
    """Centres ORBIT (cos u, sin u), u an angle."""

    @staticmethod
    def make(nodes: int = 512, stride: int = 4) -> CircleChart:
        angles = 2.0 * math.pi * np.arange(nodes) / nodes
        return CircleChart(angles[:, None], 2.0 * math.pi / nodes, np.arange(0, nodes, stride))

    def centres(self, v: np.ndarray) -> np.ndarray:
        return ORBIT * np.concatenate([np.cos(v), np.sin(v)], axis=-1)

    def derivatives(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return first (n, 2, 1) and second derivatives (n, 2, 1) of the centre."""
        first = ORBIT * np.stack([-np.sin(v), np.cos(v)], axis=-2)
        return first, -self.centres(v)[..., None]

    def settle(self, v: np.ndarray) -> np.ndarray:
        return np.mod(v, 2.0 * math.pi)

    def snap(self, v: np.ndarray) -> np.ndarray:
        return np.rint(v[..., 0] / self.spacing).astype(np.int64) % len(self.nodes)

    def blocked(self, v: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        return np.zeros(gradient.shape, dtype=bool)


@dataclass(frozen=True)
class SquareChart(Chart):
    """Centres (a, b) in the square [-ORBIT, ORBIT]^2, ends included."""

    side: int

    @staticmethod
    def make(side: int = 41) -> SquareChart:
        axis = np.linspace(-ORBIT, ORBIT, side)
        nodes = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        coarse = np.arange(side * side).reshape(side, side)[::2, ::2].ravel()
        return SquareChart(nodes, axis[1] - axis[0], coarse, side)

    def centres(self, v: np.ndarray) -> np.ndarray:
        return v

    def derivatives(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.broadcast_to(np.eye(2), (*v.shape[:-1], 2, 2)), np.zeros((*v.shape[:-1], 2, 3))

    def settle(self, v: np.ndarray) -> np.ndarray:
        return np.clip(v, -ORBIT, ORBIT)

    def snap(self, v: np.ndarray) -> np.ndarray:
        place = np.rint((self.settle(v) + ORBIT) / self.spacing).astype(np.int64)
        return np.asarray(place[..., 0] * self.side + place[..., 1])

    def blocked(self, v: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return where a coordinate is on the boundary and the gradient of what is maximised points out."""
        rim = np.abs(v) >= ORBIT * (1.0 - 1e-12)
        return rim & (gradient * v > 0.0)


def triangular_lattice(spacing: float) -> np.ndarray:
    """Return the points (n, 2) of a triangular lattice in the square.

    Rows are the spacing times sqrt(3)/2 apart, as many as fit, centred; outer rows start on the boundary, every other
    one half a spacing later.
    """
    height = spacing * math.sqrt(3.0) / 2.0
    rows, slack = int(2.0 * ORBIT / height + 1e-9), 1e-9
    points = []
    for k in range(rows):
        start = -ORBIT + 0.5 * spacing * (k % 2)
        line = np.arange(start, ORBIT + slack, spacing)
        points.append(np.column_stack([line, np.full_like(line, (k - 0.5 * (rows - 1)) * height)]))
    return np.concatenate(points)
