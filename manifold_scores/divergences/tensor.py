"""The tensor Gauss-Legendre rule on a box, and what its Legendre coefficients say about the error.

In one variable the rule of n nodes misses the Legendre coefficients c_m, m >= 2n, of the integrand, of which it sees
those below n.  With a, b, c the largest of the last three pairs of them, c_{2n} is extrapolated as
a min(1, CAUTION max(a/b, b/c))^(n/2), which is a itself where the coefficients do not decay fast: at a kink or a jump.
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

#: Decay of coefficients is believed where it is faster than this factor.
CAUTION = 2.0
#: No estimate is lowered below this share where the coefficients do not decay, by dimension: in one variable few cells
#: have a kink, and their errors may all be small by luck.
ROUGH = {1: 0.3, 2: 0.03, 3: 0.03}
#: Change of a log density over a cell that its nodes follow; beyond, integrals that are SEEN times what they see count.
STEEP, SEEN = 30.0, 3.0
#: Halvings of the step in the search for a maximum.
STEPS = 12
#: Logarithms are cut off here; a share of e^20 is wrong anyway.
LARGEST_LOG = 20.0


@dataclass(frozen=True)
class Rule:
    """The tensor Gauss-Legendre rule with n nodes along each of k axes, n >= 6."""

    dimension: int
    count: int

    @functools.cached_property
    def _line(self) -> tuple[FloatArray, FloatArray]:
        nodes, weights = np.polynomial.legendre.leggauss(self.count)
        return nodes, 0.5 * weights

    @functools.cached_property
    def nodes(self) -> FloatArray:
        """Nodes in [-1, 1]^k, (n^k, k)."""
        grid = np.meshgrid(*[self._line[0]] * self.dimension, indexing="ij")
        return np.stack(grid, axis=-1).reshape(-1, self.dimension)

    @functools.cached_property
    def weights(self) -> FloatArray:
        """Weights, which sum to 1, (n^k,)."""
        return np.asarray(functools.reduce(np.multiply.outer, [self._line[1]] * self.dimension)).ravel()

    @functools.cached_property
    def _coefficients(self) -> FloatArray:
        nodes, weights = self._line
        degrees = np.arange(self.count)
        values = np.asarray(np.polynomial.legendre.legvander(nodes, self.count - 1))
        return np.asarray((2 * degrees + 1)[:, None] * values.T * weights)

    def _along(self, values: FloatArray, axis: int) -> FloatArray:
        """Return |Legendre coefficients| along an axis, (C, n, n^(k-1))."""
        shape = (-1, *[self.count] * self.dimension)
        lines = np.moveaxis(values.reshape(shape), 1 + axis, 1).reshape(len(values), self.count, -1)
        return np.asarray(np.abs(np.einsum("mi,cij->cmj", self._coefficients, lines)))

    def errors(self, values: FloatArray, worth: FloatArray | None = None) -> FloatArray:
        """Return estimates (C, k) of the errors of the integrals (C,) of values (C, n^k), by axis.

        A worth (C,) is a factor on them, found on other cells.  One below 1 is not believed in full where the
        coefficients do not decay: at a kink the error of a cell is a matter of luck.
        """
        across = self.weights.reshape(self.count, -1).sum(axis=0)
        n = self.count
        found = np.empty((len(values), self.dimension))
        for axis in range(self.dimension):
            size = self._along(values, axis) @ across
            last, middle, first = (np.maximum(size[:, n - k], size[:, n - k - 1]) for k in (1, 3, 5))
            decay = np.maximum(_ratio(last, middle), _ratio(middle, first))
            gain = np.minimum(1.0, CAUTION * decay) ** (0.5 * n)
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
        table = log_values[finite].reshape(-1, *[self.count] * self.dimension)
        changes = np.stack(
            [
                np.ptp(table, axis=1 + k).reshape(len(table), self.count ** (self.dimension - 1)).max(axis=1)
                for k in range(self.dimension)
            ]
        )
        steep = changes.max(axis=0) > STEEP
        finite, changes = finite[steep], changes[:, steep].T
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

    @functools.cached_property
    def _fine(self) -> tuple[FloatArray, FloatArray]:
        """Points of [-1, 1], its ends included, and the matrix that interpolates there."""
        points = -np.cos(np.pi * np.arange(2 * self.count + 1) / (2 * self.count))
        return points, np.polynomial.legendre.legvander(points, self.count - 1) @ self._coefficients

    def peaks(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the largest values of the interpolants on a grid with the faces, (C,), and where in [-1, 1]^k."""
        points, matrix = self._fine
        table = values.reshape(-1, *[self.count] * self.dimension)
        for axis in range(self.dimension):
            table = np.moveaxis(np.tensordot(table, matrix, axes=(1 + axis, 1)), -1, 1 + axis)
        rows = table.reshape(len(values), len(points) ** self.dimension)
        best = rows.argmax(axis=1)
        index = np.unravel_index(best, [len(points)] * self.dimension)
        return rows[np.arange(len(rows)), best], np.stack([points[i] for i in index], axis=1)

    def climbed(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what `peaks` returns, improved by a search of the interpolants with shrinking steps."""
        top, xi = self.peaks(values)
        table = values.reshape(-1, *[self.count] * self.dimension)
        step = 0.5 * math.pi / self.count
        rows = np.arange(len(values))
        for _ in range(STEPS):
            step *= 0.5
            moved = np.clip(xi[:, :, None] + step * np.arange(-2, 3), -1.0, 1.0)
            found = table
            for axis in range(self.dimension):
                matrix = np.polynomial.legendre.legvander(moved[:, axis], self.count - 1) @ self._coefficients
                found = np.einsum("cg...n,cmn->cg...m", np.moveaxis(found[:, None], 2 + axis, -1), matrix)[:, 0]
                found = np.moveaxis(found, -1, 1 + axis)
            flat = found.reshape(len(values), 5**self.dimension)
            best = flat.argmax(axis=1)
            index = np.unravel_index(best, [5] * self.dimension)
            top = np.maximum(top, flat[rows, best])
            xi = np.stack([moved[rows, axis, i] for axis, i in enumerate(index)], axis=1)
        return top, xi


def _ratio(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.divide(a, b, out=np.ones_like(a), where=b > 0.0)
