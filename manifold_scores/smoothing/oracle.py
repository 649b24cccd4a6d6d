"""Averages over a kernel by evaluating the tilted moments of a measure at nodes: any measure, any kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import FloatArray
from ..tilt import Measure
from . import nodes as node_rules
from .averages import LOG_MASS, MEAN, TRACE, Averages
from .kernel import SmoothingKernel

__all__ = ["OracleNodes"]

#: Entries of the array of displaced points: 16 MB.
_ENTRIES = 2**21


class OracleNodes:
    """Averages over R independent sets of nodes, as `SmoothingKernel.draw_nodes` returns them."""

    def __init__(self, measure: Measure, kernel: SmoothingKernel, sets: list[Any]) -> None:
        self._measure, self._kernel, self._sets = measure, kernel, sets

    def average(self, z: FloatArray, s: FloatArray, alpha: FloatArray, part: int, with_errors: bool) -> Averages:
        """Return the averages at z = x/alpha, s; `part` (MEAN, LOG_MASS, TRACE) is filled, MEAN with the pull."""
        replicates = [self._moments(z, s, alpha, nodes, part) for nodes in self._sets]
        stacked = np.stack(replicates)
        values, errors = stacked.mean(axis=0), np.zeros_like(stacked[0])
        if with_errors and len(replicates) > 1:
            errors = node_rules.standard_error(stacked, 0)
        d = z.shape[1]
        bars = (errors[:, d : 2 * d], errors[:, -2], errors[:, -1])
        return Averages(values[:, :d], values[:, d : 2 * d], values[:, -2], values[:, -1], bars)

    def _moments(self, z: FloatArray, s: FloatArray, alpha: FloatArray, nodes: Any, part: int) -> FloatArray:
        """Return mean, pull, log mass and trace in one row (M, 2 d + 2)."""
        d = z.shape[1]
        found = np.zeros((len(z), 2 * d + 2))
        order = np.argsort(alpha, kind="stable")  # a kernel with a manifold scales it by one alpha at a time
        start = 0
        while start < len(order):
            same = int(np.searchsorted(alpha[order], alpha[order[start]], side="right"))
            count = max(1, _ENTRIES // (self._count(nodes) * d))
            rows = order[start : min(same, start + count)]
            start += len(rows)
            a = float(alpha[rows[0]])
            points = self._kernel.points_at(a * z[rows], nodes, a) / a
            found[rows] = self._tilt(points, z[rows], s[rows], part)
        return found

    @staticmethod
    def _count(nodes: Any) -> int:
        return int(nodes[1]) if isinstance(nodes, tuple) else len(nodes)

    def _tilt(self, points: FloatArray, z: FloatArray, s: FloatArray, part: int) -> FloatArray:
        count, n, d = points.shape
        flat = np.ascontiguousarray(points.reshape(-1, d))
        variances = np.repeat(s, n)
        found = np.zeros((count, 2 * d + 2))
        if part == TRACE:
            found[:, -1] = self._measure.covariance_trace_rows(flat, variances).reshape(count, n).mean(axis=1)
            return found
        tilt = self._measure.tilt_rows(flat, variances)
        if part == LOG_MASS:
            found[:, -2] = tilt.log_mass.reshape(count, n).mean(axis=1)
        if part == MEAN:
            found[:, d : 2 * d] = tilt.displacement.reshape(points.shape).mean(axis=1)
            shift = (points - z[:, None]).mean(axis=1)
            found[:, :d] = tilt.mean.reshape(points.shape).mean(axis=1) - shift
        return found
