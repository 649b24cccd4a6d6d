"""Weighted points laid out for the kernels, and the sums over those of them that count."""

from __future__ import annotations

import functools
import math

import numpy as np

from ..arrays import FloatArray
from .cloud_layout import aligned, in_order, sampled, tiled
from .partial_moments import LOG2_E, PartialCovariances, PartialMoments, Reference

__all__ = ["DEFAULT_TOLERANCE", "CloudPart"]

#: Share of every moment that may be left out: far below a rounding.
DEFAULT_TOLERANCE = 1e-17
#: How many bits the distance of what is left out usually costs.
_SPARE_BITS = 10
#: Points that are all summed: a tree would not pay.
_SMALL = 512
#: Kernels of their own up to here.
_SPACE = 3
#: Boxes are of little use in more dimensions.
_ORDERED_DIMENSIONS = 12
#: Points of a tile: of long points so few that a tile stays in the cache for both of its uses.
_SHORT_LANES, _LONG_LANES = 512, 256
#: A chunk is at least 2**10 leaves, and there are at most 2**4 of them.
_CHUNK_LEVEL, _CHUNK_BITS = 10, 4
#: Entries of the partial sums, and of the tops of leaves, that are held at a time.
_ENTRIES = 2**21
#: Queries that are not worth another thread.
_FEW = 32
#: Tasks aimed for, enough to balance any number of threads, and queries that share a tile while it is in the cache.
_TASKS, _LARGEST_BLOCK = 64, 12
#: The same where points are long, and are read from memory for every block.
_SCREEN_BLOCK = 120


class CloudPart:
    """Points with weights mantissa * 2**exponent, in the order of a k-d tree.

    Points whose weights cannot add up to `tolerance` of a moment are not visited.  With B bits below the best point,
    n points left out hold at most n 2**-B of the mass in the best one's unit, at a distance from z of at most
    D = sqrt(|y_r - z|^2 + (B + e_max - e_r) 2 s ln 2), since w |y - z| falls with |y - z| from there on.
    B starts at log2(n / tolerance) and is raised, query by query, until n 2**-B D is below `tolerance` of the norms of
    the sums themselves, or nothing is left that float64 can hold.  None of this depends on the other queries.

    Parameters
    ----------
    points : (n, d), n >= 1; mantissas : (n,), in [1/2, 1); exponents : (n,), integers as float64.
    ordered : whether to bring the points into the order of a tree, which takes n log n and serves many queries.
    """

    def __init__(
        self, points: FloatArray, mantissas: FloatArray, exponents: FloatArray, *, ordered: bool = True
    ) -> None:
        from ..compute import cloud_tree  # numba is imported on first use
        from ..compute.vectors import GROUP

        count, dimension = points.shape
        offsets = cloud_tree.level_offsets(count)
        self._small = count <= _SMALL and dimension <= _ORDERED_DIMENSIONS
        if ordered and not self._small:
            points, order = in_order(points, len(offsets) - 1, boxed=dimension <= _ORDERED_DIMENSIONS)
            mantissas, exponents = mantissas[order], exponents[order]
        same = bool((mantissas == mantissas[0]).all() and (exponents == exponents[0]).all())
        self._equal = count // GROUP * GROUP if same else 0
        lanes = _SHORT_LANES if dimension <= _SPACE else _LONG_LANES
        self._tiles, self._mantissas, self._exponents = tiled(points, mantissas, exponents, lanes)
        self._size = -(-count // GROUP) * GROUP
        self._offsets, self._leaves = offsets, int(offsets[1])
        self._screened = dimension > _ORDERED_DIMENSIONS
        root = len(offsets) - 2
        self._level = min(root, max(_CHUNK_LEVEL, root - _CHUNK_BITS))
        self._chunks = -(-self._leaves >> self._level)
        self._count, self.dimension = count, dimension

    @functools.cached_property
    def _boxes(self) -> tuple[FloatArray, FloatArray]:
        """Corners (nodes, 2, d) of the boxes of the tree, and the largest exponents in them (nodes,)."""
        from ..compute.cloud_tree import enclose

        boxes, tops = np.empty((self._offsets[-1], 2, self.dimension)), np.empty(self._offsets[-1])
        points, _, exponents = self.entries()
        enclose(np.ascontiguousarray(points), exponents, self._offsets, boxes, tops)
        return boxes, tops

    @property
    def _top(self) -> float:
        """The largest exponent."""
        return float(self._boxes[1][-1])

    @functools.cached_property
    def _squares(self) -> FloatArray:
        """|y|^2 of the points, in their tiles."""
        return aligned(np.einsum("ikj,ikj->ij", self._tiles, self._tiles))

    @functools.cached_property
    def _sample(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Points (d, n) of a few leaves, their squares and exponents (n,)."""
        return sampled(self._tiles, self._squares, self._exponents, self._leaves)

    @functools.cached_property
    def _radius(self) -> float:
        """No point is farther from 0."""
        boxes, _ = self._boxes
        return math.sqrt(float((np.maximum(-boxes[-1, 0], boxes[-1, 1]) ** 2).sum()))

    def entries(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return points (n, d), mantissas (n,) and exponents (n,), in the order of the tree."""
        points = self._tiles.transpose(0, 2, 1).reshape(-1, self.dimension)[: self._count]
        return points, self._mantissas.ravel()[: self._count], self._exponents.ravel()[: self._count]

    def first_moments(
        self, centers: FloatArray, variances: FloatArray, tolerance: float = DEFAULT_TOLERANCE
    ) -> PartialMoments:
        """Return the sums of w, w y and w (y - z) for every query (z, s): centers (M, d), variances (M,)."""
        if self._small:
            return self._sum_all(centers, variances)
        from ..compute.cloud_blocks import FIRST

        d = self.dimension
        reference, sums, lost = self._accumulate(centers, variances, FIRST, (1, 2 * d + 2), tolerance)
        return PartialMoments(
            variances, reference, sums[:, 0, 0].copy(), sums[:, 0, 1 : d + 1].copy(),
            sums[:, 0, d + 1 : 2 * d + 1].copy(), lost[:, 0].copy(), lost[:, 1].copy(), lost[:, 2].copy(),
        )  # fmt: skip

    def _sum_all(self, centers: FloatArray, variances: FloatArray) -> PartialMoments:
        """Return the first moments of few points, of which none is left out."""
        from ..compute.cloud_small import small_moments
        from ..compute.threads import spread

        count, d = centers.shape
        points, found, sums = np.empty_like(centers), np.empty((count, 7)), np.empty((count, 2 * d + 1))
        spread(
            small_moments, count, self._tiles, self._mantissas, self._exponents, self._size, centers,
            0.5 * LOG2_E / variances, found, points, sums, grain=_FEW,
        )  # fmt: skip
        nothing = np.zeros(count)
        reference = Reference(points, found[:, 0].copy(), found[:, 1].copy(), found[:, 2].copy())
        return PartialMoments(
            variances, reference, sums[:, 0].copy(), sums[:, 1 : d + 1].copy(), sums[:, d + 1 :].copy(), nothing,
            nothing, nothing,
        )  # fmt: skip

    def second_moments(
        self,
        centers: FloatArray,
        variances: FloatArray,
        tolerance: float = DEFAULT_TOLERANCE,
        *,
        trace_only: bool = False,
    ) -> PartialCovariances:
        """Return the sums of w, w (y - y_r) and w (y - y_r)(y - y_r)', or w |y - y_r|^2, for every query.

        About the best point, which holds at least 1/n of the mass: the subtraction of the squared mean loses at most a
        factor n, and nothing where the best point dominates and the covariance is tiny.
        """
        from ..compute.cloud_blocks import SECOND, TRACE

        d = self.dimension
        if trace_only:
            reference, sums, _ = self._accumulate(centers, variances, TRACE, (1, d + 2), tolerance)
            mass, first, second = sums[:, 0, 0], sums[:, 0, 1 : d + 1], sums[:, 0, d + 1 :, None]
        else:
            reference, sums, _ = self._accumulate(centers, variances, SECOND, (d + 1, d + 1), tolerance)
            mass, first, second = sums[:, d, 0], sums[:, :d, 0], sums[:, :d, 1:]
        return PartialCovariances(variances, reference, mass.copy(), first.copy(), second)

    def _accumulate(
        self, centers: FloatArray, variances: FloatArray, what: int, shape: tuple[int, int], tolerance: float
    ) -> tuple[Reference, FloatArray, FloatArray]:
        """Return references, sums (M, *shape) and bounds on the w, w |y| and w |y - z| left out (M, 3)."""
        count = len(centers)
        points, found = np.empty_like(centers), np.empty((count, 7))
        sums, lost = np.empty((count, *shape)), np.empty((count, 3))
        step = max(1, _ENTRIES // max(self._chunks * shape[0] * shape[1], self._leaves if self._screened else 1))
        for start in range(0, count, step):
            rows = slice(start, start + step)
            self._accumulate_rows(
                centers[rows], variances[rows], what, tolerance, points[rows], found[rows], sums[rows], lost[rows]
            )
        reference = Reference(points, found[:, 0].copy(), found[:, 1].copy(), found[:, 2].copy())
        return reference, sums, lost

    def _accumulate_rows(
        self, centers: FloatArray, variances: FloatArray, what: int, tolerance: float, points: FloatArray,
        found: FloatArray, sums: FloatArray, lost: FloatArray,
    ) -> None:  # fmt: skip
        """Fill the last four arrays for a batch of queries."""
        from ..compute.cloud_blocks import FIRST
        from ..compute.cloud_judgement import judge_sums
        from ..compute.threads import available, spread

        count = len(centers)
        rates = 0.5 * LOG2_E / variances
        if self._screened:
            blocks = max(min(2 * available() - 1, 4), -(-count // _SCREEN_BLOCK))
            block = -(-count // (6 * blocks)) * 6  # of about the same size, rounded up to rows of `register_tiles`
        else:
            block = min(_LARGEST_BLOCK if self._leaves > 16 else _SCREEN_BLOCK, max(1, count // _TASKS))
        screen = self._find_references(centers, rates, what, block, found, points)
        if what != FIRST:
            found[:, 6] = 0.0  # covariances are not judged by what makes plain exponents do
        bits = np.full(count, float(math.ceil(math.log2(self._count / tolerance)) + _SPARE_BITS))
        todo = np.arange(count)
        while todo.size:
            # Most often everything is done in one round: without copies.
            everything = todo.size == count
            rows = slice(None) if everything else todo
            z, rate, reference, point, row_bits = centers[rows], rates[rows], found[rows], points[rows], bits[rows]
            parts = np.empty((self._chunks, todo.size, *sums.shape[1:]))
            self._add_up(z, rate, screen[rows], reference, point, reference[:, 4] - row_bits, what, block, parts)
            for chunk in range(1, self._chunks):  # in this order, whatever the number of threads
                parts[0] += parts[chunk]
            again, left = np.empty(todo.size, dtype=np.bool_), np.empty((todo.size, 3))
            spread(
                judge_sums, todo.size, what, parts[0], z, point, rate, reference, self._top, self._radius, self._count,
                tolerance, row_bits, again, left, grain=_FEW,
            )  # fmt: skip
            sums[todo], lost[todo] = parts[0], left
            if not everything:
                found[todo], bits[todo] = reference, row_bits
            todo = todo[again]

    def _find_references(
        self, centers: FloatArray, rates: FloatArray, what: int, block: int, found: FloatArray, points: FloatArray
    ) -> FloatArray:
        """Fill found (M, 7) and points (M, d); return the largest log2 weights of the leaves, or none if boxes do."""
        from ..compute.threads import spread

        tiles, exponents, size, (boxes, tops) = self._tiles, self._exponents, self._size, self._boxes
        if not self._screened:
            from ..compute.cloud_search import find_references

            tree = (tiles, exponents, size, self._offsets, boxes, tops)
            spread(find_references, len(centers), *tree, centers, rates, found, points)
            return np.empty((len(centers), 0))
        from ..compute.cloud_blocks import FIRST
        from ..compute.cloud_screen import find_dense_references, find_screened_references, screen_leaves

        screen, dense = np.zeros((len(centers), self._leaves)), np.zeros(len(centers), dtype=np.bool_)
        if what == FIRST:
            spread(
                find_dense_references, len(centers), *self._sample, tiles, exponents, size, boxes[-1], self._top,
                self._leaves, centers, rates, found, points, dense,
            )  # fmt: skip
        sparse = np.flatnonzero(~dense)
        if sparse.size:
            z, rate, above = centers[sparse], rates[sparse], np.empty((sparse.size, self._leaves))
            spread(
                screen_leaves, self._chunks * -(-sparse.size // block), self._squares, tiles, exponents, size,
                self._offsets, z, rate, self._level, block, above,
            )  # fmt: skip
            reference, point = np.empty((sparse.size, 7)), np.empty_like(z)
            spread(
                find_screened_references, sparse.size, tiles, exponents, size, above, self._radius, z, rate, reference,
                point,
            )  # fmt: skip
            screen[sparse], found[sparse], points[sparse] = above, reference, point
        return screen

    def _add_up(
        self, centers: FloatArray, rates: FloatArray, screen: FloatArray, reference: FloatArray, points: FloatArray,
        floors: FloatArray, what: int, block: int, sums: FloatArray,
    ) -> None:  # fmt: skip
        """Fill sums (chunks, M, ...) over the points that may reach the floors."""
        from ..compute.cloud_blocks import FIRST
        from ..compute.threads import spread

        tasks = self._chunks * -(-len(centers) // block)
        tree = (self._tiles, self._exponents, self._size, self._offsets, *self._boxes)
        if what != FIRST:
            from ..compute.cloud_covariances import second_sums

            spread(
                second_sums, tasks, self._mantissas, *tree, screen, centers, rates, reference, points, floors, what,
                self._level, block, sums,
            )  # fmt: skip
        elif self.dimension <= _SPACE:
            from ..compute.cloud_space import space_sums

            spread(
                space_sums, tasks, self._mantissas, *tree, centers, rates, reference, floors, self._equal, self._level,
                block, sums,
            )  # fmt: skip
        else:
            from ..compute.cloud_moments import first_sums

            spread(
                first_sums, tasks, self._mantissas, self._squares, *tree, screen, centers, rates, reference, floors,
                self._level, block, sums,
            )  # fmt: skip
