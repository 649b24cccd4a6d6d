"""What the claims on log-domain smoothing are computed with, compared with other ways to compute it."""

import dataclasses

import mpmath as mp
import numpy as np
import pytest

import manifold_scores as ms
from verification import (
    affine_outside,
    commutation_laws,
    decomposition,
    decomposition_circle,
    line_integrals,
    renyi_grid,
)
from verification import fphdp_proposition_3_1 as proposition
from verification.by_hand import EPS, Cloud, log_sum_exp, softmax
from verification.clocks import brownian, ornstein_uhlenbeck
from verification.lse_stability import difference, draw_pair, integral
from verification.record import Evidence

#: Sums of a few dozen terms lose a few units; a unit is what one eps in the inputs does.
FEW = 20.0


def cloud_at(t=0.3, n=7, d=3):
    rng = np.random.default_rng(5)
    return Cloud.at(rng.standard_normal((n, d)), np.exp(rng.standard_normal(n)), ornstein_uhlenbeck(0.7), t)


def exact_log_density(cloud, y):
    """In 50 digits, from the float64 numbers in the cloud."""
    with mp.workdps(50):
        total = mp.mpf(0)
        for point, weight in zip(cloud.points.tolist(), cloud.log_weights.tolist(), strict=True):
            square = sum((mp.mpf(a) - mp.mpf(cloud.alpha) * mp.mpf(b)) ** 2 for a, b in zip(y, point, strict=True))
            total += mp.exp(mp.mpf(weight) - square / (2 * mp.mpf(cloud.sigma2)))
        return mp.log(total) - mp.mpf(len(y)) / 2 * mp.log(2 * mp.pi * mp.mpf(cloud.sigma2))


@pytest.mark.parametrize("t", [1e-3, 0.3, 2.0])
def test_clouds_by_hand_against_fifty_digits(t):
    cloud = cloud_at(t)
    for y in (cloud.alpha * cloud.points[0] + 1e-3, np.array([0.4, -1.0, 2.0]), np.array([30.0, 0.0, 0.0])):
        exact = exact_log_density(cloud, y.tolist())
        log_unit, score_unit = cloud.units(y)
        assert abs(float(exact - cloud.log_density(y))) < FEW * log_unit
        with mp.workdps(50):
            for axis in range(3):
                step = mp.mpf("1e-20")
                moved = [[mp.mpf(v) + sign * step * (i == axis) for i, v in enumerate(y.tolist())] for sign in (1, -1)]
                slope = (exact_log_density(cloud, moved[0]) - exact_log_density(cloud, moved[1])) / (2 * step)
                assert abs(float(slope) - cloud.score(y)[axis]) < FEW * score_unit


def test_units_bound_what_perturbed_inputs_do():
    cloud, rng = cloud_at(0.05), np.random.default_rng(8)
    y = np.array([0.4, -1.0, 0.2])
    log_unit, score_unit = cloud.units(y)
    size = 1e-8
    scale = size / EPS  # units are per eps
    for _ in range(50):
        signs = rng.uniform(-1.0, 1.0, 3)
        moved = y * (1.0 + size * signs)
        assert abs(cloud.log_density(moved) - cloud.log_density(y)) < log_unit * scale * (1.0 + 1e-6)
        assert np.linalg.norm(cloud.score(moved) - cloud.score(y)) < score_unit * scale * (1.0 + 1e-6)


def test_jacobian_by_hand_is_the_derivative_of_the_score():
    cloud, y = cloud_at(0.3), np.array([[0.4, -1.0, 0.2]])
    step = 1e-5
    for axis in np.eye(3):
        slope = (cloud.score(y + step * axis) - cloud.score(y - step * axis)) / (2.0 * step)
        # Truncation of second order, 1e-10 times third derivatives of order ten, and rounding 1e-15/1e-5.
        np.testing.assert_allclose(slope[0], cloud.jacobian(y)[0] @ axis, rtol=0.0, atol=1e-7)


# Lemma D.1.


def test_crossings_of_three_lines():
    # r + u slope: 0, -0.2 + u, -1.2 + 3u; the envelope bends at 0.2 and at 0.5.
    found = line_integrals.crossings(np.array([0.0, -0.2, -1.2]), np.array([0.0, 1.0, 3.0]))
    np.testing.assert_allclose(found, [0.2, 0.5], rtol=1e-14)
    assert line_integrals.crossings(np.array([0.0, -5.0]), np.array([0.0, 1.0])).size == 0


@pytest.mark.parametrize("index", range(12))
def test_integral_of_the_softmax_mean_against_fifty_digits(index):
    rng = np.random.default_rng([9, index])
    r, e = draw_pair(index, rng)
    r, e = r[:60], e[:60]
    with mp.workdps(50):
        ends = []
        for vector in (r, [mp.mpf(a) + mp.mpf(b) for a, b in zip(r.tolist(), e.tolist(), strict=True)]):
            entries = [mp.mpf(v) for v in (vector.tolist() if isinstance(vector, np.ndarray) else vector)]
            top = max(entries)
            ends.append(top + mp.log(mp.fsum(mp.exp(v - top) for v in entries)))
        exact = ends[1] - ends[0]
        value, error = integral(r, e)
        assert abs(float(exact - value)) < error + FEW * EPS * np.abs(e).max() * (1 + len(r))
        assert abs(float(exact - difference(r, e))) < FEW * EPS * np.abs(e).max()


def test_integrals_refine_until_the_rules_agree():
    sharp = 1e4

    def steep(u):
        return 1.0 / (1.0 + np.exp(np.clip(-sharp * (u - 0.31), -700.0, 700.0))), np.zeros_like(u)

    value, error, rounding = line_integrals.integrate(steep, np.array([0.0, 1.0]), 1.0)
    # The integral of the logistic function is log1p(e^{sharp (1 - 0.31)})/sharp = 0.69 but for e^-3100.
    assert abs(value - 0.69) < 1e-14
    assert error < 1e-13
    assert rounding == 0.0


def test_integrals_that_do_not_converge_are_refused():
    rng = np.random.default_rng(3)

    def noise(u):
        return rng.standard_normal(u.shape), np.zeros_like(u)

    with pytest.raises(ArithmeticError, match="the integral did not converge"):
        line_integrals.integrate(noise, np.linspace(0.0, 1.0, 1000), 1.0)


def test_softmax_and_log_sum_exp_do_not_overflow():
    logits = np.array([[1e8, 1e8 - 1.0, -1e8], [-1e8, -2e8, -3e8]])
    np.testing.assert_allclose(log_sum_exp(logits) - logits[:, 0], [np.log1p(np.exp(-1.0)), 0.0], atol=1e-7)
    np.testing.assert_allclose(softmax(logits).sum(axis=1), 1.0, rtol=1e-15)


# Proposition 3.1: the identity fails, by a lot, where a hypothesis does.


def worst(case, name="log-density"):
    return proposition.deviations(case, ms.NoisedMeasure)[0][name]


@pytest.mark.parametrize("index", range(0, 30, 3))
def test_broken_hypotheses_break_the_identity(index):
    rng = np.random.default_rng([4, index])
    case = proposition.draw_case(index, rng, d=4, r=2)
    limit = proposition.IDENTITY_TOLERANCE.value
    assert worst(case) < limit
    assert worst(case, "score") < limit
    sigma = np.sqrt(case.clock.sigma2(case.t))
    with_mean = dataclasses.replace(case, xi=case.xi + 0.3 * sigma * case.normal[:, 0])
    assert worst(with_mean, "score") > 1e6
    aside = 0.3 * rng.standard_normal((len(case.points), 1)) ** 2 * case.normal[:, 0]
    # At effective variance one several points have weight; a single one would be flat.
    bent = dataclasses.replace(case, points=case.points + aside, t=float(case.clock.time(1.0)))
    assert max(worst(bent), worst(bent, "score")) > 1e6
    # The hull reduction knows nothing of the subspace: it still agrees with brute force.
    assert worst(bent, "score, hull") < limit


def test_displacements_are_centred_and_skewed_where_they_should_be():
    rng = np.random.default_rng(0)
    for kernel in proposition.KERNELS:
        xi = proposition.displacements(kernel, 3, 0.7, rng)
        assert np.abs(xi.mean(axis=0)).max() < 1e-15 * np.abs(xi).max() * len(xi)
        skewed = np.abs((xi**3).mean(axis=0)).min() > 0.1 * np.abs(xi**3).mean()
        assert skewed == (kernel == "skewed exponential")


def test_outside_the_hypotheses_the_deviation_is_the_predicted_one():
    evidence = Evidence()
    affine_outside.observe(ms.NoisedMeasure, evidence)
    flat, circle, mean, varying = evidence.observations
    assert flat.parameters["in_units_of_rounding"] < FEW
    for item, relative in ((circle, 1e-4), (mean, 1e-10), (varying, 1e-10)):  # the circle's next order is h^2
        assert item.parameters["in_units_of_rounding"] > 1e6
        assert item.measured == pytest.approx(item.expected, rel=relative)


# The decomposition.


@pytest.mark.parametrize(("place", "h"), [(0.3, 0.2), (1.0, 0.1), (2.0, 0.3), (1e-3, 0.4)])
def test_polar_quadrature_has_the_moments_of_the_normal_law(place, h):
    x = place * np.array([np.cos(0.4), np.sin(0.4)])
    law = decomposition_circle.polar_law(x, h, 1.0)
    assert law.weights.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(law.weights @ law.y, x, atol=1e-12)
    np.testing.assert_allclose((law.weights[:, None] * (law.y - x)).T @ (law.y - x), h**2 * np.eye(2), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(law.foot, axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(law.adapted(0.3) + (law.distance - 0.3)[:, None] * law.normal, law.y, atol=1e-14)


def test_level_on_a_circle_against_radial_quadrature():
    from scipy.integrate import quad
    from scipy.special import ive

    size, h = 0.7, 0.25

    def density(rho):  # of |Y|, the Rice distribution
        return rho / h**2 * np.exp(-((rho - size) ** 2) / (2 * h**2)) * ive(0, rho * size / h**2)

    square = quad(lambda rho: (rho - 1.0) ** 2 * density(rho), 0.0, 4.0, epsabs=1e-13, epsrel=1e-13)[0]
    assert decomposition_circle.level(np.array([size, 0.0]), h, 1.0) == pytest.approx(np.sqrt(square), rel=1e-11)


def test_draws_by_hand_are_nearest_points_of_the_level_set():
    manifold, rng = ms.Ellipse(2.0, 1.0), np.random.default_rng(1)
    alpha = 0.6
    draws = decomposition.draw_by_hand(manifold, np.array([1.0, 0.3]), 0.05 * rng.standard_normal((20, 2)), alpha)
    assert draws.level < alpha * manifold.reach
    adapted = draws.adapted()
    np.testing.assert_allclose(alpha * manifold.distance(adapted / alpha), draws.level, rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(draws.y - adapted, axis=1), np.abs(draws.distance[:, 0] - draws.level),
                               atol=1e-15)  # fmt: skip


def test_points_are_where_their_kind_says():
    rng = np.random.default_rng(2)
    for _, manifold in decomposition.manifolds():
        reach = manifold.reach
        places = {kind: manifold.distance(decomposition.place(kind, manifold, 30, rng)) for kind in decomposition.KINDS}
        assert places["on M"].max() < 1e-12
        assert places["near M"].max() < 0.31 * reach
        assert np.median(places["far from M"]) > 2.0 * reach


# Where smoothing and gradients do not commute.


def test_psi_is_the_mean_of_the_signed_distance():
    from scipy.integrate import quad

    for v in (-1.7, 0.0, 0.3, 2.6):
        r = np.sqrt(1.0 + v * v)
        mean = quad(lambda g, v=v: np.sign(v + g) * np.exp(-g * g / 2) / np.sqrt(2 * np.pi), -9, 9, points=[-v])[0]
        assert renyi_grid.psi(v) == pytest.approx(r * mean - v, abs=1e-10)
        slope = (renyi_grid.psi(v + 1e-5) - renyi_grid.psi(v - 1e-5)) / 2e-5
        assert commutation_laws.psi_slope(v) == pytest.approx(slope, abs=1e-9)  # truncation 1e-10, rounding 1e-11


def test_gradient_and_curl_of_a_known_field():
    x = np.array([[0.3, -0.4], [1.0, 2.0]])
    # Differences of order 8 are exact up to degree 8; rounding 1e-15/0.004.
    found = commutation_laws.curl(lambda y: np.stack([-(y[:, 1] ** 3), y[:, 0] ** 2], axis=1), x)
    np.testing.assert_allclose(found, 2.0 * x[:, 0] + 3.0 * x[:, 1] ** 2, atol=1e-10)
    found = commutation_laws.gradient(lambda y: y[:, 0] * y[:, 1] ** 2, x)
    np.testing.assert_allclose(found, np.stack([x[:, 1] ** 2, 2.0 * x[:, 0] * x[:, 1]], axis=1), atol=1e-10)


def test_points_of_the_adapted_kernel_are_those_of_the_package():
    """Quadrature by hand against many draws of the package, in standard errors."""
    x, h = np.array([[0.9, 0.5]]), 0.2
    points, weights = commutation_laws.KINDS["adapted"].points(x, h)
    draws = ms.AdaptedKernel(ms.GaussianKernel(h), ms.Circle(1.0)).sample(x, 2**16, 3)[0]
    for power in (1, 2):
        expected = weights[0] @ points[0] ** power
        error = (draws**power).std(axis=0) / 2**8
        assert np.all(np.abs((draws**power).mean(axis=0) - expected) < 4.5 * error)


def test_the_figure_of_the_profile_starts_near_the_known_limit():
    """At the centre of a densely sampled circle the difference tends to (gamma + log(pi/4))/4 = 0.0839."""
    turns = 2.0 * np.pi * np.arange(400) / 400
    points = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    t, h, x = 1e-4, 0.03, np.array([1e-9, 0.0])
    cloud = Cloud.at(points, np.ones(400), brownian(), t)
    law = decomposition_circle.polar_law(x, h, 1.0)
    some = decomposition_circle.PolarLaw(*(getattr(law, field.name)[::7] for field in dataclasses.fields(law)))
    scale = law.weights.sum() / some.weights.sum()
    right = decomposition_circle.both_sides(cloud, some, decomposition_circle.level(x, h, 1.0))[2] * scale
    limit = 0.25 * (np.euler_gamma + np.log(np.pi / 4.0))
    # As h -> 0 with sigma_eps^2 << h: corrections of order h, and of order sigma_eps^2/h = 0.003.
    assert right == pytest.approx(limit, abs=0.02)
