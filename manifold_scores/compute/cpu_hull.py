"""Orthonormal bases of the span of points, in an order of operations that does not depend on the number of threads."""

from __future__ import annotations

import math

import numpy as np

from .borrowing import borrowed
from .compilation import FloatArray, exact, parallel, reduction
from .threads import spread

#: Sweeps of Jacobi's method; convergence is quadratic and takes six to ten.
SWEEPS = 30


@reduction
def dot(left: FloatArray, right: FloatArray) -> float:
    """Return the sum of left[k] right[k]."""
    total = 0.0
    for k in range(left.size):
        total += left[k] * right[k]
    return total


@exact
def _subtract(row: FloatArray, direction: FloatArray) -> None:
    along = dot(row, direction)
    for k in range(row.size):
        row[k] -= along * direction[k]


@parallel
def _deflate(first: int, last: int, rows: FloatArray, direction: FloatArray, squares: FloatArray) -> None:
    rows, direction = borrowed((rows, direction))
    for i in range(first, last):
        _subtract(rows[i], direction)
        squares[i] = dot(rows[i], rows[i])


@exact
def _next_direction(rows: FloatArray, squares: FloatArray, basis: FloatArray, rank: int, tolerance: float) -> bool:
    """Write the direction of the longest row to basis[rank]; return whether it is longer than the tolerance."""
    longest = int(np.argmax(squares))
    if math.sqrt(squares[longest]) <= tolerance:
        return False
    direction = basis[rank]
    length = math.sqrt(squares[longest])
    for k in range(direction.size):
        direction[k] = rows[longest, k] / length
    for _ in range(2):  # twice is enough (Kahan, Parlett)
        for other in range(rank):
            _subtract(direction, basis[other])
        direction /= math.sqrt(dot(direction, direction))
    return True


def span(points: FloatArray, tolerance: float) -> FloatArray:
    """Return an orthonormal basis (r, d) of the points (N, d), directions shorter than the tolerance left out.

    Gram-Schmidt with pivoting: the next direction is that of the point farthest from the span so far.
    """
    rows = points.copy()
    squares = (rows * rows).sum(axis=1)
    basis = np.empty((min(rows.shape), rows.shape[1]))
    rank = 0
    while rank < len(basis) and _next_direction(rows, squares, basis, rank, tolerance):
        spread(_deflate, len(rows), rows, basis[rank], squares, grain=1024)
        rank += 1
    return basis[:rank].copy()


@exact
def principal_axes(columns: FloatArray) -> None:
    """Rotate the columns (N, k) in place so that they are orthogonal, longest first (one-sided Jacobi)."""
    count = columns.shape[1]
    work = columns.T.copy()
    for _ in range(SWEEPS):
        largest = 0.0
        for p in range(count):
            for q in range(p + 1, count):
                left, right, mixed = dot(work[p], work[p]), dot(work[q], work[q]), dot(work[p], work[q])
                if abs(mixed) <= 1e-15 * math.sqrt(left * right):
                    continue
                largest = max(largest, abs(mixed) / math.sqrt(left * right))
                ratio = (right - left) / (2.0 * mixed)
                tangent = math.copysign(1.0, ratio) / (abs(ratio) + math.sqrt(1.0 + ratio * ratio))
                cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
                sine = cosine * tangent
                for i in range(work.shape[1]):
                    first, second = work[p, i], work[q, i]
                    work[p, i] = cosine * first - sine * second
                    work[q, i] = sine * first + cosine * second
        if largest < 1e-13:
            break
    squares = np.empty(count)
    for p in range(count):
        squares[p] = -dot(work[p], work[p])
    order = np.argsort(squares)
    for p in range(count):
        for k in range(columns.shape[0]):
            columns[k, p] = work[order[p], k]
