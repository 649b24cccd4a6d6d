"""Curves: from SymPy expressions, from Python functions, and the named ones."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from .parametric import Parametric
from .regularity import of_parameters

__all__ = ["Curve", "Ellipse", "Helix", "LimaBean", "WavyCircle"]


class Curve(Parametric):
    """A regular curve without self-intersection in R^d, closed or with two ends.

    The embedding is represented by piecewise polynomials of degree 15, exact to 5e-18 of the size of the curve for
    SymPy expressions (evaluated in `numpy.longdouble`) and to 2e-15 for functions.  Curves in many dimensions are
    reduced to their affine hull, as far as float64 resolves it: a curve of images costs what its 30 or so directions
    cost.

    Parameters
    ----------
    embedding : d SymPy expressions in one symbol, or a function of an array u (n,) that returns points (n, d).
    domain : (symbol, lower, upper) for expressions, (lower, upper) for a function.
    closed : whether the ends meet; found out where None.

    Raises
    ------
    ValueError, TypeError : NaN in the embedding, an empty domain, a point of zero speed, a self-intersection, ends that
        meet at an angle; the message says where.

    Examples
    --------
    >>> import manifold_scores as ms, sympy as sp
    >>> u = sp.Symbol("u")
    >>> parabola = ms.Curve([u, u**2], (u, -1, 1))
    >>> float(parabola.curvature([0.0, 0.0]))
    2.0
    """

    def __init__(self, embedding: Any, domain: Any, *, closed: bool | None = None) -> None:
        super().__init__(embedding, [domain], [closed])

    def __repr__(self) -> str:
        what = "closed curve" if not self.boundary else "curve"
        return f"Curve({what} in R^{self.ambient_dimension})"

    def curvature(self, y: Any) -> Any:
        """Return |II(T, T)| at the projection of y, shape (...)."""
        rows = self._rows("y", y)
        return rows.restore(np.linalg.norm(self._second_fundamental_form(rows.points)[:, 0, 0], axis=1))

    def arc_length(self, u: Any) -> Any:
        """Return the length of the curve from its lower end to u, shape (...), to about 1e-15 of the whole."""
        v, shape = self.unit_parameters(u)
        return arrays.restore(self._arc_length(v).reshape(shape), u)

    def _arc_length(self, v: FloatArray) -> FloatArray:
        return self.uniform().cumulative(v) * self.volume

    def geodesic_distance(self, first: Any, second: Any) -> Any:
        """Return the length of the shorter arc between the projections of first and second, both (..., d)."""
        rows, others = self._rows("first", first), self._rows("second", second)
        try:
            np.broadcast_shapes(rows.shape, others.shape)
        except ValueError:
            raise ValueError(f"first and second must broadcast; got shapes {rows.shape} and {others.shape}") from None
        lengths = [self._arc_length(self._foot(points.points)).reshape(points.shape) for points in (rows, others)]
        apart = np.abs(lengths[0] - lengths[1])
        return arrays.restore(apart if self.boundary else np.minimum(apart, self.volume - apart), first)


class Ellipse(Curve):
    """The ellipse (a cos u, b sin u), u in [0, 2 pi]; reach min(a, b)^2 / max(a, b).

    Parameters
    ----------
    a, b : semi-axes > 0.
    """

    def __init__(self, a: float, b: float) -> None:
        import sympy

        self.a, self.b = arrays.positive("a", a), arrays.positive("b", b)
        u = sympy.Symbol("u", real=True)
        with of_parameters(a=self.a, b=self.b):
            super().__init__([self.a * sympy.cos(u), self.b * sympy.sin(u)], (u, 0, 2 * sympy.pi))

    def __repr__(self) -> str:
        return f"Ellipse({self.a!r}, {self.b!r})"

    @functools.cached_property
    def reach(self) -> float:  # type: ignore[override]
        """The least radius of curvature, which is less than half the shorter axis."""
        return min(self.a, self.b) * (min(self.a, self.b) / max(self.a, self.b))


class LimaBean(Curve):
    """The lima bean of [FPHDP] (theory 5.3): r (cos w, sin w), r = sin^3 w + cos^3 w, w = (u - pi)/2 + pi, turned.

    Parameters
    ----------
    rotation : angle by which it is turned, pi/2 in Figure 1 and pi/4 in Figure 2 of the paper.
    """

    def __init__(self, rotation: float = math.pi / 2) -> None:
        import sympy

        angle = arrays.number("rotation", rotation)
        self.rotation = angle
        u = sympy.Symbol("u", real=True)
        w = (u - sympy.pi) / 2 + sympy.pi
        r = sympy.sin(w) ** 3 + sympy.cos(w) ** 3
        c, s = sympy.cos(sympy.Float(angle, 40)), sympy.sin(sympy.Float(angle, 40))
        x, y = r * sympy.cos(w), r * sympy.sin(w)
        super().__init__([c * x - s * y, s * x + c * y], (u, 0, 2 * sympy.pi))

    def __repr__(self) -> str:
        return f"LimaBean(rotation={self.rotation!r})"


class WavyCircle(Curve):
    """The curve (1 + A sin(k u)) (cos u, sin u), u in [0, 2 pi] ([FPHDP], theory 5.3).

    Parameters
    ----------
    frequency : k >= 1, an integer.
    amplitude : A in (-1, 1).
    """

    def __init__(self, frequency: int = 8, amplitude: float = 0.13) -> None:
        import sympy

        self.frequency = arrays.count("frequency", frequency, 1)
        self.amplitude = arrays.number("amplitude", amplitude)
        if not abs(self.amplitude) < 1.0:
            raise ValueError(f"amplitude must lie between -1 and 1; got {self.amplitude!r}")
        u = sympy.Symbol("u", real=True)
        r = 1 + self.amplitude * sympy.sin(self.frequency * u)
        with of_parameters(frequency=self.frequency, amplitude=self.amplitude):
            super().__init__([r * sympy.cos(u), r * sympy.sin(u)], (u, 0, 2 * sympy.pi))

    def __repr__(self) -> str:
        return f"WavyCircle(frequency={self.frequency}, amplitude={self.amplitude!r})"


class Helix(Curve):
    """The helix (R cos u, R sin u, pitch u/2 pi), u in [0, 2 pi turns].

    Parameters
    ----------
    radius, pitch, turns : R, the height of one turn, their number; all > 0.
    """

    def __init__(self, radius: float, pitch: float, turns: float) -> None:
        import sympy

        self.radius, self.pitch = arrays.positive("radius", radius), arrays.positive("pitch", pitch)
        self.turns = arrays.positive("turns", turns)
        u = sympy.Symbol("u", real=True)
        expressions = [self.radius * sympy.cos(u), self.radius * sympy.sin(u), self.pitch * u / (2 * sympy.pi)]
        with of_parameters(radius=self.radius, pitch=self.pitch, turns=self.turns):
            super().__init__(expressions, (u, 0, 2 * sympy.pi * self.turns))

    def __repr__(self) -> str:
        return f"Helix({self.radius!r}, {self.pitch!r}, {self.turns!r})"
