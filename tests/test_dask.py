"""Clouds in Dask arrays: the same law as in memory, the same bits everywhere, one chunk at a time."""

import functools
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.measures.cloud_part import CloudPart

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask is not installed")
distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")

from manifold_scores.interop import dask as interop  # noqa: E402
from manifold_scores.interop import npy, partial_sums  # noqa: E402
from manifold_scores.interop.dask import DistributedCloud, from_npy  # noqa: E402

ROOT = pathlib.Path(ms.__file__).parents[1]
OU = ms.OrnsteinUhlenbeck()
EPS = np.finfo(np.float64).eps
TARGETS = (
    "log_density", "score", "posterior_mean", "posterior_covariance", "noise", "score_jacobian", "score_divergence",
    "local_dimension",
)  # fmt: skip


@pytest.fixture(scope="module")
def client():
    """Two worker processes of one thread each."""
    silent = {"distributed.worker.memory.terminate": False, "distributed.logging": {"distributed": "critical"}}
    with (
        dask.config.set(silent),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@functools.cache
def example(kind="plain", n=1000, d=3):
    """Points, weights and queries (z, s)."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((n, d))
    weights = None
    if kind == "weights over 300 orders":
        weights = 10.0 ** rng.uniform(-300, 0, n)
    elif kind == "weights at the end of the range":
        weights = 10.0 ** rng.uniform(-320, -300, n)
    elif kind == "many without weight":
        weights = np.where(np.arange(n) // 100 % 2, rng.uniform(0, 1, n), 0.0)
    elif kind == "far and near":
        points[: n // 2] += 100.0
    elif kind == "single precision":
        points = points.astype(np.float32)
    elif kind == "integers":
        points = np.round(3 * points).astype(int)
    return points, weights, rng.standard_normal((12, d)), np.geomspace(1e-6, 10.0, 12)


KINDS = (
    "plain", "weights over 300 orders", "weights at the end of the range", "many without weight", "far and near",
    "single precision", "integers",
)  # fmt: skip
CHUNKS = (0, 170, 330, 1, 0, 99, 300, 100, 0)


def cloud(kind="plain", chunks=CHUNKS, **options):
    points, weights, *_ = example(kind)
    lazy = None if weights is None else da.from_array(weights, chunks=(250,))
    return DistributedCloud(da.from_array(points, chunks=(chunks, (2, 1))), lazy, **options)


def reference(kind):
    """E_Q of |y|, |y - z| and |y - r|^2 (r the best point), by brute force in extended precision."""
    points, weights, z, s = example(kind)
    y = points.astype(np.longdouble)
    with np.errstate(divide="ignore"):
        logs = np.zeros(len(y), np.longdouble) if weights is None else np.log(weights.astype(np.longdouble))
    apart = y - z[:, None].astype(np.longdouble)
    exponents = logs - (apart * apart).sum(-1) / (2 * s[:, None].astype(np.longdouble))
    best = exponents.argmax(1)
    w = np.exp(exponents - exponents.max(1, keepdims=True))
    w /= w.sum(1, keepdims=True)
    spread = y - y[best][:, None]
    lengths = [np.sqrt((v * v).sum(-1)) for v in (y + 0 * apart, apart)]
    return [(w * v).sum(1).astype(float) for v in (*lengths, (spread * spread).sum(-1))]


# Every term of a sum is multiplied and added once for each level of the tree: exp2, its argument (whose error counts at
# most 0.6 eps, since b 2**-b ln 2 does), the product and the sum round, 4 eps; the two kernels and the final quotient
# as much as four levels each.
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_law_is_that_of_the_cloud_in_memory(kind, ordered):
    points, weights, z, s = example(kind)
    lazy, wanted = cloud(kind, ordered=ordered), ms.PointCloud(points, weights)
    bound = 4 * EPS * (np.ceil(np.log2(len(CHUNKS))) + 8)
    sizes, differences, squares = reference(kind)
    found, tilt = lazy.tilt(z, s), wanted.tilt(z, s)
    assert (abs(found.log_mass - tilt.log_mass) <= bound * np.maximum(1, abs(tilt.log_mass))).all()
    assert (np.linalg.norm(found.mean - tilt.mean, axis=1) <= bound * sizes).all()
    assert (np.linalg.norm(found.displacement - tilt.displacement, axis=1) <= bound * differences).all()
    # Moving second moments to another reference adds three terms; exponentials below 2**-900 are zero to the kernels.
    zero = len(points) * 2.0**-900 * np.ptp(points.astype(float)) ** 2 * 3
    gap = abs(lazy.tilt_covariance(z, s) - wanted.tilt_covariance(z, s)).max((1, 2))
    assert (gap <= 4 * bound * squares + zero).all()
    gap = abs(lazy.tilt_covariance_trace(z, s) - wanted.tilt_covariance_trace(z, s))
    assert (gap <= 4 * bound * squares + zero).all()


def in_one_process(kind, z, s):
    """The same chunks, without Dask: the tree by recursion, its left part the largest power of two that fits."""
    points, weights, *_ = example(kind)
    weights = np.ones(len(points)) if weights is None else weights
    largest = np.frexp(weights.max())[1]
    parts, start = [], 0
    for size in CHUNKS:
        rows = slice(start, start + size)
        start += size
        w = weights[rows]
        mantissas, exponents = np.frexp(w[w > 0])
        y = points[rows][w > 0].astype(float)
        parts.append(CloudPart(y, mantissas, exponents.astype(float) - largest).first_moments(z, s) if len(y) else None)

    def tree(parts):
        if len(parts) == 1:
            return parts[0]
        half = 1 << (len(parts) - 1).bit_length() - 1
        left, right = tree(parts[:half]), tree(parts[half:])
        return (left or right) if left is None or right is None else left.merge(right)

    return tree(parts).tilt(0.0)


@pytest.mark.parametrize("kind", ["plain", "weights over 300 orders", "many without weight"])
def test_the_same_bits_wherever_it_is_computed(kind, client):
    _, _, z, s = example(kind)
    wanted = in_one_process(kind, z, s)
    law = cloud(kind)
    schedulers = [
        lambda: dask.config.set(scheduler="sync"),
        lambda: dask.config.set(scheduler="threads", num_workers=4),
        client.as_current,
    ]
    for number, scheduler in enumerate(schedulers):
        with scheduler():
            found, covariance = law.tilt(z, s), law.tilt_covariance(z, s)
        np.testing.assert_array_equal(found.mean, wanted.mean)
        np.testing.assert_array_equal(found.displacement, wanted.displacement)
        if number == 0:
            first = found.log_mass, covariance
        np.testing.assert_array_equal(found.log_mass, first[0])
        np.testing.assert_array_equal(covariance, first[1])


def test_neighbours_in_a_call_and_passes_over_the_points_do_not_show(monkeypatch):
    z = np.random.default_rng(1).standard_normal((40, 3))
    s = np.geomspace(1e-6, 10, 40)
    law = cloud()
    together, covariance = law.tilt(z, s), law.tilt_covariance(z, s)
    np.testing.assert_array_equal(law.tilt(z[7], s[7]).mean, together.mean[7])
    np.testing.assert_array_equal(law.tilt(z[:1], s[:1]).log_mass, together.log_mass[:1])
    monkeypatch.setattr(interop, "_ENTRIES", 200)  # eleven and seven queries a pass
    np.testing.assert_array_equal(law.tilt(z, s).mean, together.mean)
    np.testing.assert_array_equal(law.tilt(z, s).log_mass, together.log_mass)
    np.testing.assert_array_equal(law.tilt_covariance(z, s), covariance)
    assert law.tilt(z[:0], 0.1).mean.shape == (0, 3)


def test_large_chunks_are_worked_on_in_pieces(monkeypatch):
    _, _, z, s = example()
    one = cloud(chunks=(1000,))
    whole = one.tilt(z, s).mean
    monkeypatch.setattr(partial_sums, "_PIECE_ENTRIES", 300)
    np.testing.assert_array_equal(one.tilt(z, s).mean, cloud(chunks=(100,) * 10).tilt(z, s).mean)
    np.testing.assert_allclose(one.tilt(z, s).mean, whole, rtol=0, atol=100 * EPS)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target(target):
    points, _, x, _ = example()
    t = np.geomspace(1e-3, 3, 12)
    lazy, memory = ms.NoisedMeasure(cloud(), OU), ms.NoisedMeasure(ms.PointCloud(points), OU)
    wanted = getattr(memory, target)(x, t)
    found = getattr(lazy, target)(x, t)
    assert type(found) is type(wanted)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * abs(wanted).max())
    value = getattr(lazy, target)(da.from_array(x, chunks=(5, 2)), da.from_array(t, chunks=4))
    assert isinstance(value, da.Array)
    np.testing.assert_array_equal(value.compute(), found)


def test_lazy_questions_on_a_cluster(client):
    _, _, x, _ = example()
    noised = ms.NoisedMeasure(cloud("weights over 300 orders"), OU)
    value = noised.score(da.from_array(x, chunks=(5, 3)), 0.1)
    np.testing.assert_array_equal(value.compute(scheduler=client), noised.score(x, 0.1))
    memory = ms.SmoothedScore(
        ms.NoisedMeasure(ms.PointCloud(x), OU), ms.GaussianKernel(0.3), rule="qmc", nodes=64, rng=0
    )
    value, error = memory.score(da.from_array(x, chunks=(5, 3)), 0.1, return_error=True)
    wanted, wanted_error = memory.score(x, 0.1, return_error=True)
    np.testing.assert_array_equal(value.compute(scheduler=client), wanted)
    np.testing.assert_array_equal(error.compute(scheduler=client), wanted_error)


def test_points_persisted_on_a_cluster(client):
    points, _, x, _ = example()
    lazy = da.from_array(points, chunks=(250, 3))
    persisted = DistributedCloud(client.persist(lazy))
    with client.as_current():
        wanted = DistributedCloud(lazy).tilt(x, 0.1).mean
        np.testing.assert_array_equal(persisted.tilt(x, 0.1).mean, wanted)
        with pytest.raises(ValueError, match=r"^points and weights must not be persisted on the cluster where x is a "):
            persisted.tilt(da.from_array(x, chunks=(5, 3)), 0.1).mean.compute()


def test_it_is_a_measure_among_others():
    points, _, x, _ = example()
    other = ms.Gaussian(np.zeros(3), np.eye(3))
    lazy, memory = ms.Mixture([cloud(), other]), ms.Mixture([ms.PointCloud(points), other])
    np.testing.assert_allclose(lazy.tilt(x, 0.1).mean, memory.tilt(x, 0.1).mean, rtol=0, atol=1e-14)
    assert lazy.sample(5, 0).shape == (5, 3)
    assert repr(cloud()) == "DistributedCloud(1000 points in R^3, 9 chunk(s))"
    assert len(cloud()) == 1000


# A worker that dies


def slowly(block):
    time.sleep(0.1)
    return block


def test_a_worker_that_dies_changes_nothing(client):
    points, weights, z, s = example("weights over 300 orders")
    lazy = da.from_array(points, chunks=(25, 3)).map_blocks(slowly, meta=np.empty((0, 3)))
    law = DistributedCloud(lazy, weights)
    with client.as_current():
        law._chunk_masses()
        wanted = law.tilt(z, s)
        before = client.run(os.getpid)
        victim = next(iter(before.values()))
        killer = threading.Timer(0.7, os.kill, (victim, signal.SIGKILL))  # 40 chunks on 2 workers take 2 s
        killer.start()
        found = law.tilt(z, s)
        killer.join()
    assert victim not in client.run(os.getpid).values()
    client.wait_for_workers(2, timeout=60)  # another one takes its place
    for name in ("log_mass", "mean", "displacement"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


# What is loaded, and when


def counted(log, fail=False):
    """A function of a block that notes its size."""

    def load(block):
        if fail and len(block):
            raise RuntimeError("loaded")
        log.append(len(block))
        return block

    return load


def test_nothing_is_loaded_before_it_is_asked_for():
    points, weights, x, _ = example("many without weight")
    never = {"meta": np.empty((0, 3))}
    lazy = da.from_array(points, chunks=(250, 3)).map_blocks(counted([], fail=True), **never)
    law = DistributedCloud(lazy, da.from_array(weights, chunks=250).map_blocks(counted([], fail=True), dtype=float))
    assert len(law) == 1000
    value = ms.NoisedMeasure(law, OU).score(da.from_array(x, chunks=(5, 3)), 0.1)
    for call in (value.compute, lambda: law.tilt(x, 0.1), lambda: law.sample(3, 0)):
        with pytest.raises(RuntimeError, match="loaded"):
            call()


def test_one_task_loads_and_reduces_a_chunk(tmp_path):
    points, weights, z, s = example("weights over 300 orders")
    np.save(tmp_path / "points.npy", points)
    np.save(tmp_path / "weights.npy", weights)
    file = from_npy(tmp_path / "points.npy", 100)
    for law in (
        DistributedCloud(file),
        DistributedCloud(file, from_npy(tmp_path / "weights.npy", file.chunks[0])),
        DistributedCloud(2 * file + 1, weights),
    ):
        tasks = law._chunks(partial_sums.partial_sums, partial_sums.Queries(z, s), partial_sums.FIRST, 0, True)
        assert len(tasks) == 10
        names = {key[0] if isinstance(key, tuple) else key for key in dict(tasks[0].dask)}
        # Weights in memory lie beside the tasks, in slices; nothing that is read from a file does.
        beside = set() if law.weights is None else {"array"}
        assert {name.split("-")[0] for name in names} <= {"partial_sums"} | beside
        assert not any("npy" in name for name in names), names


def test_as_many_sums_wait_as_the_tree_has_levels():
    waiting, most = 0, 0

    def items():
        nonlocal waiting, most
        for k in range(1000):
            waiting += 1
            most = max(most, waiting)
            yield str(k)

    def merge(first, second):
        nonlocal waiting
        waiting -= 1
        return f"({first} {second})"

    partial_sums.merged_in_order(items(), merge)
    assert most == 10
    waiting = 0
    small = (str(k) for k in range(6))
    assert partial_sums.merged_in_order(small, lambda a, b: f"({a} {b})") == "(((0 1) (2 3)) (4 5))"
    assert partial_sums.merged_in_order(iter("abc"), lambda a, b: f"({a} {b})") == "((a b) c)"
    assert partial_sums.merged_in_order(iter("a"), None) == "a"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i2"])
def test_files_are_read_slice_by_slice(tmp_path, order, dtype):
    points = np.asarray(np.round(100 * example()[0]), dtype=dtype, order=order)
    np.save(tmp_path / "points.npy", points)
    lazy = from_npy(tmp_path / "points.npy", rows=300)
    assert lazy.chunks == ((300, 300, 300, 100), (3,))
    assert lazy.dtype == points.dtype
    np.testing.assert_array_equal(lazy.compute(), points)
    np.testing.assert_array_equal(lazy[700:].compute(), points[700:])
    _, _, z, s = example()
    wanted = DistributedCloud(da.from_array(points, chunks=(300, 3))).tilt(z, s).mean
    np.testing.assert_array_equal(DistributedCloud(lazy).tilt(z, s).mean, wanted)
    assert from_npy(tmp_path / "points.npy").chunks == ((1000,), (3,))


def test_files_travel_as_paths(tmp_path):
    import pickle

    np.save(tmp_path / "points.npy", np.zeros((100_000, 3)))
    lazy = from_npy(tmp_path / "points.npy", 1000)
    assert len(pickle.dumps(npy.NpyFile(tmp_path / "points.npy"))) < 1000
    assert lazy.name == from_npy(tmp_path / "points.npy", 1000).name
    np.save(tmp_path / "points.npy", np.ones((100_000, 3)))
    os.utime(tmp_path / "points.npy", ns=(1, 1))
    assert lazy.name != from_npy(tmp_path / "points.npy", 1000).name
    with pytest.raises(ValueError, match=r"points\.npy has changed since it was opened; open it again$"):
        lazy.sum().compute()


def test_points_in_zarr(tmp_path):
    pytest.importorskip("zarr", reason="zarr is not installed")
    points, _, z, s = example()
    da.from_array(points, chunks=(300, 3)).to_zarr(str(tmp_path / "points.zarr"))
    law = DistributedCloud(da.from_zarr(str(tmp_path / "points.zarr")))
    wanted = DistributedCloud(da.from_array(points, chunks=(300, 3))).tilt(z, s).mean
    np.testing.assert_array_equal(law.tilt(z, s).mean, wanted)


# Bad values in a chunk


@pytest.mark.parametrize("where", ["points", "weights"])
def test_values_are_checked_where_they_are_met(where):
    points, weights, z, s = (np.array(part) for part in example("weights over 300 orders"))
    (points if where == "points" else weights)[500] = np.nan
    law = DistributedCloud(da.from_array(points, chunks=(300, 3)), da.from_array(weights, chunks=300))
    with pytest.raises(
        ValueError, match=rf"^{where} must be finite; got \d value\(s\) that are not, the first is nan$"
    ):
        law.tilt(z, s)


def test_weights_are_checked_where_they_are_met():
    points, _, z, s = example()
    for weights, message in (
        (np.zeros(1000), "^weights must not all be zero$"),
        (np.where(np.arange(1000) == 3, -1.0, 1.0), r"^weights must be non-negative; got -1\.0$"),
    ):
        law = DistributedCloud(da.from_array(points, chunks=(300, 3)), da.from_array(weights, chunks=300))
        with pytest.raises(ValueError, match=message):
            law.tilt(z, s)
        with pytest.raises(ValueError, match=message):
            law.sample(3, 0)


# Samples


def test_samples_follow_the_weights():
    points = np.arange(12.0)[:, None]
    weights = np.array([1, 2, 0, 3, 4, 5, 0, 0, 6, 7, 8, 9]) * 1e-310
    law = DistributedCloud(da.from_array(points, chunks=((3, 3, 2, 4), 1)), weights)
    n = 100_000
    counts = np.bincount(law.sample(n, 0)[:, 0].astype(int), minlength=12)
    p = weights / weights.sum()
    assert (abs(counts - n * p) <= 5 * np.sqrt(n * p * (1 - p))).all()
    draws = law.sample(n, 1)[:, 0]
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 5 / np.sqrt(n)  # in random order
    np.testing.assert_array_equal(law.sample(50, 3), law.sample(50, 3))
    assert (law.sample(50, 3) != law.sample(50, 4)).any()
    assert law.sample(0, 0).shape == (0, 1)


def test_chunks_without_draws_are_not_loaded():
    log = []
    points = da.from_array(np.arange(1000.0)[:, None], chunks=(10, 1))
    law = DistributedCloud(points.map_blocks(counted(log), meta=np.empty((0, 1))))
    with dask.config.set(scheduler="sync"):
        assert law.sample(3, 0).shape == (3, 1)
    assert 1 <= len([size for size in log if size]) <= 3


# Threads

THREADS = """
import dask
import dask.array as da
import numpy as np
import manifold_scores as ms
from manifold_scores.interop.dask import DistributedCloud

points = np.random.default_rng(0).standard_normal((20_000, 3))
law = DistributedCloud(da.from_array(points, chunks=(500, 3)))
with dask.config.set(scheduler="threads", num_workers=4):
    found = law.tilt(points[:100], 0.1).mean
with dask.config.set(scheduler="sync"):
    assert (found == law.tilt(points[:100], 0.1).mean).all()
"""


def test_threads_of_one_worker_get_along():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-c", THREADS]
    ran = subprocess.run(command, env=environment, check=False, timeout=300, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
