"""Averages over displaced queries of a point cloud, in coordinates of its affine hull."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray, multiply
from . import nodes as node_rules
from .averages import LOG_MASS, MEAN, TRACE, Averages
from .breakpoints import outer_edges
from .reduction import ReducedCloud
from .unseen import unseen_mass

__all__ = ["CloudNodes", "CloudQuadrature", "Shifts"]

_LN_2 = math.log(2.0)
#: Entries of the arrays that hold queries times points, or nodes times points: 8 and 64 MB.
_QUERY_ENTRIES = 2**20
_TABLE_ENTRIES = 2**23


@dataclass(frozen=True, slots=True)
class Shifts:
    """First moments of the displacements: E xi, shape (d,), and E|xi|^2."""

    mean: FloatArray
    square: float

    @staticmethod
    def of(displacements: FloatArray) -> Shifts:
        """Return those of the uniform law on displacements (n, d)."""
        return Shifts(displacements.mean(axis=0), float((displacements**2).sum(axis=1).mean()))


@dataclass(frozen=True, slots=True)
class _Queries:
    """Queries of one chunk, with the log2 weights of all points relative to the best one at each."""

    inside: FloatArray  # (M, r)
    rest: FloatArray | None  # (M, d)
    s: FloatArray
    levels: FloatArray
    references: NDArray[np.int64]
    rates: FloatArray  # of the products <y_i, xi>, in bits


class _Cloud:
    """What both rules share: chunks of queries, and the way back from hull coordinates."""

    def __init__(self, cloud: ReducedCloud, shifts: Shifts) -> None:
        self.cloud = cloud
        self.shifts = shifts
        self._log2_weights = cloud.log_weights / _LN_2

    def _chunks(self, z: FloatArray, s: FloatArray, alpha: FloatArray, width: int) -> Iterator[_Queries]:
        from ..compute.cpu_levels import point_levels
        from ..compute.threads import spread

        count = max(1, _QUERY_ENTRIES // max(len(self._log2_weights), width))
        for start in range(0, max(1, len(z)), count):  # one chunk at least, if an empty one
            rows = slice(start, start + count)
            inside, rest = self.cloud.split(z[rows])
            levels = np.empty((len(inside), len(self._log2_weights)))
            references = np.empty(len(inside), dtype=np.int64)
            bits = 1.0 / (_LN_2 * s[rows])
            spread(
                point_levels, len(inside), self.cloud.coordinates, self._log2_weights, inside, 0.5 * bits, levels,
                references,
            )  # fmt: skip
            yield _Queries(inside, rest, s[rows], levels, references, bits / alpha[rows])

    def _assemble(
        self, q: _Queries, z: FloatArray, alpha: FloatArray, moments: FloatArray, errors: FloatArray
    ) -> Averages:
        """Turn moments (M, r + 2) about the reference points and errors (M, d + 2) into averages."""
        cloud, rank = self.cloud, self.cloud.dimension
        reference = cloud.coordinates[q.references]
        shift = self.shifts.mean / alpha[:, None]
        mean = cloud.origin + cloud.lift(reference + moments[:, :rank]) - shift
        pull = cloud.lift((reference - q.inside) + moments[:, :rank]) - shift
        if q.rest is not None:
            pull -= q.rest
        # |z + zeta - y_r|^2 = |z - y_r|^2 + 2 <z - y_r, zeta> + |zeta|^2, the rest of the logits is in the moments.
        apart = q.inside - reference
        square = (apart * apart).sum(axis=1)
        if q.rest is not None:
            square += (q.rest * q.rest).sum(axis=1)
        along = ((z - cloud.origin - cloud.lift(reference)) * shift).sum(axis=1)
        exponent = (0.5 * square + along + 0.5 * self.shifts.square / alpha**2) / q.s
        log_mass = cloud.log_weights[q.references] - exponent + _LN_2 * moments[:, rank]
        # A few roundings of what was added up.
        size = np.abs(cloud.coordinates).max(initial=0.0) + np.abs(cloud.origin).max()
        lost = 4.0 * np.finfo(np.float64).eps
        bars = (
            errors[:, :-2] + lost * size,
            _LN_2 * errors[:, -2] + lost * (np.abs(log_mass) + exponent),
            errors[:, -1] + lost * moments[:, -1],
        )
        return Averages(mean, pull, log_mass, moments[:, rank + 1].copy(), bars)


class CloudNodes(_Cloud):
    """Averages over nodes: quasi-Monte Carlo, Monte Carlo, or a kernel given by its displacements.

    Parameters
    ----------
    factors : nodes are factors (R n, k) times loadings (N, k), products <y_i - y_bar, xi> of points and displacements.
    replicates : R independent sets of n nodes, one after the other; 1 if the nodes are the whole law.
    gaussian : whether factors are standard normal, so that what they cannot have seen can be bounded.
    """

    def __init__(
        self, cloud: ReducedCloud, shifts: Shifts, factors: FloatArray, loadings: FloatArray, replicates: int,
        gaussian: bool = False,
    ) -> None:  # fmt: skip
        from ..compute.cpu_smoothing import STRIDE

        super().__init__(cloud, shifts)
        self._loadings, self._replicates, self._gaussian = np.ascontiguousarray(loadings), replicates, gaussian
        self._nodes = len(factors)
        k = loadings.shape[1]
        # Columns of the table: node after node, and of each the replicates; a single set is dealt out to STRIDE.
        self._columns = replicates if replicates > 1 else STRIDE
        rows = -(-len(factors) // self._columns)
        self._dealt = np.zeros((rows * self._columns, k))
        if replicates > 1:
            self._dealt[:] = factors.reshape(replicates, rows, k).swapaxes(0, 1).reshape(len(factors), k)
        else:
            self._dealt[: len(factors)] = factors
        self._live = (np.arange(len(self._dealt)) < len(factors)).astype(np.float64)
        self._farthest = math.sqrt((factors * factors).sum(axis=1).max())
        whole = len(self._dealt) * len(loadings) <= _TABLE_ENTRIES
        self._whole = self._table(slice(None)) if whole else None
        # Averages (R, N) of the products over the nodes of a replicate.
        means = factors.reshape(replicates, len(factors) // replicates, k).mean(axis=1)
        self._common = multiply(means, np.ascontiguousarray(self._loadings.T))

    def _table(self, columns: slice) -> FloatArray:
        from ..compute.cpu_smoothing import STRIDE, products
        from ..compute.threads import spread

        nodes = self._dealt[columns]
        table = np.empty((len(nodes) // STRIDE, len(self._loadings), STRIDE))
        spread(products, len(table), self._loadings, nodes, table)
        return table

    def average(self, z: FloatArray, s: FloatArray, alpha: FloatArray, part: int, with_errors: bool) -> Averages:
        """Return the averages at z = x/alpha, s; `part` (MEAN, LOG_MASS, TRACE) and the mean are filled."""
        size, replicates = self.cloud.dimension, self._replicates
        found, start = [], 0
        for q in self._chunks(z, s, alpha, replicates * max(size + 2, z.shape[1])):
            rows = slice(start, start + len(q.s))
            start = rows.stop
            values, moments = self._moments(q, part, with_errors and replicates > 1)
            errors = np.zeros((len(q.s), z.shape[1] + 2))
            if with_errors and replicates > 1:
                lifted = self.cloud.lift(moments[:, :, :size])
                errors = node_rules.standard_error(np.concatenate([lifted, moments[:, :, size:]], axis=2), 1)
            if with_errors and self._gaussian:
                errors += self._unseen(q, z.shape[1])
            found.append(self._assemble(q, z[rows], alpha[rows], values, errors))
        return Averages.join(found)

    def _unseen(self, q: _Queries, d: int) -> FloatArray:
        """Return what rare displacements may add to the mean (the same for every component), log2 sum and trace."""
        distance = _distances(self.cloud.coordinates, q.references)
        spreads = (q.rates * _LN_2)[:, None] * _distances(self._loadings, q.references)
        share, excess = unseen_mass(_LN_2 * np.minimum(q.levels, 0.0), spreads, self._nodes)
        mean, trace = (share * distance).sum(axis=1), (share * distance**2).sum(axis=1)
        return np.column_stack([np.repeat(mean[:, None], d, axis=1), excess.sum(axis=1) / _LN_2, trace])

    def _moments(self, q: _Queries, part: int, apart: bool) -> tuple[FloatArray, FloatArray]:
        """Return the moments (M, r + 2) of all nodes, and (M, R, r + 2) of every replicate if asked for `apart`."""
        from ..compute.cpu_smoothing import node_moments, segments_of, tiles_of
        from ..compute.threads import spread

        points, columns, count = self.cloud.coordinates, self._columns, len(self._dealt)
        width = count if self._whole is not None else max(1, _TABLE_ENTRIES // (len(points) * columns)) * columns
        values = np.zeros((len(q.s), points.shape[1] + 2))
        parts = np.zeros((len(q.s), self._replicates if apart else 0, points.shape[1] + 2))
        for start in range(0, count, width):
            table = self._table(slice(start, start + width)) if self._whole is None else self._whole
            live = self._live[start : start + width]
            segments = segments_of(len(live))
            total, part_totals = np.empty((segments, *values.shape)), np.empty((segments, *parts.shape))
            tile, tiles = tiles_of(len(q.s), len(points), columns)
            spread(
                node_moments, tiles * segments, tile, q.levels, q.references, q.rates, self._farthest, self._loadings,
                table, live, columns, points, part == LOG_MASS, part == TRACE, total, part_totals,
            )  # fmt: skip
            values += total.sum(axis=0)
            parts += part_totals.sum(axis=0)
        values /= self._nodes
        parts /= self._nodes // self._replicates
        # Log2 sums relative to the displaced reference: what it shares with all points is taken exactly elsewhere.
        common = q.rates[:, None] * self._common[:, q.references].T
        values[:, -2] -= common.mean(axis=1)
        parts[:, :, -2] -= common[:, : parts.shape[1]]
        return values, parts


class CloudQuadrature(_Cloud):
    """Averages over Gaussian displacements that enter through at most two numbers, to a relative tolerance."""

    def __init__(self, cloud: ReducedCloud, shifts: Shifts, loadings: FloatArray, tolerance: float) -> None:
        super().__init__(cloud, shifts)
        self._tolerance = tolerance
        self._slopes = _generic(loadings) if loadings.shape[1] == 2 else loadings

    def average(self, z: FloatArray, s: FloatArray, alpha: FloatArray, part: int, with_errors: bool) -> Averages:
        """Return the averages at z = x/alpha, s; only `part` is sure to meet the tolerance."""
        from ..compute.cpu_planes import plane_moments
        from ..compute.threads import spread

        size = self.cloud.dimension
        found, start = [], 0
        for q in self._chunks(z, s, alpha, size + 2):
            rows = slice(start, start + len(q.s))
            start = rows.stop
            values, errors = np.empty((len(q.s), size + 2)), np.empty((len(q.s), 3))
            offsets, scales = self._relative_to(q, part)
            edges, starts = outer_edges(q.levels, q.references, q.rates, self._slopes, part, self._tolerance)
            spread(
                plane_moments, len(q.s), q.levels, q.references, q.rates, self._slopes, self.cloud.coordinates, edges,
                starts, offsets, scales, self._tolerance, part, values, errors,
            )  # fmt: skip
            # The error of the mean is one of its norm; no component is off by more.
            apart = np.concatenate([np.repeat(errors[:, :1], z.shape[1], axis=1), errors[:, 1:]], axis=1)
            found.append(self._assemble(q, z[rows], alpha[rows], values, apart))
        return Averages.join(found)

    def _relative_to(self, q: _Queries, part: int) -> tuple[FloatArray, FloatArray]:
        """Return offsets (M, r + 2) and scales (M,): errors are relative to max(|moments + offset|, scale)."""
        size = self.cloud.dimension
        offsets = np.zeros((len(q.s), size + 2))
        offsets[:, :size] = self.cloud.coordinates[q.references] - q.inside
        if part == MEAN:  # of the whole pull, of which the rest does not depend on the integral
            rest = np.zeros(len(q.s)) if q.rest is None else np.linalg.norm(q.rest, axis=1)
            return offsets, rest
        return offsets, np.ones(len(q.s)) if part == LOG_MASS else q.s.copy()


def _distances(points: FloatArray, references: NDArray[np.int64]) -> FloatArray:
    """Return |y_i - y_reference|, (M, N), good to the square root of rounding: they enter error bars only."""
    squares = (points * points).sum(axis=1)
    products = multiply(points[references], np.ascontiguousarray(points.T))
    return np.asarray(np.sqrt(np.maximum(squares + squares[references, None] - 2.0 * products, 0.0)))


def _generic(loadings: FloatArray) -> FloatArray:
    """Rotate the plane of the loadings (N, 2) so that no wall between two points is parallel to the first axis.

    A wall is orthogonal to the difference of its points.  Where it is parallel to the direction that is integrated
    first the outer integrand would have a step there.
    """
    some = loadings[np.linspace(0, len(loadings) - 1, min(len(loadings), 120)).astype(np.int64)]
    apart = (some[:, None] - some)[np.triu_indices(len(some), 1)]
    apart = apart[np.linalg.norm(apart, axis=1) > 0.0]
    directions = np.arctan2(apart[:, 1], apart[:, 0])
    angles = np.linspace(0.0, np.pi, 181)[:-1] + 0.005
    best = angles[np.argmax([np.abs(np.cos(directions - angle)).min() for angle in angles])]
    rotation = np.array([[np.cos(best), -np.sin(best)], [np.sin(best), np.cos(best)]])
    return multiply(loadings, rotation)
