"""A batch of queries against a long cloud on the card: tables of weights, block by block of points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cuda_long_judgement import judge_references
from .cuda_long_levels import (
    MEASURERS,
    SEGMENT,
    best_points,
    measure_again,
    move_references,
    weigh_again,
    weigh_products,
)
from .cuda_long_rows import THREADS, add_part, centre_rows, take_rows
from .cuda_long_sums import COLUMNS, add_first
from .cuda_memory import empty, to_card, to_host
from .cuda_products import multiply

__all__ = ["Batch", "Block", "Points", "Space"]


class Block(NamedTuple):
    """Some of the points: where they start, as given and less the origin, |y|^2 of the latter, and weights."""

    start: int
    points: Any
    centred: Any
    squares: Any
    mantissas: Any
    exponents: Any


class Points(NamedTuple):
    """All points, the origin (d,), the largest distance from it, and their blocks; kept as one first block too."""

    whole: Block
    origin: Any
    radius: Any
    blocks: tuple[Block, ...]


class Space:
    """Arrays that one batch after the other works in; the first one is the largest."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._held: dict[str, Any] = {}

    def take(self, name: str, shape: tuple[int, ...], real: Any = None) -> Any:
        """Return the array of a name in a shape, with whatever is in it."""
        size = int(np.prod(shape))
        if name not in self._held or self._held[name].size < size:
            self._held[name] = empty(size, real or self._real)
        return self._held[name][:size].reshape(shape)

    def ones(self, count: int) -> Any:
        """Return an array of integers 1."""
        if "ones" not in self._held or self._held["ones"].size < count:
            self._held["ones"] = to_card(np.ones(count, dtype=np.int32))
        return self._held["ones"][:count]


class Batch:
    """Queries (z, s) and what is found out about them.

    Parameters
    ----------
    points : what they are compared with.
    space : where to work.
    centers, variances : (m, d) and (m,).
    bits : how far below the best point others may count.
    keeps : whether the tables of all blocks are held together; if not, they are computed again where they are needed.
    """

    def __init__(self, points: Points, space: Space, centers: Any, variances: Any, bits: float, *, keeps: bool) -> None:
        self.centers, self.variances = centers, variances
        self._points, self._space, self.bits, self._keeps = points, space, bits, keeps
        self.count, self._dimension = centers.shape
        m, d, self._real = self.count, self._dimension, points.origin.dtype.type
        self.centred, self.squares = space.take("centred", (m, d)), space.take("squares", (m,))
        centre_rows(self._real)[m, THREADS](centers, points.origin, self.centred, self.squares)
        self.levels, self.indices = space.take("levels", (m,)), space.take("indices", (m,), np.int64)
        self.references = space.take("references", (m, 3))
        self._gains, self.floors = space.take("gains", (m,)), space.take("floors", (m,))
        self.losses, self.suited = space.take("losses", (m,)), space.take("suited", (m,), np.int32)
        self.sums = space.take("sums", (2, m, 2))
        self._filled, self._name = False, ""

    def search(self, *, for_traces: bool = False) -> bool:
        """Find the best points as far as inner products can; return whether these are good enough for some query."""
        for i, block in enumerate(self._points.blocks):
            best_points(self._real, False)[self.count, THREADS](
                self._products(i), block.squares, block.exponents, self.variances, block.start, self.levels,
                self._gains, self.indices,
            )  # fmt: skip
        self._filled = self._keeps
        self._judge(for_traces)
        return bool(to_host(self.suited).any())

    def add_products(self) -> Any:
        """Return the sums of w y (2, m, d), high and low, by products of matrices; `sums` has those of w and w |y|^2.

        Both about the origin, and of queries that are suited.
        """
        part = self._space.take("part", (self.count, self._dimension))
        totals = self._space.take("totals", (2, self.count, self._dimension))
        for i, block in enumerate(self._points.blocks):
            table = self._products(i)
            weigh_products(self._real)[self.count, THREADS](
                table, block.squares, block.mantissas, block.exponents, self.variances, self.references,
                self._gains, self.suited, i == 0, self.sums,
            )  # fmt: skip
            multiply(table, block.centred, part)
            add_part(self._real)[self.count, THREADS](part, i == 0, totals)
        return totals

    def only(self, places: NDArray[np.int64], bits: float) -> Batch:
        """Return a batch of some of the queries, searched again: products of this one are used up."""
        m = len(places)
        # Those of this one may already be some of another's.
        name = f"{self._name}'"
        centers = self._space.take(f"centers {name}", (m, self._dimension))
        variances = self._space.take(f"variances {name}", (m,))
        take_rows[m, THREADS](self.centers, self.variances, to_card(places), centers, variances)
        batch = Batch(self._points, self._space, centers, variances, bits, keeps=self._keeps)
        batch._name = name
        batch.search()
        return batch

    def measure(self) -> None:
        """Move references to points that are better in exact arithmetic."""
        m, levels = self.count, self._space.take("measured", (self.count,))
        places = self._space.take("places", (m,), np.int64)
        for i, block in enumerate(self._points.blocks):
            table = self._products(i)
            self._measure_block(i, table, self._space.ones(m), measured=False)
            best_points(self._real, True)[m, THREADS](
                table, block.squares, block.exponents, self.variances, block.start, levels, self._gains, places
            )
        move_references(self._real)[-(-m // THREADS), THREADS](levels, places, self.indices, self._moved)
        self._judge(False)

    def weights(self) -> Iterator[tuple[bool, Block, Any, Any]]:
        """Yield for every block whether it is the first, its weights (m, n) and how many count in every segment.

        Exact ones, relative to 2**exponent of the references; their sums are in `sums` once all blocks are done.
        """
        for i, block in enumerate(self._points.blocks):
            table = self._products(i)
            if self._filled:
                self._measure_block(i, table, self._moved, measured=True)
            else:
                self._measure_block(i, table, self._space.ones(self.count), measured=False)
            counts = self._counts(i)
            weigh_again(self._real)[self.count, THREADS](table, block.mantissas, counts, i == 0, self.sums)
            yield i == 0, block, table, counts

    def add(self, first: bool, block: Block, weights: Any, counts: Any, origins: Any, *, spread: bool) -> Any:
        """Return the sums (4, m, d) that `cuda_long_sums.add_first` adds up, with those of this block."""
        totals = self._space.take("totals", (4, self.count, self._dimension))
        grid = (-(-self._dimension // COLUMNS), self.count)
        add_first(self._real, spread)[grid, COLUMNS](weights, counts, block.points, origins, first, totals)
        return totals

    def best(self) -> Any:
        """Return the best points, (m, d)."""
        best, squares = self._space.take("best", (self.count, self._dimension)), self._space.take("some", (self.count,))
        whole = self._points.whole
        take_rows[self.count, THREADS](whole.points, whole.squares, self.indices, best, squares)
        return best

    def take(self, name: str, shape: tuple[int, ...]) -> Any:
        """Return an array to work in, as `Space.take` does."""
        return self._space.take(name, shape)

    @property
    def _moved(self) -> Any:
        return self._space.take("moved", (self.count,), np.int32)

    def _counts(self, i: int) -> Any:
        segments = -(-len(self._points.blocks[i].points) // SEGMENT)
        return self._space.take(f"counts {i if self._keeps else 0}", (self.count, segments), np.int32)

    def _products(self, i: int) -> Any:
        """Return the table of a block: inner products, or what has become of them if tables are kept."""
        block = self._points.blocks[i]
        table = self._space.take(f"table {i if self._keeps else 0}", (self.count, len(block.points)))
        if not self._filled:
            multiply(self.centred, block.centred, table, transposed=True)
        return table

    def _measure_block(self, i: int, table: Any, active: Any, *, measured: bool) -> None:
        block, counts = self._points.blocks[i], self._counts(i)
        measure_again(self._real, measured)[(counts.shape[1], self.count), MEASURERS](
            table, block.points, block.squares, block.exponents, self.centers, self.variances, self.references,
            self.floors, active, counts,
        )  # fmt: skip

    def _judge(self, for_traces: bool) -> None:
        whole = self._points.whole
        judge_references(self._real)[self.count, THREADS](
            whole.points, whole.centred, whole.exponents, self.centers, self.centred, self.variances,
            self._points.radius, self._real(self.bits), self.levels, self.indices, for_traces, self.references,
            self.floors, self.losses, self.suited,
        )  # fmt: skip
