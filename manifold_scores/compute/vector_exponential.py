"""2**x for a vector of float64 exponents.

The math library's exp is scalar here; this one is a few instructions per lane.  x = n + f with n an integer and
|f| <= 1/2, 2**f by a minimax polynomial, 2**n by writing n into the exponent bits.
"""

from __future__ import annotations

from typing import Any

from .compilation import exact
from .cpu_exponential import C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, ROUNDER, SMALLEST_EXPONENT
from .vectors import fma, larger, scaled, splat, zero_below

__all__ = ["exp2"]


@exact
def exp2(x: Any) -> Any:
    """Return 2**x to 1.6 ulp for exponents up to 1023, and 0 for those below -900."""
    clamped = larger(x, splat(SMALLEST_EXPONENT))
    shifted = clamped + splat(ROUNDER)
    f = clamped - (shifted - splat(ROUNDER))
    f2 = f * f
    f4 = f2 * f2
    low = fma(f, fma(f, splat(C3), splat(C2)), splat(C1))
    middle = fma(f, fma(f, fma(f, splat(C7), splat(C6)), splat(C5)), splat(C4))
    high = fma(f, fma(f, fma(f, splat(C11), splat(C10)), splat(C9)), splat(C8))
    value = fma(f4, fma(f4, high, middle), fma(f, low, splat(C0)))
    return zero_below(scaled(value, shifted), x, splat(SMALLEST_EXPONENT))
