"""Kernels on the plane whose geometry is chosen: what they are aligned with is what a smoothed score generates.

Each is a function (x, n, rng) -> (M, n, 2), as `ms.SampledKernel` takes it: n draws of k_x for every row of x, spread
evenly by a lattice with a random shift, the same for all x.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

__all__ = ["Draw", "arcs", "band", "lattice", "two_circles"]

Draw = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


def lattice(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n points of the unit square, (n,) and (n,): multiples of (1/n, golden ratio), shifted at random, modulo 1."""
    first, second = rng.random(2)
    i = np.arange(n)
    return (i + first) / n, (0.5 * (math.sqrt(5.0) - 1.0) * i + second) % 1.0


def _normal(u: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri

    return np.asarray(ndtri(np.clip(u, 1e-12, 1.0 - 1e-12)))


def _polar(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.hypot(x[:, 0], x[:, 1])[:, None], np.arctan2(x[:, 1], x[:, 0])[:, None]


def _plane(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(radius * np.cos(angle), radius * np.sin(angle)), axis=-1)


def band(centre: float, half_width: float, turn: float) -> Draw:
    """The radius anywhere in the band | |y| - centre | <= half_width, whatever |x| is in there; the angle turned.

    The score cannot tell points of the band apart by their distance from the centre, so that the generated set has two
    dimensions.  Where x is outside, so is the band, by as much as x is.
    """

    def draw(x: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        u, v = lattice(n, rng)
        radius, angle = _polar(x)
        outside = np.sign(radius - centre) * np.maximum(np.abs(radius - centre) - half_width, 0.0)
        return _plane(centre + outside + half_width * (2.0 * v - 1.0), angle + turn * _normal(u))

    return draw


def arcs(cuts: np.ndarray, turn: float, margin: float) -> Draw:
    """The angle turned, but never across one of the cuts: turned less within `margin` of them, and reflected there.

    Cuts are increasing angles in [0, 2 pi).  Without averages across a cut the generated set ends on either side of it.
    """
    edges = np.concatenate([cuts, [cuts[0] + 2.0 * math.pi]])

    def draw(x: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        u, _ = lattice(n, rng)
        radius, angle = _polar(x)
        angle = cuts[0] + (angle - cuts[0]) % (2.0 * math.pi)
        k = np.clip(np.searchsorted(edges, angle, side="right") - 1, 0, len(cuts) - 1)
        low, width = edges[k], edges[k + 1] - edges[k]
        distance = np.minimum(angle - low, low + width - angle)
        moved = (angle - low + turn * np.minimum(distance / margin, 1.0) * _normal(u)) % (2.0 * width)
        return _plane(radius, low + np.minimum(moved, 2.0 * width - moved))

    return draw


def two_circles(frequency: int, turn: float, width: float) -> Draw:
    """The angle turned to near a crest of sin(frequency theta) if |x| >= 1, and to near a trough if |x| < 1.

    Crests and troughs of the data are then averaged apart from each other: one curve becomes two.  `width` is the half
    width of what is near.
    """
    period = 2.0 * math.pi / frequency

    def draw(x: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        u, v = lattice(n, rng)
        radius, angle = _polar(x)
        phase = np.where(radius >= 1.0, 0.25, 0.75) * period
        nearest = np.round((angle + turn * _normal(u) - phase) / period)
        return _plane(radius, phase + period * nearest + width * (2.0 * v - 1.0))

    return draw
