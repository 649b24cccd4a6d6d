"""One panel of a branch-and-bound search for nearest points: cells, their bounds, and Newton's method.

On pieces of a panel the squared distance is bounded below by its quadratic expansion minus a bound on its third
derivatives. A cell is dropped when its bound is not below the best point known; it is finished by Newton's method
when the distance is provably convex on it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .compilation import FloatArray, IntArray, exact
from .cpu_newton import certified, concave, is_minimum, minimize, slope_sign
from .cpu_panels import EPSILON, STACK, Cell, Patches, expand, halve, lower_bound, squared_distance, third_derivatives
from .cpu_taylor import position

# Cells of a panel after which what is given up grows, twofold every so many: needed where the distance is constant
# along the manifold to rounding, on the axis of a torus or in the centre of a circle.
PATIENCE, MORE_PATIENCE = 256, 64
LARGEST_VISITS = 4096
# Cells this small are given up: the parameter itself is rounded to little less.
SMALLEST_CELL = 1e-14
# Local minima kept, and the distance, relative to the manifold, below which two are one.
KEPT = 8
SAME_POINT = 1e-7
# Where the scalars of a search stand in `Search.state`: compiled functions share arrays, not variables.
PANEL, AT_1, AT_2, SQUARE, GAIN, GAP, COUNT, VISITS, COMPLETE, TOLERANCE, SAME = range(11)


class Search(NamedTuple):
    """Scratch of one search: P, stacks, the best point, local minima (panel, a, b) with their points, scalars."""

    p: FloatArray
    lines: FloatArray
    nodes: IntArray
    cells: FloatArray
    best: FloatArray
    trial: FloatArray
    minima: FloatArray
    minima_points: FloatArray
    state: FloatArray


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
        np.empty(11),
    )


@exact
def squared_gap(y: FloatArray, best: FloatArray, z: FloatArray) -> float:
    """Return |y - z|^2 - |best - z|^2 without squaring the distances."""
    total = 0.0
    for i in range(z.size):
        total += (y[i] - best[i]) * ((y[i] - z[i]) + (best[i] - z[i]))
    return total


@exact
def _keep_minimum(search: Search, panel: int, a: float, b: float, z: FloatArray) -> None:
    """Add the point in `search.trial` to the local minima unless it is there; the highest goes where they are many."""
    points, trial, state = search.minima_points, search.trial, search.state
    count = int(state[COUNT])
    worst, worst_gap = -1, 0.0
    for k in range(count):
        if _square_apart(points[k], trial) <= state[SAME] * state[SAME]:
            return
        gap = squared_gap(points[k], trial, z)
        if gap > worst_gap:
            worst, worst_gap = k, gap
    if count < KEPT:
        worst = count
        state[COUNT] += 1.0
    if worst >= 0:
        search.minima[worst, 0], search.minima[worst, 1], search.minima[worst, 2] = panel, a, b
        points[worst] = trial


@exact
def _square_apart(first: FloatArray, second: FloatArray) -> float:
    total = 0.0
    for i in range(first.size):
        total += (first[i] - second[i]) ** 2
    return total


@exact
def second_minimum(search: Search, z: FloatArray) -> tuple[int, float]:
    """Return the local minimum next to the best point and its gap."""
    points, best, state = search.minima_points, search.best, search.state
    which, least = -1, np.inf
    for k in range(int(state[COUNT])):
        gap = squared_gap(points[k], best, z)
        if gap < least and _square_apart(points[k], best) > state[SAME] * state[SAME]:
            which, least = k, gap
    return which, max(least, 0.0)


@exact
def begin(patches: Patches, panel: int, z: FloatArray, search: Search) -> None:
    """Take the center of a panel for the best point."""
    state, best = search.state, search.best
    for i in range(z.size):
        best[i] = patches.coefficients[panel, i, 0, 0]
    square = 0.0
    for i in range(z.size):
        square += (best[i] - z[i]) ** 2
    magnitude = patches.magnitude[0]
    state[:] = 0.0
    state[PANEL], state[SQUARE], state[GAP], state[COMPLETE] = panel, square, np.inf, 1.0
    state[TOLERANCE] = 4.0 * EPSILON * magnitude * (math.sqrt(square) + EPSILON * magnitude)
    state[SAME] = SAME_POINT * magnitude


@exact
def _improve(search: Search, panel: int, a: float, b: float, gap: float) -> None:
    """Note that the best point, which is in search.best already, is at (a, b) of a panel and nearer by -gap."""
    state = search.state
    state[PANEL], state[AT_1], state[AT_2] = panel, a, b
    state[SQUARE] += gap
    state[GAIN] += gap


@exact
def _hopeless(
    cell: Cell, a: float, b: float, h1: float, h2: float, sign1: float, sign2: float, ends: IntArray, flat: bool
) -> bool:
    """Return whether no local minimum is in a cell: a slope does not vanish there, or it is concave in a direction.

    Unless the manifold ends where the slope leads to, or where the concave direction leads out of the cell.
    """
    low1, high1 = a - h1 <= -1.0 and ends[0, 0] == 1, a + h1 >= 1.0 and ends[0, 1] == 1
    low2, high2 = b - h2 <= -1.0 and ends[1, 0] == 1, b + h2 >= 1.0 and ends[1, 1] == 1
    if (sign1 > 0.0 and not low1) or (sign1 < 0.0 and not high1):
        return True
    if (sign2 > 0.0 and not low2) or (sign2 < 0.0 and not high2):
        return True
    return bool(concave(cell, low1 or high1, low2 or high2, flat))


@exact
def _finish_cell(
    patches: Patches, panel: int, a: float, b: float, h1: float, h2: float, side1: float, side2: float,
    runner_up: bool, z: FloatArray, search: Search,
) -> bool:  # fmt: skip
    """Minimise over a convex cell and as far again around it, within the panel; return whether that came to rest.

    A direction whose `side` is not zero is held at that side of the panel.
    """
    state, best, trial = search.state, search.best, search.trial
    flat = patches.coefficients.shape[2] == 1
    low1, high1 = max(-1.0, a - 2.0 * h1), min(1.0, a + 2.0 * h1)
    low2, high2 = max(-1.0, b - 2.0 * h2), min(1.0, b + 2.0 * h2)
    if side1 != 0.0:
        a, low1, high1 = side1, side1, side1
    if flat:
        side2, b, low2, high2 = 0.0, 0.0, 0.0, 0.0
    if side2 != 0.0:
        b, low2, high2 = side2, side2, side2
    g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
    at1, at2, rest = minimize(search.p, g1, g2, a, b, low1, high1, low2, high2, search.lines)
    if not rest:
        return False
    n1, n2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
    position(patches.coefficients[panel], n1, n2, at1, at2, trial)
    if runner_up and is_minimum(
        search.p, g1, g2, at1, at2, flat, patches.open_ends[panel], state[TOLERANCE], search.lines
    ):
        _keep_minimum(search, panel, at1, at2, z)
    gap = squared_gap(trial, best, z)
    if gap < 0.0:
        best[:] = trial
        _improve(search, panel, at1, at2, gap)
    if runner_up:
        _, state[GAP] = second_minimum(search, z)
    return True


@exact
def search_panel(patches: Patches, panel: int, runner_up: bool, z: FloatArray, search: Search) -> None:
    """Halve a panel until every cell is finished or cannot hold what is looked for."""
    state, cells, best = search.state, search.cells, search.best
    coefficients, ends = patches.coefficients[panel], patches.open_ends[panel]
    state[VISITS] = 0.0
    flat = coefficients.shape[1] == 1
    n1, n2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
    g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
    squared_distance(coefficients, patches.gram[panel], n1, n2, z, search.p)
    thirds = third_derivatives(search.p, g1, g2)
    center = search.trial
    position(coefficients, 0, 0, 0.0, 0.0, center)
    # |a_00 - z|^2, to which P is added, beyond that of the best point: the squares themselves may be far larger.
    offset = squared_gap(center, best, z)
    state[GAIN] = 0.0
    cells[0, 0], cells[0, 1], cells[0, 2], cells[0, 3] = 0.0, 0.0, 1.0, 0.0 if flat else 1.0
    depth = 1
    while depth > 0:
        depth -= 1
        state[VISITS] += 1.0
        offset -= state[GAIN]
        state[GAIN] = 0.0
        a, b, h1, h2 = cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3]
        cell = expand(search.p, g1, g2, thirds, a, b, h1, h2, search.lines)
        gap = offset + cell.value
        if gap < 0.0:  # the center itself is better
            position(coefficients, n1, n2, a, b, best)
            _improve(search, panel, a, b, gap)
            gap = 0.0
            if runner_up:
                _, state[GAP] = second_minimum(search, z)
        lower = gap - cell.value + lower_bound(cell)
        if lower > (state[GAP] if runner_up else -state[TOLERANCE]):
            continue
        if state[VISITS] > PATIENCE:
            given_up = state[TOLERANCE] * 2.0 ** ((state[VISITS] - PATIENCE) / MORE_PATIENCE)
            if lower > (state[GAP] if runner_up else 0.0) - given_up or state[VISITS] > LARGEST_VISITS:
                state[COMPLETE] = 0.0
                continue
        # On a side of the panel towards which the distance falls the minimum over the panel is on that side.
        sign1 = slope_sign(cell.g1, cell.h11, cell.h12, cell.rest)
        sign2 = 0.0 if flat else slope_sign(cell.g2, cell.h22, cell.h12, cell.rest)
        side1 = -sign1 if (sign1 > 0.0 and a - h1 <= -1.0) or (sign1 < 0.0 and a + h1 >= 1.0) else 0.0
        side2 = -sign2 if (sign2 > 0.0 and b - h2 <= -1.0) or (sign2 < 0.0 and b + h2 >= 1.0) else 0.0
        if runner_up and lower > -state[TOLERANCE] and _hopeless(cell, a, b, h1, h2, sign1, sign2, ends, flat):
            continue
        if certified(cell, side1 != 0.0, side2 != 0.0, flat) and _finish_cell(
            patches, panel, a, b, h1, h2, side1, side2, runner_up, z, search
        ):
            continue
        if depth + 2 > STACK or max(h1, h2) < SMALLEST_CELL:
            state[COMPLETE] = 0.0
            continue
        axis = 0 if flat or abs(cell.h11) + abs(cell.g1) >= abs(cell.h22) + abs(cell.g2) else 1
        halve(cells, depth, axis)
        if (cell.g1 if axis == 0 else cell.g2) > 0.0:  # the half towards which the distance falls comes off first
            cells[depth, axis], cells[depth + 1, axis] = cells[depth + 1, axis], cells[depth, axis]
        depth += 2
