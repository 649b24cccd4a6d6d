"""Quadrature on one cell of a panel: tilted mass and moments of a polynomial piece of a measure.

A cell is integrated by Gauss-Legendre rules with as many nodes as the growth of the integrand on the Bernstein ellipse
rho = 3 asks for (Trefethen, Approximation Theory and Approximation Practice, theorem 19.3: the error is at most
64/15 M rho^{-2n}/(1 - rho^{-2}) with M the maximum there).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .compilation import FloatArray, IntArray, contracted, exact
from .cpu_exponential import exp2_tile
from .cpu_grid import add_first, add_second, add_squares, on_grid, weigh
from .cpu_panels import STACK, Cell, Patches, norm, squared_distance
from .cpu_taylor import exact_position, position, shift
from .error_free import add_pairs, multiply_pairs, sum_error
from .legendre import LARGEST_RULE

LOG2_E = 1.4426950408889634
# Taylor terms below this share of what they are added to are left out.
NEGLIGIBLE = 1e-18
# The same for densities, whose values on a cell may be far below those elsewhere on the panel.
NEGLIGIBLE_WEIGHT = 1e-21


class Workspace(NamedTuple):
    """Scratch of one query; r coordinates and the weight, N nodes."""

    taylor: FloatArray  # (r + 1, K2, K1)
    inner: FloatArray  # (K2, K1): <v, Taylor coefficient>
    rows: FloatArray  # (G, G), and (K, nodes) of a first rule
    columns: FloatArray  # (G, G)
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
    local: FloatArray  # (r + 1, K2, K1): Taylor coefficients of y and the weight about the nearest point, on its panel
    local_phase: FloatArray  # (1, G2, G1): those of P
    covariance: bool
    nodes: IntArray  # (T,): of the tree
    blocks: FloatArray  # (STACK, 4): cells that wait for an expansion of P about them
    block_phase: FloatArray  # (1, G2, G1): that expansion
    box: FloatArray  # (2, 2): around the nearest point, in coordinates of its panel, which is extended to hold it


@exact
def new_workspace(patches: Patches, covariance: bool) -> Workspace:
    """Return scratch for the quadrature of one query at a time."""
    c, k2, k1 = patches.coefficients.shape[1:]
    g2, g1 = patches.gram.shape[1:]
    r = patches.center.shape[1]
    size = LARGEST_RULE if k2 == 1 else LARGEST_RULE * LARGEST_RULE
    square = max(g1, g2, LARGEST_RULE) + 4
    rounded = np.empty(size)
    return Workspace(
        np.empty((c, k2, k1)), np.empty((k2, k1)), np.empty((square, square)), np.empty((square, square)),
        np.empty((r, size)), np.empty(size), np.empty(size), np.empty(size), rounded, rounded.view(np.int64),
        np.empty((2, r)), np.empty((2, r)), np.empty((2, r)), np.empty(r), np.empty(r), np.empty(r), np.empty((r, r)),
        np.empty(r), np.empty((c, k2, k1)), np.empty((1, g2, g1)), covariance,
        np.empty(patches.child.shape[0] + 2, np.int64), np.empty((STACK, 4)), np.empty((1, g2, g1)), np.empty((2, 2)),
    )  # fmt: skip


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


@exact
def _degree(bounds: FloatArray, axis: int, n: int, h: float, contrast: float) -> int:
    """Return the degree to which Taylor coefficients on a cell matter, from bounds (2, 2, K) on them on the panel."""
    scale = contrast + 1.0 / max(bounds[0, axis, 1] * h, 1e-300)
    weight = bounds[1, axis, 0]
    power, degree = 1.0, 0
    for k in range(1, n + 1):
        power *= h
        if bounds[0, axis, k] * power * scale > NEGLIGIBLE or bounds[1, axis, k] * power > NEGLIGIBLE_WEIGHT * weight:
            degree = k
    return degree


@contracted
def _inner_products(v: FloatArray, taylor: FloatArray, m1: int, m2: int, inner: FloatArray) -> None:
    """Inner = <v, Taylor coefficient>."""
    for j in range(m2 + 1):
        for k in range(m1 + 1):
            inner[j, k] = v[0] * taylor[0, j, k]
    for i in range(1, v.size):
        for j in range(m2 + 1):
            for k in range(m1 + 1):
                inner[j, k] += v[i] * taylor[i, j, k]


@exact
def expand_at_nearest(patches: Patches, panel: int, a: float, b: float, p: FloatArray, work: Workspace) -> None:
    """Keep the Taylor coefficients of y and of |y - z|^2 about the nearest point (a, b) of a panel.

    Cells of this panel take differences to the nearest point from them, accurate relative to their own size: from
    values of y they would be as accurate as y, and the rest, divided by s, would be all there is.
    """
    n1, n2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
    g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
    coefficients = patches.coefficients[panel]
    shift(coefficients, n1, n2, a, b, 1.0, 1.0, n1, n2, work.rows, work.columns, work.local)
    squared_distance(coefficients, patches.gram[panel], n1, n2, work.z, p)
    shift(p.reshape((1, *p.shape)), g1, g2, a, b, 1.0, 1.0, g1, g2, work.rows, work.columns, work.local_phase)
    for i in range(work.z.size):
        work.local[i, 0, 0] = 0.0
    work.local_phase[0, 0, 0] = 0.0


@exact
def _centre(patches: Patches, panel: int, a: float, b: float, exactly: bool, work: Workspace) -> None:
    """Fill the center of a cell, its difference to the nearest point, and to z, from values of y."""
    coefficients, n1, n2 = patches.coefficients[panel], patches.degrees[panel, 0], patches.degrees[panel, 1]
    point, best, e, v, z = work.point, work.best, work.e, work.v, work.z
    if exactly:
        exact_position(coefficients, patches.low[panel], n1, n2, a, b, -1, point[0], point[1])
    else:
        position(coefficients, n1, n2, a, b, point[0])
        for i in range(z.size):
            point[1, i] = 0.0
    for i in range(z.size):
        e[i] = (point[0, i] - best[0, i]) + (point[1, i] - best[1, i])
        v[i] = (point[0, i] - z[i]) + point[1, i]


@exact
def _exact_phase(
    patches: Patches, panel: int, a: float, b: float, h1: float, h2: float, m1: int, m2: int, work: Workspace
) -> float:
    """Return the squared distance of the center beyond the least one, and correct its slope in work.inner."""
    coefficients, n1, n2 = patches.coefficients[panel], patches.degrees[panel, 0], patches.degrees[panel, 1]
    slope = work.slope
    if m1 > 0:
        exact_position(coefficients, patches.low[panel], n1, n2, a, b, 0, slope[0], slope[1])
        work.inner[0, 1] = h1 * _exact_slope(slope, work.point, work.z)
    if m2 > 0:
        exact_position(coefficients, patches.low[panel], n1, n2, a, b, 1, slope[0], slope[1])
        work.inner[1, 0] = h2 * _exact_slope(slope, work.point, work.z)
    return float(_exact_gap(work.point, work.best, work.z))


@exact
def _taylor(
    patches: Patches, panel: int, a: float, b: float, h1: float, h2: float, off1: float, off2: float, s: float,
    exactly: bool, work: Workspace,
) -> tuple[int, int]:  # fmt: skip
    """Expand y and the weight on a cell, from the nearest point if that is on its panel; return the degrees needed."""
    bounds, d1, d2 = patches.bounds[panel], patches.degrees[panel, 0], patches.degrees[panel, 1]
    e, v = work.e, work.v
    local = not math.isnan(off1)
    if local:
        for i in range(v.size):
            v[i] = (work.best[0, i] - work.z[i]) + work.best[1, i]
    else:
        _centre(patches, panel, a, b, exactly, work)
    contrast = norm(v) / s
    m1 = _degree(bounds, 0, d1, h1, contrast)
    m2 = _degree(bounds, 1, d2, h2, contrast) if d2 > 0 else 0
    if not local:
        shift(patches.coefficients[panel], d1, d2, a, b, h1, h2, m1, m2, work.rows, work.columns, work.taylor)
        return m1, m2
    l1 = _degree(bounds, 0, d1, h1 + abs(off1), contrast)
    l2 = _degree(bounds, 1, d2, h2 + abs(off2), contrast) if d2 > 0 else 0
    m1, m2 = min(m1, l1), min(m2, l2)
    shift(work.local, l1, l2, off1, off2, h1, h2, m1, m2, work.rows, work.columns, work.taylor)
    for i in range(v.size):
        e[i] = work.taylor[i, 0, 0]
        v[i] += e[i]
    return m1, m2


@exact
def integrate_cell(
    patches: Patches, panel: int, a: float, b: float, h1: float, h2: float, n1: int, n2: int, s: float, near: Cell,
    off1: float, off2: float, exactly: bool, work: Workspace,
) -> float:  # fmt: skip
    """Add the moments of y - nearest over a cell under exp(-(|y-z|^2 - |nearest-z|^2)/2s); return the mass.

    `exactly` is for cells of other panels than that of the nearest point: squared distance and slope at the center are
    computed in double-double arithmetic.  Otherwise (off1, off2) is the center relative to the nearest point and `near`
    the expansion of |y - z|^2 - |nearest - z|^2 there, or (off1 NaN, on other panels) its value in float64.
    """
    taylor, inner, rows, offsets = work.taylor, work.inner, work.rows, work.offsets
    phase, weight, power = work.phase, work.weight, work.power
    r = work.z.size
    m1, m2 = _taylor(patches, panel, a, b, h1, h2, off1, off2, s, exactly, work)
    _inner_products(work.v, taylor, m1, m2, inner)
    constant = near.value
    if exactly:
        constant = _exact_phase(patches, panel, a, b, h1, h2, m1, m2, work)
    elif not math.isnan(off1):
        if m1 > 0:
            inner[0, 1] = 0.5 * near.g1
        if m2 > 0:
            inner[1, 0] = 0.5 * near.g2
    inner[0, 0] = 0.5 * constant
    on_grid(inner, m1, m2, n1, n2, rows, phase)
    for i in range(r):
        taylor[i, 0, 0] = 0.0
        on_grid(taylor[i], m1, m2, n1, n2, rows, offsets[i])
    on_grid(taylor[r], m1, m2, n1, n2, rows, weight)
    count = n1 * n2
    add_squares(offsets, count, LOG2_E / (2.0 * s), phase)
    exp2_tile(phase[:count], work.rounded[:count], work.bits[:count], power[:count])
    weigh(weight, power, n1, n2, h1, h2)
    mass = add_first(weight, offsets, work.e, count, work.first)
    if work.covariance:
        add_second(weight, offsets, work.e, count, work.second)
    return float(mass)
