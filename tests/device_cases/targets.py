"""Kernels that make targets of moments, against the same formulas in numpy; run by tests/test_cuda.py."""

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.compute import cuda_targets as kernels
from manifold_scores.compute.cuda_finish import launch
from manifold_scores.compute.cuda_memory import empty, lift, repeat, to_card, to_host
from manifold_scores.noised import query

PROCESS = ms.OrnsteinUhlenbeck()
PRECISIONS = [np.float64, np.float32]
BOUNDS = (1e-145, 1e150, 1e50)
ROUNDINGS = 6
"""Roundings of one answer: at most five operations and those of its arguments, each to half an eps."""


def moments(real, n=37, d=3):
    """Return mean, displacement, covariance, variances, alpha and sigma^2 of the size they have in queries."""
    rng = np.random.default_rng(0)
    sizes = (n, d), (n, d), (n, d, d)
    mean, displacement, covariance = (rng.standard_normal(size).astype(real) for size in sizes)
    return mean, displacement, covariance, *(rng.uniform(0.1, 2.0, n).astype(real) for _ in range(3))


def assert_close(found, wanted, scale, real):
    assert found.dtype == real
    assert found.shape == wanted.shape
    assert (np.abs(found - wanted) <= ROUNDINGS * np.finfo(real).eps * scale).all()


def centers(real, x, t):
    """Return what the kernel makes of x (n, d) and t: z, s and the alpha that was used."""
    t = np.atleast_1d(t)
    times = PROCESS.signal_scale(t), np.sqrt(PROCESS.noise_variance(t)), PROCESS.effective_variance(t)
    found = empty(x.shape, real), empty(len(x), real), empty(len(x), real)
    function = kernels.centers_and_variances(real, *BOUNDS)
    launch(function, x.size, *(to_card(each, real) for each in (x, *times)), *found)
    return [to_host(each) for each in found]


@pytest.mark.parametrize("real", PRECISIONS)
@pytest.mark.parametrize("each", [False, True])
def test_centers(real, each):
    x = np.random.default_rng(1).standard_normal((37, 3)).astype(real)
    t = np.geomspace(1e-14, 50.0, 37) if each else 0.3
    q = query(PROCESS, 3, x, t)
    assert not q.limit.any()
    for found, wanted in zip(centers(real, x, t), (q.z, q.s, q.resolved), strict=True):
        assert_close(found, wanted, np.abs(wanted), real)


def test_centers_where_the_signal_is_lost():
    x = np.array([[1.0, -2.0], [1e40, 3.0], [0.0, 0.0], [0.0, -1e45]])
    for t in (1400.0, np.array([300.0, 600.0, 1400.0, 1400.0])):
        q = query(PROCESS, 2, x, t)
        assert q.limit.any()
        for found, wanted in zip(centers(np.float64, x, t), (q.z, q.s, q.resolved), strict=True):
            assert_close(found, wanted, np.abs(wanted), np.float64)


@pytest.mark.parametrize("real", PRECISIONS)
def test_pulls(real):
    x, displacement, _, alpha, _, divisor = moments(real)
    mean = x[::-1].copy()
    resolved = np.where(np.arange(len(alpha)) % 3 == 0, 2 * alpha, alpha)
    result = empty(x.shape, real)
    launch(
        kernels.pulls, x.size, *(to_card(each) for each in (x, mean, displacement, alpha, resolved, divisor)), result
    )
    limit = (resolved != alpha)[:, None]
    pull = np.where(limit, alpha[:, None].astype(float) * mean - x, alpha[:, None].astype(float) * displacement)
    terms = np.where(limit, np.abs(alpha[:, None] * mean) + np.abs(x), np.abs(pull))
    assert_close(to_host(result), pull / divisor[:, None], terms / divisor[:, None], real)


@pytest.mark.parametrize("real", PRECISIONS)
def test_matrices_traces_and_densities(real):
    _, displacement, covariance, s, log_mass, noise = moments(real)
    n, d = displacement.shape
    given = [each.astype(float) for each in (displacement, covariance, s, log_mass, noise)]
    shift, matrix, variance, mass, sigma2 = given
    trace = covariance[:, 0, 0]
    result, on_card = empty(n, real), to_card(covariance)

    launch(kernels.jacobians, covariance.size, to_card(s), to_card(noise), on_card)
    unit, divisor = np.eye(d), sigma2[:, None, None]
    wanted = (matrix / variance[:, None, None] - unit) / divisor
    assert_close(to_host(on_card), wanted, (np.abs(matrix) / variance[:, None, None] + unit) / divisor, real)

    launch(kernels.divergences, n, to_card(trace), to_card(s), to_card(noise), real(d), result)
    wanted = (matrix[:, 0, 0] / variance - d) / sigma2
    assert_close(to_host(result), wanted, (np.abs(matrix[:, 0, 0]) / variance + d) / sigma2, real)

    launch(kernels.dimensions(real), n, to_card(trace), to_card(displacement), to_card(s), result)
    square = (shift**2).sum(axis=1) / variance
    assert_close(
        to_host(result), matrix[:, 0, 0] / variance + square, np.abs(matrix[:, 0, 0]) / variance + square, real
    )

    launch(kernels.log_densities, n, to_card(log_mass), to_card(noise[:1]), result)  # one time for all
    assert_close(to_host(result), mass - sigma2[0], mass + sigma2[0], real)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_largest_number_sees_what_is_not_finite(bad):
    values = np.random.default_rng(2).standard_normal((11, 7))
    assert kernels.largest(to_card(values)) == np.abs(values).max()
    assert kernels.largest(to_card(values[:0])) == 0.0
    for place in ((0, 0), (10, 6), (5, 3)):
        spoilt = values.copy()
        spoilt[place] = bad
        assert kernels.largest(to_card(spoilt)) == np.inf


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1"])
def test_any_layout_and_type_becomes_contiguous(dtype):
    values = np.arange(24).reshape(4, 6).astype(dtype)
    whole = to_card(values)
    for part, wanted in ((whole, values), (whole[:, ::2], values[:, ::2]), (whole.T, values.T)):
        found = lift(part, np.float64)
        assert found.dtype == np.float64
        assert found.is_c_contiguous()
        np.testing.assert_array_equal(to_host(found), wanted)
        np.testing.assert_array_equal(
            to_host(repeat(found, (3, *wanted.shape))), np.broadcast_to(wanted, (3, *wanted.shape))
        )
    ready = to_card(values.astype(float))
    assert lift(ready, np.float64) is ready
    assert repeat(ready, (4, 6)) is ready
