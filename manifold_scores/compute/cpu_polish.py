"""The last digits of a nearest point: Newton's method from the best point of a search, over joints where need be."""

from __future__ import annotations

from .compilation import FloatArray, exact
from .cpu_newton import minimize
from .cpu_panels import EPSILON, Patches, expand, squared_distance
from .cpu_search import AT_1, AT_2, PANEL, TOLERANCE, Search, squared_gap
from .cpu_taylor import position

# Panels the nearest point may be followed over.
LARGEST_WALK = 4


@exact
def _neighbour(patches: Patches, panel: int, a: float, b: float, axis: int, side: int) -> tuple[int, float, float]:
    """Return the panel beyond a side at the point (a, b) on it, -1 if there is none, and the point on that panel."""
    lower, width = patches.lower, patches.width
    other = 1 - axis
    turn = 0.0
    if patches.closed[axis] == 1 and side == 1 and lower[panel, axis] + width[panel, axis] == 1.0:
        turn = -1.0
    if patches.closed[axis] == 1 and side == 0 and lower[panel, axis] == 0.0:
        turn = 1.0
    edge = lower[panel, axis] + side * width[panel, axis] + turn
    along = lower[panel, other] + 0.5 * width[panel, other] * (1.0 + (b if axis == 0 else a))
    for q in range(lower.shape[0]):
        if lower[q, axis] + (1 - side) * width[q, axis] == edge:
            local = 2.0 * (along - lower[q, other]) / width[q, other] - 1.0
            if abs(local) <= 1.0 + 4.0 * EPSILON:
                local = min(max(local, -1.0), 1.0)
                entry = 1.0 - 2.0 * side
                if axis == 0:
                    return q, entry, local
                return q, local, entry
    return -1, a, b


@exact
def polish(patches: Patches, z: FloatArray, search: Search) -> None:
    """Minimise from the best point: near a focal point no convex cell has finished it.

    Over a side of its panel, too, where the next panel is lower by less than what the search gives up.
    """
    state, best, trial = search.state, search.best, search.trial
    flat = patches.coefficients.shape[2] == 1
    edge = 0.0 if flat else 1.0
    nothing = (0.0, 0.0, 0.0, 0.0)
    for _ in range(LARGEST_WALK):
        panel = int(state[PANEL])
        n1, n2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
        g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
        squared_distance(patches.coefficients[panel], patches.gram[panel], n1, n2, z, search.p)
        a, b, rest = minimize(search.p, g1, g2, state[AT_1], state[AT_2], -1.0, 1.0, -edge, edge, search.lines)
        position(patches.coefficients[panel], n1, n2, a, b, trial)
        if not rest or squared_gap(trial, best, z) > state[TOLERANCE]:
            return
        state[AT_1], state[AT_2] = a, b
        best[:] = trial
        cell = expand(search.p, g1, g2, nothing, a, b, 1.0, edge, search.lines)
        beyond = -1
        for axis in range(1 if flat else 2):
            at, slope = (a, cell.g1) if axis == 0 else (b, cell.g2)
            for side in range(2):
                sign = 2.0 * side - 1.0
                if sign * at >= 1.0 and sign * slope < 0.0 and patches.open_ends[panel, axis, side] == 0:
                    beyond, to1, to2 = _neighbour(patches, panel, a, b, axis, side)
        if beyond < 0:
            return
        state[PANEL], state[AT_1], state[AT_2] = beyond, to1, to2
