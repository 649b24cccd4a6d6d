"""Piecewise polynomial manifolds in compiled code: values, exact positions, Taylor expansions, bounds on squared distances.

A panel is a polynomial y(xi) = sum_kl a_kl xi_1^k xi_2^l on [-1, 1]^m (m = 1: l = 0).  For a center z its squared distance

    |y(xi) - z|^2 = |a_00 - z|^2 + P(xi),    P = |D|^2 + 2 <a_00 - z, D>,    D = y - a_00,

is a polynomial too.  The coefficients of |D|^2 ("gram") are known beforehand, so that P costs one product with z for each
panel, and everything a search asks about pieces of the panel ("cells") is then independent of the ambient dimension.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .compilation import FloatArray, IntArray, contracted, exact
from .error_free import product_error, sum_error


class Patches(NamedTuple):
    """Arrays of `panels.Panels` as the kernels take them.

    coefficients (P, c, K1, K2); gram (P, 2 K1 - 1, 2 K2 - 1); degrees (P, 2); open_ends (P, 2, 2): 1 where a side of the
    panel is boundary of the manifold; center (T, r), radius (T,), child (T, 2), panel (T,): the tree; magnitude (1,): the
    largest |y|.
    """

    coefficients: FloatArray
    gram: FloatArray
    degrees: IntArray
    open_ends: IntArray
    center: FloatArray
    radius: FloatArray
    child: IntArray
    panel: IntArray
    magnitude: FloatArray


class Cell(NamedTuple):
    """P on a cell a + h tau, |tau| <= 1, to second order in tau, and a bound on the rest."""

    value: float
    g1: float
    g2: float
    h11: float
    h12: float
    h22: float
    rest: float


@contracted
def squared_distance(patches: Patches, panel: int, z: FloatArray, out: FloatArray) -> None:
    """Fill `out` with the coefficients of P on a panel."""
    n1, n2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
    gram, coefficients = patches.gram[panel], patches.coefficients[panel]
    for k in range(2 * n1 + 1):
        for j in range(2 * n2 + 1):
            out[k, j] = gram[k, j]
    for i in range(z.size):
        v = 2.0 * (coefficients[i, 0, 0] - z[i])
        for k in range(n1 + 1):
            for j in range(n2 + 1):
                out[k, j] += v * coefficients[i, k, j]
    # The constant of P is zero; what the line above put there belongs to |a_00 - z|^2.
    out[0, 0] = 0.0


@contracted
def third_derivatives(p: FloatArray, n1: int, n2: int) -> tuple[float, float, float, float]:
    """Return bounds on |P_111|, |P_112|, |P_122|, |P_222| over the panel: sums of coefficients."""
    b1, b2, b3, b4 = 0.0, 0.0, 0.0, 0.0
    for k in range(2 * n1 + 1):
        for j in range(2 * n2 + 1):
            size = abs(p[k, j])
            b1 += size * (k * (k - 1) * (k - 2))
            b2 += size * (k * (k - 1) * j)
            b3 += size * (k * j * (j - 1))
            b4 += size * (j * (j - 1) * (j - 2))
    return b1, b2, b3, b4


@contracted
def expand(
    p: FloatArray, n1: int, n2: int, thirds: tuple[float, float, float, float], a: float, b: float, h1: float, h2: float
) -> Cell:
    """Expand P about (a, b) in the coordinates of the cell with half widths h1, h2."""
    value, d1, d11, d2, d12, d22 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if n2 == 0:
        for k in range(2 * n1, -1, -1):
            d11 = d11 * a + d1
            d1 = d1 * a + value
            value = value * a + p[k, 0]
    else:
        for k in range(2 * n1, -1, -1):
            inner, inner1, inner11 = 0.0, 0.0, 0.0
            for j in range(2 * n2, -1, -1):
                inner11 = inner11 * b + inner1
                inner1 = inner1 * b + inner
                inner = inner * b + p[k, j]
            d11 = d11 * a + d1
            d1 = d1 * a + value
            value = value * a + inner
            d12 = d12 * a + d2
            d2 = d2 * a + inner1
            d22 = d22 * a + inner11
    b1, b2, b3, b4 = thirds
    rest = (b1 * h1 * h1 * h1 + 3.0 * b2 * h1 * h1 * h2 + 3.0 * b3 * h1 * h2 * h2 + b4 * h2 * h2 * h2) / 6.0
    return Cell(value, d1 * h1, d2 * h2, 2.0 * d11 * h1 * h1, d12 * h1 * h2, 2.0 * d22 * h2 * h2, rest)


@contracted
def _parabola_minimum(slope: float, curvature: float) -> float:
    """Return the minimum over [-1, 1] of slope t + curvature t^2/2."""
    if curvature > abs(slope):
        return -0.5 * slope * slope / curvature
    return 0.5 * curvature - abs(slope)


@contracted
def cell_minimum(cell: Cell) -> float:
    """Return the minimum over the cell of the quadratic part, without its value at the center."""
    if cell.g2 == 0.0 and cell.h12 == 0.0 and cell.h22 == 0.0:
        return _parabola_minimum(cell.g1, cell.h11)
    determinant = cell.h11 * cell.h22 - cell.h12 * cell.h12
    if determinant > 0.0 and cell.h11 > 0.0:
        t1 = (cell.h12 * cell.g2 - cell.h22 * cell.g1) / determinant
        t2 = (cell.h12 * cell.g1 - cell.h11 * cell.g2) / determinant
        if abs(t1) <= 1.0 and abs(t2) <= 1.0:
            return 0.5 * (cell.g1 * t1 + cell.g2 * t2)
    # Otherwise the minimum of a quadratic is on an edge.
    low = 0.5 * cell.h11 + min(
        -cell.g1 + _parabola_minimum(cell.g2 - cell.h12, cell.h22),
        cell.g1 + _parabola_minimum(cell.g2 + cell.h12, cell.h22),
    )
    high = 0.5 * cell.h22 + min(
        -cell.g2 + _parabola_minimum(cell.g1 - cell.h12, cell.h11),
        cell.g2 + _parabola_minimum(cell.g1 + cell.h12, cell.h11),
    )
    return min(low, high)


@contracted
def position(coefficients: FloatArray, n1: int, n2: int, a: float, b: float, out: FloatArray) -> None:
    """Fill `out` (r,) with y(a, b) on the panel with these coefficients (r or more, K1, K2) and degrees."""
    for i in range(out.size):
        total = 0.0
        for k in range(n1, -1, -1):
            inner = 0.0
            for j in range(n2, -1, -1):
                inner = inner * b + coefficients[i, k, j]
            total = total * a + inner
        out[i] = total


@exact
def _horner(c: FloatArray, n1: int, n2: int, a: float, b: float, axis: int) -> tuple[float, float]:
    """Return the polynomial (axis = -1) or a first derivative of it (axis = 0, 1) at (a, b) as a double-double.

    Compensated Horner (Graillat, Langlois, Louvet 2009): the rounding errors of the recurrence obey one themselves.
    """
    total, error = 0.0, 0.0
    for k in range(n1, -1 if axis != 0 else 0, -1):
        inner, inner_error = 0.0, 0.0
        for j in range(n2, -1 if axis != 1 else 0, -1):
            factor = 1.0
            if axis == 0:
                factor = float(k)
            elif axis == 1:
                factor = float(j)
            term = factor * c[k, j]
            product = inner * b
            added = product + term
            inner_error = inner_error * b + (
                product_error(inner, b, product)
                + sum_error(product, term, added)
                + product_error(factor, c[k, j], term)
            )
            inner = added
        product = total * a
        added = product + inner
        error = error * a + (product_error(total, a, product) + sum_error(product, inner, added) + inner_error)
        total = added
    high = total + error
    return high, error - (high - total)


@exact
def exact_position(
    coefficients: FloatArray, n1: int, n2: int, a: float, b: float, axis: int, high: FloatArray, low: FloatArray
) -> None:
    """Fill (high, low) with y(a, b), or its derivative with respect to xi_1 or xi_2 (axis = 0, 1), as double-doubles."""
    for i in range(high.size):
        high[i], low[i] = _horner(coefficients[i], n1, n2, a, b, axis)


@contracted
def shift(c: FloatArray, n1: int, n2: int, a: float, b: float, h1: float, h2: float, out: FloatArray) -> None:
    """Fill `out` with the coefficients of the polynomials c in tau, xi = (a + h1 tau_1, b + h2 tau_2)."""
    for i in range(c.shape[0]):
        for k in range(n1 + 1):
            for j in range(n2 + 1):
                out[i, k, j] = c[i, k, j]
            for start in range(n2):
                for j in range(n2 - 1, start - 1, -1):
                    out[i, k, j] += b * out[i, k, j + 1]
        for start in range(n1):
            for k in range(n1 - 1, start - 1, -1):
                for j in range(n2 + 1):
                    out[i, k, j] += a * out[i, k + 1, j]
        power = 1.0
        for k in range(n1 + 1):
            scale = power
            for j in range(n2 + 1):
                out[i, k, j] *= scale
                scale *= h2
            power *= h1


@contracted
def norm(v: FloatArray) -> float:
    """Return |v|."""
    total = 0.0
    for i in range(v.size):
        total += v[i] * v[i]
    return math.sqrt(total)


@exact
def halve(cells: FloatArray, at: int, axis: int) -> None:
    """Replace the cell (a, b, h1, h2) in a row by its halves, in this row and the next."""
    half = 0.5 * cells[at, 2 + axis]
    cells[at, 2 + axis] = half
    cells[at + 1] = cells[at]
    cells[at, axis] -= half
    cells[at + 1, axis] += half


def patches(
    coefficients: FloatArray, positions: int, degrees: IntArray, open_ends: IntArray, tree: tuple[Any, Any, Any, Any]
) -> Patches:
    """Return the arrays of the kernels; `tree` is (center, radius, child, panel)."""
    count, _, k1, k2 = coefficients.shape
    moving = coefficients[:, :positions].copy()
    moving[:, :, 0, 0] = 0.0
    gram = np.zeros((count, 2 * k1 - 1, 2 * k2 - 1))
    for k in range(k1):
        for j in range(k2):
            gram[:, k : k + k1, j : j + k2] += np.einsum("pi,pikj->pkj", moving[:, :, k, j], moving)
    center, radius, child, panel = tree
    magnitude = np.array([np.linalg.norm(center, axis=1)[panel >= 0].max() + radius[panel >= 0].max()])
    return Patches(coefficients, gram, degrees, open_ends, center, radius, child, panel, magnitude)
