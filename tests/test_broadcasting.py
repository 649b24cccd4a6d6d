"""Shapes: many points and times at once give the bits of one call each."""

import functools

import numpy as np
import pytest

import manifold_scores as ms
from tests import shapes, strategies

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


@pytest.mark.parametrize("name", ["ellipse", "arc", "torus", "sphere patch"])
def test_questions_to_curves_and_surfaces_broadcast(name):
    manifold = shapes.shapes()[name].manifold
    d, m, law = manifold.ambient_dimension, manifold.dimension, manifold.uniform()
    x = np.random.default_rng(4).uniform(-2, 2, (2, 3, d))
    u = np.random.default_rng(5).uniform(manifold.lower, manifold.upper, (2, 3, m))
    u = u[..., 0] if m == 1 else u
    suffixes = {
        "project": (d,), "distance": (), "tangent_basis": (d, m), "normal_basis": (d, d - m),
        "second_fundamental_form": (m, m, d), "parameter": (m,)[: m - 1],
    }  # fmt: skip
    asked = {name: (getattr(manifold, name), x, suffix) for name, suffix in suffixes.items()}
    asked |= {
        name: (getattr(manifold, name), u, suffix)
        for name, suffix in {"embed": (d,), "metric": (m, m), "volume_element": ()}.items()
    }
    asked["density"] = (law.density, u, ())
    asked["derivative"] = (lambda u: manifold.derivative(u, (1,) * m), u, (d,))
    for field, suffix in {"point": (d,), "distance": (), "runner_up": (d,), "unique": ()}.items():
        asked[f"nearest.{field}"] = (lambda x, field=field: getattr(manifold.nearest(x), field), x, suffix)
    for key, (answer, argument, suffix) in asked.items():
        together = answer(argument)
        assert together.shape == (2, 3, *suffix), key
        for i, j in np.ndindex(2, 3):
            np.testing.assert_array_equal(answer(argument[i, j]), together[i, j], err_msg=key)
        np.testing.assert_array_equal(answer(argument.tolist()), together, err_msg=key)
        np.testing.assert_array_equal(answer(np.asfortranarray(argument)[:, ::-1]), together[:, ::-1], err_msg=key)
    tilt, s = law.tilt(x, [0.1, 1.0, 10.0]), np.array([0.1, 1.0, 10.0])
    assert (tilt.log_mass.shape, tilt.mean.shape) == ((2, 3), (2, 3, d))
    estimate = law.error_estimate(x, s)
    assert estimate.log_mass.shape == estimate.mean.shape == (2, 3)
    np.testing.assert_array_equal(law.tilt(x[1, 2], 10.0).mean, tilt.mean[1, 2])
    np.testing.assert_array_equal(law.error_estimate(x[1, 2], 10.0).mean, estimate.mean[1, 2])


def test_arguments_are_left_as_they_are():
    x, t = np.array([[0.3, 0.4], [1.0, 2.0]]), np.array([0.1, 0.2])
    x.flags.writeable = t.flags.writeable = False
    for target in VECTORS + SCALARS + MATRICES:
        value = getattr(ms.NoisedMeasure(ms.Circle().uniform(), ms.BrownianMotion()), target)(x, t)
        value[...] = 0.0  # results are the caller's own
    np.testing.assert_array_equal(x, [[0.3, 0.4], [1.0, 2.0]])
