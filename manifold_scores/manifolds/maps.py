"""Parametrisations: SymPy expressions or Python functions as maps from the unit interval or square into R^d.

A map takes v in [0, 1]^m; the parameter is u = lower + (upper - lower) v.  SymPy maps are evaluated in
`numpy.longdouble`, densities on curves with 40 digits, so that what is fitted to them is limited by float64 alone.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arrays, callbacks
from ..arrays import FloatArray
from ..panels import LongArray

__all__ = ["NumericMap", "Symbolic", "SymbolicMap", "check_finite", "evaluate", "parametrisation"]

#: Digits in which densities of one symbol are evaluated.
DIGITS = 40
#: To which a map is resolved by its piecewise polynomials, relative to its size.
SYMBOLIC_TOLERANCE, NUMERIC_TOLERANCE = 5e-18, 2e-15


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
        return evaluate(self._expressions(orders), self.symbolic, v, "embedding")

    def derivative(self, v: FloatArray, orders: tuple[int, ...]) -> FloatArray:
        """Return the same in float64, by numpy alone."""
        return np.asarray(self.values(np.asarray(v, dtype=np.longdouble), orders), dtype=np.float64)

    def _expressions(self, orders: tuple[int, ...]) -> tuple[Any, ...]:
        return _differentiate(self.symbolic, orders) if any(orders) else self.symbolic.expressions


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
        if not len(u):
            return np.empty((0, size or 0))
        value = array_from("embedding", self._function, u)
        if value.ndim != 2 or value.shape[0] != len(u) or value.shape[1] < 2 or size not in (None, value.shape[1]):
            arguments = " and ".join(["an array of shape (n,)"] * self.dimension)
            raise ValueError(
                f"embedding must map {arguments} to shape (n, d), d >= 2; got {value.shape} for n = {len(u)}"
            )
        check_finite("embedding", value, u)
        return np.asarray(value, dtype=np.float64)


def array_from(name: str, function: Callable[..., Any], u: FloatArray) -> Any:
    """Return what a user's function makes of the columns of u, as an array of real numbers."""
    value = callbacks.call(name, function, *np.ascontiguousarray(u.T))
    try:
        value = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must return one array; got rows of different lengths") from None
    if value.dtype.kind not in "fiu":
        raise TypeError(f"{name} must return real numbers; got dtype {value.dtype}")
    return value


def check_finite(name: str, value: Any, u: Any) -> None:
    """Raise ValueError naming the first parameter at which a map is not real and finite."""
    finite = np.isfinite(value)
    if not finite.all():
        where = u[~finite.reshape(len(u), -1).all(axis=1)][0]
        raise ValueError(f"{name} must be real and finite; it is not at u = {np.asarray(where, float).tolist()}")


@functools.lru_cache(maxsize=256)
def _differentiate(symbolic: Symbolic, orders: tuple[int, ...]) -> tuple[Any, ...]:
    import sympy

    steps = [(symbol, order) for symbol, order in zip(symbolic.symbols, orders, strict=True) if order]
    return tuple(sympy.diff(expression, *steps) for expression in symbolic.expressions)


def evaluate(expressions: tuple[Any, ...], symbolic: Symbolic, v: LongArray, name: str) -> LongArray:
    """Return expressions at v (N, m) in the unit domain, (N, number of expressions), in extended precision."""
    ends = np.array([[_long(end) for end in side] for side in (symbolic.lower, symbolic.upper)])
    u = ends[0] + (ends[1] - ends[0]) * v
    try:
        values = _by_numpy(expressions, symbolic.symbols)(u)
    except (NameError, AttributeError, TypeError) as error:
        raise ValueError(f"{name} must consist of functions that numpy can evaluate; {error}") from None
    check_finite(name, values, u)
    return values


def evaluate_precisely(expression: Any, symbolic: Symbolic, v: LongArray, name: str) -> LongArray:
    """Return an expression in one symbol at v (N, 1), (N,), rounded from 40 digits: right where terms cancel, too."""
    values, u = _by_mpmath(expression, symbolic)(v)
    check_finite(name, values, u)
    return values


@functools.lru_cache(maxsize=64)
def _by_mpmath(expression: Any, symbolic: Symbolic) -> Callable[[LongArray], tuple[LongArray, LongArray]]:
    import sympy
    from mpmath import mp

    function = sympy.lambdify(symbolic.symbols, expression, "mpmath")

    def call(v: LongArray) -> tuple[LongArray, LongArray]:
        with mp.workdps(DIGITS):
            lower, upper = (mp.mpf(end.evalf(DIGITS)) for end in (symbolic.lower[0], symbolic.upper[0]))
            high = v[:, 0].astype(np.float64)
            parts = zip(high, (v[:, 0] - high).astype(np.float64), strict=True)
            u = [lower + (upper - lower) * (mp.mpf(part) + float(rest)) for part, rest in parts]
            return np.array([_from_mpmath(mp.mpmathify(function(x))) for x in u]), np.array([float(x) for x in u])

    return call


def _from_mpmath(value: Any) -> Any:
    if getattr(value, "imag", 0) != 0:
        return np.longdouble("nan")
    try:
        high = float(value.real)
    except OverflowError:
        high = math.inf
    return np.longdouble(high) + np.longdouble(float(value.real - high)) if math.isfinite(high) else np.longdouble(high)


def _long(number: Any) -> Any:
    return _from_mpmath(number.evalf(DIGITS)._to_mpmath(140))


@functools.lru_cache(maxsize=256)
def _by_numpy(expressions: tuple[Any, ...], symbols: tuple[Any, ...]) -> Callable[[LongArray], LongArray]:
    """Return a vectorised function; constants that float64 cannot hold are handed over in extended precision."""
    import sympy

    constants = sorted({number for e in expressions for number in _numbers(e)}, key=sympy.default_sort_key)
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


def _numbers(part: Any) -> set[Any]:
    """Return the largest subexpressions without symbols that are no float64 numbers."""
    if part.is_number:
        return set() if _is_float(part) else {part}
    return set().union(*(_numbers(argument) for argument in part.args))


def _is_float(number: Any) -> bool:
    return bool(number.is_Rational and number.q & (number.q - 1) == 0 and abs(number.p) < 2**53)


def parametrisation(embedding: Any, domains: Sequence[Any]) -> SymbolicMap | NumericMap:
    """Return the map of `Curve` or `Surface` from what the user gave."""
    plural = len(domains) > 1
    names = ["first", "second"] if plural else ["domain"]
    if callable(embedding):
        ends = [_numeric_domain(name, domain) for name, domain in zip(names, domains, strict=True)]
        return NumericMap(embedding, np.array([end[0] for end in ends]), np.array([end[1] for end in ends]))
    try:
        entries = None if isinstance(embedding, str) else tuple(embedding)
    except TypeError:
        entries = None
    if entries is None:
        raise TypeError(f"embedding must be a list of SymPy expressions or a function; got {type(embedding).__name__}")
    expressions = tuple(expression("embedding", entry) for entry in entries)
    if len(expressions) < 2:
        raise ValueError(f"embedding must have at least two expressions; got {len(expressions)}")
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


def expression(name: str, value: Any) -> Any:
    """Return value as a scalar SymPy expression; strings are refused, as SymPy would execute them."""
    import sympy

    result = None
    if not isinstance(value, str):
        with contextlib.suppress(TypeError, ValueError):
            result = sympy.sympify(value, strict=True)
    if not isinstance(result, sympy.Expr):
        raise TypeError(f"{name} must consist of scalar SymPy expressions; got {type(value).__name__}")
    return result


def _symbolic_domain(name: str, domain: Any) -> tuple[Any, Any, Any]:
    import sympy

    if not isinstance(domain, (tuple, list)) or len(domain) != 3 or not isinstance(domain[0], sympy.Symbol):
        raise ValueError(f"{name} must be (symbol, lower, upper) for SymPy expressions; got {domain!r}")
    ends = [expression(name, end) for end in domain[1:]]
    if not all(end.is_number and end.is_finite and end.is_real for end in ends):
        raise ValueError(f"{name} must have finite real ends; got {ends[0]} and {ends[1]}")
    _numeric_domain(name, [float(end) for end in ends])
    return domain[0], ends[0], ends[1]


def _numeric_domain(name: str, domain: Any) -> FloatArray:
    ends = arrays.vector(name, domain, 2)
    if not ends[0] < ends[1]:
        raise ValueError(f"{name} must not be empty: lower < upper; got {ends[0]} and {ends[1]}")
    return ends
