"""2**x for vectors of float64 exponents.

The math library's exp is scalar here; this one is a few instructions per lane.  x = n + f with n an integer and
|f| <= 1/2, 2**f by a minimax polynomial, 2**n by writing n into the exponent bits.
"""

from __future__ import annotations

from typing import Any

from .compilation import exact
from .cpu_exponential import C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, ROUNDER, SMALLEST_EXPONENT
from .vectors import fma, larger, scaled, splat

__all__ = ["exp2_of_four"]


@exact
def exp2_of_four(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    """Return 2**x to 1.6 ulp for exponents from -900 up to 1023, and 2**-900 for those below.

    By Horner's rule for four vectors in turn: each operation has its operands by the time it is issued.
    """
    least, rounder = splat(SMALLEST_EXPONENT), splat(ROUNDER)
    a, b, c, d = larger(a, least), larger(b, least), larger(c, least), larger(d, least)
    n, o, p, q = a + rounder, b + rounder, c + rounder, d + rounder
    a, b, c, d = a - (n - rounder), b - (o - rounder), c - (p - rounder), d - (q - rounder)
    k, m = splat(C11), splat(C10)
    u, v, w, x = fma(a, k, m), fma(b, k, m), fma(c, k, m), fma(d, k, m)
    m = splat(C9)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C8)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C7)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C6)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C5)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C4)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C3)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C2)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C1)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    m = splat(C0)
    u, v, w, x = fma(a, u, m), fma(b, v, m), fma(c, w, m), fma(d, x, m)
    return scaled(u, n), scaled(v, o), scaled(w, p), scaled(x, q)
