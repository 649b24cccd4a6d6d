"""The references for smoothed tilts agree with each other, with mpmath, with nested quadrature and with limits."""

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import integrate
from scipy.stats import multivariate_normal

from tests.reference import kronrod, smoothing, voronoi

TOLERANCE = 1e-10
"""Agreement of the adaptive rules with each other and with Stein's identity, in units of the scales they state."""

DIGITS = 2e-12
"""Agreement with 30-digit quadrature on a line, where logits are below 1e3 and their rounding is 1e-13."""

NESTED = 1e-7
"""What nested adaptive rules of scipy are asked for."""

DEVIATIONS = 5.0
"""Standard errors allowed to a sample mean: one quantity in two million is further off."""


def assert_agree(one, other, points, tolerance):
    """The three quantities of two results, the mean in units of the spread of the points."""
    spread = diameter(points)
    assert np.linalg.norm(one.mean - other.mean) <= tolerance * spread
    assert one.log_sum == pytest.approx(other.log_sum, rel=tolerance, abs=tolerance)
    assert one.trace == pytest.approx(other.trace, rel=tolerance, abs=1e-16 * spread**2)


def diameter(points):
    """Largest distance of two points."""
    points = np.asarray(points)
    return float(np.max(np.linalg.norm(points[:, None] - points, axis=-1)))


def nearest_distance(points):
    """Smallest distance of two points that are not all but the same."""
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    return float(np.min(distances[distances > 1e-3 * np.max(distances)]))


def clouds(seed, count):
    """Clouds in the plane, places, variances, kernels and weights: generic and degenerate, sharp and smooth."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        n = int(rng.integers(3, 8))
        points = rng.standard_normal((n, 2))
        kind = k % 7
        if kind == 1:  # almost on a line
            points[:, 1] = 0.7 * points[:, 0] + 1e-6 * points[:, 1]
        elif kind == 2:  # a point twice
            points[-1] = points[0]
        elif kind == 3:  # almost on a lattice, with almost equal circles
            points = np.round(points * 2) / 2 + 1e-9 * rng.standard_normal(points.shape)
        elif kind == 4:  # all walls meet in one vertex
            angles = 2 * np.pi * np.arange(n) / n
            points = np.column_stack([np.cos(angles), np.sin(angles)])
        elif kind == 5:
            points[:, 1] = 0.0
        weights = 10.0 ** rng.uniform(-8, 0, n) if k % 2 else None
        h = 10 ** rng.uniform(-3, 1) * nearest_distance(points)
        s = 10 ** rng.uniform(-6, 1)
        factor = rng.standard_normal((2, 2))
        kernel = h * h * factor @ factor.T if k % 5 == 0 else h
        z = np.zeros(2) if k % 11 == 0 else points[0] + 0.5 * rng.standard_normal(2)
        yield points, z, s, kernel, weights


def test_the_rules_are_those_of_gauss_and_kronrod():
    for degree in range(0, 32, 2):
        exact = 2 / (degree + 1)
        assert np.sum(kronrod.KRONROD * kronrod.NODES**degree) == pytest.approx(exact, abs=1e-15)
        if degree < 20:
            assert np.sum(kronrod.GAUSS * kronrod.NODES**degree) == pytest.approx(exact, abs=1e-15)


@pytest.mark.parametrize(
    ("points", "weights", "z", "s", "h"),
    [
        ((0.0, 1.0), (1.0, 1.0), 0.3, 0.1, 0.5),
        ((0.0, 1.0), (1.0, 1e-6), 0.3, 0.02, 0.7),
        ((-1.0, 0.25, 2.0), (0.2, 1.0, 0.5), 0.1, 0.01, 1.0),
        ((-1.0, 0.25, 0.5), (0.2, 1.0, 0.5), 0.1, 5.0, 3.0),
    ],
)
def test_a_line_agrees_with_mpmath(points, weights, z, s, h):
    with mp.workdps(30):
        y, w = [mpf(p) for p in points], [mpf(p) / mp.fsum(map(mpf, weights)) for p in weights]
        splits = [mpf(k) for k in range(-12, 13, 3)]
        for i in range(len(y)):
            for j in range(i):
                gap = y[i] - y[j]
                wall = (s * mp.log(w[j] / w[i]) / gap + (y[i] + y[j]) / 2 - z) / h
                splits += [wall + k * s / (abs(gap) * h) for k in (-50, -25, -10, 0, 10, 25, 50)]
        splits = [p for p in sorted(splits) if -12 <= p <= 12]

        def terms(eta):
            return [q * mp.exp(-((mpf(z) + mpf(h) * eta - p) ** 2) / (2 * mpf(s))) for p, q in zip(y, w, strict=True)]

        def mean(eta):
            parts = terms(eta)
            return mp.fdot(parts, y) / mp.fsum(parts)

        def trace(eta):
            parts, middle = terms(eta), mean(eta)
            return mp.fdot(parts, [(p - middle) ** 2 for p in y]) / mp.fsum(parts)

        quantities = (mean, lambda eta: mp.log(mp.fsum(terms(eta))), trace)
        expected = [
            float(mp.quad(lambda eta, f=f: mp.npdf(eta) * f(eta), splits, method="gauss-legendre", maxdegree=5))
            for f in quantities
        ]
    column = np.reshape(points, (-1, 1))
    result = smoothing.smoothed(column, [z], s, h, weights)
    assert_agree(result, smoothing.Smoothed(np.array(expected[:1]), *expected[1:], 0, 0, 0), column, DIGITS)
    # The same line in R^3, where the two normal directions add -2 h^2 / 2s and the distance of z.
    line = np.outer(points, [2 / 3, 1 / 3, -2 / 3])
    normal = np.array([1.0, 2.0, 2.0]) * 0.1
    lifted = smoothing.smoothed(line, z * np.array([2 / 3, 1 / 3, -2 / 3]) + normal, s, h, weights)
    assert lifted.mean @ [2 / 3, 1 / 3, -2 / 3] == pytest.approx(expected[0], abs=DIGITS)
    assert lifted.log_sum == pytest.approx(expected[1] - (2 * h * h + normal @ normal) / (2 * s), rel=DIGITS)
    assert lifted.trace == pytest.approx(expected[2], rel=DIGITS)


@pytest.mark.parametrize(("points", "z", "s", "kernel", "weights"), list(clouds(1, 40)))
def test_steins_identity_holds_and_a_turned_cloud_gives_the_same(points, z, s, kernel, weights):
    result = smoothing.smoothed(points, z, s, kernel, weights)
    if result.trace > 1e-14 * diameter(points) ** 2:  # below, what is cut off at |eta| = 10 is seen
        assert result.stein <= TOLERANCE
    assert result.mean_error <= TOLERANCE * diameter(points)
    assert result.log_sum_error <= TOLERANCE * max(1.0, abs(result.log_sum))
    # Other rays, other panels, and both coordinates where the points are on a line.
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    covariance = np.square(kernel) * np.eye(2) if np.ndim(kernel) == 0 else kernel
    turned = smoothing.smoothed(points @ turn.T, turn @ z, s, turn @ covariance @ turn.T, weights, 1e-10, False)
    # Rounding of the turned points moves walls and logits by machine precision times |y| h / s.
    moved = 1e-15 * diameter(points) * (np.sqrt(np.trace(covariance)) + np.linalg.norm(z)) / s
    spread = diameter(points)
    assert np.linalg.norm(turned.mean - turn @ result.mean) <= TOLERANCE * spread
    assert turned.log_sum == pytest.approx(result.log_sum, rel=TOLERANCE, abs=TOLERANCE + moved)
    assert turned.trace == pytest.approx(result.trace, rel=TOLERANCE + 30 * moved, abs=1e-16 * spread**2)


@pytest.mark.parametrize(("points", "z", "s", "kernel", "weights"), list(clouds(2, 8)))
def test_a_loose_tolerance_states_errors_that_cover_it(points, z, s, kernel, weights):
    fine = smoothing.smoothed(points, z, s, kernel, weights)
    loose = smoothing.smoothed(points, z, s, kernel, weights, tolerance=1e-4)
    assert np.linalg.norm(loose.mean - fine.mean) <= loose.mean_error + fine.mean_error
    assert abs(loose.log_sum - fine.log_sum) <= loose.log_sum_error + fine.log_sum_error
    assert abs(loose.trace - fine.trace) <= loose.trace_error + fine.trace_error


def test_the_plane_agrees_with_nested_quadrature():
    points = np.array([[0.0, 0.0], [1.0, 0.2], [0.3, 0.9], [-0.6, 0.5]])
    z, s, h, weights = np.array([0.2, 0.4]), 0.05, 0.5, np.array([1.0, 0.3, 0.5, 2.0])

    def integrand(v, u, column):
        row = smoothing._in_all_coordinates(points, z, s, weights, h * np.array([[u, v]]))[0]
        return row[column] * np.exp(-0.5 * (u * u + v * v)) / (2 * np.pi)

    expected = [
        integrate.nquad(integrand, [(-8, 8)] * 2, args=(c,), opts={"epsabs": NESTED, "epsrel": NESTED, "limit": 200})[0]
        for c in range(4)
    ]
    result = smoothing.smoothed(points, z, s, h, weights)
    expected = smoothing.Smoothed(np.array(expected[:2]), *expected[2:], 0, 0, 0)
    assert_agree(result, expected, points, 10 * NESTED)


@pytest.mark.parametrize(("n", "d"), [(2, 3), (3, 3), (3, 2)])
def test_all_coordinates_on_a_grid_agree(n, d):
    rng = np.random.default_rng(n + d)
    points, z, weights = rng.standard_normal((n, d)), rng.standard_normal(d), rng.uniform(0.2, 1.0, n)
    factor = rng.standard_normal((d, d))
    for kernel in (0.8, 0.4 * factor @ factor.T):
        grid = smoothing.by_grid(points, z, 8.0, kernel, weights)
        assert_agree(smoothing.smoothed(points, z, 8.0, kernel, weights), grid, points, 1e-11)


@pytest.mark.parametrize(("s", "h"), [(0.01, 0.5), (1e-3, 0.1), (2.0, 1.5)])
def test_samples_in_all_coordinates_agree(s, h):
    rng = np.random.default_rng(4)
    plane = np.linalg.qr(rng.standard_normal((6, 2)))[0].T
    points, z = rng.standard_normal((5, 2)) @ plane + 0.3, rng.standard_normal(6)
    factor = h * rng.standard_normal((6, 6)) / 2
    for kernel in (h, factor @ factor.T):
        result = smoothing.smoothed(points, z, s, kernel)
        sample = smoothing.by_samples(points, z, s, kernel, count=100_000)
        assert np.linalg.norm(result.mean - sample.mean) <= DEVIATIONS * sample.mean_error
        assert abs(result.log_sum - sample.log_sum) <= DEVIATIONS * sample.log_sum_error
        assert abs(result.trace - sample.trace) <= DEVIATIONS * sample.trace_error


@pytest.mark.parametrize(("n", "d"), [(2, 1), (5, 1), (2, 2), (3, 2), (6, 2), (3, 5)])
def test_small_variances_approach_the_nearest_point(n, d):
    rng = np.random.default_rng(10 * n + d)
    points, z, kernel = rng.standard_normal((n, d)), rng.standard_normal(d), 0.9
    limit = voronoi.nearest(points, z, kernel)
    assert np.sum(limit.masses) == pytest.approx(1.0, abs=1e-14)
    for s in (1e-3, 1e-5):
        result = smoothing.smoothed(points, z, s, kernel)
        # Walls are smeared over s / h|y_i - y_j|: the mean and energy differ in its square, the trace in itself.
        width = s / (kernel * nearest_distance(points))
        assert np.linalg.norm(result.mean - limit.mean) <= 3 * width**2 * diameter(points)
        assert abs(-s * (result.log_sum + np.log(n)) - limit.energy) <= 3 * s * width
        assert result.trace / s == pytest.approx(limit.trace_rate, rel=10 * width)


def test_masses_of_two_and_three_cells_are_normal_probabilities():
    rng = np.random.default_rng(3)
    for n, d in ((2, 3), (3, 2), (3, 4)):
        points, z, h = rng.standard_normal((n, d)), rng.standard_normal(d), 0.7
        limit = voronoi.nearest(points, z, h)
        for i in range(n):
            steps = limit.points[np.arange(n) != i] - limit.points[i]
            bounds = np.sum(steps * ((limit.points[np.arange(n) != i] + limit.points[i]) / 2 - z), axis=1)
            expected = multivariate_normal(np.zeros(n - 1), h * h * steps @ steps.T).cdf(bounds)
            assert limit.masses[i] == pytest.approx(expected, abs=1e-9)


def test_too_many_dimensions_are_refused():
    with pytest.raises(ValueError, match="span 3 dimensions"):
        smoothing.smoothed(np.eye(4), np.zeros(4), 1.0, 1.0)
    with pytest.raises(ValueError, match="span 3 dimensions"):
        voronoi.nearest(np.eye(4), np.zeros(4), 1.0)
