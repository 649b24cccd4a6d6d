"""The claims on the three training targets: their references against other means, and planted faults."""

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.evaluation import predictions
from manifold_scores.sampling import steps
from tests.test_verification_faults import NoiseOfVariance, WithoutSignalScale
from verification import denoising, descent, error_transfer, planted, target_conditioning
from verification.clocks import all_clocks, linear_interpolant, ornstein_uhlenbeck, variance_preserving
from verification.hand_network import HandNetwork
from verification.record import run

LAWS = {make.__name__: make for make in (planted.line, planted.circle, planted.bean, planted.cloud, planted.sphere)}

# References.


@pytest.mark.parametrize("widths", [(2, 5, 2), (3, 7, 4, 3)])
def test_jacobian_by_hand_is_that_of_the_network(widths):
    """Central differences: h^2/6 times third derivatives of order one, and eps/h."""
    network = HandNetwork(widths, 1)
    z = np.random.default_rng(2).standard_normal((6, widths[0]))
    h, theta = 1e-5, network.parameters
    differences = [(network(z, theta + h * e) - network(z, theta - h * e)) / (2.0 * h) for e in np.eye(theta.size)]
    np.testing.assert_allclose(network.jacobian(z), np.stack(differences, axis=2), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("s", [1e-6, 0.7])
def test_the_planted_error_has_its_size(name, s):
    """Its mean square over 100 000 draws of p_t, by its characteristic function inside, within five standard errors."""
    law, clock = LAWS[name](), variance_preserving()
    network = planted.Network(law, clock, None, "score")
    t = float(clock.time(s))
    x = ms.NoisedMeasure(law.measure, clock.process).sample(100_000, t, 3)
    square = (network.error(x, t) ** 2).sum(axis=1) / network.size**2
    assert square.std() > 0.2  # it does differ from point to point
    assert abs(square.mean() - 1.0) < 5.0 * square.std() / np.sqrt(square.size)


def test_scales_of_the_process_of_lwb():
    """For dX = -X/2 dt + dW: e^{-t/2}/(1 - e^{-t}) and its root."""
    t = np.array([1e-6, 0.3, 2.0])
    clock, sigma2 = ornstein_uhlenbeck(0.5), -np.expm1(-t)
    found = {kind: planted.scale(clock, t, "posterior_mean", kind) for kind in planted.KINDS}
    np.testing.assert_array_equal(found["posterior_mean"], 1.0)
    np.testing.assert_allclose(found["score"], np.exp(-0.5 * t) / sigma2, rtol=1e-14)
    np.testing.assert_allclose(found["noise"], np.exp(-0.5 * t) / np.sqrt(sigma2), rtol=1e-14)
    np.testing.assert_allclose(planted.scale(clock, t, "noise", "score"), 1.0 / np.sqrt(sigma2), rtol=1e-14)
    for kind in planted.KINDS:
        b = [denoising.amplification(kind, clock, each) for each in t]
        np.testing.assert_allclose(b, found[kind], rtol=1e-14)


@pytest.mark.parametrize("clock", all_clocks(), ids=lambda clock: clock.name)
def test_losses_on_a_line_in_closed_form(clock):
    """Cov = s/(1 + s) along the line, nothing across: the loss of the right network, for each target."""
    law, s = planted.line(), 0.3
    network = HandNetwork((2, 4, 2), 0)
    found = denoising.draws(law, clock, ms.NoisedMeasure, network, s, 50, 4)
    t = float(clock.time(s))
    alpha, sigma2 = clock.alpha(t), clock.sigma2(t)
    trace = s / (1.0 + s)
    b2 = np.array([1.0, alpha**2 / sigma2**2, alpha**2 / sigma2])
    np.testing.assert_allclose(found.loss_mean, np.broadcast_to((b2 * trace)[:, None], (3, 50)), rtol=1e-10)


def test_the_gradient_is_that_of_the_loss():
    """Its square against a loss differentiated numerically, draw by draw, with the same random numbers."""
    law, clock, s, n = planted.circle(), linear_interpolant(), 0.2, 5
    network, oracle = HandNetwork((2, 3, 2), 0), ms.NoisedMeasure(law.measure, clock.process)
    found = denoising.draws(law, clock, ms.NoisedMeasure, network, s, n, 6)
    rng, t = np.random.default_rng(6), float(clock.time(s))
    rng.standard_normal(network.parameters.size)  # the direction of the curvature
    for c, kind in enumerate(planted.KINDS):
        clean = law.measure.sample(n, rng)
        noise = rng.standard_normal(clean.shape)
        x = clock.alpha(t) * clean + np.sqrt(clock.sigma2(t)) * noise
        z, theta, h = x / clock.alpha(t), network.parameters, 1e-5
        target = {"posterior_mean": clean, "score": (clock.alpha(t) * clean - x) / clock.sigma2(t), "noise": noise}[
            kind
        ]
        right = getattr(oracle, kind)(x, t)

        def loss(at, z=z, right=right, target=target):
            return ((right + network(z, at) - network(z) - target) ** 2).sum(axis=1)

        gradient = np.array([(loss(theta + h * e) - loss(theta - h * e)) / (2.0 * h) for e in np.eye(theta.size)])
        np.testing.assert_allclose(found.gradient[c], (gradient**2).sum(axis=0), rtol=1e-7)


@pytest.mark.parametrize("s", [0.3, 0.02])
def test_steps_of_descent_are_those_of_a_loop(s):
    """The noise target on a line: E z z^T = diag(1 + s, s), E z eps^T = sqrt(s) I."""
    gram, mixed = np.diag([1.0 + s, s]), np.sqrt(s) * np.eye(2)
    best, w, count = np.linalg.solve(gram, mixed), np.zeros((2, 2)), 0

    def excess(w):
        return np.trace((w - best).T @ gram @ (w - best))

    while excess(w) > 0.01 * excess(0.0 * w):
        w += (mixed - gram @ w) / (1.0 + s)
        count += 1
    found = descent.steps_needed(gram, mixed)
    assert count - 1 < found <= count
    assert found == pytest.approx(np.log(100.0 / (1.0 + s / (1.0 + s))) / (2.0 * np.log1p(s)), rel=1e-9)


def test_condition_numbers_over_times():
    """Log-uniform times: against closed forms of integrals, to which midpoints of quarters of decades come close."""
    s = descent.TIMES
    moments = np.array([np.diag([1.0 + each, each]) for each in s])
    least, range_ = 10.0 ** (-descent.SMALLEST / 4.0), descent.SMALLEST * np.log(10.0) / 4.0
    first = s[descent.SMALLEST - 1]
    for weights, own, shared in (
        (1.0 / s, (1.0 + first) / first, 1.0 + (1.0 / least - 1.0) / range_),
        (
            s / (1.0 + s),
            s[0] * (1.0 + first) / first**2,
            (1.0 - least) / ((1.0 - np.log(2.0)) - least + np.log1p(least)),
        ),
        (np.ones_like(s), (1.0 + s[0]) / first, 1.0 + range_ / (1.0 - least)),
    ):
        found = descent.condition_numbers(moments, weights)
        np.testing.assert_allclose(found[0], own, rtol=1e-12)
        # The midpoint rule: h^2/24 p^2 of s^p, h = ln(10)/4, p up to 2, in numerator and denominator.
        np.testing.assert_allclose(found[1], shared, rtol=2.0 * (np.log(10.0) / 4.0) ** 2 / 6.0)


@pytest.mark.parametrize(("target", "kind"), [("cem", "posterior_mean"), ("sgm", "score"), ("ddpm", "noise")])
def test_weights_and_targets_are_those_of_the_training(target, kind):
    pytest.importorskip("torch")
    from manifold_scores.networks import losses
    from manifold_scores.networks.predictions import regression_target

    rng = np.random.default_rng(8)
    clean, noise = rng.standard_normal((2, 5, 3))
    for clock in all_clocks():
        t = float(clock.time(0.4))
        ours = denoising.regression_target(kind, clean, noise, clock, t)
        np.testing.assert_allclose(ours, regression_target(target, clean, noise, t, clock.process), rtol=1e-13)
        for name, weight in denoising.WEIGHTS.items():
            theirs = losses.weight_function(name, target, clock.process)(np.array([t]))
            np.testing.assert_allclose(weight(clock, t), theirs[0], rtol=1e-13)
        default = losses.weight_function(None, target, clock.process)(np.array([t]))
        np.testing.assert_allclose(denoising.WEIGHTS[denoising.EQUIVALENT[kind]](clock, t), default[0], rtol=1e-13)


# Planted faults.


def failures(claim, noised=ms.NoisedMeasure):
    outcome = run(claim.CLAIM, "quick", noised=noised)
    assert outcome.error is None
    assert not outcome.passed
    return {check.name for check in outcome.evidence.checks if not check.passed}


class WideCovariance(ms.NoisedMeasure):
    """A posterior covariance for alpha = 1/2."""

    def posterior_covariance(self, x, t):
        return 2.0 * super().posterior_covariance(x, t)


def test_oracles_that_disagree_with_themselves_are_found_out():
    assert {"size, circle", "size, lima bean"} <= failures(error_transfer, NoiseOfVariance)
    assert {"ratios, circle", "ratios, five points"} <= failures(error_transfer, WithoutSignalScale)
    assert {"loss, circle", "target, line"} <= failures(target_conditioning, NoiseOfVariance)
    assert {"loss, circle", "gradient, sphere S²"} <= failures(target_conditioning, WithoutSignalScale)
    assert {"gradient, line", "loss, five points", "target, circle"} <= failures(target_conditioning, WideCovariance)


def test_a_wrong_power_of_sigma_in_the_conversion_is_found_out(monkeypatch):
    exact = predictions.converted

    def converted(prediction, x, alpha, variance, given, wanted):
        found = exact(prediction, x, alpha, variance, given, wanted)
        return found * variance**0.5 if (given, wanted) == ("posterior_mean", "score") else found

    monkeypatch.setattr(predictions, "converted", converted)
    assert {"ratios, line", "slope of |Δscore|, uniform error of f"} <= failures(error_transfer)


def test_an_error_of_another_size_is_found_out(monkeypatch):
    exact = planted.Network.predict
    monkeypatch.setattr(planted.Network, "predict", lambda self, x, t: exact(self, x, t) + 0.2 * self.error(x, t))
    found = failures(error_transfer)
    assert {"size, circle", "size, sphere S²"} <= found
    assert "ratios, circle" not in found


def test_standard_errors_that_are_too_small_are_found_out(monkeypatch):
    from manifold_scores.evaluation import errors

    exact = errors.rms
    monkeypatch.setattr(errors, "rms", lambda values: (exact(values)[0], 0.3 * exact(values)[1]))
    assert "size, five points" in failures(error_transfer)


def test_a_sampler_without_the_signal_scale_is_found_out(monkeypatch):
    exact = steps._displacement
    monkeypatch.setattr(
        steps, "_displacement", lambda model, x, t: float(model.process.signal_scale(t)) * exact(model, x, t)
    )
    assert "last step, uniform error of f" in failures(error_transfer)


def test_a_wrong_weight_is_found_out(monkeypatch):
    monkeypatch.setitem(denoising.WEIGHTS, "variance", lambda clock, t: float(np.sqrt(clock.sigma2(t))))
    assert failures(target_conditioning) == {
        *(f"gradient noise, {name}, weight variance" for name in ("f", "score", "noise")),
        "Hessian, weight variance",
        "loss at the optimum, equivalent weights",
        "condition number, score, own matrices",
        "condition number, score, one for all",
    }


def test_a_wrong_power_of_sigma_in_the_target_is_found_out(monkeypatch):
    """xi/sigma^2 in the place of xi/sigma."""
    exact = denoising.regression_target

    def wrong(kind, clean, noise, clock, t):
        found = exact(kind, clean, noise, clock, t)
        return found / np.sqrt(clock.sigma2(t)) if kind == "score" else found

    monkeypatch.setattr(denoising, "regression_target", wrong)
    assert {"gradient, line", "gradient noise, score, weight uniform"} <= failures(target_conditioning)


def test_a_wrong_power_of_sigma_in_the_prediction_is_found_out(monkeypatch):
    exact = denoising.amplification
    monkeypatch.setattr(
        denoising, "amplification",
        lambda kind, clock, t: exact(kind, clock, t) * (np.sqrt(clock.sigma2(t)) if kind == "noise" else 1.0),
    )  # fmt: skip
    assert {"gradient, line", "loss, sphere S²", "target, circle"} <= failures(target_conditioning)


def test_backpropagation_without_the_slope_of_tanh_is_found_out(monkeypatch):
    exact = HandNetwork.jacobian
    monkeypatch.setattr(HandNetwork, "jacobian", lambda self, z: 1.1 * exact(self, z))
    assert "curvature, line" in failures(target_conditioning)
