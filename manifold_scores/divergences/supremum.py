"""The supremum of the log ratio over a region, for the divergence of infinite order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from .cells import Cells
from .estimates import Estimates
from .region import Densities, Goal, Region

__all__ = ["Supremum"]

#: Places where the ratio is evaluated in a round because the polynomials are highest there.
CHECKED = 4


@dataclass
class Supremum:
    """The largest log ratio seen so far, before normalisation, and where more is possible.

    The polynomials through the values at the nodes of a cell say where, its faces included, the ratio may be larger
    than seen; the sizes of their last coefficients say by how much they may be wrong.  The ratio is evaluated at the
    highest of these places, and cells that may exceed it are marked.  A cell in which p or q vanishes at some nodes is
    given the whole range of the values at the others.
    """

    highest: float = -math.inf

    def update(
        self, region: Region, densities: Densities, cells: Cells, estimates: Estimates, goal: Goal
    ) -> tuple[float, float, FloatArray, int]:
        """Return the supremum, its error, the shares (C, k) of the cells in it, and how many evaluations it took."""
        laws, rule = estimates.laws, region.rule
        unsure = np.zeros((len(cells), rule.dimension))
        if laws.singular:
            return math.inf, 0.0, unsure, 0
        seen = np.where(np.isneginf(laws.log_p), -np.inf, laws.log_ratio + laws.shift)
        finite = np.isfinite(seen)
        top, place = seen.max(axis=1), np.zeros_like(unsure)
        whole = np.asarray(finite.all(axis=1))
        top[whole], place[whole] = rule.climbed(seen[whole])
        unsure[whole] = rule.uncertainties(seen[whole])
        part = np.asarray(finite.any(axis=1) & ~whole)
        unsure[part] = (top[part] - np.where(finite[part], seen[part], np.inf).min(axis=1))[:, None]
        bound = top + unsure.sum(axis=1)
        first = np.argsort(-np.where(whole, bound, -np.inf), kind="stable")[:CHECKED]
        first = first[whole[first]]
        if len(first):
            log_p, log_q = densities(region.points(cells.place(first, place[first]))[0])
            there = ~np.isneginf(log_p)
            self.highest = max(self.highest, float((log_p[there] - log_q[there]).max(initial=-math.inf)))
        self.highest = max(self.highest, float(seen.max()))
        value = max(self.highest - laws.shift, 0.0)
        allowed = 0.5 * goal.allowed(value, 2.0 * estimates.rounding)
        excess = np.maximum(bound - self.highest, 0.0)
        marks = np.zeros_like(unsure)
        high = excess > allowed
        marks[high] = unsure[high] * (excess[high] / unsure[high].sum(axis=1) / max(allowed, _TINY))[:, None]
        if estimates.shift_error > allowed:
            marks = np.maximum(marks, estimates.shift_parts / max(allowed, _TINY))
        return value, float(excess.max()) + estimates.shift_error + estimates.rounding, marks, len(first)


_TINY = 1e-300
