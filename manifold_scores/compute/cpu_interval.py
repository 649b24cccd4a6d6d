"""Loops over queries for uniform laws on boxes and segments: truncated normals."""

from __future__ import annotations

from numba import prange

from . import formulas
from .compilation import FloatArray, exact, parallel
from .quadrature_rules import LEGENDRE_NODES, LEGENDRE_WEIGHTS

_truncated_normal = exact(formulas.truncated_normal)


@exact
def _interval(lower: float, upper: float, z: float, s: float) -> tuple[float, float, float, float]:
    """Return log mass, E[y], E[y - z], Var y of the uniform law on [lower, upper] tilted at (z, s)."""
    below, above = z - lower, upper - z
    length = upper - lower
    if below <= above:
        near, sign, from_near, to_far = lower, 1.0, below, above
    else:
        near, sign, from_near, to_far = upper, -1.0, above, below
    log_mass, shift, inside, variance = _truncated_normal(
        from_near, to_far, length, s, LEGENDRE_NODES, LEGENDRE_WEIGHTS
    )
    # The mean is measured from whichever of z and the near end is closer: then nothing larger cancels.
    mean = near + sign * inside if inside < abs(shift) else z + sign * shift
    return log_mass, mean, sign * shift, variance


@parallel
def box_first_moments(
    lower: FloatArray,
    upper: FloatArray,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
) -> None:
    """Uniform law on a box, one truncated normal per coordinate."""
    for m in prange(centers.shape[0]):
        total = 0.0
        for k in range(lower.size):
            part, mean[m, k], displacement[m, k], _ = _interval(lower[k], upper[k], centers[m, k], variances[m])
            total += part
        log_mass[m] = total


@parallel
def box_variances(
    lower: FloatArray, upper: FloatArray, centers: FloatArray, variances: FloatArray, out: FloatArray
) -> None:
    """Variance of each coordinate (the covariance of a box is diagonal)."""
    for m in prange(centers.shape[0]):
        for k in range(lower.size):
            _, _, _, out[m, k] = _interval(lower[k], upper[k], centers[m, k], variances[m])


@exact
def _along_segment(
    start: FloatArray, direction: FloatArray, end: FloatArray, length: float, z: FloatArray, s: float
) -> tuple[FloatArray, float, float, tuple[float, float, float, float]]:
    """Return (near end, sign of the inward direction, inward coordinate of z, truncated-normal moments)."""
    along_start, along_end, to_start, to_end = 0.0, 0.0, 0.0, 0.0
    for k in range(z.size):
        along_start += (z[k] - start[k]) * direction[k]
        along_end -= (z[k] - end[k]) * direction[k]
        to_start += (z[k] - start[k]) ** 2
        to_end += (z[k] - end[k]) ** 2
    # Measured from the nearer end, where coordinates are small and keep their digits.
    if to_start <= to_end:
        near, sign, from_near = start, 1.0, along_start
    else:
        near, sign, from_near = end, -1.0, along_end
    moments = _truncated_normal(from_near, length - from_near, length, s, LEGENDRE_NODES, LEGENDRE_WEIGHTS)
    return near, sign, from_near, moments


@parallel
def segment_first_moments(
    start: FloatArray,
    direction: FloatArray,
    end: FloatArray,
    length: float,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
) -> None:
    """Uniform law on the segment from start to end = start + length * direction."""
    for m in prange(centers.shape[0]):
        near, sign, from_near, (log_along, shift, inside, _) = _along_segment(
            start, direction, end, length, centers[m], variances[m]
        )
        off, square = 0.0, shift * shift
        for k in range(start.size):
            normal = (centers[m, k] - near[k]) - sign * from_near * direction[k]
            off += normal * (normal / variances[m])
            square += normal * normal
            displacement[m, k] = sign * shift * direction[k] - normal
        for k in range(start.size):
            if inside * inside < square:
                mean[m, k] = near[k] + sign * inside * direction[k]
            else:
                mean[m, k] = centers[m, k] + displacement[m, k]
        log_mass[m] = log_along - 0.5 * off


@parallel
def segment_variances(
    start: FloatArray,
    direction: FloatArray,
    end: FloatArray,
    length: float,
    centers: FloatArray,
    variances: FloatArray,
    out: FloatArray,
) -> None:
    """Variance along the segment."""
    for m in prange(centers.shape[0]):
        _, _, _, (_, _, _, out[m]) = _along_segment(start, direction, end, length, centers[m], variances[m])
