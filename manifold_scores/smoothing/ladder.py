"""As many nodes as a tolerance needs: sets of nodes that grow until the standard error is small enough."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from .averages import LOG_MASS, MEAN, TRACE, Averages, Rule

__all__ = ["Ladder"]

# Each set is drawn once, after the smaller ones, also where several threads ask.
_BUILDING = threading.Lock()
_FEWEST, _MOST, _GROWTH = 2**10, 2**20, 4


class Ladder:
    """Averages over 1024, 4096, ... up to 2**20 nodes, for every query the first set that meets the tolerance.

    What has not met it by then is returned as it is, with its error.  Each set is built when it is first needed.

    Parameters
    ----------
    build : makes the rule with a given number of nodes.
    tolerance : relative to the norm of the pull, to max(1, |log mass|), or to max(trace, s).
    """

    def __init__(self, build: Callable[[int], Rule], tolerance: float) -> None:
        self._build, self._tolerance = build, tolerance
        self._rungs: dict[int, Rule] = {}

    def average(self, z: FloatArray, s: FloatArray, alpha: FloatArray, part: int, with_errors: bool) -> Averages:
        """Return the averages at z = x/alpha, s."""
        nodes = _FEWEST
        found = self._rung(nodes).average(z, s, alpha, part, True)
        while nodes < _MOST:
            rows = np.flatnonzero(self._misses(found, s, part))
            if len(rows) == 0:
                break
            nodes *= _GROWTH
            better = self._rung(nodes).average(z[rows], s[rows], alpha[rows], part, True)
            found.replace(rows, better)
        return found

    def _rung(self, nodes: int) -> Rule:
        with _BUILDING:
            if nodes not in self._rungs:
                self._rungs[nodes] = self._build(nodes)
            return self._rungs[nodes]

    def _misses(self, found: Averages, s: FloatArray, part: int) -> NDArray[np.bool_]:
        error = found.errors[part]
        if part == MEAN:
            error = np.linalg.norm(error, axis=1)
        scale = {
            MEAN: np.linalg.norm(found.pull, axis=1),
            LOG_MASS: np.maximum(1.0, np.abs(found.log_mass)),
            TRACE: np.maximum(found.trace, s),
        }[part]
        return np.asarray(error > self._tolerance * scale)
