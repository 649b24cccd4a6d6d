"""Nearest points of a parametric manifold: the compiled search, and what it found in terms of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from ..panels import Panels

__all__ = ["Foot", "Nearest", "find"]

#: A second nearest point within this many roundings of the nearest is as near.
AS_NEAR = 64.0


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest point and the second lowest local minimum of the distance.

    Attributes
    ----------
    point, parameter, distance : y_x (..., d), its u, |x - y_x| (...).
    runner_up, runner_up_distance : the other local minimum; NaN and inf where there is none.
    unique : whether the runner-up is farther, beyond rounding.
    """

    point: Any
    parameter: Any
    distance: Any
    runner_up: Any
    runner_up_distance: Any
    unique: Any


@dataclass(frozen=True)
class Foot:
    """What a search found for n queries, in the unit domain.

    Attributes
    ----------
    nearest, other : v (n, m) of the nearest point and of the next local minimum (meaningless where there is none).
    gap : squared distance of the other one minus the least, inf where there is none, (n,).
    complete : whether the search refined everything it had to, (n,).
    """

    nearest: FloatArray
    other: FloatArray
    gap: FloatArray
    complete: NDArray[np.bool_]

    def unique(self, x: FloatArray, distance: FloatArray, magnitude: float) -> NDArray[np.bool_]:
        """Return whether no other point is as near to x (n, d), up to rounding."""
        rounding = AS_NEAR * np.finfo(np.float64).eps * distance * (np.abs(x).max(axis=1) + magnitude)
        return np.asarray((self.gap > rounding) & self.complete)


def find(patches: Any, panels: Panels, x: FloatArray, runner_up: bool) -> Foot:
    """Search for the nearest points to x (n, r), and with `runner_up` for the second local minima."""
    from ..compute.cpu_nearest import Projections, project
    from ..compute.threads import spread

    n = len(x)
    found = Projections(np.empty((n, 2), np.int64), np.empty((n, 2, 2)), np.empty(n), np.empty(n, np.int64))
    spread(project, n, patches, x, runner_up, found)
    ends = [panels.unit(found.panel[:, k], found.local[:, k, : panels.dimension]) for k in (0, 1)]
    return Foot(ends[0], ends[1], found.gap, found.complete == 1)
