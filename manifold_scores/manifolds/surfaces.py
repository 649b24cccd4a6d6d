"""Surfaces: from SymPy expressions, from Python functions, and the named ones."""

from __future__ import annotations

import functools
import reprlib
from typing import Any

from .. import arrays
from .parametric import Parametric
from .regularity import of_parameters

__all__ = ["Surface", "SwissRoll", "Torus"]


class Surface(Parametric):
    """A regular surface without self-intersection in R^d over a rectangle of parameters, each closed or with two ends.

    The embedding is represented by piecewise polynomials of degree 13 in each parameter, exact to 5e-18 of the size
    of the surface for SymPy expressions (evaluated in `numpy.longdouble`) and to 2e-15 for functions.

    Parameters
    ----------
    embedding : d SymPy expressions in two symbols, or a function of two arrays (n,), (n,) that returns points (n, d).
    first, second : (symbol, lower, upper) for expressions, (lower, upper) for a function.
    closed : a pair, whether the surface closes up in each parameter; found out where None.

    Raises
    ------
    ValueError, TypeError : NaN in the embedding, an empty domain, dependent tangent vectors (poles), edges that meet
        at an angle; the message says where.
    """

    def __init__(self, embedding: Any, first: Any, second: Any, *, closed: tuple[bool, bool] | None = None) -> None:
        given: Any = closed
        if given is not None and not (isinstance(given, (tuple, list)) and len(given) == 2):
            raise ValueError(f"closed must be a pair, one entry for each parameter; got {reprlib.repr(given)}")
        super().__init__(embedding, [first, second], [None, None] if closed is None else list(closed))

    def __repr__(self) -> str:
        what = "closed surface" if not self.boundary else "surface"
        return f"Surface({what} in R^{self.ambient_dimension})"


class Torus(Surface):
    """The torus ((R + r cos v) cos u, (R + r cos v) sin u, r sin v), u, v in [0, 2 pi]; reach min(r, R - r).

    Parameters
    ----------
    major_radius, minor_radius : R > r > 0.
    """

    def __init__(self, major_radius: float, minor_radius: float) -> None:
        import sympy

        self.major_radius = arrays.positive("major_radius", major_radius)
        self.minor_radius = arrays.positive("minor_radius", minor_radius)
        if not self.minor_radius < self.major_radius:
            raise ValueError(
                f"minor_radius must be below major_radius = {self.major_radius!r}; got {self.minor_radius!r}"
            )
        u, v = sympy.symbols("u v", real=True)
        distance = self.major_radius + self.minor_radius * sympy.cos(v)
        expressions = [distance * sympy.cos(u), distance * sympy.sin(u), self.minor_radius * sympy.sin(v)]
        with of_parameters(major_radius=self.major_radius, minor_radius=self.minor_radius):
            super().__init__(expressions, (u, 0, 2 * sympy.pi), (v, 0, 2 * sympy.pi))

    def __repr__(self) -> str:
        return f"Torus({self.major_radius!r}, {self.minor_radius!r})"

    @functools.cached_property
    def reach(self) -> float:  # type: ignore[override]
        """The radius of the tube, or the distance of the hole's rim from the axis."""
        return min(self.minor_radius, self.major_radius - self.minor_radius)


class SwissRoll(Surface):
    """The Swiss roll (u cos u, v, u sin u), u in [3 pi/2, 9 pi/2], v in [0, 21]."""

    def __init__(self) -> None:
        import sympy

        u, v = sympy.symbols("u v", real=True)
        expressions = [u * sympy.cos(u), v, u * sympy.sin(u)]
        super().__init__(expressions, (u, 3 * sympy.pi / 2, 9 * sympy.pi / 2), (v, 0, 21))

    def __repr__(self) -> str:
        return "SwissRoll()"
