"""Error-free transformations: what rounding took away, as a float64 of its own.

Plain functions of two floats, or of two vectors of them.  `product_error` is written with Veltkamp splitting (Dekker
1971) so that it is right in pure Python; compiled, one fused multiply-add replaces its seventeen operations.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic, overload

from .compilation import exact
from .vectors import VectorType, fms

_SPLITTER = 134217729.0  # 2**27 + 1


def product_error(a: float, b: float, product: float) -> float:
    """Return a*b - product exactly, for product = fl(a*b) (no overflow or underflow)."""
    a_big = _SPLITTER * a
    a_high = a_big - (a_big - a)
    a_low = a - a_high
    b_big = _SPLITTER * b
    b_high = b_big - (b_big - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


# Calls leave out the typing context, which numba supplies.
_intrinsic: Any = intrinsic


@_intrinsic
def fused_multiply_add(_typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a b + c, rounded once, of three numbers of one precision; for compiled code only."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, a, a), generate


# numba compares the signatures of the two functions below literally, annotations included: neither has any.
@overload(product_error)
def _compiled_product_error(a, b, product):  # type: ignore[no-untyped-def]
    if all(isinstance(argument, VectorType) for argument in (a, b, product)):
        return lambda a, b, product: fms(a, b, product)  # noqa: PLW0108 # numba reads the names of the arguments
    if not all(isinstance(argument, types.Float) for argument in (a, b, product)):
        return None
    return lambda a, b, product: fused_multiply_add(a, b, -product)


@exact
def sum_error(a: float, b: float, total: float) -> float:
    """Return a + b - total exactly, for total = fl(a + b) (Knuth's two-sum)."""
    b_part = total - a
    return (a - (total - b_part)) + (b - b_part)


@exact
def add_pairs(a: float, a_low: float, b: float, b_low: float) -> tuple[float, float]:
    """Return the double-double sum of a + a_low and b + b_low, to about 2**-100 of |a| + |b|."""
    total = a + b
    lost = sum_error(a, b, total) + (a_low + b_low)
    high = total + lost
    return high, lost - (high - total)


@exact
def multiply_pairs(a: float, a_low: float, b: float, b_low: float) -> tuple[float, float]:
    """Return the double-double product of a + a_low and b + b_low, to about 2**-100 relative."""
    product = a * b
    lost = product_error(a, b, product) + (a * b_low + a_low * b)
    high = product + lost
    return high, lost - (high - product)
