"""Renyi divergences from samples, in dimensions where no grid reaches."""

import math

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.divergences.tails import tail_index
from tests.reference.divergences import between_gaussians, gaussian

D = 10

ORDERS = np.array([0.3, 0.7, 1.0, 1.3, 2.0])

TWO_DEVIATIONS = 0.9545
"""What a Gaussian error keeps within two standard deviations."""


def case(seed, size):
    """Two Gaussians in R^10 with full covariances."""
    rng = np.random.default_rng(seed)
    factor = np.eye(D) + 0.2 * rng.standard_normal((D, D))
    change = rng.standard_normal((D, D))
    change = np.eye(D) + 0.07 * size * (change + change.T)
    c0, m0 = factor @ factor.T, rng.standard_normal(D)
    return rng, m0, c0, m0 + 0.4 * size * factor @ rng.standard_normal(D), change @ c0 @ change.T


def estimate(seed, size, law, n=2000, orders=ORDERS):
    rng, *laws = case(seed, size)
    m0, c0, m1, c1 = laws
    x = rng.multivariate_normal(*((m0, c0) if law == "p" else (m1, c1)), n)
    p, q = gaussian(m0, c0), gaussian(m1, c1)
    found = ms.renyi_divergence_samples(p, q, orders, x, law=law, return_error=True)
    return *found, np.array([between_gaussians(*laws, order) for order in orders])


@pytest.mark.parametrize("law", ["p", "q"])
@pytest.mark.parametrize("size", [1e-3, 0.1])
def test_standard_errors_cover(law, size):
    within, known = [], []
    for seed in range(150):
        value, error, truth = estimate(seed, size, law)
        good = np.isfinite(error)
        known += list(good)
        within += list((np.abs(value - truth) <= 2 * error)[good])
    assert np.mean(known) >= 0.85
    # 150 independent cases, orders nearly dependent: 0.9545 +- 4 * 0.017, less a bias that falls like 1/n.
    assert TWO_DEVIATIONS - 0.07 <= np.mean(within) <= 1.0 - 0.003


@pytest.mark.parametrize("law", ["p", "q"])
def test_tiny_divergences_keep_their_relative_error(law):
    value, error, truth = estimate(3, 1e-6, law)
    assert (truth < 1e-9).all()
    # q/2 Var(l), the variance of a quadratic function from 2000 samples: some 4 percent.
    np.testing.assert_allclose(error / value, 0.04, atol=0.02)
    np.testing.assert_allclose(value / ORDERS, value[2], rtol=1e-4)


def test_the_law_of_the_samples_matters_little():
    values = [estimate(5, 0.1, law, 20_000) for law in "pq"]
    (a, ea, _), (b, eb, _) = values
    assert (np.abs(a - b)[:4] <= 4 * np.hypot(ea, eb)[:4]).all()


def test_infinite_variance_is_admitted():
    # D_{2q} is infinite for the samples of Q: N(0, 1) and N(0, 0.4) in R^10, q = 2.
    rng = np.random.default_rng(0)
    p, q = gaussian(np.zeros(D), np.eye(D)), gaussian(np.zeros(D), 0.4 * np.eye(D))
    x = math.sqrt(0.4) * rng.standard_normal((5000, D))
    value, error = ms.renyi_divergence_samples(p, q, [1.0, 2.0], x, law="q", return_error=True)
    assert (error == np.inf).all()
    assert np.isfinite(value).all()
    # Far apart, a single sample decides; its neighbours say nothing.
    x = rng.standard_normal((5000, D)) + 3.0
    _, error = ms.renyi_divergence_samples(
        p, gaussian(3.0 * np.ones(D), np.eye(D)), [0.5, 1.0, 2.0, 6.0], x, law="q", return_error=True
    )
    assert (error == np.inf).all()


@pytest.mark.parametrize("law", ["p", "q"])
def test_delta_method_is_that_of_the_definition(law, monkeypatch):
    monkeypatch.setattr("manifold_scores.divergences.samples.HEAVY", math.inf)
    # The influence of a sample is the derivative of the estimate with respect to its weight.
    rng = np.random.default_rng(1)
    n = 40
    ell = 0.5 * rng.standard_normal(n)
    log_p, log_q = (np.zeros(n), -ell) if law == "p" else (ell, np.zeros(n))
    for order in (0.4, 1.0, 2.5):
        value, error = ms.renyi_divergence_samples(log_p, log_q, order, np.zeros((n, 1)), law=law, return_error=True)

        def weighted(i, change, order=order):
            weights = np.ones(n)
            weights[i] += change
            return ms.renyi_divergence(log_p, log_q, order, (np.zeros((n, 1)), weights))

        assert value == pytest.approx(weighted(0, 0.0), rel=1e-13)
        step = 1e-4
        influence = np.array([(weighted(i, step) - weighted(i, -step)) / (2 * step) * n for i in range(n)])
        assert error == pytest.approx(influence.std(ddof=1) / math.sqrt(n), rel=1e-5)


def test_a_far_divergence_below_order_one():
    # Order 1/2 beyond the point where the terms are replaced by products: still the same estimate.
    rng = np.random.default_rng(2)
    ell = 4.0 * rng.standard_normal(30)
    for law in "pq":
        log_p, log_q = (np.zeros(30), -ell) if law == "p" else (ell, np.zeros(30))
        value, error = ms.renyi_divergence_samples(
            log_p, log_q, [0.5, 0.9], np.zeros((30, 1)), law=law, return_error=True
        )
        assert value[0] > math.log(2) / 0.5
        assert (error > 0).all()


def test_vanishing_densities():
    x = np.linspace(0.0, 1.0, 20)[:, None]

    def half(points):
        return np.where(points[:, 0] > 0.5, 0.0, -np.inf)

    def flat(points):
        return np.zeros(len(points))

    # P uniform on half of Q's support: log 2 at every order, exactly here.
    value, error = ms.renyi_divergence_samples(half, flat, [0.5, 1.0, 3.0], x, law="q", return_error=True)
    np.testing.assert_allclose(value, math.log(2.0), rtol=1e-12)
    assert (error > 0).all()
    # Q vanishes at samples of P: infinite from order 1 on, and surely so.
    value, error = ms.renyi_divergence_samples(flat, half, [0.5, 1.0, 3.0], x, law="p", return_error=True)
    assert value[0] == pytest.approx(math.log(2.0), rel=1e-12)
    assert (value[1:] == np.inf).all()
    assert (error[1:] == 0.0).all()


@pytest.mark.parametrize("index", [0.2, 0.5, 1.0])
def test_tail_index(index):
    # Generalised Pareto samples; the prior adds 10 values at 1/2 to the 20 largest ones.
    rng = np.random.default_rng(4)
    found = [tail_index((rng.random(100) ** -index - 1) / index) for _ in range(400)]
    wanted, deviation = (20 * index + 10 * 0.5) / 30, (1 + index) / math.sqrt(20) * 20 / 30
    assert np.mean(found) == pytest.approx(wanted, abs=4 * deviation / math.sqrt(400))
    assert np.std(found) == pytest.approx(deviation, rel=0.3)


def test_tails_of_constants_say_nothing():
    assert tail_index(np.ones(1000)) == -math.inf
    assert tail_index(np.arange(20.0)) == -math.inf


def test_shapes():
    x = np.random.default_rng(0).standard_normal((50, 3))
    value = ms.renyi_divergence_samples(x[:, 0], x[:, 1], 2, x, law="q")
    assert isinstance(value, float)
    table, error = ms.renyi_divergence_samples(x[:, 0], x[:, 1], [[1.0, 2.0]], x, law="q", return_error=True)
    assert table.shape == error.shape == (1, 2)
    assert table[0, 1] == value
