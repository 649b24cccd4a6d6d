"""Minimising the squared distance on a box of a panel, and what its expansion says about minima on a cell."""

from __future__ import annotations

import math

import numpy as np

from .compilation import FloatArray, IntArray, exact
from .cpu_panels import EPSILON, Cell, expand

# Newton's method contracts by 1/3 at least where the second derivatives change by no more than a quarter.
CONVEXITY_MARGIN = 4.0
NEWTON_STEPS = 60


@exact
def _along_side(slope: float, curvature: float, low: float, high: float) -> float:
    return min(max(-slope / curvature, low), high) if low < high else low


@exact
def _newton_step(cell: Cell, low1: float, high1: float, low2: float, high2: float) -> tuple[float, float, bool]:
    """Return the minimiser of the quadratic part of P over a box, and whether it is convex there.

    A box of no width in one direction is a segment.
    """
    free1, free2 = low1 < high1, low2 < high2
    if (free1 and not cell.h11 > 0.0) or (free2 and not cell.h22 > 0.0):
        return 0.0, 0.0, False
    if not free2:
        return _along_side(cell.g1 + cell.h12 * low2, cell.h11, low1, high1), low2, True
    if not free1:
        return low1, _along_side(cell.g2 + cell.h12 * low1, cell.h22, low2, high2), True
    determinant = cell.h11 * cell.h22 - cell.h12 * cell.h12
    if not determinant > 0.0:
        return 0.0, 0.0, False
    t1 = (cell.h12 * cell.g2 - cell.h22 * cell.g1) / determinant
    t2 = (cell.h12 * cell.g1 - cell.h11 * cell.g2) / determinant
    if low1 <= t1 <= high1 and low2 <= t2 <= high2:
        return t1, t2, True
    best1, best2, least = 0.0, 0.0, np.inf
    for side in range(4):  # otherwise the minimum is on a side
        if side < 2:
            t1 = low1 if side == 0 else high1
            t2 = _along_side(cell.g2 + cell.h12 * t1, cell.h22, low2, high2)
        else:
            t2 = low2 if side == 2 else high2
            t1 = _along_side(cell.g1 + cell.h12 * t2, cell.h11, low1, high1)
        value = t1 * (cell.g1 + 0.5 * cell.h11 * t1 + cell.h12 * t2) + t2 * (cell.g2 + 0.5 * cell.h22 * t2)
        if value < least:
            best1, best2, least = t1, t2, value
    return best1, best2, True


@exact
def minimize(
    p: FloatArray,
    n1: int,
    n2: int,
    a: float,
    b: float,
    low1: float,
    high1: float,
    low2: float,
    high2: float,
    lines: FloatArray,
) -> tuple[float, float, bool]:
    """Return the minimiser of P over a box from (a, b), by projected Newton steps, and whether they came to rest."""
    nothing = (0.0, 0.0, 0.0, 0.0)
    for _ in range(NEWTON_STEPS):
        cell = expand(p, n1, n2, nothing, a, b, 1.0, 0.0 if n2 == 0 else 1.0, lines)
        t1, t2, convex = _newton_step(cell, low1 - a, high1 - a, low2 - b, high2 - b)
        if not convex:
            return a, b, False
        a, b = a + t1, b + t2
        if abs(t1) + abs(t2) <= 2.0 * EPSILON:
            return a, b, True
    return a, b, abs(t1) + abs(t2) <= 1e-9


@exact
def certified(cell: Cell, pinned1: bool, pinned2: bool, flat: bool) -> bool:
    """Return whether the distance is convex where it is not pinned, with a margin for Newton's method."""
    need = 6.0 * CONVEXITY_MARGIN * 2.0 * cell.rest  # on the cell and as far again around it
    if flat or pinned2:
        return pinned1 or cell.h11 > need
    if pinned1:
        return cell.h22 > need
    middle, half = 0.5 * (cell.h11 + cell.h22), 0.5 * (cell.h11 - cell.h22)
    return middle - math.sqrt(half * half + cell.h12 * cell.h12) > need


@exact
def concave(cell: Cell, at_end1: bool, at_end2: bool, flat: bool) -> bool:
    """Return whether the distance is concave in some direction everywhere on the cell: then no minimum is inside.

    A direction in which the cell reaches an end of the manifold does not count, as a minimum may be there.
    """
    change = 6.0 * cell.rest
    if flat or at_end2:
        return not at_end1 and cell.h11 < -change
    if at_end1:
        return cell.h22 < -change
    middle, half = 0.5 * (cell.h11 + cell.h22), 0.5 * (cell.h11 - cell.h22)
    return middle - math.sqrt(half * half + cell.h12 * cell.h12) < -change


@exact
def slope_sign(g: float, along: float, across: float, rest: float) -> float:
    """Return the sign of a partial derivative on the whole cell, 0 if it may vanish."""
    if abs(g) > abs(along) + abs(across) + 3.0 * rest:
        return 1.0 if g > 0.0 else -1.0
    return 0.0


@exact
def is_minimum(
    p: FloatArray,
    n1: int,
    n2: int,
    a: float,
    b: float,
    flat: bool,
    ends: IntArray,
    tolerance: float,
    lines: FloatArray,
) -> bool:
    """Return whether the minimiser over a box is one of the manifold.

    At a side that is no boundary the slope has to vanish: the neighbouring panel goes on there.
    """
    nothing = (0.0, 0.0, 0.0, 0.0)
    cell = expand(p, n1, n2, nothing, a, b, 1.0, 0.0 if flat else 1.0, lines)
    for axis in range(1 if flat else 2):
        g = cell.g1 if axis == 0 else cell.g2
        h = cell.h11 if axis == 0 else cell.h22
        at = a if axis == 0 else b
        downhill = 1 if g < 0.0 else 0  # the side towards which the distance falls
        at_end = at >= 1.0 if downhill == 1 else at <= -1.0
        if at_end and ends[axis, downhill] == 1:
            continue
        if g * g > 16.0 * max(h, 0.0) * tolerance:
            return False
    return True
