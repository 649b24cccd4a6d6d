"""What the adaptive rules share, and the rule on a box."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from .. import arrays
from .region import Densities, Goal, Region, grid
from .tensor import Rule

__all__ = ["AdaptiveRule", "BoxQuadrature"]

#: Nodes along each axis of a cell, by dimension of integration.
COUNTS = {1: 8, 2: 6, 3: 6}
#: Panels along each axis of a box to start with, by dimension.
PANELS = {1: 4, 2: 3, 3: 2}
#: Tolerances below this are out of reach of sums over thousands of nodes.
SMALLEST_TOLERANCE = 1e-10


class AdaptiveRule(ABC):
    """A region of R^d with an adaptive quadrature; the divergences are those of the laws restricted to the region."""

    ambient_dimension: int

    def __init__(self, tolerance: float, absolute_tolerance: float, max_evaluations: int) -> None:
        relative = arrays.number("tolerance", tolerance)
        if not SMALLEST_TOLERANCE <= relative <= 0.5:
            raise ValueError(f"tolerance must lie between {SMALLEST_TOLERANCE:g} and 0.5; got {relative!r}")
        absolute = arrays.non_negative("absolute_tolerance", absolute_tolerance)
        self.goal = Goal(relative, absolute, arrays.count("max_evaluations", max_evaluations, 1))

    @abstractmethod
    def region(self, densities: Densities) -> Region:
        """Return the region for these densities, which may be evaluated to find scales."""


class BoxQuadrature(AdaptiveRule):
    """Adaptive cubature on the box prod_i [lower_i, upper_i] in R^d, d <= 3.

    Tensor Gauss-Legendre rules (8 nodes along an axis for d = 1, 6 for d = 2, 3) on boxes that are halved where the
    integrands of the divergences asked for, or of the normalisations, are not resolved.  Laws with densities on all of
    R^d are replaced by their restrictions to the box.  A feature between the nodes of all boxes of the first round
    (a second mode much narrower than a panel) is not seen; give more panels.

    Parameters
    ----------
    lower, upper : shape (d,), lower < upper.
    tolerance : relative error asked for every divergence, 1e-10 to 0.5.
    absolute_tolerance : absolute error that is always good enough.
    max_evaluations : number of points at which each density may be evaluated.
    panels : boxes to start with along every axis, a number or d numbers; default 4, 3, 2 for d = 1, 2, 3.

    Raises
    ------
    ValueError, TypeError : the message names the argument.
    """

    def __init__(
        self, lower: Any, upper: Any, *, tolerance: float = 1e-3, absolute_tolerance: float = 0.0,
        max_evaluations: int = 500_000, panels: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(tolerance, absolute_tolerance, max_evaluations)
        self.lower = arrays.vector("lower", lower)
        self.ambient_dimension = self.lower.size
        if self.ambient_dimension > max(COUNTS):
            raise ValueError(f"lower must have at most {max(COUNTS)} entries; got {self.ambient_dimension}")
        self.upper = arrays.vector("upper", upper, self.ambient_dimension)
        if not (self.lower < self.upper).all():
            raise ValueError("lower must be below upper in every coordinate")
        self.panels = counts("panels", panels, [PANELS[self.ambient_dimension]] * self.ambient_dimension)

    def __repr__(self) -> str:
        return f"BoxQuadrature({self.lower.tolist()}, {self.upper.tolist()})"

    def region(self, densities: Densities) -> Region:
        """Return the box; the densities are not evaluated."""
        edges = [
            np.linspace(low, high, number + 1)
            for low, high, number in zip(self.lower, self.upper, self.panels, strict=True)
        ]
        return Region(Rule((COUNTS[len(edges)],) * len(edges)), *grid(edges), lambda x: (x, np.zeros(len(x))))


def counts(name: str, value: Any, default: list[int]) -> list[int]:
    """Return as many positive integers as the default has; one number stands for all."""
    if value is None:
        return default
    given = list(value) if isinstance(value, (list, tuple, np.ndarray)) else [value] * len(default)
    if len(given) != len(default):
        raise ValueError(f"{name} must be a number or have {len(default)} entries; got {len(given)}")
    found = [arrays.count(name, number, 1) for number in given]
    if math.prod(found) > LARGEST_START:
        raise ValueError(f"{name} must give at most {LARGEST_START} cells; got {math.prod(found)}")
    return found


#: Cells of the first round.
LARGEST_START = 100_000
