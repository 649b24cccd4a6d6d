"""Loop over queries for Gaussian measures in their eigenbasis."""

from __future__ import annotations

import math

import numpy as np

from .borrowing import borrowed
from .compilation import FloatArray, exact, parallel


@exact
def _off_range(axes: FloatArray, vector: FloatArray) -> FloatArray:
    """Return the part of vector orthogonal to the axes (rows)."""
    outside = vector.copy()
    for r in range(axes.shape[0]):
        along = 0.0
        for k in range(vector.size):
            along += axes[r, k] * vector[k]
        for k in range(vector.size):
            outside[k] -= axes[r, k] * along
    return outside


@exact
def _refine(
    covariance: FloatArray,
    axes: FloatArray,
    eigenvalues: FloatArray,
    offset: FloatArray,
    s: float,
    displacement: FloatArray,
    residual: FloatArray,
) -> None:
    """Refine the solution of (covariance/s + I) displacement = -offset until it stops changing, four times at most.

    The axes are accurate to eps in norm.  For a graded covariance (correlated coordinates of very different scales)
    that is not enough; the residual, taken with the covariance itself, restores the accuracy of its entries.
    """
    for _ in range(4):
        for k in range(offset.size):
            product = 0.0
            for other in range(offset.size):
                product += covariance[k, other] * displacement[other]
            residual[k] = -(offset[k] + displacement[k]) - product / s
        before = displacement.copy()
        for r in range(eigenvalues.size):
            along = 0.0
            for k in range(offset.size):
                along += axes[r, k] * residual[k]
            along /= eigenvalues[r] / s + 1.0
            for k in range(offset.size):
                displacement[k] += axes[r, k] * along
        if np.max(np.abs(displacement - before)) <= 2.0**-52 * np.max(np.abs(displacement)):
            break


@parallel
def gaussian_first_moments(
    first: int,
    last: int,
    covariance: FloatArray,
    axes: FloatArray,
    eigenvalues: FloatArray,
    mean_0: FloatArray,
    centers: FloatArray,
    variances: FloatArray,
    log_mass: FloatArray,
    mean: FloatArray,
    displacement: FloatArray,
    log_rest: FloatArray,
) -> None:
    """Moments of N(mean_0, covariance) tilted at (z, s).

    covariance = axes^T diag(eigenvalues) axes with axes (r, d), orthonormal rows, and eigenvalues (r,) positive.

    With w = lambda / (lambda + s) the mean is the convex combination w z + (1 - w) mean_0 along each axis, plus mean_0
    off the range, and the displacement -(1 - w)(z - mean_0) minus the part of z - mean_0 off the range: no term is a
    difference of larger ones.  The anchor is the mean, for which log_rest = log Z + |displacement|^2/2s is a sum of
    terms of one sign too.
    """
    covariance, axes, centers, displacement = borrowed((covariance, axes, centers, displacement))
    rank, dimension = axes.shape
    definite = rank == np.count_nonzero(np.diag(covariance))  # but for coordinates that do not vary at all
    for m in range(first, last):
        s = variances[m]
        offset = centers[m] - mean_0
        exponent, bent = 0.0, 0.0
        if rank < dimension:
            base, outside = _off_range(axes, mean_0), _off_range(axes, offset)
            for k in range(dimension):
                exponent += outside[k] * (outside[k] / s)
        else:
            base, outside = np.zeros(dimension), np.zeros(dimension)
        for k in range(dimension):
            mean[m, k], displacement[m, k] = base[k], -outside[k]
        log_determinant = 0.0
        for r in range(rank):
            total = eigenvalues[r] + s
            along, along_center, along_mean = 0.0, 0.0, 0.0
            for k in range(dimension):
                along += axes[r, k] * offset[k]
                along_center += axes[r, k] * centers[m, k]
                along_mean += axes[r, k] * mean_0[k]
            exponent += along * (along / total)
            bent += eigenvalues[r] * (along / total) ** 2
            log_determinant += math.log1p(eigenvalues[r] / s)
            pulled = (eigenvalues[r] / total) * along_center + (s / total) * along_mean
            moved = (s / total) * along
            for k in range(dimension):
                mean[m, k] += axes[r, k] * pulled
                displacement[m, k] -= axes[r, k] * moved
        if definite:
            _refine(covariance, axes, eigenvalues, offset, s, displacement[m], outside)
        log_mass[m] = -0.5 * (log_determinant + exponent)
        log_rest[m] = -0.5 * (log_determinant + bent)
