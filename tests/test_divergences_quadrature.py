"""Renyi divergences on boxes and tubes against closed forms; how honest the errors are, how few the evaluations."""

import math

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import manifold_scores as ms

ORDERS = np.array([0.5, 1.0, 1.1, 2.0, 4.0])

CLOSED_FORM = 1e-8
"""Smallest divergence of Gaussians that the closed form in float64 still gives to 1e-7."""


class Law:
    """A log-density that counts its calls and the points it was evaluated at."""

    def __init__(self, log_density):
        self.log_density, self.points, self.calls = log_density, 0, 0

    def __call__(self, x):
        self.points, self.calls = self.points + len(x), self.calls + 1
        return self.log_density(x)


def gaussian(mean, covariance):
    precision = np.linalg.inv(covariance)
    return Law(lambda x: -0.5 * np.einsum("ni,ij,nj->n", x - mean, precision, x - mean))


def between_gaussians(m0, c0, m1, c1, order):
    """Gil, Alajaji and Linder (2013)."""
    if order == 1.0:
        trace = np.trace(np.linalg.solve(c1, c0)) - len(m0)
        return 0.5 * (trace + (m1 - m0) @ np.linalg.solve(c1, m1 - m0) + np.log(np.linalg.det(c1) / np.linalg.det(c0)))
    mixed = order * c1 + (1 - order) * c0
    if np.linalg.eigvalsh(mixed).min() <= 0:
        return math.inf
    log_det = np.log(np.linalg.det(mixed) / np.linalg.det(c0) ** (1 - order) / np.linalg.det(c1) ** order)
    return order / 2 * (m0 - m1) @ np.linalg.solve(mixed, m0 - m1) - log_det / (2 * (order - 1))


def two_gaussians(rng, d, size):
    """Full covariances, means and factors that differ by the given size."""
    factor = np.eye(d) + 0.3 * rng.standard_normal((d, d))
    change = rng.standard_normal((d, d))
    change = np.eye(d) + 0.1 * size * (change + change.T)
    c0 = factor @ factor.T
    m0 = 0.5 * rng.standard_normal(d)
    return m0, c0, m0 + 0.5 * size * rng.standard_normal(d), change @ c0 @ change.T


def around(rng, c0):
    """A box that leaves out nothing: 12 standard deviations, placed at random."""
    half = 2 + 12 * math.sqrt(np.linalg.eigvalsh(c0).max())
    return rng.uniform(-0.3, 0.3, len(c0)) - half, rng.uniform(-0.3, 0.3, len(c0)) + half


def coverage(cases):
    """Share of the divergences whose error is at most what was stated."""
    checked = [
        abs(v - t) <= e
        for value, error, truth in cases
        for v, e, t in zip(value, error, truth, strict=True)
        if CLOSED_FORM < t < math.inf
    ]
    assert len(checked) >= 5
    return np.mean(checked)


@pytest.mark.parametrize(
    ("d", "count", "tolerance"), [(1, 60, 1e-2), (1, 60, 1e-5), (2, 20, 1e-2), (2, 15, 1e-4), (3, 2, 1e-2)]
)
def test_gaussians(d, count, tolerance):
    rng, cases = np.random.default_rng(d), []
    for _ in range(count):
        case = two_gaussians(rng, d, 10 ** rng.uniform(-3, 0))
        rule = ms.BoxQuadrature(*around(rng, case[1]), tolerance=tolerance)
        value, error = ms.renyi_divergence(gaussian(*case[:2]), gaussian(*case[2:]), ORDERS, rule, return_error=True)
        truth = np.array([between_gaussians(*case, q) for q in ORDERS])
        finite = np.isfinite(truth)
        assert (error <= 1.0001 * tolerance * value)[finite].all()
        cases.append((value, error, truth))
    assert coverage(cases) >= 0.98


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_tiny_divergences_of_gaussians(size):
    # N(0, 1) and N(size, 1): D_q = q size^2/2 exactly.  The rounding of l is some 1e-15.
    rule = ms.BoxQuadrature([-13.0], [14.0], tolerance=1e-4)
    value, error = ms.renyi_divergence(
        lambda x: -0.5 * x[:, 0] ** 2, lambda x: -0.5 * (x[:, 0] - size) ** 2, ORDERS, rule, return_error=True
    )
    assert np.abs(value - ORDERS / 2 * size**2).max() <= 1e-3 * size**2 * max(1.0, (1e-11 / size))
    assert (np.abs(value - ORDERS / 2 * size**2) <= error).all()


def laplace(mean, scale):
    return Law(lambda x: -np.abs(x[:, 0] - mean) / scale)


def between_laplaces(m, b0, b1, order):
    """Laplace(0, b0) and Laplace(m, b1), m >= 0: the exponential pieces, at 40 digits."""
    with mp.workdps(40):
        m, b0, b1 = mp.mpf(float(m)), mp.mpf(float(b0)), mp.mpf(float(b1))
        if order == 1:
            return float(mp.log(b1 / b0) - 1 + m / b1 + b0 / b1 * mp.exp(-m / b0))
        if math.isinf(order):
            return float(mp.log(b1 / b0) + m / b1) if b0 <= b1 else math.inf
        q = mp.mpf(order)
        a0, a1 = q / b0, (1 - q) / b1
        if a0 + a1 <= 0:
            return math.inf
        middle = mp.exp(-a1 * m) * (1 - mp.exp(-(a0 - a1) * m)) / (a0 - a1) if a0 != a1 else m * mp.exp(-a1 * m)
        whole = mp.exp(-a1 * m) / (a0 + a1) + middle + mp.exp(-a0 * m) / (a0 + a1)
        return float(mp.log(whole * (2 * b0) ** -q * (2 * b1) ** (q - 1)) / (q - 1))


def test_laplace_laws():
    rng, cases = np.random.default_rng(0), []
    for _ in range(60):
        m, b0, b1 = 10 ** rng.uniform(-2, 0), *rng.uniform(0.5, 1.0, 2)
        lower, upper = rng.uniform(-62, -58, 1), rng.uniform(58, 62, 1)
        rule = ms.BoxQuadrature(lower, upper, tolerance=1e-3, panels=8)
        orders = ORDERS[:3]  # beyond, the tails decide, and are cut off
        value, error = ms.renyi_divergence(laplace(0, b0), laplace(m, b1), orders, rule, return_error=True)
        cases.append((value, error, [between_laplaces(m, b0, b1, q) for q in orders]))
    assert coverage(cases) >= 0.8


def test_kinks_in_the_plane():
    # Products of Laplace laws, close to each other: divergences add.
    rng, cases = np.random.default_rng(3), []
    for _ in range(12):
        m, b0, b1 = 10 ** rng.uniform(-1, 0, 2), *rng.uniform(0.6, 0.9, (2, 2))
        p, q = (
            lambda x, a=a, b=b: -(np.abs(x - a) / b).sum(axis=1)
            for a, b in ((np.zeros(2), b0), (m, b1))
        )  # fmt: skip
        rule = ms.BoxQuadrature(rng.uniform(-31, -29, 2), rng.uniform(29, 31, 2), tolerance=1e-2, panels=6)
        value, error = ms.renyi_divergence(p, q, ORDERS[:3], rule, return_error=True)
        cases.append((value, error, [sum(map(between_laplaces, m, b0, b1, [order] * 2)) for order in ORDERS[:3]]))
    assert coverage(cases) >= 0.8


def test_supremum_on_a_box():
    # Between Laplace laws it is on the whole half-line below 0, between Gaussians at a face or inside.
    rule = ms.BoxQuadrature([-60.0], [61.0], tolerance=1e-6)
    value, error = ms.renyi_divergence(laplace(0, 0.7), laplace(0.3, 1.1), math.inf, rule, return_error=True)
    assert abs(value - between_laplaces(0.3, 0.7, 1.1, math.inf)) <= error <= 1e-6 * value
    narrow, wide = np.array([[0.5]]), np.array([[1.0]])
    rule = ms.BoxQuadrature([-12.0], [12.0], tolerance=1e-6)
    value, error = ms.renyi_divergence(
        gaussian([0.0], narrow), gaussian([0.4], wide), math.inf, rule, return_error=True
    )
    # The log ratio is -x^2 + (x - 0.4)^2/2, with its maximum 0.16 at x = -0.4, plus log(2)/2.
    assert abs(value - 0.16 - math.log(2) / 2) <= error <= 1e-6 * value
    shifted = ms.renyi_divergence(gaussian([0.0], wide), gaussian([0.4], wide), math.inf, rule)
    assert shifted == pytest.approx(0.4 * 12.0 + 0.08, rel=1e-6)  # at the face x = -12


def test_supremum_in_the_plane_is_found_between_the_nodes():
    # A narrow hill of the ratio, of height 1 and width 0.02, on a slow slope.
    top = np.array([0.237, -0.411])

    def log_p(x):
        return np.exp(-((x - top) ** 2).sum(1) / 2 / 0.02**2) + 0.1 * x[:, 0]

    rule = ms.BoxQuadrature([-1.0, -1.0], [1.0, 1.0], tolerance=1e-3, panels=8)
    value, error = ms.renyi_divergence(log_p, lambda x: np.zeros(len(x)), [2.0, math.inf], rule, return_error=True)
    edges = np.linspace(-1, 1, 4001)
    middle = 0.5 * (edges[1:] + edges[:-1])
    grid = np.stack(np.meshgrid(middle, middle, indexing="ij"), -1).reshape(-1, 2)
    log_mean = np.log(np.mean(np.exp(log_p(grid))))
    assert abs(value[1] - (1 + 0.0237 - log_mean)) <= error[1] + 1e-5
    assert error[1] <= 1e-3 * value[1]


@pytest.mark.parametrize("order", [0.3, 0.8])
def test_partial_overlap(order):
    # Uniform on [0, 1] and on [a, 2]: the affinity is (1 - a) (2 - a)^{q - 1}.
    start = 1 / 3
    rule = ms.BoxQuadrature([-1.0], [3.0], tolerance=1e-3)

    def uniform(low, high):
        return lambda x: np.where((x[:, 0] > low) & (x[:, 0] < high), 0.0, -np.inf)

    value, error = ms.renyi_divergence(uniform(0, 1), uniform(start, 2), order, rule, return_error=True)
    wanted = (math.log(1 - start) + (order - 1) * math.log(2 - start)) / (order - 1)
    assert abs(value - wanted) <= error <= 1e-3 * value
    assert ms.renyi_divergence(uniform(0, 1), uniform(start, 2), 1.0, rule) == math.inf
    assert ms.renyi_divergence(uniform(0, 1), uniform(1.2, 2), order, rule) == math.inf


def test_change_of_variables():
    # x = sinh(y) takes the densities on [-3, 3] to those on [-sinh 3, sinh 3].
    tolerance = 1e-6

    def log_p(x):
        return -0.5 * x[:, 0] ** 2 + 0.2 * np.sin(x[:, 0])

    def log_q(x):
        return -0.4 * np.abs(x[:, 0] - 0.2) ** 2

    def pulled(log_density):
        return lambda y: log_density(np.sinh(y)) + np.log(np.cosh(y[:, 0]))

    orders = [*ORDERS, math.inf]
    end = math.sinh(3.0)
    value = ms.renyi_divergence(log_p, log_q, orders, ms.BoxQuadrature([-end], [end], tolerance=tolerance))
    rule = ms.BoxQuadrature([-3.0], [3.0], tolerance=tolerance)
    np.testing.assert_allclose(
        ms.renyi_divergence(pulled(log_p), pulled(log_q), orders, rule), value, rtol=2 * tolerance
    )


# Tubes


def tubes():
    u = sp.Symbol("u", real=True)
    knot = ms.Curve([sp.cos(u) * 2, sp.sin(u) * 2, sp.sin(2 * u) / 2], (u, 0, 2 * sp.pi))
    return {
        "circle": (ms.Circle(1.3), 0.8, 0.7),
        "ellipse": (ms.Ellipse(2.0, 1.4), 0.6, 4.0),
        "segment in the plane": (ms.Segment([0.0, 0.0], [3.0, 1.0]), 0.8, 0.6),
        "segment in space": (ms.Segment([0.0, 0.0, 1.0], [3.0, 1.0, 0.0]), 0.8, 0.4),
        "arc": (ms.Curve([u, u**2 / 4], (u, -2, 2)), 0.9, 0.3),
        "closed curve in space": (knot, 0.7, 5.0),
        "sphere": (ms.Sphere(3, 1.5), 0.7, [0.1, 0.3]),
        "torus": (ms.Torus(2.5, 1.0), 0.8, [2.0, 6.0]),
    }


TUBES = tubes()

CLOSED_SURFACES = {"sphere": 2, "torus": 0}
"""Their Euler characteristics."""


@pytest.mark.parametrize("name", TUBES)
def test_volume_of_a_tube(name):
    # Weyl's formula; a boundary changes nothing, as the ends are flat.
    manifold, radius, _ = TUBES[name]
    rule = ms.TubularQuadrature(manifold, radius, width=0.3, panels=12)
    region = rule.region(None)
    parameters = region.lower[:, None] + (0.5 + 0.5 * region.rule.nodes) * (region.upper - region.lower)[:, None]
    _, log_volumes = region.points(parameters.reshape(-1, region.rule.dimension))
    cells = np.prod(region.upper - region.lower, axis=1)
    total = (np.exp(log_volumes).reshape(len(cells), -1) @ region.rule.weights) @ cells
    if name in CLOSED_SURFACES:
        wanted = 2 * radius * manifold.volume + 4 * math.pi / 3 * radius**3 * CLOSED_SURFACES[name]
    else:
        section = 2 * radius if manifold.ambient_dimension == 2 else math.pi * radius**2
        wanted = section * manifold.volume
    assert total == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", TUBES)
def test_tubular_coordinates_are_normal(name):
    manifold, radius, _ = TUBES[name]
    region = ms.TubularQuadrature(manifold, radius, width=0.3).region(None)
    rng = np.random.default_rng(0)
    parameters = rng.uniform(region.lower.min(axis=0), region.upper.max(axis=0), (40, region.lower.shape[1]))
    points, log_volumes = region.points(parameters)
    t = parameters[:, manifold.dimension]
    np.testing.assert_allclose(manifold.distance(points), np.abs(0.3 * np.sinh(t)), atol=1e-9)
    # The volume element by differences of the map.
    step = 1e-5
    slopes = [
        (region.points(parameters + step * e)[0] - region.points(parameters - step * e)[0]) / (2 * step)
        for e in np.eye(parameters.shape[1])
    ]
    determinants = np.abs(np.linalg.det(np.stack(slopes, axis=1)))
    np.testing.assert_allclose(np.exp(log_volumes), determinants, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", TUBES)
def test_gaussians_inside_a_tube(name):
    # Two Gaussians of width 0.07 on M; 8 standard deviations are inside the tube.
    manifold, radius, u = TUBES[name]
    d = manifold.ambient_dimension
    rng = np.random.default_rng(1)
    mean = np.asarray(manifold.embed(u))
    other = mean + 0.02 * rng.standard_normal(d)
    c0 = 0.07**2 * np.eye(d)
    change = np.eye(d) + 0.1 * np.diag(rng.uniform(-1, 1, d))
    c1 = change @ c0 @ change
    p, q = gaussian(mean, c0), gaussian(other, c1)
    rule = ms.TubularQuadrature(manifold, radius, tolerance=1e-2)
    value, error = ms.renyi_divergence(p, q, ORDERS, rule, return_error=True)
    truth = np.array([between_gaussians(mean, c0, other, c1, order) for order in ORDERS])
    assert (error <= 1e-2 * value).all()
    assert (np.abs(value - truth) <= error).all()


def on_the_tube(angular, radial, radius=1.0):
    """The density angular(theta) radial(|x| - R) with respect to d theta dr, as one with respect to dx."""

    def log_density(x):
        r = np.linalg.norm(x, axis=1)
        return angular(np.arctan2(x[:, 1], x[:, 0])) + radial(r - radius) - np.log(r)

    return Law(log_density)


def between_von_mises(k0, k1, angle, order):
    """Gil, Alajaji and Linder (2013): concentrations k0, k1, mean directions 0 and `angle`."""
    with mp.workdps(40):
        a0, a1 = mp.besseli(0, k0), mp.besseli(0, k1)
        if order == 1:
            ratio = mp.besseli(1, k0) / a0
            return float(mp.log(a1 / a0) + ratio * (k0 - k1 * mp.cos(angle)))
        if math.isinf(order):
            return float(mp.log(a1 / a0) + mp.sqrt(k0**2 + k1**2 - 2 * k0 * k1 * mp.cos(angle)))
        q = mp.mpf(order)
        mixed = mp.sqrt((q * k0) ** 2 + ((1 - q) * k1) ** 2 + 2 * q * (1 - q) * k0 * k1 * mp.cos(angle))
        return float(mp.log(mp.besseli(0, mixed) / a0**q / a1 ** (1 - q)) / (q - 1))


@pytest.mark.parametrize("width", [0.08, 1e-3, 1e-6])
def test_von_mises_on_a_circle(width):
    # Divergences of products add; the radial laws are N(0, w^2) and N(w/10, w^2).
    k0, k1, angle, shift = 2.0, 2.3, 0.2, 0.1
    p = on_the_tube(lambda a: k0 * np.cos(a), lambda s: -0.5 * (s / width) ** 2)
    q = on_the_tube(lambda a: k1 * np.cos(a - angle), lambda s: -0.5 * (s / width - shift) ** 2)
    rule = ms.TubularQuadrature(ms.Circle(), 0.9, tolerance=1e-2)
    value, error = ms.renyi_divergence(p, q, ORDERS, rule, return_error=True)
    wanted = [between_von_mises(k0, k1, angle, order) + order * shift**2 / 2 for order in ORDERS]
    assert (np.abs(value - wanted) <= error).all()
    assert (error <= 1e-2 * value).all()
    # The costs grow with log(radius/width) only, and every order uses the same values.
    assert p.points == q.points <= 800 + 400 * math.asinh(0.9 / width)
    assert p.calls == q.calls <= 5


def test_supremum_on_a_tube():
    k0, k1, angle = 2.0, 2.3, 0.2
    p = on_the_tube(lambda a: k0 * np.cos(a), lambda s: -0.5 * (s / 0.05) ** 2)
    q = on_the_tube(lambda a: k1 * np.cos(a - angle), lambda s: -0.5 * (s / 0.05) ** 2)
    rule = ms.TubularQuadrature(ms.Circle(), 0.5, width=0.05, tolerance=1e-3)
    value, error = ms.renyi_divergence(p, q, [1.0, math.inf], rule, return_error=True)
    wanted = np.array([between_von_mises(k0, k1, angle, order) for order in (1.0, math.inf)])
    assert (np.abs(value - wanted) <= error).all()
    assert (error <= 1e-3 * value).all()


def test_von_mises_coverage():
    rng, cases = np.random.default_rng(8), []
    for _ in range(40):
        size = 10 ** rng.uniform(-3, 0)
        k0, width = rng.uniform(0, 30), 10 ** rng.uniform(-3, -1.2)
        k1, angle, shift = k0 * (1 + 0.3 * size), size * rng.uniform(0, 1), size * rng.uniform(0, 1)
        p = on_the_tube(lambda a, k=k0: k * np.cos(a), lambda s, w=width: -0.5 * (s / w) ** 2)
        q = on_the_tube(lambda a, k=k1, m=angle: k * np.cos(a - m), lambda s, w=width, h=shift: -0.5 * (s / w - h) ** 2)
        rule = ms.TubularQuadrature(ms.Circle(), 0.6, tolerance=1e-2)
        value, error = ms.renyi_divergence(p, q, ORDERS, rule, return_error=True)
        truth = [between_von_mises(k0, k1, angle, order) + order * shift**2 / 2 for order in ORDERS]
        cases.append((value, error, truth))
    assert coverage(cases) >= 0.98


def test_a_small_budget_gives_a_larger_error():
    case = two_gaussians(np.random.default_rng(5), 2, 0.3)
    p, q = gaussian(*case[:2]), gaussian(*case[2:])
    rule = ms.BoxQuadrature([-20, -20], [20, 20], tolerance=1e-6, max_evaluations=1500)
    value, error = ms.renyi_divergence(p, q, 2.0, rule, return_error=True)
    assert p.points <= 1500
    assert error > 1e-6 * value
    assert abs(value - between_gaussians(*case, 2.0)) <= error
    with pytest.raises(ValueError, match="did not reach"):
        ms.renyi_divergence(p, q, 2.0, rule)


def test_equal_densities_end_at_rounding():
    p = gaussian(np.zeros(2), np.eye(2))
    value, error = ms.renyi_divergence(
        p, lambda x: p(x) + 3.0, [1.0, 2.0, math.inf], ms.BoxQuadrature([-9, -9], [9, 9]), return_error=True
    )
    assert (value[:2] <= 1e-28).all()
    assert (error[:2] <= 1e-26).all()
    assert value[2] <= error[2] <= 1e-10


def test_absolute_tolerance_ends_early():
    counts = []
    for absolute in (0.0, 1.0):
        case = two_gaussians(np.random.default_rng(5), 2, 0.3)
        p, q = gaussian(*case[:2]), gaussian(*case[2:])
        rule = ms.BoxQuadrature([-20, -20], [20, 20], absolute_tolerance=absolute)
        ms.renyi_divergence(p, q, 2.0, rule)
        counts.append(p.points)
    assert counts[1] < counts[0]


def test_orders_share_evaluations_and_repeat():
    case = two_gaussians(np.random.default_rng(6), 2, 0.3)
    rule = ms.BoxQuadrature(*around(np.random.default_rng(0), case[1]))
    p, q = gaussian(*case[:2]), gaussian(*case[2:])
    value = ms.renyi_divergence(p, q, [[2.0, 1.0], [2.0, 1.5]], rule)
    assert value[0, 0] == value[1, 0]
    many = p.points
    single = []
    for order in (1.0, 1.5, 2.0):
        p = gaussian(*case[:2])
        ms.renyi_divergence(p, q, order, rule)
        single.append(p.points)
    assert many < 0.6 * sum(single)


def test_rules_have_names():
    assert repr(ms.BoxQuadrature([0.0], [1.0])) == "BoxQuadrature([0.0], [1.0])"
    assert repr(ms.TubularQuadrature(ms.Circle(), 0.5)) == "TubularQuadrature(Circle(radius=1.0), radius=0.5)"
