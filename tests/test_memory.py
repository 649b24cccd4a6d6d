"""No array of queries times points is ever built."""

import os
import pathlib
import subprocess
import sys

import pytest

import manifold_scores as ms

ROOT = pathlib.Path(ms.__file__).parents[1]

ALLOWANCE = 200e6
"""Bytes by which the peak may grow: inputs and results of all cases take below 60 MB, kernels and threads the rest. The
smallest array of queries times points (for curves and surfaces: nodes of the quadrature) here would take 800 MB."""

PROBE = """
import resource
import sys
import numpy as np
import manifold_scores as ms

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

kind, queries, points, d = sys.argv[1], *map(int, sys.argv[2:5])
rng = np.random.default_rng(0)

def noised(n):
    cloud = ms.PointCloud(rng.standard_normal((n, d)))
    if kind == "mixture":
        cloud = ms.Mixture([ms.Gaussian(mean, np.eye(d)) for mean in rng.standard_normal((n, d))])
    return ms.NoisedMeasure(cloud, ms.OrnsteinUhlenbeck())


def bounded_batch():
    # Queries on a curve or a torus, whose cells and nodes are reused from query to query.
    manifold = ms.Torus(1.5, 0.5) if kind == "surface" else ms.Ellipse(2.0, 1.0)
    score = ms.NoisedMeasure(manifold.uniform(), ms.OrnsteinUhlenbeck()).score
    answer = manifold.nearest if kind == "projection" else score
    arguments = () if kind == "projection" else (1e-4,)
    answer(rng.standard_normal((10, d)), *arguments)
    before = peak()
    value = answer(rng.standard_normal((queries, d)), *arguments)
    assert np.isfinite(value if kind != "projection" else value.point).all()
    return peak() - before

def smoothed(n, nodes):
    model = ms.SmoothedScore(noised(n), ms.GaussianKernel(0.1), nodes=nodes, rng=0)
    return lambda x, t: model.score(x, t, return_error=True)[1]

if kind == "smoothed":
    smoothed(50, 16)(rng.standard_normal((10, d)), 0.5)
    before = peak()
    assert np.isfinite(smoothed(points, 32)(rng.standard_normal((queries, d)), 0.5)).all()
    print(peak() - before)
    sys.exit()
if kind in {"curve", "surface", "projection"}:
    print(bounded_batch())
    sys.exit()
target = "score_divergence" if kind == "divergence" else "score"
getattr(noised(10), target)(rng.standard_normal((10, d)), 0.5)  # code and threads
before = peak()
value = getattr(noised(points), target)(rng.standard_normal((queries, d)), 0.5)
assert np.isfinite(value).all()
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("kind", "queries", "points", "d"),
    [
        ("score", 50_000, 50_000, 2),
        ("score", 5_000, 20_000, 64),
        ("divergence", 10_000, 10_000, 3),
        ("mixture", 400_000, 250, 1),
        ("smoothed", 5_000, 20_000, 3),
        ("curve", 100_000, 1000, 2),
        ("surface", 10_000, 10_000, 3),
        ("projection", 400_000, 250, 2),
    ],
)
def test_peak_memory(kind, queries, points, d):
    pytest.importorskip("resource", reason="peak memory is read through the Unix module resource")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", PROBE, kind, str(queries), str(points), str(d)],
        env=environment, check=True, timeout=300, capture_output=True, text=True,
    )  # fmt: skip
    assert float(run.stdout) < ALLOWANCE
    assert 8 * queries * points >= 4 * ALLOWANCE - 1  # what it would take otherwise
