"""Moments of clouds in many dimensions on the card: products of matrices, and exact differences where they fall short.

Cost, of M queries and N points in R^d: two products of matrices of 2 M N d operations each, and five passes over the
table of M N weights, a block of which is held at a time.  Queries whose exponents inner products would spoil use the
first product as a screen; the few points that it leaves are measured in double-double arithmetic.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compilation import IntArray
from .cuda_arithmetic import LARGEST_BITS, first_bits
from .cuda_finish import FirstMoments
from .cuda_long_batch import Batch, Block, Points, Space
from .cuda_long_judgement import finish_products, finish_traces
from .cuda_long_rows import THREADS, bound_left_out, centre_rows, divide, sum_columns
from .cuda_long_sums import SIDE, add_second, finish_covariances, finish_first, finish_trace, pairs
from .cuda_memory import empty, spare_bytes, to_card, to_host

__all__ = ["LongCloud"]

#: Points of a block, whose weighted sums are plain; entries of the table of weights.
_BLOCK, _ENTRIES = 8192, 2**27
#: Queries of a batch: a multiple of this where they are many, worth holding tables of all blocks for, and at most.
_GROUP, _MOST = 128, 2**14
#: Rows that are added up at a time where the origin is found.
_WIDTH = 1024


class LongCloud:
    """Points of any number of coordinates with weights mantissa * 2**exponent, on the card.

    Accuracy: log mass, mean and displacement to a few eps (1 + kappa) of the precision, covariances to 1e-10 of their
    norm in double precision.  Points are left out where all of them together cannot change a moment by the tolerance,
    and weights below 2**-900 of the best one, 2**-120 in single precision.
    Memory beyond the results: `entries` numbers and a few for every query of a batch and coordinate.

    Parameters
    ----------
    points : (N, d), mantissas, in [1/2, 1), exponents : (N,), arrays of the card of one precision.
    log_total : the logarithm of the sum of all weights.
    tolerance : the share of every moment that may be left out.
    block, entries : points of a block, and entries of the tables; less where memory is short.
    """

    def __init__(
        self,
        points: Any,
        mantissas: Any,
        exponents: Any,
        log_total: float,
        tolerance: float,
        *,
        block: int = _BLOCK,
        entries: int = _ENTRIES,
    ) -> None:
        self.count, self.dimension = points.shape
        self.real = points.dtype.type
        self._log_total = self.real(log_total)
        self._entries, self._tolerance = entries, tolerance
        self._most_bits = LARGEST_BITS[np.dtype(self.real)]
        self._bits = first_bits(self.count, tolerance, self.real)
        origin = self._mean(points)
        centred, squares = empty(points.shape, self.real), empty(self.count, self.real)
        centre_rows(self.real)[self.count, THREADS](points, origin, centred, squares)
        whole = Block(0, points, centred, squares, mantissas, exponents)
        # No point is farther from the origin; a little more, since squares are rounded.
        radius = self.real(1.001 * math.sqrt(float(to_host(squares).max())))
        self._reach = float(np.linalg.norm(to_host(origin).astype(np.float64)) + radius)
        width = -(-self.count // -(-self.count // block))
        runs = [slice(start, min(start + width, self.count)) for start in range(0, self.count, width)]
        blocks = tuple(Block(run.start, *(array[run] for array in whole[1:])) for run in runs)
        self._points = Points(whole, origin, radius, blocks)

    def first(self, centers: Any, variances: Any, lost: Any = None) -> FirstMoments:
        """Return the moments at centers (M, d) and variances (M,).

        lost (M, 3), float64, receives bounds on what was left out of the mass, as a share of it, of the mean and of the
        displacement.
        """
        count, shape, real = len(variances), (len(variances), self.dimension), self.real
        found = FirstMoments(
            empty(count, real), empty(shape, real), empty(shape, real), empty(shape, real), empty(count, real)
        )
        share = 2.0 * self.count * 2.0**-self._bits
        for rows, batch in self._batches(centers, variances, self._bits):
            if lost is not None:
                bound_left_out[-(-batch.count // THREADS), THREADS](
                    batch.squares, share, self._reach, float(self._points.radius), lost[rows]
                )
            self._first(batch, tuple(part[rows] for part in found))
        return found

    def trace(self, centers: Any, variances: Any) -> Any:
        """Return the traces of the covariances, (M,)."""
        traces = empty(len(variances), self.real)
        for rows, batch in self._batches(centers, variances, self._most_bits):
            self._trace(batch, traces[rows])
        return traces

    def covariance(self, centers: Any, variances: Any) -> Any:
        """Return the covariances, (M, d, d)."""
        covariances = empty((len(variances), self.dimension, self.dimension), self.real)
        for rows, batch in self._batches(centers, variances, self._most_bits, 2 * self.dimension**2):
            self._covariance(batch, covariances[rows])
        return covariances

    def _mean(self, points: Any) -> Any:
        """Return the mean of the points, (d,)."""
        columns = -(-self.dimension // THREADS)
        parts = -(-self.count // _WIDTH)
        sums, total = empty((parts, self.dimension), self.real), empty((1, self.dimension), self.real)
        mean = empty(self.dimension, self.real)
        sum_columns(self.real)[(parts, columns), THREADS](points, _WIDTH, sums)
        sum_columns(self.real)[(1, columns), THREADS](sums, parts, total)
        divide[columns, THREADS](total, self.real(self.count), mean)
        return mean

    def _batches(self, centers: Any, variances: Any, bits: float, each: int = 0) -> Any:
        """Yield rows and the batch of their queries, all of about the same size; each takes so many entries more."""
        if not len(variances):
            return
        entries, size = self._entries, self.real().nbytes
        while entries > 1 and entries * size > spare_bytes():
            entries //= 2  # by twos, so that batches and with them roundings rarely depend on what else is there
        count, points = len(variances), self._points
        most = max(1, entries // max(8 * self.dimension, each))
        keeps = entries // self.count >= min(count, _GROUP)
        fit = max(1, min(most, _MOST, entries // (self.count if keeps else len(points.blocks[0].points))))
        fit -= fit % _GROUP if fit > _GROUP else 0
        step = -(-count // -(-count // fit))
        space = Space(self.real)
        for start in range(0, count, step):
            rows = slice(start, min(start + step, count))
            yield rows, Batch(points, space, centers[rows], variances[rows], bits, keeps=keeps)

    def _first(self, batch: Batch, found: Any) -> None:
        """Fill the moments of a batch, by products where these suffice."""
        whole, todo = self._points.whole, np.arange(batch.count)
        if batch.search():
            finish_products(self.real)[batch.count, THREADS](
                batch.sums, batch.add_products(), self._points.origin, batch.centred, whole.points, batch.indices,
                batch.references, batch.variances, batch.losses, self._log_total, batch.suited, *found,
            )  # fmt: skip
            todo = np.flatnonzero(to_host(batch.suited) == 0)
            if todo.size == 0:
                return
            batch = batch.only(todo, self._bits)
        again = self._measured_first(batch, todo, found)
        if again.size:
            self._measured_first(batch.only(again, self._most_bits), todo[again], found)

    def _measured_first(self, batch: Batch, places: IntArray, found: Any) -> IntArray:
        """Fill the moments of a batch at their places; return which of it left out too much."""
        batch.measure()
        for part in batch.weights():
            totals = batch.add(*part, batch.centers, spread=False)
        # With all the bits there are, nothing is left out.
        left = self.count * 2.0**-batch.bits / self._tolerance if batch.bits < self._most_bits else 0.0
        finish_first(self.real)[batch.count, THREADS](
            batch.sums, totals, self._points.whole.points, batch.indices, batch.references, batch.variances,
            self._log_total, batch.squares, self._points.radius, self.real(self._reach), self.real(left), batch.suited,
            to_card(places), *found,
        )  # fmt: skip
        return np.flatnonzero(to_host(batch.suited))

    def _trace(self, batch: Batch, traces: Any) -> None:
        """Fill the traces of a batch, by products where these suffice."""
        todo = np.arange(batch.count)
        if batch.search(for_traces=True):
            totals = batch.add_products()
            finish_traces(self.real)[batch.count, THREADS](batch.sums, totals, batch.suited, traces)
            todo = np.flatnonzero(to_host(batch.suited) == 0)
            if todo.size == 0:
                return
            batch = batch.only(todo, self._most_bits)
        batch.measure()
        best = batch.best()
        for part in batch.weights():
            totals = batch.add(*part, best, spread=True)
        finish_trace(self.real)[batch.count, THREADS](batch.sums, totals, to_card(todo), traces)

    def _covariance(self, batch: Batch, covariances: Any) -> None:
        """Fill the covariances of a batch, about the best points."""
        batch.search()
        batch.measure()
        best, grid = batch.best(), (pairs(self.dimension), batch.count)
        second = batch.take("second", (2, batch.count, self.dimension, self.dimension))
        for first, block, weights, counts in batch.weights():
            totals = batch.add(first, block, weights, counts, best, spread=True)
            add_second(self.real)[grid, (SIDE, SIDE)](weights, counts, block.points, best, first, second)
        finish_covariances[batch.count, THREADS](batch.sums, totals, second, covariances)
