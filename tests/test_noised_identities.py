"""The identities of a noised law, for random laws, processes, places and times.

Tolerances are in units of rounding times `R`, the largest exponent |z - y|^2 / 2s that occurs: an exponent is known to
eps R, and so is everything that is weighted with it.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import manifold_scores as ms
from tests import strategies
from tests.strategies import close, largest_exponent, slope

EPSILON = np.finfo(np.float64).eps

ROUNDING = 64 * EPSILON
"""A few dozen roundings in units of the quantity at hand, dimensions being 5 and less."""

FLAT = 1e-8
"""Relative truncation error of `slope`: (step * R)^4 / 30 with step * R = 4e-3 is 1e-11, its rounding eps R / 4e-3 is
below 1e-9 for R up to 1e4; ten times the sum."""

arguments = strategies.laws().flatmap(
    lambda law: st.tuples(st.just(law), strategies.processes, strategies.vectors(law.dimension), strategies.times)
)


def setting(law, process, x, t):
    """(alpha, sigma^2, z, s, R)."""
    alpha, s = process.signal_scale(t), process.effective_variance(t)
    assume(s >= 1e-3)
    return alpha, process.noise_variance(t), x / alpha, s, law.dimension + largest_exponent(law, x / alpha, s)


@given(arguments)
def test_tweedie_connects_score_noise_and_posterior_mean(arguments):
    law, process, x, t = arguments
    noised = ms.NoisedMeasure(law.measure, process)
    alpha, sigma2, _, _, R = setting(*arguments)
    score, mean, noise = noised.score(x, t), noised.posterior_mean(x, t), noised.noise(x, t)
    size = np.linalg.norm(x) + strategies.RADIUS
    close(sigma2 * score, alpha * mean - x, ROUNDING * R * size)
    close(noise, -np.sqrt(sigma2) * score, ROUNDING * np.linalg.norm(noise) + 1e-300)


@given(arguments)
def test_jacobian_divergence_and_covariance_agree(arguments):
    law, process, x, t = arguments
    noised = ms.NoisedMeasure(law.measure, process)
    alpha, sigma2, _, s, R = setting(*arguments)
    covariance, jacobian = noised.posterior_covariance(x, t), noised.score_jacobian(x, t)
    wanted = (alpha**2 / sigma2 * covariance - np.eye(law.dimension)) / sigma2
    scale = ROUNDING * (R + np.abs(covariance).max() / s) / sigma2
    close(jacobian, wanted, scale)
    close(jacobian, jacobian.T, scale)
    close(noised.score_divergence(x, t), np.trace(jacobian), law.dimension * scale)
    assert np.linalg.eigvalsh(covariance).min() >= -ROUNDING * R * np.abs(covariance).max() - 1e-300


@given(arguments)
def test_jacobian_is_the_derivative_of_the_score(arguments):
    law, process, x, t = arguments
    noised = ms.NoisedMeasure(law.measure, process)
    alpha, sigma2, _, _, R = setting(*arguments)
    # Derivatives of the score grow with powers of radius / (sigma^2 / alpha).
    reach = 1 / np.sqrt(sigma2) + alpha * strategies.RADIUS / sigma2
    step = 4e-3 / reach
    scale = (1 + np.linalg.norm(noised.score(x, t)) + alpha * strategies.RADIUS / sigma2) * reach
    directions = np.eye(law.dimension)
    jacobian = np.stack([slope(lambda h, v=v: noised.score(x + h * v, t), step) for v in directions], -1)
    close(noised.score_jacobian(x, t), jacobian, FLAT * R * scale)
    gradient = [slope(lambda h, v=v: noised.log_density(x + h * v, t), step) for v in directions]
    close(noised.score(x, t), gradient, FLAT * R * reach)


@given(arguments)
def test_fokker_planck(arguments):
    law, process, x, t = arguments
    noised = ms.NoisedMeasure(law.measure, process)
    alpha, sigma2, _, s, R = setting(*arguments)
    g2, rate, d = process.diffusion(t) ** 2, process.log_signal_rate(t), law.dimension
    speed = g2 / (alpha**2 * s) + abs(rate)  # d log s / dt and d log alpha / dt
    step = min(4e-3 / (R * speed), t / 4)
    score, divergence = noised.score(x, t), noised.score_divergence(x, t)
    wanted = 0.5 * g2 * (divergence + score @ score) - rate * (d + x @ score)
    scale = g2 * (d / sigma2 + score @ score) + abs(rate) * (d + abs(x @ score)) + R * speed
    close(slope(lambda h: noised.log_density(x, t + h), step), wanted, FLAT * scale)


@given(arguments)
def test_local_dimension_has_three_forms(arguments):
    law, process, x, t = arguments
    noised = ms.NoisedMeasure(law.measure, process)
    _, sigma2, z, s, R = setting(*arguments)
    value = noised.local_dimension(x, t)
    score = noised.score(x, t)
    assert value >= 0
    close(value, law.dimension + sigma2 * (noised.score_divergence(x, t) + score @ score), ROUNDING * R * (1 + value))
    step = 4e-3 / R
    close(value, 2 * slope(lambda h: law.measure.tilt(z, s * np.exp(h)).log_mass, step), FLAT * R)


@given(
    strategies.laws((strategies.points, strategies.gaussian, strategies.singular_gaussian)),
    strategies.homogeneous_processes,
    strategies.times,
    strategies.times,
    st.data(),
)
def test_noising_twice_is_noising_for_the_sum(law, process, t, u, data):
    x = data.draw(strategies.vectors(law.dimension))
    setting(law, process, x, t + u)
    alpha, sigma2 = process.signal_scale(t), process.noise_variance(t)
    noise = sigma2 * np.eye(law.dimension)
    if law.kind == "points":
        blurred = ms.Mixture([ms.Gaussian(alpha * point, noise) for point in law.nodes], law.shares)
    else:
        mean = law.shares @ law.nodes
        covariance = (law.shares[:, None] * (law.nodes - mean)).T @ (law.nodes - mean)
        blurred = ms.Gaussian(alpha * mean, alpha**2 * 0.5 * (covariance + covariance.T) + noise)
    once, twice = ms.NoisedMeasure(law.measure, process), ms.NoisedMeasure(blurred, process)
    R = largest_exponent(law, x / process.signal_scale(t + u), process.effective_variance(t + u))
    bound = 16 * ROUNDING * (law.dimension + R) / min(t, u, 1.0)
    close(once.log_density(x, t + u), twice.log_density(x, u), bound)
    scale = (1 + np.linalg.norm(x) + strategies.RADIUS) / process.noise_variance(t + u)
    close(once.score(x, t + u), twice.score(x, u), bound * scale)


@given(arguments.filter(lambda value: value[0].compact), strategies.seeds)
def test_posterior_mean_lies_in_the_convex_hull(arguments, seed):
    law, process, x, t = arguments
    _, _, _, _, R = setting(*arguments)
    mean = ms.NoisedMeasure(law.measure, process).posterior_mean(x, t)
    # Nodes of a quadrature stop short of the ends of the law by up to 1e-2 of its size, of a sphere by 2e-4.
    slack = 0.01 if law.kind not in {"points"} else ROUNDING * R * strategies.RADIUS
    for direction in np.random.default_rng(seed).standard_normal((8, law.dimension)):
        assert mean @ direction <= (law.nodes @ direction).max() + slack * np.linalg.norm(direction)


@given(st.floats(0.5, 2), strategies.processes, strategies.times, strategies.vectors(3, 50.0))
def test_posterior_mean_of_a_sphere_stays_in_the_ball(radius, process, t, x):
    mean = ms.NoisedMeasure(ms.Sphere(3, radius).uniform(), process).posterior_mean(x, t)
    assert np.linalg.norm(mean) <= radius * (1 + 4 * EPSILON)


@given(strategies.vectors(2, 50.0), strategies.processes, strategies.times)
def test_posterior_mean_of_a_box_stays_in_the_box(x, process, t):
    lower, upper = np.array([-1.0, 0.5]), np.array([2.0, 0.75])
    mean = ms.NoisedMeasure(ms.Box(lower, upper).uniform(), process).posterior_mean(x, t)
    assert (mean >= lower - 2 * EPSILON).all()
    assert (mean <= upper + 2 * EPSILON).all()


@given(strategies.laws(strategies.SIMPLE), strategies.seeds, strategies.variances, st.data())
def test_turning_and_moving_the_law_turns_and_moves_its_moments(law, seed, s, data):
    z, rng = data.draw(strategies.vectors(law.dimension)), np.random.default_rng(seed)
    turn, shift = strategies.rotation(rng, law.dimension), rng.uniform(-2, 2, law.dimension)
    moved = law.turned(turn, shift)
    before, after = law.measure.tilt(z, s), moved.tilt(turn @ z + shift, s)
    bound = ROUNDING * (1 + largest_exponent(law, z, s))
    close(after.log_mass, before.log_mass, bound)
    close(after.displacement, turn @ before.displacement, 10 * bound)
    close(after.mean, turn @ before.mean + shift, 10 * bound)
    covariance = turn @ law.measure.tilt_covariance(z, s) @ turn.T
    close(moved.tilt_covariance(turn @ z + shift, s), covariance, 100 * bound)


@given(arguments, strategies.seeds)
def test_moving_the_law_by_c_moves_x_by_alpha_c(arguments, seed):
    law, process, x, t = arguments
    alpha, _, _, _, R = setting(*arguments)
    shift = np.random.default_rng(seed).uniform(-2, 2, law.dimension)
    moved = ms.Embedded(law.measure, np.eye(law.dimension), shift)
    before = ms.NoisedMeasure(law.measure, process).posterior_mean(x, t)
    after = ms.NoisedMeasure(moved, process).posterior_mean(x + alpha * shift, t)
    close(after, before + shift, 10 * ROUNDING * R / alpha)


SCALED = {
    "points": lambda c: ms.PointCloud(c * np.array([[0.3, -1.0], [2.0, 0.25], [-0.7, 0.1]]), [0.2, 3.0, 1.0]),
    "gaussian": lambda c: ms.Gaussian(c * np.array([0.5, -1.0]), c**2 * np.array([[2.0, 1.0], [1.0, 1.5]])),
    "sphere": lambda c: ms.Sphere(2, 1.5 * c).uniform(),
    "von Mises-Fisher": lambda c: ms.Circle(0.7 * c).von_mises_fisher([1, 2], 3.0),
    "segment": lambda c: ms.Segment(c * np.array([0.0, 1.0]), c * np.array([1.5, -0.5])).uniform(),
    "box": lambda c: ms.Box(c * np.array([0.0, -1.0]), c * np.array([1.5, 0.5])).uniform(),
}


@pytest.mark.parametrize("name", SCALED)
@given(st.integers(-60, 60), strategies.vectors(2), strategies.variances)
def test_scaling_by_a_power_of_two_changes_no_digit_of_the_moments(name, exponent, z, s):
    # Every operation commutes with an exact scaling of lengths, so the agreement is tight; Gaussians are factorised.
    c = 2.0**exponent
    plain, scaled = SCALED[name](1.0).tilt(z, s), SCALED[name](c).tilt(c * z, c * c * s)
    bound = ROUNDING if name == "gaussian" else 0.0
    least = max(bound, 1e-280)  # products on the way may be subnormal and lose digits
    np.testing.assert_allclose(scaled.displacement / c, plain.displacement, rtol=bound, atol=least)
    np.testing.assert_allclose(scaled.mean / c, plain.mean, rtol=bound, atol=least)
    np.testing.assert_allclose(scaled.log_mass, plain.log_mass, rtol=bound, atol=bound)


@given(strategies.processes, strategies.times)
def test_expected_squared_score_is_minus_the_expected_divergence(process, t):
    # Under p_t, integrated over the line with the trapezoidal rule: p_t is analytic, and 12 sigma hold its mass.
    noised = ms.NoisedMeasure(ms.Mixture([ms.Box([-1.0], [0.5]).uniform(), ms.PointCloud([[1.0]])]), process)
    assume(process.effective_variance(t) >= 1e-3)
    width = process.signal_scale(t) + 12 * np.sqrt(process.noise_variance(t))
    x = np.linspace(-width, width, 4001)[:, None]
    density = np.exp(noised.log_density(x, t)) * (x[1, 0] - x[0, 0])
    assert density.sum() == pytest.approx(1.0, abs=1e-12)
    square = density @ noised.score(x, t)[:, 0] ** 2
    assert square == pytest.approx(-density @ noised.score_divergence(x, t), rel=1e-9)
