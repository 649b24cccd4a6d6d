"""Processes against their formulas in mpmath, and against the SDE they claim to solve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import manifold_scores as ms
from tests import strategies

EPSILON = np.finfo(np.float64).eps

ULPS = 4.0
"""Rounding: three or four correctly rounded operations around one exponential, in units of eps."""

TIMES = [1e-14, 3.3e-12, 1e-9, 1e-6, 1.7e-4, 0.01, 0.25, 0.5, 0.75, 0.999, 1.0, 2.5, 10.0, 37.0, 50.0]


def ornstein_uhlenbeck(rate):
    a = mpf(rate)
    return ms.OrnsteinUhlenbeck(rate), lambda t: (mp.exp(-a * t), -mp.expm1(-2 * a * t) / (2 * a), -a, mpf(1))


def brownian():
    return ms.BrownianMotion(), lambda t: (mpf(1), t, mpf(0), mpf(1))


def variance_preserving(low, high):
    def exact(t):
        beta = mpf(low) + (mpf(high) - mpf(low)) * t
        integral = mp.quad(lambda u: mpf(low) + (mpf(high) - mpf(low)) * u, [0, t])
        return mp.exp(-integral / 2), -mp.expm1(-integral), -beta / 2, mp.sqrt(beta)

    return ms.VariancePreserving(low, high), exact


def interpolant():
    return ms.LinearInterpolant(), lambda t: (1 - t, t * t, -1 / (1 - t), mp.sqrt(2 * t / (1 - t)))


PROCESSES = [
    ornstein_uhlenbeck(0.5),
    ornstein_uhlenbeck(1e-6),
    ornstein_uhlenbeck(3.7),
    brownian(),
    variance_preserving(0.1, 20.0),
    variance_preserving(1.0, 1.0),
    interpolant(),
]
each_process = pytest.mark.parametrize(("process", "exact"), PROCESSES, ids=[repr(process) for process, _ in PROCESSES])

FUNCTIONS = ("signal_scale", "noise_variance", "effective_variance", "log_signal_rate", "diffusion")

SMALLEST_SQUARE = mpf("1e-300")
"""Where alpha^2 is smaller the effective variance is infinite or loses digits to underflow."""


@each_process
def test_scales_and_rates_agree_with_mpmath(process, exact):
    for t in TIMES:
        if t >= process.end:
            continue
        with mp.workdps(50):
            alpha, sigma2, rate, g = exact(mpf(t))
            if alpha**2 < SMALLEST_SQUARE:
                continue
            amplification = 1 - 2 * mp.log(alpha)  # an exponent's rounding, magnified by the exponential
            wanted = {
                "signal_scale": alpha,
                "noise_variance": sigma2,
                "effective_variance": sigma2 / alpha**2,
                "log_signal_rate": rate,
                "diffusion": g,
            }
            for name, value in wanted.items():
                error = abs(mpf(float(getattr(process, name)(t))) - value)
                bound = ULPS * EPSILON * amplification * abs(value)
                assert error <= bound, f"{name} at t = {t}: {mp.nstr(error / abs(value))}"


@each_process
@pytest.mark.parametrize("t", [0.01, 0.3, 0.9])
def test_noise_is_what_the_sde_accumulates(process, exact, t):
    # g^2 = alpha^2 ds/dt and alpha'/alpha = d log alpha/dt, by differentiating the exact functions.
    with mp.workdps(50):
        slope = mp.diff(lambda u: exact(u)[1] / exact(u)[0] ** 2, mpf(t))
        rate = mp.diff(lambda u: mp.log(exact(u)[0]), mpf(t))
        g2 = exact(mpf(t))[0] ** 2 * slope
    assert process.diffusion(t) ** 2 == pytest.approx(float(g2), rel=1e-13)
    assert process.log_signal_rate(t) == pytest.approx(float(rate), rel=1e-13, abs=1e-30)


@given(strategies.processes, strategies.times, strategies.vectors(3))
def test_drift_is_the_signal_rate_times_x(process, t, x):
    np.testing.assert_array_equal(process.drift(x, t), process.log_signal_rate(t) * x)


def test_drift_broadcasts_times_against_points():
    x, t = np.arange(24.0).reshape(2, 4, 3), np.array([0.1, 0.2, 0.3, 0.4])
    drift = ms.LinearInterpolant().drift(x, t)
    assert drift.shape == (2, 4, 3)
    np.testing.assert_allclose(drift, -x / (1 - t)[:, None], rtol=2 * EPSILON)


@given(strategies.homogeneous_processes, st.floats(1e-6, 5), st.floats(1e-6, 5))
def test_homogeneous_processes_are_semigroups(process, t, u):
    # Rounding of t + u and of the exponents, each below 20.
    tolerance = 40 * EPSILON
    product = process.signal_scale(t) * process.signal_scale(u)
    assert process.signal_scale(t + u) == pytest.approx(product, rel=tolerance)
    composed = process.signal_scale(u) ** 2 * process.noise_variance(t) + process.noise_variance(u)
    assert process.noise_variance(t + u) == pytest.approx(composed, rel=tolerance)


@pytest.mark.parametrize("name", FUNCTIONS)
@each_process
def test_results_have_the_shape_of_the_times(process, exact, name):
    times = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    values = getattr(process, name)(times)
    assert values.shape == times.shape
    assert values.dtype == np.float64
    for index in np.ndindex(times.shape):
        assert values[index] == getattr(process, name)(times[index])
    assert np.shape(getattr(process, name)(0.5)) == ()
    assert getattr(process, name)([]).shape == (0,)


def test_times_are_not_aliased():
    times = np.array([0.25, 0.5])
    for process, _ in PROCESSES:
        process.noise_variance(times)[:] = -1
        process.effective_variance(times)[:] = -1
    np.testing.assert_array_equal(times, [0.25, 0.5])


def test_the_interpolant_reaches_its_ends():
    process, last = ms.LinearInterpolant(), np.nextafter(1.0, 0.0)
    assert process.signal_scale(last) == 1 - last
    assert process.effective_variance(last) == pytest.approx((last / (1 - last)) ** 2, rel=4 * EPSILON)
    assert process.noise_variance(1e-14) == 1e-28
    for t in (1.0, 1.5, 50.0):
        with pytest.raises(ValueError, match=rf"^t must be below 1, where this process ends; got {t}$"):
            process.signal_scale(t)


@pytest.mark.parametrize(("process", "limit"), [(ms.OrnsteinUhlenbeck(2.0), 0.25), (ms.VariancePreserving(), 1.0)])
def test_the_stationary_variance_is_reached(process, limit):
    assert process.noise_variance(1e6) == limit
    assert process.signal_scale(1e6) == 0.0
    assert process.effective_variance(1e6) == np.inf


@pytest.mark.filterwarnings("error")
@each_process
def test_any_positive_time_gives_a_number_or_an_error(process, exact):
    for t in (5e-324, 1e-300, 1e-100, 1e100, 1e200, 1.7e308):
        for name in FUNCTIONS:
            try:
                value = getattr(process, name)(t)
            except ValueError as error:
                assert str(error).startswith("t must")  # noqa: PT017
            else:
                assert not np.isnan(value)


def test_parameters_are_kept_and_shown():
    assert repr(ms.OrnsteinUhlenbeck(2)) == "OrnsteinUhlenbeck(rate=2.0)"
    assert repr(ms.VariancePreserving(0.5, 3)) == "VariancePreserving(beta_min=0.5, beta_max=3.0)"
    assert repr(ms.BrownianMotion()) == "BrownianMotion()"
    assert repr(ms.LinearInterpolant()) == "LinearInterpolant()"
    assert ms.OrnsteinUhlenbeck().rate == 0.5
    assert (ms.VariancePreserving().beta_min, ms.VariancePreserving().beta_max) == (0.1, 20.0)


def test_a_process_of_ones_own_needs_four_methods():
    class Loud(ms.Process):
        """dX = 2 dW."""

        def _signal_scale(self, t):
            return np.ones_like(t)

        def _noise_variance(self, t):
            return 4 * t

        def _effective_variance(self, t):
            return 4 * t

        def _coefficients(self, t):
            return np.zeros_like(t), np.full_like(t, 2.0)

    circle = ms.Circle().uniform()
    loud, plain = ms.NoisedMeasure(circle, Loud()), ms.NoisedMeasure(circle, ms.BrownianMotion())
    np.testing.assert_array_equal(loud.score([0.3, 0.4], 0.25), plain.score([0.3, 0.4], 1.0))
