"""Boxes of parameters with values at the nodes of a rule, and how they are halved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray

__all__ = ["Cells", "Family", "halves"]


@dataclass(frozen=True)
class Cells:
    """Boxes in the parameters of a region and the values at their nodes.

    Attributes
    ----------
    lower, upper : (C, k).
    log_weights, log_p, log_q : (C, n^k); the weights contain the volume element.
    """

    lower: FloatArray
    upper: FloatArray
    log_weights: FloatArray
    log_p: FloatArray
    log_q: FloatArray

    def __len__(self) -> int:
        return len(self.lower)

    def rows(self, chosen: NDArray[np.bool_]) -> Cells:
        """Return some of the cells."""
        return Cells(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def joined(self, others: Cells) -> Cells:
        """Return these cells, then others."""
        pairs = ((getattr(self, name), getattr(others, name)) for name in self.__dataclass_fields__)
        return Cells(*(np.concatenate(pair) for pair in pairs))

    def place(self, cell: NDArray[np.int64], xi: FloatArray) -> FloatArray:
        """Return parameters (N, k) of local coordinates xi (N, k) in [-1, 1]^k of cells (N,)."""
        return self.lower[cell] + (0.5 + 0.5 * xi) * (self.upper - self.lower)[cell]


@dataclass(frozen=True)
class Family:
    """How cells came from those before: first those with indices `kept`, then parts of parents[parent]."""

    parents: Cells
    kept: NDArray[np.int64]
    parent: NDArray[np.int64]


def halves(
    lower: FloatArray, upper: FloatArray, axes: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Return the boxes that come from halving each along the axes marked in (C, k), and which box each comes from."""
    parent = np.arange(len(lower))
    for axis in range(axes.shape[1]):
        now = axes[parent, axis]
        middle = 0.5 * (lower[now, axis] + upper[now, axis])
        left, right = upper[now], lower[now]
        left[:, axis] = right[:, axis] = middle
        lower, upper = np.concatenate([lower[~now], lower[now], right]), np.concatenate([upper[~now], left, upper[now]])
        parent = np.concatenate([parent[~now], parent[now], parent[now]])
    return lower, upper, parent
