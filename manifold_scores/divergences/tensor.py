"""The tensor Gauss-Legendre rule on a box, and what its Legendre coefficients say about the error.

In one variable the rule of n nodes misses the Legendre coefficients c_m, m >= 2n, of the integrand, of which it sees
those below n.  With a, b, c the largest of the last three pairs of them, c_{2n} is extrapolated as
a min(1, C max(a/b, b/c))^(n/2), C = ((n - 1)/(n - 3))^CAUTION, which is near a where they decay like a small power.
In several variables the error of a tensor rule is, to first order, the sum of the errors along the axes; along each,
absolute values of the coefficients are averaged over the others, so that nothing cancels.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray

__all__ = ["Rule"]

#: Power of the degree with which coefficients have to decay for that to be believed; at a kink it is 2, at a jump 1.
CAUTION = 1.4
#: No estimate is lowered below this share where the coefficients do not decay, by dimension: in one variable few cells
#: have a kink, and their errors may all be small by luck.
ROUGH = {1: 0.3, 2: 0.03, 3: 0.03}
#: Change of a log density over a cell that its nodes follow; beyond, integrals that are SEEN times what they see count.
STEEP, SEEN = 30.0, 3.0
#: Halvings of the step in the search for a maximum.
STEPS = 12
#: Logarithms are cut off here; a share of e^20 is wrong anyway.
LARGEST_LOG = 20.0


@functools.cache
def _line(count: int) -> _Line:
    return _Line(count)


class _Line:
    """The Gauss-Legendre rule on [-1, 1], weights with sum 1, and the matrix to Legendre coefficients."""

    def __init__(self, count: int) -> None:
        self.nodes, weights = np.polynomial.legendre.leggauss(count)
        self.weights: FloatArray = 0.5 * weights
        values = np.asarray(np.polynomial.legendre.legvander(self.nodes, count - 1))
        self.coefficients: FloatArray = (2 * np.arange(count) + 1)[:, None] * values.T * self.weights
        #: Points of [-1, 1], its ends included.
        self.fine: FloatArray = -np.cos(np.pi * np.arange(2 * count + 1) / (2 * count))

    def interpolation(self, points: FloatArray) -> FloatArray:
        """Return the matrix (..., n) that takes values at the nodes to those of their polynomial at points (...)."""
        return np.asarray(np.polynomial.legendre.legvander(points, len(self.nodes) - 1) @ self.coefficients)


@dataclass(frozen=True)
class Rule:
    """The tensor Gauss-Legendre rule with counts[i] >= 6 nodes along axis i of k axes; N nodes altogether."""

    counts: tuple[int, ...]

    @property
    def dimension(self) -> int:
        """The number k of axes."""
        return len(self.counts)

    @property
    def _lines(self) -> list[_Line]:
        return [_line(count) for count in self.counts]

    @functools.cached_property
    def nodes(self) -> FloatArray:
        """Nodes in [-1, 1]^k, (N, k)."""
        grid = np.meshgrid(*[line.nodes for line in self._lines], indexing="ij")
        return np.stack(grid, axis=-1).reshape(-1, self.dimension)

    @functools.cached_property
    def weights(self) -> FloatArray:
        """Weights, which sum to 1, (N,)."""
        return np.asarray(functools.reduce(np.multiply.outer, [line.weights for line in self._lines])).ravel()

    def _table(self, values: FloatArray) -> FloatArray:
        return values.reshape(-1, *self.counts)

    def _along(self, values: FloatArray, axis: int) -> FloatArray:
        """Return |Legendre coefficients| along an axis, (C, n, N/n)."""
        count = self.counts[axis]
        lines = np.moveaxis(self._table(values), 1 + axis, 1).reshape(len(values), count, len(self.weights) // count)
        return np.asarray(np.abs(np.einsum("mi,cij->cmj", _line(count).coefficients, lines)))

    def errors(self, values: FloatArray, worth: FloatArray | None = None) -> FloatArray:
        """Return estimates (C, k) of the errors of the integrals (C,) of values (C, N), by axis.

        A worth (C,) is a factor on them, found on other cells.  One below 1 is not believed in full where the
        coefficients do not decay: at a kink the error of a cell is a matter of luck.
        """
        found = np.empty((len(values), self.dimension))
        for axis, n in enumerate(self.counts):
            others = [line.weights for k, line in enumerate(self._lines) if k != axis]
            across = np.asarray(functools.reduce(np.multiply.outer, others, np.ones(()))).ravel()
            size = self._along(values, axis) @ across
            last, middle, first = (np.maximum(size[:, n - k], size[:, n - k - 1]) for k in (1, 3, 5))
            decay = np.maximum(_ratio(last, middle), _ratio(middle, first))
            gain = np.minimum(1.0, ((n - 1) / (n - 3)) ** CAUTION * decay) ** (0.5 * n)
            found[:, axis] = last * gain
            if worth is not None:
                found[:, axis] *= np.maximum(worth, ROUGH[self.dimension] * gain)
        return found

    def hidden(self, log_values: FloatArray) -> FloatArray:
        """Return what the nodes may not see of the integrals of e^{log_values}, by axis, (C, k).

        Next to a narrow peak in another cell a cell has nearly all of its integral at a face, beyond its nodes.  Where
        the logarithms change by more than STEEP along an axis, the polynomials through them give the value there, and
        1/(1 + change) is the share of the width that belongs to it.
        """
        found = np.zeros((len(log_values), self.dimension))
        finite = np.flatnonzero(np.isfinite(log_values).all(axis=1))
        table = self._table(log_values[finite])
        every = tuple(range(1, self.dimension + 1))
        changes = np.stack([np.ptp(table, axis=axis, keepdims=True).max(axis=every) for axis in every], axis=1)
        steep = changes.max(axis=1) > STEEP
        finite, changes = finite[steep], changes[steep]
        top = self.peaks(log_values[finite])[0]
        size = np.exp(np.minimum(top - np.log1p(changes).sum(axis=1), LARGEST_LOG))
        seen = np.exp(np.minimum(log_values[finite], LARGEST_LOG)) @ self.weights
        size = np.where(size > SEEN * seen, size, 0.0)
        found[finite] = size[:, None] * changes / np.maximum(changes.sum(axis=1, keepdims=True), STEEP)
        return found

    def uncertainties(self, values: FloatArray) -> FloatArray:
        """Return by axis what is left to the interpolants of values: their last two coefficients, (C, k)."""
        return np.stack(
            [self._along(values, axis)[:, -2:].sum(axis=1).max(axis=1) for axis in range(self.dimension)], axis=1
        )

    def peaks(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the largest values of the interpolants on a grid with the faces, (C,), and where in [-1, 1]^k."""
        places = [np.broadcast_to(line.fine, (len(values), len(line.fine))) for line in self._lines]
        return self._highest(values, places)

    def climbed(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what `peaks` returns, improved by a search of the interpolants with shrinking steps."""
        top, xi = self.peaks(values)
        for step in 0.5 ** np.arange(1, STEPS + 1):
            shifts = [0.5 * math.pi / count * step * np.arange(-2, 3) for count in self.counts]
            around = [np.clip(xi[:, axis, None] + shift, -1.0, 1.0) for axis, shift in enumerate(shifts)]
            higher, xi = self._highest(values, around)
            top = np.maximum(top, higher)
        return top, xi

    def _highest(self, values: FloatArray, places: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Return the largest values of the interpolants on grids, and where; coordinates (C, g) along each axis."""
        table = self._table(values)
        for axis, (line, place) in enumerate(zip(self._lines, places, strict=True)):
            moved = np.moveaxis(table, 1 + axis, -1)
            shape = moved.shape[1:-1]
            rows = moved.reshape(len(values), math.prod(shape), len(line.nodes))
            found = np.einsum("crn,cgn->crg", rows, line.interpolation(place))
            table = np.moveaxis(found.reshape(len(values), *shape, place.shape[1]), -1, 1 + axis)
        sizes = [place.shape[1] for place in places]
        cell = np.arange(len(values))
        flat = table.reshape(len(values), math.prod(sizes))
        best = flat.argmax(axis=1)
        index = np.unravel_index(best, sizes)
        return flat[cell, best], np.stack([place[cell, i] for place, i in zip(places, index, strict=True)], axis=1)


def _ratio(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.divide(a, b, out=np.ones_like(a), where=b > 0.0)
