"""2**x for a whole tile of float64 exponents, vectorised by the compiler.

The math library's exp is scalar here; this one is a few instructions per lane.  x = n + f with n an integer and
|f| <= 1/2, 2**f by a minimax polynomial, 2**n by writing n into the exponent bits.
"""

from __future__ import annotations

import numpy as np

from .compilation import FloatArray, IntArray, contracted

# Minimax for the relative error on [-1/2, 1/2] (Remez exchange in 60-digit arithmetic), then rounded to float64: the
# relative error is 3.4e-17, of which the rounding of the coefficients is 3.1e-17.
COEFFICIENTS = (
    1.0,
    0.6931471805599453,
    0.24022650695910155,
    0.055504108664819925,
    0.009618129107588335,
    0.0013333558146789953,
    0.00015403530462514668,
    1.5252733489958515e-05,
    1.3215433089567294e-06,
    1.0178198034322163e-07,
    7.074105630845136e-09,
    4.435280790244659e-10,
)
C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11 = COEFFICIENTS

# Adding 1.5 * 2**52 rounds to the nearest integer and leaves it, in two's complement, in the low mantissa bits.
ROUNDER = 6755399441055744.0
# Far below anything that counts, and far above the subnormal products that would cost a hundred cycles each.
SMALLEST_EXPONENT = -900.0
EXPONENT_BIAS = np.int64(1023)
MANTISSA_BITS = np.int64(52)


@contracted
def exp2_tile(exponent: FloatArray, rounded: FloatArray, bits: IntArray, power: FloatArray) -> None:
    """power[j] = 2**exponent[j] to 1.6 ulp for exponents up to 1023, and 0 for those below -900.

    `rounded` is float64 scratch and `bits` the same memory seen as int64; all arrays have one length.
    """
    for j in range(power.size):
        x = exponent[j] if exponent[j] > SMALLEST_EXPONENT else SMALLEST_EXPONENT
        shifted = x + ROUNDER
        f = x - (shifted - ROUNDER)
        low = C1 + f * (C2 + f * C3)
        middle = C4 + f * (C5 + f * (C6 + f * C7))
        high = C8 + f * (C9 + f * (C10 + f * C11))
        f2 = f * f
        f4 = f2 * f2
        rounded[j] = shifted
        value = C0 + f * low + f4 * (middle + f4 * high)
        power[j] = value if exponent[j] >= SMALLEST_EXPONENT else 0.0
    for j in range(power.size):
        bits[j] = (bits[j] + EXPONENT_BIAS) << MANTISSA_BITS
    for j in range(power.size):
        power[j] *= rounded[j]
