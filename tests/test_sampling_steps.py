"""The last step without noise, and the corrector: laws that are Gaussian at every step, followed exactly."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

import manifold_scores as ms

EPSILON = np.finfo(np.float64).eps

STANDARD_ERRORS = 4.5
"""Of a mean or a variance: of the 100 of this file, one would be outside by chance in 1 of 1500 runs."""

METHODS = ["exponential", "euler-maruyama"]
PROCESSES = [ms.OrnsteinUhlenbeck(0.5), ms.BrownianMotion(), ms.VariancePreserving(), ms.LinearInterpolant()]

MEAN, VARIANCE = 0.7, 0.3
N = 20_000


def model(process):
    return ms.NoisedMeasure(ms.Gaussian([MEAN], [[VARIANCE]]), process)


def moments(process, t):
    """alpha mu and alpha^2 c + sigma^2, the law of X_t, with the limits at 0."""
    if t == 0.0:
        return MEAN, VARIANCE
    alpha = process.signal_scale(t)
    return alpha * MEAN, alpha**2 * VARIANCE + process.noise_variance(t)


def predictor(process, t, t_next, method):
    """(gain, shift, variance of the noise) of one step x -> gain x + shift + noise, by the formulas of the methods."""
    centre, v = moments(process, t)
    if method == "euler-maruyama":
        length, g2 = t - t_next, process.diffusion(t) ** 2
        gain = 1 - (g2 / v + process.log_signal_rate(t)) * length
        return gain, g2 / v * centre * length, g2 * length
    alpha, s = process.signal_scale(t), process.effective_variance(t)
    alpha_next, s_next = (
        (1.0, 0.0) if t_next == 0 else (process.signal_scale(t_next), process.effective_variance(t_next))
    )
    # f = mu + (alpha c/v)(x - alpha mu), the regression of X_0 on X_t.
    slope = alpha * VARIANCE / v
    shrink = s_next / s
    gain = alpha_next * (shrink / alpha + (1 - shrink) * slope)
    shift = alpha_next * (1 - shrink) * (MEAN - slope * centre)
    return gain, shift, alpha_next**2 * s_next * (1 - shrink)


def law(process, times, method, final_noise=True, steps=0, size=0.05, start=None):
    """Mean and variance of the samples, step by step."""
    mean, variance = (0.0, process.noise_variance(times[0])) if start is None else start
    for t, t_next in itertools.pairwise(times):
        gain, shift, noise = predictor(process, t, t_next, method)
        noisy = final_noise or t_next != times[-1]
        mean, variance = gain * mean + shift, gain**2 * variance + noise * noisy
        for _ in range(steps if noisy and t_next > 0 else 0):
            centre, v = moments(process, t_next)
            sigma2 = process.noise_variance(t_next)
            pull = size * sigma2 / v
            mean = mean + pull * (centre - mean)
            variance = (1 - pull) ** 2 * variance + 2 * size * sigma2
    return mean, variance


def assert_law(sample, wanted):
    mean, variance = wanted
    x = sample[:, 0]
    assert abs(x.mean() - mean) < STANDARD_ERRORS * math.sqrt(variance / x.size) + 64 * EPSILON
    assert abs(x.var(ddof=1) - variance) < STANDARD_ERRORS * variance * math.sqrt(2 / (x.size - 1)) + 64 * EPSILON
    if variance > 0:
        assert scipy.stats.kstest((x - mean) / math.sqrt(variance), "norm").pvalue > 1e-4


@pytest.mark.parametrize("last", [0.0, 0.2])
@pytest.mark.parametrize("final_noise", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_the_law_of_a_few_steps(process, method, final_noise, last):
    times = [0.9, 0.6, 0.4, last]  # so few that the bias of each method is seen
    sample = ms.reverse_sde(model(process), times, N, 1, method=method, final_noise=final_noise)
    assert_law(sample, law(process, times, method, final_noise))


@pytest.mark.parametrize("method", METHODS)
def test_the_noise_left_out_is_that_of_the_last_step_alone(method):
    process, times = PROCESSES[0], [2.0, 1.0, 0.5, 0.2]
    with_noise = ms.reverse_sde(model(process), times, 500, 3, method=method, snapshots=[0.5])
    without = ms.reverse_sde(model(process), times, 500, 3, method=method, snapshots=[0.5], final_noise=False)
    np.testing.assert_array_equal(with_noise[1][0.5], without[1][0.5])
    gain, shift, variance = predictor(process, 0.5, 0.2, method)
    np.testing.assert_allclose(without[0], gain * without[1][0.5] + shift, atol=64 * EPSILON)
    noise = (with_noise[0] - without[0]) / math.sqrt(variance)
    rng = np.random.default_rng(3)
    drawn = [rng.standard_normal((500, 1)) for _ in range(4)]  # the start and three steps
    np.testing.assert_allclose(noise, drawn[3], atol=1e-13)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_the_exponential_step_without_noise_is_the_conditional_mean(process):
    # E[X_s | X_t = x] of the joint law of (X_s, X_t), s < t, a regression with slope Cov(X_s, X_t)/Var X_t.
    noised, s, t = model(process), 0.3, 0.8
    x = np.linspace(-3, 3, 7)[:, None]
    landed = ms.reverse_sde(noised, [t, s], initial=x, final_noise=False)
    (centre, variance), (centre_t, variance_t) = moments(process, s), moments(process, t)
    slope = variance * process.signal_scale(t) / process.signal_scale(s) / variance_t
    np.testing.assert_allclose(landed, centre + slope * (x - centre_t), atol=32 * EPSILON)


@pytest.mark.parametrize("final_noise", [True, False])
@pytest.mark.parametrize("last", [0.0, 0.2])
@pytest.mark.parametrize("method", METHODS)
def test_the_law_of_predictor_and_corrector(method, last, final_noise):
    times, process = [0.9, 0.5, 0.3, last], PROCESSES[2]
    sample = ms.reverse_sde(
        model(process), times, N, 2, method=method, final_noise=final_noise, corrector_steps=3, corrector_step_size=0.4
    )
    assert_law(sample, law(process, times, method, final_noise, 3, 0.4))


@pytest.mark.parametrize("size", [0.05, 0.5, 1.5])
@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_the_corrector_leaves_the_law_but_for_its_bias(process, size):
    # Its stationary law on a Gaussian has variance v / (1 - c sigma^2 / 2v), whatever it starts from.
    t = 0.4
    centre, v = moments(process, t)
    pull = size * process.noise_variance(t) / v
    steps = math.ceil(math.log(1e-3) / math.log(abs(1 - pull)))  # what is left of the start
    sample = ms.reverse_sde(
        model(process),
        [0.401, t],
        initial=np.full((N, 1), centre),
        rng=5,
        corrector_steps=steps,
        corrector_step_size=size,
    )
    assert_law(sample, (centre, v / (1 - pull / 2)))


def test_the_bias_of_the_corrector_is_of_order_c():
    process, t = PROCESSES[0], 0.4
    centre, v = moments(process, t)
    biases = [
        law(process, [t * 1.001, t], "exponential", True, 2000, c, (centre, v))[1] / v - 1 for c in (0.2, 0.1, 0.05)
    ]
    np.testing.assert_allclose(np.log2(np.divide(biases[:-1], biases[1:])), 1.0, atol=0.1)
    np.testing.assert_allclose(biases[-1], 0.05 * process.noise_variance(t) / (2 * v), rtol=0.02)


def test_the_corrector_undoes_the_bias_of_coarse_steps():
    noised, times = ms.NoisedMeasure(ms.Circle().von_mises_fisher([1.0, 1.0], 2.0), PROCESSES[0]), [4.0, 1.0, 0.2]
    fresh = noised.sample(5000, 0.2, 1)
    distances = []
    for steps in (0, 60):
        sample = ms.reverse_sde(noised, times, 5000, 2, method="euler-maruyama", corrector_steps=steps)
        distances.append(scipy.stats.ks_2samp(sample @ [1.0, 0.0], fresh @ [1.0, 0.0]).statistic)
    assert distances[1] < 0.5 * distances[0]


def test_no_corrector_steps_change_no_bits():
    noised, times = ms.NoisedMeasure(ms.Circle().uniform(), PROCESSES[0]), [3.0, 1.0, 0.1, 0.0]
    plain = ms.reverse_sde(noised, times, 20, 4)
    same = ms.reverse_sde(noised, times, 20, 4, corrector_steps=0, corrector_step_size=1.0, final_noise=True)
    np.testing.assert_array_equal(plain, same)
    # A step to 0 by the exponential method has no noise to leave out.
    np.testing.assert_array_equal(plain, ms.reverse_sde(noised, times, 20, 4, final_noise=False))
