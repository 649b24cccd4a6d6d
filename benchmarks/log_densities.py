"""Logarithms of kernel densities, which scikit-learn offers too."""

from __future__ import annotations

import math

import numpy as np

import manifold_scores as ms

from . import peers, reference
from .clouds import Contender, race
from .record import OURS, Case, Race, Setting
from .workloads import Array, Workload, workload

#: scikit-learn stops where it believes the sum to be known this well.
RELATIVE = 1e-10
#: Pairs of a call of what takes a hundred nanoseconds for each.
SLOW_PAIRS = 5e6


def ours(work: Workload) -> peers.Call:
    """Log masses of a point cloud."""
    cloud = ms.PointCloud(work.points)
    return lambda: np.asarray(cloud.tilt(work.queries, work.variance).log_mass)


def sklearn_density(work: Workload) -> peers.Call:
    """KernelDensity with a k-d tree, as it comes but for its tolerance; the constant of the normal law is taken off."""
    from sklearn.neighbors import KernelDensity

    d = work.points.shape[1]
    density = KernelDensity(bandwidth=math.sqrt(work.variance), rtol=RELATIVE).fit(work.points)
    constant = 0.5 * d * math.log(2.0 * math.pi * work.variance)
    return lambda: np.asarray(density.score_samples(work.queries)) + constant


def torch_logsumexp(work: Workload) -> peers.Call:
    """The expanded norm and logsumexp of torch."""
    import torch

    s, rows = work.variance, peers.rows_of(work.points)
    points, queries = torch.from_numpy(work.points), torch.from_numpy(work.queries)
    halves, transposed = (-0.5 / s) * (points * points).sum(dim=1), (points / s).T.contiguous()

    def call() -> Array:
        found = torch.empty(len(queries), dtype=queries.dtype)
        for start in range(0, len(queries), rows):
            z = queries[start : start + rows]
            sums = torch.logsumexp(torch.addmm(halves, z, transposed), dim=1)
            found[start : start + rows] = sums - (0.5 / s) * (z * z).sum(dim=1)
        return np.asarray(found.numpy()) - math.log(len(work.points))

    return call


def run(setting: Setting) -> list[Case]:
    """d = 2, 3, N = 20 000: no goal."""
    count, queries = (300, 40) if setting.tiny else (20_000, 2000)
    lanes = [
        Contender(OURS, ours, "numba"),
        Contender("torch, logsumexp", torch_logsumexp, "torch"),
        Contender("scikit-learn, KernelDensity", sklearn_density, "sklearn", SLOW_PAIRS),
    ]
    return [
        race(f"d = {d}, s = {s:g}", workload(d, count, queries, s), lanes, setting, reference.log_masses)
        for d in (2, 3)
        for s in (1e-4, 1e-2, 1.0)
    ]


RACE = Race(
    "log-density", "logarithms of kernel densities, N = 20 000, d = 2, 3", run, axis="s", work_precision=True,
    error="largest relative error of log E exp(-|y - z|^2/2s)",
)  # fmt: skip
