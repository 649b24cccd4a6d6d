"""Vanishing and infinite noise, and the law where the signal underflows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manifold_scores as ms
from tests import strategies
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

ROUNDING = 64 * EPSILON
"""A few dozen roundings in units of the quantity at hand, dimensions being 5 and less."""


@given(strategies.laws(), st.data())
def test_great_noise_leaves_the_mean_and_covariance_of_the_law(law, data):
    z = data.draw(strategies.vectors(law.dimension))
    mean = law.shares @ law.nodes
    covariance = (law.shares[:, None] * (law.nodes - mean)).T @ (law.nodes - mean)
    s = 1e8
    # First-order perturbation: the tilt changes moments by third cumulants and |z| times second ones, over s.
    bound = 10 * (strategies.RADIUS * 2) ** 4 / s
    close(law.measure.tilt(z, s).mean, mean, bound)
    close(law.measure.tilt_covariance(z, s), covariance, bound)
    close(law.measure.tilt(z, s).log_mass, 0.0, bound)


@pytest.mark.parametrize(
    ("manifold", "x"),
    [
        (ms.Circle(2.0), [0.3, 0.4]),
        (ms.Sphere(3, 0.5), [1.0, 2.0, -2.0]),
        (ms.Segment([0.0, 0.0], [1.0, 1.0]), [0.2, 0.9]),
        (ms.Box([0.0, 0.0], [1.0, 1.0]), [0.5, 2.0]),
    ],
    ids=repr,
)
def test_vanishing_noise_leaves_the_nearest_point(manifold, x):
    nearest, distance = manifold.project(x), manifold.distance(x)
    for s in (1e-4, 1e-6, 1e-8):
        noised = ms.NoisedMeasure(manifold.uniform(), ms.BrownianMotion())
        # The tilted law spreads over sqrt(s) along the tangent, widened by the curvature, and over s off the boundary.
        assert np.linalg.norm(noised.posterior_mean(x, s) - nearest) <= 10 * s / min(1.0, distance)
        wanted = np.asarray(nearest) - x
        np.testing.assert_allclose(s * noised.score(x, s), wanted, atol=10 * s / min(1.0, distance))


@pytest.mark.parametrize(
    ("measure", "point", "dimension"),
    [
        (ms.Circle().uniform(), [0.6, 0.8], 1),
        (ms.Sphere(3).uniform(), [0.0, 0.0, 1.0], 2),
        (ms.Segment([0.0, 0.0], [1.0, 0.0]).uniform(), [0.5, 0.0], 1),
        (ms.Segment([0.0, 0.0], [1.0, 0.0]).uniform(), [1.0, 0.0], 1),  # a boundary point
        (ms.Box([0.0, 0.0], [1.0, 1.0]).uniform(), [0.0, 0.0], 2),  # a corner
        (ms.PointCloud([[0.0, 0.0], [1.0, 0.0]]), [1.0, 0.0], 0),
        (ms.Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 0.0]]), [0.3, 0.0], 1),
    ],
    ids=repr,
)
def test_local_dimension_tends_to_the_dimension_on_the_support(measure, point, dimension):
    noised = ms.NoisedMeasure(measure, ms.BrownianMotion())
    for t in (1e-4, 1e-6, 1e-8):
        # Its expansion in s starts with a curvature (or density) term of order s.
        assert noised.local_dimension(point, t) == pytest.approx(dimension, abs=2 * t + 1e-12)


@pytest.mark.parametrize("process", [ms.OrnsteinUhlenbeck(1.0), ms.VariancePreserving()], ids=repr)
@pytest.mark.parametrize("law", strategies.examples().values(), ids=lambda law: law.kind)
def test_where_alpha_underflows_the_limit_law_comes_out(law, process):
    noised, d = ms.NoisedMeasure(law.measure, process), law.dimension
    x, t = np.linspace(-2, 3, d), 5000.0
    assert process.signal_scale(t) == 0.0
    sigma2 = process.noise_variance(t)
    np.testing.assert_allclose(noised.score(x, t), -x / sigma2, rtol=ROUNDING)
    np.testing.assert_allclose(noised.noise(x, t), x / np.sqrt(sigma2), rtol=ROUNDING)
    normal = -0.5 * x @ x / sigma2 - 0.5 * d * np.log(2 * np.pi * sigma2)
    assert noised.log_density(x, t) == pytest.approx(normal, rel=ROUNDING)
    np.testing.assert_allclose(noised.score_jacobian(x, t), -np.eye(d) / sigma2, atol=ROUNDING / sigma2)
    mean = law.shares @ law.nodes
    np.testing.assert_allclose(noised.posterior_mean(x, t), mean, atol=ROUNDING * strategies.RADIUS)
    assert np.isfinite(noised.posterior_covariance(x, t)).all()
    assert noised.local_dimension(x, t) == pytest.approx(x @ x / sigma2, rel=ROUNDING)


@pytest.mark.parametrize("process", [ms.OrnsteinUhlenbeck(0.5), ms.VariancePreserving(), ms.BrownianMotion()], ids=repr)
def test_the_way_to_the_limit_law_is_smooth(process):
    # No jump where alpha falls below its floor.
    noised = ms.NoisedMeasure(ms.Circle().von_mises_fisher([1.0, 0.0], 2.0), process)
    times = np.geomspace(1.0, 3000.0, 400)
    score = noised.score([0.5, 1.0], times) * process.noise_variance(times)[:, None]
    jumps = np.abs(np.diff(score, axis=0)).max(1)
    assert jumps.max() < 0.2
    assert (jumps[np.asarray(process.signal_scale(times))[:-1] < 1e-17] <= ROUNDING).all()
