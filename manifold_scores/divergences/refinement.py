"""Adaptive refinement: cells are halved until every divergence asked for is known well enough.

In each round both densities are evaluated once, at the nodes of all new cells together.  The cells with the largest
shares in the error of a divergence that is not yet known well enough are halved, along the axes to blame.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from .cells import Cells, Family, halves
from .estimates import Estimates
from .region import Densities, Goal, Region
from .supremum import Supremum
from .values import not_empty

__all__ = ["refine"]

#: Share of the tolerance that the cells may keep that are not halved in a round.
KEPT = 0.7
#: A cell is halved along all axes that contribute more than this share of its largest contribution.
ALONG = 0.7


def refine(
    region: Region, densities: Densities, orders: list[float], goal: Goal
) -> tuple[list[float], list[float], bool]:
    """Return the divergences of the given orders on the region, their errors, and whether all are as good as asked."""
    family: Family | None = None
    before: Estimates | None = None
    cells = _evaluate(region, densities, region.lower, region.upper)
    for name in ("log_p", "log_q"):
        not_empty(name, getattr(cells, name), "node of the first round")
    spent, supremum = cells.log_p.size, Supremum()
    while True:
        estimates = Estimates(cells, region.rule, family, before)
        values, errors, wanted = [], [], np.zeros_like(cells.lower)
        for order in orders:
            if math.isinf(order):
                value, error, shares, checked = supremum.update(region, densities, cells, estimates, goal)
                spent += checked
            else:
                estimate = estimates.of(order)
                value, error = estimate.value, estimate.error
                allowed = max(goal.allowed(value, estimate.rounding), 1e-300)
                shares = estimate.parts / allowed if estimate.truncation > allowed else np.zeros_like(wanted)
            wanted = np.maximum(wanted, shares)
            values.append(value)
            errors.append(error)
        axes = _chosen(wanted, (goal.max_evaluations - spent) // len(region.rule.weights))
        chosen = np.asarray(axes.any(axis=1))
        if not chosen.any():
            return values, errors, not wanted.any()
        parents, kept = cells.rows(chosen), cells.rows(~chosen)
        lower, upper, parent = halves(parents.lower, parents.upper, axes[chosen])
        new = _evaluate(region, densities, lower, upper)
        spent += new.log_p.size
        cells = kept.joined(new)
        family, before = Family(parents, np.flatnonzero(~chosen), parent), estimates


def _evaluate(region: Region, densities: Densities, lower: FloatArray, upper: FloatArray) -> Cells:
    rule = region.rule
    parameters = lower[:, None] + (0.5 + 0.5 * rule.nodes) * (upper - lower)[:, None]
    points, log_volumes = region.points(parameters.reshape(-1, rule.dimension))
    log_p, log_q = densities(points)
    shape = len(lower), len(rule.nodes)
    log_weights = np.log(rule.weights) + np.log(upper - lower).sum(axis=1, keepdims=True) + log_volumes.reshape(shape)
    return Cells(lower, upper, log_weights, log_p.reshape(shape), log_q.reshape(shape))


def _chosen(wanted: FloatArray, affordable: int) -> NDArray[np.bool_]:
    """Return which cells are halved along which axes, (C, k), from their shares in the error over the tolerance."""
    share = wanted.sum(axis=1)
    order = np.argsort(-share, kind="stable")
    left = np.append(share.sum(), share.sum() - np.cumsum(share[order]))
    picked = order[: max(int((left > KEPT).sum()), int(share.any()))]
    axes = np.zeros(wanted.shape, dtype=bool)
    axes[picked] = wanted[picked] >= ALONG * wanted[picked].max(axis=1, keepdims=True)
    costs = np.cumsum(2 ** axes[picked].sum(axis=1))
    axes[picked[costs > affordable]] = False
    return axes
