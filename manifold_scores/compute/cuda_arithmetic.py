"""Scalar arithmetic of the kernels for cards, in double and in single precision: 2**x and exact squares.

Plain compiled functions, so that tests call them on the CPU; where a kernel calls them they are compiled for the card.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from .compilation import exact
from .cpu_exponential import C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, MANTISSA_BITS, ROUNDER, SMALLEST_EXPONENT
from .error_free import fused_multiply_add, product_error, sum_error

__all__ = [
    "BELOW_ALL",
    "LARGEST_BITS",
    "add_exactly",
    "add_square",
    "exp2_double",
    "exp2_of",
    "exp2_single",
    "first_bits",
    "rounded_product",
]

#: The log2 weight of what is left out, in either precision.
BELOW_ALL = -1e30
#: Weights 2**-x of the best one below these are as good as zero.
LARGEST_BITS = {np.dtype(np.float64): -SMALLEST_EXPONENT, np.dtype(np.float32): 120.0}

#: How many bits the distance of what is left out usually costs, as on the CPU.
_SPARE_BITS = 10

# Minimax for the relative error on [-1/2, 1/2], 1.9e-9, far below the rounding of float32.
S0, S1, S2 = np.float32(1.0), np.float32(0.6931472057371958), np.float32(0.24022646890645522)
S3, S4 = np.float32(0.05550328777105325), np.float32(0.009618488956331182)
S5, S6 = np.float32(0.0013399931177239738), np.float32(0.00015345812161311629)
_ROUNDER_SINGLE = np.float32(12582912.0)  # 1.5 * 2**23
_LEAST_SINGLE = np.float32(-120.0)
_MANTISSA_SINGLE = np.int32(23)

# Calls leave out the typing context, which numba supplies.
_intrinsic: Any = intrinsic


@_intrinsic
def _bits(_typing_context: Any, x: Any) -> Any:
    """Return the bits of a float as an integer of the same size."""
    whole = types.int64 if x == types.float64 else types.int32

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(whole))

    return whole(x), generate


@_intrinsic
def _from_bits(_typing_context: Any, n: Any) -> Any:
    """Return the float that these bits are."""
    real = types.float64 if n == types.int64 else types.float32

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(real))

    return real(n), generate


@_intrinsic
def _rounded_product(_typing_context: Any, a: Any, b: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        first, second = arguments
        return builder.fma(first, second, first.type(0.0))

    return a(a, a), generate


@exact
def rounded_product(a: Any, b: Any) -> Any:
    """Return a b, rounded, and never fused with a sum that it enters."""
    return _rounded_product(a, b)


@exact
def exp2_double(x: Any) -> Any:
    """Return 2**x to 1.6 ulp for x from -900 to 1023, and 2**-900 for x below; float64."""
    x = max(x, SMALLEST_EXPONENT)
    shifted = x + ROUNDER
    f = x - (shifted - ROUNDER)
    p = fused_multiply_add(f, C11, C10)
    p = fused_multiply_add(f, p, C9)
    p = fused_multiply_add(f, p, C8)
    p = fused_multiply_add(f, p, C7)
    p = fused_multiply_add(f, p, C6)
    p = fused_multiply_add(f, p, C5)
    p = fused_multiply_add(f, p, C4)
    p = fused_multiply_add(f, p, C3)
    p = fused_multiply_add(f, p, C2)
    p = fused_multiply_add(f, p, C1)
    p = fused_multiply_add(f, p, C0)
    # p lies in [0.7, 1.42]: its exponent grows by n without leaving the range.
    return _from_bits(_bits(p) + (_bits(shifted) << MANTISSA_BITS))


@exact
def exp2_single(x: Any) -> Any:
    """Return 2**x to 1.5 ulp for x from -120 to 127, and 2**-120 for x below; float32."""
    x = max(x, _LEAST_SINGLE)
    shifted = x + _ROUNDER_SINGLE
    f = x - (shifted - _ROUNDER_SINGLE)
    p = fused_multiply_add(f, S6, S5)
    p = fused_multiply_add(f, p, S4)
    p = fused_multiply_add(f, p, S3)
    p = fused_multiply_add(f, p, S2)
    p = fused_multiply_add(f, p, S1)
    p = fused_multiply_add(f, p, S0)
    return _from_bits(np.int32(_bits(p) + (_bits(shifted) << _MANTISSA_SINGLE)))


@exact
def add_square(high: Any, low: Any, y: Any, z: Any) -> tuple[Any, Any]:
    """Add (y - z)**2 to high + low, with a relative error of about 2**-100 (2**-44 in single precision)."""
    apart = y - z
    lost = sum_error(y, -z, apart)
    square = rounded_product(apart, apart)
    square_lost = (apart + apart) * lost + product_error(apart, apart, square)
    total = high + square
    return total, low + (sum_error(high, square, total) + square_lost)


@exact
def add_exactly(high: Any, low: Any, term: Any) -> tuple[Any, Any]:
    """Add a term to a sum that is carried as high + low."""
    total = high + term
    return total, low + sum_error(high, term, total)


def exp2_of(real: Any) -> Any:
    """Return 2**x for a precision."""
    return exp2_double if np.dtype(real) == np.float64 else exp2_single


def first_bits(count: int, tolerance: float, real: Any) -> float:
    """Return how far below the best of `count` points others are summed at first, for a tolerance and a precision."""
    return float(min(math.ceil(math.log2(count / tolerance)) + _SPARE_BITS, LARGEST_BITS[np.dtype(real)]))
