"""Questions asked as arrays of the card, against the CPU's answers; run by tests/test_cuda.py."""

import numpy as np
import pytest
from numba import cuda

import manifold_scores as ms
from manifold_scores.compute.cuda_memory import to_host

RNG = np.random.default_rng(3)
PROCESS = ms.OrnsteinUhlenbeck()
TARGETS = [
    "log_density", "score", "posterior_mean", "posterior_covariance", "noise", "score_jacobian", "score_divergence",
    "local_dimension",
]  # fmt: skip
CLOUD = ms.PointCloud(RNG.standard_normal((150, 2)), RNG.uniform(0.1, 1.0, 150))
X = RNG.standard_normal((3, 4, 2))
TIMES = {"one": 0.3, "each": RNG.uniform(0.1, 2.0, (3, 4)), "some": np.array([0.2, 0.5, 0.7, 1.5]), "lost": 1400.0}


def assert_close(found, wanted, eps):
    assert type(found) is type(cuda.to_device(np.zeros(1)))
    found = to_host(found)
    assert found.shape == wanted.shape
    # Both sides are off by a few eps (1 + kappa); the condition numbers of these queries are below 100.
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1000 * eps * max(1.0, np.abs(wanted).max(initial=0.0)))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("t", TIMES.values(), ids=TIMES)
def test_targets(target, t):
    noised = ms.NoisedMeasure(CLOUD, PROCESS)
    assert_close(getattr(noised, target)(cuda.to_device(X), t), getattr(noised, target)(X, t), np.finfo(float).eps)


@pytest.mark.parametrize("x", [X, np.zeros_like(X)])
def test_where_the_signal_has_vanished(x):
    noised = ms.NoisedMeasure(CLOUD, PROCESS)
    assert PROCESS.signal_scale(1e6) == 0.0
    assert_close(noised.score(cuda.to_device(x), 1e6), noised.score(x, 1e6), np.finfo(float).eps)


@pytest.mark.parametrize("dtype", ["i4", "f4", "u1"])
def test_numbers_of_other_types(dtype):
    noised, x = ms.NoisedMeasure(CLOUD, PROCESS), np.abs(3 * X).astype(dtype)
    assert_close(noised.score(cuda.to_device(x), 0.3), noised.score(x, 0.3), np.finfo(float).eps)


@pytest.mark.parametrize("target", TARGETS)
def test_no_queries_in_many_dimensions(target):
    method = getattr(ms.NoisedMeasure(ms.PointCloud(np.eye(9)), PROCESS), target)
    x = np.empty((2, 0, 9))
    assert to_host(method(cuda.to_device(x), 0.3)).shape == method(x, 0.3).shape


def test_times_may_live_there_too():
    noised, t = ms.NoisedMeasure(CLOUD, PROCESS), TIMES["each"]
    assert_close(noised.score(cuda.to_device(X), cuda.to_device(t)), noised.score(X, t), np.finfo(float).eps)


@pytest.mark.parametrize("target", TARGETS)
def test_targets_in_single_precision(target):
    single = ms.NoisedMeasure(CLOUD.to("cuda", precision="single"), PROCESS)
    x = X.astype(np.float32)
    found = getattr(single, target)(cuda.to_device(x), 0.3)
    assert found.dtype == np.float32
    assert_close(found, getattr(ms.NoisedMeasure(CLOUD, PROCESS), target)(x, 0.3), np.finfo(np.float32).eps)


def test_moments():
    z, s = cuda.to_device(X), np.array(0.2)
    tilt, wanted = CLOUD.tilt(z, s), CLOUD.tilt(X, s)
    for name in ("log_mass", "mean", "displacement"):
        assert_close(getattr(tilt, name), getattr(wanted, name), np.finfo(float).eps)
    assert_close(CLOUD.tilt_covariance(z, s), CLOUD.tilt_covariance(X, s), np.finfo(float).eps)
    assert_close(CLOUD.tilt_covariance_trace(z, s), CLOUD.tilt_covariance_trace(X, s), np.finfo(float).eps)


@pytest.mark.parametrize("target", TARGETS)
def test_no_queries_and_layouts(target):
    noised = ms.NoisedMeasure(CLOUD, PROCESS)
    method = getattr(noised, target)
    assert to_host(method(cuda.to_device(X[:0]), 0.3)).shape == method(X[:0], 0.3).shape
    strided = cuda.to_device(np.repeat(X, 2, axis=1))[:, ::2]
    assert_close(method(strided, 0.3), method(X, 0.3), np.finfo(float).eps)


@pytest.mark.parametrize(
    ("x", "t"),
    [
        (np.full((2, 2), np.nan), 0.3), (np.full((2, 2), -np.inf), 0.3), (np.full((2, 2), 1e51), 0.3), (X, -1.0),
        (X, np.nan), (X[..., :1].copy(), 0.3), (X, np.ones(5)), (X > 0.0, 0.3), (X, 1e-200), (np.float64(1.0), 0.3),
    ],
)  # fmt: skip
def test_errors_are_those_of_the_host(x, t):
    noised = ms.NoisedMeasure(CLOUD, PROCESS)
    with pytest.raises((TypeError, ValueError)) as wanted:
        noised.score(x, t)
    with pytest.raises(wanted.type) as found:
        noised.score(cuda.to_device(x), t)
    assert str(found.value) == str(wanted.value)


def test_single_precision_refuses_what_it_cannot_hold():
    single = ms.NoisedMeasure(CLOUD.to("cuda", precision="single"), ms.BrownianMotion())
    with pytest.raises(ValueError, match=r"^variance must lie between 1e-30 and 1e30 in single precision"):
        single.score(cuda.to_device(X), 1e-31)


def test_other_measures_refuse():
    with pytest.raises(TypeError, match=r"^x lives on .*; arrays are read on the CPU: move x there first$"):
        ms.NoisedMeasure(ms.Circle().uniform(), PROCESS).score(cuda.to_device(X), 0.3)
