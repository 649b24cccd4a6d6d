"""Loops over queries for the uniform and von Mises-Fisher laws on a sphere."""

from __future__ import annotations

import math

import numpy as np

from . import formulas
from .borrowing import borrowed
from .compilation import FloatArray, exact, parallel
from .quadrature_rules import LEGENDRE_NODES, LEGENDRE_WEIGHTS

_axial_moments = exact(formulas.axial_moments)


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

    Returns |z|, |eta|, (|eta| - kappa)/|eta|, c/|eta| and |eta| - kappa - c.  Differences are taken as quotients,
    such as -kappa c |m - n|^2 / (|eta| + kappa + c): subtracting nearly equal numbers would lose every digit of log Z.
    """
    norm = _unit_and_norm(center, normal)
    kappa = radius * norm / variance
    if norm == 0.0:
        for k in range(direction.size):
            normal[k] = direction[k]
    if concentration == 0.0:
        for k in range(direction.size):
            axis[k] = normal[k]
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
    first: int,
    last: int,
    direction: FloatArray,
    radius: float,
    concentration: float,
    log_constant: float,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
    anchor: FloatArray,
    log_rest: FloatArray,
) -> None:
    """Moments of the von Mises-Fisher law (uniform for concentration 0) on the sphere of `radius`, tilted at (z, s).

    `log_constant` is the first value of `axial_moments` at the concentration itself.  The anchor is the nearest point.
    """
    direction, centers = borrowed((direction, centers))
    dimension = centers.shape[1]
    for m in range(first, last):
        normal, axis = np.empty(dimension), np.empty(dimension)
        norm, eta, excess, concentration_part, gap = _natural_parameter(
            direction, radius, concentration, centers[m], variances[m], normal, axis
        )
        log_integral, versine, ratio, _ = _axial_moments(dimension, eta, LEGENDRE_NODES, LEGENDRE_WEIGHTS)
        distance = norm - radius
        log_rest[m] = gap + (log_integral - log_constant)
        log_mass[m] = log_rest[m] - distance * (distance / (2.0 * variances[m]))
        pull = radius * (ratio * eta)  # R A
        near = versine < 0.5 and radius * norm >= concentration * variances[m]
        for k in range(dimension):
            anchor[m, k] = radius * normal[k]
            mean[m, k] = pull * axis[k]
            if near:
                turned = concentration_part * direction[k] - excess * normal[k]  # axis - normal, without cancellation
                displacement[m, k] = radius * turned - distance * normal[k] - radius * versine * axis[k]
            else:
                displacement[m, k] = pull * axis[k] - centers[m, k]


@parallel
def sphere_second_moments(
    first: int,
    last: int,
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
    direction, centers, axes = borrowed((direction, centers, axes))
    dimension = centers.shape[1]
    for m in range(first, last):
        normal = np.empty(dimension)
        _, eta, _, _, _ = _natural_parameter(
            direction, radius, concentration, centers[m], variances[m], normal, axes[m]
        )
        _, _, ratio, slope = _axial_moments(dimension, eta, LEGENDRE_NODES, LEGENDRE_WEIGHTS)
        along[m] = radius * radius * slope
        across[m] = radius * radius * ratio


def log_axial_integral(dimension: int, concentration: float) -> float:
    """Return log of the integral of exp(-c (1 - u)) over the angle measure, which normalises a sphere law."""
    return float(_axial_moments(dimension, concentration, LEGENDRE_NODES, LEGENDRE_WEIGHTS)[0])
