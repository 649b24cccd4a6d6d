"""The array namespace that comes in goes out, as float64; other libraries are optional."""

import functools

import numpy as np
import pytest

import manifold_scores as ms
from tests import strategies

CIRCLE = ms.NoisedMeasure(ms.Circle().uniform(), ms.OrnsteinUhlenbeck())
X, T = np.array([[0.3, 0.4], [1.0, -2.0], [0.0, 0.5]]), np.array([0.1, 0.5, 2.0])
TARGETS = (
    "log_density", "score", "posterior_mean", "posterior_covariance", "noise", "score_jacobian", "score_divergence",
    "local_dimension",
)  # fmt: skip


def of(library):
    return pytest.importorskip(library, reason=f"{library} is not installed")


@pytest.mark.parametrize("target", TARGETS)
def test_torch(target):
    torch = of("torch")
    answer, wanted = getattr(CIRCLE, target), getattr(CIRCLE, target)(X, T)
    for t in (torch.tensor(T), T):
        value = answer(torch.tensor(X), t)
        assert isinstance(value, torch.Tensor)
        assert value.dtype == torch.float64
        assert value.device == torch.device("cpu")
        np.testing.assert_array_equal(value.numpy(), wanted)
    value = answer(torch.tensor(X, dtype=torch.float32), 0.5)
    assert value.dtype == torch.float64
    np.testing.assert_array_equal(value.numpy(), answer(X.astype(np.float32), 0.5))
    assert isinstance(answer(X, torch.tensor(T)), np.ndarray)  # x decides


def test_torch_everywhere_else():
    torch = of("torch")
    x, t = torch.tensor(X), torch.tensor(T)
    process, manifold = ms.OrnsteinUhlenbeck(), ms.Circle(2.0)
    for name in ("signal_scale", "noise_variance", "effective_variance", "log_signal_rate", "diffusion"):
        value = getattr(process, name)(t)
        assert isinstance(value, torch.Tensor)
        np.testing.assert_array_equal(value.numpy(), getattr(process, name)(T))
    np.testing.assert_array_equal(process.drift(x, t).numpy(), process.drift(X, T))
    tilt, wanted = manifold.uniform().tilt(x, t), manifold.uniform().tilt(X, T)
    for name in ("log_mass", "mean", "displacement"):
        assert getattr(tilt, name).dtype == torch.float64
        np.testing.assert_array_equal(getattr(tilt, name).numpy(), getattr(wanted, name))
    for name in ("project", "distance", "tangent_basis", "normal_basis", "second_fundamental_form"):
        np.testing.assert_array_equal(getattr(manifold, name)(x).numpy(), getattr(manifold, name)(X))
    assert isinstance(manifold.embed(t), torch.Tensor)
    nearest, unique = manifold.project(torch.zeros(2), return_unique=True)
    assert nearest.shape == (2,)
    assert unique.dtype == torch.bool
    assert not unique


@functools.cache
def _parametric():
    return ms.Ellipse(2.0, 1.0), ms.Surface(lambda u, v: np.stack([u, v, u * v], -1), (0.0, 1.0), (0.0, 2.0))


def _answers(manifold, x, t, u):
    """Everything that a curve or a surface is asked, by name."""
    near, law = manifold.nearest(x), manifold.uniform()
    tilt, estimate = law.tilt(x, t), law.error_estimate(x, t)
    found = {
        name: getattr(near, name) for name in ("point", "parameter", "distance", "runner_up", "runner_up_distance")
    }
    found |= {name: getattr(tilt, name) for name in ("log_mass", "mean", "displacement")}
    found |= {"error": estimate.mean, "error of the mass": estimate.log_mass, "covariance": law.tilt_covariance(x, t)}
    names = ("project", "distance", "parameter", "tangent_basis", "normal_basis", "second_fundamental_form")
    found |= {name + "()": getattr(manifold, name)(x) for name in (*names, "principal_curvatures")}
    found |= {name + "()": getattr(manifold, name)(u) for name in ("embed", "metric", "volume_element")}
    found["derivative"] = manifold.derivative(u, 1 if manifold.dimension == 1 else (0, 1))
    found["density"] = law.density(u)
    if manifold.dimension == 1:
        found["arc_length"], found["geodesic"] = manifold.arc_length(u), manifold.geodesic_distance(x, x)
        found["curvature"] = manifold.curvature(x)
    return found


@pytest.mark.parametrize("library", ["torch", "array_api_strict", "dask.array"])
@pytest.mark.parametrize("which", [0, 1])
def test_curves_and_surfaces_answer_in_the_namespace_of_the_question(library, which):
    namespace, manifold = of(library), _parametric()[which]
    convert = namespace.from_array if library.startswith("dask") else namespace.asarray
    x = np.array([[0.3, 0.4], [1.0, -2.0], [0.1, 0.5]]) if which == 0 else np.array([[0.3, 0.4, 0.0], [1.0, 1.0, 2.0]])
    t = np.linspace(0.1, 1, len(x))
    u = np.array([0.1, 0.9, 0.4]) if which == 0 else np.array([[0.1, 0.9], [0.4, 1.9]])
    answers, wanted = _answers(manifold, convert(x), convert(t), convert(u)), _answers(manifold, x, t, u)
    for name, value in answers.items():
        assert type(value) is type(convert(x)), name
        assert value.dtype == namespace.float64, name
        plain = value.compute() if library.startswith("dask") else np.asarray(value)
        np.testing.assert_array_equal(plain, wanted[name], err_msg=name)
    unique = manifold.nearest(convert(x)).unique
    assert type(unique) is type(convert(x))
    assert unique.dtype == (namespace.bool if hasattr(namespace, "bool") else bool)


def test_measures_are_built_from_torch_tensors():
    torch = of("torch")
    cloud = ms.PointCloud(torch.tensor(X), torch.tensor(T))
    np.testing.assert_array_equal(cloud.points, X)
    np.testing.assert_array_equal(cloud.tilt(X[0], 0.3).mean, ms.PointCloud(X, T).tilt(X[0], 0.3).mean)
    gaussian = ms.Gaussian(torch.zeros(2), torch.eye(2))
    assert gaussian.dimension == 2
    assert ms.Circle(torch.tensor(2.0)).radius == 2.0


def test_torch_tensors_that_track_gradients_are_refused():
    torch = of("torch")
    message = r"^{0} requires grad, which the exact oracle does not track; pass {0}\.detach\(\)$"
    with pytest.raises(TypeError, match=message.format("x")):
        CIRCLE.score(torch.tensor(X, requires_grad=True), 0.5)
    with pytest.raises(TypeError, match=message.format("t")):
        CIRCLE.score(X, torch.tensor(T, requires_grad=True))
    with pytest.raises(TypeError, match=message.format("points")):
        ms.PointCloud(torch.tensor(X, requires_grad=True))
    assert CIRCLE.score(torch.tensor(X, requires_grad=True).detach(), 0.5).shape == (3, 2)


def test_torch_dtypes_that_numpy_does_not_know_are_refused():
    torch = of("torch")
    for x in (torch.ones(2, dtype=torch.bfloat16), torch.ones(2).to_sparse(), torch.ones(2, device="meta")):
        with pytest.raises(TypeError, match=r"^x must be an array of real numbers; got Tensor \(.*\)$"):
            CIRCLE.score(x, 0.5)


@pytest.mark.parametrize("target", TARGETS)
def test_dask(target):
    dask_array = of("dask.array")
    answer = getattr(CIRCLE, target)
    value = answer(dask_array.from_array(X, chunks=2), dask_array.from_array(T, chunks=2))
    assert isinstance(value, dask_array.Array)
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value.compute(), answer(X, T))


@pytest.mark.parametrize("target", TARGETS)
def test_the_strict_array_namespace(target):
    strict = of("array_api_strict")
    answer = getattr(CIRCLE, target)
    value = answer(strict.asarray(X), strict.asarray(T))
    assert value.__array_namespace__() is strict
    assert value.dtype == strict.float64
    np.testing.assert_array_equal(np.asarray(value), answer(X, T))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "g", "i1", "u2", "i8", "u8"])
def test_arithmetic_is_float64_whatever_comes_in(dtype):
    x, t = np.array([[1, 2], [3, 5]]).astype(dtype), np.array([1, 2]).astype(dtype)
    for target in TARGETS:
        value = getattr(CIRCLE, target)(x, t)
        assert value.dtype == np.dtype("f8")
        assert value.dtype.isnative
        np.testing.assert_array_equal(value, getattr(CIRCLE, target)([[1.0, 2.0], [3.0, 5.0]], [1.0, 2.0]))


@pytest.mark.parametrize("kind", strategies.examples())
def test_float32_points_are_taken_at_their_value(kind):
    measure = strategies.examples()[kind].measure
    z = np.random.default_rng(0).standard_normal((4, measure.ambient_dimension)).astype(np.float32)
    tilt, wanted = measure.tilt(z, np.float32(0.3)), measure.tilt(z.astype(float), float(np.float32(0.3)))
    np.testing.assert_array_equal(tilt.mean, wanted.mean)
    assert tilt.mean.dtype == np.float64


def test_whatever_numpy_can_read_comes_back_as_numpy():
    import array

    wanted = CIRCLE.score([1.0, 2.0], 0.5)
    for x in (range(1, 3), array.array("d", [1, 2]), memoryview(np.array([1.0, 2.0])), (1, 2), [np.float32(1), 2]):
        value = CIRCLE.score(x, 0.5)
        assert type(value) is np.ndarray
        np.testing.assert_array_equal(value, wanted)


def test_plain_numbers_come_back_as_numbers():
    for value in (
        CIRCLE.log_density([1.0, 2.0], 0.5),
        ms.BrownianMotion().noise_variance(2),
        ms.Circle().distance([3, 4]),
    ):
        assert isinstance(value, float)
        assert np.ndim(value) == 0


def test_subclasses_of_arrays_do_not_come_back():
    class Labelled(np.ndarray):
        """An array with a name."""

    assert type(CIRCLE.score(X.view(Labelled), 0.5)) is np.ndarray
