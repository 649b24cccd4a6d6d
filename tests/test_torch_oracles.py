"""Oracles as torch modules: every derivative against differences of the values, and refused where it is not exact."""

import copy
import pickle

import numpy as np
import pytest
import sympy as sp

import manifold_scores as ms
from manifold_scores.interop import differentials
from manifold_scores.interop.torch import oracle

torch = pytest.importorskip("torch", reason="torch is not installed")

# torch itself calls what it has deprecated when it differentiates forward for the first time.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

U = sp.Symbol("u")
CLOUD = ms.PointCloud(np.random.default_rng(0).normal(size=(7, 2)), np.arange(1.0, 8.0))
TURN = np.array([[0.6, 0.0], [0.8, 0.0], [0.0, 1.0]])
PARABOLA = ms.Curve([U, U**2], (U, -1, 1))
MEASURES = {
    "cloud": CLOUD,
    "one point": ms.PointCloud([[0.3, -0.2]]),
    "gaussian": ms.Gaussian([0.1, -0.2], [[1.0, 0.4], [0.4, 0.5]]),
    "singular gaussian": ms.Gaussian([0.1, 0.0, 0.2], np.outer([1.0, 2.0, -1.0], [1.0, 2.0, -1.0])),
    "point as gaussian": ms.Gaussian([0.1, 0.0], np.zeros((2, 2))),
    "circle": ms.Circle(1.2).uniform(),
    "sphere": ms.Sphere(4).uniform(),
    "von Mises-Fisher": ms.Sphere(3).von_mises_fisher([1.0, 0.5, 0.0], 3.0),
    "segment": ms.Segment([0.0, 0.0], [1.0, 0.5]).uniform(),
    "box": ms.Box([0.0, -1.0, 0.5], [1.0, 1.0, 0.7]).uniform(),
    "product": ms.Product(ms.Circle().uniform(), ms.Segment([0.0], [1.0]).uniform()),
    "mixture": ms.Mixture([CLOUD, ms.Circle().uniform()], [0.3, 0.7]),
    "embedded": ms.Embedded(CLOUD, TURN, [0.1, 0.2, 0.3]),
    "affine": ms.AffineSubspace(TURN[:, :1], [0.0, 0.0, 1.0]).measure(ms.Gaussian([0.0], [[1.0]])),
    "ellipse": ms.Ellipse(2.0, 1.0).uniform(),
    "curve from SymPy": PARABOLA.uniform(),
    "density on a curve": PARABOLA.measure(2 + U),
    "curve from a function": ms.Curve(lambda u: np.stack([u, np.sin(u), u * u], -1), (-1.0, 1.0)).uniform(),
    "lima bean": ms.LimaBean().uniform(),
    "wavy circle": ms.WavyCircle(3, 0.1).uniform(),
    "helix": ms.Helix(1.0, 0.5, 1.0).uniform(),
    "torus": ms.Torus(2.0, 0.7).uniform(),
    "surface": ms.Surface(lambda u, v: np.stack([u, v, u * v], -1), (0.0, 1.0), (0.0, 1.0)).uniform(),
}
PROCESSES = [ms.OrnsteinUhlenbeck(), ms.BrownianMotion(), ms.VariancePreserving(), ms.LinearInterpolant()]
TIMES = [0.4, 0.3, 0.25, 0.35]

CHECK = {"eps": 1e-5, "atol": 1e-7, "rtol": 1e-6}
"""Central differences of step 1e-5: 1e-10 from the third derivative, 1e-10 from rounding, both of values below 100."""


def points(measure, n=3, seed=1):
    x = measure.sample(n, seed) + 0.4 * np.random.default_rng(seed).normal(size=(n, measure.ambient_dimension))
    return torch.tensor(x, requires_grad=True)


def noised(i, name):
    return ms.NoisedMeasure(MEASURES[name], PROCESSES[i % 4]), TIMES[i % 4]


CIRCLE = ms.NoisedMeasure(MEASURES["circle"], PROCESSES[0])
CASES = list(enumerate(MEASURES))


@pytest.mark.parametrize(("i", "name"), CASES)
@pytest.mark.parametrize("target", ["score", "posterior_mean", "noise"])
def test_vector_targets(i, name, target):
    model, t = noised(i, name)
    module, x = oracle(model, target), points(model.measure)
    np.testing.assert_array_equal(module(x, t).detach().numpy(), getattr(model, target)(x.detach().numpy(), t))
    torch.autograd.gradcheck(lambda y: module(y, t), x, **CHECK, check_forward_ad=True)


@pytest.mark.parametrize(("i", "name"), CASES)
def test_log_densities_in_x_and_t_and_twice_in_x(i, name):
    model, time = noised(i, name)
    module, x = oracle(model, "log_density"), points(model.measure)
    t = torch.tensor([time, 1.3 * time, 0.8 * time], dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(module, (x, t), **CHECK, check_forward_ad=True)
    torch.autograd.gradgradcheck(lambda y: module(y, time), x, **CHECK)


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
@pytest.mark.parametrize("target", differentials.TARGETS)
def test_processes_and_small_times(process, target):
    for measure in (CLOUD, MEASURES["circle"]):
        model = ms.NoisedMeasure(measure, process)
        for t in (0.9, 0.02):
            x = torch.tensor(model.sample(4, t, 3), requires_grad=True)
            # The differences: third derivatives are of order sigma^-4 for the score, steps below sigma^2.
            module, step = oracle(model, target), 1e-5 * float(process.noise_variance(t))
            scale = float(module(x, t).detach().abs().max())
            got = torch.autograd.functional.jacobian(lambda y, m=module, s=t: m(y, s), x).detach().numpy()
            for i in range(4):
                for j in range(2):
                    shift = torch.zeros_like(x)
                    shift[i, j] = step
                    with torch.no_grad():
                        difference = (module(x + shift, t) - module(x - shift, t)).numpy() / (2 * step)
                    bound = 1e-7 * np.abs(got).max() + 1e-15 * scale / step * 10
                    np.testing.assert_allclose(got[..., i, j], difference, rtol=0, atol=bound)


def test_the_rate_of_the_density_at_very_small_and_large_times():
    # Closed forms: a point under Brownian motion, l = -d/2 log(2 pi t) - |x|^2/2t.
    module = oracle(ms.NoisedMeasure(ms.PointCloud([[0.0, 0.0]]), ms.BrownianMotion()), "log_density")
    x = torch.tensor([[3e-7, 4e-7], [0.6, -0.8]], dtype=torch.float64)
    t = torch.tensor([1e-13, 1e3], dtype=torch.float64, requires_grad=True)
    module(x, t).sum().backward()
    np.testing.assert_allclose(t.grad, -1.0 / t.detach() + x.square().sum(1) / (2 * t.detach() ** 2), rtol=1e-13)


def test_many_dimensions_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    model = ms.NoisedMeasure(ms.PointCloud(rng.normal(size=(5, 40))), ms.BrownianMotion())
    x, v = torch.tensor(rng.normal(size=(3, 4, 40)), requires_grad=True), rng.normal(size=(3, 4, 40))
    (whole,) = torch.autograd.grad(oracle(model)(x, 0.5), x, torch.tensor(v))
    monkeypatch.setattr(differentials, "_ENTRIES", 5 * 40 * 40)
    sizes = []
    jacobian = model.score_jacobian
    model.score_jacobian = lambda y, s: sizes.append(len(y)) or jacobian(y, s)
    (parts,) = torch.autograd.grad(oracle(model)(x, 0.5), x, torch.tensor(v))
    assert sizes == [5, 5, 2]
    assert torch.equal(whole, parts)
    np.testing.assert_allclose(whole, np.einsum("abij,abj->abi", jacobian(x.detach().numpy(), 0.5), v), rtol=1e-12)


@pytest.mark.parametrize("target", differentials.TARGETS)
@pytest.mark.parametrize(
    ("x_shape", "t_shape"), [((2,), ()), ((3, 2), ()), ((3, 2), (3,)), ((2,), (4,)), ((5, 1, 2), (4,)), ((0, 2), ())]
)
def test_shapes_and_broadcasting(target, x_shape, t_shape):
    rng = np.random.default_rng(1)
    x = torch.tensor(rng.normal(size=x_shape), requires_grad=True)
    t = torch.tensor(rng.uniform(0.2, 1.0, t_shape))
    value = oracle(CIRCLE, target)(x, t)
    expected = np.asarray(getattr(CIRCLE, target)(x.detach().numpy(), t.numpy()))
    assert value.shape == expected.shape
    np.testing.assert_array_equal(value.detach().numpy(), expected)
    value.sum().backward()
    assert x.grad.shape == x.shape
    # The same without broadcasting by autograd.
    full = np.array(np.broadcast_to(x.detach().numpy(), (*np.broadcast_shapes(x_shape[:-1], t_shape), 2)))
    y = torch.tensor(full, requires_grad=True)
    oracle(CIRCLE, target)(y, t).sum().backward()
    lead = tuple(range(full.ndim - len(x_shape)))
    summed = y.grad.sum(lead) if lead else y.grad
    summed = summed.sum(1, keepdim=True) if x_shape == (5, 1, 2) else summed
    np.testing.assert_allclose(x.grad, summed, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("target", differentials.TARGETS)
def test_dtypes(target):
    module, t = oracle(CIRCLE, target), 1e-3
    x = torch.tensor(CIRCLE.sample(50, t, 0), dtype=torch.float32, requires_grad=True)
    value = module(x, t)
    assert value.dtype == torch.float32
    # float64 inside: the answer is the exact one at x, rounded once.
    exact = getattr(CIRCLE, target)(x.detach().double().numpy(), t)
    np.testing.assert_array_equal(value.detach().numpy(), exact.astype(np.float32))
    value.sum().backward()
    assert x.grad.dtype == torch.float32
    y = x.detach().double().requires_grad_()
    module(y, t).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.grad.numpy().astype(np.float32))
    half = torch.tensor([[0.5, 1.0]], dtype=torch.bfloat16, requires_grad=True)
    module(half, 0.5).sum().backward()
    assert half.grad.dtype == module(half, 0.5).dtype == torch.bfloat16
    assert module(torch.tensor([[1, 0]]), 0.5).dtype == torch.float64
    time = torch.tensor(0.5, requires_grad=True)
    if target == "log_density":
        module(x.detach().double(), time).sum().backward()
        assert time.grad.dtype == torch.float32


def test_what_has_no_exact_derivative_is_refused():
    x, t = points(MEASURES["circle"]), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    for target in ("score", "posterior_mean", "noise"):
        with pytest.raises(TypeError, match=r"t requires grad.*third moments"):
            oracle(CIRCLE, target)(x, t)
        (gradient,) = torch.autograd.grad(oracle(CIRCLE, target)(x, 0.5).sum(), x, create_graph=True)
        with pytest.raises(TypeError, match=r"x requires grad.*the Jacobian of"):
            gradient.sum().backward()
    # d^2 log p/dx dt and d^2 log p/dt^2
    for wanted in (x, t):
        (rate,) = torch.autograd.grad(oracle(CIRCLE, "log_density")(x, t).sum(), t, create_graph=True)
        with pytest.raises(TypeError, match=r"requires grad.*third moments"):
            torch.autograd.grad(rate, wanted)
    (score,) = torch.autograd.grad(oracle(CIRCLE, "log_density")(x, t).sum(), x, create_graph=True)
    with pytest.raises(TypeError, match=r"t requires grad.*third moments"):
        torch.autograd.grad(score.sum(), t)
    with pytest.raises(TypeError, match=r"t requires grad.*third moments"):
        torch.func.jvp(lambda s: oracle(CIRCLE)(x.detach(), s), (t.detach(),), (t.detach(),))


@pytest.mark.parametrize("target", ["score", "posterior_mean", "noise", "log_density"])
def test_transforms_of_transforms_are_exact_or_refused(target):
    x, t, module = points(MEASURES["circle"]).detach()[0], torch.tensor(0.5).double(), oracle(CIRCLE, target)
    func, orders = torch.func, []
    for first in (func.jacrev, func.jacfwd):
        for second in (func.jacrev, func.jacfwd):
            for arguments in ((0, 0), (0, 1), (1, 0), (1, 1)):
                transformed = second(first(module, argnums=arguments[0]), argnums=arguments[1])
                if first is second is func.jacfwd and target == "log_density" and arguments == (0, 0):
                    with pytest.raises(TypeError, match="two forward tangents"):
                        transformed(x, t)
                elif target == "log_density" and arguments == (0, 0):
                    np.testing.assert_allclose(transformed(x, t), CIRCLE.score_jacobian(x.numpy(), 0.5), rtol=1e-12)
                else:
                    with pytest.raises(TypeError, match="requires grad"):
                        transformed(x, t)
                orders.append(arguments)
    assert len(orders) == 16


def test_products_with_jacobians_are_differentiable_in_the_vector():
    x = points(MEASURES["circle"])
    v = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (product,) = torch.autograd.grad(oracle(CIRCLE)(x, 0.5), x, v, create_graph=True)
    (again,) = torch.autograd.grad(product, v, torch.ones_like(v))
    np.testing.assert_allclose(again, CIRCLE.score_jacobian(x.detach().numpy(), 0.5).sum(-1), rtol=1e-12)
    # Two backward passes that make a forward one.
    _, pushed = torch.autograd.functional.jvp(lambda y: oracle(CIRCLE)(y, 0.5), x.detach(), v.detach())
    np.testing.assert_allclose(pushed, product.detach(), rtol=1e-12)


def test_derivatives_in_x_alone_are_there_although_t_tracks_gradients():
    x, t = points(MEASURES["circle"]), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    (score,) = torch.autograd.grad(oracle(CIRCLE, "log_density")(x, t).sum(), x, create_graph=True)
    (row,) = torch.autograd.grad(score[:, 0].sum(), x)
    np.testing.assert_allclose(row, CIRCLE.score_jacobian(x.detach().numpy(), 0.5)[:, 0], rtol=1e-12)


def test_without_gradients_nothing_is_refused_or_recorded():
    x, t = points(MEASURES["circle"]), torch.tensor(0.5, requires_grad=True)
    with torch.no_grad():
        assert not oracle(CIRCLE)(x, t).requires_grad
    with torch.inference_mode():
        assert oracle(CIRCLE)(torch.ones(3, 2), 0.5).shape == (3, 2)
    assert not oracle(CIRCLE)(x.detach(), 0.5).requires_grad


def test_transforms():
    x = points(MEASURES["circle"]).detach()
    module, density = oracle(CIRCLE), oracle(CIRCLE, "log_density")
    expected = CIRCLE.score_jacobian(x.numpy(), 0.5)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        got = torch.func.vmap(jacobian(lambda y: module(y, 0.5)))(x)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)
    got = torch.func.vmap(torch.func.grad(lambda y: density(y, 0.5)))(x)
    np.testing.assert_allclose(got, CIRCLE.score(x.numpy(), 0.5), rtol=1e-12)
    times = torch.tensor([0.3, 0.5, 0.7], dtype=torch.float64)
    got = torch.func.vmap(module)(x, times)
    np.testing.assert_array_equal(got.numpy(), CIRCLE.score(x.numpy(), times.numpy()))
    got = torch.func.vmap(torch.func.grad(density, argnums=1), in_dims=(None, 0))(x[0], times)
    single = [torch.func.grad(density, argnums=1)(x[0], t) for t in times]
    np.testing.assert_allclose(got, torch.stack(single), rtol=1e-14)


def test_a_teacher_inside_a_network():
    torch.manual_seed(0)
    teacher = oracle(CIRCLE, "posterior_mean")
    net = torch.nn.Sequential(torch.nn.Linear(2, 2, dtype=torch.float64))
    holder = torch.nn.ModuleList([net, teacher])
    assert len(list(teacher.parameters())) == 0
    assert teacher.state_dict() == {}
    assert len(list(holder.parameters())) == 2
    x = points(MEASURES["circle"]).detach()
    loss = (teacher(net(x), 0.5) ** 2).sum()  # the gradient of the weights goes through the oracle
    loss.backward()
    weight, step = net[0].weight, 1e-6
    with torch.no_grad():
        slopes = []
        for sign in (1, -1):
            weight[0, 1] += sign * step
            slopes.append(float((teacher(net(x), 0.5) ** 2).sum()))
            weight[0, 1] -= sign * step
    assert float(weight.grad[0, 1]) == pytest.approx((slopes[0] - slopes[1]) / (2 * step), rel=1e-7)
    teacher.float().double().eval()
    assert "NoisedMeasure" in repr(teacher)


@pytest.mark.parametrize("name", ["cloud", "singular gaussian", "sphere", "segment", "product", "curve from SymPy"])
def test_copies(name):
    model = ms.NoisedMeasure(MEASURES[name], ms.OrnsteinUhlenbeck())
    module, x = oracle(model), points(model.measure)
    expected = module(x, 0.5)
    for twin in (copy.deepcopy(module), copy.copy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(x, 0.5), expected)
        assert twin.target == "score"


@pytest.mark.parametrize("fresh_nodes", [False, True])
def test_copies_of_a_smoothed_score(fresh_nodes):
    model = ms.SmoothedScore(
        ms.NoisedMeasure(MEASURES["cloud"], ms.OrnsteinUhlenbeck()), ms.GaussianKernel(0.3), rule="qmc", nodes=64,
        rng=0, fresh_nodes=fresh_nodes,
    )  # fmt: skip
    x = points(MEASURES["cloud"]).detach()
    twin = pickle.loads(pickle.dumps(oracle(model)))
    assert torch.equal(twin(x, 0.5), oracle(model)(x, 0.5))


def test_gradients_that_are_not_finite_pass_through():
    x = points(MEASURES["circle"])
    v = torch.full((3, 2), torch.nan, dtype=torch.float64)
    assert torch.autograd.grad(oracle(CIRCLE)(x, 0.5), x, v)[0].isnan().all()


# Smoothed scores

SMOOTHED = {
    "quadrature": ms.SmoothedScore(ms.NoisedMeasure(CLOUD, PROCESSES[0]), ms.GaussianKernel(0.3)),
    "nodes": ms.SmoothedScore(CIRCLE, ms.GaussianKernel(0.3), nodes=64, rng=0),
    "samples": ms.SmoothedScore(CIRCLE, ms.SampledKernel([[0.1, 0.2], [-0.3, 0.1]], 2)),
}


@pytest.mark.parametrize("name", SMOOTHED)
def test_smoothed_scores(name):
    model, x = SMOOTHED[name], points(CLOUD)
    plain = x.detach().numpy()
    for target in ("score", "posterior_mean", "log_density"):
        got = oracle(model, target)(x.detach(), 0.5)
        np.testing.assert_array_equal(got.numpy(), getattr(model, target)(plain, 0.5))
    got = oracle(model, "noise")(x.detach(), torch.tensor([0.5, 0.2, 0.3]))
    scale = np.sqrt(model.process.noise_variance(np.array([0.5, 0.2, 0.3], dtype=np.float32)))
    np.testing.assert_allclose(got, -scale[:, None] * model.score(plain, np.array([0.5, 0.2, 0.3], np.float32)), 1e-14)
    torch.autograd.gradcheck(lambda y: oracle(model, "log_density")(y, 0.5), x, **CHECK)
    for target in ("score", "posterior_mean", "noise"):
        with pytest.raises(TypeError, match="x requires grad"):
            oracle(model, target)(x, 0.5)
    t = torch.tensor(0.5, requires_grad=True)
    for target in differentials.TARGETS:
        with pytest.raises(TypeError, match="t requires grad"):
            oracle(model, target)(x.detach(), t)
    (score,) = torch.autograd.grad(oracle(model, "log_density")(x, 0.5).sum(), x, create_graph=True)
    with pytest.raises(TypeError, match="x requires grad"):
        score.sum().backward()
    assert torch.equal(copy.deepcopy(oracle(model))(x.detach(), 0.5), oracle(model)(x.detach(), 0.5))


def test_kernels_that_do_more_than_shift_have_no_gradient():
    kernel = ms.TranslatedManifoldKernel(ms.GaussianKernel(0.2), ms.Circle(1.2))
    model, x = ms.SmoothedScore(CIRCLE, kernel, nodes=16, rng=0), points(CLOUD)
    assert oracle(model)(x.detach(), 0.5).shape == (3, 2)
    with pytest.raises(TypeError, match="only for a kernel that shifts x"):
        oracle(model, "log_density")(x, 0.5)
