"""Point clouds larger than memory, reduced chunk by chunk with Dask, on one machine or many."""

from __future__ import annotations

import functools
import math
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..blockwise import inside_a_block, known_sizes
from ..namespaces import is_dask
from ..tilt import Measure, Tilt
from .npy import from_npy, require_dask
from .partial_sums import FIRST, SECOND, TRACE, Queries, drawn, in_one_unit, merge, merged_in_order, partial_sums, weigh

__all__ = ["DistributedCloud", "from_npy"]

#: Numbers in the partial sums of one chunk, 16 MB: more queries take several passes over the points.
_ENTRIES = 2**21


class DistributedCloud(Measure):
    """A weighted point cloud in a Dask array, larger than memory: sum_i w_i delta_{y_i}, as `PointCloud`.

    Each chunk of points becomes, in one task that loads it and lets go of it, the partial sums of its tilted weights,
    means and second moments relative to its best point; these are merged two by two along a binary tree that depends on
    the number of chunks alone.  So the same chunks give the same bits on any scheduler, for any number of workers, and
    when a worker dies and its tasks are repeated.  Other chunks, and a `PointCloud` of the same points, differ by
    rounding: at most a few eps (1 + kappa) for every level of the tree.

    Targets computed with it use Dask's default scheduler: the client of `dask.distributed` if there is one, else
    threads.  A pass over the points serves as many queries as have 16 MB of partial sums (about 100 000 in R^3).
    Queries that are Dask arrays themselves stay lazy: each block of them walks through all chunks, one after another,
    in one task.

    A thread of a worker holds one chunk, what 32 MB of its points need as they are worked on, and as many partial sums
    as the tree has levels: with chunks of 64 MB a worker of one thread stays below 0.6 GB.  Kernels use one thread for
    each thread of Dask.

    Parameters
    ----------
    points : Dask array (N, d) in chunks of known sizes, such as `from_npy(path)` or `dask.array.from_zarr(path)`; any
        real dtype, taken as float64.
    weights : (N,), a Dask array, best in the chunks of the points, or one in memory, which travels with the tasks;
        non-negative, not all zero, normalised here; default equal.
    ordered : whether each chunk is brought into the order of a k-d tree first.  In R^3 that costs about as much as 100
        queries without it, after which small variances cost little; False is faster for fewer queries a pass.

    Raises
    ------
    ValueError, TypeError : no Dask array, wrong shapes or dtypes, chunks of unknown sizes, at once; NaN or infinity,
        negative or all-zero weights when they are met.
    ImportError : dask is missing.
    """

    dimension = 0

    def __init__(self, points: Any, weights: Any = None, *, ordered: bool = True) -> None:
        if not is_dask(points):
            require_dask()
            raise TypeError(
                f"points must be a Dask array; got {type(points).__name__} (PointCloud takes points in memory)"
            )
        #: Whether each chunk is brought into the order of a k-d tree.
        self.ordered = arrays.flag("ordered", ordered)
        arrays.extended_array("points", points._meta)
        if points.ndim != 2 or 0 in points.shape:
            raise ValueError(f"points must be a non-empty (N, d) array; got shape {points.shape}")
        known_sizes("points", points)
        size = int(points.shape[0])
        if is_dask(weights):
            arrays.extended_array("weights", weights._meta)
            if weights.shape != (size,):
                raise ValueError(f"weights must have shape ({size},); got {weights.shape}")
        elif weights is not None:
            weights = arrays.weights("weights", weights, size)
        self.ambient_dimension = int(points.shape[1])
        #: The points, with all columns in one chunk.
        self.points = points.rechunk({1: -1})
        #: The weights as they were given, in the chunks of the points, or None.
        self.weights = None if weights is None else _in_chunks(weights, self.points.chunks[0])
        self._masses: tuple[int, FloatArray] | None = None

    def __repr__(self) -> str:
        chunks = len(self.points.chunks[0])
        return f"DistributedCloud({len(self)} points in R^{self.ambient_dimension}, {chunks} chunk(s))"

    def __len__(self) -> int:
        return int(self.points.shape[0])

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        found = self._empty(centers)
        for rows, partial in self._reduced(FIRST, centers, variances):
            tilt = partial.tilt(self._log_total())
            for name in ("log_mass", "mean", "displacement", "anchor", "log_rest"):
                getattr(found, name)[rows] = getattr(tilt, name)
        return found

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return self._covariances(SECOND, centers, variances, self.ambient_dimension)

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return np.ascontiguousarray(self._covariances(TRACE, centers, variances, 1)[:, 0, 0])

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n draws (n, d): so many from each chunk, in random order; chunks without draws are not loaded."""
        masses = self._chunk_masses()[1]
        counts = rng.multinomial(n, masses / masses.sum())
        plans = np.array(list(zip(counts, rng.integers(2**63, size=len(counts)), strict=True)), dtype="i8,i8")
        tasks = self._chunks(drawn, plans=plans)
        rows = _compute([task for task, count in zip(tasks, counts, strict=True) if count])
        return np.asarray(rng.permutation(np.concatenate([np.empty((0, self.ambient_dimension)), *rows])))

    def _covariances(self, what: str, centers: FloatArray, variances: FloatArray, size: int) -> FloatArray:
        found = np.empty((len(centers), size, size))
        for rows, partial in self._reduced(what, centers, variances):
            found[rows] = partial.covariance()
        return found

    def _reduced(self, what: str, centers: FloatArray, variances: FloatArray) -> Iterator[tuple[slice, Any]]:
        """Yield slices of the queries and the partial sums over all chunks for them."""
        import dask

        d = self.ambient_dimension
        step = max(1, _ENTRIES // (3 * d + 9 + (d * d if what == SECOND else 0)))
        largest = self._chunk_masses()[0]
        for start in range(0, len(centers), step):
            rows = slice(start, start + step)
            # In the graph, not scattered: what a dead worker held is sent again.
            queries = dask.delayed(
                Queries(centers[rows], variances[rows]), name=f"queries-{uuid.uuid4().hex}", traverse=False
            )
            tasks = self._chunks(partial_sums, queries, what, largest, self.ordered)
            if inside_a_block():
                refuse_futures(self.points, self.weights)
                yield rows, merged_in_order((_compute([task])[0] for task in tasks), merge)
            else:
                yield rows, _compute([merged_in_order(tasks, dask.delayed(merge, pure=False))])[0]

    def _chunks(self, task: Callable[..., Any], *arguments: Any, plans: Any = None) -> list[Any]:
        """Return task(points, weights, *plan, *arguments) of every chunk, delayed, each in one with what loads it."""
        import dask.array

        operands = [self.points, "ij", self.weights, None if self.weights is None else "i"]
        if plans is None:
            operands += [None, None]
        else:
            operands += [dask.array.from_array(plans, chunks=1, inline_array=True), "i"]
        for argument in arguments:
            operands += [argument, None]
        # All indices of the operands are indices of the result: otherwise Dask does not fuse loading into the task.
        found = dask.array.blockwise(
            functools.partial(_on_chunk, task), "ij", *operands, align_arrays=False, dtype=object,
            meta=np.empty((0, 0), dtype=object), token=task.__name__,
        )  # fmt: skip
        return list(found.to_delayed(optimize_graph=True).ravel())

    def _chunk_masses(self) -> tuple[int, FloatArray]:
        """Return the largest exponent of a weight, and the sum of the weights of each chunk in units of 2**that."""
        if self._masses is None:
            if self.weights is None:
                self._masses = 1, 0.5 * np.array(self.points.chunks[0], dtype=np.float64)
            else:
                self._masses = self._weighed()
        return self._masses

    def _weighed(self) -> tuple[int, FloatArray]:
        import dask.array

        tasks = dask.array.blockwise(
            weigh, "i", self.weights, "i", dtype=object, meta=np.empty(0, dtype=object), token="weigh"
        )
        return in_one_unit(_compute(list(tasks.to_delayed(optimize_graph=True))))

    def _log_total(self) -> float:
        return math.log(math.fsum(self._chunk_masses()[1]))


def _in_chunks(weights: Any, rows: tuple[int, ...]) -> Any:
    import dask.array

    if is_dask(weights):
        return weights.rechunk((rows,))
    return dask.array.from_array(weights, chunks=(rows,), inline_array=True)


def _compute(tasks: list[Any]) -> tuple[Any, ...]:
    """Compute where Dask's settings say, but inside a task in that task: it has one thread, and no client."""
    import dask

    found: tuple[Any, ...] = dask.compute(*tasks, scheduler="synchronous") if inside_a_block() else dask.compute(*tasks)
    return found


def refuse_futures(*collections: Any) -> None:
    """Raise a ValueError if parts of these Dask arrays are on a cluster: a task does not wait for others."""
    distributed = sys.modules.get("distributed")
    if distributed is not None and distributed.futures_of(list(collections)):
        raise ValueError(
            "points and weights must not be persisted on the cluster where x is a Dask array; "
            "pass x as a numpy array, or points that are read from disk"
        )


def _on_chunk(task: Callable[..., Any], points: Any, weights: Any, plan: Any, *arguments: Any) -> Any:
    """Call task with the arrays of one chunk."""
    return task(points, weights, *(() if plan is None else plan[0].tolist()), *arguments)
