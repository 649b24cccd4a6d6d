"""Renyi divergences on boxes against closed forms: how honest the errors are, and when the rule ends."""

import math

import numpy as np
import pytest

import manifold_scores as ms
from tests.reference.divergences import (
    around,
    between_gaussians,
    between_laplaces,
    coverage,
    gaussian,
    laplace,
    two_gaussians,
)

ORDERS = np.array([0.5, 1.0, 1.1, 2.0, 4.0])


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
