"""The normalised Bessel function of a sphere in R^k and its logarithmic derivatives, at any size of the argument.

    G_k(x) = Gamma(k/2) (2/x)^(k/2-1) exp(-x) I_{k/2-1}(x),    A_k(x) = I_{k/2}(x) / I_{k/2-1}(x)

so that log G_k' = A_k - 1 and A_k' = 1 - A_k^2 - (k-1) A_k / x. Two routes: the power series, all of whose terms are
positive, and Hankel's asymptotic series, whose truncation is of the order exp(-2x + k^2 / 4x) and whose own
cancellation, of k^2 / 4x in the exponent, is met by more digits.
"""

from typing import NamedTuple

from mpmath import mp, mpf

from .arithmetic import magnitude

SAME_POINT = 30
"""Arguments that agree to this many digits are reached from one another by Taylor's formula (remainder 1e-90)."""

_known = {}


class BesselValue(NamedTuple):
    """log G_k, A_k / x (finite at 0) and A_k' at x."""

    log_g: mpf
    ratio: mpf
    slope: mpf


def sphere_bessel(k, x):
    """log G_k(x), A_k(x)/x and A_k'(x) for x >= 0."""
    if x == 0:
        return BesselValue(mpf(0), mpf(1) / k, mpf(1) / k)
    # Near 0 the slope 1 - A^2 - (k-1) A/x loses no digits, as A/x -> 1/k; far out it loses two per decade of x.
    with mp.extradps(3 * magnitude(x) + 20):
        key = (k, mp.nstr(x, SAME_POINT), mp.prec)
        if key not in _known:
            _known[key] = (+x, *_expand(k, x))
        x0, log_g, a = _known[key]
        h = x - x0
        if h:
            first = 1 - a * a - (k - 1) * a / x0
            second = -2 * a * first - (k - 1) * (first * x0 - a) / (x0 * x0)
            log_g += h * ((a - 1) + h * (first / 2 + h * second / 6))
            a += h * (first + h * second / 2)
        slope = 1 - a * a - (k - 1) * a / x
        ratio = a / x
    return BesselValue(+log_g, +ratio, +slope)


def _expand(k, x):
    """log G_k(x) and A_k(x)."""
    order = mpf(k) / 2 - 1
    lost = int(mp.log10(mp.e) * (order + 1) ** 2 / x) if x > 1 else 10**9
    if 2 * x * mp.log10(mp.e) > mp.dps + 3 * lost + 20:
        with mp.extradps(lost + 10):
            low, high = _hankel(order, x), _hankel(order + 1, x)
            log_g = mp.loggamma(order + 1) + order * mp.log(2 / x) + mp.log(low / mp.sqrt(2 * mp.pi * x))
            return log_g, high / low
    low, high = _series(k, x), _series(k + 2, x)
    return mp.log(low) - x, x / k * high / low


def _series(k, x):
    """0F1(k/2; x^2/4): the sum of x^{2j} / (2 4 ... 2j) / (k (k+2) ... (k+2j-2))."""
    square = x * x
    total = term = mpf(1)
    j = 0
    # Beyond the turning point the terms fall at least geometrically, with ratio below 1/2.
    while not (2 * square < (2 * j + 2) * (k + 2 * j) and term < total * mp.eps):
        term = term * square / ((2 * j + 2) * (k + 2 * j))
        total += term
        j += 1
    return total


def _hankel(order, x):
    """sqrt(2 pi x) exp(-x) I_order(x) up to a relative error of the order of exp(-2x)."""
    total = term = mpf(1)
    j = 0
    four_square = 4 * order * order
    while term and abs(term) > mp.eps * abs(total) * mpf(2) ** -20:
        j += 1
        term = -term * (four_square - (2 * j - 1) ** 2) / (8 * j * x)
        total += term
        if j > 4 * x + 100:
            raise ArithmeticError(f"the asymptotic series at order {order}, argument {mp.nstr(x, 5)} does not settle")
    return total
