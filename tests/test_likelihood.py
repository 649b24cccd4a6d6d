"""Likelihoods against exact densities, closed forms of linear flows, kernel density estimates, and mass one."""

import math
import types

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import manifold_scores as ms
from manifold_scores.sampling import stiff
from tests import strategies

OU = ms.OrnsteinUhlenbeck(0.5)
LAST = {"OrnsteinUhlenbeck": 6.0, "BrownianMotion": 9.0, "VariancePreserving": 1.0, "LinearInterpolant": 0.999}
PROCESSES = [OU, ms.BrownianMotion(), ms.VariancePreserving(), ms.LinearInterpolant()]

POINTS = np.random.default_rng(0).standard_normal((20, 2))
LAWS = {
    "gaussian": ms.Gaussian([0.0, 1.0, 0.0], np.diag([1.0, 0.5, 0.0])),
    "mixture": ms.Mixture(
        [ms.Gaussian([0.0, 0.0], np.diag([1.0, 1e-4])), ms.Gaussian([2.0, 1.0], np.diag([0.1, 0.2]))], [1.0, 2.0]
    ),
    "circle": ms.Circle().uniform(),
    "cloud": ms.PointCloud(POINTS),
}


def last(process):
    return LAST[type(process).__name__]


def exact_end(noised, end):
    """The terminal density with which the likelihood of an exact score is the exact density."""
    return lambda x: noised.log_density(x, end)


def unit(noised, x, t):
    """What the tolerance is measured in."""
    size = 0.5 * x.shape[-1] * abs(math.log(2 * math.pi * noised.process.noise_variance(t)))
    return np.maximum(np.maximum(1.0, size), np.abs(noised.log_density(x, t)))


# Exact scores


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
@pytest.mark.parametrize("law", LAWS)
def test_with_the_exact_end_it_is_the_exact_density(law, process):
    noised, end = ms.NoisedMeasure(LAWS[law], process), last(process)
    shares = []
    for t, off in ((1e-6, 0.0), (1e-3, 5.0), (0.3, 1.0)):
        x = noised.sample(15, t, 1)
        x += off * math.sqrt(process.noise_variance(t)) * np.random.default_rng(2).standard_normal(x.shape)
        value, error = ms.log_likelihood(
            noised, x, (t, end), terminal=exact_end(noised, end), tolerance=1e-7, return_error=True
        )
        found = np.abs(value - noised.log_density(x, t)) / unit(noised, x, t)
        strategies.close(found, 0.0, 3e-7)  # one point in a thousand misses the tolerance, none of 20 000 by a factor 3
        assert (error <= 1.01e-7 * unit(noised, x, t)).all()
        shares.append(np.mean(found * unit(noised, x, t) <= error))
    assert np.mean(shares) >= 0.95  # 0.997 in the long run


@pytest.mark.parametrize("process", PROCESSES[:3], ids=repr)
@pytest.mark.parametrize("law", ["circle", "cloud"])
def test_down_to_the_smallest_times(law, process):
    noised, end = ms.NoisedMeasure(LAWS[law], process), last(process)
    x = noised.sample(20, 1e-14, 3)
    value, error = ms.log_likelihood(noised, x, (1e-14, end), terminal=exact_end(noised, end), return_error=True)
    found = np.abs(value - noised.log_density(x, 1e-14))
    # Rounding: |x| is 1e7 sigma (3e7 for the variance preserving process), so eps of it 2e-9, and |sigma score| a few.
    strategies.close(found, 0.0, 1e-6)
    assert np.mean(found <= error) >= 0.95


@settings(max_examples=25)
@given(
    strategies.laws(strategies.PARTS), strategies.seeds, st.sampled_from(PROCESSES), st.floats(-4.0, -0.5),
    st.sampled_from([1e-4, 1e-6, 1e-8]),
)  # fmt: skip
def test_any_law_to_the_tolerance(law, seed, process, exponent, tolerance):
    noised, end, t = ms.NoisedMeasure(law.measure, process), last(process), 10.0**exponent
    x = noised.sample(4, t, seed)
    value, error = ms.log_likelihood(
        noised, x, (t, end), terminal=exact_end(noised, end), tolerance=tolerance, return_error=True
    )
    found = np.abs(value - noised.log_density(x, t))
    # One point in a thousand misses the estimate; the worst of 20 000 did so 80 times over, at a tolerance of 1e-4.
    strategies.close(found, 0.0, 10.0 * tolerance * unit(noised, x, t) + error)


def test_a_cloud_noised_to_the_square_of_the_bandwidth_is_a_kernel_density_estimate():
    kde = scipy.stats.gaussian_kde(POINTS.T, bw_method=0.4)
    root = np.linalg.cholesky(kde.covariance)
    whitened = ms.NoisedMeasure(ms.PointCloud(np.linalg.solve(root, POINTS.T).T), ms.BrownianMotion())
    x = np.random.default_rng(4).standard_normal((30, 2)) * 1.5
    z = np.linalg.solve(root, x.T).T
    value = ms.log_likelihood(whitened, z, (1.0, 400.0), terminal=exact_end(whitened, 400.0))
    np.testing.assert_allclose(value - np.log(np.diag(root)).sum(), kde.logpdf(x.T), atol=1e-7)


# The Gaussian end


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_the_density_of_a_linear_flow(process):
    # The flow of N(mu, C) is affine: along an axis with variance c of the data it scales x - alpha mu by v_t^{1/2},
    # v = alpha^2 c + sigma^2.  From N(0, sigma_T^2) it makes a Gaussian.
    mean, variances, t, end = np.array([0.3, -1.0, 0.0]), np.array([2.0, 0.1, 0.0]), 0.05, last(process) / 2
    noised = ms.NoisedMeasure(ms.Gaussian(mean, np.diag(variances)), process)
    (a, v), (a_end, v_end) = (
        (process.signal_scale(u), process.signal_scale(u) ** 2 * variances + process.noise_variance(u))
        for u in (t, end)
    )
    gain = np.sqrt(v / v_end)
    law = scipy.stats.norm(a * mean - gain * a_end * mean, gain * math.sqrt(process.noise_variance(end)))
    x = noised.sample(20, t, 5)
    value, error = ms.log_likelihood(noised, x, [t, end], return_error=True)
    found = np.abs(value - law.logpdf(x).sum(axis=1))
    strategies.close(found, 0.0, 1e-8 * unit(noised, x, t))
    assert np.mean(found <= error) >= 0.9


@pytest.mark.parametrize(
    "law", [ms.PointCloud([[-1.0], [0.2], [1.3]], [1.0, 2.0, 1.0]), ms.Box([0.0], [1.0]).uniform()]
)
def test_the_mass_is_one(law):
    # The end is far from stationary, so that the model differs from the exact density.
    noised, times = ms.NoisedMeasure(law, OU), (0.01, 1.0)
    grid = np.linspace(-3.5, 3.5, 3001)
    value = ms.log_likelihood(noised, grid[:, None], times)
    # The trapezoidal rule with a step of 1/40 of the narrowest width, 0.1, is exact to rounding.
    assert abs(scipy.integrate.trapezoid(np.exp(value), grid) - 1.0) < 1e-6
    assert np.abs(value - noised.log_density(grid[:, None], 0.01)).max() > 0.1


def test_it_is_the_density_of_the_samples_of_the_flow():
    noised, times = ms.NoisedMeasure(LAWS["mixture"], OU), ms.geometric_times(0.05, 1.0, 60)
    rng = np.random.default_rng(6)
    start = math.sqrt(OU.noise_variance(1.0)) * rng.standard_normal((2, 2))
    step, ends = 1e-4, []
    for direction in np.vstack([np.zeros(2), np.eye(2) * step, -np.eye(2) * step]):
        ends.append(ms.probability_flow(noised, times, initial=start + direction))
    jacobian = np.stack([(ends[1 + k] - ends[3 + k]) / (2 * step) for k in range(2)], axis=-1)
    normal = scipy.stats.norm(0, math.sqrt(OU.noise_variance(1.0))).logpdf(start).sum(axis=1)
    value = ms.log_likelihood(noised, ends[0], times)
    np.testing.assert_allclose(value, normal - np.linalg.slogdet(jacobian)[1], atol=5e-3)  # Heun with 60 steps


# Stiff points


@pytest.mark.parametrize("law", ["circle", "cloud"])
@pytest.mark.parametrize("scale", [1e-2, 1e-3])
def test_points_far_off_the_data_slide_along_walls(law, scale, monkeypatch):
    noised, called = ms.NoisedMeasure(LAWS[law], OU), []
    x, t = np.array([[0.3, 0.2]]), scale**2
    finish = stiff.finish
    monkeypatch.setattr(stiff, "finish", lambda *arguments: called.append(1) or finish(*arguments))
    value, error = ms.log_likelihood(
        noised, x, (t, 6.0), terminal=exact_end(noised, 6.0), tolerance=1e-7, return_error=True
    )
    exact = noised.log_density(x, t)
    # Half of the tolerance is allowed; the rest is the change of a second run, which rounding moves by a few percent.
    assert abs(value[0] - exact[0]) <= error[0] < 2e-7 * abs(exact[0])
    assert len(called) == (scale == 1e-3)  # explicit steps do at 1e-2
    if scale == 1e-3:
        plain = types.SimpleNamespace(process=OU, score=noised.score, score_divergence=noised.score_divergence)
        without = ms.log_likelihood(plain, x, (t, 6.0), terminal=exact_end(noised, 6.0), tolerance=1e-7)
        np.testing.assert_allclose(without, exact, rtol=1e-7)


def test_stiff_points_follow_the_tolerance():
    noised, x = ms.NoisedMeasure(LAWS["cloud"], OU), np.array([[0.3, 0.2]])
    value, error = ms.log_likelihood(
        noised, x, (1e-6, 6.0), terminal=exact_end(noised, 6.0), tolerance=1e-9, return_error=True
    )
    exact = noised.log_density(x, 1e-6)
    assert abs(value[0] - exact[0]) <= error[0]
    assert error[0] < 3e-9 * abs(exact[0])  # half of it allowed, the rest the change of the second run


def test_the_change_of_a_second_run_is_in_the_error_of_stiff_points(monkeypatch):
    noised, x, run = ms.NoisedMeasure(LAWS["cloud"], OU), np.array([[0.3, 0.2]]), stiff._run
    plain = ms.log_likelihood(noised, x, (1e-6, 6.0), return_error=True)

    def shifted(flow, row, theta, state, relative):
        end = run(flow, row, theta, state, relative)
        return end + np.array([0.0, 0.0, 1000.0]) if relative > 3e-7 else end

    monkeypatch.setattr(stiff, "_run", shifted)
    value, error = ms.log_likelihood(noised, x, (1e-6, 6.0), return_error=True)
    np.testing.assert_array_equal(value, plain[0])
    assert abs(error[0] - 1000.0) <= plain[1][0]
    monkeypatch.setattr(stiff, "_run", lambda *arguments: None if arguments[-1] > 3e-7 else run(*arguments))
    value, error = ms.log_likelihood(noised, x, (1e-6, 6.0), return_error=True)
    assert np.isnan(value[0])
    assert np.isinf(error[0])


def test_what_cannot_be_followed_has_an_infinite_error(monkeypatch):
    monkeypatch.setattr(stiff, "_MOST_EVALUATIONS", 10)
    noised = ms.NoisedMeasure(LAWS["cloud"], OU)
    x = np.array([POINTS[0], [0.3, 0.2], POINTS[1]])
    value, error = ms.log_likelihood(noised, x, (1e-6, 6.0), return_error=True)
    assert np.isnan(value).tolist() == [False, True, False]
    assert np.isinf(error).tolist() == [False, True, False]
    with pytest.raises(ValueError, match=r"number 1, whose flow cannot be followed from t = 1e-06"):
        ms.log_likelihood(noised, x, (1e-6, 6.0))


# Arguments


def test_points_do_not_see_each_other():
    noised, times = ms.NoisedMeasure(LAWS["circle"], OU), (1e-3, 6.0)
    x = noised.sample(12, 1e-3, 0)
    together = ms.log_likelihood(noised, x, times)
    alone = [ms.log_likelihood(noised, row, times) for row in x]
    np.testing.assert_array_equal(together, alone)


def test_batches_do_not_matter(monkeypatch):
    noised, times = ms.NoisedMeasure(LAWS["circle"], OU), (1e-3, 6.0)
    x = noised.sample(10, 1e-3, 0)
    whole = ms.log_likelihood(noised, x, times, return_error=True)
    monkeypatch.setattr("manifold_scores.sampling.likelihood._LARGEST_BATCH", 12)
    for got, wanted in zip(ms.log_likelihood(noised, x, times, return_error=True), whole, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_shapes_and_grids():
    noised = ms.NoisedMeasure(LAWS["circle"], OU)
    x = noised.sample(6, 0.1, 0).reshape(2, 3, 2)
    wanted = ms.log_likelihood(noised, x, (0.1, 5.0))
    assert wanted.shape == (2, 3)
    assert isinstance(ms.log_likelihood(noised, x[0, 0], (0.1, 5.0)), float)
    for times in ([5.0, 0.1], ms.geometric_times(0.1, 5.0, 7), [0.1, 1.0, 2.0, 5.0]):
        np.testing.assert_array_equal(ms.log_likelihood(noised, x, times), wanted)
    value, error = ms.log_likelihood(noised, np.empty((0, 2)), (0.1, 5.0), return_error=True)
    assert value.shape == error.shape == (0,)


def test_other_namespaces():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    noised = ms.NoisedMeasure(LAWS["circle"], OU)
    x = noised.sample(6, 0.1, 0)
    wanted = ms.log_likelihood(noised, x, (0.1, 5.0), return_error=True)
    got = ms.log_likelihood(noised, torch.tensor(x), (0.1, 5.0), return_error=True)
    for each, other in zip(got, wanted, strict=True):
        assert isinstance(each, torch.Tensor)
        np.testing.assert_array_equal(each.numpy(), other)


@pytest.mark.parametrize("times", [(3000.0, 5000.0), (700.0, 5000.0), (1e-14, 5000.0), (1.0, np.nextafter(1.0, 2.0))])
def test_ends_without_signal_and_intervals_without_length(times):
    noised = ms.NoisedMeasure(ms.Gaussian([0.5], [[0.25]]), OU)
    x = np.array([[0.4], [-2.0]])
    value, error = ms.log_likelihood(noised, x, times, terminal=exact_end(noised, times[1]), return_error=True)
    found = np.abs(value - noised.log_density(x, times[0]))
    strategies.close(found, 0.0, 1e-7)
    assert (found <= error).all()


def test_a_smaller_tolerance_is_a_smaller_error():
    noised = ms.NoisedMeasure(LAWS["mixture"], OU)
    x = noised.sample(20, 0.01, 0)
    exact, errors = noised.log_density(x, 0.01), []
    for tolerance in (1e-3, 1e-6, 1e-9):
        value = ms.log_likelihood(noised, x, (0.01, 6.0), terminal=exact_end(noised, 6.0), tolerance=tolerance)
        errors.append(np.median(np.abs(value - exact)))
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_progress_does_not_change_the_value(capfd):
    noised = ms.NoisedMeasure(LAWS["circle"], OU)
    x = noised.sample(6, 0.1, 0)
    plain = ms.log_likelihood(noised, x, (0.1, 5.0))
    assert capfd.readouterr().err == ""
    np.testing.assert_array_equal(ms.log_likelihood(noised, x, (0.1, 5.0), progress=True), plain)
    shown = capfd.readouterr().err
    assert "log-likelihood" in shown
    assert "6/6" in shown


@pytest.mark.parametrize("progress", [False, True])
def test_an_interruption_passes_through(progress):
    noised, calls = ms.NoisedMeasure(LAWS["circle"], OU), []

    def score(x, t):
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return noised.score(x, t)

    model = types.SimpleNamespace(process=OU, score=score, score_divergence=noised.score_divergence)
    with pytest.raises(KeyboardInterrupt):
        ms.log_likelihood(model, np.ones((3, 2)), (0.1, 5.0), progress=progress)
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        ms.reverse_sde(model, np.linspace(2.0, 0.0, 40), initial=np.ones((3, 2)), progress=progress)
