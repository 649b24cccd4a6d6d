"""SymPy expressions of one parameter as straight-line programs on power series with ball coefficients."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import flint
import sympy
from flint import acb, acb_series, arb, arb_series, fmpq, fmpz

__all__ = ["Number", "Program", "Series"]

Number: TypeAlias = Any  # arb or acb
Series: TypeAlias = Any  # arb_series or acb_series; in a constant subexpression an arb


class Program:
    """Taylor coefficients of expressions of one symbol: automatic differentiation in ball arithmetic.

    At a ball U each coefficient contains those of the expansions about all points of U.  At a complex ball they are
    finite only where the functions are analytic, so branch cuts and poles are noticed; at a real ball only where the
    functions are defined.  Equal subexpressions are evaluated once, those without the symbol once per precision.

    Parameters
    ----------
    expressions : SymPy expressions built from numbers, the symbol, + - * / ** and `_FUNCTIONS`.
    symbol : the parameter.

    Raises
    ------
    ValueError : an expression that is not analytic or not known.
    """

    def __init__(self, expressions: Sequence[Any], symbol: Any) -> None:
        self._symbol = symbol
        self._slots: dict[Any, int] = {symbol: 0}
        self._constants: list[tuple[int, Callable[..., Series], tuple[int, ...]]] = []
        self._steps: list[tuple[int, Callable[..., Series], tuple[int, ...]]] = []
        self._outputs = [self._slot(sympy.sympify(expression)) for expression in expressions]
        self._known: dict[int, list[Series]] = {}

    def __call__(self, u: Number, length: int) -> list[Series]:
        """Return the first `length` Taylor coefficients about u of every expression, as series."""
        make = acb_series if isinstance(u, acb) else arb_series
        values = self._start()
        values[0] = make([u, 1], length)
        for slot, function, arguments in self._steps:
            values[slot] = function(*[values[i] for i in arguments])
        outputs = [values[slot] for slot in self._outputs]
        return [make([value], length) if isinstance(value, arb) else value for value in outputs]

    def _start(self) -> list[Series]:
        """Return the slots with the constants filled in, which differ with the precision in force."""
        precision = flint.ctx.prec
        if precision not in self._known:
            values: list[Series] = [None] * len(self._slots)
            for slot, function, arguments in self._constants:
                values[slot] = function(*[values[i] for i in arguments])
            self._known[precision] = values
        return self._known[precision].copy()

    def _slot(self, expression: Any) -> int:
        """Return the slot of an expression, appending the steps that compute it."""
        if expression not in self._slots:
            function, parts = _translate(expression)
            arguments = tuple(self._slot(part) for part in parts)
            slot = self._slots[expression] = len(self._slots)
            steps = self._steps if expression.has(self._symbol) else self._constants
            steps.append((slot, function, arguments))
        return self._slots[expression]


def _translate(expression: Any) -> tuple[Callable[..., Series], tuple[Any, ...]]:
    """Return a function of series and the subexpressions that it takes."""
    if expression.is_Rational:
        value = fmpq(int(expression.p), int(expression.q))
        return lambda: arb(value), ()
    if expression.is_Float:  # exactly the binary number that it is
        sign, mantissa, exponent, _ = expression._mpf_
        pair = fmpz(int(-mantissa if sign else mantissa)), fmpz(int(exponent))
        return lambda: arb(pair), ()
    if expression.is_Add or expression.is_Mul:
        combine = operator.add if expression.is_Add else operator.mul
        return lambda *terms: reduce(combine, terms), expression.args
    if expression.is_Pow:
        return _translate_power(*expression.args)
    function = (_FUNCTIONS | _NUMBERS).get(type(expression).__name__)
    if function is not None:
        return function, expression.args
    raise ValueError(
        f"{expression} cannot be certified: rigorous integration needs real analytic expressions, "
        f"built from numbers, powers, {', '.join(sorted(_FUNCTIONS))}"
    )


def _translate_power(base: Any, exponent: Any) -> tuple[Callable[..., Series], tuple[Any, ...]]:
    if exponent.is_Integer:
        return lambda x: _power(x, int(exponent)), (base,)
    if exponent.is_Rational and exponent.q == 2:
        return lambda x: _power(_sqrt(x), int(exponent.p)), (base,)
    return lambda x, power: (power * _log(x)).exp(), (base, exponent)


def _constant_term(x: Series) -> Number:
    return x if isinstance(x, arb) else x[0]


def _guarded(function: Callable[[Series], Series], x: Series, *, analytic: bool) -> Series:
    """Return function(x), or no finite number where that would not be analytic."""
    return function(x) if analytic else x * arb("nan")


def _off_the_cut(x: Series) -> bool:
    """Return whether the constant term avoids the cut of root and logarithm, (-infinity, 0]."""
    value = _constant_term(x)
    return bool(value.sqrt(analytic=True).is_finite() if isinstance(value, acb) else value > 0)


def _inverse(x: Series) -> Series:
    return _guarded(lambda y: 1 / y, x, analytic=not _constant_term(x).contains(0))


def _power(x: Series, n: int) -> Series:
    return _inverse(x) ** -n if n < 0 else x**n


def _sqrt(x: Series) -> Series:
    # A constant may be 0; a function of the parameter may not: its root is not analytic there.
    return x.sqrt() if isinstance(x, arb) else _guarded(operator.methodcaller("sqrt"), x, analytic=_off_the_cut(x))


def _log(x: Series) -> Series:
    return _guarded(operator.methodcaller("log"), x, analytic=_off_the_cut(x))


def _atan(x: Series) -> Series:
    return _guarded(operator.methodcaller("atan"), x, analytic=_off_the_cut(1 + x * x))


def _asin(x: Series) -> Series:
    if isinstance(x, arb):
        return x.asin()
    square = 1 - x * x

    def by_derivative(y: Series) -> Series:
        return (y.derivative() / square.sqrt()).integral() + y[0].asin()

    return _guarded(by_derivative, x, analytic=_off_the_cut(square))


def _sinh(x: Series) -> Series:
    return (x.exp() - (-x).exp()) / 2


def _cosh(x: Series) -> Series:
    return (x.exp() + (-x).exp()) / 2


_NUMBERS: dict[str, Callable[..., Series]] = {"Pi": arb.pi, "Exp1": arb.const_e}

_FUNCTIONS: dict[str, Callable[..., Series]] = {
    "sin": operator.methodcaller("sin"),
    "cos": operator.methodcaller("cos"),
    "exp": operator.methodcaller("exp"),
    "erf": operator.methodcaller("erf"),
    "log": _log,
    "tan": lambda x: x.sin() * _inverse(x.cos()),
    "cot": lambda x: x.cos() * _inverse(x.sin()),
    "sec": lambda x: _inverse(x.cos()),
    "csc": lambda x: _inverse(x.sin()),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": lambda x: _sinh(x) * _inverse(_cosh(x)),
    "asin": _asin,
    "acos": lambda x: arb.pi() / 2 - _asin(x),
    "atan": _atan,
}
