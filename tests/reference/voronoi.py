"""Gaussian smoothing of the nearest point: what smoothed tilts tend to as the effective variance s vanishes.

Polygons instead of rules: the cells {eta : a_i + <b_i, eta> largest} are cut out of a large square half-plane by
half-plane. The normal mass of a polygon is a sum of Owen's T functions over its edges, its first moment a sum of normal
probabilities of the edges (the divergence theorem, as the gradient of the density is -eta times it).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, owens_t

SQUARE = 40.0
"""Half the side of the square that stands for the plane."""


class Nearest(NamedTuple):
    """Limits as s -> 0 (equal weights; weights move the walls by O(s)).

    points: the distinct points; masses: probabilities that each is the nearest; mean: of the nearest point; energy: of
    half the squared distance to it, the limit of -s times the log-sum; trace_rate: the limit of the mean of
    tr Cov / s, Sum over walls |y_i - y_j|^2 / |b_i - b_j| x (normal density of the wall's line) x (mass of the wall).
    """

    points: np.ndarray
    masses: np.ndarray
    mean: np.ndarray
    energy: float
    trace_rate: float


def nearest(points, z, kernel):
    """Limits for xi ~ N(0, kernel^2 I) (or N(0, kernel), a matrix), the hull of the points a line or a plane."""
    points = np.unique(np.asarray(points, dtype=np.float64), axis=0)
    d = points.shape[1]
    covariance = np.asarray(kernel, dtype=np.float64)
    if covariance.ndim == 0:
        factor, total = covariance * np.eye(d), d * float(covariance) ** 2
    else:
        values, vectors = np.linalg.eigh(covariance)
        factor, total = vectors * np.sqrt(np.maximum(values, 0.0)), float(np.trace(covariance))
    centred = points - np.mean(points, axis=0)
    level = -0.5 * np.sum((np.asarray(z) - points) ** 2, axis=1)
    slope = centred @ factor
    _, singular, rows = np.linalg.svd(slope, full_matrices=False)
    rank = int(np.count_nonzero(singular > 1e-14 * singular[0])) if singular[0] > 0 else 0
    if rank > 2:
        raise ValueError(f"the points span {rank} dimensions, more than 2")
    # A line is a plane on which nothing depends on the second coordinate.
    slope = np.pad(slope @ rows[:rank].T, ((0, 0), (0, 2 - rank)))
    masses, largest, rate = np.zeros(len(points)), 0.0, 0.0
    for i in range(len(points)):
        polygon, neighbours = _cell(level, slope, i)
        moment = np.zeros(2)
        for k, other in enumerate(neighbours):
            p, q = polygon[k], polygon[(k + 1) % len(polygon)]
            length = np.hypot(*(q - p))
            if length == 0.0:
                continue
            along = (q - p) / length
            outward = np.array([along[1], -along[0]])
            if other is None:
                height = float(outward @ p)
            else:
                step = np.hypot(*(slope[other] - slope[i]))
                outward, height = (slope[other] - slope[i]) / step, (level[i] - level[other]) / step
            start, end = float(along @ p), float(along @ q)
            masses[i] += _triangle(height, start, end)
            edge = np.exp(-0.5 * height**2) / np.sqrt(2 * np.pi) * (ndtr(end) - ndtr(start))
            moment -= outward * edge
            if other is not None:
                rate += 0.5 * np.sum((points[i] - points[other]) ** 2) / step * edge
        largest += level[i] * masses[i] + slope[i] @ moment
    return Nearest(points, masses, masses @ points, 0.5 * total - float(largest), float(rate))


def _cell(level, slope, i):
    """Corners, counter-clockwise, of the cell of point i, and the points behind its edges (None: the square)."""
    corners = [SQUARE * np.array(corner) for corner in ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))]
    behind = [None] * 4
    for j in range(len(level)):
        if j == i:
            continue
        values = [level[i] - level[j] + (slope[i] - slope[j]) @ corner for corner in corners]
        kept, names = [], []
        for k, corner in enumerate(corners):
            following = (k + 1) % len(corners)
            here, there = values[k], values[following]
            if here >= 0:
                kept.append(corner)
                names.append(behind[k])
            if (here >= 0) != (there >= 0):
                kept.append(corner + (corners[following] - corner) * (here / (here - there)))
                names.append(j if here >= 0 else behind[k])
        corners, behind = kept, names
        if not corners:
            break
    return corners, behind


def _triangle(height, start, end):
    """Signed normal mass of the triangle of the origin and the stretch [start, end] of a line at distance `height`."""
    if height == 0.0:
        return 0.0
    a, b = start / height, end / height
    return (np.arctan(b) - np.arctan(a)) / (2 * np.pi) - (owens_t(height, b) - owens_t(height, a))
