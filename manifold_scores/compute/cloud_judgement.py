"""Whether sums over the points that were visited are good enough, or which queries take another round."""

from __future__ import annotations

import math

from .borrowing import borrowed
from .cloud_blocks import FIRST, TRACE
from .cloud_products import product_constant
from .cloud_reference import LOG2_E
from .cloud_weights import difference_constant
from .compilation import BoolArray, FloatArray, exact, parallel

__all__ = ["judge", "judge_sums"]

#: Exponentials below 2**-900 are zero to the kernels.
ALL_BITS = 900.0
#: Inner products may change exponents by so many eps: for any query, and times the ratio of the spread of what is
#: weighed to the displacement.
FEW_EPS, MANY_EPS = 8.0, 64.0
_TINY = 2.2250738585072014e-308


@exact
def _norm(values: FloatArray, start: int, stop: int) -> float:
    """Return the Euclidean norm of values[start:stop], which may be as large as 1e150."""
    largest = _TINY
    for k in range(start, stop):
        largest = max(largest, abs(values[k]))
    square, scale = 0.0, 1.0 / largest
    for k in range(start, stop):
        square += (values[k] * scale) ** 2
    return float(largest * math.sqrt(square))


@exact
def _spread(sums: FloatArray, what: int, d: int) -> float:
    """Return the trace of the sums of squares about the mean, from those about the best point."""
    mass = sums[0, 0] if what == TRACE else sums[d, 0]
    trace, first = 0.0, 0.0
    for k in range(d):
        if what == TRACE:
            first += sums[0, 1 + k] ** 2
        else:
            first += sums[k, 0] ** 2
            trace += sums[k, 1 + k]
    if what == TRACE:
        trace = sums[0, 1 + d]
    return float(max(trace - first / mass, 0.0))


@exact
def _too_coarse(
    sums: FloatArray, center: FloatArray, point: FloatArray, rate: float, squared: float, differences: bool
) -> bool:
    """Whether exponents from inner products are not good enough, since what they weigh nearly cancels.

    Or from plain `differences`, if they are used too, with the squared distance of the best point.
    """
    d = center.size
    mass = sums[0]
    mean, apart = _norm(sums, 1, 1 + d) / mass, _norm(sums, 1 + d, 1 + 2 * d) / mass
    spread = math.sqrt(max(sums[1 + 2 * d] / mass - mean * mean, 0.0))
    size = 0.0
    for k in range(d):
        size += abs(point[k]) * (abs(center[k]) + 0.5 * abs(point[k]))
    lost = product_constant(d) * size
    if differences:
        lost = max(lost, difference_constant(d) * 0.5 * squared)
    eps = lost * (2.0 * rate / LOG2_E)
    return bool(eps > FEW_EPS and eps * spread > MANY_EPS * apart)


@exact
def judge(
    what: int,
    sums: FloatArray,
    center: FloatArray,
    point: FloatArray,
    rate: float,
    reference: FloatArray,
    top: float,
    radius: float,
    count: int,
    tolerance: float,
    bits: float,
) -> tuple[bool, float, float, float, float]:
    """Return whether another round is needed and with how many bits; bounds on the mass, |y| and |y - z| left out."""
    d = center.size
    lost = count * 2.0**-bits
    far = math.sqrt(reference[0] + max(bits + top - reference[2], 0.0) / rate)
    reach = min(_norm(center, 0, d) + far, radius)
    coarse = False
    if what == FIRST:
        small = min(_norm(sums[0], 1, 1 + d) / max(reach, _TINY), _norm(sums[0], 1 + d, 1 + 2 * d) / far)
        if reference[6] > 0.0 and _too_coarse(sums[0], center, point, rate, reference[0], reference[6] > 1.0):
            reference[6] = 0.0
            coarse = True
    else:
        small = _spread(sums, what, d) / (far + math.sqrt(reference[0])) ** 2
    allowed = tolerance * small
    if lost > allowed and bits < ALL_BITS:
        missing = math.ceil(math.log2(lost / max(allowed, 1e-290))) + 1.0
        return True, min(bits + max(missing, 1.0), ALL_BITS), lost, reach, far
    return coarse, bits, lost, reach, far


@parallel
def judge_sums(
    first: int,
    last: int,
    what: int,
    sums: FloatArray,
    centers: FloatArray,
    points: FloatArray,
    rates: FloatArray,
    references: FloatArray,
    top: float,
    radius: float,
    count: int,
    tolerance: float,
    bits: FloatArray,
    again: BoolArray,
    lost: FloatArray,
) -> None:
    """Fill `again` (M,) and lost (M, 3), bounds on the sums of w, w |y| and w |y - z| over the points left out.

    With B = bits below the best point, n points left out hold at most n 2^-B of the mass, at a distance from z of at
    most D = sqrt(|y_r - z|^2 + (B + e_max - e_r) 2 s ln 2), since w |y - z| falls with |y - z| from there on.  Where
    that is not below the tolerance of the sums themselves, bits are raised; where inner products are too coarse, the
    references no longer allow them.
    """
    sums, centers, points, references = borrowed((sums, centers, points, references))
    for m in range(first, last):
        again[m], bits[m], mass, reach, far = judge(
            what, sums[m], centers[m], points[m], rates[m], references[m], top, radius, count, tolerance, bits[m]
        )
        lost[m, 0], lost[m, 1], lost[m, 2] = mass, mass * reach, mass * far
