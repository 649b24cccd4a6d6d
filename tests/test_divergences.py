"""Renyi divergences of discrete laws, where every quadrature ends: digits, properties, what may vanish."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import manifold_scores as ms

EPS = 2.0**-52

ROUNDING = 1e-13
"""Some 100 roundings: a few in every term, and those of sums of few terms."""

ORDERS = [1e-6, 0.1, 0.5, 0.9, 1 - 1e-9, 1.0, 1 + 1e-9, 1.1, 2.0, 7.5, 1000.0, math.inf]

seeds = st.integers(0, 2**32 - 1)
sizes = st.floats(-9.0, 1.0).map(lambda exponent: 10.0**exponent)


def laws(seed, size, n=7):
    """Weights and log-densities whose ratio has logarithms of the given size."""
    rng = np.random.default_rng(seed)
    log_q = rng.normal(0.0, 2.0, n)
    return rng.uniform(0.1, 1.0, n), log_q + size * rng.standard_normal(n), log_q


def divergence(weights, log_p, log_q, order):
    return ms.renyi_divergence(log_p, log_q, order, (np.zeros((len(weights), 1)), weights))


def exact(weights, log_p, log_q, order, digits=80):
    """The definition, at 80 digits; values -inf are densities 0."""
    with mp.workdps(digits):
        p, q = (
            [
                mpf(float(w)) * (mp.exp(mpf(float(v))) if np.isfinite(v) else mpf(0))
                for w, v in zip(weights, log, strict=True)
            ]
            for log in (log_p, log_q)
        )
        p, q = [value / mp.fsum(p) for value in p], [value / mp.fsum(q) for value in q]
        both = [(a, b) for a, b in zip(p, q, strict=True) if a > 0 or b > 0]
        if order >= 1 and any(b == 0 for _, b in both):
            return math.inf
        if order == 1:
            return float(mp.fsum(a * mp.log(a / b) for a, b in both if a > 0))
        if math.isinf(order):
            return float(mp.log(max(a / b for a, b in both)))
        total = mp.fsum(a ** mpf(order) * b ** (1 - mpf(order)) for a, b in both if a > 0 and b > 0)
        return float(mp.log(total) / (mpf(order) - 1)) if total > 0 else math.inf


def rounding(weights, log_p, log_q, order, value):
    """What the rounding of the log ratio (twice that of the values) does to the divergence."""
    noise = 2 * EPS * (1 + np.abs(log_p[np.isfinite(log_p)]).max() + np.abs(log_q[np.isfinite(log_q)]).max())
    if math.isinf(order):
        return noise
    # At large orders the divergence moves by as much as the ratio; close laws see it through their standard deviation.
    return min(noise * (math.sqrt(2 * order * value) + order * noise), 2 * noise)


@given(seeds, sizes, st.sampled_from(ORDERS))
def test_definition(seed, size, order):
    case = laws(seed, size)
    wanted = exact(*case, order)
    assert abs(divergence(*case, order) - wanted) <= ROUNDING * wanted + rounding(*case, order, wanted)


@pytest.mark.parametrize("order", [1e-6, 0.3, 0.7, 1.0, 1 + 1e-7, 2.0, 30.0])
@pytest.mark.parametrize("size", [1e-3, 1e-8, 1e-12, 1e-60])
def test_close_laws_keep_their_digits(order, size):
    # Log ratios that are given exactly, log q = 0: nothing may be lost, whatever their size.
    ell = size * np.array([1.0, -0.5, 0.25, 2.0])
    weights = np.array([1.0, 2.0, 1.5, 0.75])
    wanted = exact(weights, ell, np.zeros(4), order, 220)  # 160 cancel
    assert divergence(weights, ell, np.zeros(4), order) == pytest.approx(wanted, rel=ROUNDING, abs=0.0)
    mean = np.average(ell, weights=weights)
    variance = np.average((ell - mean) ** 2, weights=weights)
    assert wanted == pytest.approx(order / 2 * variance, rel=10 * (1 + order) * size + ROUNDING, abs=0.0)


@given(seeds, sizes)
def test_never_negative_and_non_decreasing_in_the_order(seed, size):
    case = laws(seed, size)
    values = divergence(*case, ORDERS)
    assert (values >= 0.0).all()
    slack = [rounding(*case, q, v) + ROUNDING * v for q, v in zip(ORDERS, values, strict=True)]
    assert (np.diff(values) >= -np.array(slack[1:]) - np.array(slack[:-1])).all()


@given(seeds, sizes, st.floats(0.01, 0.99))
def test_skew_symmetry(seed, size, q):
    weights, log_p, log_q = laws(seed, size)
    one, other = divergence(weights, log_p, log_q, 1 - q), divergence(weights, log_q, log_p, q)
    slack = rounding(weights, log_p, log_q, 1 - q, one) + rounding(weights, log_p, log_q, q, other)
    assert abs(one - (1 - q) / q * other) <= (2 + 1 / q) * (ROUNDING * other + slack)


@given(seeds, sizes, st.floats(-100, 100), st.floats(-100, 100), st.sampled_from(ORDERS))
def test_constants_do_not_matter(seed, size, a, b, order):
    weights, log_p, log_q = laws(seed, size)
    value = divergence(weights, log_p, log_q, order)
    slack = rounding(weights, np.abs(log_p) + 100, np.abs(log_q) + 100, order, value)
    assert abs(divergence(weights, log_p + a, log_q + b, order) - value) <= 2 * slack + ROUNDING * value


@given(seeds, sizes, st.sampled_from(ORDERS))
def test_change_of_variables(seed, size, order):
    # x = T(y): the densities gain log |T'|, the weights lose it.
    weights, log_p, log_q = laws(seed, size)
    log_slope = np.random.default_rng(seed).normal(0.0, 1.0, len(weights))
    value = divergence(weights, log_p, log_q, order)
    moved = divergence(weights * np.exp(-log_slope), log_p + log_slope, log_q + log_slope, order)
    slack = rounding(weights, np.abs(log_p) + 5, np.abs(log_q) + 5, order, value)
    assert abs(moved - value) <= 2 * slack + ROUNDING * value


@pytest.mark.parametrize("order", ORDERS)
def test_equal_laws(order):
    weights, log_p, _ = laws(3, 1.0)
    assert divergence(weights, log_p, log_p + 7.0, order) <= 1e-28 if order < 100 else 1e-14
    assert divergence(weights, log_p, log_p, order) == 0.0


@pytest.mark.parametrize("order", ORDERS)
def test_different_laws(order):
    # A ratio that differs at one node in 1e-7 is seen at every order.
    weights, log_p, _ = laws(4, 1.0)
    moved = log_p + 1e-7 * (np.arange(7) == 2)
    assert divergence(weights, moved, log_p, order) > 1e-22


@given(seeds, st.floats(-8, 0))
def test_continuous_at_one(seed, size):
    case = laws(seed, 10.0**size)
    kl = divergence(*case, 1.0)
    for step in (1e-15, 1e-12, 1e-9, 1e-6):
        for q in (1 - step, 1 + step):
            # |dD/dq| <= Var_P(l)/2 near 1, and l is below 60 here.
            assert abs(divergence(*case, q) - kl) <= 1e3 * step * max(kl, 10 ** (2 * size)) + 1e-12 * kl


@pytest.mark.parametrize("shift", [800.0, 1e5])
@pytest.mark.parametrize("order", [0.3, 0.99, 1.0, 1.5, 40.0, 1e30, math.inf])
def test_nothing_overflows(order, shift):
    weights, log_p, log_q = np.ones(3), np.array([0.0, shift, 3.0]), np.array([shift, 0.0, 1.0])
    with mp.workdps(60):
        wanted = exact(weights, log_p, log_q, order) if order < 1e30 else shift
    assert divergence(weights, log_p, log_q, order) == pytest.approx(wanted, rel=1e-12)


# Densities that vanish


PART = np.array([-np.inf, -np.inf, 0.0, 0.5, 1.0, -np.inf])
FULL = np.array([0.3, 0.0, 0.2, -0.5, 0.0, 0.1])
OTHER = np.array([0.0, 0.2, 0.5, -np.inf, -np.inf, -np.inf])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("log_p", "log_q"), [(PART, FULL), (FULL, PART), (PART, OTHER), (OTHER, PART)])
def test_supports(log_p, log_q, order):
    weights = np.array([1.0, 0.5, 2.0, 1.0, 0.7, 0.1])
    wanted = exact(weights, log_p, log_q, order)
    value = divergence(weights, log_p, log_q, order)
    assert value == wanted if math.isinf(wanted) else value == pytest.approx(wanted, rel=1e-13)
    # Absolute continuity decides from order 1 on; partial overlap is finite below.
    assert math.isinf(value) == (order >= 1 and log_p is not PART) or (log_p is PART and log_q is OTHER)


@pytest.mark.parametrize("order", ORDERS)
def test_disjoint_supports(order):
    weights = np.ones(4)
    log_p, log_q = np.array([0.0, 1.0, -np.inf, -np.inf]), np.array([-np.inf, -np.inf, 0.0, 1.0])
    assert divergence(weights, log_p, log_q, order) == math.inf


def test_nodes_of_weight_zero_do_not_count():
    log_p, log_q = np.array([0.0, 1.0, 9.0]), np.array([0.0, 0.0, -np.inf])
    assert divergence(np.array([1.0, 1.0, 0.0]), log_p, log_q, math.inf) < 1.0


def test_shapes_and_callables():
    nodes, weights = np.linspace(0, 1, 6).reshape(3, 2), np.ones(3)
    p, q = nodes.sum(1), nodes[:, 0] ** 2
    by_call = ms.renyi_divergence(lambda x: x.sum(1), lambda x: x[:, 0] ** 2, 2, (nodes, weights))
    assert isinstance(by_call, float)
    assert by_call == ms.renyi_divergence(p, q, 2.0, (nodes, weights))
    values = ms.renyi_divergence(p, q, [[1, 2], [3, 4]], [nodes, weights])
    assert values.shape == (2, 2)
    assert values[0, 1] == by_call
    assert values[1, 1] == ms.renyi_divergence(p, q, 4, (nodes, weights))
