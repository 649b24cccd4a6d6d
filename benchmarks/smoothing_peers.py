"""Smoothed scores the way the public code of [FPHDP] takes them, and references by quasi-Monte Carlo in numpy.

That code differentiates log sum exp automatically at every displaced point, in all dimensions and in single precision,
averages over fresh normal displacements for every query, and lets jax vectorise over displacements and queries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .workloads import Array


def jax_smoothed(points: Array, bandwidth: float, samples: int, chunk: int | None = None) -> Callable[..., Any]:
    """Return (x, t, key) -> smoothed score at one x, averaged over `samples` displacements, `chunk` at a time."""
    import jax
    import jax.numpy as jnp

    data = jnp.asarray(points, dtype=jnp.float32)

    def log_density(x: Any, t: Any) -> Any:
        return jax.scipy.special.logsumexp(-((x - data) ** 2).sum(axis=1) / (2.0 * t))

    score = jax.grad(log_density)

    def average(x: Any, t: Any, key: Any, count: int) -> Any:
        shifts = bandwidth * jax.random.normal(key, (count, *x.shape), dtype=jnp.float32)
        return jax.vmap(lambda shift: score(x + shift, t))(shifts).mean(axis=0)

    if chunk is None:
        return lambda x, t, key: average(x, t, key, samples)
    keys = max(1, samples // chunk)
    return lambda x, t, key: jax.lax.map(
        lambda k: average(x, t, k, samples // keys), jax.random.split(key, keys)
    ).mean(axis=0)  # fmt: skip


def jax_sampler(points: Array, bandwidth: float, samples: int, times: Array, count: int) -> Callable[[], Array]:
    """Return a run of the Euler-Maruyama sampler over `times`, all samples at once, steps by a scan."""
    import jax
    import jax.numpy as jnp

    smoothed = jax_smoothed(points, bandwidth, samples)
    grid = jnp.asarray(times, dtype=jnp.float32)

    def step(carry: Any, ends: Any) -> Any:
        x, key = carry
        t, after = ends
        key, kernel, noise = jax.random.split(key, 3)
        scores = jax.vmap(lambda x, k: smoothed(x, t, k))(x, jax.random.split(kernel, len(x)))
        x = x + (t - after) * scores + jnp.sqrt(t - after) * jax.random.normal(noise, x.shape, dtype=jnp.float32)
        return (x, key), None

    @jax.jit
    def run(key: Any) -> Any:
        start, rest = jax.random.split(key)
        x = jnp.sqrt(grid[0]) * jax.random.normal(start, (count, points.shape[1]), dtype=jnp.float32)
        return jax.lax.scan(step, (x, rest), (grid[:-1], grid[1:]))[0][0]

    return lambda: np.asarray(run(jax.random.PRNGKey(0)))


def normals(dimension: int, count: int, seed: int) -> Array:
    """Return a scrambled Sobol sequence of standard normal vectors; count is a power of two."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimension, scramble=True, bits=50, seed=np.random.default_rng(seed))
    return np.asarray(ndtri(sequence.random_base2(count.bit_length() - 1) + 0.5**51))


def posterior_means(points: Array, x: Array, t: float, shifts: Array) -> tuple[Array, Array]:
    """Return the mean of E[y | x + shift] over shifts (n, d) for every x (M, d), and its spread over single shifts.

    By numpy alone; points, x and shifts may be coordinates along the affine hull of the points, which is all that
    counts.  The spread (M,) is the root of the mean square distance of single values from the mean.
    """
    means, spreads = np.empty_like(x), np.empty(len(x))
    products, halves = shifts @ points.T / t, 0.5 * (points * points).sum(axis=1) / t
    for m, z in enumerate(x):
        weights = products + (points @ z / t - halves)
        weights -= weights.max(axis=1, keepdims=True)
        np.exp(np.maximum(weights, -300.0, out=weights), out=weights)
        weights /= weights.sum(axis=1, keepdims=True)
        values = weights @ points
        means[m] = values.mean(axis=0)
        spreads[m] = np.sqrt(((values - means[m]) ** 2).sum(axis=1).mean())
    return means, spreads


def rms(vectors: Array) -> float:
    """Return the root of the mean square norm of rows."""
    return float(np.sqrt((vectors * vectors).sum(axis=1).mean()))
