"""Where a rule of ours integrates, what it integrates, and how well."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..arrays import FloatArray
from .tensor import Rule

__all__ = ["Densities", "Goal", "Region", "grid"]

Densities: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Points (n, d) to the logarithms (n,), (n,) of both densities."""


@dataclass(frozen=True)
class Region:
    """Boxes of parameters and their map to R^d.

    Attributes
    ----------
    rule : the rule on each box.
    lower, upper : the boxes to start with, (C, k).
    points : parameters (N, k) to points (N, d) and the logarithms (N,) of the volume elements.
    """

    rule: Rule
    lower: FloatArray
    upper: FloatArray
    points: Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Goal:
    """Relative and absolute tolerance, and how many evaluations may be spent on them."""

    tolerance: float
    absolute_tolerance: float
    max_evaluations: int

    def allowed(self, value: float, rounding: float) -> float:
        """Return the error that a divergence may have; to ask for less than its rounding would be in vain."""
        return max(self.tolerance * value if math.isfinite(value) else 0.0, self.absolute_tolerance, rounding)


def grid(edges: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the boxes (C, k), (C, k) between the edges along each axis."""
    lower, upper = (
        np.stack(np.meshgrid(*[side[part] for side in edges], indexing="ij"), axis=-1).reshape(-1, len(edges))
        for part in (slice(None, -1), slice(1, None))
    )
    return lower, upper
