"""What expansions predict: scores and their remainders in every row of the table of theory 3, in every process."""

import math

import numpy as np
import pytest
import sympy as sp

import manifold_scores as ms
from manifold_scores.asymptotics import expansion
from tests.test_asymptotics import EXACT, TURN, U, boundary_cases, extrapolated, laws, measured_root, near

CONSTANT = 1e-2
"""Of a rate at s = 1e-7, or 1e-10 where the next order is sqrt(s) higher; asked for: 1 %; the next terms are 1e-3."""

SLOPE = 1e-2
"""Of a rate over a factor of 16 in s: the next terms change e by 1e-3."""

VERTICES = 1e-6
"""Limits in powers of sqrt(s), extrapolated three times from s = 1e-6: (1e-3)^4 times coefficients of up to 1e4, and
the rounding of x: it turns the phase at the vertex by 1e-16, which moves f by E u^2/s = s^(-1/2) of it: 1e-16/s = 1e-8,
a few times that after extrapolation."""

PROCESSES = {
    "Ornstein-Uhlenbeck": ms.OrnsteinUhlenbeck(0.75),
    "Brownian": ms.BrownianMotion(),
    "preserving": ms.VariancePreserving(),
    "interpolant": ms.LinearInterpolant(),
}


def time_of(process, s):
    """The time at which the effective variance is s, by the definition of each process."""
    match process:
        case ms.OrnsteinUhlenbeck():
            return np.log1p(2 * process.rate * s) / (2 * process.rate)
        case ms.BrownianMotion():
            return s
        case ms.LinearInterpolant():
            return np.sqrt(s) / (1 + np.sqrt(s))
    total, low, high = np.log1p(s), process.beta_min, process.beta_max
    return 2 * total / (low + np.sqrt(low**2 + 2 * (high - low) * total))


def remainders(law, e, process, s):
    """e(s) = |(sigma^2/alpha)(-score) - v|/|v| from the oracle, at (n,) effective variances."""
    t = time_of(process, s)
    score = ms.NoisedMeasure(law, process).score(np.tile(e.x, (len(s), 1)), t)
    alpha, sigma2 = process.signal_scale(t), process.noise_variance(t)
    return np.linalg.norm(-(sigma2 / alpha)[:, None] * score - e.v, axis=1) / np.linalg.norm(e.v)


def interior_cases():
    rng = np.random.default_rng(11)
    return {name: (laws()[name], near(laws()[name], rng)[0]) for name in ("ellipse", "polynomial", "torus", "saddle")}


def vertex_cases():
    """Name -> (law, x): focal points at vertices, centred or not, with density and without symmetry."""
    moved = ms.Curve([3 + 2 * sp.cos(U), 1 + sp.sin(U)], (U, 0, 2 * sp.pi))
    lopsided = ms.Curve([U, U**2 / 2 - U**4 / 4 + U**5 / 3, U**3], (U, sp.Rational(-2, 5), sp.Rational(1, 2)))
    ellipse = ms.Ellipse(2.0, 1.0)
    return {
        "vertex": (ellipse.uniform(), np.array([1.5, 0.0])),
        "other vertex": (ellipse.measure(2 + sp.sin(ellipse.symbolic.symbols[0])), np.array([-1.5, 0.0])),
        "moved ellipse": (moved.measure(sp.exp(sp.sin(U))), np.array([4.5, 1.0])),
        "lopsided": (lopsided.measure(1 + U / 3), np.array([0.0, 1.0, 0.0])),
    }


CASES = interior_cases() | vertex_cases() | {name: case[:2] for name, case in boundary_cases().items()}


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", CASES)
def test_remainders_have_the_rate_and_the_constant_of_the_oracle(name, process):
    law, x = CASES[name]
    e, process = expansion(law, x), PROCESSES[process]
    if isinstance(process, ms.LinearInterpolant) and e.root.any():
        with pytest.raises(ValueError, match="process must move x/alpha by"):
            e.remainder_rate(process)
        return
    exponent, constant = e.remainder_rate(process)
    slow = exponent == 0.5
    assert exponent == (0.5 if e.root.any() or isinstance(process, ms.LinearInterpolant) else 1.0)
    s = (1e-10 if slow else 1e-7) * np.array([1.0, 1 / 16])
    found = remainders(law, e, process, s)
    if constant == 0.0:  # what is left is exponentially small; rounding of |x|/|v|
        np.testing.assert_array_less(found, 1e-13)
        return
    np.testing.assert_allclose(found / s**exponent, constant, rtol=CONSTANT)
    np.testing.assert_allclose(np.log(found[0] / found[1]) / np.log(16), exponent, atol=SLOPE)


@pytest.mark.parametrize("process", ["Ornstein-Uhlenbeck", "Brownian", "preserving", "interpolant"])
@pytest.mark.parametrize("name", ["ellipse", "polynomial", "torus", "helix, end", "saddle, side"])
def test_predicted_scores_and_means_are_off_by_the_next_order(name, process):
    (law, x), process = CASES[name], PROCESSES[process]
    e = expansion(law, x)
    s = 1e-5 * np.array([1.0, 0.25])
    t = time_of(process, s)
    noised = ms.NoisedMeasure(law, process)
    off = noised.score(np.tile(x, (2, 1)), t) - e.predict_score(process, t)
    scaled = np.linalg.norm(off * (process.noise_variance(t) / process.signal_scale(t))[:, None], axis=1)
    # f is off by s^2; where x/alpha moves by sqrt(s), by the second derivative of the projection, of order s.
    order = 1 if isinstance(process, ms.LinearInterpolant) else 2
    moves = 1.0 if order == 2 else np.linalg.norm(x) ** 2
    assert scaled[0] <= 1e3 * moves * s[0] ** order
    if scaled[1] > 1e-13:
        assert np.log(scaled[0] / scaled[1]) / np.log(4) >= order - 0.1
    off = np.linalg.norm(law.tilt(np.tile(x, (2, 1)), s).mean - e.predict_mean(s), axis=1)
    assert np.log(off[0] / off[1]) / np.log(4) >= 1.9


@pytest.mark.parametrize("name", vertex_cases())
def test_vertices_have_the_terms_of_the_oracle(name):
    law, x = vertex_cases()[name]
    e = expansion(law, x)
    assert e.situation == "focal"
    np.testing.assert_allclose(e.eigenvalues, 0.0, atol=EXACT)
    np.testing.assert_allclose(e.root, measured_root(law, e, 10.0), atol=VERTICES)
    # The shift of x/alpha: the oracle at x + a s x.
    a, s = 1.5, 1e-6 * 0.25 ** np.arange(4)
    shifted = law.tilt((1.0 + a * s)[:, None] * x, s).mean - e.point
    limit = extrapolated(shifted / np.sqrt(s)[:, None], 0.5, (1, 2, 3))
    np.testing.assert_allclose(e.root + a * e.drift, limit, atol=VERTICES)


def test_the_focal_constant_of_the_ellipse_is_that_of_theory():
    A, B, a, g = 2.0, 1.0, 0.5, 0.3
    ellipse = ms.Ellipse(A, B)
    gamma = math.gamma(0.75) / math.gamma(0.25)
    x = np.array([(A**2 - B**2) / A, 0.0])
    rate = expansion(ellipse.uniform(), x).remainder_rate(a)
    assert rate.constant == pytest.approx(math.sqrt(2) * A**2 / (B**2 * math.sqrt(A**2 - B**2)) * gamma, rel=EXACT)
    sloped = ellipse.measure(1 + g * B * sp.sin(ellipse.symbolic.symbols[0]))  # (log rho)' = g by arc length
    assert expansion(sloped, x).remainder_rate(a).constant == pytest.approx(
        rate.constant * math.sqrt(1 + 4 * g**2 / (A / B**2) ** 2), rel=EXACT
    )
    near_focal = expansion(ellipse.uniform(), x + np.array([1e-6, 0.0]))
    assert near_focal.situation == "interior"
    assert near_focal.eigenvalues[0] == pytest.approx(1e-6 * A / B**2, rel=1e-8)


def test_edges_have_the_constants_of_theory():
    helix = ms.Helix(1.0, 1.0, 2.0)
    k = TURN**2 / (TURN**2 + 1)
    for offset in (0.3, -0.4):
        constant = expansion(helix.uniform(), [1 + offset, 0.0, 0.0]).remainder_rate(0.5).constant
        assert constant == pytest.approx(math.sqrt(2 / (math.pi * (1 + k * offset))) / abs(offset), rel=EXACT)
    segment = expansion(ms.Segment([0.0, 0.0], [1.0, 0.0]).uniform(), [0.0, 2.0])
    assert segment.remainder_rate(0.5) == (0.5, pytest.approx(math.sqrt(2 / math.pi) / 2, rel=EXACT))


@pytest.mark.parametrize("rate", [0.0, 0.8])
def test_the_medial_axis_averages_the_nearest_points(rate):
    process = ms.OrnsteinUhlenbeck(rate) if rate else ms.BrownianMotion()
    ellipse, wavy = ms.Ellipse(2.0, 1.0), ms.WavyCircle()
    u = ellipse.symbolic.symbols[0]
    moved = ms.Curve([1 + 2 * sp.cos(U), 3 + sp.sin(U)], (U, 0, 2 * sp.pi))
    arc = ms.Curve([2 * sp.cos(U), sp.sin(U)], (U, 0, 3 * sp.pi / 2))  # as near to both ends, D = 1/2 and 1
    warped = ms.Curve([2 * sp.cos(U + sp.cos(U) / 3), sp.sin(U + sp.cos(U) / 3)], (U, 0, 2 * sp.pi))
    cases = [
        (ellipse.measure(2 + sp.sin(u)), [0.3, 0.0], 2),
        (moved.measure(2 + sp.sin(U)), [1.3, 3.0], 2),
        (wavy.measure(lambda u: 2 + np.sin(u)), [0.0, 0.0], 8),
        (ms.PointCloud([[0, 0], [2, 0], [0, 2], [5, 5]], [0.2, 0.3, 0.4, 0.1]), [1.0, 1.0], 3),
        (ms.Sphere(3, 2.0).von_mises_fisher([0, 0, 1], 2.0), [0.0, 0.0, 0.0], 2),
        (arc.measure(1 + U), [1.0, -0.5], 2),
        (warped.uniform(), [0.3, 0.0], 2),
    ]
    t = 1e-8
    for law, x, number in cases:
        e = expansion(law, x)
        assert (e.situation, len(e.nearest_points)) == ("medial axis", number)
        f = ms.NoisedMeasure(law, process).posterior_mean(x, t)
        # The next order is s times coefficients of ten; z = x/alpha in float64 tilts the weights by eps |x||y|/t.
        np.testing.assert_allclose((e.v - e.predict_score(process, t) * -t)[: len(f)] + e.point, f, atol=1e-6)
        assert e.remainder_rate(rate).exponent == 0.0
        np.testing.assert_allclose(
            e.remainder_rate(rate).constant, np.linalg.norm(f - e.point) / np.linalg.norm(e.v), atol=1e-6
        )


def test_an_end_has_no_share_beside_an_interior_point():
    curve = ms.Curve([2 * sp.cos(U), sp.sin(U)], (U, 0, 3 * sp.pi / 2))
    low, high = -0.5, 0.5  # (0.3, low) is nearest to the end (0, -1), (0.3, high) to the upper half
    while low < 0.5 * (low + high) < high:
        q = 0.5 * (low + high)
        low, high = (q, high) if curve.project([0.3, q])[1] == -1.0 else (low, q)
    e = expansion(curve.uniform(), [0.3, low])
    assert e.situation == "medial axis"
    np.testing.assert_array_equal(e.weights, [1.0, 0.0])
    # The end has a share of order sqrt(s) = 1e-4; the tie is good to 1e-16 over s = 1e-8.
    np.testing.assert_allclose(curve.uniform().tilt(e.x, 1e-8).mean, e.predict_mean(1e-8), atol=1e-3)


def test_clouds_have_gap_and_prefactor():
    points, weights = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [3.0, 1.0], [0.0, 0.0]]), [0.1, 0.3, 0.2, 0.2, 0.2]
    x = np.array([0.2, 0.2])
    law = ms.PointCloud(points, weights)
    e = expansion(law, x)
    assert e.situation == "point cloud"
    assert e.gap == pytest.approx(0.5 * (0.68 - 0.08), rel=EXACT)
    np.testing.assert_allclose(e.prefactor, [0.3 / 0.3, 0.2 / 0.3], rtol=EXACT)
    s = e.gap / np.array([14.0, 16.0, 18.0])
    # e^-14 of the two that share the gap, relative; the fourth point is e^-50.
    np.testing.assert_allclose(e.predict_mean(s), law.tilt(np.tile(x, (3, 1)), s).mean, rtol=5e-6)
    process = ms.OrnsteinUhlenbeck(0.5)
    f = ms.NoisedMeasure(law, process).score(np.tile(x, (3, 1)), s)
    np.testing.assert_allclose(e.predict_score(process, s), f, rtol=5e-6)
    assert e.remainder_rate(0.5) == (1.0, pytest.approx(0.5))
    assert e.remainder_rate(0.0) == (1.0, 0.0)


def test_laws_in_other_coordinates():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 3))).Q
    origin, inner = np.array([0.3, -1.0, 2.0, 0.5]), laws()["torus"]
    law = ms.Embedded(inner, turn, origin)
    z, x = np.array([1.9, 0.3, 0.4]), origin + turn @ [1.9, 0.3, 0.4] + 0.3 * np.cross(*np.eye(3)[:2])[0]
    e, within = expansion(law, x), expansion(inner, z)
    np.testing.assert_allclose(e.b, turn @ within.b, atol=EXACT)
    np.testing.assert_allclose(e.covariance, turn @ within.covariance @ turn.T, atol=EXACT)
    gaussian = ms.Gaussian([1.0, 0.0, 0.0], np.diag([0.5, 2.0, 0.0]))
    e = expansion(gaussian, [2.0, 1.0, 3.0])
    np.testing.assert_allclose(e.b, [-2.0, -0.5, 0.0], atol=EXACT)
    np.testing.assert_allclose(e.v, [0.0, 0.0, 3.0], atol=EXACT)
    np.testing.assert_allclose(e.c(2.0), [2.0, 0.5, 6.0], atol=EXACT)


def test_functions_agree_with_expressions():
    by_expression = laws()["ellipse"]
    curve = ms.Curve(lambda u: np.stack([2 * np.cos(u), np.sin(u)], -1), (0.0, TURN))
    by_function = curve.measure(lambda u: 2 + np.cos(u))
    for x in ([2.5, 0.7], [-0.6, 0.8], [1.5, 0.0]):
        first, second = expansion(by_expression, x), expansion(by_function, x)
        assert first.situation == second.situation
        # Third derivatives of functions are good to 1e-9, fifth (at the vertex) to 1e-5 of the scale.
        tolerance, place = (1e-8, 1e-12) if first.situation == "interior" else (1e-5, 1e-9)
        np.testing.assert_allclose(second.point, first.point, atol=place)
        np.testing.assert_allclose(second.b, first.b, atol=tolerance)
        np.testing.assert_allclose(second.root, first.root, atol=tolerance)
