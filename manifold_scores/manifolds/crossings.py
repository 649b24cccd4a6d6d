"""Whether an embedding is injective."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import FloatArray
from ..panels import Panels
from .bottlenecks import COINCIDENT, no_double_normal_below, polish
from .cells import Cells, IntArray, jets
from .neighbours import partition

__all__ = ["refuse_crossings"]

#: Pairs of cells after which a manifold counts as crossing itself, too: it is that near to itself along a line.
BUDGET = 1 << 20


def refuse_crossings(
    panels: Panels, closed: tuple[bool, ...], to_parameters: Callable[[FloatArray], FloatArray]
) -> None:
    """Raise ValueError where a curve or a surface meets itself.

    Points of neighbouring cells differ as the tangent map turns little there (`neighbours.partition`).  All other pairs
    of cells are bisected until they are provably apart, by their distance or because x - y is not orthogonal to the
    manifold at x or y, or Newton's method finds a common point.

    Parameters
    ----------
    panels, closed : the embedding; which directions of its domain are closed.
    to_parameters : v (N, m) in the unit domain -> parameters u, for the message.

    Raises
    ------
    ValueError : two points of different parameters are within 1e-9 of the size of the manifold.
    """
    cells, touch = partition(panels, closed, to_parameters)
    same = COINCIDENT * float(panels.radius[0])
    nearest: list[FloatArray] = []

    def examine(cells: Cells, first: IntArray, second: IntArray, length: float) -> float:
        ends = polish(cells, first, second, crossing=True)
        apart = np.linalg.norm(np.subtract(*(jets(panels, *end)[:, 0, 0] for end in ends)), axis=1)
        best = int(apart.argmin())
        nearest[:] = [to_parameters(panels.unit(panel, xi)[best : best + 1])[0] for panel, xi in ends]
        if apart[best] <= same:
            _refuse(nearest)
        return length

    if no_double_normal_below(cells, touch, 0.5 * same, BUDGET, examine) < 0.5 * same:
        _refuse(nearest)


def _refuse(ends: list[FloatArray]) -> None:
    first, second = (np.round(end, 6).tolist() for end in ends)
    raise ValueError(f"embedding must not intersect itself; it does near u = {first} and u = {second}")
