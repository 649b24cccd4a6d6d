"""Parametrisations: SymPy expressions or Python functions as maps from the unit interval or square into R^d.

A map takes v in [0, 1]^m; the parameter is u = lower + (upper - lower) v.  SymPy maps are evaluated in extended precision
(40 digits for curves, `numpy.longdouble` for surfaces), so that what is fitted to them is limited by float64 alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..panels import LongArray

__all__ = ["NumericMap", "Symbolic", "SymbolicMap", "density_values", "parametrisation"]

#: Digits in which expressions of one symbol are evaluated.
DIGITS = 40
#: To which a map is resolved by its piecewise polynomials, relative to its size.
SYMBOLIC_TOLERANCE, NUMERIC_TOLERANCE = 1e-17, 2e-15


@dataclass(frozen=True)
class Symbolic:
    """A parametrisation as SymPy knows it: expressions (d,), symbols (m,), lower and upper ends (m,)."""

    expressions: tuple[Any, ...]
    symbols: tuple[Any, ...]
    lower: tuple[Any, ...]
    upper: tuple[Any, ...]


class SymbolicMap:
    """A parametrisation given by SymPy expressions; derivatives are those of the expressions."""

    tolerance = SYMBOLIC_TOLERANCE

    def __init__(self, symbolic: Symbolic) -> None:
        self.symbolic = symbolic
        self.dimension = len(symbolic.symbols)
        self.ambient_dimension = len(symbolic.expressions)
        self.lower = np.array([float(end) for end in symbolic.lower])
        self.upper = np.array([float(end) for end in symbolic.upper])

    def values(self, v: LongArray, orders: tuple[int, ...] = ()) -> LongArray:
        """Return the map, or a partial derivative with respect to u, at v (N, m): (N, d) in extended precision."""
        return evaluate(self._derivative(orders), self.symbolic, v)

    def derivative(self, v: FloatArray, orders: tuple[int, ...]) -> FloatArray:
        """Return the same in float64, by numpy alone."""
        u = self.lower + (self.upper - self.lower) * v
        return np.asarray(_by_numpy(self._derivative(orders), self.symbolic.symbols)(u.astype(np.longdouble)), float)

    @functools.cache  # noqa: B019 - as many entries as derivatives were asked for
    def _derivative(self, orders: tuple[int, ...]) -> tuple[Any, ...]:
        import sympy

        steps = [(symbol, order) for symbol, order in zip(self.symbolic.symbols, orders, strict=False) if order]
        if not steps:
            return self.symbolic.expressions
        return tuple(sympy.diff(expression, *steps) for expression in self.symbolic.expressions)


class NumericMap:
    """A parametrisation given by a Python function; derivatives are left to its piecewise polynomials."""

    tolerance = NUMERIC_TOLERANCE
    symbolic = None

    def __init__(self, function: Callable[..., Any], lower: FloatArray, upper: FloatArray) -> None:
        self._function = function
        self.lower, self.upper = lower, upper
        self.dimension = lower.size
        self.ambient_dimension = self._call(np.tile(0.5 * (lower + upper), (2, 1)), None).shape[1]

    def values(self, v: LongArray) -> FloatArray:
        """Return the map at v (N, m): (N, d)."""
        return self._call(self.lower + (self.upper - self.lower) * np.asarray(v, np.float64), self.ambient_dimension)

    def _call(self, u: FloatArray, size: int | None) -> FloatArray:
        value = np.asarray(self._function(*np.ascontiguousarray(u.T)))
        if value.dtype.kind not in "fiu":
            raise TypeError(f"embedding must return real numbers; got dtype {value.dtype}")
        if value.ndim != 2 or value.shape[0] != len(u) or value.shape[1] < 2 or size not in (None, value.shape[1]):
            arguments = " and ".join(["an array of shape (n,)"] * self.dimension)
            raise ValueError(
                f"embedding must map {arguments} to shape (n, d), d >= 2; got {value.shape} for n = {len(u)}"
            )
        check_finite("embedding", value, u)
        return value.astype(np.float64)


def check_finite(name: str, value: Any, u: FloatArray) -> None:
    """Raise ValueError naming the first parameter at which a map is not finite."""
    finite = np.isfinite(value).reshape(len(u), -1).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name} must be finite; it is not at u = {np.asarray(u[~finite][0], float).tolist()}")


def evaluate(expressions: tuple[Any, ...], symbolic: Symbolic, v: LongArray, name: str = "embedding") -> LongArray:
    """Return expressions in the symbols at v (N, m), (N, len(expressions)), in extended precision."""
    if len(symbolic.symbols) == 1:
        values, u = _by_mpmath(expressions, symbolic)(v)
    else:
        ends = np.array([[_long(end) for end in side] for side in (symbolic.lower, symbolic.upper)])
        u = ends[0] + (ends[1] - ends[0]) * v
        values = _by_numpy(expressions, symbolic.symbols)(u)
    check_finite(name, values, u)
    return values


@functools.lru_cache(maxsize=256)
def _by_mpmath(expressions: tuple[Any, ...], symbolic: Symbolic) -> Callable[[LongArray], tuple[LongArray, LongArray]]:
    import sympy
    from mpmath import mp

    function = sympy.lambdify(symbolic.symbols, list(expressions), "mpmath")

    def call(v: LongArray) -> tuple[LongArray, LongArray]:
        with mp.workdps(DIGITS):
            lower, upper = (mp.mpf(end.evalf(DIGITS)) for end in (symbolic.lower[0], symbolic.upper[0]))
            u, rows = [], []
            for fraction in v[:, 0]:
                high = float(fraction)
                u.append(lower + (upper - lower) * (mp.mpf(high) + float(fraction - high)))
                rows.append([_from_mpmath(value) for value in function(u[-1])])
            return np.array(rows), np.array([[_from_mpmath(value)] for value in u])

    return call


def _from_mpmath(value: Any) -> Any:
    if getattr(value, "imag", 0) != 0:
        return np.longdouble("nan")
    high = float(value.real)
    return np.longdouble(high) + np.longdouble(float(value.real - high)) if math.isfinite(high) else np.longdouble(high)


def _long(number: Any) -> Any:
    return _from_mpmath(number.evalf(DIGITS)._to_mpmath(140))


@functools.lru_cache(maxsize=256)
def _by_numpy(expressions: tuple[Any, ...], symbols: tuple[Any, ...]) -> Callable[[LongArray], LongArray]:
    """Return a vectorised function; constants that float64 cannot hold are handed over in extended precision."""
    import sympy

    constants = sorted(
        {atom for e in expressions for atom in e.atoms(sympy.Rational, sympy.NumberSymbol) if not _is_float(atom)},
        key=sympy.default_sort_key,
    )
    names = [sympy.Dummy() for _ in constants]
    replaced = [e.xreplace(dict(zip(constants, names, strict=True))) for e in expressions]
    function = sympy.lambdify([*symbols, *names], replaced, "numpy")
    numbers = [_long(constant) for constant in constants]

    def call(u: LongArray) -> LongArray:
        with np.errstate(all="ignore"):  # what is not finite is refused afterwards
            columns = function(*u.T, *numbers)
        kind = np.complex128 if any(np.iscomplexobj(column) for column in columns) else np.longdouble
        values = np.stack([np.broadcast_to(np.asarray(column, dtype=kind), (len(u),)) for column in columns], axis=1)
        return np.where(values.imag == 0, values.real, np.nan) if kind is np.complex128 else values

    return call


def _is_float(number: Any) -> bool:
    return bool(number.is_Rational and number.q & (number.q - 1) == 0 and abs(number.p) < 2**53)


def parametrisation(embedding: Any, domains: Sequence[Any]) -> SymbolicMap | NumericMap:
    """Return the map of `Curve` or `Surface` from what the user gave."""
    plural = len(domains) > 1
    names = ["first", "second"] if plural else ["domain"]
    if callable(embedding):
        ends = [_numeric_domain(name, domain) for name, domain in zip(names, domains, strict=True)]
        return NumericMap(embedding, np.array([end[0] for end in ends]), np.array([end[1] for end in ends]))
    import sympy

    try:
        expressions = tuple(sympy.sympify(e) for e in embedding)
    except (TypeError, sympy.SympifyError):
        raise TypeError(
            f"embedding must be a list of SymPy expressions or a function; got {type(embedding).__name__}"
        ) from None
    if len(expressions) < 2 or not all(isinstance(e, sympy.Expr) for e in expressions):
        raise ValueError(f"embedding must have at least two scalar expressions; got {len(expressions)}")
    triples = [_symbolic_domain(name, domain) for name, domain in zip(names, domains, strict=True)]
    symbols = tuple(triple[0] for triple in triples)
    if len(set(symbols)) < len(symbols):
        raise ValueError(f"first and second must have different symbols; both have {symbols[0]}")
    strangers = set().union(*(e.free_symbols for e in expressions)) - set(symbols)
    if strangers:
        raise ValueError(
            f"embedding must depend on {', '.join(map(str, symbols))} alone; it has {min(map(str, strangers))}"
        )
    return SymbolicMap(Symbolic(expressions, symbols, *(tuple(t[k] for t in triples) for k in (1, 2))))


def _symbolic_domain(name: str, domain: Any) -> tuple[Any, Any, Any]:
    import sympy

    if not isinstance(domain, (tuple, list)) or len(domain) != 3 or not isinstance(domain[0], sympy.Symbol):
        raise ValueError(f"{name} must be (symbol, lower, upper) for SymPy expressions; got {domain!r}")
    ends = [sympy.sympify(end) for end in domain[1:]]
    if not all(end.is_number and end.is_finite and end.is_real for end in ends):
        raise ValueError(f"{name} must have finite real ends; got {ends[0]} and {ends[1]}")
    _numeric_domain(name, [float(end) for end in ends])
    return domain[0], ends[0], ends[1]


def _numeric_domain(name: str, domain: Any) -> FloatArray:
    ends = arrays.vector(name, domain, 2)
    if not ends[0] < ends[1]:
        raise ValueError(f"{name} must not be empty: lower < upper; got {ends[0]} and {ends[1]}")
    return ends


def density_values(map_: SymbolicMap | NumericMap, density: Any) -> tuple[Callable[[LongArray], LongArray], Any]:
    """Return the density as a function of v (N, m) in the unit domain, checked where it is evaluated, and as SymPy."""
    if callable(density):
        return lambda v: _checked_density(density, map_, v), None
    if map_.symbolic is None:
        raise TypeError(f"density must be a function, as the embedding is one; got {type(density).__name__}")
    import sympy

    try:
        expression = sympy.sympify(density)
    except (TypeError, sympy.SympifyError):
        expression = None
    if not isinstance(expression, sympy.Expr):
        raise TypeError(f"density must be a SymPy expression or a function; got {type(density).__name__}")
    strangers = expression.free_symbols - set(map_.symbolic.symbols)
    if strangers:
        symbols = ", ".join(map(str, map_.symbolic.symbols))
        raise ValueError(f"density must depend on {symbols} alone; it has {min(map(str, strangers))}")
    symbolic = map_.symbolic

    def values(v: LongArray) -> LongArray:
        return _non_negative(evaluate((expression,), symbolic, v, "density")[:, 0], map_, v)

    return values, expression


def _checked_density(density: Callable[..., Any], map_: SymbolicMap | NumericMap, v: LongArray) -> LongArray:
    u = map_.lower + (map_.upper - map_.lower) * np.asarray(v, dtype=np.float64)
    value = np.asarray(density(*np.ascontiguousarray(u.T)))
    if value.dtype.kind not in "fiu" or value.shape != (len(u),):
        raise ValueError(f"density must map arrays of shape (n,) to real numbers of shape (n,); got {value.shape}")
    check_finite("density", value, u)
    return _non_negative(value.astype(np.float64), map_, v)


def _non_negative(value: LongArray, map_: SymbolicMap | NumericMap, v: LongArray) -> LongArray:
    least = int(value.argmin())
    if value[least] < -1e-12 * np.abs(value).max():
        u = map_.lower + (map_.upper - map_.lower) * np.asarray(v[least], dtype=np.float64)
        raise ValueError(f"density must be non-negative; it is {float(value[least]):g} at u = {u.tolist()}")
    return np.maximum(value, 0.0)
