"""Targets, conversions, losses and networks, against oracles, closed forms and loops."""

import inspect

import numpy as np
import pytest
import scipy.stats

import manifold_scores as ms
from tests.test_import import listed, parameters

torch = pytest.importorskip("torch", reason="torch is not installed")

from manifold_scores import networks  # noqa: E402

OU = ms.OrnsteinUhlenbeck()
PROCESSES = [OU, ms.OrnsteinUhlenbeck(2.0), ms.BrownianMotion(), ms.VariancePreserving(), ms.LinearInterpolant()]
EPS = np.finfo(np.float64).eps
METHODS = networks.TARGETS
TARGETS = list(METHODS)

# A law on a line in R^3 for which every target is a formula in torch too.
DIRECTION = np.array([2.0, -1.0, 2.0]) / 3.0
COVARIANCE = 0.7 * np.outer(DIRECTION, DIRECTION)
MEAN = np.array([0.5, -0.25, 1.0])
GAUSSIAN = ms.Gaussian(MEAN, COVARIANCE)


class Exact(torch.nn.Module):
    """E[X_0 | X_t = x] of GAUSSIAN by solving a linear system, brought into the shape of a target by hand."""

    ambient_dimension = 3

    def __init__(self, process, target):
        super().__init__()
        self.process, self.target = process, target

    def forward(self, x, t):
        alpha = self.process.signal_scale(t)[:, None]
        sigma2 = self.process.noise_variance(t)[:, None]
        covariance, mean = torch.tensor(COVARIANCE), torch.tensor(MEAN)
        total = alpha[..., None] ** 2 * covariance + sigma2[..., None] * torch.eye(3, dtype=torch.float64)
        solved = torch.linalg.solve(total, (x - alpha * mean)[..., None])[..., 0]
        if self.target == "cem":
            return mean + alpha * solved @ covariance
        return -solved if self.target == "sgm" else torch.sqrt(sigma2) * solved


def queries(process, n=50, seed=0):
    rng = np.random.default_rng(seed)
    return 2.0 * rng.standard_normal((n, 3)), rng.uniform(0.1, 0.9, n)


# Conversions

# The linear system has condition 1 + 0.7 alpha^2/sigma^2 < 100 at these times; ten roundings in and after it.
SOLVED = 10 * 100 * EPS


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
@pytest.mark.parametrize("wanted", TARGETS)
@pytest.mark.parametrize("given", TARGETS)
def test_conversions_take_one_target_of_an_oracle_to_another(process, given, wanted):
    noised = ms.NoisedMeasure(GAUSSIAN, process)
    x, t = queries(process)
    known, expected = (getattr(noised, METHODS[each])(x, t) for each in (given, wanted))
    got = networks.convert(known, x, t, process, given=given, wanted=wanted)
    alpha, sigma = process.signal_scale(t)[:, None], np.sqrt(process.noise_variance(t))[:, None]
    # A rounding of f, alpha f - x or sigma eps, in units of the answer.
    sizes = np.abs(noised.posterior_mean(x, t)) * alpha + np.abs(x) + np.abs(noised.noise(x, t)) * sigma
    units = {"cem": 1.0 / alpha, "sgm": 1.0 / sigma**2, "ddpm": 1.0 / sigma}[wanted]
    assert (np.abs(got - expected) <= 50 * EPS * sizes * units).all()
    tensors = networks.convert(
        torch.tensor(known), torch.tensor(x), torch.tensor(t), process, given=given, wanted=wanted
    )
    np.testing.assert_allclose(tensors.numpy(), got, rtol=4 * EPS, atol=0.0)


def test_conversions_broadcast():
    x, t = queries(OU)
    one = networks.convert(x, 2.0 * x, 0.3, OU, given="ddpm", wanted="cem")
    np.testing.assert_array_equal(one[7], networks.convert(x[7], 2.0 * x[7], 0.3, OU, given="ddpm", wanted="cem"))
    many = networks.convert(x[:, None], x[:, None], t[:4], OU, given="ddpm", wanted="cem")
    assert many.shape == (50, 4, 3)


def test_gradients_pass_through_conversions():
    x, t = queries(OU)
    prediction = torch.tensor(x, requires_grad=True)
    networks.convert(prediction, torch.tensor(x), t, OU, given="cem", wanted="sgm").sum().backward()
    slope = OU.signal_scale(t) / OU.noise_variance(t)  # the error transfer of [LWB]
    np.testing.assert_allclose(prediction.grad.numpy(), np.repeat(slope[:, None], 3, axis=1), rtol=4 * EPS)


# Targets


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
@pytest.mark.parametrize("target", TARGETS)
def test_regression_targets_have_the_oracle_as_their_conditional_mean(process, target):
    # E[(target - oracle) g(X_t)] = 0 for every function g: here the coordinates, 1, and those of the oracle.
    noised, rng, n = ms.NoisedMeasure(GAUSSIAN, process), np.random.default_rng(1), 100_000
    clean, noise, t = GAUSSIAN.sample(n, rng), rng.standard_normal((n, 3)), rng.uniform(0.3, 0.9, n)
    x = process.signal_scale(t)[:, None] * clean + np.sqrt(process.noise_variance(t))[:, None] * noise
    oracle = getattr(noised, METHODS[target])(x, t)
    error = networks.regression_target(target, clean, noise, t, process) - oracle
    for test in (np.ones_like(x), x, oracle):
        products = (error * test).sum(axis=1)
        assert abs(products.mean()) < 4.0 * products.std() / np.sqrt(n)  # a level of 6e-5, a fixed seed


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_regression_targets_are_those_of_the_paper(process):
    rng = np.random.default_rng(2)
    clean, noise, t = rng.standard_normal((20, 3)), rng.standard_normal((20, 3)), rng.uniform(0.1, 0.9, 20)
    alpha, sigma2 = process.signal_scale(t)[:, None], process.noise_variance(t)[:, None]
    difference = alpha * clean + np.sqrt(sigma2) * noise - alpha * clean
    for target, expected in ("cem", clean), ("sgm", -difference / sigma2), ("ddpm", difference / np.sqrt(sigma2)):
        got = networks.regression_target(target, clean, noise, t, process)
        np.testing.assert_allclose(got, expected, rtol=0, atol=50 * EPS / sigma2.min())


# Losses


def batch(n=64, seed=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 2)), rng.standard_normal((n, 2)), rng.uniform(0.01, 0.9, n)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_the_three_losses_are_one_for_a_converted_network(process):
    # lambda = alpha^2/sigma^2 for f, sigma^2 for S, 1 for eps: values and gradients with respect to the weights.
    mlp = networks.MLP(2, (16, 16), time_input="log", seed=4)
    clean, noise, t = batch()
    values, gradients = [], []
    for target, weight in ("cem", "snr"), ("sgm", "variance"), ("ddpm", "uniform"):

        def module(x, t, target=target):
            return networks.convert(mlp(x, t), x, t, process, given="cem", wanted=target)

        for given in (weight, None):
            loss = networks.denoising_loss(module, clean, noise, t, process, target=target, weight=given)
            values.append(loss.item())
        gradients.append(torch.cat([each.flatten() for each in torch.autograd.grad(loss, mlp.parameters())]).numpy())
    # Digits lost where f - X_0 is formed as a difference of terms x/alpha: at most max 1/sigma^2, max 1/alpha^2.
    rtol = 50 * EPS * max((1.0 / process.noise_variance(t)).max(), (1.0 / process.signal_scale(t) ** 2).max())
    np.testing.assert_allclose(values, values[0], rtol=rtol)
    for gradient in gradients[1:]:
        np.testing.assert_allclose(gradient, gradients[0], rtol=0, atol=rtol * np.abs(gradients[0]).max())


def test_the_loss_is_a_mean_of_weighted_squares():
    clean, noise, t = batch()
    mlp = networks.MLP(2, (5,), seed=1)
    alpha, sigma2 = np.exp(-t / 2), 1.0 - np.exp(-t)
    weights = {"uniform": np.ones_like(t), "snr": 1.0 / (np.exp(t) - 1.0), "variance": sigma2}
    given = dict.fromkeys(weights) | {"own": lambda t: t**2, "constant": lambda t: 3.0}
    weights |= {"own": t**2, "constant": np.full_like(t, 3.0)}
    for name, weight in weights.items():
        total = 0.0
        for i in range(len(t)):
            x = alpha[i] * clean[i] + np.sqrt(sigma2[i]) * noise[i]
            with torch.no_grad():
                prediction = mlp(torch.tensor(x[None]), torch.tensor(t[i : i + 1])).numpy()[0]
            total += weight[i] * ((prediction + noise[i] / np.sqrt(sigma2[i])) ** 2).sum()
        got = networks.denoising_loss(mlp, clean, noise, t, OU, target="sgm", weight=given[name] or name)
        assert got.item() == pytest.approx(total / len(t), rel=1e-12)  # 1 - exp(-t) has lost two digits at t = 0.01


# Laws of times


def test_times_have_the_laws_they_are_named_after():
    rng, n = np.random.default_rng(5), 20_000
    uniform, logarithmic = networks.UniformTimes(0.01, 2.0), networks.LogUniformTimes(1e-5, 2.0)
    for law, distribution in (
        (uniform, scipy.stats.uniform(0.01, 1.99)),
        (logarithmic, scipy.stats.loguniform(1e-5, 2.0)),
    ):
        times = law(n, rng)
        assert times.shape == (n,)
        assert law.t_min <= times.min() <= times.max() <= law.t_max
        assert scipy.stats.kstest(times, distribution.cdf).pvalue > 1e-3
    grid = networks.GridTimes(ms.exponential_times(3.0, 11))
    values, counts = np.unique(grid(n, rng), return_counts=True)
    np.testing.assert_array_equal(values, np.sort(ms.exponential_times(3.0, 11))[1:])  # without 0
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


# Networks


@pytest.mark.parametrize("time_input", ["time", "log"])
@pytest.mark.parametrize("hidden", [(16, 16), (64, 64, 64), ()])
def test_an_mlp_is_tanh_of_matrices(hidden, time_input):
    mlp = networks.MLP(2, hidden, time_input=time_input, seed=6)
    clean, _, t = batch()
    values = np.column_stack([clean, t if time_input == "time" else np.log(t)])
    weights = [each.detach().numpy() for each in mlp.parameters()]
    for i in range(0, len(weights), 2):
        assert weights[i].shape == (([*hidden, 2])[i // 2], values.shape[1])
        bound = values.shape[1] ** -0.5
        assert max(np.abs(weights[i]).max(), np.abs(weights[i + 1]).max()) <= bound
        values = values @ weights[i].T + weights[i + 1]
        values = np.tanh(values) if i + 2 < len(weights) else values
    with torch.no_grad():
        got = mlp(torch.tensor(clean), torch.tensor(t)).numpy()
    np.testing.assert_allclose(got, values, rtol=0, atol=100 * EPS * np.abs(values).max())


def test_initial_weights_are_uniform_and_depend_on_the_seed_alone():
    before, default = torch.random.get_rng_state(), torch.get_default_dtype()
    weights = [each.detach().numpy() for each in networks.MLP(2, (64, 64, 64), seed=7).parameters()]
    assert torch.equal(before, torch.random.get_rng_state())
    large = weights[4]
    assert scipy.stats.kstest(large.ravel(), scipy.stats.uniform(-0.125, 0.25).cdf).pvalue > 1e-3
    torch.set_default_dtype(torch.float32 if default == torch.float64 else torch.float64)
    try:
        torch.rand(100)
        again = networks.MLP(2, (64, 64, 64), seed=7)
    finally:
        torch.set_default_dtype(default)
        torch.random.set_rng_state(before)
    single = networks.MLP(2, (64, 64, 64), seed=7, dtype=torch.float32)
    for first, second, third in zip(weights, again.parameters(), single.parameters(), strict=True):
        np.testing.assert_array_equal(first, second.detach().numpy())
        np.testing.assert_array_equal(first.astype(np.float32), third.detach().numpy())
    assert not np.array_equal(large, list(networks.MLP(2, (64, 64, 64), seed=8).parameters())[4].detach().numpy())


# A network with the methods of an oracle


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
@pytest.mark.parametrize("target", TARGETS)
def test_an_exact_network_answers_as_the_oracle(process, target):
    network = networks.ScoreNetwork(Exact(process, target), process, target)
    noised = ms.NoisedMeasure(GAUSSIAN, process)
    x, t = queries(process)
    alpha, sigma2 = process.signal_scale(t), process.noise_variance(t)
    condition = max((1.0 + 1.0 / sigma2).max(), (1.0 / alpha).max())
    for method in [*METHODS.values(), "score_jacobian", "score_divergence"]:
        expected, got = (getattr(model, method)(x, t) for model in (noised, network))
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=0, atol=SOLVED * condition * np.abs(expected).max())


@pytest.mark.parametrize("target", TARGETS)
def test_samplers_take_networks_as_they_take_oracles(target):
    network, noised = networks.ScoreNetwork(Exact(OU, target), OU, target), ms.NoisedMeasure(GAUSSIAN, OU)
    times = ms.geometric_times(0.01, 5.0, 20)
    for sampler in (ms.reverse_sde, ms.probability_flow):
        got, expected = (sampler(model, times, 30, 0) for model in (network, noised))
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)  # 20 steps, each off by about 1e-13/sigma^2
    got, expected = (ms.log_likelihood(model, [[0.3, 0.1, 0.8]], (0.05, 5.0)) for model in (network, noised))
    np.testing.assert_allclose(got, expected, rtol=1e-8)  # step control may decide otherwise after a rounding


def model(target="cem", **options):
    return networks.ScoreNetwork(networks.MLP(2, (8, 8), seed=9, **options), OU, target)


X, T = np.random.default_rng(10).standard_normal((4, 3, 2)), np.array([0.1, 0.5, 2.0])


@pytest.mark.parametrize("method", [*METHODS.values(), "score_jacobian", "score_divergence"])
def test_shapes_and_namespaces(method):
    ask = getattr(model(), method)
    expected = ask(X, T)
    tail = {"score_jacobian": (2, 2), "score_divergence": ()}.get(method, (2,))
    assert isinstance(expected, np.ndarray)
    assert expected.dtype == np.float64
    assert expected.shape == (4, 3, *tail)
    tensor = ask(torch.tensor(X), torch.tensor(T))
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == torch.float64
    assert not tensor.requires_grad
    np.testing.assert_array_equal(tensor.numpy(), expected)
    assert ask(torch.tensor(X, dtype=torch.float32), 0.5).dtype == torch.float64
    rows = ask(X[1, 2].tolist(), 2.0)
    np.testing.assert_allclose(rows, expected[1, 2], rtol=1e-12)  # products of other shapes add up in other orders
    assert ask(X[0, 0], T).shape == (3, *tail)
    assert ask(np.empty((0, 2)), 0.5).shape == (0, *tail)
    assert ask(torch.empty((0, 2)), 0.5).shape == (0, *tail)


def test_dask_arrays_are_answered_lazily():
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    lazy = model().score(da.from_array(X.reshape(-1, 2), chunks=(5, 2)), 0.5)
    np.testing.assert_allclose(lazy.compute(scheduler="synchronous"), model().score(X.reshape(-1, 2), 0.5), rtol=1e-12)


@pytest.mark.parametrize("target", TARGETS)
def test_derivatives_are_those_of_finite_differences(target):
    network, h = model(target, time_input="log"), 1e-5
    jacobian = network.score_jacobian(X, T)
    for j in range(2):
        step = h * np.eye(2)[j]
        difference = (network.score(X + step, T) - network.score(X - step, T)) / (2.0 * h)
        # The third derivative of a few tanh times h^2, and rounding of a score of about 20 over h.
        np.testing.assert_allclose(jacobian[..., j], difference, rtol=0, atol=1e-8)
    trace = np.trace(jacobian, axis1=-2, axis2=-1)
    np.testing.assert_allclose(network.score_divergence(X, T), trace, rtol=0, atol=1e-13)


def test_answers_to_tensors_that_require_grad_can_be_differentiated():
    network, x = model(), torch.tensor(X, requires_grad=True)
    gradient = torch.autograd.grad(network.score(x, T).sum(), x)[0]
    np.testing.assert_allclose(gradient.numpy(), network.score_jacobian(X, T).sum(axis=-2), rtol=1e-11, atol=1e-13)
    assert network.score_divergence(x, T).requires_grad
    with torch.no_grad():
        assert not network.score(x, T).requires_grad
    assert all(each.grad is None for each in network.module.parameters())


def test_many_points_are_answered_in_blocks():
    x = np.random.default_rng(11).standard_normal((70_000, 2))
    whole = model().noise(x, 0.3)
    pieces = np.concatenate([model().noise(part, 0.3) for part in np.array_split(x, 7)])
    np.testing.assert_allclose(whole, pieces, rtol=0, atol=100 * EPS)


def test_single_precision_networks_are_converted_in_double():
    # At t = 1e-6, alpha f - x of float32 would have no digits: sigma^2 = 1e-6.
    single, x = model(dtype=torch.float32), X.reshape(-1, 2)
    f = single.posterior_mean(x, 1e-6)
    assert f.dtype == np.float64
    np.testing.assert_allclose(f, model().posterior_mean(x, 1e-6), rtol=0, atol=1e-5)
    expected = (OU.signal_scale(1e-6) * f - x) / OU.noise_variance(1e-6)
    np.testing.assert_allclose(single.score(x, 1e-6), expected, rtol=1e-14)


# Documentation


@pytest.mark.parametrize("name", [name for name in networks.__all__ if name != "TARGETS"])
def test_docstrings_name_the_parameters(name):
    thing = getattr(networks, name)
    assert listed(inspect.getdoc(thing)) == parameters(thing)
