"""Dask arrays are answered lazily, block by block, with the bits of one call."""

import functools
import os
import pathlib
import subprocess
import sys
import threading

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.blockwise import inside_a_block
from tests import strategies

da = pytest.importorskip("dask.array", reason="dask is not installed")

ROOT = pathlib.Path(ms.__file__).parents[1]
TARGETS = (
    "log_density", "score", "posterior_mean", "posterior_covariance", "noise", "score_jacobian", "score_divergence",
    "local_dimension",
)  # fmt: skip
OU = ms.OrnsteinUhlenbeck()
CIRCLE = ms.NoisedMeasure(ms.Circle().uniform(), OU)
X, T = np.random.default_rng(0).standard_normal((10, 2)), np.geomspace(0.01, 1.0, 10)


def untouchable(shape, chunks, dtype=float):
    """An array that says so when it is computed."""

    def compute(block):
        raise RuntimeError("computed")

    return da.zeros(shape, chunks=chunks).map_blocks(compute, dtype=dtype, meta=np.empty((0,) * len(shape), dtype))


def chunked(array, size):
    return da.from_array(array, chunks=size)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_computed_before_it_is_asked_for(target):
    value = getattr(CIRCLE, target)(untouchable((6, 2), (2, 1)), untouchable((6,), 3))
    assert isinstance(value, da.Array)
    with pytest.raises(RuntimeError, match="computed"):
        value.compute(scheduler="sync")


def test_chunks_of_the_answer_are_those_of_the_question():
    assert CIRCLE.score(chunked(X, (4, 1)), 0.1).chunks == ((4, 4, 2), (2,))
    assert CIRCLE.log_density(chunked(X, (4, 2)), chunked(T, 5)).chunks == ((4, 1, 3, 2),)
    assert CIRCLE.score_jacobian(chunked(X.reshape(5, 2, 2), (2, 1, 2)), 0.1).chunks == ((2, 2, 1), (1, 1), (2,), (2,))


BROADCASTS = {
    "one time": (X, 0.3),
    "a time each": (X, T),
    "all pairs": (X[:, None], T[:3]),
    "one point": (X[0], 0.3),
    "one point, many times": (X[0], T),
    "one row, many times": (X[:1], T),
    "no points": (X[:0], 0.3),
    "times last": (X.reshape(5, 2, 2), T[:2]),
    "times first": (X.reshape(5, 2, 2), T[:5, None]),
    "a list of times": (X[:3], [1, 2, 3]),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", BROADCASTS)
def test_answers_have_the_bits_of_one_call(target, case):
    x, t = BROADCASTS[case]
    ask = getattr(CIRCLE, target)
    wanted = np.asarray(ask(x, t))
    for times in (t, chunked(np.asarray(t), 2)):
        value = ask(chunked(x, (3,) * (x.ndim - 1) + (1,)), times)
        assert isinstance(value, da.Array)
        assert value.shape == wanted.shape
        assert value.dtype == np.float64
        found = value.compute(scheduler="sync")
        assert type(found) is type(value._meta) or found.ndim == 0
        assert found.shape == wanted.shape
        np.testing.assert_array_equal(found, wanted)


def test_single_precision_and_integers_are_taken_at_their_value():
    for x in (X.astype(np.float32), np.round(3 * X).astype(int)):
        value = CIRCLE.score(chunked(x, (3, 2)), np.float32(0.3))
        assert value.dtype == np.float64
        np.testing.assert_array_equal(value.compute(), CIRCLE.score(x, np.float32(0.3)))


@pytest.mark.parametrize("kind", strategies.examples())
def test_every_measure_answers(kind):
    measure = strategies.examples()[kind].measure
    x = np.random.default_rng(1).standard_normal((7, measure.ambient_dimension))
    question = chunked(x, (3, 1))
    tilt, wanted = measure.tilt(question, 0.3), measure.tilt(x, 0.3)
    for name in ("log_mass", "mean", "displacement"):
        assert isinstance(getattr(tilt, name), da.Array)
        np.testing.assert_array_equal(getattr(tilt, name).compute(), getattr(wanted, name))
    np.testing.assert_array_equal(measure.tilt_covariance(question, 0.3).compute(), measure.tilt_covariance(x, 0.3))
    traces = measure.tilt_covariance_trace(center=question, variance=chunked(T[:7], 2))
    np.testing.assert_array_equal(traces.compute(), measure.tilt_covariance_trace(x, T[:7]))


@functools.cache
def smoothed(**options):
    cloud = ms.NoisedMeasure(ms.PointCloud(X), OU)
    return ms.SmoothedScore(cloud, ms.GaussianKernel(0.3), rng=0, **options)


@pytest.mark.parametrize("options", [{"rule": "qmc", "nodes": 64}, {"rule": "quadrature"}], ids=["qmc", "quadrature"])
@pytest.mark.parametrize("target", ["score", "posterior_mean", "log_density", "score_divergence"])
def test_smoothed_scores_and_their_errors(options, target):
    ask = getattr(smoothed(**options), target)
    wanted, wanted_error = ask(X, T, return_error=True)
    value, error = ask(chunked(X, (3, 1)), t=chunked(T, 5), return_error=True)
    assert isinstance(value, da.Array)
    assert value.shape == error.shape == wanted.shape
    np.testing.assert_array_equal(value.compute(), wanted)
    np.testing.assert_array_equal(error.compute(), wanted_error)
    np.testing.assert_array_equal(ask(chunked(X, (3, 1)), T).compute(), ask(X, T))


def test_fresh_nodes_are_those_of_one_call():
    def model():
        cloud = ms.NoisedMeasure(ms.PointCloud(X), OU)
        return ms.SmoothedScore(cloud, ms.GaussianKernel(0.3), rule="qmc", nodes=64, rng=0, fresh_nodes=True)

    blocks, whole = model(), model()
    lazy = [blocks.score(chunked(X, (3, 2)), 0.1) for _ in range(2)]
    wanted = [whole.score(X, 0.1) for _ in range(2)]
    assert (wanted[0] != wanted[1]).all()
    for value, one_call in zip(lazy, wanted, strict=True):
        np.testing.assert_array_equal(value.compute(), one_call)
        np.testing.assert_array_equal(value.compute(), one_call)  # and stay the same


def test_nodes_for_a_tolerance_do_not_depend_on_which_block_comes_first():
    def model():
        cloud = ms.NoisedMeasure(ms.PointCloud(X), OU)
        return ms.SmoothedScore(cloud, ms.GaussianKernel(0.3), rule="qmc", rng=0, tolerance=1e-3)

    wanted = model().score(X, T)
    for _ in range(3):
        value = model().score(chunked(X, (1, 2)), chunked(T, 1))
        np.testing.assert_array_equal(value.compute(scheduler="threads", num_workers=4), wanted)


def test_values_are_checked_in_their_block_with_the_message_of_one_call():
    bad = X.copy()
    bad[5, 0] = np.nan
    value = CIRCLE.score(chunked(bad, (5, 2)), 0.1)
    np.testing.assert_array_equal(value[:5].compute(), CIRCLE.score(X[:5], 0.1))
    with pytest.raises(ValueError, match=r"^x must be finite; got 1 value\(s\) that are not, the first is nan"):
        value.compute()
    value = CIRCLE.score(X[0] + da.zeros((10, 2), chunks=(5, 2)), chunked(T - 0.5, 5))
    with pytest.raises(ValueError, match=r"^t must be positive and finite; got -0\.\d+$"):
        value.compute()


def test_what_can_be_known_is_said_at_once():
    x, t = untouchable((6, 2), (2, 2)), untouchable((6,), 2)
    for call, exception, message in (
        (lambda: CIRCLE.score(untouchable((6, 3), (2, 2)), t), ValueError, r"^x has last dimension 3 but the measure"),
        (lambda: CIRCLE.score(x, untouchable((5,), 2)), ValueError, r"^t of shape \(5,\) does not broadcast against"),
        (lambda: CIRCLE.score(x, -T[:6]), ValueError, r"^t must be positive and finite; got -"),
        (
            lambda: CIRCLE.score(x, untouchable((6,), 2, bool)),
            TypeError,
            "^t must be an array of real numbers; got d",
        ),
        (lambda: CIRCLE.score(untouchable((6, 2), 2, complex), t), TypeError, "^x must be an array of real numbers; g"),
        (lambda: CIRCLE.measure.tilt(x, 0), ValueError, r"^variance must be positive and finite; got 0\.0$"),
        (
            lambda: CIRCLE.score(x[x[:, 0] > 0], 0.1),
            ValueError,
            r"^x must have chunks of known sizes; call x\.comp",
        ),
        (lambda: CIRCLE.score(x), TypeError, "missing a required argument: 't'"),
        (lambda: CIRCLE.score(x, 0.1, 3), TypeError, "too many positional arguments"),
    ):
        with pytest.raises(exception, match=message):
            call()


def test_numpy_questions_are_answered_at_once_even_with_lazy_times():
    value = CIRCLE.score(X, chunked(T, 2))  # x decides
    assert type(value) is np.ndarray
    np.testing.assert_array_equal(value, CIRCLE.score(X, T))


def test_blocks_know_that_they_are_blocks():
    seen = []

    class Witness(ms.PointCloud):
        def tilt_rows(self, centers, variances):
            seen.append((inside_a_block(), len(centers), threading.get_ident()))
            return super().tilt_rows(centers, variances)

    noised = ms.NoisedMeasure(Witness(X), OU)
    noised.score(X, 0.1)
    noised.score(chunked(X, (3, 2)), 0.1).compute(scheduler="threads", num_workers=2)
    assert seen[0][:2] == (False, 10)
    assert sorted(each[:2] for each in seen[1:]) == [(True, 1), (True, 3), (True, 3), (True, 3)]
    assert not inside_a_block()


# Four threads of Dask ask at the same time.
THREADS = """
import sys
import dask.array as da
import numpy as np
import manifold_scores as ms

noised = ms.NoisedMeasure(ms.PointCloud(np.random.default_rng(0).standard_normal((20_000, 2))), ms.BrownianMotion())
x = np.random.default_rng(1).standard_normal((640, 2))
value = noised.score(da.from_array(x, chunks=(10, 2)), 0.1).compute(scheduler="threads", num_workers=4)
assert (value == noised.score(x, 0.1)).all()
assert (value == noised.score(da.from_array(x, chunks=(320, 2)), 0.1).compute(scheduler="sync")).all()
"""


def test_threads_of_dask_and_of_kernels_get_along():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2"}
    ran = subprocess.run(
        [sys.executable, "-c", THREADS], env=environment, check=False, timeout=300, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
