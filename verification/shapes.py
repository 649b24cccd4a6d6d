"""Curves written out by hand, with three derivatives: what the package's curves and surfaces are compared with.

Planar closed curves are trigonometric polynomials sum_k c_k e^{iku} in the complex plane:

    ellipse       (a + b)/2 e^{iu} + (a - b)/2 e^{-iu}
    wavy circle   (1 + A sin ku) e^{iu} = e^{iu} + A/2i (e^{i(k+1)u} - e^{-i(k-1)u})
    lima bean     i r e^{iw}, r = sin^3 w + cos^3 w, w = (u + pi)/2: after sin^3 = (3 sin w - sin 3w)/4 and
                  cos^3 = (3 cos w + cos 3w)/4 the harmonics e^{-iu}, 1, e^{iu}, e^{2iu} are left
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .rates import Array

TURN = 2.0 * math.pi
PIXELS, BUMP_WIDTH, BUMP_ORBIT = 64, 0.2, 0.5
#: Ends of the spiral and of the straight side of the Swiss roll.
SPIRAL, ROLL_WIDTH = (1.5 * math.pi, 4.5 * math.pi), 21.0
HELIX_RADIUS, HELIX_PITCH, HELIX_TURNS = 1.0, 1.5, 2.0


@dataclass(frozen=True)
class Shape:
    """A curve, twice: in the package and by hand.

    Attributes
    ----------
    build : returns the package's curve, made once.
    derivative : (u (n,), order up to 3) -> (n, d), by hand.
    speed, bend : bounds of |y'| and |y''| over the whole curve.
    reach : known in closed form, or None.
    """

    name: str
    build: Callable[[], Any]
    derivative: Callable[[Array, int], Array]
    lower: float
    upper: float
    closed: bool
    speed: float
    bend: float
    reach: float | None = None

    def frame(self, u: Array) -> Frame:
        """Return position, tangent and curvature vector at u."""
        first, second = self.derivative(u, 1), self.derivative(u, 2)
        square = (first * first).sum(axis=1, keepdims=True)
        along = (first * second).sum(axis=1, keepdims=True) / square
        return Frame(
            self.derivative(u, 0), first / np.sqrt(square), (second - along * first) / square, np.sqrt(square[:, 0]),
            second, self.derivative(u, 3), along[:, 0],
        )  # fmt: skip

    def grid(self, n: int) -> Array:
        """Return n parameters, equally spaced; both ends of an open curve are among them."""
        return np.linspace(self.lower, self.upper, n, endpoint=not self.closed)


@dataclass(frozen=True)
class Frame:
    """Geometry of a curve at n points, shapes (n, d) and (n,).

    Attributes
    ----------
    tangent, curvature : T and kappa N.
    speed, second, third, along : |y'|, y'', y''' and <y', y''>/|y'|^2.
    """

    point: Array
    tangent: Array
    curvature: Array
    speed: Array
    second: Array
    third: Array
    along: Array

    def height(self, v: Array) -> Array:
        """Return h = 1 - <v, kappa N>, shape (n,), for normal vectors v."""
        return np.asarray(1.0 - (v * self.curvature).sum(axis=1))

    def shift(self, v: Array, slope: Array) -> Array:
        """Return b = kappa N/2h + [(log rho)'/h + <v, (kappa N)'>/2h^2] T; slope is d log rho / du.

        <v, d(kappa N)/du> = <v, y'''>/|y'|^2 - 3 <y', y''> <v, y''>/|y'|^4 since v is normal.
        """
        h = self.height(v)
        turning = ((v * self.third).sum(axis=1) - 3.0 * self.along * (v * self.second).sum(axis=1)) / self.speed**3
        tangential = slope / self.speed / h + turning / (2.0 * h * h)
        return np.asarray(self.curvature / (2.0 * h)[:, None] + tangential[:, None] * self.tangent)

    def projected(self, v: Array, x: Array) -> Array:
        """Return D x = <T, x> T / h, D the derivative of the projection."""
        return np.asarray(((x * self.tangent).sum(axis=1) / self.height(v))[:, None] * self.tangent)


def _trigonometric(name: str, build: Callable[[], Any], series: dict[int, complex], reach: float | None) -> Shape:
    k, c = np.array(list(series)), np.array(list(series.values()))

    def derivative(u: Array, order: int) -> Array:
        z = np.exp(1j * np.multiply.outer(u, k)) @ (c * (1j * k) ** order)
        return np.stack([z.real, z.imag], axis=1)

    sizes = [float(np.abs(c) @ np.abs(k) ** order) for order in (1, 2)]
    return Shape(name, build, derivative, 0.0, TURN, True, *sizes, reach)


@functools.cache
def ellipse(a: float, b: float) -> Shape:
    series = {1: 0.5 * (a + b), -1: 0.5 * (a - b)}
    name = f"ellipse {a:g} × {b:g}"
    return _trigonometric(name, functools.cache(lambda: ms.Ellipse(a, b)), series, min(a, b) ** 2 / max(a, b))


@functools.cache
def wavy_circle(frequency: int = 8, amplitude: float = 0.13) -> Shape:
    half = -0.5j * amplitude
    series = {1: 1.0, 1 + frequency: half, 1 - frequency: -half}
    return _trigonometric("wavy circle", functools.cache(lambda: ms.WavyCircle(frequency, amplitude)), series, None)


@functools.cache
def lima_bean() -> Shape:
    # Coefficients of e^{ikw}, k = -2, 0, 2, 4; with w = (u + pi)/2 and the rotation by i they belong to k/2 in u.
    in_w = {-2: 0.125 * (1 - 1j), 0: 0.375 * (1 + 1j), 2: 0.375 * (1 - 1j), 4: 0.125 * (1 + 1j)}
    series = {k // 2: 1j * 1j**k * value for k, value in in_w.items()}
    return _trigonometric("lima bean", functools.cache(ms.LimaBean), series, None)


@functools.cache
def helix() -> Shape:
    radius, rise = HELIX_RADIUS, HELIX_PITCH / TURN

    def derivative(u: Array, order: int) -> Array:
        z = radius * 1j**order * np.exp(1j * u)
        height = (rise * u, np.full_like(u, rise))[order] if order < 2 else np.zeros_like(u)
        return np.stack([z.real, z.imag, height], axis=1)

    build = functools.cache(lambda: ms.Helix(HELIX_RADIUS, HELIX_PITCH, HELIX_TURNS))
    return Shape("helix", build, derivative, 0.0, TURN * HELIX_TURNS, False, math.hypot(radius, rise), radius)


def spiral_derivative(u: Array, order: int) -> Array:
    """u e^{iu} and its derivatives: (i^n u + n i^{n-1}) e^{iu}."""
    z = (1j**order * u + (order * 1j ** (order - 1) if order else 0.0)) * np.exp(1j * u)
    return np.stack([z.real, z.imag], axis=1)


@functools.cache
def spiral() -> Shape:
    """The profile of the Swiss roll, as a curve of its own."""

    def build() -> ms.Curve:
        import sympy

        u = sympy.Symbol("u", real=True)
        return ms.Curve([u * sympy.cos(u), u * sympy.sin(u)], (u, 3 * sympy.pi / 2, 9 * sympy.pi / 2))

    end = SPIRAL[1]
    return Shape(
        "spiral", functools.cache(build), spiral_derivative, *SPIRAL, False, math.hypot(1.0, end), math.hypot(2.0, end)
    )


@functools.cache
def bump_curve() -> Shape:
    """Images exp(-|p - c(u)|^2/2w^2) of 64 x 64 pixels p, c = (cos u, sin u)/2: with g the exponent, |c| constant,

    g' = <p, c'>/w^2, g'' = <p, c''>/w^2 = -<p, c>/w^2, g''' = -g', and y = e^g.
    """
    line = np.linspace(-1.0, 1.0, PIXELS)
    first, second = (axis.ravel() for axis in np.meshgrid(line, line, indexing="ij"))
    square = BUMP_WIDTH**2

    def derivative(u: Array, order: int) -> Array:
        c, s = BUMP_ORBIT * np.cos(u)[:, None], BUMP_ORBIT * np.sin(u)[:, None]
        y = np.exp(-((first - c) ** 2 + (second - s) ** 2) / (2.0 * square))
        if order == 0:
            return np.asarray(y)
        g1 = (second * c - first * s) / square
        if order == 1:
            return np.asarray(g1 * y)
        g2 = -(first * c + second * s) / square
        return np.asarray((g2 + g1**2 if order == 2 else -g1 + 3.0 * g1 * g2 + g1**3) * y)

    build = functools.cache(lambda: ms.Curve(lambda u: derivative(u, 0), (0.0, TURN)))
    # An eighth of the turn is all, by the symmetry of the square; |y'| and |y''| hardly vary along it.
    eighth = np.linspace(0.0, TURN / 8.0, 17)
    speed, bend = (1.01 * float(np.linalg.norm(derivative(eighth, order), axis=1).max()) for order in (1, 2))
    return Shape("bump curve in R⁴⁰⁹⁶", build, derivative, 0.0, TURN, True, speed, bend)
