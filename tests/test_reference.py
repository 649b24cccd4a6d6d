"""The references against second routes: quadrature, mpmath's Bessel functions, and derivatives.

Each closed form of tests/reference is compared with the integral it solves, and every measure, combinators included,
with the derivatives of its log mass: delta = s grad log Z and Cov = s^2 Hess log Z + s I.
"""

import numpy as np
import pytest
from mpmath import mp, mpf

from tests import reference
from tests.reference.arithmetic import add, moved, norm, scale, subtract
from tests.reference.bessel import sphere_bessel
from tests.reference.intervals import uniform_interval

DIGITS = 50

AGREEMENT = mpf(10) ** -40
"""Two routes at 50 digits: ten are left for what each may lose (quadrature, differences of exponents)."""

SMALLEST = mpf(10) ** -30
"""Numbers below this are compared absolutely unless a test knows better."""

DERIVATIVE_STEP = mpf(10) ** -20
DERIVATIVE_AGREEMENT = mpf(10) ** -25
"""Central differences at 50 + 60 digits: the step squared, 1e-40, times third derivatives of up to 1e15."""


@pytest.fixture(autouse=True)
def fifty_digits():
    with mp.workdps(DIGITS):
        yield


def close(a, b, tolerance=AGREEMENT, scale=SMALLEST):
    """Agreement relative to the larger of the two, or to `scale` where both are smaller."""
    return abs(a - b) <= tolerance * max(abs(a), abs(b), scale)


def interval_by_quadrature(lower, upper, z, s):
    """log Z, E[y - z] and Var of the uniform law on [lower, upper], the integrand scaled by its largest value."""
    nearest = min(max(z, lower), upper)
    top = (z - nearest) ** 2 / (2 * s)
    # Beyond 16 standard deviations, or 130 decay lengths, the integrand is below 1e-56 of its maximum.
    reach = 16 * mp.sqrt(s)
    if z != nearest:
        reach = min(reach, 130 * s / abs(z - nearest))
    a, b = max(lower, nearest - reach), min(upper, nearest + reach)
    knots = mp.linspace((a - nearest) / (b - a), (b - nearest) / (b - a), 9)

    def integral(power):
        # In units of the window, so that the absolute error of the quadrature is a relative one.
        return mp.quad(lambda u: u**power * mp.exp(-u * (b - a) * (u * (b - a) + 2 * (nearest - z)) / (2 * s)), knots)

    mass, first, second = integral(0), integral(1) * (b - a), integral(2) * (b - a) ** 2
    mean = first / mass
    return mp.log(mass / (upper - lower) * (b - a)) - top, nearest - z + mean, second / mass - mean * mean


@pytest.mark.parametrize("z", [-1e4, -3.0, -0.01, 0.0, 0.3, 0.5, 0.75, 1.0, 2.5])
@pytest.mark.parametrize("s", [1e-6, 1e-2, 1.0, 1e3])
def test_interval(z, s):
    lower, upper, z, s = mpf(0), mpf(1), mpf(z), mpf(s)
    closed, integral = uniform_interval(lower, upper, z, s), interval_by_quadrature(lower, upper, z, s)
    assert close(closed.log_mass, integral[0])
    assert close(closed.displacement, integral[1], scale=mp.sqrt(s))
    assert close(closed.variance, integral[2])


@pytest.mark.parametrize("z", [-1e4, 0.3, 1e4])
@pytest.mark.parametrize("s", [1e-14, 1e108])
def test_interval_keeps_its_digits_at_the_extremes(z, s):
    lower, upper, z, s = mpf(0), mpf(1), mpf(z), mpf(s)
    few = uniform_interval(lower, upper, z, s)
    with mp.workdps(10 * DIGITS):
        many = uniform_interval(lower, upper, z, s)
    assert all(close(a, b) for a, b in zip(few, many, strict=True))


def bessel_by_quadrature(k, x):
    """log G, A/x and A' from the density (sin a)^{k-2} exp(x (cos a - 1)) of the angle a."""
    # The mode of the angle and its width; 20 widths hold all but 1e-60 of the mass.
    mode = mp.acos((mp.sqrt((k - 2) ** 2 + 4 * x * x) - (k - 2)) / (2 * x))
    width = 1 / mp.sqrt(x * mp.cos(mode) + (k - 2) / mp.sin(mode) ** 2 if k > 2 else x + 1)
    a, b = max(mpf(0), mode - 20 * width), min(mp.pi, mode + 30 * width)
    knots = mp.linspace(a, b, 17)
    # About its largest value, so that the quadrature's absolute error is relative.
    top = -2 * x * mp.sin(mode / 2) ** 2 + ((k - 2) * mp.log(mp.sin(mode)) if k > 2 else 0)

    def density(angle):
        exponent = -2 * x * mp.sin(angle / 2) ** 2 - top
        return mp.exp(exponent) * mp.sin(angle) ** (k - 2)

    def moment(g):
        return mp.quad(lambda angle: density(angle) * g(angle), knots)

    mass = moment(lambda angle: 1)
    versine = moment(lambda angle: 2 * mp.sin(angle / 2) ** 2) / mass
    spread = moment(lambda angle: (2 * mp.sin(angle / 2) ** 2 - versine) ** 2) / mass
    whole = mp.sqrt(mp.pi) * mp.gamma(mpf(k - 1) / 2) / mp.gamma(mpf(k) / 2)
    return mp.log(mass / whole) + top, (1 - versine) / x, spread


@pytest.mark.parametrize("k", [2, 3, 4, 10, 101, 1000, 10_000])
@pytest.mark.parametrize("x", [0.1, 7.0, 300.0, 5e4, 1e9])
def test_sphere_against_quadrature(k, x):
    x = mpf(x)
    for ours, integral in zip(sphere_bessel(k, x), bessel_by_quadrature(k, x), strict=True):
        assert close(ours, integral, mpf(10) ** -30), (ours, integral)


@pytest.mark.parametrize("k", [2, 3, 7, 100])
@pytest.mark.parametrize("x", [1e-300, 1e-5, 1.0, 40.0, 150.0, 1e3])
def test_sphere_against_mpmath_bessel(k, x):
    x, order = mpf(x), mpf(k) / 2 - 1
    value = sphere_bessel(k, x)
    with mp.workdps(4 * DIGITS):
        low, high = mp.besseli(order, x), mp.besseli(order + 1, x)
        log_g = mp.loggamma(order + 1) + order * mp.log(2 / x) - x + mp.log(low)
        ratio = high / low / x
    assert close(value.ratio, ratio)
    assert close(value.log_g, log_g)


def test_sphere_series_meet():
    """Where the power series hands over to the asymptotic one, both must give the same digits."""
    from tests.reference.bessel import _hankel, _series

    for k, argument in ((2, 400), (3, 400), (50, 3000), (1001, 30_000)):
        x, order = mpf(argument), mpf(k) / 2 - 1
        with mp.workdps(300):
            by_series = mp.exp(-x) * _series(k, x) * (x / 2) ** order / mp.gamma(order + 1)
            by_hankel = _hankel(order, x) / mp.sqrt(2 * mp.pi * x)
        assert close(by_series, by_hankel)


def test_sphere_expansion_about_a_known_point():
    """The Taylor steps that difference quotients use, against a fresh evaluation."""
    for k, x in ((3, mpf(2)), (10, mpf(10) ** 6)):
        sphere_bessel(k, x)
        near = sphere_bessel(k, x * (1 + mpf(10) ** -45))
        with mp.workdps(2 * DIGITS):
            fresh = sphere_bessel(k, x * (1 + mpf(10) ** -45))
        assert all(close(a, b) for a, b in zip(near, fresh, strict=True))


def angle_quadrature(law, z, s):
    """Moments of a law on a circle, given as (radius, density of the angle), by the periodic trapezoidal rule."""
    radius, density = law
    n = 4000
    nodes = [2 * mp.pi * i / n for i in range(n)]
    points = [[radius * mp.cos(a), radius * mp.sin(a)] for a in nodes]
    weights = [density(a) * mp.exp(-(norm(subtract(y, z)) ** 2) / (2 * s)) for a, y in zip(nodes, points, strict=True)]
    mass = mp.fsum(weights)
    mean = [mp.fsum(w * y[i] for w, y in zip(weights, points, strict=True)) / mass for i in range(2)]
    total = mp.fsum(density(a) for a in nodes)
    return mp.log(mass / total), mean


def test_von_mises_fisher_against_quadrature():
    law = reference.Sphere(2, 1.5, [3.0, 4.0], 2.5)
    tilt = law.tilt(reference.exact([0.5, -0.25]), mpf(0.25))
    density = (mpf(1.5), lambda a: mp.exp(mpf(2.5) * (mpf(3) / 5 * mp.cos(a) + mpf(4) / 5 * mp.sin(a))))
    log_mass, mean = angle_quadrature(density, reference.exact([0.5, -0.25]), mpf(0.25))
    assert close(tilt.log_mass, log_mass)
    assert all(close(a, b) for a, b in zip(tilt.mean, mean, strict=True))


def test_gaussian_against_quadrature():
    """Rank one in the plane: a line integral against the standard normal density."""
    direction, mean = reference.exact([2.0, -1.0]), reference.exact([0.5, 1.0])
    law = reference.Gaussian([0.5, 1.0], np.outer([2.0, -1.0], [2.0, -1.0]))
    z, s = reference.exact([1.0, 0.25]), mpf(0.3)

    def moment(g):
        def integrand(u):
            y = add(mean, scale(u, direction))
            return g(y) * mp.npdf(u) * mp.exp(-(norm(subtract(y, z)) ** 2) / (2 * s))

        return mp.quad(integrand, mp.linspace(-15, 15, 31))

    mass = moment(lambda y: 1)
    tilt, covariance = law.tilt(z, s), law.covariance(z, s)
    averages = [moment(lambda y, i=i: y[i]) / mass for i in range(2)]
    assert close(tilt.log_mass, mp.log(mass))
    for i in range(2):
        assert close(tilt.mean[i], averages[i])
        for j in range(2):
            product = moment(lambda y, i=i, j=j: (y[i] - averages[i]) * (y[j] - averages[j])) / mass
            assert close(covariance[i][j], product)


def test_cloud_against_a_plain_sum():
    rng = np.random.default_rng(0)
    points, weights = rng.standard_normal((5, 2)), rng.random(5)
    z, s = reference.exact([0.1, 0.2]), mpf(0.5)
    raw = [
        mpf(w) * mp.exp(-((mpf(y[0]) - z[0]) ** 2 + (mpf(y[1]) - z[1]) ** 2) / (2 * s))
        for w, y in zip(weights, points, strict=True)
    ]
    tilt = reference.PointCloud(points, weights).tilt(z, s)
    assert close(tilt.log_mass, mp.log(mp.fsum(raw) / mp.fsum(mpf(w) for w in weights)))
    for i in range(2):
        assert close(tilt.mean[i], mp.fsum(r * mpf(y[i]) for r, y in zip(raw, points, strict=True)) / mp.fsum(raw))


def _measures():
    turned = [[0.5, 0.5], [0.5, -0.5], [0.5, 0.5], [0.5, -0.5]]
    circle, interval = reference.Sphere(2, 1.0), reference.Segment([0.0], [1.0])
    cylinder = reference.Product([2, 1], [circle, interval])
    yield "cloud", 2, lambda: reference.PointCloud([[0.0, 1.0], [2.0, 0.5], [1.0, 1.0]], [1.0, 2.0, 1e-5])
    yield "gaussian", 3, lambda: reference.Gaussian([1.0, 0.0, -1.0], np.diag([1.0, 0.0, 4.0]) + 0.5)
    yield "singular", 2, lambda: reference.Gaussian([1.0, 0.0], [[1.0, 2.0], [2.0, 4.0]])
    yield "circle", 2, lambda: circle
    yield "sphere", 5, lambda: reference.Sphere(5, 2.0)
    yield "fisher", 3, lambda: reference.Sphere(3, 1.0, [0.0, 1.0, 2.0], 30.0)
    yield "segment", 2, lambda: reference.Segment([0.0, 1.0], [2.0, -1.0])
    yield "box", 2, lambda: reference.Box([0.0, 1.0], [1.0, 3.0])
    yield "product", 3, lambda: cylinder
    slanted = reference.Segment([0.0, 0.0, 2.0], [1.0, 1.0, 1.0])
    yield "mixture", 3, lambda: reference.Mixture([cylinder, slanted], [1.0, 3.0])
    yield "embedded", 4, lambda: reference.Embedded(circle, turned, [1.0, 0.0, 0.0, 2.0])


@pytest.mark.parametrize(("d", "make"), [each[1:] for each in _measures()], ids=[each[0] for each in _measures()])
@pytest.mark.parametrize("s", [0.01, 3.0])
def test_moments_are_derivatives_of_the_log_mass(d, make, s):
    with mp.workdps(DIGITS + 60):
        measure, z, s, h = make(), reference.exact([0.3, -0.2, 0.7, 0.1, 0.5][:d]), mpf(s), DERIVATIVE_STEP
        tilt, covariance = measure.tilt(z, s), measure.covariance(z, s)
        for i in range(d):
            up, down = measure.tilt(moved(z, i, h), s), measure.tilt(moved(z, i, -h), s)
            assert close(tilt.displacement[i], s * (up.log_mass - down.log_mass) / (2 * h), DERIVATIVE_AGREEMENT)
            assert close(tilt.mean[i], z[i] + tilt.displacement[i])
            for j in range(d):
                slope = (up.displacement[j] - down.displacement[j]) / (2 * h)
                assert close(covariance[i][j], s * (slope + (i == j)), DERIVATIVE_AGREEMENT)
        # 2 s d(log Z)/ds = E|y - z|^2 / s, the local dimension.
        change = (measure.tilt(z, s + h).log_mass - measure.tilt(z, s - h).log_mass) / (2 * h)
        spread = mp.fsum(covariance[i][i] for i in range(d)) + norm(tilt.displacement) ** 2
        assert close(2 * s * change, spread / s, DERIVATIVE_AGREEMENT)


@pytest.mark.parametrize(
    "process",
    [
        reference.OrnsteinUhlenbeck(0.75),
        reference.BrownianMotion(),
        reference.VariancePreserving(),
        reference.LinearInterpolant(),
    ],
    ids=lambda process: type(process).__name__,
)
def test_processes_solve_their_equations(process):
    """alpha' = (drift rate) alpha and (sigma^2)' = 2 (drift rate) sigma^2 + g^2, from the table of theory.md."""
    t = mpf(0.3)
    rate, g2 = {
        "OrnsteinUhlenbeck": (-mpf(0.75), mpf(1)),
        "BrownianMotion": (mpf(0), mpf(1)),
        "VariancePreserving": (-(mpf(0.1) + t * (20 - mpf(0.1))) / 2, mpf(0.1) + t * (20 - mpf(0.1))),
        "LinearInterpolant": (-1 / (1 - t), 2 * t / (1 - t)),
    }[type(process).__name__]
    h = mpf(10) ** -15
    with mp.workdps(2 * DIGITS):
        alpha_slope = (process.signal_scale(t + h) - process.signal_scale(t - h)) / (2 * h)
        variance_slope = (process.noise_variance(t + h) - process.noise_variance(t - h)) / (2 * h)
    assert close(alpha_slope, rate * process.signal_scale(t), DERIVATIVE_AGREEMENT)
    assert close(variance_slope, 2 * rate * process.noise_variance(t) + g2, DERIVATIVE_AGREEMENT)
    assert process.signal_scale(mpf(0)) == 1
    assert process.noise_variance(mpf(0)) == 0


def test_targets_are_gradients_of_the_log_density():
    measure, process = reference.Segment([0.0, 1.0], [2.0, -1.0]), reference.OrnsteinUhlenbeck()
    x, t, h = reference.exact([0.3, 0.4]), mpf(0.2), DERIVATIVE_STEP
    with mp.workdps(DIGITS + 60):
        exact, matrices = reference.targets(measure, process, x, t), reference.matrices(measure, process, x, t)
        for i in range(2):
            up = reference.targets(measure, process, moved(x, i, h), t)
            down = reference.targets(measure, process, moved(x, i, -h), t)
            assert close(exact.score[i], (up.log_density - down.log_density) / (2 * h), DERIVATIVE_AGREEMENT)
            for j in range(2):
                slope = (up.score[j] - down.score[j]) / (2 * h)
                assert close(matrices.score_jacobian[i][j], slope, DERIVATIVE_AGREEMENT)
        laplacian = matrices.score_jacobian[0][0] + matrices.score_jacobian[1][1]
        assert close(matrices.score_divergence, laplacian)
        squared = norm(exact.score) ** 2
        assert close(matrices.local_dimension, 2 + process.noise_variance(t) * (laplacian + squared))
        assert close(norm(exact.noise) ** 2, process.noise_variance(t) * squared)


def test_measures_stay_apart_from_the_package():
    """No module of the references imports the package under test."""
    from pathlib import Path

    for path in (Path(__file__).parent / "reference").glob("*.py"):
        assert "manifold_scores" not in path.read_text(encoding="utf-8"), path.name
