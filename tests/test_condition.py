"""The condition numbers of tests/reference against what can be worked out by hand."""

import pytest
from mpmath import mp, mpf

from tests import reference


def test_condition_number_of_one_point():
    """One point y, Brownian: delta = y - x, so kappa is (|x| + |y|)/|y - x|; 1 more for the score, from t."""
    x, y = reference.exact([3.0, 0.0]), [0.0, 4.0]
    measure, process = reference.PointCloud([y]), reference.BrownianMotion()
    with mp.workdps(150):
        kappas = reference.condition(measure, process, x, mpf(0.5), mpf(1))
    assert kappas["displacement"] == pytest.approx((7 / 5, 3 / 5), rel=1e-12)
    assert kappas["score"] == pytest.approx((7 / 5 + 1, 3 / 5 + 1), rel=1e-12)
    assert kappas["noise"] == pytest.approx((7 / 5 + 0.5, 3 / 5 + 0.5), rel=1e-12)
    assert kappas["posterior_mean"] == pytest.approx((1, 0), rel=1e-12)


def test_condition_number_of_a_gaussian():
    """N(0, c) on the line, Brownian: f = c x / (c + t), kappa = 1 for x and t/(c + t) each for c and t."""
    measure, process = reference.Gaussian([0.0], [[3.0]]), reference.BrownianMotion()
    with mp.workdps(150):
        kappas = reference.condition(measure, process, reference.exact([2.0]), mpf(1), mpf(1))
    assert kappas["posterior_mean"] == pytest.approx((1 + 1 / 4 + 1 / 4, 1 + 1 / 4), rel=1e-12)
