"""The sixteen panels of `expansion`: a measure, a point off M, and lines that sketch the two."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

import manifold_scores as ms

__all__ = ["PIXELS", "Entry", "entries"]

PIXELS, BUMP_WIDTH, BUMP_ORBIT = 64, 0.2, 0.5
NOISE, SEED = 0.05, 3  # of a pixel
#: How R^3 is seen, from above and aside; rows are orthonormal to three digits.
VIEW = np.array([[-0.574, 0.819, 0.0], [-0.280, -0.196, 0.940]])


@dataclass(frozen=True)
class Entry:
    """One panel.

    Attributes
    ----------
    x : the point, (d,).
    sketch : M as lines in the plane with NaN between them, and the projection of R^d to that plane, (2, d) or None.
    """

    name: str
    detail: str
    measure: ms.Measure
    x: np.ndarray
    sketch: np.ndarray
    view: np.ndarray | None


def entries() -> list[Entry]:
    """The panels, row by row."""
    oval = ms.Ellipse(2.0, 1.0)
    u = oval.symbolic.symbols[0]
    tilted = oval.measure(sp.exp(sp.cos(u)))
    bean, wave, coil = ms.LimaBean(), ms.WavyCircle(), ms.Helix(1.0, 1.5, 2.0)
    torus, roll = ms.Torus(2.0, 0.7), ms.SwissRoll()
    first, second = torus.symbolic.symbols
    patch = _patch()
    latitude = patch.symbolic.symbols[1]
    return [
        _curve("ellipse", "outside", oval.uniform(), _off(oval, 0.8, 0.7)),
        _curve("ellipse", "inside", oval.uniform(), _off(oval, 0.8, -0.4)),
        _curve("ellipse", "focal point", oval.uniform(), np.array([1.5, 0.0])),
        _curve("ellipse", r"$\rho\propto e^{\cos u}$", tilted, _off(oval, 2.0, 0.5)),
        _curve("lima bean", "uniform", bean.uniform(), _off(bean, 2.2, 0.3)),
        _curve("wavy circle", "uniform", wave.uniform(), _off(wave, 0.55, 0.25)),
        _images(),
        _curve("helix", "interior", coil.uniform(), coil.embed(5.0) * [1.35, 1.35, 1.0]),
        _curve("helix", "beyond its end", coil.uniform(), _moved(coil, 0.0, 0.3, -0.6, -0.4)),
        _curve("helix", "over its end", coil.uniform(), _moved(coil, 0.0, 0.5, 0.0, 0.0)),
        _surface("torus", "uniform", torus.uniform(), _off_torus(1.0, 0.8, 1.1)),
        _surface("torus", r"$\rho\propto e^{\cos u+\sin v}$", torus.measure(sp.exp(sp.cos(first) + sp.sin(second))),
                 _off_torus(0.4, 2.2, 0.4)),
        _surface("Swiss roll", "interior", roll.uniform(), _moved(roll, [8.0, 9.0], 0.8, 0.0, 0.5)),
        _surface("Swiss roll", "over its rim", roll.uniform(), _moved(roll, [12.0, 0.0], 0.6, 0.0, -0.4)),
        _surface("patch of a sphere", r"$\rho\propto e^{3\sin v}$", patch.measure(sp.exp(3 * sp.sin(latitude))),
                 1.6 * patch.embed([0.6, 0.45])),
        _surface("patch of a sphere", "over its edge", patch.uniform(), 1.6 * patch.embed([0.6, 0.0])),
    ]  # fmt: skip


@functools.cache
def _patch() -> ms.Surface:
    u, v = sp.symbols("u v", real=True)
    point = [sp.cos(v) * sp.cos(u), sp.cos(v) * sp.sin(u), sp.sin(v)]
    return ms.Surface(point, (u, 0, sp.Rational(3, 2)), (v, 0, 1))


def _off(curve: Any, u: float, distance: float) -> np.ndarray:
    """The point of a plane curve at u, moved to the right of the tangent."""
    tangent = curve.derivative(u, 1)
    return np.asarray(curve.embed(u) + distance * np.array([tangent[1], -tangent[0]]) / np.linalg.norm(tangent))


def _moved(manifold: Any, u: Any, *way: float) -> np.ndarray:
    """The point at u, moved."""
    return np.asarray(manifold.embed(u) + np.array(way))


def _off_torus(u: float, v: float, radius: float) -> np.ndarray:
    """A point of the tube of that radius around the core circle of the torus."""
    out = 2.0 + radius * np.cos(v)
    return np.array([out * np.cos(u), out * np.sin(u), radius * np.sin(v)])


def _curve(name: str, detail: str, measure: Any, x: np.ndarray) -> Entry:
    curve = measure.manifold
    view = VIEW if curve.ambient_dimension == 3 else np.eye(2)
    return Entry(name, detail, measure, x, curve.embed(np.linspace(curve.lower[0], curve.upper[0], 400)) @ view.T, view)


def _surface(name: str, detail: str, measure: Any, x: np.ndarray) -> Entry:
    """Sketched by twelve parameter lines each way."""
    surface = measure.manifold
    fine, coarse = np.linspace(0.0, 1.0, 121), np.linspace(0.0, 1.0, 13)
    along = np.stack(np.broadcast_arrays(fine[None, :], coarse[:, None]), axis=-1)
    unit = np.concatenate([along, along[..., ::-1]])
    lines = surface.embed(surface.lower + (surface.upper - surface.lower) * unit) @ VIEW.T
    gaps = np.full((len(lines), 1, 2), np.nan)
    return Entry(name, detail, measure, x, np.concatenate([lines, gaps], axis=1).reshape(-1, 2), VIEW)


def _bump() -> Callable[[np.ndarray], np.ndarray]:
    """Images of a Gaussian bump whose centre runs around a circle, as a function (n,) -> (n, 4096)."""
    line = np.linspace(-1.0, 1.0, PIXELS)
    down, right = (axis.ravel() for axis in np.meshgrid(line, line, indexing="ij"))

    def images(u: np.ndarray) -> np.ndarray:
        c, s = BUMP_ORBIT * np.cos(u)[:, None], BUMP_ORBIT * np.sin(u)[:, None]
        return np.asarray(np.exp(-((right - c) ** 2 + (down - s) ** 2) / (2.0 * BUMP_WIDTH**2)))

    return images


def _images() -> Entry:
    curve = ms.Curve(_bump(), (0.0, 2.0 * np.pi))
    x = curve.embed(0.7) + NOISE * np.random.default_rng(SEED).standard_normal(PIXELS**2)
    return Entry("bump images", r"a curve in $\mathbb{R}^{4096}$", curve.uniform(), x, np.empty((0, 2)), None)
