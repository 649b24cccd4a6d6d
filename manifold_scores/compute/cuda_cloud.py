"""Moments of clouds on the card: which kernels run, in which order, on how many queries at a time."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .cloud_blocks import FIRST, SECOND, TRACE
from .cuda_arithmetic import first_bits
from .cuda_finish import FirstMoments, blocks_of, finish_covariance, finish_first, finish_trace, launch
from .cuda_memory import empty, integers, spare_bytes, to_host
from .cuda_queries import choose_reference, fill_rates, improve_reference, merge_and_judge
from .cuda_short import THREADS, columns, enclosing, search, sums

__all__ = ["ShortCloud"]

#: Tiles of a chunk, and how many chunks there are at most: as many as keep a large card busy with one block of queries.
_CHUNK, _CHUNKS = 64, 64
#: Bytes that the sums of a batch of queries may take at most.
_WORKSPACE = 2**30


class _Batch(NamedTuple):
    """What is known of a batch of queries once its sums are done."""

    references: Any
    indices: Any
    sums: Any
    lost: Any


class ShortCloud:
    """Points of few coordinates with weights mantissa * 2**exponent, on the card.

    Parameters
    ----------
    points : (N, d), mantissas, exponents : (N,), arrays of the card of one precision; the points in the order of a
        tree if boxes are to help.
    log_total : the logarithm of the sum of all weights.
    tolerance : the share of every moment that may be left out.
    """

    def __init__(self, points: Any, mantissas: Any, exponents: Any, log_total: float, tolerance: float) -> None:
        self.count, self.dimension = points.shape
        self.real = points.dtype.type
        self._arrays = points, mantissas, exponents
        self._log_total, self._tolerance = log_total, tolerance
        tiles = -(-self.count // THREADS)
        self._width = max(_CHUNK, -(-tiles // _CHUNKS))
        self._chunks = -(-tiles // self._width)
        self._boxes, self._tops = empty((tiles, 2, self.dimension), self.real), empty(tiles, self.real)
        launch(enclosing(self.dimension, self.real), tiles, points, exponents, self._boxes, self._tops)
        boxes = to_host(self._boxes).astype(np.float64)
        # No point is farther from 0 than the radius.
        self._radius = math.sqrt(float((np.maximum(-boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)) ** 2).sum()))
        self._top = float(to_host(self._tops).max())

    def first(self, centers: Any, variances: Any, lost: Any = None) -> FirstMoments:
        """Return the moments at centers (M, d) and variances (M,).

        lost (M, 3) receives bounds on what was left out of the mass, as a share of it, of the mean and of the
        displacement.
        """
        count, d, real = len(variances), self.dimension, self.real
        shape = (count, d)
        found = FirstMoments(
            empty(count, real), empty(shape, real), empty(shape, real), empty(shape, real), empty(count, real)
        )
        for rows in self._batches(count, FIRST):
            batch = self._sums(centers[rows], variances[rows], FIRST)
            launch(
                finish_first(real), len(batch.indices), batch.sums, batch.references, batch.indices, self._arrays[0],
                variances[rows], real(self._log_total), *(part[rows] for part in found),
            )  # fmt: skip
            if lost is not None:
                lost[rows] = batch.lost
        return found

    def trace(self, centers: Any, variances: Any) -> Any:
        """Return the traces of the covariances, (M,)."""
        trace = empty(len(variances), self.real)
        for rows in self._batches(len(variances), TRACE):
            batch = self._sums(centers[rows], variances[rows], TRACE)
            launch(finish_trace, len(batch.indices), batch.sums, trace[rows])
        return trace

    def covariance(self, centers: Any, variances: Any) -> Any:
        """Return the covariances, (M, d, d)."""
        covariance = empty((len(variances), self.dimension, self.dimension), self.real)
        for rows in self._batches(len(variances), SECOND):
            batch = self._sums(centers[rows], variances[rows], SECOND)
            launch(finish_covariance, len(batch.indices), batch.sums, covariance[rows])
        return covariance

    def _batches(self, count: int, what: int) -> list[slice]:
        """Return slices of the queries whose sums fit into the memory, together."""
        rows, width = self._shape(what)
        each = self.real().nbytes * ((self._chunks + 1) * (rows * width + 2) + 16)
        step = min(_WORKSPACE, spare_bytes()) // each
        step = max(THREADS, step - step % THREADS)
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def _shape(self, what: int) -> tuple[int, int]:
        d = self.dimension
        return (d + 1, d + 1) if what == SECOND else (1, 2 * d + 2 if what == FIRST else d + 2)

    def _sums(self, centers: Any, variances: Any, what: int) -> _Batch:
        """Return the sums of a batch: rounds over the points within reach, until what is left out does not count."""
        points, mantissas, exponents = self._arrays
        count, d, real = len(variances), self.dimension, self.real
        rates, bits, pending = empty(count, real), empty(count, real), empty(blocks_of(count), np.int32)
        reach = first_bits(self.count, self._tolerance, real)
        launch(fill_rates(real), count, variances, real(reach), rates, bits)
        references, indices = self._references(centers, rates)
        rows, width = self._shape(what)
        partial = empty((self._chunks, count, rows * width), real)
        total, lost = empty((count, rows, width), real), empty((count, 3), np.float64)
        places, grid = columns(d, what), (blocks_of(count, THREADS), self._chunks)
        while True:
            for exact in (False, True):
                sums(d, real, what, exact)[grid, THREADS](
                    points, mantissas, exponents, self._boxes, self._tops, centers, rates, references, indices, bits,
                    self._width, partial,
                )  # fmt: skip
            launch(
                merge_and_judge(real, what, places), count, partial, centers, points, rates, references, indices,
                self._top, self._radius, self.count, self._tolerance, bits, total, lost, pending,
            )  # fmt: skip
            if not to_host(pending).any():
                return _Batch(references, indices, total, lost)

    def _references(self, centers: Any, rates: Any) -> tuple[Any, Any]:
        """Return references (M, 7) and indices (M,) of the best points, as `choose_reference` fills them."""
        points, _, exponents = self._arrays
        count, d, real = len(rates), self.dimension, self.real
        references, indices = empty((count, 7), real), integers(count)
        levels, found = empty((self._chunks, count), real), integers((self._chunks, count))
        grid, tree = (blocks_of(count, THREADS), self._chunks), (points, exponents, self._boxes, self._tops)
        search(d, real, False)[grid, THREADS](*tree, centers, rates, references, self._width, levels, found)
        launch(choose_reference(d, real), count, points, exponents, centers, rates, levels, found, references, indices)
        search(d, real, True)[grid, THREADS](*tree, centers, rates, references, self._width, levels, found)
        launch(improve_reference(d, real), count, points, exponents, centers, levels, found, references, indices)
        return references, indices
