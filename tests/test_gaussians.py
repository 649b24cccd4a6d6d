"""Gaussians: the resolvent by another route, and ranks of graded and singular covariances."""

import numpy as np
import pytest

import manifold_scores as ms

EPSILON = np.finfo(np.float64).eps


def _gaussian_moments(mean, covariance, z, s):
    """By solving with G = C + s I."""
    G = covariance + s * np.eye(len(mean))
    solved = np.linalg.solve(G, z - mean)
    log_mass = -0.5 * np.linalg.slogdet(G / s)[1] - 0.5 * (z - mean) @ solved
    return log_mass, -s * solved, s * np.linalg.solve(G, covariance)


@pytest.mark.parametrize("d", [1, 2, 7, 40])
@pytest.mark.parametrize("missing", [0, 1])
def test_gaussians_agree_with_the_resolvent(d, missing):
    rng = np.random.default_rng(d)
    factor, mean, z = rng.standard_normal((d, d - missing)), rng.standard_normal(d), rng.standard_normal(d)
    covariance = factor @ factor.T
    gaussian = ms.Gaussian(mean, covariance)
    assert gaussian.dimension == d - missing
    for s in (1e-3, 1.0, 1e3):
        log_mass, displacement, tilted = _gaussian_moments(mean, covariance, z, s)
        tolerance = 1e-10  # condition number of G: at most 4 d / 1e-3
        tilt = gaussian.tilt(z, s)
        assert tilt.log_mass == pytest.approx(log_mass, rel=tolerance, abs=tolerance)
        np.testing.assert_allclose(tilt.displacement, displacement, atol=tolerance)
        np.testing.assert_allclose(tilt.mean, z + displacement, atol=tolerance)
        np.testing.assert_allclose(gaussian.tilt_covariance(z, s), tilted, atol=tolerance)
        assert gaussian.tilt_covariance_trace(z, s) == pytest.approx(np.trace(tilted), rel=1e-9)


@pytest.mark.parametrize(
    "order", [np.arange(17), np.arange(17)[::-1], np.random.default_rng(1).permutation(17)], ids=str
)
def test_sixteen_orders_of_variance_are_full_rank(order):
    diagonal = np.logspace(-8, 8, 17)[order]
    gaussian = ms.Gaussian(np.zeros(17), np.diag(diagonal))
    assert gaussian.dimension == 17
    for s in (1e-9, 1.0, 1e9):
        z = np.sqrt(diagonal)
        np.testing.assert_allclose(gaussian.tilt(z, s).displacement, -s * z / (diagonal + s), rtol=16 * EPSILON)
        np.testing.assert_allclose(gaussian.tilt(z, s).mean, diagonal * z / (diagonal + s), rtol=16 * EPSILON)
        shrunk = diagonal * s / (diagonal + s)
        np.testing.assert_allclose(np.diag(gaussian.tilt_covariance(z, s)), shrunk, rtol=16 * EPSILON)


def test_graded_correlated_covariances_are_full_rank():
    # D R D with a well-conditioned correlation matrix R and scales over eight orders.
    correlation = 0.5 * np.eye(9) + 0.5
    scales = np.logspace(-4, 4, 9)
    gaussian = ms.Gaussian(np.zeros(9), scales[:, None] * correlation * scales)
    assert gaussian.dimension == 9
    # At vanishing noise the displacement over s is -C^{-1} z, known through the inverse of R.
    z = scales * np.arange(1.0, 10.0)
    wanted = -np.linalg.solve(correlation, np.arange(1.0, 10.0)) / scales
    np.testing.assert_allclose(gaussian.tilt(z, 1e-40).displacement / 1e-40, wanted, rtol=1e-12)


def test_a_coordinate_that_does_not_vary_changes_nothing():
    block = np.array([[1e8, 0.5], [0.5, 1e-8]])
    padded = np.zeros((3, 3))
    padded[:2, :2] = block
    for s in (1e-14, 1e-10, 1.0):
        displacement = ms.Gaussian(np.zeros(3), padded).tilt([1e4, 1e-4, 0.0], s).displacement
        # Cramer's rule for -s (C + s I)^{-1} z: no term cancels.
        a, b = 1e8 + s, 1e-8 + s
        wanted = -s * np.array([b * 1e4 - 0.5e-4, a * 1e-4 - 0.5e4, 0.0]) / (a * b - 0.25)
        np.testing.assert_allclose(displacement, wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("exponent", [-20, -30, -40])
def test_nearly_dependent_coordinates_are_still_independent(exponent):
    gap = 2.0**exponent  # eigenvalues 2 - gap and gap, exactly representable
    gaussian = ms.Gaussian([0.0, 0.0], [[1.0, 1.0 - gap], [1.0 - gap, 1.0]])
    assert gaussian.dimension == 2
    # The condition number with respect to the entries is 2/gap.
    for s in (gap / 64, gap, 1.0):
        displacement = gaussian.tilt([1.0, -1.0], s).displacement
        np.testing.assert_allclose(displacement, np.array([-1.0, 1.0]) * s / (gap + s), rtol=16 * EPSILON / gap)


@pytest.mark.parametrize(
    ("covariance", "rank"),
    [
        (np.zeros((3, 3)), 0),
        ([[1, 2], [2, 4]], 1),
        ([[4, 2, 6], [2, 1, 3], [6, 3, 9]], 1),
        ([[2, 1, 3], [1, 1, 2], [3, 2, 5]], 2),
        ([[1, 1, 1], [1, 2, 3], [1, 3, 6]], 3),
        (np.diag([1, 0, 1e-30]), 2),
        (np.full((6, 6), 7.0), 1),
    ],
    ids=str,
)
def test_ranks_of_integer_matrices(covariance, rank):
    covariance = np.asarray(covariance, dtype=float)
    gaussian = ms.Gaussian(np.ones(len(covariance)), covariance)
    assert gaussian.dimension == rank
    scale = 1e-12 * max(1.0, covariance.max())
    np.testing.assert_allclose(gaussian.tilt_covariance(np.ones(len(covariance)), 1e20), covariance, atol=scale)
    assert gaussian.tilt_covariance_trace(np.ones(len(covariance)), 1e-40) == pytest.approx(rank * 1e-40)


def test_the_zero_matrix_is_a_point():
    gaussian, point = ms.Gaussian([1.0, 2.0], np.zeros((2, 2))), ms.PointCloud([[1.0, 2.0]])
    for s in (1e-6, 1.0):
        a, b = gaussian.tilt([3.0, -1.0], s), point.tilt([3.0, -1.0], s)
        assert a.log_mass == pytest.approx(b.log_mass, rel=4 * EPSILON)
        np.testing.assert_array_equal(a.displacement, b.displacement)
        np.testing.assert_array_equal(a.mean, b.mean)
    np.testing.assert_array_equal(gaussian.tilt_covariance([0.0, 0.0], 1.0), np.zeros((2, 2)))
    np.testing.assert_array_equal(gaussian.sample(3, 0), [[1.0, 2.0]] * 3)
