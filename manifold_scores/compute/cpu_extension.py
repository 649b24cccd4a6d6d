"""Where everything around a nearest point that counts is near a side of its panel: one polynomial instead of two."""

from __future__ import annotations

import math

from .compilation import FloatArray, exact
from .cpu_cells import Workspace
from .cpu_nearest import Found
from .cpu_panels import BEYOND, Patches, expand, parabola_minimum, third_derivatives
from .cpu_search import Search
from .cpu_taylor import position


@exact
def extend(patches: Patches, found: Found, s: float, cutoff: float, search: Search, work: Workspace) -> None:
    """Extend the panel of the nearest point beyond its sides where that reaches everything around it that counts.

    Neighbouring polynomials differ by rounding, which divided by s may be no small phase; one polynomial has no joint.
    """
    beyond, p, panel = work.beyond, work.local_phase[0], found.panel
    beyond[:] = 0.0
    flat = patches.coefficients.shape[2] == 1
    smooth, ends = patches.smooth[panel], patches.open_ends[panel]
    needed = False
    for axis in range(1 if flat else 2):
        at = found.a if axis == 0 else found.b
        needed = needed or (smooth[axis, 0] == 1 and at + 1.0 < BEYOND) or (smooth[axis, 1] == 1 and 1.0 - at < BEYOND)
    if not needed:
        return
    g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
    b1, b2, b3, b4 = third_derivatives(search.p, g1, g2)
    thirds = (2.5 * b1, 2.5 * b2, 2.5 * b3, 2.5 * b4)  # a bound a little beyond the panel: 1.1^k, mostly small k
    cell = expand(p, g1, g2, thirds, 0.0, 0.0, BEYOND, 0.0 if flat else BEYOND, search.lines)
    for axis in range(1 if flat else 2):
        at = found.a if axis == 0 else found.b
        for side in range(2):
            sign, room = (-1.0, at + 1.0) if side == 0 else (1.0, 1.0 - at)
            if room < BEYOND and ends[axis, side] == 1:
                continue  # the manifold ends there
            if axis == 0:
                least = sign * cell.g1 + 0.5 * cell.h11
                if not flat:
                    least += parabola_minimum(cell.g2 + sign * cell.h12, cell.h22)
            else:
                least = sign * cell.g2 + 0.5 * cell.h22 + parabola_minimum(cell.g1 + sign * cell.h12, cell.h11)
            if least - cell.rest < 2.0 * s * cutoff or (room < BEYOND and smooth[axis, side] == 0):
                beyond[:] = 0.0
                return
            if room < BEYOND:
                beyond[2 * axis + side] = BEYOND
    beyond[4] = 0.5 * BEYOND * _least_stretch(work.local, work.z.size, flat)


@exact
def _least_stretch(local: FloatArray, r: int, flat: bool) -> float:
    """Return the least |dy| per |dxi| at the nearest point."""
    a, b, c = 0.0, 0.0, 0.0
    for i in range(r):
        a += local[i, 0, 1] * local[i, 0, 1]
        if not flat:
            b += local[i, 0, 1] * local[i, 1, 0]
            c += local[i, 1, 0] * local[i, 1, 0]
    if flat:
        return math.sqrt(a)
    half = 0.5 * (a - c)
    return math.sqrt(max(0.5 * (a + c) - math.sqrt(half * half + b * b), 0.0))


@exact
def covered(patches: Patches, panel: int, a: float, b: float, h1: float, h2: float, work: Workspace) -> int:
    """Return 1 for a cell of another panel that the extended panel covers, -1 if it has to be halved to tell."""
    position(patches.coefficients[panel], patches.degrees[panel, 0], patches.degrees[panel, 1], a, b, work.slope[0])
    distance = 0.0
    for i in range(work.z.size):
        distance += (work.slope[0, i] - work.best[0, i]) ** 2
    bounds = patches.bounds[panel]
    size = bounds[0, 0, 1] * h1 + bounds[0, 1, 1] * h2
    radius = work.beyond[4]
    if math.sqrt(distance) - size > radius:
        return 0
    return 1 if size <= 0.5 * radius else -1
