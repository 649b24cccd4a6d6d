"""Quadrature on one cell of a panel: tilted mass and moments of a polynomial piece of a measure.

A cell is integrated by Gauss-Legendre rules with as many nodes as the growth of the integrand on the Bernstein ellipse
rho = 3 asks for (Trefethen, Approximation Theory and Approximation Practice, theorem 19.3: the error is at most
64/15 M rho^{-2n}/(1 - rho^{-2}) with M the maximum there).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .compilation import FloatArray, IntArray, contracted, exact, reduction
from .cpu_exponential import exp2_tile
from .cpu_panels import Patches, exact_position, norm, position, shift
from .error_free import add_pairs, multiply_pairs, sum_error

LOG2_E = 1.4426950408889634
LARGEST_RULE, SMALLEST_RULE = 24, 4
# Growth of 1, t, t^2 on the ellipse rho = 3 beyond their size on [-1, 1]; the last is for all higher powers.
GROWTH_1, GROWTH_2, GROWTH_3 = 2.0 / 3.0, 16.0 / 9.0, 6.0
LOG_ELLIPSE = 2.0 * math.log(3.0)
# Taylor terms below this share of what they are added to are left out.
NEGLIGIBLE = 1e-18


def _gauss_legendre() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights (25, 24) of the rules by their number of nodes, from Newton's method in extended precision."""
    nodes = np.zeros((LARGEST_RULE + 1, LARGEST_RULE))
    weights = np.zeros((LARGEST_RULE + 1, LARGEST_RULE))
    for n in range(1, LARGEST_RULE + 1):
        x = np.polynomial.legendre.leggauss(n)[0].astype(np.longdouble)
        for _ in range(3):
            before, value = np.ones_like(x), x
            for k in range(2, n + 1):
                before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
            slope = n * (before - x * value) / (1 - x * x)
            x = x - value / slope
        nodes[n, :n] = x
        weights[n, :n] = 2 / ((1 - x * x) * slope * slope)
    return nodes, weights


NODES, WEIGHTS = _gauss_legendre()


class Workspace(NamedTuple):
    """Scratch of one query; r coordinates and the weight, N nodes."""

    taylor: FloatArray  # (r + 1, K1, K2)
    inner: FloatArray  # (K1, K2): <v, Taylor coefficient>
    rows: FloatArray  # (24, K2)
    offsets: FloatArray  # (r, N): y - y_c at the nodes
    phase: FloatArray  # (N,)
    weight: FloatArray  # (N,)
    power: FloatArray  # (N,)
    rounded: FloatArray  # (N,)
    bits: IntArray  # the memory of `rounded`
    point: FloatArray  # (2, r): y_c as a double-double
    slope: FloatArray  # (2, r)
    best: FloatArray  # (2, r): nearest point
    e: FloatArray  # (r,): y_c - nearest point
    v: FloatArray  # (r,): y_c - z
    first: FloatArray  # (r,): moments of y - nearest point
    second: FloatArray  # (r, r), filled where `covariance` is set
    z: FloatArray  # (r,)
    covariance: bool


@exact
def new_workspace(patches: Patches, covariance: bool) -> Workspace:
    """Return scratch for the quadrature of one query at a time."""
    c, k1, k2 = patches.coefficients.shape[1:]
    r = patches.center.shape[1]
    size = LARGEST_RULE if k2 == 1 else LARGEST_RULE * LARGEST_RULE
    rounded = np.empty(size)
    return Workspace(
        np.empty((c, k1, k2)), np.empty((k1, k2)), np.empty((LARGEST_RULE, k2)), np.empty((r, size)), np.empty(size),
        np.empty(size), np.empty(size), rounded, rounded.view(np.int64), np.empty((2, r)), np.empty((2, r)),
        np.empty((2, r)), np.empty(r), np.empty(r), np.empty(r), np.empty((r, r)), np.empty(r), covariance,
    )  # fmt: skip


@exact
def rule_size(growth: float, needed: float) -> int:
    """Return how many nodes integrate an integrand of this growth to exp(-needed)."""
    return max(SMALLEST_RULE, int(math.ceil((growth + needed) / LOG_ELLIPSE)))


@contracted
def _on_grid(c: FloatArray, m1: int, m2: int, n1: int, n2: int, rows: FloatArray, out: FloatArray) -> None:
    """Fill out[p n2 + q] with the polynomial at node p of the first rule and node q of the second."""
    if n2 == 1:
        for p in range(n1):
            out[p] = c[m1, 0]
        for k in range(m1 - 1, -1, -1):
            for p in range(n1):
                out[p] = out[p] * NODES[n1, p] + c[k, 0]
        return
    for p in range(n1):
        x = NODES[n1, p]
        for j in range(m2 + 1):
            rows[p, j] = c[m1, j]
        for k in range(m1 - 1, -1, -1):
            for j in range(m2 + 1):
                rows[p, j] = rows[p, j] * x + c[k, j]
        start = p * n2
        for q in range(n2):
            out[start + q] = rows[p, m2]
        for j in range(m2 - 1, -1, -1):
            value = rows[p, j]
            for q in range(n2):
                out[start + q] = out[start + q] * NODES[n2, q] + value


@exact
def _exact_gap(point: FloatArray, best: FloatArray, z: FloatArray) -> float:
    """Return |y - z|^2 - |best - z|^2 = <e, 2 v - e>, e = y - best, v = y - z, for double-doubles y and best (2, r)."""
    total, total_low = 0.0, 0.0
    for i in range(z.size):
        v = point[0, i] - z[i]
        v_low = sum_error(point[0, i], -z[i], v) + point[1, i]
        e = point[0, i] - best[0, i]
        e_low = sum_error(point[0, i], -best[0, i], e) + (point[1, i] - best[1, i])
        w, w_low = add_pairs(2.0 * v, 2.0 * v_low, -e, -e_low)
        term, term_low = multiply_pairs(e, e_low, w, w_low)
        total, total_low = add_pairs(total, total_low, term, term_low)
    return total + total_low


@exact
def _exact_slope(slope: FloatArray, point: FloatArray, z: FloatArray) -> float:
    """Return <slope, y - z> for double-doubles slope and y (2, r)."""
    total, total_low = 0.0, 0.0
    for i in range(z.size):
        v = point[0, i] - z[i]
        v_low = sum_error(point[0, i], -z[i], v) + point[1, i]
        term, term_low = multiply_pairs(slope[0, i], slope[1, i], v, v_low)
        total, total_low = add_pairs(total, total_low, term, term_low)
    return total + total_low


@contracted
def _degrees(taylor: FloatArray, v: FloatArray, n1: int, n2: int, s: float) -> tuple[int, int]:
    """Return the degrees to which the Taylor coefficients (r + 1, K1, K2) matter."""
    r = v.size
    largest = 0.0
    for i in range(r):
        for k in range(min(n1, 1) + 1):
            for j in range(min(n2, 1) + 1):
                if k + j > 0:
                    largest = max(largest, abs(taylor[i, k, j]))
    limit = NEGLIGIBLE / (norm(v) / s + 1.0 / max(largest, 1e-300))
    weight = NEGLIGIBLE * abs(taylor[r, 0, 0])
    m1, m2 = 0, 0
    for i in range(r + 1):
        least = limit if i < r else weight
        for k in range(n1, -1, -1):
            last = m2 if k <= m1 else -1
            for j in range(n2, last, -1):
                if abs(taylor[i, k, j]) > least:
                    m1, m2 = max(m1, k), max(m2, j)
                    break
    return m1, m2


@contracted
def _inner_products(v: FloatArray, taylor: FloatArray, m1: int, m2: int, inner: FloatArray) -> None:
    """Inner = <v, Taylor coefficient>."""
    for k in range(m1 + 1):
        for j in range(m2 + 1):
            inner[k, j] = v[0] * taylor[0, k, j]
    for i in range(1, v.size):
        for k in range(m1 + 1):
            for j in range(m2 + 1):
                inner[k, j] += v[i] * taylor[i, k, j]


@reduction
def _add_squares(offsets: FloatArray, count: int, rate: float, phase: FloatArray) -> None:
    """Turn <v, y - y_c> + constant/2 into -rate (|y - z|^2 - |nearest - z|^2)."""
    for q in range(count):
        phase[q] *= 2.0
    for i in range(offsets.shape[0]):
        for q in range(count):
            phase[q] += offsets[i, q] * offsets[i, q]
    for q in range(count):
        phase[q] *= -rate


@contracted
def _weigh(weight: FloatArray, power: FloatArray, n1: int, n2: int, h1: float, h2: float) -> None:
    for p in range(n1):
        factor = WEIGHTS[n1, p] * h1
        if n2 == 1:
            weight[p] *= factor * power[p]
        else:
            for q in range(n2):
                weight[p * n2 + q] *= factor * WEIGHTS[n2, q] * h2 * power[p * n2 + q]


@reduction
def _add_first(weight: FloatArray, offsets: FloatArray, e: FloatArray, count: int, first: FloatArray) -> float:
    """Add the moments of y - nearest point; return the mass."""
    mass = 0.0
    for q in range(count):
        mass += weight[q]
    for i in range(e.size):
        shifted = 0.0
        for q in range(count):
            shifted += weight[q] * offsets[i, q]
        first[i] += mass * e[i] + shifted
    return mass


@reduction
def _add_second(weight: FloatArray, offsets: FloatArray, e: FloatArray, count: int, second: FloatArray) -> None:
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


@exact
def integrate_cell(
    coefficients: FloatArray, d1: int, d2: int, a: float, b: float, h1: float, h2: float, n1: int, n2: int, s: float,
    precise: bool, work: Workspace,
) -> float:  # fmt: skip
    """Add the moments of y - nearest point over a cell, weighted by exp(-(|y-z|^2 - |nearest-z|^2)/2s); return the mass.

    `coefficients` (r + 1, K1, K2) and the degrees d1, d2 are those of the panel.  With `precise` the squared distance and
    its slope at the center of the cell are computed in double-double arithmetic: in float64 their rounding, divided by s,
    would be all there is.
    """
    z, v, e, point, best, slope = work.z, work.v, work.e, work.point, work.best, work.slope
    taylor, inner, rows, offsets = work.taylor, work.inner, work.rows, work.offsets
    phase, weight, power = work.phase, work.weight, work.power
    r = z.size
    shift(coefficients, d1, d2, a, b, h1, h2, taylor)
    if precise:
        exact_position(coefficients, d1, d2, a, b, -1, point[0], point[1])
    else:
        position(coefficients, d1, d2, a, b, point[0])
        for i in range(r):
            point[1, i] = 0.0
    for i in range(r):
        e[i] = (point[0, i] - best[0, i]) + (point[1, i] - best[1, i])
        v[i] = (point[0, i] - z[i]) + point[1, i]
    m1, m2 = _degrees(taylor, v, d1, d2, s)
    _inner_products(v, taylor, m1, m2, inner)
    if precise:
        constant = _exact_gap(point, best, z)
        if m1 > 0:
            exact_position(coefficients, d1, d2, a, b, 0, slope[0], slope[1])
            inner[1, 0] = h1 * _exact_slope(slope, point, z)
        if m2 > 0:
            exact_position(coefficients, d1, d2, a, b, 1, slope[0], slope[1])
            inner[0, 1] = h2 * _exact_slope(slope, point, z)
    else:
        constant = 0.0
        for i in range(r):
            constant += e[i] * (2.0 * v[i] - e[i])
    inner[0, 0] = 0.5 * constant
    _on_grid(inner, m1, m2, n1, n2, rows, phase)
    for i in range(r):
        taylor[i, 0, 0] = 0.0
        _on_grid(taylor[i], m1, m2, n1, n2, rows, offsets[i])
    _on_grid(taylor[r], m1, m2, n1, n2, rows, weight)
    count = n1 * n2
    _add_squares(offsets, count, LOG2_E / (2.0 * s), phase)
    exp2_tile(phase[:count], work.rounded[:count], work.bits[:count], power[:count])
    _weigh(weight, power, n1, n2, h1, h2)
    mass = _add_first(weight, offsets, e, count, work.first)
    if work.covariance:
        _add_second(weight, offsets, e, count, work.second)
    return mass
