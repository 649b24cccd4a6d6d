"""Global nearest points on piecewise polynomial manifolds, by branch and bound.

Cells of the parameter domain carry a lower bound on the squared distance: the ball around a whole panel, and on
pieces of a panel the quadratic expansion of the distance minus a bound on its third derivatives.  A cell is dropped
when its bound is not below the best point known; it is finished by Newton's method when the distance is provably
convex on it.  So no minimum is missed, whatever the shape; only improvements below rounding are given up.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from .compilation import FloatArray, IntArray, exact, parallel
from .cpu_panels import (
    Cell,
    Patches,
    cell_minimum,
    expand,
    halve,
    position,
    squared_distance,
    third_derivatives,
)

EPSILON = 2.220446049250313e-16
# Newton's method contracts by 1/3 at least where the second derivatives change by no more than a quarter.
CONVEXITY_MARGIN = 4.0
NEWTON_STEPS = 60
# Cells one search may visit before it stops refining: reached where the distance is constant along the manifold.
LARGEST_SEARCH = 20000
STACK = 512
# Local minima kept, and the distance, relative to the manifold, below which two are one.
KEPT = 8
SAME = 1e-7


class Search(NamedTuple):
    """Scratch of one search: P, stacks, the best point, local minima (panel, a, b) with their points."""

    p: FloatArray
    lines: FloatArray
    nodes: IntArray
    cells: FloatArray
    best: FloatArray
    trial: FloatArray
    minima: FloatArray
    minima_points: FloatArray


class Found(NamedTuple):
    """The nearest point (panel, a, b), the next local minimum, and its squared distance minus the least.

    `gap` is inf where no other local minimum was found; `complete` is False where the search gave up refining.
    """

    panel: int
    a: float
    b: float
    other: int
    other_a: float
    other_b: float
    gap: float
    complete: bool


@exact
def new_search(patches: Patches) -> Search:
    """Return scratch for searches on these patches."""
    r = patches.center.shape[1]
    return Search(
        np.empty(patches.gram.shape[1:]),
        np.empty((3, patches.gram.shape[2])),
        np.empty(STACK, np.int64),
        np.empty((STACK, 4)),
        np.empty(r),
        np.empty(r),
        np.empty((KEPT, 4)),
        np.empty((KEPT, r)),
    )


@exact
def squared_gap(y: FloatArray, best: FloatArray, z: FloatArray) -> float:
    """Return |y - z|^2 - |best - z|^2 without squaring the distances."""
    total = 0.0
    for i in range(z.size):
        total += (y[i] - best[i]) * ((y[i] - z[i]) + (best[i] - z[i]))
    return total


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
def _certified(cell: Cell, pinned1: bool, pinned2: bool, flat: bool) -> bool:
    """Return whether the distance is convex where it is not pinned, with a margin for Newton's method."""
    need = 6.0 * CONVEXITY_MARGIN * 2.0 * cell.rest  # on the cell and as far again around it
    if flat or pinned2:
        return pinned1 or cell.h11 > need
    if pinned1:
        return cell.h22 > need
    middle, half = 0.5 * (cell.h11 + cell.h22), 0.5 * (cell.h11 - cell.h22)
    return middle - math.sqrt(half * half + cell.h12 * cell.h12) > need


@exact
def _concave(cell: Cell, end1: bool, end2: bool, flat: bool) -> bool:
    """Return whether the distance is concave in some direction everywhere on the cell: then no minimum is inside.

    At an end of the manifold only the direction along it counts.
    """
    change = 6.0 * cell.rest
    if flat or end2:
        return not end1 and cell.h11 < -change
    if end1:
        return cell.h22 < -change
    middle, half = 0.5 * (cell.h11 + cell.h22), 0.5 * (cell.h11 - cell.h22)
    return middle - math.sqrt(half * half + cell.h12 * cell.h12) < -change


@exact
def _slope_sign(g: float, along: float, across: float, rest: float) -> float:
    """Return the sign of a partial derivative on the whole cell, 0 if it may vanish."""
    if abs(g) > abs(along) + abs(across) + 3.0 * rest:
        return 1.0 if g > 0.0 else -1.0
    return 0.0


@exact
def _keep_minimum(search: Search, count: int, panel: int, a: float, b: float, z: FloatArray, same: float) -> int:
    """Add the point in `search.trial` to the local minima unless it is there; return their number."""
    points, trial = search.minima_points, search.trial
    worst, worst_gap = -1, 0.0
    for k in range(count):
        distance = 0.0
        for i in range(z.size):
            distance += (points[k, i] - trial[i]) ** 2
        if distance <= same * same:
            return count
        gap = squared_gap(points[k], trial, z)
        if gap > worst_gap:
            worst, worst_gap = k, gap
    if count < KEPT:
        worst = count
        count += 1
    if worst >= 0:
        search.minima[worst, 0], search.minima[worst, 1], search.minima[worst, 2] = panel, a, b
        points[worst] = trial
    return count


@exact
def _second(search: Search, count: int, z: FloatArray, same: float) -> tuple[int, float]:
    """Return the local minimum next to the best point and its gap."""
    points, best = search.minima_points, search.best
    which, least = -1, np.inf
    for k in range(count):
        distance = 0.0
        for i in range(z.size):
            distance += (points[k, i] - best[i]) ** 2
        gap = squared_gap(points[k], best, z)
        if distance > same * same and gap < least:
            which, least = k, gap
    return which, max(least, 0.0)


@exact
def nearest(patches: Patches, z: FloatArray, runner_up: bool, search: Search) -> Found:
    """Return the nearest point to z, and with `runner_up` the second lowest local minimum of the distance.

    The best point is left in `search.best`.
    """
    p, lines, nodes, cells, best, trial = search.p, search.lines, search.nodes, search.cells, search.best, search.trial
    center, radius, child, coefficients = patches.center, patches.radius, patches.child, patches.coefficients
    magnitude = patches.magnitude[0]
    flat = coefficients.shape[2] == 1
    same = SAME * magnitude
    best_panel, best_a, best_b, best_square = -1, 0.0, 0.0, np.inf
    tolerance, gap, count, visits, complete = 0.0, np.inf, 0, 0, True
    top = 1
    nodes[0] = 0
    while top > 0:
        top -= 1
        node = nodes[top]
        distance = _ball_distance(center, radius, node, z)
        limit = best_square + gap if runner_up else best_square
        if best_panel >= 0 and distance > 0.0 and distance * distance * (1.0 - 1e-12) > limit:
            continue
        left, right = child[node, 0], child[node, 1]
        if left >= 0:
            if _ball_distance(center, radius, left, z) < _ball_distance(center, radius, right, z):
                left, right = right, left
            nodes[top], nodes[top + 1] = left, right
            top += 2
            continue
        panel = patches.panel[node]
        n1, n2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
        g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
        squared_distance(coefficients[panel], patches.gram[panel], n1, n2, z, p)
        thirds = third_derivatives(p, g1, g2)
        for i in range(z.size):
            trial[i] = coefficients[panel, i, 0, 0]
        if best_panel < 0:
            best[:] = trial
            best_panel = panel
            best_square = 0.0
            for i in range(z.size):
                best_square += (best[i] - z[i]) ** 2
            tolerance = 4.0 * EPSILON * magnitude * (math.sqrt(best_square) + EPSILON * magnitude)
        offset = squared_gap(trial, best, z)
        cells[0, 0], cells[0, 1], cells[0, 2], cells[0, 3] = 0.0, 0.0, 1.0, 0.0 if flat else 1.0
        depth = 1
        while depth > 0:
            depth -= 1
            visits += 1
            a, b, h1, h2 = cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3]
            cell = expand(p, g1, g2, thirds, a, b, h1, h2, lines)
            gap_here = offset + cell.value
            if gap_here < 0.0:  # the center itself is better
                position(coefficients[panel], n1, n2, a, b, best)
                best_panel, best_a, best_b = panel, a, b
                best_square += gap_here
                offset = -cell.value
                gap_here = 0.0
                if runner_up:
                    _, gap = _second(search, count, z, same)
            lower = gap_here + cell_minimum(cell) - cell.rest
            if lower > (gap if runner_up else -tolerance) or visits > LARGEST_SEARCH:
                continue
            ends = patches.open_ends[panel]
            sign1 = _slope_sign(cell.g1, cell.h11, cell.h12, cell.rest)
            sign2 = 0.0 if flat else _slope_sign(cell.g2, cell.h22, cell.h12, cell.rest)
            low1, high1 = max(-1.0, a - 2.0 * h1), min(1.0, a + 2.0 * h1)
            low2, high2 = max(-1.0, b - 2.0 * h2), min(1.0, b + 2.0 * h2)
            # On a side of the panel towards which the distance falls the minimum over the panel is on that side.
            pinned1 = (sign1 > 0.0 and a - h1 <= -1.0) or (sign1 < 0.0 and a + h1 >= 1.0)
            pinned2 = (sign2 > 0.0 and b - h2 <= -1.0) or (sign2 < 0.0 and b + h2 >= 1.0)
            if runner_up and lower > -tolerance:
                # Elsewhere a slope that does not vanish leaves no local minimum, unless the manifold ends there.
                end1 = pinned1 and ends[0, 0 if sign1 > 0.0 else 1] == 1
                end2 = pinned2 and ends[1, 0 if sign2 > 0.0 else 1] == 1
                if (sign1 != 0.0 and not end1) or (sign2 != 0.0 and not end2):
                    continue
                if _concave(cell, end1, end2, flat):
                    continue
            if _certified(cell, pinned1, pinned2, flat):
                start1, start2 = a, b
                if pinned1:
                    start1 = -1.0 if sign1 > 0.0 else 1.0
                    low1, high1 = start1, start1
                if pinned2:
                    start2 = -1.0 if sign2 > 0.0 else 1.0
                    low2, high2 = start2, start2
                if flat:
                    low2, high2, start2 = 0.0, 0.0, 0.0
                at1, at2, rest = minimize(p, g1, g2, start1, start2, low1, high1, low2, high2, lines)
                if rest:
                    position(coefficients[panel], n1, n2, at1, at2, trial)
                    gap_end = squared_gap(trial, best, z)
                    if runner_up and _is_minimum(p, g1, g2, at1, at2, flat, ends, tolerance, lines):
                        count = _keep_minimum(search, count, panel, at1, at2, z, same)
                    if gap_end < 0.0:
                        best[:] = trial
                        best_panel, best_a, best_b = panel, at1, at2
                        best_square += gap_end
                        offset -= gap_end
                    if runner_up:
                        _, gap = _second(search, count, z, same)
                    continue
            if depth + 2 > STACK or max(h1, h2) < 1e-14:
                complete = False
                continue
            axis = 0 if flat or abs(cell.h11) + abs(cell.g1) >= abs(cell.h22) + abs(cell.g2) else 1
            halve(cells, depth, axis)
            if (cell.g1 if axis == 0 else cell.g2) > 0.0:  # the half towards which the distance falls comes off first
                cells[depth, axis], cells[depth + 1, axis] = cells[depth + 1, axis], cells[depth, axis]
            depth += 2
    # A best point that no convex cell has finished (near a focal point) is polished on its panel.
    n1, n2 = patches.degrees[best_panel, 0], patches.degrees[best_panel, 1]
    g1, g2 = patches.gram_degrees[best_panel, 0], patches.gram_degrees[best_panel, 1]
    squared_distance(coefficients[best_panel], patches.gram[best_panel], n1, n2, z, p)
    low2, high2 = (0.0, 0.0) if flat else (-1.0, 1.0)
    at1, at2, rest = minimize(p, g1, g2, best_a, best_b, -1.0, 1.0, low2, high2, lines)
    position(coefficients[best_panel], n1, n2, at1, at2, trial)
    if rest and squared_gap(trial, best, z) <= tolerance:
        best_a, best_b = at1, at2
        best[:] = trial
    which, gap = _second(search, count, z, same)
    other, other_a, other_b = -1, 0.0, 0.0
    if which >= 0:
        other, other_a, other_b = int(search.minima[which, 0]), search.minima[which, 1], search.minima[which, 2]
    return Found(best_panel, best_a, best_b, other, other_a, other_b, gap, complete and visits <= LARGEST_SEARCH)


@exact
def _ball_distance(center: FloatArray, radius: FloatArray, node: int, z: FloatArray) -> float:
    square = 0.0
    for i in range(z.size):
        square += (center[node, i] - z[i]) ** 2
    return math.sqrt(square) - radius[node]


@exact
def _is_minimum(
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


class Projections(NamedTuple):
    """Outputs of n queries: panel (n, 2), local (n, 2, 2) of the two points found, gap (n,), complete (n,)."""

    panel: IntArray
    local: FloatArray
    gap: FloatArray
    complete: IntArray


@exact
def _project_block(
    patches: Patches, points: FloatArray, runner_up: bool, start: int, stop: int, out: Projections
) -> None:
    search = new_search(patches)
    for n in range(start, stop):
        found = nearest(patches, points[n], runner_up, search)
        out.panel[n, 0], out.panel[n, 1] = found.panel, found.other
        out.local[n, 0, 0], out.local[n, 0, 1] = found.a, found.b
        out.local[n, 1, 0], out.local[n, 1, 1] = found.other_a, found.other_b
        out.gap[n] = found.gap
        out.complete[n] = found.complete


@parallel
def project(patches: Patches, points: FloatArray, runner_up: bool, blocks: int, out: Projections) -> None:
    """Find the nearest points to the rows of `points`, and with `runner_up` the next local minima."""
    size = max(1, min(256, (points.shape[0] + blocks - 1) // blocks))
    for block in prange((points.shape[0] + size - 1) // size):
        start = block * size
        _project_block(patches, points, runner_up, start, min(points.shape[0], start + size), out)
