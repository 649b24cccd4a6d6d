"""Samples follow their law."""

import functools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import manifold_scores as ms
from tests import strategies
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

SIGNIFICANCE = 1e-3
"""Level of the statistical tests; seeds are fixed, so they either pass always or never."""

STANDARD_ERRORS = 4.5
"""For a few dozen comparisons of sample moments at a joint level of about 1e-3."""

SAMPLES = 20_000


@functools.cache
def _example(kind):
    return strategies.examples()[kind]


@pytest.mark.parametrize("kind", strategies.examples())
def test_sample_moments(kind):
    law = _example(kind)
    sample = law.measure.sample(SAMPLES, 20240101)
    assert sample.shape == (SAMPLES, law.dimension)
    mean = law.shares @ law.nodes
    for power, wanted in (
        (sample, mean),
        (np.einsum("ni,nj->nij", sample - mean, sample - mean).reshape(SAMPLES, -1),
         np.einsum("n,ni,nj->ij", law.shares, law.nodes - mean, law.nodes - mean).ravel()),
    ):  # fmt: skip
        error = power.std(axis=0) / math.sqrt(SAMPLES)
        close(power.mean(axis=0), wanted, STANDARD_ERRORS * error + 1e-12)


@pytest.mark.parametrize("kind", strategies.examples())
def test_samples_pass_kolmogorov_and_smirnov_along_random_lines(kind):
    law = _example(kind)
    sample = law.measure.sample(SAMPLES, 3)
    rng = np.random.default_rng(4)
    discrete = rng.choice(law.nodes, SAMPLES, p=law.shares)
    for _ in range(3):
        line = rng.standard_normal(law.dimension)
        assert scipy.stats.ks_2samp(sample @ line, discrete @ line).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("k", [2, 3, 10, 200])
@pytest.mark.parametrize("concentration", [0.0, 0.1, 3.0, 50.0, 1e4, 1e9, 1e30])
def test_cosines_of_von_mises_fisher_samples(k, concentration):
    direction = np.random.default_rng(k).standard_normal(k)
    sphere = ms.Sphere(k, 2.0)
    sample = sphere.von_mises_fisher(direction, concentration).sample(SAMPLES, 8)
    np.testing.assert_allclose(np.linalg.norm(sample, axis=1), 2.0, rtol=8 * EPSILON * math.sqrt(k))
    direction /= np.linalg.norm(direction)
    # The angle to the mean direction has the density sin^{k-2} exp(c (cos - 1)): integrated on a fine grid. It is taken
    # from the chord, which does not cancel where the law is concentrated.
    angle = 2 * np.arcsin(np.minimum(1.0, np.linalg.norm(sample / 2 - direction, axis=1) / 2))
    widest = min(math.pi, 12 * math.sqrt(k / max(concentration, 1e-300)))
    if widest < 1e-13:
        assert angle.max() < 1e-12  # directions are rounded to eps
        return
    grid = np.linspace(0, widest, 20_001)
    with np.errstate(divide="ignore"):
        log_density = -2 * concentration * np.sin(grid / 2) ** 2
        if k > 2:
            log_density += (k - 2) * np.log(np.sin(grid))
    cdf = scipy.integrate.cumulative_simpson(np.exp(log_density - log_density[1:].max()), x=grid, initial=0)
    cdf /= cdf[-1]
    assert scipy.stats.kstest(angle, lambda value: np.interp(value, grid, cdf)).pvalue > SIGNIFICANCE
    # Around the mean direction the law is symmetric.
    across = np.random.default_rng(k + 1).standard_normal(k)
    across -= (across @ direction) * direction
    component = sample @ across
    if k > 2 and concentration < 1e20:
        signs = (component > 0).sum()
        assert abs(signs - SAMPLES / 2) < STANDARD_ERRORS * math.sqrt(SAMPLES) / 2


def test_uniform_coordinates_of_a_box_and_a_segment():
    sample = ms.Box([-1.0, 5.0], [1.0, 8.0]).uniform().sample(SAMPLES, 1)
    assert scipy.stats.kstest(sample[:, 0], scipy.stats.uniform(-1, 2).cdf).pvalue > SIGNIFICANCE
    assert scipy.stats.kstest(sample[:, 1], scipy.stats.uniform(5, 3).cdf).pvalue > SIGNIFICANCE
    assert abs(np.corrcoef(sample.T)[0, 1]) < STANDARD_ERRORS / math.sqrt(SAMPLES)
    sample = ms.Segment([1.0, 0.0], [4.0, 4.0]).uniform().sample(SAMPLES, 2)
    assert scipy.stats.kstest((sample[:, 0] - 1) / 3, "uniform").pvalue > SIGNIFICANCE
    np.testing.assert_allclose(sample[:, 1], (sample[:, 0] - 1) * 4 / 3, atol=1e-14)


def test_shares_of_a_mixture_and_of_a_cloud():
    weights = np.array([0.5, 0.3, 0.0, 0.2])
    parts = [ms.PointCloud([[float(i)]]) for i in range(4)]
    for measure in (ms.Mixture(parts, 7 * weights), ms.PointCloud(np.arange(4.0)[:, None], 7 * weights)):
        counts = np.bincount(measure.sample(SAMPLES, 6)[:, 0].astype(int), minlength=4)
        assert counts[2] == 0
        kept = weights > 0
        assert scipy.stats.chisquare(counts[kept], SAMPLES * weights[kept]).pvalue > SIGNIFICANCE


def test_samples_of_a_singular_gaussian_lie_in_its_subspace():
    mean, covariance = np.array([1.0, 2.0, 3.0]), np.array([[2.0, 1.0, 3.0], [1.0, 1.0, 2.0], [3.0, 2.0, 5.0]])
    sample = ms.Gaussian(mean, covariance).sample(SAMPLES, 9) - mean
    np.testing.assert_allclose(sample[:, 0] + sample[:, 1], sample[:, 2], atol=1e-13)  # the null vector (1, 1, -1)
    for j in range(3):
        assert scipy.stats.kstest(sample[:, j] / math.sqrt(covariance[j, j]), "norm").pvalue > SIGNIFICANCE


@pytest.mark.parametrize("process", [ms.OrnsteinUhlenbeck(), ms.LinearInterpolant()], ids=repr)
def test_noised_samples_have_the_noised_law(process):
    points, t = np.array([[-1.0], [2.0]]), 0.4
    noised = ms.NoisedMeasure(ms.PointCloud(points, [1, 2]), process)
    alpha, sigma = process.signal_scale(t), math.sqrt(process.noise_variance(t))

    def cdf(x):
        return scipy.stats.norm.cdf(x, -alpha, sigma) / 3 + 2 * scipy.stats.norm.cdf(x, 2 * alpha, sigma) / 3

    assert scipy.stats.kstest(noised.sample(SAMPLES, t, 5)[:, 0], cdf).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("kind", strategies.examples())
def test_seeds_decide_samples(kind):
    measure = _example(kind).measure
    np.testing.assert_array_equal(measure.sample(7, 5), measure.sample(7, np.random.default_rng(5)))
    assert measure.sample(0, 5).shape == (0, measure.ambient_dimension)
    rng = np.random.default_rng(5)
    assert not np.array_equal(measure.sample(40, rng), measure.sample(40, rng))


@pytest.mark.parametrize("kind", strategies.examples())
def test_representations_are_one_short_line(kind):
    text = repr(_example(kind).measure)
    assert text.startswith(type(_example(kind).measure).__name__ + "(")
    assert "\n" not in text
    assert len(text) < 300
