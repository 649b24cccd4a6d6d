"""Smoothed scores in one and two effective dimensions, against rays and polar coordinates that share no code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import multivariate_normal, norm

import manifold_scores as ms
from tests.reference.smoothing import by_grid, smoothed

PROMISED = 1e-8
"""Relative error that is promised for a tolerance of 1e-9; `slow` cases are some of the 200 of the acceptance run."""

BROWNIAN = ms.BrownianMotion()


def random_case(rng, kind):
    """A cloud with a hull of dimension 1 or 2 in R^d, s from 1e-6 to 10, h from 1e-3 to 10 nearest distances."""
    d = int(rng.integers(1, 6))
    rank = int(min(d, rng.integers(1, 3)))
    n = int(rng.integers(2, 16))
    inside = rng.normal(size=(n, rank))
    if kind == 1 and n > 3:
        inside[1] = inside[0]  # duplicates
    if kind == 2 and rank == 2:
        inside[:, 1] *= 1e-3  # almost on a line
    if kind == 3:
        inside = np.round(2.0 * inside) / 2.0 + 1e-3 * inside  # almost a lattice: parallel walls
    basis = np.linalg.qr(rng.normal(size=(d, rank)))[0]
    points = inside @ basis.T + rng.normal(size=d)
    distances = pdist(points)
    nearest = distances[distances > 1e-12].min()
    weights = rng.random(n) ** 3 + 1e-3 if rng.random() < 0.5 else None
    z = points[rng.integers(n)] + rng.normal(size=d) * nearest * 10.0 ** rng.uniform(-2.0, 0.5)
    s, h = 10.0 ** rng.uniform(-6.0, 1.0), nearest * 10.0 ** rng.uniform(-3.0, 1.0)
    kernel = h
    if rng.random() < 0.2:
        factor = rng.normal(size=(d, d))
        kernel = h * h * (factor @ factor.T) / d
        kernel = 0.5 * (kernel + kernel.T)
    return points, weights, z, s, kernel


@pytest.mark.parametrize("seed", range(30))
def test_against_polar_coordinates(seed):
    rng = np.random.default_rng([41, seed])
    points, weights, z, s, kernel = random_case(rng, seed % 5)
    d = len(z)
    reference = smoothed(points, z, s, kernel, weights)
    model = ms.SmoothedScore(ms.NoisedMeasure(ms.PointCloud(points, weights), BROWNIAN), ms.GaussianKernel(kernel))
    assert model.rule in ("quadrature", "exact")
    score, error = model.score(z, s, return_error=True)
    expected = (reference.mean - z) / s
    size = np.linalg.norm(expected)
    # The reference loses |z| eps in the difference; where it vanishes nothing relative can be asked.
    slack = (reference.mean_error + 1e-15 * np.abs(z).max()) / s
    assert np.linalg.norm(score - expected) <= PROMISED * size + slack
    assert np.linalg.norm(score - expected) <= np.linalg.norm(error) + 2.0 * slack + 1e-12 * size
    log_density, error = model.log_density(z, s, return_error=True)
    expected = reference.log_sum - 0.5 * d * np.log(2.0 * np.pi * s)
    slack = PROMISED * max(1.0, abs(expected)) + reference.log_sum_error
    assert abs(log_density - expected) <= slack
    assert error <= slack
    divergence, error = model.score_divergence(z, s, return_error=True)
    expected = (reference.trace / s - d) / s
    slack = PROMISED * max(abs(expected), d / s) + reference.trace_error / s**2
    assert abs(divergence - expected) <= slack
    assert error <= slack


def test_two_points_are_a_normal_distribution_function():
    # s -> 0: the share of y_2 is Phi((<z, u> - c)/h), u the unit vector from y_1 to y_2, c the middle.
    points, h, s = np.array([[0.0, 0.0, 1.0], [0.6, 0.8, 1.0]]), 0.7, 1e-13
    model = ms.SmoothedScore(ms.NoisedMeasure(ms.PointCloud(points), BROWNIAN), ms.GaussianKernel(h))
    assert model.effective_dimension == 1
    z = np.array([0.2, -0.3, 5.0])
    share = norm.cdf((z @ [0.6, 0.8, 0.0] - 0.5) / h)
    # The wall has width s: of the order of its square.
    assert np.allclose(model.posterior_mean(z, s), points[0] + share * (points[1] - points[0]), rtol=1e-13, atol=1e-14)


def test_three_points_are_bivariate_normal_distribution_functions():
    points, h, s = np.array([[0.0, 0.0], [1.0, 0.1], [0.3, 0.9]]), 0.5, 1e-12
    model = ms.SmoothedScore(ms.NoisedMeasure(ms.PointCloud(points), BROWNIAN), ms.GaussianKernel(h))
    z = np.array([0.35, 0.2])
    shares = []
    for i in range(3):
        others = [j for j in range(3) if j != i]
        apart = points[others] - points[i]  # Y is in the cell of y_i if <Y, apart> < (|y_j|^2 - |y_i|^2)/2
        bound = 0.5 * ((points[others] ** 2).sum(axis=1) - (points[i] ** 2).sum())
        law = multivariate_normal(apart @ z, h * h * apart @ apart.T)
        shares.append(law.cdf(bound))
    # scipy's bivariate distribution function is good to about 1e-8 by default.
    assert np.allclose(model.posterior_mean(z, s), np.array(shares) @ points, atol=3e-8)


def test_large_noise_against_a_grid_in_all_coordinates():
    rng = np.random.default_rng(5)
    points, z = rng.normal(size=(2, 3)), rng.normal(size=3)
    expected = by_grid(points, z, 4.0, 0.5)
    model = ms.SmoothedScore(ms.NoisedMeasure(ms.PointCloud(points), BROWNIAN), ms.GaussianKernel(0.5))
    assert np.allclose(model.posterior_mean(z, 4.0), expected.mean, rtol=1e-10, atol=1e-12)


@given(st.integers(0, 2**32), st.floats(1e-3, 1.0))
def test_narrow_kernels_give_the_unsmoothed_score(seed, s):
    rng = np.random.default_rng(seed)
    points, x = rng.normal(size=(6, 2)), rng.normal(size=2)
    noised = ms.NoisedMeasure(ms.PointCloud(points), BROWNIAN)
    # The second derivative of the score is at most of order |y|^3/s^3, and h^2/2 times its trace is the difference.
    h = 1e-4 * s**1.5
    smoothed_score = ms.SmoothedScore(noised, ms.GaussianKernel(h))
    size = np.linalg.norm(points, axis=1).max() * 2.0
    assert np.allclose(
        smoothed_score.score(x, s), noised.score(x, s), rtol=0.0, atol=h * h * size**3 / s**3 + 1e-10 / s
    )


@given(st.integers(0, 2**32))
def test_equivariance(seed):
    rng = np.random.default_rng(seed)
    points, x, shift = rng.normal(size=(5, 2)), rng.normal(size=2), rng.normal(size=2)
    turn = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    s, kernel = 10.0 ** rng.uniform(-3, 0), ms.GaussianKernel(0.3)

    def score(p, at):
        return ms.SmoothedScore(ms.NoisedMeasure(ms.PointCloud(p), BROWNIAN), kernel).score(at, s)

    here = score(points, x)
    scale = np.linalg.norm(here) + 1.0
    assert np.allclose(score(points + shift, x + shift), here, atol=1e-8 * scale)
    assert np.allclose(score(points @ turn.T, x @ turn.T), here @ turn.T, atol=1e-8 * scale)


@pytest.mark.parametrize("process", [ms.OrnsteinUhlenbeck(0.7), ms.VariancePreserving(), ms.LinearInterpolant()])
def test_the_score_is_the_gradient_of_the_log_density(process):
    rng = np.random.default_rng(3)
    noised = ms.NoisedMeasure(ms.PointCloud(rng.normal(size=(7, 2)), rng.random(7)), process)
    model = ms.SmoothedScore(noised, ms.GaussianKernel(np.array([[0.2, 0.1], [0.1, 0.3]])), tolerance=1e-11)
    x, t, step = rng.normal(size=(4, 2)), 0.3, 1e-3
    steps = step * np.eye(2)
    # Richardson: differences of two steps, error step^4.
    coarse, fine = (
        np.stack([(model.log_density(x + e, t) - model.log_density(x - e, t)) / (2 * k * step) for e in k * steps], -1)
        for k in (2, 1)
    )
    score = model.score(x, t)
    assert np.allclose((4.0 * fine - coarse) / 3.0, score, rtol=1e-8, atol=1e-7)
    coarse, fine = (
        sum((model.score(x + k * e, t) - model.score(x - k * e, t))[:, i] / (2 * k * step) for i, e in enumerate(steps))
        for k in (2, 1)
    )
    assert np.allclose((4.0 * fine - coarse) / 3.0, model.score_divergence(x, t), rtol=1e-7, atol=1e-6)
    alpha, sigma2 = process.signal_scale(t), process.noise_variance(t)
    assert np.allclose(model.posterior_mean(x, t), (x + sigma2 * score) / alpha, rtol=1e-9)


def test_the_limit_of_vanishing_signal():
    points = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    model = ms.SmoothedScore(ms.NoisedMeasure(ms.PointCloud(points), ms.OrnsteinUhlenbeck(1.0)), ms.GaussianKernel(0.5))
    x = np.array([[0.3, -1.0]])
    assert np.allclose(model.posterior_mean(x, 900.0), points.mean(axis=0))
    assert np.allclose(model.score(x, 900.0), -x / 0.5)
