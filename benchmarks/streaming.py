"""A cloud streamed from disk through two workers of 2 GB, one of which is killed, against the same cloud in memory.

`python -m benchmarks.streaming [N]`: 20 million points in R^3 unless told otherwise, a file of 24 N bytes.
"""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import manifold_scores as ms

POINTS, QUERIES = 20_000_000, 100
VARIANCES = (1e-4, 1e-2)
WORKERS, MEMORY = 2, "2GB"
BLOCK = 1_000_000
FIELDS = ("log_mass", "mean", "displacement")


def write_points(path: pathlib.Path, count: int) -> None:
    """Write points of a sphere with noise of 0.01, block by block."""
    rng = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(count, 3))
    for start in range(0, count, BLOCK):
        block = rng.standard_normal((min(BLOCK, count - start), 3))
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        file[start : start + BLOCK] = block + 0.01 * rng.standard_normal(block.shape)
    file.flush()


def peak_memory() -> float:
    """Return the largest memory this process has had, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return what call returns, and its seconds."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def equal(first: ms.Tilt, second: ms.Tilt) -> bool:
    """Say whether two records have the same bits."""
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in FIELDS)


def deviation(found: ms.Tilt, wanted: ms.Tilt, spread: np.ndarray) -> dict[str, float]:
    """Return the largest differences: of log Z absolutely, of means by |y| (about 1), of displacements by |y - z|."""
    mean = np.linalg.norm(found.mean - wanted.mean, axis=1)
    apart = np.linalg.norm(found.displacement - wanted.displacement, axis=1)
    size = np.sqrt(spread + (wanted.displacement**2).sum(axis=1))
    log_mass = np.abs(found.log_mass - wanted.log_mass)
    return {"log_mass": float(log_mass.max()), "mean": float(mean.max()), "displacement": float((apart / size).max())}


def main(count: int = POINTS) -> dict[str, Any]:
    """Run it and return what was measured."""
    import dask
    from distributed import Client, LocalCluster

    from manifold_scores.interop.dask import DistributedCloud, from_npy

    rng = np.random.default_rng(1)
    z = rng.standard_normal((QUERIES, 3))
    z *= (1 + 0.05 * rng.standard_normal((QUERIES, 1))) / np.linalg.norm(z, axis=1, keepdims=True)
    found: dict[str, Any] = {"points": count, "queries": QUERIES, "workers": WORKERS, "memory limit": MEMORY}
    answers, wanted, spread = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "points.npy"
        _, found["write, s"] = timed(lambda: write_points(path, count))
        quiet = {"distributed.logging": {"distributed": "critical"}, "temporary-directory": folder}
        with (
            dask.config.set(quiet),
            LocalCluster(
                n_workers=WORKERS, threads_per_worker=1, memory_limit=MEMORY, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            for ordered in (True, False):
                law = DistributedCloud(from_npy(path), ordered=ordered)
                law.tilt(z[:1], 1.0)  # kernels
                how = "in the order of a tree" if ordered else "as they come"
                for s in VARIANCES:
                    answers[ordered, s], found[f"{how}, s = {s:g}, s"] = timed(lambda s=s, law=law: law.tilt(z, s))
            found["chunks"] = len(law.points.chunks[0])
            found["peak memory of workers, MB"] = sorted(round(each) for each in client.run(peak_memory).values())
            law, s = DistributedCloud(from_npy(path)), VARIANCES[0]
            victim = next(iter(client.run(os.getpid).values()))
            seconds = found[f"in the order of a tree, s = {s:g}, s"]
            killer = threading.Timer(0.4 * seconds, os.kill, (victim, signal.SIGKILL))
            killer.start()
            again, found["with a worker killed, s"] = timed(lambda: law.tilt(z, s))
            killer.join()
            found["worker killed"] = victim not in client.run(os.getpid).values()
            found["same bits with a worker killed"] = equal(again, answers[True, s])
        points = np.load(path)
    memory, found["PointCloud, s"] = timed(lambda: ms.PointCloud(points))
    for s in VARIANCES:
        wanted[s], found[f"PointCloud, s = {s:g}, s"] = timed(lambda s=s: memory.tilt(z, s))
        spread[s] = memory.tilt_covariance_trace(z, s)
    found["peak memory of PointCloud's process, MB"] = round(peak_memory())
    for (ordered, s), answer in answers.items():
        found[f"deviation, ordered={ordered}, s = {s:g}"] = deviation(answer, wanted[s], spread[s])
    return found


if __name__ == "__main__":
    for name, value in main(*(int(float(each)) for each in sys.argv[1:2])).items():
        print(f"{name:45s} {value}")
