"""Smoothing kernels: the laws they draw from, their normal scales and Fisher information."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest

import manifold_scores as ms

CIRCLE = ms.Circle()
SAMPLES = 20_000


def test_gaussian_draws_have_their_covariance():
    covariance = np.array([[0.5, 0.2, 0.0], [0.2, 0.4, 0.1], [0.0, 0.1, 0.3]])
    x = np.array([1.0, -2.0, 3.0])
    draws = ms.GaussianKernel(covariance).sample(x, SAMPLES, 0) - x
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), draws.T)
    assert kstest((whitened**2).sum(axis=0), chi2(3).cdf).pvalue > 1e-3
    draws = ms.GaussianKernel(0.3).sample(np.zeros((2, 4)), SAMPLES, 1)
    assert draws.shape == (2, SAMPLES, 4)
    assert kstest((draws[0] ** 2).sum(axis=1) / 0.09, chi2(4).cdf).pvalue > 1e-3
    assert (draws[0] == draws[1]).all()  # common random numbers
    assert (ms.GaussianKernel(0.3).sample(np.zeros((2, 4)), SAMPLES, 1) == draws).all()


def test_given_displacements():
    displacements = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, -3.0]])
    kernel = ms.SampledKernel(displacements)
    draws = kernel.sample(np.array([5.0, 5.0]), 3000, 0) - 5.0
    counts = np.array([(draws == row).all(axis=1).sum() for row in displacements])
    assert counts.sum() == 3000
    assert (np.abs(counts - 1000) < 5.0 * np.sqrt(3000 * 2.0 / 9.0)).all()


def test_a_function_gets_the_rows_and_a_generator():
    seen = []

    def draw(x, n, rng):
        seen.append((x.shape, n))
        return x[:, None] + rng.uniform(-1.0, 1.0, (len(x), n, 2)) * np.linalg.norm(x, axis=1)[:, None, None]

    kernel = ms.SampledKernel(draw)
    x = np.array([[[1.0, 0.0]], [[0.0, 2.0]]])
    draws = kernel.sample(x, 50, 3)
    assert (draws.shape, seen) == ((2, 1, 50, 2), [((2, 2), 50)])
    assert np.abs(draws[0, 0] - x[0, 0]).max() <= 1.0 < np.abs(draws[1, 0] - x[1, 0]).max() <= 2.0
    assert (kernel.sample(x, 50, 3) == draws).all()


def level_of_circle(x, bandwidth, radius):
    """r(x)^2 = E(|Y| - R)^2 for Y ~ N(x, h^2 I), by quadrature over |Y|: the Rice law, theory from I_0."""
    from scipy.special import ive

    rho = np.linalg.norm(x)
    u, w = np.polynomial.legendre.leggauss(200)
    low, high = max(0.0, rho - 10.0 * bandwidth), rho + 10.0 * bandwidth
    r = low + 0.5 * (high - low) * (u + 1.0)
    density = r / bandwidth**2 * np.exp(-((r - rho) ** 2) / (2.0 * bandwidth**2)) * ive(0, r * rho / bandwidth**2)
    return 0.5 * (high - low) * (w @ (density * (r - radius) ** 2))


@pytest.mark.parametrize("x", [(1.0, 0.0), (0.3, 0.4), (1.5, -1.0), (0.0, 0.0)])
def test_the_level_of_an_adapted_kernel_on_a_circle(x):
    kernel = ms.AdaptedKernel(ms.GaussianKernel(0.2), CIRCLE)
    expected = level_of_circle(x, 0.2, 1.0)
    # 4096 Sobol nodes: errors around 1e-4.
    assert np.isclose(kernel.level(x) ** 2, expected, rtol=2e-3)
    scaled = ms.AdaptedKernel(ms.GaussianKernel(0.2), CIRCLE, scale=0.7)
    assert np.isclose(scaled.level(x) ** 2, level_of_circle(x, 0.2, 0.7), rtol=2e-3)


@given(st.integers(0, 2**32))
def test_adapted_draws_lie_on_the_level_set_on_the_side_of_the_draw(seed):
    rng = np.random.default_rng(seed)
    displacements = 0.2 * rng.normal(size=(30, 2))
    base = ms.SampledKernel(displacements)
    x = rng.normal(size=(5, 2))
    kernel = ms.AdaptedKernel(base, CIRCLE)
    y = x[:, None] + displacements
    found = kernel.points_at(x, displacements, 1.0)
    distance = np.abs(np.linalg.norm(y, axis=2) - 1.0)
    level = np.sqrt((distance**2).mean(axis=1))
    assert np.allclose(kernel.level(x), level)
    side = np.sign(np.linalg.norm(y, axis=2) - 1.0)
    # Signed radius: beyond the centre, where r(x) exceeds the reach, the formula goes on to the other side.
    direction = y / np.linalg.norm(y, axis=2, keepdims=True)
    assert np.allclose(found, (1.0 + side * level[:, None])[..., None] * direction)
    shift = kernel.largest_normal_shift(CIRCLE, x)
    assert np.allclose(shift, np.abs(level - np.abs(np.linalg.norm(x, axis=1) - 1.0)))
    inside = level < 1.0
    assert np.allclose(kernel.normal_scale(CIRCLE, x)[inside], shift[inside])


def test_an_adapted_draw_of_a_point_on_the_manifold_takes_a_normal():
    kernel = ms.AdaptedKernel(ms.SampledKernel([[0.0, 0.0], [0.5, 0.0]]), CIRCLE)
    found = kernel.points_at(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [0.5, 0.0]]), 1.0)
    assert np.allclose(np.abs(np.linalg.norm(found[0], axis=1) - 1.0), np.sqrt(0.125))


def test_translated_and_tangent_kernels_on_a_sphere():
    rng = np.random.default_rng(0)
    sphere, x, nodes = ms.Sphere(3, 2.0), rng.normal(size=(6, 3)), 0.3 * rng.normal(size=(40, 3))
    foot = 2.0 * x / np.linalg.norm(x, axis=1, keepdims=True)
    moved = foot[:, None] + nodes
    moved = 2.0 * moved / np.linalg.norm(moved, axis=2, keepdims=True)
    kernel = ms.TranslatedManifoldKernel(ms.GaussianKernel(0.3), sphere)
    assert np.allclose(kernel.points_at(x, nodes, 1.0), x[:, None] + moved - foot[:, None])
    assert np.allclose(kernel.largest_normal_shift(sphere, np.stack([foot[0], x[0]])), [0.0, np.inf])
    assert np.allclose(kernel.normal_scale(sphere, foot), 0.0, atol=1e-15)
    normal = foot / 2.0
    along = nodes - np.einsum("qd,md->mq", nodes, normal)[..., None] * normal[:, None]
    kernel = ms.TangentKernel(ms.GaussianKernel(0.3), sphere)
    assert np.allclose(kernel.points_at(x, nodes, 1.0), x[:, None] + along)
    # On M: dist = sqrt(R^2 + |P xi|^2) - R, of second order.
    scale = kernel.normal_scale(sphere, foot[0])
    squares = chi2(2).rvs(200_000, random_state=1) * 0.09
    assert np.isclose(scale, np.sqrt(((np.sqrt(4.0 + squares) - 2.0) ** 2).mean()), rtol=0.02)


def test_normal_scales_of_gaussian_kernels():
    h = 0.01
    # On M: (d - m)^{1/2} h; far from it h; at the centre of a circle d^{1/2} h: theory of the adapted kernel.
    x = np.array([[1.0, 0.0], [0.5, 0.0], [0.0, 0.0]])
    scale = ms.GaussianKernel(h).normal_scale(CIRCLE, x)
    assert np.allclose(scale / h, [1.0, 1.0, np.sqrt(2.0)], rtol=5e-3)
    line = ms.AffineSubspace(np.eye(3)[:, :1], np.zeros(3))
    assert np.isclose(ms.GaussianKernel(h).normal_scale(line, np.zeros(3)) / h, np.sqrt(2.0), rtol=5e-3)
    tangent = ms.GaussianKernel(np.diag([1.0, 0.0, 0.0]))
    assert tangent.normal_scale(line, np.zeros(3)) == 0.0
    assert np.isinf(ms.GaussianKernel(h).largest_normal_shift(CIRCLE, x)).all()
    displacements = np.array([[0.3, 0.0], [-0.2, 0.0]])
    kernel = ms.SampledKernel(displacements)
    assert np.isclose(kernel.largest_normal_shift(CIRCLE, [1.0, 0.0]), 0.3)
    assert np.isclose(kernel.normal_scale(CIRCLE, [1.0, 0.0]), np.sqrt(0.5 * (0.09 + 0.04)))


def test_fisher_information():
    assert np.isclose(ms.GaussianKernel(0.5).fisher_information(CIRCLE, [1.0, 0.0]), 4.0)
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    x = np.array([[1.0, 0.0], [0.6, 0.8]])
    tangent = np.array([[0.0, 1.0], [-0.8, 0.6]])
    expected = np.einsum("ni,ij,nj->n", tangent, np.linalg.inv(covariance), tangent)
    assert np.allclose(ms.GaussianKernel(covariance).fisher_information(CIRCLE, x), expected)
    line = ms.GaussianKernel(np.diag([1.0, 0.0]))
    assert np.allclose(line.fisher_information(CIRCLE, np.array([[0.0, 1.0], [0.6, 0.8]])), [1.0, np.inf])
    # By definition: E (v . grad_x log k_x(Y))^2, from samples.
    draws = ms.GaussianKernel(covariance).sample(x[1], 100_000, 0) - x[1]
    terms = (draws @ np.linalg.inv(covariance) @ tangent[1]) ** 2
    assert abs(terms.mean() - expected[1]) <= 4.5 * terms.std() / np.sqrt(len(terms))


def test_the_manifold_shrinks_with_the_signal():
    # At alpha < 1 an adapted kernel of a smoothed score works with alpha M.
    cloud = ms.NoisedMeasure(ms.PointCloud(CIRCLE.embed(np.linspace(0, 6, 9))), ms.OrnsteinUhlenbeck(0.5))
    displacements, t = 0.1 * np.random.default_rng(0).normal(size=(64, 2)), 0.8
    base, alpha = ms.SampledKernel(displacements), float(np.exp(-0.4))
    x = np.array([[0.7, 0.1], [0.2, -0.9]])
    free = ms.SmoothedScore(cloud, ms.AdaptedKernel(base, CIRCLE)).score(x, t)
    fixed = ms.SmoothedScore(cloud, ms.AdaptedKernel(base, CIRCLE, scale=alpha)).score(x, t)
    points = ms.AdaptedKernel(base, ms.Circle(alpha)).points_at(x, displacements, 1.0)
    assert np.allclose(free, fixed, rtol=1e-12)
    assert np.allclose(free, cloud.score(points, t).mean(axis=1), rtol=1e-11)
