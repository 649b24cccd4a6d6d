"""Vectors and small matrices of mpmath numbers as plain lists; numpy object arrays would be no faster."""

import numpy as np
from mpmath import mp, mpf

DIGITS = 130
"""Working precision in decimal digits: 50 for the result, 50 for the step of difference quotients, 30 in reserve."""


def exact(values):
    """Float64 numbers of any shape (or mpmath numbers) as nested lists of mpf; nothing is rounded."""
    if isinstance(values, mpf):
        return values
    if isinstance(values, (list, tuple)):
        return [exact(value) for value in values]
    array = np.asarray(values, dtype=np.float64)
    return mpf(float(array)) if array.ndim == 0 else [exact(row) for row in array.tolist()]


def floats(values):
    """Nested lists of mpf, rounded once to float64."""
    return np.array([floats(value) for value in values]) if isinstance(values, list) else float(values)


def add(a, b):
    """Sum of two vectors."""
    return [p + q for p, q in zip(a, b, strict=True)]


def subtract(a, b):
    """Difference of two vectors."""
    return [p - q for p, q in zip(a, b, strict=True)]


def scale(factor, a):
    """Multiple of a vector."""
    return [factor * p for p in a]


def dot(a, b):
    """Inner product of two vectors, rounded once."""
    return mp.fdot(zip(a, b, strict=True))


def norm(a):
    """Euclidean length of a vector."""
    return mp.sqrt(dot(a, a))


def outer(a, b):
    """Matrix of the products a_i b_j."""
    return [[p * q for q in b] for p in a]


def identity(n, factor=1):
    """Multiple of the n x n identity matrix."""
    return [[mpf(factor) if i == j else mpf(0) for j in range(n)] for i in range(n)]


def add_matrices(a, b):
    """Sum of two matrices."""
    return [add(p, q) for p, q in zip(a, b, strict=True)]


def scale_matrix(factor, a):
    """Multiple of a matrix."""
    return [scale(factor, row) for row in a]


def trace(a):
    """Sum of the diagonal entries."""
    return mp.fsum(a[i][i] for i in range(len(a)))


def transpose(a):
    """Rows become columns."""
    return [list(column) for column in zip(*a, strict=True)]


def multiply(a, b):
    """Matrix product."""
    columns = transpose(b)
    return [[dot(row, column) for column in columns] for row in a]


def apply(a, v):
    """Matrix times vector."""
    return [dot(row, v) for row in a]


def unit(n, i, h=1):
    """The vector h e_i in R^n."""
    return [mpf(h) if j == i else mpf(0) for j in range(n)]


def moved(a, i, h):
    """The vector a + h e_i."""
    return [value + h if j == i else value for j, value in enumerate(a)]


def magnitude(x):
    """Decimal digits before the point of |x|, 0 for |x| <= 1 (never negative)."""
    return max(0, int(mp.log10(abs(x))) + 1) if abs(x) > 1 else 0


def working_digits(center, variance):
    """Digits that the tilted moments at this centre and variance need.

    Exponents have the size |z|^2/s, and for large s a mean of size 1 is left after the cancellation of terms of size
    s; variances cancel once more, hence three times the digits of s and twice those of z.
    """
    with mp.workdps(20):
        return DIGITS + 3 * (magnitude(variance) + magnitude(1 / variance)) + 2 * magnitude(norm(center))
