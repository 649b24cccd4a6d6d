"""Densities on curves and surfaces, and the measures they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..fitting import fit
from ..measures import ParametricLaw
from ..measures.parametric import Support
from ..panels import LongArray
from .maps import NumericMap, SymbolicMap, array_from, check_finite, evaluate, evaluate_precisely, expression

__all__ = ["parametric_law"]

#: Relative tolerance of the polynomials of a density, and the rounding it may carry, where SymPy gives its digits.
SYMBOLIC_WEIGHTS, SYMBOLIC_ROUNDING = 1e-16, 1e-18
#: The same where it comes from Python functions, or from derivatives of piecewise polynomials.
NUMERIC_WEIGHTS, NUMERIC_ROUNDING = 1e-13, 4e-15
SMALLEST_TOLERANCE, LARGEST_TOLERANCE = 1e-15, 1e-3
#: What a density may fall below zero by rounding, relative to its largest value.
NEGATIVE_ROUNDING = 1e-12


class Density:
    """A density with respect to volume as the user gave it, checked wherever it is evaluated."""

    def __init__(self, embedding: SymbolicMap | NumericMap, density: Any) -> None:
        self._map = embedding
        self.expression: Any = None
        self._function: Callable[..., Any] | None = None
        if callable(density):
            self._function = density
            return
        if embedding.symbolic is None:
            number = isinstance(density, (int, float)) or getattr(density, "is_number", False)
            if not number:
                raise TypeError(f"density must be a function, as the embedding is one; got {type(density).__name__}")
        self.expression = expression("density", density)
        symbols = embedding.symbolic.symbols if embedding.symbolic else ()
        # A symbol of the same name with other assumptions (the named manifolds have real ones) is meant to be the same.
        names = {symbol.name: symbol for symbol in symbols}
        same = {symbol: names[symbol.name] for symbol in self.expression.free_symbols if symbol.name in names}
        self.expression = self.expression.xreplace(same)
        strangers = self.expression.free_symbols - set(symbols)
        if strangers:
            raise ValueError(f"density must depend on {', '.join(names)} alone; it has {min(map(str, strangers))}")

    @property
    def exact(self) -> bool:
        """Whether its values are limited by extended precision only."""
        return self.expression is not None and self._map.symbolic is not None

    def values(self, v: LongArray) -> LongArray:
        """Return the density at v (N, m) in the unit domain: (N,)."""
        u = self._map.lower + (self._map.upper - self._map.lower) * np.asarray(v, dtype=np.float64)
        if self._function is not None:
            value = array_from("density", self._function, u) if len(u) else np.empty(0)
            if value.shape != (len(u),):
                raise ValueError(
                    f"density must map arrays of shape (n,) to shape (n,); got {value.shape} for n = {len(u)}"
                )
            check_finite("density", value, u)
            value = value.astype(np.float64)
        elif self.expression.is_number or self._map.symbolic is None:
            value = np.full(len(u), _constant(self.expression))
        elif self._map.dimension == 1:
            value = evaluate_precisely(self.expression, self._map.symbolic, v, "density")
        else:
            value = evaluate((self.expression,), self._map.symbolic, v, "density")[:, 0]
        least = int(value.argmin()) if len(value) else 0
        if len(value) and value[least] < -NEGATIVE_ROUNDING * np.abs(value).max():
            raise ValueError(f"density must be non-negative; it is {float(value[least]):g} at u = {u[least].tolist()}")
        return np.maximum(value, 0.0)


def _constant(number: Any) -> float:
    if not (number.is_real and number.is_finite and abs(number) < arrays.LARGEST_LENGTH):
        raise ValueError(f"density must be real, finite and below {arrays.LARGEST_LENGTH:g}; got {number.evalf(3)}")
    return float(number)


def parametric_law(
    manifold: Any, density: Any, tolerance: float, volume: Callable[[LongArray], LongArray],
    reduced: Callable[[LongArray], LongArray], hull: tuple[FloatArray | None, FloatArray | None],
) -> ParametricLaw:  # fmt: skip
    """Return the measure of a `Parametric`.

    Parameters
    ----------
    manifold : the manifold.
    density, tolerance : as in `Parametric.measure`.
    volume : v (N, m) in the unit domain -> volume per dv (N,).
    reduced : v -> the point in the coordinates of the affine hull (N, r).
    hull : basis and origin of the hull, or None.
    """
    tolerance = arrays.positive("tolerance", tolerance)
    if not SMALLEST_TOLERANCE <= tolerance <= LARGEST_TOLERANCE:
        raise ValueError(f"tolerance must lie between 1e-15 and 1e-3; got {tolerance!r}")
    given = Density(manifold._map, density)
    weights, rounding = (SYMBOLIC_WEIGHTS, SYMBOLIC_ROUNDING) if given.exact else (NUMERIC_WEIGHTS, NUMERIC_ROUNDING)

    def both(v: LongArray) -> LongArray:
        points = reduced(v)
        return np.concatenate([points, (given.values(v) * volume(v))[:, None]], axis=1)

    rank = manifold.ambient_dimension if hull[0] is None else hull[0].shape[1]
    panels = fit(both, manifold.dimension, rank, manifold._map.tolerance, weights, rounding, "density")
    return ParametricLaw(manifold, Support(panels.supported(), manifold.closed, *hull), given, tolerance)
