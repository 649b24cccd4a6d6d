"""The expansion as SymPy expressions of the parameters and of coordinates of v = x - y_x along a normal frame."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from ..measures import ParametricLaw
from .symbolic_geometry import SHORT, Geometry, entry_symbol, inverse, tidy

__all__ = ["Formula", "formula"]

#: Floats that are fractions with smaller denominators are written as fractions.
LARGEST_DENOMINATOR = 10**6


@dataclass(frozen=True)
class Formula:
    """y, H, b and c at interior points, x = y(u) + sum_k n_k N_k(u) with u the parameters.

    Attributes
    ----------
    parameters, coordinates, rate : symbols of u, of n_k, and of the rate a in c = a x - a D x - b.
    y : the embedding, a (d, 1) Matrix.
    tangents, normals : orthonormal e_i and N_k, tuples of (d, 1) matrices.  N is (e_2, -e_1) for the tangent e of a
        plane curve, the normal and binormal of a space curve, d_u y x d_v y normalised on a surface in R^3.  Elsewhere
        N_k are the coordinate axes: n_k are the coordinates of v, to be taken normal to M.
    H : I - <v, II> in the basis e_i, an (m, m) Matrix.
    b_normal, b_tangential, c_normal, c_tangential : components of b and c along N_k and e_i, column matrices.
    short_normal, short_tangential : b_normal and b_tangential with H or H_ij standing for the entries of H.
    """

    parameters: tuple[Any, ...]
    coordinates: tuple[Any, ...]
    rate: Any
    y: Any
    tangents: tuple[Any, ...]
    normals: tuple[Any, ...]
    H: Any
    b_normal: Any
    b_tangential: Any
    c_normal: Any
    c_tangential: Any
    short_normal: Any
    short_tangential: Any

    @property
    def b(self) -> Any:
        """The vector b in R^d, a (d, 1) Matrix."""
        return self._vector(self.b_normal, self.b_tangential)

    @property
    def c(self) -> Any:
        """The vector c in R^d, a (d, 1) Matrix."""
        return self._vector(self.c_normal, self.c_tangential)

    def _vector(self, normal: Any, tangential: Any) -> Any:
        total = 0 * self.y
        for component, axis in zip([*normal, *tangential], [*self.normals, *self.tangents], strict=True):
            total += component * axis
        return total


@functools.lru_cache(maxsize=16)
def formula(measure: Any) -> Formula:
    """Return the formulas of a law on a curve or surface given by SymPy expressions.

    Raises
    ------
    ValueError : the manifold or the density is not given by SymPy expressions.
    """
    symbolic = measure.manifold.symbolic if isinstance(measure, ParametricLaw) else None
    if symbolic is None or measure.symbolic_density is None:
        raise ValueError("formula needs a curve or a surface, and a density, given by SymPy expressions")
    import sympy

    real = {symbol: sympy.Symbol(symbol.name, real=True) for symbol in symbolic.symbols}
    parameters = tuple(real.values())
    y = sympy.Matrix([_exact(expression).xreplace(real) for expression in symbolic.expressions])
    log_density = sympy.log(_exact(measure.symbolic_density).xreplace(real))
    geometry = Geometry(y, parameters, measure.manifold.lower, measure.manifold.upper)
    terms = geometry.framed_terms if geometry.framed else geometry.general_terms
    H, short_normal, short_tangential = terms(log_density)
    explicit = {entry_symbol(i, j, len(parameters)): H[i, j] for i in range(H.rows) for j in range(H.rows)}
    b_normal, b_tangential = (tidy(short.xreplace(explicit), SHORT) for short in (short_normal, short_tangential))
    rate = sympy.Symbol("a", nonnegative=True)
    along = sympy.Matrix([e.dot(y) for e in geometry.tangents])
    across = geometry.normal_part(y) + sympy.Matrix(geometry.coordinates)
    c_tangential = tidy(rate * (along - inverse(H) * along) - b_tangential, SHORT)
    c_normal = tidy(rate * tidy(across) - b_normal, SHORT)
    return Formula(
        parameters, geometry.coordinates, rate, y, geometry.tangents, geometry.normals, H, b_normal, b_tangential,
        c_normal, c_tangential, short_normal, short_tangential,
    )  # fmt: skip


def _exact(expression: Any) -> Any:
    """Return an expression whose short floats are fractions, 0.5 -> 1/2: formulas are read, and simplify, in these."""
    import sympy

    floats = {number: sympy.Rational(str(float(number))) for number in expression.atoms(sympy.Float)}
    return expression.xreplace(
        {old: new for old, new in floats.items() if new.q <= LARGEST_DENOMINATOR and abs(new - old) <= 1e-15 * abs(old)}
    )
