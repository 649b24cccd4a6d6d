"""Displacements E[y] - z of a cloud, by the libraries people use for it; every one as good as it can be made simply.

Each function prepares what depends on the points alone and returns a function of no arguments that computes the
displacements (M, d) in float64.  Blocks of queries are as large as keeps the fastest pace on the machine at hand.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .workloads import Array, Workload

Call = Callable[[], Array]

#: Entries of a block of exponents: what stays in a cache of the second level is fastest for all of them, unless the
#: matrix product decides.
ENTRIES = 2**17
FEWEST, FEWEST_FOR_PRODUCTS = 8, 128
#: Exponents below this count for nothing, and cost a hundred cycles each as subnormal numbers.
LOWEST = -300.0
#: What the neighbours within a radius leave out, relative to the sum.
NEIGHBOUR_ACCURACY = 1e-9
#: Neighbours that are worked on at a time.
NEIGHBOURS = 2**20


def rows_of(points: Array) -> int:
    """Return how many queries make a block."""
    count, d = points.shape
    return max(FEWEST_FOR_PRODUCTS if d > 16 else FEWEST, ENTRIES // count)


def numpy_expanded(work: Workload) -> Call:
    """Exponents (<z, y> - |y|^2/2)/s by a matrix product, softmax in place, means by another product."""
    points, queries, s = work.points, work.queries, work.variance
    halves, transposed = 0.5 * np.einsum("ik,ik->i", points, points) / s, np.ascontiguousarray(points.T) / s
    rows = rows_of(points)
    buffer = np.empty((rows, len(points)))

    def call() -> Array:
        out = np.empty_like(queries)
        for start in range(0, len(queries), rows):
            z = queries[start : start + rows]
            block = buffer[: len(z)]
            np.matmul(z, transposed, out=block)
            block -= halves
            block -= block.max(axis=1, keepdims=True)
            np.maximum(block, LOWEST, out=block)
            np.exp(block, out=block)
            out[start : start + rows] = block @ points / block.sum(axis=1, keepdims=True) - z
        return out

    return call


def numpy_differences(work: Workload) -> Call:
    """Squared distances summed coordinate by coordinate, so that they keep their digits."""
    points, queries, s = work.points, work.queries, work.variance
    columns = np.ascontiguousarray(points.T)
    rows = rows_of(points)
    buffers = np.empty((2, rows, len(points)))

    def call() -> Array:
        out = np.empty_like(queries)
        for start in range(0, len(queries), rows):
            z = queries[start : start + rows]
            block, square = buffers[:, : len(z)]
            np.subtract(columns[0], z[:, :1], out=block)
            block *= block
            for k in range(1, len(columns)):
                np.subtract(columns[k], z[:, k, None], out=square)
                square *= square
                block += square
            block -= block.min(axis=1, keepdims=True)
            block *= -0.5 / s
            np.maximum(block, LOWEST, out=block)
            np.exp(block, out=block)
            out[start : start + rows] = block @ points / block.sum(axis=1, keepdims=True) - z
        return out

    return call


def torch_softmax(work: Workload) -> Call:
    """The expanded norm with torch: addmm, softmax, matmul."""
    import torch

    s = work.variance
    points, queries = torch.from_numpy(work.points), torch.from_numpy(work.queries)
    halves, transposed = (-0.5 / s) * (points * points).sum(dim=1), (points / s).T.contiguous()
    rows = rows_of(points)

    def call() -> Array:
        out = torch.empty_like(queries)
        for start in range(0, len(queries), rows):
            z = queries[start : start + rows]
            weights = torch.softmax(torch.addmm(halves, z, transposed), dim=1)
            out[start : start + rows] = weights @ points - z
        return out.numpy()

    return call


def torch_attention(work: Workload) -> Call:
    """Fused attention: queries (z, 1), keys (y, -|y|^2/2), values y, scale 1/s."""
    import torch

    points, queries = torch.from_numpy(work.points), torch.from_numpy(work.queries)
    halves = -0.5 * (points * points).sum(dim=1, keepdim=True)
    keys = torch.cat([points, halves], dim=1)[None, None]
    values = torch.cat([points, torch.zeros_like(halves)], dim=1)[None, None]
    scale = 1.0 / work.variance

    def call() -> Array:
        asked = torch.cat([queries, torch.ones(len(queries), 1, dtype=queries.dtype)], dim=1)[None, None]
        found = torch.nn.functional.scaled_dot_product_attention(asked, keys, values, scale=scale)
        return (found[0, 0, :, :-1] - queries).numpy()

    return call


def jax_softmax(work: Workload) -> Call:
    """The expanded norm, compiled by jax, block of queries by block."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    s = work.variance
    points = jnp.asarray(work.points)
    halves, transposed = (0.5 / s) * (points * points).sum(axis=1), (points / s).T
    rows = min(rows_of(work.points), len(work.queries))
    blocks = -(-len(work.queries) // rows)
    padded = np.zeros((blocks * rows, points.shape[1]))
    padded[: len(work.queries)] = work.queries
    asked = jnp.asarray(padded.reshape(blocks, rows, -1))

    @jax.jit
    def all_blocks(asked: Any, points: Any, transposed: Any, halves: Any) -> Any:
        def block(z: Any) -> Any:
            return jax.nn.softmax(z @ transposed - halves, axis=1) @ points - z

        return jax.lax.map(block, asked)

    def call() -> Array:
        found = np.asarray(all_blocks(asked, points, transposed, halves))
        return found.reshape(blocks * rows, -1)[: len(work.queries)]

    return call


def keops(work: Workload) -> Call:
    """A symbolic matrix of KeOps, reduced by its softmax; compiled by g++ for every dimension at the first call."""
    with contextlib.redirect_stdout(io.StringIO()):
        from pykeops.numpy import LazyTensor
    scale = 1.0 / math.sqrt(2.0 * work.variance)

    def call() -> Array:
        with contextlib.redirect_stdout(io.StringIO()):
            z, y = LazyTensor(work.queries[:, None] * scale), LazyTensor(work.points[None] * scale)
            exponents = -((z - y) ** 2).sum(-1)
            return np.asarray(exponents.sumsoftmaxweight(LazyTensor(work.points[None]), axis=1)) - work.queries

    return call


def _radii(tree: Any, z: Array, work: Workload) -> Array:
    nearest, _ = tree.query(z, workers=1)
    slack = 2.0 * work.variance * (math.log(len(work.points)) - math.log(NEIGHBOUR_ACCURACY))
    return np.sqrt(nearest * nearest + slack)


def neighbours(work: Workload) -> float:
    """Return about how many points a query has within that radius."""
    from scipy.spatial import cKDTree

    tree, few = cKDTree(work.points), work.queries[:: max(1, len(work.queries) // 16)]
    return float(tree.query_ball_point(few, _radii(tree, few, work), return_length=True).mean())


def tree_neighbours(work: Workload) -> Call:
    """Points within the radius outside of which less than 1e-9 of the sum lies, found by a k-d tree of scipy."""
    from scipy.spatial import cKDTree

    points, queries, s = work.points, work.queries, work.variance
    tree = cKDTree(points)
    few = queries[:: max(1, len(queries) // 4)]
    rows = max(1, int(NEIGHBOURS / tree.query_ball_point(few, _radii(tree, few, work), return_length=True).mean()))

    def call() -> Array:
        out = np.empty_like(queries)
        for start in range(0, len(queries), rows):
            z = queries[start : start + rows]
            found = tree.query_ball_point(z, _radii(tree, z, work))
            counts = np.fromiter(map(len, found), dtype=np.intp, count=len(z))
            index = np.fromiter(itertools.chain.from_iterable(found), dtype=np.intp, count=counts.sum())
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
            apart = points[index] - np.repeat(z, counts, axis=0)
            exponents = np.einsum("ik,ik->i", apart, apart) * (-0.5 / s)
            exponents -= np.repeat(np.maximum.reduceat(exponents, starts), counts)
            weights = np.exp(exponents)
            sums = np.add.reduceat(weights[:, None] * apart, starts, axis=0)
            out[start : start + rows] = sums / np.add.reduceat(weights, starts)[:, None]
        return out

    return call
