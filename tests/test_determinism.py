"""The same inputs and seed give the same bits, for any number of threads and however queries are cut into blocks."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.compute import threads
from manifold_scores.measures import cloud_part
from tests import shapes, strategies

ROOT = pathlib.Path(ms.__file__).parents[1]

PROBE = """
import hashlib
import numpy as np
import manifold_scores as ms
from tests import shapes, strategies

rng = np.random.default_rng(0)
laws = {law.kind: law.measure for law in strategies.examples().values()}
factor = rng.standard_normal((200, 200))
covariance = np.einsum("ij,kj->ik", factor, factor)  # not by BLAS: the input itself must not depend on threads
grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 10)] * 2), -1).reshape(-1, 2)


def bumps(u):
    center = 0.5 * np.stack([np.cos(u), np.sin(u)], -1)
    return np.exp(-8 * ((grid - center[:, None]) ** 2).sum(-1))


basis = np.zeros((200, 100))
basis[np.arange(100) * 2, np.arange(100)], basis[np.arange(100) * 2 + 1, np.arange(100)] = 0.6, 0.8
laws |= {
    "bumps": ms.Curve(bumps, (0.0, 6.0)).uniform(),
    "large cloud": ms.PointCloud(rng.standard_normal((3000, 3)), rng.uniform(0, 1, 3000)),
    "wide cloud": ms.PointCloud(rng.standard_normal((90, 200))),
    "gaussian in R^200": ms.Gaussian(rng.standard_normal(200), covariance),
    "singular gaussian in R^200": ms.Gaussian(np.zeros(200), covariance[:, :1] * covariance[:, 0]),
    "sphere in R^200": ms.Sphere(200).von_mises_fisher(np.ones(200), 30.0),
    "embedded in R^200": ms.Embedded(ms.Sphere(100).uniform(), basis),
    "mixture in R^200": ms.Mixture([ms.Sphere(200).uniform(), ms.Gaussian(np.zeros(200), covariance)]),
}
targets = ("log_density", "score", "posterior_mean", "noise", "score_divergence", "local_dimension")
for kind, measure in laws.items():
    d = measure.ambient_dimension
    x, t = rng.standard_normal((40, d)), np.geomspace(0.01, 3, 40)
    noised = ms.NoisedMeasure(measure, ms.OrnsteinUhlenbeck())
    results = {name: getattr(noised, name)(x, t) for name in targets}
    few = slice(0, 40, 20)
    results["posterior_covariance"] = noised.posterior_covariance(x[few], t[few])
    results["score_jacobian"] = noised.score_jacobian(x[few], t[few])
    results["sample"], results["noised sample"] = measure.sample(500, 1), noised.sample(500, 0.5, 2)
    times = np.append(ms.geometric_times(0.01, 2.0, 4), 0.0)
    results["reverse sde"] = ms.reverse_sde(noised, times, 20, 3)
    results["euler-maruyama"] = ms.reverse_sde(noised, times[:-1], 20, 3, method="euler-maruyama")
    results["flow"] = ms.probability_flow(noised, times, 20, 4)
    for name, value in results.items():
        print(kind, "/", name, hashlib.sha256(value.tobytes()).hexdigest())
subspace = ms.AffineSubspace(basis)
x = rng.standard_normal((300, 200))
for shape in ("ellipse", "loop in R^6", "torus", "sphere patch"):
    manifold = shapes.shapes()[shape].manifold
    near = manifold.nearest(rng.uniform(-2, 2, (300, manifold.ambient_dimension)))
    for name in ("point", "parameter", "distance", "runner_up", "runner_up_distance", "unique"):
        print(shape, "/", name, hashlib.sha256(getattr(near, name).tobytes()).hexdigest())
    print(shape, "/ volume", float(manifold.volume).hex())
plane = ms.NoisedMeasure(ms.PointCloud(rng.standard_normal((9, 2))), ms.OrnsteinUhlenbeck())
kernel = ms.GaussianKernel(0.4)
wide = ms.NoisedMeasure(laws["wide cloud"], ms.OrnsteinUhlenbeck())
smoothed = {
    "smoothed in the plane": ms.SmoothedScore(plane, kernel),
    "smoothed in R^200": ms.SmoothedScore(wide, kernel, nodes=64, rng=0),
    "smoothed with a covariance": ms.SmoothedScore(wide, ms.GaussianKernel(covariance / 200), nodes=64, rng=0),
    "smoothed to a tolerance": ms.SmoothedScore(plane, kernel, rng=0, tolerance=0.03),
    "adapted": ms.SmoothedScore(plane, ms.AdaptedKernel(kernel, ms.Circle()), nodes=64, rng=0),
}
for kind, model in smoothed.items():
    queries, t = rng.standard_normal((7, model.ambient_dimension)), np.geomspace(0.01, 3, 7)
    for name in ("score", "log_density", "posterior_mean"):
        for part, value in zip(("value", "error"), getattr(model, name)(queries, t, return_error=True)):
            print(kind, "/", name, part, hashlib.sha256(value.tobytes()).hexdigest())
for name in ("project", "distance"):
    print("subspace /", name, hashlib.sha256(getattr(subspace, name)(x).tobytes()).hexdigest())
"""


def _fingerprints(threads):
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads)) | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE],
        env=environment,
        check=True,
        timeout=300,
        capture_output=True,
        text=True,
    )
    return dict(line.rsplit(" ", 1) for line in run.stdout.splitlines())


def test_one_and_two_threads_give_the_same_bits():
    one, two = _fingerprints(1), _fingerprints(2)
    assert len(one) > 200
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


@pytest.mark.parametrize("d", [1, 3, 40])
@pytest.mark.parametrize("blocks", [1, 2, 7, 10_000])
def test_blocks_of_queries_do_not_show(monkeypatch, d, blocks):
    rng = np.random.default_rng(d)
    cloud = ms.PointCloud(rng.standard_normal((600, d)), 10.0 ** rng.uniform(-200, 0, 600))
    z, s = rng.standard_normal((97, d)), np.geomspace(1e-6, 1e3, 97)
    plain, covariance = cloud.tilt(z, s), cloud.tilt_covariance(z, s)
    monkeypatch.setattr(cloud_part, "_TASKS", blocks)
    tilt = cloud.tilt(z, s)
    for name in ("log_mass", "mean", "displacement"):
        np.testing.assert_array_equal(getattr(tilt, name), getattr(plain, name))
    np.testing.assert_array_equal(cloud.tilt_covariance(z, s), covariance)


@pytest.mark.parametrize("name", ["lima bean", "loop in R^3", "torus", "sphere patch"])
def test_blocks_and_neighbours_do_not_show_in_projections(monkeypatch, name):
    manifold = shapes.shapes()[name].manifold
    x = np.random.default_rng(3).uniform(-2, 2, (61, manifold.ambient_dimension))
    x[7], x[20] = 0.0, manifold.embed(manifold.lower if manifold.dimension == 2 else manifold.lower[0])
    plain = manifold.nearest(x)
    order = np.random.default_rng(4).permutation(61)
    for ranges in (1, 5, 10_000):
        monkeypatch.setattr(threads, "_THREADS", 2)
        monkeypatch.setattr(threads, "_RANGES", ranges)
        for rows in (np.arange(61), order, order[:1]):
            again = manifold.nearest(x[rows])
            for field in ("point", "parameter", "distance", "runner_up", "runner_up_distance", "unique"):
                np.testing.assert_array_equal(getattr(again, field), getattr(plain, field)[rows])


@pytest.mark.parametrize("ranges", [1, 5, 10_000])
def test_blocks_do_not_show_in_quadratures(monkeypatch, ranges):
    measure = shapes.curves()["loop in R^3"].manifold.uniform()
    z, s = np.random.default_rng(5).uniform(-2, 2, (61, 3)), np.geomspace(1e-14, 1e3, 61)
    plain, covariance = measure.tilt(z, s), measure.tilt_covariance(z, s)
    monkeypatch.setattr(threads, "_THREADS", 2)
    monkeypatch.setattr(threads, "_RANGES", ranges)
    for name in ("log_mass", "mean", "displacement"):
        np.testing.assert_array_equal(getattr(measure.tilt(z, s), name), getattr(plain, name))
    np.testing.assert_array_equal(measure.tilt_covariance(z, s), covariance)


@pytest.mark.parametrize("kind", strategies.examples())
def test_neighbours_in_a_call_do_not_show(kind):
    measure = strategies.examples()[kind].measure
    z = np.random.default_rng(1).uniform(-2, 2, (50, measure.ambient_dimension))
    s = np.geomspace(1e-6, 1e3, 50)
    together, alone = measure.tilt(z, s), [measure.tilt(*pair) for pair in zip(z, s, strict=True)]
    for name in ("log_mass", "mean", "displacement"):
        np.testing.assert_array_equal(getattr(together, name), [getattr(tilt, name) for tilt in alone])
    order = np.random.default_rng(2).permutation(50)
    np.testing.assert_array_equal(measure.tilt(z[order], s[order]).mean, together.mean[order])
    np.testing.assert_array_equal(measure.tilt_covariance(z[order], s[order]), measure.tilt_covariance(z, s)[order])


def test_calls_leave_no_trace():
    measure = ms.Sphere(5).von_mises_fisher(np.ones(5), 3.0)
    noised = ms.NoisedMeasure(measure, ms.BrownianMotion())
    x = np.random.default_rng(0).standard_normal((20, 5))
    first = noised.score(x, 0.3)
    noised.score(10 * x, 1e-6)
    noised.sample(10, 0.5, 0)
    np.testing.assert_array_equal(noised.score(x, 0.3), first)
