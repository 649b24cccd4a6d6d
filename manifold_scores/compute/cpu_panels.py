"""Piecewise polynomial manifolds in compiled code: positions, Taylor expansions, bounds on squared distances.

A panel is a polynomial y(xi) = sum_kl a_kl xi_1^k xi_2^l on [-1, 1]^m (m = 1: l = 0).  For a center z its squared
distance

    |y(xi) - z|^2 = |a_00 - z|^2 + P(xi),    P = |D|^2 + 2 <a_00 - z, D>,    D = y - a_00,

is a polynomial too.  The coefficients of |D|^2 ("gram") are known beforehand, so that P costs one product with z for
each panel, and everything a search asks about pieces of the panel ("cells") is then independent of the ambient
dimension.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .compilation import FloatArray, IntArray, contracted, exact, reduction

# Coefficients of P below this share of its largest are left out.
NEGLIGIBLE_PHASE = 1e-19
EPSILON = 2.220446049250313e-16
# How far beyond its panel a polynomial is used, in local coordinates; its error grows twentyfold.
BEYOND = 0.02
# Cells that may wait on a stack: two for each halving.
STACK = 512
_POWERS = np.arange(64.0)
#: k, k (k - 1), k (k - 1) (k - 2)
FALLING = np.stack([_POWERS, _POWERS * (_POWERS - 1.0), _POWERS * (_POWERS - 1.0) * (_POWERS - 2.0)])


class Patches(NamedTuple):
    """Arrays of `panels.Panels` as the kernels take them; the powers of xi_1 are contiguous.

    coefficients, and what float64 rounded away of them (P, c, K2, K1); degrees (P, 2); gram (P, G2, G1) and its
    degrees (P, 2); bounds (P, 2, 2, K): on the Taylor coefficients anywhere on the panel, of y and of the last
    component, by direction and power; open_ends (P, 2, 2): 1 where a side of the panel is boundary of the manifold;
    center (T, r), radius (T,), child (T, 2), panel (T,): the tree; magnitude (1,): a bound on |y|; mean (r,): of the
    measure, zeros for a manifold; smooth (P, 2, 2): 1 where the polynomials stay right beyond a side of the panel, by
    `BEYOND`; lower, width (P, 2): the panels in the unit domain; closed (2,): 1 for directions that close up; share
    (P,): the logarithm of a bound on the last component over a panel, zero at most.
    """

    coefficients: FloatArray
    low: FloatArray
    degrees: IntArray
    gram: FloatArray
    gram_degrees: IntArray
    bounds: FloatArray
    open_ends: IntArray
    center: FloatArray
    radius: FloatArray
    child: IntArray
    panel: IntArray
    magnitude: FloatArray
    mean: FloatArray
    smooth: IntArray
    lower: FloatArray
    width: FloatArray
    closed: IntArray
    share: FloatArray


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
def squared_distance(
    coefficients: FloatArray, gram: FloatArray, n1: int, n2: int, z: FloatArray, out: FloatArray
) -> None:
    """Fill `out` (G2, G1) with the coefficients of P on a panel of degrees n1, n2."""
    for j in range(gram.shape[0]):
        for k in range(gram.shape[1]):
            out[j, k] = gram[j, k]
    for i in range(z.size):
        v = 2.0 * (coefficients[i, 0, 0] - z[i])
        for j in range(n2 + 1):
            for k in range(n1 + 1):
                out[j, k] += v * coefficients[i, j, k]
    # The constant of P is zero; what the line above put there belongs to |a_00 - z|^2.
    out[0, 0] = 0.0


@reduction
def third_derivatives(p: FloatArray, g1: int, g2: int) -> tuple[float, float, float, float]:
    """Return bounds on |P_111|, |P_112|, |P_122|, |P_222| over the panel: sums of coefficients."""
    b1, b2, b3, b4 = 0.0, 0.0, 0.0, 0.0
    for j in range(g2 + 1):
        sums, firsts, seconds, thirds = 0.0, 0.0, 0.0, 0.0
        for k in range(g1 + 1):
            size = abs(p[j, k])
            sums += size
            firsts += size * FALLING[0, k]
            seconds += size * FALLING[1, k]
            thirds += size * FALLING[2, k]
        b1 += thirds
        b2 += seconds * FALLING[0, j]
        b3 += firsts * FALLING[1, j]
        b4 += sums * FALLING[2, j]
    return b1, b2, b3, b4


@contracted
def _along_second(p: FloatArray, g1: int, g2: int, b: float, value: FloatArray, d: FloatArray, dd: FloatArray) -> None:
    """Evaluate the polynomials in xi_2, one for each power of xi_1, with two derivatives (the second one halved)."""
    odd = g2 % 2 == 1
    for k in range(g1 + 1):
        top = p[g2, k]
        value[k] = top * b + p[g2 - 1, k] if odd else top
        d[k] = top if odd else 0.0
        dd[k] = 0.0
    for j in range(g2 - (2 if odd else 1), 0, -2):  # two steps of Horner's rule at a time
        for k in range(g1 + 1):
            v = value[k] * b + p[j, k]
            s = d[k] * b + value[k]
            dd[k] = (dd[k] * b + d[k]) * b + s
            d[k] = s * b + v
            value[k] = v * b + p[j - 1, k]


@contracted
def expand(
    p: FloatArray, g1: int, g2: int, thirds: tuple[float, float, float, float], a: float, b: float, h1: float, h2:
    float, lines: FloatArray,
) -> Cell:  # fmt: skip
    """Expand P about (a, b) in the coordinates of the cell with half widths h1, h2; `lines` (3, G1) is scratch."""
    value, d1, d11, d2, d12, d22 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if g2 == 0:
        for k in range(g1, -1, -1):
            d11 = d11 * a + d1
            d1 = d1 * a + value
            value = value * a + p[0, k]
    else:
        _along_second(p, g1, g2, b, lines[0], lines[1], lines[2])
        for k in range(g1, -1, -1):
            d11 = d11 * a + d1
            d1 = d1 * a + value
            value = value * a + lines[0, k]
            d12 = d12 * a + d2
            d2 = d2 * a + lines[1, k]
            d22 = d22 * a + lines[2, k]
    b1, b2, b3, b4 = thirds
    rest = (b1 * h1 * h1 * h1 + 3.0 * b2 * h1 * h1 * h2 + 3.0 * b3 * h1 * h2 * h2 + b4 * h2 * h2 * h2) / 6.0
    return Cell(value, d1 * h1, d2 * h2, 2.0 * d11 * h1 * h1, d12 * h1 * h2, 2.0 * d22 * h2 * h2, rest)


@contracted
def parabola_minimum(slope: float, curvature: float) -> float:
    """Return the minimum over [-1, 1] of slope t + curvature t^2/2."""
    if curvature > abs(slope):
        return -0.5 * slope * slope / curvature
    return 0.5 * curvature - abs(slope)


@contracted
def cell_minimum(cell: Cell) -> float:
    """Return the minimum over the cell of the quadratic part, without its value at the center."""
    if cell.g2 == 0.0 and cell.h12 == 0.0 and cell.h22 == 0.0:
        return float(parabola_minimum(cell.g1, cell.h11))
    determinant = cell.h11 * cell.h22 - cell.h12 * cell.h12
    if determinant > 0.0 and cell.h11 > 0.0:
        t1 = (cell.h12 * cell.g2 - cell.h22 * cell.g1) / determinant
        t2 = (cell.h12 * cell.g1 - cell.h11 * cell.g2) / determinant
        if abs(t1) <= 1.0 and abs(t2) <= 1.0:
            return 0.5 * (cell.g1 * t1 + cell.g2 * t2)
    # Otherwise the minimum of a quadratic is on an edge.
    low = 0.5 * cell.h11 + min(
        -cell.g1 + parabola_minimum(cell.g2 - cell.h12, cell.h22),
        cell.g1 + parabola_minimum(cell.g2 + cell.h12, cell.h22),
    )
    high = 0.5 * cell.h22 + min(
        -cell.g2 + parabola_minimum(cell.g1 - cell.h12, cell.h11),
        cell.g2 + parabola_minimum(cell.g1 + cell.h12, cell.h11),
    )
    return float(min(low, high))


@contracted
def lower_bound(cell: Cell) -> float:
    """Return a lower bound on P over the cell, rounding included: that of the terms, which may cancel."""
    size = abs(cell.value) + abs(cell.g1) + abs(cell.g2) + abs(cell.h11) + 2.0 * abs(cell.h12) + abs(cell.h22)
    return float(cell.value + cell_minimum(cell) - cell.rest - 8.0 * EPSILON * size)


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
    coefficients: FloatArray,
    low: FloatArray,
    positions: int,
    degrees: IntArray,
    open_ends: IntArray,
    tree: tuple[Any, Any, Any, Any],
    mean: FloatArray,
    smooth: IntArray,
    place: tuple[Any, Any, Any],
) -> Patches:
    """Return the arrays of the kernels from coefficients (P, c, K1, K2).

    `tree` is (center, radius, child, panel); `place` is (lower (P, m), width (P, m), closed (m)).
    """
    coefficients, low = (np.ascontiguousarray(np.swapaxes(part, 2, 3)) for part in (coefficients, low))
    count, _, k2, k1 = coefficients.shape
    moving = coefficients[:, :positions].copy()
    moving[:, :, 0, 0] = 0.0
    gram = np.zeros((count, 2 * k2 - 1, 2 * k1 - 1))
    for j in range(k2):
        for k in range(k1):
            gram[:, j : j + k2, k : k + k1] += np.einsum("pi,pijk->pjk", moving[:, :, j, k], moving)
    # Products of small coefficients vanish beside the coefficients themselves.
    used = np.abs(gram) > NEGLIGIBLE_PHASE * np.abs(gram).max(axis=(1, 2), keepdims=True)
    gram_degrees = np.stack([np.maximum(degrees[:, axis], _last(used.any(axis=1 + axis))) for axis in (0, 1)], axis=1)
    gram = np.ascontiguousarray(gram[:, : gram_degrees[:, 1].max() + 1, : gram_degrees[:, 0].max() + 1])
    sizes = [np.linalg.norm(moving, axis=1), np.abs(coefficients[:, -1])]
    bounds = np.zeros((count, 2, 2, max(k1, k2)))
    for kind, size in enumerate(sizes):
        for axis in (0, 1):
            sums = size.sum(axis=1 + axis)  # over the powers of the other direction
            powers = np.arange(sums.shape[1])
            bounds[:, kind, axis, : len(powers)] = sums @ _choose(powers[:, None], powers)
    share = 2.0 ** len(place[2]) * sizes[1].sum(axis=(1, 2)) if coefficients.shape[1] > positions else np.ones(count)
    center, radius, child, panel = tree
    one = [(0, 0), (0, 2 - len(place[2]))]  # a curve is one panel wide in its second direction
    lower, width = np.pad(place[0], one), np.pad(place[1], one, constant_values=1.0)
    closed = np.pad(np.asarray(place[2], dtype=np.int64), one[1])
    magnitude = np.array([(np.linalg.norm(center, axis=1) + radius)[panel >= 0].max()])
    return Patches(
        coefficients,
        low,
        degrees,
        gram,
        gram_degrees,
        bounds,
        open_ends,
        center,
        radius,
        child,
        panel,
        magnitude,
        mean,
        smooth,
        lower,
        width,
        closed,
        np.minimum(np.log(share), 0.0),
    )


def _last(used: Any) -> Any:
    """Return the last column in which a row is True."""
    return used.shape[1] - 1 - used[:, ::-1].argmax(axis=1)


def _choose(n: Any, k: Any) -> Any:
    from scipy.special import binom

    return np.where(k <= n, binom(n, k), 0.0)
