"""Shapes: many points and times at once give the bits of one call each."""

import functools

import numpy as np
import pytest

import manifold_scores as ms
from tests import strategies

VECTORS = ("score", "noise", "posterior_mean")
SCALARS = ("log_density", "score_divergence", "local_dimension")
MATRICES = ("posterior_covariance", "score_jacobian")


@functools.cache
def _example(kind):
    return ms.NoisedMeasure(strategies.examples()[kind].measure, ms.OrnsteinUhlenbeck())


@pytest.mark.parametrize("kind", strategies.examples())
@pytest.mark.parametrize("target", VECTORS + SCALARS + MATRICES)
def test_broadcasting_gives_the_bits_of_row_by_row_calls(kind, target):
    noised = _example(kind)
    function, d = getattr(noised, target), noised.ambient_dimension
    x = np.random.default_rng(3).uniform(-2, 2, (5, 1, d))
    t = np.array([0.01, 0.3, 4.0])
    together = function(x, t)
    suffix = {1: (d,), 2: (), 3: (d, d)}[(target in VECTORS) + 2 * (target in SCALARS) + 3 * (target in MATRICES)]
    assert together.shape == (5, 3, *suffix)
    assert together.dtype == np.float64
    for i in range(5):
        for j in range(3):
            np.testing.assert_array_equal(together[i, j], function(x[i, 0], t[j]))
    for j in range(3):
        np.testing.assert_array_equal(function(x[:, 0], t[j]), together[:, j])
    np.testing.assert_array_equal(function(x[0, 0], t), together[0])  # one point, many times
    assert function(np.empty((0, d)), 0.5).shape == (0, *suffix)
    np.testing.assert_array_equal(function(np.asfortranarray(x[:, 0]), 0.3), together[:, 1])
    np.testing.assert_array_equal(function(x[::-1, 0], 0.3), together[::-1, 1])
    np.testing.assert_array_equal(function(x[:, 0].tolist(), 0.3), together[:, 1])


def test_arguments_are_left_as_they_are():
    x, t = np.array([[0.3, 0.4], [1.0, 2.0]]), np.array([0.1, 0.2])
    x.flags.writeable = t.flags.writeable = False
    for target in VECTORS + SCALARS + MATRICES:
        value = getattr(ms.NoisedMeasure(ms.Circle().uniform(), ms.BrownianMotion()), target)(x, t)
        value[...] = 0.0  # results are the caller's own
    np.testing.assert_array_equal(x, [[0.3, 0.4], [1.0, 2.0]])
