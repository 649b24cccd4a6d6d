"""Tilted moments against brute-force integrals and finite differences; combinations against their algebra."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import manifold_scores as ms
from tests import strategies
from tests.strategies import brute_force, close, largest_exponent, slope

EPSILON = np.finfo(np.float64).eps

BRUTE_FORCE = 64 * EPSILON
"""Rounding of the brute-force sums, in units of the largest exponent |z - y|^2 / 2s (up to 2000 here)."""

DIFFERENCES = 1e-8
"""Five-point differences, relative; see FLAT in test_noised_identities."""

cases = strategies.laws().flatmap(
    lambda law: st.tuples(st.just(law), strategies.vectors(law.dimension), strategies.variances)
)


@given(cases)
def test_tilt_agrees_with_brute_force(case):
    law, z, s = case
    log_mass, displacement, covariance = brute_force(law, z, s)
    tilt = law.measure.tilt(z, s)
    bound = BRUTE_FORCE * (10 + largest_exponent(law, z, s))
    close(tilt.log_mass, log_mass, bound)
    close(tilt.displacement, displacement, bound * 10)
    close(tilt.mean, z + displacement, bound * 10)
    close(law.measure.tilt_covariance(z, s), covariance, bound * 10)
    close(law.measure.tilt_covariance_trace(z, s), np.trace(covariance), bound * 10 * law.dimension)


@given(cases)
def test_displacement_and_covariance_are_derivatives_of_the_log_mass(case):
    law, z, s = case
    R = law.dimension + largest_exponent(law, z, s)
    reach = (np.linalg.norm(z) + strategies.RADIUS) / s + 1 / np.sqrt(s)
    step, directions = 4e-3 / reach, np.eye(law.dimension)
    gradient = [slope(lambda h, v=v: law.measure.tilt(z + h * v, s).log_mass, step) for v in directions]
    close(law.measure.tilt(z, s).displacement, s * np.array(gradient), DIFFERENCES * R * s * reach)
    # Hess log Z = (Cov/s - I)/s, from the displacement/s = grad log Z.
    jacobian = np.stack(
        [slope(lambda h, v=v: law.measure.tilt(z + h * v, s).displacement, step) for v in directions], -1
    )
    covariance = s * (jacobian + np.eye(law.dimension))
    scale = s * (1 + np.linalg.norm(law.measure.tilt(z, s).displacement)) * reach
    close(law.measure.tilt_covariance(z, s), covariance, DIFFERENCES * R * scale)


@given(cases)
def test_the_trace_is_the_trace_of_the_matrix(case):
    law, z, s = case
    covariance = law.measure.tilt_covariance(z, s)
    bound = 16 * law.dimension * EPSILON * np.abs(covariance).max()
    assert law.measure.tilt_covariance_trace(z, s) == pytest.approx(np.trace(covariance), abs=bound)
    close(covariance, covariance.T, bound)


@pytest.mark.parametrize("distance", [1e3, 1e8, 1e15, 1e16, 1e17, 1e30, 1e50])
@pytest.mark.parametrize("s", [1e-100, 1e-14, 0.5])
def test_segments_seen_from_far_away(distance, s):
    # An exponential law at the nearer end with the rate distance/s; the corrections are of order 1/distance.
    for sign, end in ((1.0, [1.0, 2.0]), (-1.0, [0.0, 2.0])):
        segment = ms.Segment([0.0, 2.0], [1.0, 2.0]).uniform()
        z = np.array([sign * distance, 2.5])
        tilt = segment.tilt(z, s)
        np.testing.assert_allclose(tilt.mean, end, atol=2 * s / distance + EPSILON)
        np.testing.assert_allclose(tilt.displacement, end - z, rtol=2 * (EPSILON + s / distance**2))
        assert segment.tilt_covariance_trace(z, s) == pytest.approx(
            (s / distance) ** 2, rel=5 / distance + 64 * EPSILON
        )
        assert tilt.log_mass == pytest.approx(-((distance - (sign > 0)) ** 2) / (2 * s), rel=1e-2)


def _gegenbauer_rule(n, order):
    """Gauss rule for (1 - u^2)^{order - 1/2} on [-1, 1], weights of sum 1, from the Jacobi matrix."""
    i = np.arange(1, n)
    with np.errstate(invalid="ignore"):
        square = i * (i + 2 * order - 1) / (4 * (i + order) * (i + order - 1))
    square[0] = 1 / (2 * (1 + order))  # also for order 0, Chebyshev
    node, vectors = scipy.linalg.eigh_tridiagonal(np.zeros(n), np.sqrt(square))
    return node, vectors[0] ** 2


@pytest.mark.parametrize("k", [2, 3, 4, 10, 101, 1000])
@pytest.mark.parametrize("s", [0.02, 0.3, 5.0, 1e4])
@pytest.mark.parametrize("concentration", [0.0, 1.5, 40.0])
def test_spheres_in_any_dimension_agree_with_gauss_jacobi_sums(k, s, concentration):
    # The cosine to eta = R z/s + c m has the weight (1 - u^2)^{(k-3)/2} exp(|eta| u).
    radius, rng = 1.3, np.random.default_rng(k)
    z, direction = rng.standard_normal(k) / math.sqrt(k), rng.standard_normal(k)
    direction /= np.linalg.norm(direction)
    node, weight = _gegenbauer_rule(200, k / 2 - 1)

    def log_integral(natural):
        return natural + np.log(weight @ np.exp(natural * (node - 1)))

    eta = radius * z / s + concentration * direction
    length = np.linalg.norm(eta)
    tilted = weight * np.exp(length * (node - 1))
    tilted /= tilted.sum()
    cosine = tilted @ node
    mean = radius * cosine * eta / length
    along, across = radius**2 * (tilted @ (node - cosine) ** 2), radius**2 * (tilted @ (1 - node**2)) / (k - 1)
    log_mass = log_integral(length) - log_integral(concentration) - (z @ z + radius**2) / (2 * s)

    law = ms.Sphere(k, radius).von_mises_fisher(direction, concentration)
    tilt = law.tilt(z, s)
    # Eigenvectors give the weights to some 1e-14 absolutely, exponents go up to a few hundred.
    tolerance = 1e-10
    assert tilt.log_mass == pytest.approx(log_mass, rel=tolerance, abs=tolerance)
    np.testing.assert_allclose(tilt.mean, mean, atol=tolerance)
    np.testing.assert_allclose(tilt.displacement, mean - z, atol=tolerance)
    axis = eta / length
    covariance = (along - across) * np.outer(axis, axis) + across * np.eye(k)
    np.testing.assert_allclose(law.tilt_covariance(z, s), covariance, atol=tolerance)
    assert law.tilt_covariance_trace(z, s) == pytest.approx(np.trace(covariance), rel=1e-9)


@pytest.mark.parametrize(("z", "s"), [(0.3, 0.01), (-2.0, 0.05), (1.5, 1.0), (4.0, 0.5), (-40.0, 2.0), (0.9, 1e-4)])
def test_intervals_agree_with_adaptive_quadrature(z, s):
    lower, upper = -0.5, 1.25
    nearest = min(max(z, lower), upper)

    def moment(function):
        def integrand(y):
            return function(y) * math.exp(((nearest - z) ** 2 - (y - z) ** 2) / (2 * s))

        width = min(40 * math.sqrt(s), s / max(abs(nearest - z), 1e-9) * 60)
        breaks = [b for b in (nearest - width, nearest, nearest + width) if lower < b < upper]
        goal = {"epsabs": 0, "epsrel": 1e-12, "limit": 300}
        return scipy.integrate.quad(integrand, lower, upper, points=breaks or None, **goal)[0]

    mass = moment(lambda y: 1.0)
    mean = lower + moment(lambda y: y - lower) / mass
    variance = moment(lambda y: (y - mean) ** 2) / mass
    law, tolerance = ms.Box([lower], [upper]).uniform(), 1e-10  # quad's goal is 1e-12 for each of three integrals
    tilt = law.tilt([z], s)
    log_mass = math.log(mass / (upper - lower)) - (nearest - z) ** 2 / (2 * s)
    assert tilt.log_mass == pytest.approx(log_mass, rel=tolerance)
    assert tilt.mean[0] == pytest.approx(mean, rel=tolerance)
    assert tilt.displacement[0] == pytest.approx(mean - z, rel=tolerance, abs=tolerance * math.sqrt(s))
    assert law.tilt_covariance_trace([z], s) == pytest.approx(variance, rel=tolerance)
    # The same law as a segment of the plane.
    plane = ms.Segment([lower, 2.0], [upper, 2.0]).uniform()
    assert plane.tilt([z, 2.5], s).log_mass == pytest.approx(log_mass - 0.25 / (2 * s), rel=tolerance)
    assert plane.tilt_covariance([z, 2.5], s)[0, 0] == pytest.approx(variance, rel=tolerance)


# Combinations


def test_product_is_the_algebra_of_its_blocks():
    circle, segment = ms.Circle(1.5).uniform(), ms.Segment([0.0], [2.0]).uniform()
    product, z, s = ms.Product(circle, segment), np.array([0.3, -2.0, 1.7]), 0.4
    a, b = circle.tilt(z[:2], s), segment.tilt(z[2:], s)
    tilt = product.tilt(z, s)
    assert tilt.log_mass == a.log_mass + b.log_mass
    np.testing.assert_array_equal(tilt.mean, [*a.mean, *b.mean])
    np.testing.assert_array_equal(tilt.displacement, [*a.displacement, *b.displacement])
    covariance = np.zeros((3, 3))
    covariance[:2, :2], covariance[2:, 2:] = circle.tilt_covariance(z[:2], s), segment.tilt_covariance(z[2:], s)
    np.testing.assert_array_equal(product.tilt_covariance(z, s), covariance)
    assert (product.ambient_dimension, product.dimension) == (3, 2)


def test_a_box_is_a_product_of_segments():
    box = ms.Box([-1.0, 0.0, 2.0], [1.0, 3.0, 2.5]).uniform()
    product = ms.Product(*(ms.Segment([a], [b]).uniform() for a, b in [(-1.0, 1.0), (0.0, 3.0), (2.0, 2.5)]))
    for z in ([0.1, 4.0, 2.2], [-9.0, 1.0, 2.5]):
        for s in (1e-8, 0.3, 1e6):
            a, b = box.tilt(z, s), product.tilt(z, s)
            assert a.log_mass == pytest.approx(b.log_mass, rel=8 * EPSILON)
            np.testing.assert_allclose(a.displacement, b.displacement, rtol=8 * EPSILON)
            np.testing.assert_allclose(a.mean, b.mean, rtol=8 * EPSILON)
            np.testing.assert_allclose(box.tilt_covariance(z, s), product.tilt_covariance(z, s), rtol=8 * EPSILON)


def test_mixture_is_a_softmax_of_its_parts():
    parts = [ms.Circle().uniform(), ms.Segment([0.0, 0.0], [1.0, 2.0]).uniform(), ms.Gaussian([1.0, 1.0], np.eye(2))]
    weights, z, s = np.array([1.0, 5.0, 2.0]), np.array([0.4, -0.3]), 0.2
    mixture = ms.Mixture(parts, weights)
    tilts = [part.tilt(z, s) for part in parts]
    masses = weights / weights.sum() * np.exp([tilt.log_mass for tilt in tilts])
    share = masses / masses.sum()
    tolerance = 16 * EPSILON
    assert mixture.tilt(z, s).log_mass == pytest.approx(np.log(masses.sum()), abs=tolerance)
    mean = sum(p * tilt.mean for p, tilt in zip(share, tilts, strict=True))
    np.testing.assert_allclose(mixture.tilt(z, s).mean, mean, atol=tolerance)
    np.testing.assert_allclose(mixture.tilt(z, s).displacement, mean - z, atol=tolerance)
    second = sum(
        p * (part.tilt_covariance(z, s) + np.outer(tilt.mean, tilt.mean))
        for p, part, tilt in zip(share, parts, tilts, strict=True)
    )
    np.testing.assert_allclose(mixture.tilt_covariance(z, s), second - np.outer(mean, mean), atol=tolerance)
    assert (mixture.ambient_dimension, mixture.dimension) == (2, 2)


def test_a_mixture_of_points_is_a_cloud():
    points, weights = np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, 0.0]]), np.array([0.2, 0.0, 0.8])
    mixture, cloud = ms.Mixture([ms.PointCloud([y]) for y in points], weights), ms.PointCloud(points, weights)
    for s in (1e-3, 1.0):
        # Shares such as exp(-500) know their exponent to eps times 500, in two logarithms each.
        means = mixture.tilt([0.1, 0.4], s).mean, cloud.tilt([0.1, 0.4], s).mean
        np.testing.assert_allclose(*means, rtol=2000 * EPSILON)
        covariances = mixture.tilt_covariance([0.1, 0.4], s), cloud.tilt_covariance([0.1, 0.4], s)
        np.testing.assert_allclose(*covariances, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(mixture.weights, [0.2, 0.8])


def test_a_mixture_of_equal_parts_is_the_part_and_chunks_do_not_show():
    part = ms.Sphere(40, 2.0).uniform()
    mixture = ms.Mixture([part] * 3, [1.0, 2.0, 3.0])
    x = np.random.default_rng(0).standard_normal((300, 40))
    tilts = mixture.tilt(x, 0.3), part.tilt(x, 0.3)
    for name in ("log_mass", "mean", "displacement"):
        np.testing.assert_allclose(getattr(tilts[0], name), getattr(tilts[1], name), rtol=1e-13, atol=1e-13)
    together = mixture.tilt_covariance(x, 0.3)  # some 200 queries to a chunk
    for row in (0, 217, 218, 219, 299):
        np.testing.assert_array_equal(together[row], mixture.tilt_covariance(x[row], 0.3))


def test_embedding_splits_the_center():
    rng = np.random.default_rng(2)
    basis, origin = strategies.rotation(rng, 5)[:, :2], rng.standard_normal(5)
    circle = ms.Circle(0.8).uniform()
    for embedded in (ms.Embedded(circle, basis, origin), ms.AffineSubspace(basis, origin).measure(circle)):
        z, s = rng.standard_normal(5), 0.3
        inside = circle.tilt(basis.T @ (z - origin), s)
        normal = (z - origin) - basis @ (basis.T @ (z - origin))
        tilt, tolerance = embedded.tilt(z, s), 32 * EPSILON
        assert tilt.log_mass == pytest.approx(inside.log_mass - normal @ normal / (2 * s), abs=tolerance * 10)
        np.testing.assert_allclose(tilt.mean, origin + basis @ inside.mean, atol=tolerance)
        np.testing.assert_allclose(tilt.displacement, origin + basis @ inside.mean - z, atol=tolerance)
        covariance = basis @ circle.tilt_covariance(basis.T @ (z - origin), s) @ basis.T
        np.testing.assert_allclose(embedded.tilt_covariance(z, s), covariance, atol=tolerance)
        assert (embedded.ambient_dimension, embedded.dimension) == (5, 1)


def test_combinations_nest():
    torus = ms.Product(ms.Circle(2.0).uniform(), ms.Circle(0.5).uniform())
    cylinder = ms.Embedded(ms.Product(ms.Circle().uniform(), ms.Box([0.0], [1.0]).uniform()), np.eye(4)[:, 1:])
    mixture = ms.Mixture([torus, cylinder])
    assert (mixture.ambient_dimension, mixture.dimension) == (4, 2)
    samples = mixture.sample(500, 0)
    on_torus = np.abs(np.hypot(samples[:, 0], samples[:, 1]) - 2) < 1e-12
    assert (samples[~on_torus, 0] == 0).all()


def test_weights_of_mixtures_span_the_float64_range():
    points = [ms.PointCloud([[0.0]]), ms.PointCloud([[1.0]])]
    # exp(-1 / 2s) = exp(-5e5) outweighs the ratio of the weights, 1e-600.
    assert ms.Mixture(points, [1e300, 1e-300]).tilt([1.0], 1e-6).mean == 1.0
    assert ms.Mixture(points, [1e300, 1e-300]).tilt([0.0], 1e-6).mean == 0.0
