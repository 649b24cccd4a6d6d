"""Quadrature over the noise, and on panels."""

from __future__ import annotations

from functools import cache

import numpy as np

from .laws import Array


@cache
def normal_rule(nodes: int, d: int) -> tuple[Array, Array]:
    """Tensor Gauss-Hermite rule for the standard normal law on R^d, shape (nodes^d, d) and (nodes^d,)."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.stack(np.meshgrid(*[points] * d, indexing="ij"), axis=-1).reshape(-1, d)
    product = np.stack(np.meshgrid(*[weights / weights.sum()] * d, indexing="ij"), axis=-1).reshape(-1, d)
    return grid, product.prod(axis=1)


def panels(edges: Array, nodes: int) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes and weights, so many of them on each piece between the edges."""
    local, weights = np.polynomial.legendre.leggauss(nodes)
    half = 0.5 * np.diff(edges)[:, None]
    return (edges[:-1, None] + half * (local + 1.0)).ravel(), (half * weights).ravel()
