"""The integrand that gives Renyi divergences without cancellation.

With r = dP/dQ and l = log r, the generators (Cressie and Read 1984; the alpha-divergences)

    h_q(l) = (r^q - 1 - q (r - 1)) / (q (q - 1)) >= 0,    h_1 = r l - r + 1,    h_q(l) = l^2/2 + O(l^3)

have one sign, so E_Q[h_q] keeps its relative accuracy however close P and Q are, and since E_Q[r] = 1

    D_q(P||Q) = log(1 + q (q - 1) E_Q[h_q]) / (q - 1),    D_1 = E_Q[h_1].

With phi(z) = (e^z - 1 - z)/z^2 > 0, two forms in which nothing cancels that matters:

    h_q(l) = r l^2/q (phi(-l) + (q - 1) phi((q - 1) l))        q >= 1, all terms positive
    h_q(l) = l^2/(1 - q) (phi(l) - q phi(q l))                 q <= 1/2, where |l| < 1

and h_q(l) = r h_{1-q}(-l) for 1/2 < q < 1.  All functions return logarithms: nothing overflows.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays import FloatArray

__all__ = ["log_generator"]

# 1/(k + 2)! for k = 0 ... 17: the rest of the series is below 1e-18 on [-1, 1].
_SERIES = np.array([1.0 / math.factorial(k + 2) for k in range(18)])
#: Above this (1 + z) e^-z is below rounding.
_LARGE = 50.0


def _phi(z: FloatArray) -> FloatArray:
    """Return (e^z - 1 - z)/z^2 for z <= 50."""
    small = np.abs(z) <= 1.0
    far = np.where(small, 2.0, z)
    return np.where(small, np.polynomial.polynomial.polyval(np.where(small, z, 0.0), _SERIES), _quotient(far))


def _quotient(z: FloatArray) -> FloatArray:
    return np.asarray((np.expm1(z) - z) / z / z)


def _log_phi(z: FloatArray) -> FloatArray:
    """Return log phi(z) for any z."""
    large = z > _LARGE
    big = np.where(large, z, 1.0)
    return np.where(large, big - 2.0 * np.log(big), np.log(_phi(np.where(large, 0.0, z))))


def log_generator(log_ratio: FloatArray, order: float) -> FloatArray:
    """Return log h_q(l), entry by entry, within some 10 eps (1 + |log h_q|).

    Parameters
    ----------
    log_ratio : l < inf; -inf (r = 0) gives -log q, 0 gives -inf.
    order : q in (0, 1e30].
    """
    vanishing = np.isneginf(log_ratio)
    ell = np.where(vanishing, -1.0, log_ratio)
    if order >= 1.0:
        value = _log_above(ell, order)
    elif order > 0.5:
        value = _log_below(-ell, 1.0 - order, ell)
    else:
        value = _log_below(ell, order, np.zeros_like(ell))
    return np.where(vanishing, -math.log(order), value)


def _log_square(ell: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(2.0 * np.log(np.abs(ell)))


def _log_above(ell: FloatArray, order: float) -> FloatArray:
    """Return log h_q for q >= 1; below l = -1 as log(1 - r + l r + (q - 1) r l^2 phi), where r l^2 may underflow."""
    low = ell < -1.0
    inner = np.where(low, 1.0, ell)
    bracket = _log_phi(-inner)
    if order > 1.0:
        bracket = np.logaddexp(bracket, math.log(order - 1.0) + _log_phi((order - 1.0) * inner))
    left = np.where(low, ell, -1.0)
    rest = 1.0 + (left - 1.0 + (order - 1.0) * left**2 * _phi((order - 1.0) * left)) * np.exp(left)
    return np.asarray(np.where(low, np.log(rest), inner + _log_square(inner) + bracket) - math.log(order))


def _log_below(ell: FloatArray, order: float, shift: FloatArray) -> FloatArray:
    """Return shift + log h_q for q <= 1/2, shift = 0 or -l; the differences lose a factor of 7 at most."""
    near, low = np.abs(ell) < 1.0, ell <= -1.0
    inner = np.where(near, ell, 0.0)
    value = _log_square(inner) + np.log(_phi(inner) - order * _phi(order * inner))
    left = np.where(low, ell, -1.0)
    value = np.where(low, np.log(np.expm1(left) - np.expm1(order * left) / order), value) + shift
    right = np.where(near | low, 1.0, ell)
    bracket = np.exp(-(1.0 - order) * right) * np.expm1(-order * right) / order - np.expm1(-right)
    return np.asarray(np.where(near | low, value, (ell + shift) + np.log(bracket)) - math.log1p(-order))
