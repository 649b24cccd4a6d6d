"""Global nearest points on piecewise polynomial manifolds, by branch and bound over the tree of panels.

Balls around panels bound the distance from below, and `cpu_search` goes on inside of a panel.  No minimum is missed,
whatever the shape; only improvements of the squared distance below rounding are given up.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .compilation import FloatArray, IntArray, exact, parallel
from .cpu_panels import Patches
from .cpu_polish import polish
from .cpu_search import (
    AT_1,
    AT_2,
    COMPLETE,
    GAP,
    PANEL,
    SQUARE,
    Search,
    begin,
    new_search,
    search_panel,
    second_minimum,
)


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
def nearest(patches: Patches, z: FloatArray, runner_up: bool, search: Search) -> Found:
    """Return the nearest point to z, and with `runner_up` the second lowest local minimum of the distance.

    The best point is left in `search.best`.
    """
    state = search.state
    state[PANEL] = -1.0
    _search_tree(patches, False, z, search)
    if runner_up:  # with the best point known, what the search for the other one gives up costs nothing
        _search_tree(patches, True, z, search)
    polish(patches, z, search)
    which, gap = second_minimum(search, z)
    other, other_a, other_b = -1, 0.0, 0.0
    if which >= 0:
        minima = search.minima
        other, other_a, other_b = int(minima[which, 0]), minima[which, 1], minima[which, 2]
    complete = state[COMPLETE] == 1.0
    return Found(int(state[PANEL]), state[AT_1], state[AT_2], other, other_a, other_b, gap, complete)


@exact
def _search_tree(patches: Patches, runner_up: bool, z: FloatArray, search: Search) -> None:
    """Visit the panels whose balls are not too far, the nearer ones first."""
    nodes, state = search.nodes, search.state
    center, radius, child = patches.center, patches.radius, patches.child
    top = 1
    nodes[0] = 0
    while top > 0:
        top -= 1
        node = nodes[top]
        distance = ball_distance(center, radius, node, z)
        if state[PANEL] >= 0.0 and distance > 0.0:
            limit = state[SQUARE] + state[GAP] if runner_up else state[SQUARE]
            if distance * distance * (1.0 - 1e-12) > limit:
                continue
        left, right = child[node, 0], child[node, 1]
        if left < 0:
            if state[PANEL] < 0.0:
                begin(patches, patches.panel[node], z, search)
            search_panel(patches, patches.panel[node], runner_up, z, search)
            continue
        if ball_distance(center, radius, left, z) < ball_distance(center, radius, right, z):
            left, right = right, left
        nodes[top], nodes[top + 1] = left, right
        top += 2


@exact
def ball_distance(center: FloatArray, radius: FloatArray, node: int, z: FloatArray) -> float:
    """Return the distance of z from the ball of a node, negative inside."""
    square = 0.0
    for i in range(z.size):
        square += (center[node, i] - z[i]) ** 2
    return math.sqrt(square) - float(radius[node])


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
def project(first: int, last: int, patches: Patches, points: FloatArray, runner_up: bool, out: Projections) -> None:
    """Find the nearest points to the rows of `points`, and with `runner_up` the next local minima."""
    _project_block(patches, points, runner_up, first, last, out)
