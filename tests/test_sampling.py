"""Schedules by their formulas; samplers by laws they must reach, orders of convergence, and exact special cases."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

import manifold_scores as ms

EPSILON = np.finfo(np.float64).eps

SIGNIFICANCE = 1e-3
"""Level of the statistical tests; seeds are fixed."""

STANDARD_ERRORS = 4.0

OU = ms.OrnsteinUhlenbeck(0.5)
PROCESSES = [OU, ms.BrownianMotion(), ms.VariancePreserving(), ms.LinearInterpolant()]


def gaussian_model(process, variance=0.25):
    """A law of one dimension, for which reverse-time marginals are known: N(0, variance) noised."""
    return ms.NoisedMeasure(ms.Gaussian([0.0], [[variance]]), process)


def standard_deviation(model, t, variance=0.25):
    process = model.process
    return math.sqrt(process.signal_scale(t) ** 2 * variance + process.noise_variance(t))


class Recorder:
    """A model that notes where it is asked."""

    def __init__(self, model):
        self.model, self.process, self.asked = model, model.process, []
        self.ambient_dimension = model.ambient_dimension

    def score(self, x, t):
        self.asked.append(float(t))
        return self.model.score(x, t)


# Schedules


def test_geometric_times_have_constant_ratio():
    times = ms.geometric_times(1e-6, 9.0, 100)
    assert times.shape == (100,)
    assert times[0] == 9.0
    assert times[-1] == 1e-6
    ratios = times[1:] / times[:-1]
    np.testing.assert_allclose(ratios, (1e-6 / 9.0) ** (1 / 99), rtol=64 * EPSILON)  # rounding of logarithms up to 16
    assert (np.diff(times) < 0).all()


@pytest.mark.parametrize("rate", [0.5, 8.0, 100.0])
def test_exponential_times_follow_their_formula(rate):
    times = ms.exponential_times(10.0, 50, rate)
    assert times.shape == (50,)
    assert times[0] == 10.0
    assert times[-1] == 0.0
    wanted = [10 * math.expm1(rate * (1 - i / 49)) / math.expm1(rate) for i in range(50)]
    np.testing.assert_allclose(times, wanted, rtol=1e-12, atol=1e-300)  # rate times the rounding of u
    assert (np.diff(times) < 0).all()


def test_the_default_rate_is_eight():
    np.testing.assert_array_equal(ms.exponential_times(3.0, 7), ms.exponential_times(3.0, 7, rate=8.0))


# Reverse SDE


@pytest.mark.parametrize("method", ["exponential", "euler-maruyama"])
@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_reverse_sde_reaches_the_noised_law(method, process):
    model, last = gaussian_model(process), 0.05
    start = {"OrnsteinUhlenbeck": 5.0, "BrownianMotion": 9.0}.get(type(process).__name__, 0.999)
    initial = standard_deviation(model, start) * np.random.default_rng(0).standard_normal((20_000, 1))
    times = ms.geometric_times(last, start, 600)
    if process.end == 1.0:  # the drift blows up at 1: steps shrink there too
        times = 1 / (1 + ms.geometric_times(1 / start - 1, 1 / last - 1, 600)[::-1])
        times[0], times[-1] = start, last
    sample = ms.reverse_sde(model, times, rng=1, method=method, initial=initial)
    # The weak error is of order one in the step: 600 steps bring it below the resolution of 20 000 samples.
    law = scipy.stats.norm(0, standard_deviation(model, last)).cdf
    assert scipy.stats.kstest(sample[:, 0], law).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("method", ["exponential", "euler-maruyama"])
def test_reverse_sde_has_weak_order_one(method):
    # With a Gaussian law each step is x -> gain x + spread xi, so variances are followed exactly.
    model, last = gaussian_model(OU), 0.1
    x, xi = np.array([[1.0], [-1.0]]), np.random.default_rng(3).standard_normal((2, 1))
    errors = []
    for n in (41, 81, 161):
        times = np.linspace(2.0, last, n)
        variance = standard_deviation(model, times[0]) ** 2
        for t, t_next in itertools.pairwise(times):
            gain, spread = _gain(model, t, t_next, method), _spread(t, t_next, method)
            step = ms.reverse_sde(model, [t, t_next], rng=3, method=method, initial=x)
            np.testing.assert_allclose(step, gain * x + spread * xi, atol=64 * EPSILON)
            variance = gain**2 * variance + spread**2
        errors.append(abs(variance - standard_deviation(model, last) ** 2))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 1.0, atol=0.1)  # second-order terms at 40 steps


def _gain(model, t, t_next, method):
    """Factor of x in one step, for the score -x / v of a Gaussian."""
    v = standard_deviation(model, t) ** 2
    if method == "euler-maruyama":
        return 1 + (0.5 - 1 / v) * (t - t_next)
    alpha, s, s_next = math.exp(-t / 2), math.expm1(t), math.expm1(t_next)
    posterior_mean = alpha * 0.25 / v
    return math.exp(-t_next / 2) * (1 / alpha + (1 - s_next / s) * (posterior_mean - 1 / alpha))


def _spread(t, t_next, method):
    """Standard deviation of the noise of one step."""
    if method == "euler-maruyama":
        return math.sqrt(t - t_next)
    s, s_next = math.expm1(t), math.expm1(t_next)
    return math.exp(-t_next / 2) * math.sqrt(s_next * (s - s_next) / s)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_the_exponential_step_is_exact_for_a_point_mass(process):
    point, times = np.array([1.5, -2.0]), [0.9, 0.2]
    model = ms.NoisedMeasure(ms.PointCloud([point]), process)
    initial = model.sample(20_000, 0.9, 0)
    sample = ms.reverse_sde(model, times, rng=1, initial=initial)
    alpha, sigma = process.signal_scale(0.2), math.sqrt(process.noise_variance(0.2))
    for k in range(2):
        assert scipy.stats.kstest((sample[:, k] - alpha * point[k]) / sigma, "norm").pvalue > SIGNIFICANCE


@pytest.mark.parametrize("sampler", [ms.reverse_sde, ms.probability_flow])
def test_a_last_step_to_zero_lands_on_the_posterior_mean(sampler):
    model = ms.NoisedMeasure(ms.Circle().uniform(), OU)
    x = np.random.default_rng(0).standard_normal((50, 2))
    landed = sampler(model, [0.3, 0.0], rng=0, initial=x)
    np.testing.assert_allclose(landed, model.posterior_mean(x, 0.3), atol=32 * EPSILON)


def test_samples_of_a_cloud_end_on_its_points_in_their_proportions():
    points, weights = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]), np.array([0.2, 0.3, 0.5])
    model = ms.NoisedMeasure(ms.PointCloud(points, weights), OU)
    times = np.append(ms.geometric_times(1e-4, 12.0, 250), 0.0)
    sample = ms.reverse_sde(model, times, 4000, 7)
    distances = np.linalg.norm(sample[:, None] - points, axis=2)
    assert distances.min(axis=1).max() < 1e-6  # two sigma of the last time before 0 and a gap of 1.4: exp(-1e4)
    counts = np.bincount(distances.argmin(axis=1), minlength=3)
    assert scipy.stats.chisquare(counts, 4000 * weights).pvalue > SIGNIFICANCE


# Probability flow


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_the_flow_of_a_gaussian_is_a_scaling_and_heun_has_order_two(process):
    model, start, last = gaussian_model(process), 0.9, 0.05
    x = np.array([[1.0], [-0.3]])
    exact = x * standard_deviation(model, last) / standard_deviation(model, start)
    r = [math.sqrt(process.effective_variance(t)) for t in (start, last)]
    errors = []
    for n in (20, 40, 80):
        times = [_time_of(process, value) for value in np.geomspace(*r, n)]
        times[0], times[-1] = start, last
        errors.append(np.abs(ms.probability_flow(model, times, initial=x) - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 2.0, atol=0.2)  # third-order terms at 20 steps
    assert errors[-1] < 1e-3


def _time_of(process, r):
    """The time of the effective noise scale r, by bisection."""
    low, high = 1e-9, 0.9999
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if process.effective_variance(middle) < r * r else (low, middle)
    return low


def test_the_flow_to_a_point_is_a_straight_line_taken_exactly():
    model = ms.NoisedMeasure(ms.PointCloud([[2.0, 1.0]]), ms.BrownianMotion())
    x = np.array([[5.0, -3.0]])
    landed = ms.probability_flow(model, [4.0, 1.0, 0.25], initial=x)
    np.testing.assert_allclose(landed, np.array([[2.0, 1.0]]) + (x - [2.0, 1.0]) * 0.25, rtol=32 * EPSILON)


def test_the_flow_transports_the_noised_law():
    model = ms.NoisedMeasure(ms.Circle().von_mises_fisher([1.0, 1.0], 2.0), OU)
    start = model.sample(5000, 4.0, 0)
    moved = ms.probability_flow(model, ms.geometric_times(0.05, 4.0, 120), initial=start)
    fresh = model.sample(5000, 0.05, 1)
    for line in ([1.0, 0.0], [0.3, -1.0]):
        assert scipy.stats.ks_2samp(moved @ line, fresh @ line).pvalue > SIGNIFICANCE


# Arguments of both


@pytest.mark.parametrize("sampler", [ms.reverse_sde, ms.probability_flow])
def test_seeds_snapshots_and_progress_do_not_change_the_samples(sampler, capfd):
    model, times = ms.NoisedMeasure(ms.Circle().uniform(), OU), np.append(ms.geometric_times(1e-3, 5.0, 12), 0.0)
    plain = sampler(model, times, 30, 5)
    assert plain.shape == (30, 2)
    assert plain.dtype == np.float64
    np.testing.assert_array_equal(plain, sampler(model, times, 30, np.random.default_rng(5)))
    assert not np.array_equal(plain, sampler(model, times, 30, 6))
    final, pictures = sampler(model, times, 30, 5, snapshots=[times[0], times[4], 0.0])
    np.testing.assert_array_equal(final, plain)
    assert list(pictures) == [times[0], times[4], 0.0]
    np.testing.assert_array_equal(pictures[0.0], plain)
    first = math.sqrt(OU.noise_variance(5.0)) * np.random.default_rng(5).standard_normal((30, 2))
    np.testing.assert_array_equal(pictures[times[0]], first)
    final[:] = 0.0
    assert np.any(pictures[0.0])  # snapshots are copies
    assert capfd.readouterr().err == ""
    np.testing.assert_array_equal(sampler(model, times, 30, 5, progress=True), plain)
    assert "sampling" in capfd.readouterr().err


def test_snapshots_between_the_times_are_added_to_the_grid():
    model = Recorder(gaussian_model(OU))
    _, pictures = ms.reverse_sde(model, [2.0, 1.0], 3, 0, snapshots=[1.5, 1.25])
    assert model.asked == [2.0, 1.5, 1.25]
    assert list(pictures) == [1.5, 1.25]


def test_the_score_is_asked_at_the_left_end_of_each_step_and_by_heun_at_both():
    model = Recorder(gaussian_model(OU))
    ms.reverse_sde(model, [2.0, 1.0, 0.5, 0.0], 3, 0)
    assert model.asked == [2.0, 1.0, 0.5]
    model.asked.clear()
    ms.probability_flow(model, [2.0, 1.0, 0.5, 0.0], 3, 0)
    assert model.asked == [2.0, 1.0, 1.0, 0.5, 0.5]


def test_initial_samples_are_not_written_to():
    model, initial = gaussian_model(OU), np.ones((4, 1))
    for sampler in (ms.reverse_sde, ms.probability_flow):
        sampler(model, [1.0, 0.5, 0.0], rng=0, initial=initial)
    np.testing.assert_array_equal(initial, np.ones((4, 1)))


def test_any_model_with_a_score_and_a_process_will_do():
    class Trained:
        process = OU

        def score(self, x, t):
            return -x

    sample = ms.reverse_sde(Trained(), ms.geometric_times(1e-3, 5.0, 20), rng=0, initial=np.ones((3, 4)))
    assert sample.shape == (3, 4)
    assert ms.probability_flow(Trained(), [1.0, 0.5], initial=np.ones((3, 4))).shape == (3, 4)


def test_no_samples_are_no_error():
    model = gaussian_model(OU)
    assert ms.reverse_sde(model, [1.0, 0.5, 0.0], 0, 0).shape == (0, 1)
    assert ms.probability_flow(model, [1.0, 0.5, 0.0], 0, 0).shape == (0, 1)


@pytest.mark.parametrize("sampler", [ms.reverse_sde, ms.probability_flow])
def test_a_start_at_which_the_signal_is_lost_in_rounding_is_refused(sampler):
    for first in (40.0, 100.0, 900.0, 5000.0):  # sigma/alpha is 1e8 at t = 36.8
        with pytest.raises(ValueError, match=r"times must start where the signal is not lost in rounding"):
            sampler(gaussian_model(OU), [first, first / 2, 3.0, 0.1], 10, 0)


@pytest.mark.parametrize("sampler", [ms.reverse_sde, ms.probability_flow])
@pytest.mark.parametrize(
    ("process", "first"), [(OU, 36.0), (ms.VariancePreserving(), 1.8), (ms.BrownianMotion(), 1e15)]
)
def test_long_steps_land_on_a_point(sampler, process, first):
    model = ms.NoisedMeasure(ms.PointCloud([[1.0, 2.0]]), process)
    for times in ([first, 0.0], [first, 0.5, 0.0]):
        landed = sampler(model, times, 20, 0)
        # The posterior mean is known through the score to eps sigma/alpha times the largest of 40 normal numbers.
        np.testing.assert_allclose(landed, np.broadcast_to([1.0, 2.0], (20, 2)), atol=4 * EPSILON * 1e8 * 4)


def test_no_snapshots_are_an_empty_dictionary():
    samples, pictures = ms.reverse_sde(gaussian_model(OU), [1.0, 0.5], 3, 0, snapshots=[])
    assert samples.shape == (3, 1)
    assert pictures == {}
