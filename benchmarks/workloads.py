"""Points and queries of the races: clouds near manifolds, and queries drawn from their noised laws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

CLUSTERS, CLUSTER_DIMENSION = 10, 12


@dataclass(frozen=True)
class Workload:
    """Points (N, d), queries (M, d) drawn as y_i + sqrt(s) xi, and the variance s."""

    law: str
    points: Array
    queries: Array
    variance: float

    @property
    def sizes(self) -> dict[str, float]:
        """N, M, d and s by name."""
        count, d = self.points.shape
        return {"N": count, "M": len(self.queries), "d": d, "s": self.variance}

    def first(self, count: int) -> Workload:
        """Return the workload of the first queries."""
        return Workload(self.law, self.points, self.queries[:count], self.variance)


def workload(d: int, count: int, queries: int, variance: float, seed: int = 0) -> Workload:
    """Return points of the law that goes with d, and queries of the noised law."""
    rng = np.random.default_rng([seed, d, count])
    law, points = _law(d, count, rng)
    chosen = rng.integers(count, size=queries)
    noised = points[chosen] + math.sqrt(variance) * rng.standard_normal((queries, d))
    return Workload(law, np.ascontiguousarray(points), np.ascontiguousarray(noised), variance)


def _law(d: int, count: int, rng: np.random.Generator) -> tuple[str, Array]:
    if d == 2:
        angle = rng.uniform(0.0, 2.0 * np.pi, count)
        radius = 1.0 + 0.13 * np.cos(8.0 * angle)
        return "wavy circle", radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if d == 3:
        u, v = rng.uniform(1.5 * np.pi, 4.5 * np.pi, count), rng.uniform(0.0, 21.0, count)
        return "swiss roll over 15", np.stack([u * np.cos(u), v, u * np.sin(u)], axis=1) / 15.0
    if d <= 16:
        parameters = rng.uniform(0.0, 1.0, (count, 3))
        frequencies = np.random.default_rng(d).normal(0.0, 2.0, (3, d))
        return "surface of three parameters, cos(<a_k, u> + k)", np.cos(parameters @ frequencies + np.arange(d))
    shape = np.random.default_rng(d)
    means = shape.uniform(0.0, 1.0, (CLUSTERS, d))
    spreads = 0.2 * shape.standard_normal((CLUSTERS, CLUSTER_DIMENSION, d))
    label = rng.integers(CLUSTERS, size=count)
    points = means[label]
    for k in range(CLUSTERS):
        rows = np.flatnonzero(label == k)
        points[rows] += rng.standard_normal((len(rows), CLUSTER_DIMENSION)) @ spreads[k]
    return f"{CLUSTERS} clusters of {CLUSTER_DIMENSION} dimensions", points
