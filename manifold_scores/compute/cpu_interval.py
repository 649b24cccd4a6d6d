"""Loops over queries for uniform laws on boxes and segments: truncated normals."""

from __future__ import annotations

import math

from . import formulas
from .borrowing import borrowed
from .compilation import FloatArray, exact, parallel
from .error_free import add_pairs, multiply_pairs, sum_error
from .quadrature_rules import LEGENDRE_NODES, LEGENDRE_WEIGHTS

_truncated_normal = exact(formulas.truncated_normal)


@exact
def _interval(lower: float, upper: float, z: float, s: float) -> tuple[float, float, float, float, float, float]:
    """Return log_rest, anchor, |z - anchor|, E[y], E[y - z], Var y of the uniform law on [lower, upper] at (z, s)."""
    below, above = z - lower, upper - z
    length = upper - lower
    if below <= above:
        near, sign, from_near, to_far = lower, 1.0, below, above
    else:
        near, sign, from_near, to_far = upper, -1.0, above, below
    log_rest, at_end, shift, inside, variance = _truncated_normal(
        from_near, to_far, length, s, LEGENDRE_NODES, LEGENDRE_WEIGHTS
    )
    # The mean is measured from whichever of z and the near end is closer: then nothing larger cancels.
    mean = near + sign * inside if inside < abs(shift) else z + sign * shift
    anchor = near if at_end else z
    return log_rest, anchor, from_near if at_end else 0.0, mean, sign * shift, variance


@parallel
def box_first_moments(
    first: int,
    last: int,
    lower: FloatArray,
    upper: FloatArray,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
    anchor: FloatArray,
    log_rest: FloatArray,
) -> None:
    """Uniform law on a box, one truncated normal per coordinate; sums over coordinates are compensated."""
    for m in range(first, last):
        rest, rest_low, off, off_low = 0.0, 0.0, 0.0, 0.0
        for k in range(lower.size):
            part, anchor[m, k], distance, mean[m, k], displacement[m, k], _ = _interval(
                lower[k], upper[k], centers[m, k], variances[m]
            )
            rest, rest_low = add_pairs(rest, rest_low, part, 0.0)
            off, off_low = add_pairs(off, off_low, distance * (distance / (2.0 * variances[m])), 0.0)
        log_rest[m] = rest + rest_low
        total, total_low = add_pairs(rest, rest_low, -off, -off_low)
        log_mass[m] = total + total_low


@parallel
def box_variances(
    first: int,
    last: int,
    lower: FloatArray,
    upper: FloatArray,
    centers: FloatArray,
    variances: FloatArray,
    out: FloatArray,
) -> None:
    """Variance of each coordinate (the covariance of a box is diagonal)."""
    for m in range(first, last):
        for k in range(lower.size):
            _, _, _, _, _, out[m, k] = _interval(lower[k], upper[k], centers[m, k], variances[m])


@exact
def _difference(a: float, b: float) -> tuple[float, float]:
    """Return a - b exactly, as a double-double."""
    high = a - b
    return high, sum_error(a, -b, high)


@exact
def _along_segment(start: FloatArray, end: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray, float, float]:
    """Return the end nearer to z, the other one, and <z - near, far - near>/|far - near|^2 as a double-double.

    With z on a long segment the part of z normal to it vanishes by cancellation, and its rounding error, squared over
    2s, would be all there is: so the foot of z is found in double-double arithmetic.
    """
    # By the side of the midpoint: from far away the squared distances to both ends round to one number.
    beyond = 0.0
    for k in range(z.size):
        beyond += ((z[k] - start[k]) + (z[k] - end[k])) * (end[k] - start[k])
    near, far = (start, end) if beyond <= 0.0 else (end, start)
    inner, inner_low, square, square_low = 0.0, 0.0, 0.0, 0.0
    for k in range(z.size):
        side, side_low = _difference(far[k], near[k])
        offset, offset_low = _difference(z[k], near[k])
        part, part_low = multiply_pairs(offset, offset_low, side, side_low)
        inner, inner_low = add_pairs(inner, inner_low, part, part_low)
        part, part_low = multiply_pairs(side, side_low, side, side_low)
        square, square_low = add_pairs(square, square_low, part, part_low)
    fraction = inner / square
    covered, covered_low = multiply_pairs(fraction, 0.0, square, square_low)
    left, left_low = add_pairs(inner, inner_low, -covered, -covered_low)
    return near, far, fraction, (left + left_low) / square


@parallel
def segment_first_moments(
    first: int,
    last: int,
    start: FloatArray,
    end: FloatArray,
    length: float,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
    anchor: FloatArray,
    log_rest: FloatArray,
) -> None:
    """Uniform law on the segment from start to end."""
    start, end, centers = borrowed((start, end, centers))
    for m in range(first, last):
        near, far, fraction, fraction_low = _along_segment(start, end, centers[m])
        from_near = length * fraction
        log_rest[m], at_end, shift, inside, _ = _truncated_normal(
            from_near, length - from_near, length, variances[m], LEGENDRE_NODES, LEGENDRE_WEIGHTS
        )
        square = 0.0
        for k in range(start.size):
            side, side_low = _difference(far[k], near[k])
            foot, foot_low = multiply_pairs(fraction, fraction_low, side, side_low)
            offset, offset_low = _difference(centers[m, k], near[k])
            normal, _ = add_pairs(offset, offset_low, -foot, -foot_low)
            square += normal * normal
            displacement[m, k] = shift * (side / length) - normal
            anchor[m, k] = near[k] if at_end else near[k] + foot
        anchored = inside < math.hypot(shift, math.sqrt(square))
        for k in range(start.size):
            if anchored:
                mean[m, k] = near[k] + inside * ((far[k] - near[k]) / length)
            else:
                mean[m, k] = centers[m, k] + displacement[m, k]
        if at_end:
            square += from_near * from_near
        log_mass[m] = log_rest[m] - 0.5 * (square / variances[m])


@parallel
def segment_variances(
    first: int,
    last: int,
    start: FloatArray,
    end: FloatArray,
    length: float,
    centers: FloatArray,
    variances: FloatArray,
    out: FloatArray,
) -> None:
    """Variance along the segment."""
    start, end, centers = borrowed((start, end, centers))
    for m in range(first, last):
        _, _, fraction, _ = _along_segment(start, end, centers[m])
        from_near = length * fraction
        _, _, _, _, out[m] = _truncated_normal(
            from_near, length - from_near, length, variances[m], LEGENDRE_NODES, LEGENDRE_WEIGHTS
        )
