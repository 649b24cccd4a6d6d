"""References that share nothing with the package: direct sums in extended precision, over every point that counts."""

from __future__ import annotations

import numpy as np

from .workloads import Array, Workload

#: Points whose exponent is this far below the largest one weigh less than 1e-52 together, for up to 1e8 points.
_COUNTS = 140.0
_ROWS = 2**22


def displacements(work: Workload) -> Array:
    """Return E[y] - z (M, d) in extended precision (64 bits of mantissa on x86) from differences and their squares."""
    return np.stack([_moments(work.points, z, work.variance)[0] for z in work.queries])


def covariances(work: Workload) -> Array:
    """Return Cov[y] (M, d, d) in extended precision."""
    return np.stack([_moments(work.points, z, work.variance, second=True)[1] for z in work.queries])


def log_masses(work: Workload) -> Array:
    """Return log of the mean of exp(-|y - z|^2/2s), (M,)."""
    found = []
    for z in work.queries:
        exponents, _ = _exponents(work.points, z, work.variance)
        top = exponents.max()
        found.append(top + np.log(np.exp(exponents - top).sum()) - np.log(np.longdouble(len(work.points))))
    return np.array(found)


def _exponents(points: Array, z: Array, s: float) -> tuple[Array, Array]:
    squares = np.empty(len(points))
    for start in range(0, len(points), _ROWS):
        apart = points[start : start + _ROWS] - z
        squares[start : start + _ROWS] = np.einsum("ik,ik->i", apart, apart)
    near = points[squares <= squares.min() + 2.0 * s * _COUNTS * (1.0 + 1e-12 * squares.min() / s)]
    apart = near.astype(np.longdouble) - z
    return -(apart * apart).sum(axis=1) / (2.0 * np.longdouble(s)), apart


def _moments(points: Array, z: Array, s: float, second: bool = False) -> tuple[Array, Array]:
    exponents, apart = _exponents(points, z, s)
    weights = np.exp(exponents - exponents.max())
    weights /= weights.sum()
    mean = weights @ apart
    if not second:
        return mean, mean
    centred = apart - mean
    return mean, (centred * weights[:, None]).T @ centred


def relative_errors(found: Array, expected: Array) -> Array:
    """Return |found - expected| / |expected| row by row, (M,)."""
    axes = tuple(range(1, expected.ndim))
    wrong = np.sqrt(((found.astype(np.longdouble) - expected) ** 2).sum(axis=axes))
    return np.asarray(wrong / np.sqrt((expected**2).sum(axis=axes)), dtype=np.float64)
