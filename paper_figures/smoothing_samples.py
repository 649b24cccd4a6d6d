"""What the figures of [FPHDP] in the plane share: accurate kernel nodes, its sampler, and statistics with errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import manifold_scores as ms

__all__ = [
    "arc_shares",
    "coverage",
    "exact",
    "generate",
    "kernel_errors",
    "quantile",
    "smoothed",
    "spiral",
]

#: The paper's grid: 100 geometric times from T to 1e-6, and then 0.
STEPS, LAST_TIME = 100, 1e-6
_GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))


def spiral(n: int) -> np.ndarray:
    """Nodes (n, 2) for averages over N(0, I) in the plane: a golden-angle spiral with mean 0 and covariance I.

    Radii at the quantiles (i + 1/2)/n of |xi|, angles i times the golden angle: evenly spread in the disc, with errors
    of about n^{-3/4} for the steps that a point cloud has at t -> 0, against n^{-1/2} of random nodes.
    """
    i = np.arange(n)
    radius = np.sqrt(-2.0 * np.log1p(-(i + 0.5) / n))
    nodes = radius[:, None] * np.stack([np.cos(_GOLDEN_ANGLE * i), np.sin(_GOLDEN_ANGLE * i)], axis=1)
    nodes -= nodes.mean(axis=0)
    root = np.linalg.cholesky(nodes.T @ nodes / n)
    return np.ascontiguousarray(np.linalg.solve(root, nodes.T).T)


def exact(points: np.ndarray) -> ms.NoisedMeasure:
    """The points under Brownian noise: X_t = X_0 + N(0, t I)."""
    return ms.NoisedMeasure(ms.PointCloud(points), ms.BrownianMotion())


def smoothed(points: np.ndarray, bandwidth: float, nodes: int) -> ms.SmoothedScore:
    """The score of the noised points, averaged over N(x, bandwidth^2 I) by a spiral of nodes."""
    return ms.SmoothedScore(exact(points), ms.SampledKernel(bandwidth * spiral(nodes)))


def generate(
    model: Any, t_max: float, count: int, seed: int, *, steps: int = STEPS, t_min: float = LAST_TIME,
    final_noise: bool = True,
) -> np.ndarray:  # fmt: skip
    """Samples (count, 2) by Euler-Maruyama: `steps` geometric times from t_max to t_min, and then 0."""
    times = np.append(ms.geometric_times(t_min, t_max, steps), 0.0)
    found = ms.reverse_sde(model, times, count, rng=seed, method="euler-maruyama", final_noise=final_noise)
    return np.asarray(found)


def kernel_errors(
    points: np.ndarray,
    bandwidth: float,
    x: np.ndarray,
    rules: dict[str, ms.SmoothedScore],
    nodes: int,
    t: float = LAST_TIME,
) -> dict[str, float]:
    """Root mean square over x of |f_rule - f|, f = x + t score, for every rule; "reference" is the error of f.

    f by quasi-Monte Carlo with `nodes` nodes, whose standard error is "reference".  The last step ends on f(x, 1e-6),
    so these are errors of samples.
    """
    reference = ms.SmoothedScore(exact(points), ms.GaussianKernel(bandwidth), "qmc", nodes, rng=1)
    f, error = reference.posterior_mean(x, t, return_error=True)
    found = {name: _rms(model.posterior_mean(x, t) - f) for name, model in rules.items()}
    return {**found, "reference": _rms(error)}


def _rms(vectors: np.ndarray) -> float:
    return float(np.sqrt(np.square(vectors).sum(axis=1).mean()))


def quantile(values: np.ndarray, share: float) -> tuple[float, float]:
    """A quantile and its standard error: half the way between the quantiles one binomial standard error apart."""
    spread = math.sqrt(share * (1.0 - share) / len(values))
    low, middle, high = np.quantile(values, [max(share - spread, 0.0), share, min(share + spread, 1.0)])
    return float(middle), float(0.5 * (high - low))


def arc_shares(curve: ms.Curve, samples: np.ndarray, arcs: int) -> np.ndarray:
    """Shares (arcs,) of the samples that are nearest to each of equally long arcs of a closed curve."""
    position = np.asarray(curve.arc_length(curve.parameter(samples))) / curve.volume
    return np.bincount(np.minimum((position * arcs).astype(int), arcs - 1), minlength=arcs) / len(samples)


def coverage(shares: np.ndarray) -> tuple[float, float]:
    """Share of the arcs that hold samples, and e^entropy/arcs: 1 for the uniform law, 1/arcs for a single arc."""
    held = shares[shares > 0.0]
    return float((shares > 0.0).mean()), float(np.exp(-(held * np.log(held)).sum()) / len(shares))
