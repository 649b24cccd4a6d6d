"""Polynomials at the nodes of product Gauss-Legendre rules, and sums over them."""

from __future__ import annotations

from .compilation import FloatArray, contracted, exact, reduction
from .legendre import NODES, WEIGHTS


@contracted
def _along_first(c: FloatArray, m1: int, n1: int, out: FloatArray) -> None:
    """Fill `out` with the polynomial c (K1,) at the nodes of the first rule; four steps of Horner's rule at a time."""
    k = m1 - m1 % 4
    c0, c1, c2, c3 = c[k], 0.0, 0.0, 0.0
    if m1 > k:
        c1 = c[k + 1]
    if m1 > k + 1:
        c2 = c[k + 2]
    if m1 > k + 2:
        c3 = c[k + 3]
    for p in range(n1):
        x = NODES[n1, p]
        out[p] = ((c3 * x + c2) * x + c1) * x + c0
    for k in range(m1 - m1 % 4 - 4, -1, -4):
        c0, c1, c2, c3 = c[k], c[k + 1], c[k + 2], c[k + 3]
        for p in range(n1):
            x = NODES[n1, p]
            out[p] = (((out[p] * x + c3) * x + c2) * x + c1) * x + c0


@contracted
def _along_second(rows: FloatArray, m2: int, n1: int, x: float, out: FloatArray) -> None:
    """Fill `out` with sum_j rows[j] x^j; rows up to the next multiple of four are zero."""
    for p in range(n1):
        out[p] = 0.0
    for j in range(m2 - m2 % 4, -1, -4):
        for p in range(n1):
            out[p] = (((out[p] * x + rows[j + 3, p]) * x + rows[j + 2, p]) * x + rows[j + 1, p]) * x + rows[j, p]


@exact
def on_grid(c: FloatArray, m1: int, m2: int, n1: int, n2: int, rows: FloatArray, out: FloatArray) -> None:
    """Fill out[q n1 + p] with the polynomial c (K2, K1) at node p of the first rule and node q of the second."""
    if n2 == 1:
        _along_first(c[0], m1, n1, out)
        return
    for j in range(m2 + 1):
        _along_first(c[j], m1, n1, rows[j])
    for j in range(m2 + 1, m2 + 4 - m2 % 4):
        for p in range(n1):
            rows[j, p] = 0.0
    for q in range(n2):
        _along_second(rows, m2, n1, NODES[n2, q], out[q * n1 : (q + 1) * n1])


@reduction
def add_squares(offsets: FloatArray, count: int, rate: float, phase: FloatArray) -> None:
    """Turn <v, y - y_c> + constant/2 into -rate (|y - z|^2 - |nearest - z|^2)."""
    for q in range(count):
        phase[q] *= 2.0
    for i in range(offsets.shape[0]):
        for q in range(count):
            phase[q] += offsets[i, q] * offsets[i, q]
    for q in range(count):
        phase[q] *= -rate


@contracted
def weigh(weight: FloatArray, power: FloatArray, n1: int, n2: int, h1: float, h2: float) -> None:
    """Multiply weights at the nodes by the weights of the rule on the cell, and by `power`."""
    for q in range(n2):
        factor = h1 if n2 == 1 else h1 * h2 * WEIGHTS[n2, q]
        for p in range(n1):
            weight[q * n1 + p] *= factor * WEIGHTS[n1, p] * power[q * n1 + p]


@reduction
def add_first(weight: FloatArray, offsets: FloatArray, e: FloatArray, count: int, first: FloatArray) -> float:
    """Add the moments of y - nearest point; return the mass."""
    mass = 0.0
    for q in range(count):
        mass += weight[q]
    for i in range(e.size):
        shifted = 0.0
        for q in range(count):
            shifted += weight[q] * offsets[i, q]
        first[i] += mass * e[i] + shifted
    return float(mass)


@reduction
def add_second(weight: FloatArray, offsets: FloatArray, e: FloatArray, count: int, second: FloatArray) -> None:
    """Add the second moments of y - nearest point (lower triangle); changes `offsets`."""
    for i in range(e.size):
        for q in range(count):
            offsets[i, q] += e[i]
    for i in range(e.size):
        for j in range(i + 1):
            total = 0.0
            for q in range(count):
                total += weight[q] * offsets[i, q] * offsets[j, q]
            second[i, j] += total
