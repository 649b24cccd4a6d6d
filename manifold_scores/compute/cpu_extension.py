"""Where everything around a nearest point that counts is near a side of its panel: one polynomial instead of two."""

from __future__ import annotations

import math

from .compilation import FloatArray, exact
from .cpu_cells import Workspace
from .cpu_nearest import Found
from .cpu_panels import BEYOND, Patches, expand, parabola_minimum, third_derivatives
from .cpu_search import Search

# A bound on the growth of third derivatives a little beyond the panel: (1 + BEYOND)^k, mostly of small k.
GROWTH = 2.5
# Edges of the box are multiples of this, so that cells and what is left of them meet without a gap of one rounding.
GRID = 1.0 / 1024.0


@exact
def extend(patches: Patches, found: Found, s: float, cutoff: float, search: Search, work: Workspace) -> bool:
    """Extend the panel of the nearest point to a box over its sides if that holds everything around it that counts.

    Neighbouring polynomials differ by rounding, which divided by s may be no small phase; one polynomial has no joint.
    """
    box, p, panel = work.box, work.local_phase[0], found.panel
    flat = patches.coefficients.shape[2] == 1
    smooth, ends = patches.smooth[panel], patches.open_ends[panel]
    needed = False
    for axis in range(1 if flat else 2):
        at = found.a if axis == 0 else found.b
        needed = needed or (smooth[axis, 0] == 1 and at + 1.0 < BEYOND) or (smooth[axis, 1] == 1 and 1.0 - at < BEYOND)
    if not needed:
        return False
    box[:, 0], box[:, 1] = -1.0, 1.0
    g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
    b1, b2, b3, b4 = third_derivatives(search.p, g1, g2)
    thirds = (GROWTH * b1, GROWTH * b2, GROWTH * b3, GROWTH * b4)
    cell = expand(p, g1, g2, thirds, 0.0, 0.0, BEYOND, 0.0 if flat else BEYOND, search.lines)
    for axis in range(1 if flat else 2):
        at = found.a if axis == 0 else found.b
        for side in range(2):
            sign = -1.0 if side == 0 else 1.0
            room = 1.0 - sign * at
            if room < BEYOND and ends[axis, side] == 1:
                continue  # the manifold ends there
            if axis == 0:
                least = sign * cell.g1 + 0.5 * cell.h11
                if not flat:
                    least += parabola_minimum(cell.g2 + sign * cell.h12, cell.h22)
            else:
                least = sign * cell.g2 + 0.5 * cell.h22 + parabola_minimum(cell.g1 + sign * cell.h12, cell.h11)
            if least - cell.rest < 2.0 * s * cutoff or (room < BEYOND and smooth[axis, side] == 0):
                return False
            box[axis, side] = sign * math.floor((sign * at + BEYOND) / GRID) * GRID
    return True


@exact
def covered(patches: Patches, own: int, panel: int, depth: int, cells: FloatArray, work: Workspace) -> int:
    """Return 1 if the extended panel `own` covers the cell at `depth`, 0 if it does not.

    Return -1 if it covers a part; the cell is then replaced by two, of which one is nearer to being covered or free.
    """
    axes = 1 if patches.coefficients.shape[2] == 1 else 2
    for turn1 in range(-patches.closed[0], patches.closed[0] + 1):
        for turn2 in range(-patches.closed[1], patches.closed[1] + 1):
            inside, apart = True, False
            cut, at = -1, 0.0
            for axis in range(axes):
                # The box in the local coordinate of the cell's panel.
                width, turn = patches.width[panel, axis], turn1 if axis == 0 else turn2
                scale = patches.width[own, axis] / width
                shift = 2.0 * (patches.lower[own, axis] + turn - patches.lower[panel, axis]) / width
                low = shift + scale * (1.0 + work.box[axis, 0]) - 1.0
                high = shift + scale * (1.0 + work.box[axis, 1]) - 1.0
                a, h = cells[depth, axis], cells[depth, 2 + axis]
                apart = apart or low >= a + h or high <= a - h
                if low > a - h:
                    inside, cut, at = False, axis, low
                elif high < a + h:
                    inside, cut, at = False, axis, high
            if inside:
                return 1
            if not apart:
                a, h = cells[depth, cut], cells[depth, 2 + cut]
                cells[depth + 1] = cells[depth]
                cells[depth, cut], cells[depth, 2 + cut] = 0.5 * (a - h + at), 0.5 * (at - (a - h))
                cells[depth + 1, cut], cells[depth + 1, 2 + cut] = 0.5 * (at + a + h), 0.5 * (a + h - at)
                return -1
    return 0
