"""Covariances and their traces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import manifold_scores as ms

from . import peers, reference
from .clouds import Contender, race
from .record import OURS, Case, Race, Setting
from .workloads import Array, Workload, workload

#: d, N, M and s.
CASES = ((2, 20_000, 2000, 1e-2), (3, 20_000, 2000, 1e-2), (10, 20_000, 500, 1e-1), (64, 5000, 200, 3.0))


def ours(work: Workload) -> peers.Call:
    """The covariances of the tilted law."""
    cloud = ms.PointCloud(work.points)
    return lambda: np.asarray(cloud.tilt_covariance(work.queries, work.variance))


def our_traces(work: Workload) -> peers.Call:
    """The traces, without matrices."""
    cloud = ms.PointCloud(work.points)
    return lambda: np.asarray(cloud.tilt_covariance_trace(work.queries, work.variance))


def _weights(work: Workload, finish: Callable[[Array, Array], Array]) -> peers.Call:
    points, queries, s = work.points - work.points.mean(axis=0), work.queries - work.points.mean(axis=0), work.variance
    halves, transposed = 0.5 * np.einsum("ik,ik->i", points, points) / s, np.ascontiguousarray(points.T) / s
    rows = peers.rows_of(points)

    def call() -> Array:
        found = []
        for start in range(0, len(queries), rows):
            block = queries[start : start + rows] @ transposed
            block -= halves
            block -= block.max(axis=1, keepdims=True)
            np.maximum(block, peers.LOWEST, out=block)
            np.exp(block, out=block)
            block /= block.sum(axis=1, keepdims=True)
            found.append(finish(block, points))
        return np.concatenate(found)

    return call


def numpy_products(work: Workload) -> peers.Call:
    """E[y y'] by a product with the table of all products of coordinates, less the square of the mean."""
    count, d = work.points.shape
    centred = work.points - work.points.mean(axis=0)
    squares = (centred[:, :, None] * centred[:, None, :]).reshape(count, d * d)

    def finish(weights: Array, points: Array) -> Array:
        mean = weights @ points
        return (weights @ squares).reshape(-1, d, d) - mean[:, :, None] * mean[:, None, :]

    return _weights(work, finish)


def numpy_one_by_one(work: Workload) -> peers.Call:
    """The weighted product of the differences from the mean, query by query."""

    def finish(weights: Array, points: Array) -> Array:
        found = []
        for row in weights:
            apart = points - row @ points
            found.append((apart * row[:, None]).T @ apart)
        return np.stack(found)

    return _weights(work, finish)


def numpy_traces(work: Workload) -> peers.Call:
    """E|y|^2 less the square of the mean."""

    def finish(weights: Array, points: Array) -> Array:
        mean = weights @ points
        return np.asarray(weights @ np.einsum("ik,ik->i", points, points) - (mean * mean).sum(axis=1))

    return _weights(work, finish)


def jax_hessian(work: Workload) -> peers.Call:
    """s (I + s Hessian of log sum exp) by automatic differentiation, as one would write it with jax."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    points, s, d = jnp.asarray(work.points), work.variance, work.points.shape[1]

    def log_sum(z: object) -> object:
        return jax.scipy.special.logsumexp(-0.5 * ((points - z) ** 2).sum(axis=1) / s)

    hessians = jax.jit(lambda rows: jax.lax.map(jax.hessian(log_sum), rows))
    return lambda: s * (np.eye(d) + s * np.asarray(hessians(work.queries)))


def _traces(work: Workload) -> Array:
    return np.trace(reference.covariances(work), axis1=1, axis2=2)


def run(setting: Setting) -> list[Case]:
    """Full matrices and traces in 2 to 64 dimensions."""
    matrices = [
        Contender(OURS, ours, "numba"),
        Contender("numpy, products", numpy_products, "numpy"),
        Contender("numpy, one by one", numpy_one_by_one, "numpy", 2e6),
        Contender("jax, hessian", jax_hessian, "jax", 2e6, lambda w: None if w.points.shape[1] <= 16 else "too slow"),
    ]
    traces = [Contender(OURS, our_traces, "numba"), Contender("numpy, products", numpy_traces, "numpy")]
    cases = []
    for d, count, queries, s in CASES:
        n, m = (200, 30) if setting.tiny else (count, queries)
        work = workload(d, n, m, s)
        for what, lanes, truth in (("covariance", matrices, reference.covariances), ("trace", traces, _traces)):
            cases.append(race(f"{what}, d = {d}", work, lanes, setting, truth))
    return cases


RACE = Race(
    "covariance", "covariances and their traces, d = 2 .. 64", run,
    error="largest relative error of the covariance or its trace",
)  # fmt: skip
