"""Loops over queries for the measures with closed forms: Gaussian, sphere, interval products."""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from . import formulas
from .compilation import FloatArray, exact, parallel
from .quadrature_rules import LEGENDRE_NODES, LEGENDRE_WEIGHTS

_axial_moments = exact(formulas.axial_moments)
_truncated_normal = exact(formulas.truncated_normal)


@parallel
def gaussian_first_moments(
    axes: FloatArray,
    eigenvalues: FloatArray,
    mean_0: FloatArray,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
) -> None:
    """Moments of N(mean_0, axes diag(eigenvalues) axes^T) tilted at (z, s); axes (d, r) orthonormal, eigenvalues > 0.

    With w = lambda / (lambda + s) the mean is the convex combination w z + (1 - w) mean_0 along each axis, plus mean_0
    off the range, and the displacement -(1 - w)(z - mean_0) minus the part of z - mean_0 off the range: no term is a
    difference of larger ones.
    """
    dimension, rank = axes.shape
    for m in prange(centers.shape[0]):
        s = variances[m]
        offset = centers[m] - mean_0
        exponent = 0.0
        if rank < dimension:
            base, outside = mean_0.copy(), offset.copy()
            for r in range(rank):
                along, along_mean = 0.0, 0.0
                for k in range(dimension):
                    along += axes[k, r] * offset[k]
                    along_mean += axes[k, r] * mean_0[k]
                for k in range(dimension):
                    outside[k] -= axes[k, r] * along
                    base[k] -= axes[k, r] * along_mean
            for k in range(dimension):
                exponent += outside[k] * outside[k] / s
        else:
            base, outside = np.zeros(dimension), np.zeros(dimension)
        mean[m] = base
        displacement[m] = -outside
        log_determinant = 0.0
        for r in range(rank):
            total = eigenvalues[r] + s
            along, along_center, along_mean = 0.0, 0.0, 0.0
            for k in range(dimension):
                along += axes[k, r] * offset[k]
                along_center += axes[k, r] * centers[m, k]
                along_mean += axes[k, r] * mean_0[k]
            exponent += along * along / total
            log_determinant += math.log1p(eigenvalues[r] / s)
            pulled = (eigenvalues[r] / total) * along_center + (s / total) * along_mean
            moved = (s / total) * along
            for k in range(dimension):
                mean[m, k] += axes[k, r] * pulled
                displacement[m, k] -= axes[k, r] * moved
        log_mass[m] = -0.5 * (log_determinant + exponent)


@exact
def _unit_and_norm(vector: FloatArray, unit: FloatArray) -> float:
    """Fill unit = vector / |vector| and return |vector|; the zero vector is left as it is."""
    largest = 0.0
    for k in range(vector.size):
        largest = max(largest, abs(vector[k]))
    if largest == 0.0:
        unit[:] = 0.0
        return 0.0
    total = 0.0
    for k in range(vector.size):
        total += (vector[k] / largest) ** 2
    root = math.sqrt(total)
    for k in range(vector.size):
        unit[k] = vector[k] / largest / root
    return largest * root


@exact
def _natural_parameter(
    direction: FloatArray,
    radius: float,
    concentration: float,
    center: FloatArray,
    variance: float,
    normal: FloatArray,
    axis: FloatArray,
) -> tuple[float, float, float, float, float]:
    """Fill normal = z/|z| and axis = eta/|eta|, eta = R z/s + c m.

    Returns |z|, |eta|, (|eta| - kappa)/|eta|, c/|eta| and |eta| - kappa - c.  The differences are taken as quotients, such
    as -kappa c |m - n|^2 / (|eta| + kappa + c): subtracting nearly equal numbers would lose every digit of log Z.
    """
    norm = _unit_and_norm(center, normal)
    kappa = radius * norm / variance
    if norm == 0.0:
        normal[:] = direction
    if concentration == 0.0:
        axis[:] = normal
        return norm, kappa, 0.0, 0.0, 0.0
    scale = max(kappa, concentration)
    kappa_part, c_part = kappa / scale, concentration / scale
    apart, inner = 0.0, 0.0
    for k in range(direction.size):
        axis[k] = kappa_part * normal[k] + c_part * direction[k]
        apart += (direction[k] - normal[k]) ** 2
        inner += direction[k] * normal[k]
    length = _unit_and_norm(axis, axis)
    excess = c_part * (2.0 * kappa_part * inner + c_part) / (length + kappa_part)
    gap = -scale * kappa_part * c_part * apart / (length + kappa_part + c_part)
    if length == 0.0:
        return norm, 0.0, 0.0, 0.0, gap
    return norm, scale * length, excess / length, c_part / length, gap


@parallel
def sphere_first_moments(
    direction: FloatArray,
    radius: float,
    concentration: float,
    log_constant: float,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
) -> None:
    """Moments of the von Mises-Fisher law (uniform for concentration 0) on the sphere of `radius`, tilted at (z, s).

    `log_constant` is the first value of `axial_moments` at the concentration itself.
    """
    dimension = centers.shape[1]
    for m in prange(centers.shape[0]):
        normal, axis = np.empty(dimension), np.empty(dimension)
        norm, eta, excess, concentration_part, gap = _natural_parameter(
            direction, radius, concentration, centers[m], variances[m], normal, axis
        )
        log_integral, versine, ratio, _ = _axial_moments(dimension, eta, LEGENDRE_NODES, LEGENDRE_WEIGHTS)
        distance = norm - radius
        log_mass[m] = gap + (log_integral - log_constant) - distance * (distance / (2.0 * variances[m]))
        pull = radius * (ratio * eta)  # R A
        near = versine < 0.5 and radius * norm >= concentration * variances[m]
        for k in range(dimension):
            mean[m, k] = pull * axis[k]
            if near:
                turned = concentration_part * direction[k] - excess * normal[k]  # axis - normal, without cancellation
                displacement[m, k] = radius * turned - distance * normal[k] - radius * versine * axis[k]
            else:
                displacement[m, k] = pull * axis[k] - centers[m, k]


@parallel
def sphere_second_moments(
    direction: FloatArray,
    radius: float,
    concentration: float,
    centers: FloatArray,
    variances: FloatArray,
    axes: FloatArray,
    along: FloatArray,
    across: FloatArray,
) -> None:
    """Covariance = along * axis axis^T + across * (I - axis axis^T) for every query."""
    dimension = centers.shape[1]
    for m in prange(centers.shape[0]):
        normal = np.empty(dimension)
        _, eta, _, _, _ = _natural_parameter(
            direction, radius, concentration, centers[m], variances[m], normal, axes[m]
        )
        _, _, ratio, slope = _axial_moments(dimension, eta, LEGENDRE_NODES, LEGENDRE_WEIGHTS)
        along[m] = radius * radius * slope
        across[m] = radius * radius * ratio


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


def log_axial_integral(dimension: int, concentration: float) -> float:
    """Return log of the integral of exp(-c (1 - u)) over the angle measure, which normalises a sphere law."""
    return _axial_moments(dimension, concentration, LEGENDRE_NODES, LEGENDRE_WEIGHTS)[0]
