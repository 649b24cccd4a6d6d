"""The array namespace that comes in goes out, as float64; other libraries are optional."""

import functools
import sys
import tracemalloc

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores import namespaces
from manifold_scores.noised import query
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


# Memory


def _read(x, t=0.5):
    return query(CIRCLE.process, 2, x, t).rows.points


@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict", "jax.numpy", "dlpack"])
def test_arrays_are_read_where_they_lie(library):
    x = np.random.default_rng(0).standard_normal((4, 3, 2))
    if library == "jax.numpy":
        jax = of("jax")
        with jax.enable_x64(True):
            given = jax.numpy.asarray(x)
        x = np.asarray(given)  # the memory of jax itself
    elif library == "torch":
        given = of("torch").from_numpy(x)
    elif library == "dlpack":
        given = OnDevice(x, (1, 0))
    else:
        given = of(library).asarray(x)
    assert np.shares_memory(_read(given), x)
    assert _read(given).shape == (12, 2)


def test_what_has_to_be_copied_is():
    x = np.random.default_rng(0).standard_normal((4, 2))
    for given in (x.T[:, ::2].T, np.asfortranarray(x), x.astype(">f8"), x.astype(np.float32), x.tolist()):
        rows = _read(given)
        assert rows.flags.c_contiguous
        assert rows.dtype == np.dtype("f8")
        np.testing.assert_array_equal(rows, np.asarray(given, dtype=float))
    assert _read(x[:, None], T).shape == (12, 2)


@pytest.mark.parametrize("kind", strategies.examples())
@pytest.mark.parametrize("writeable", [False, True])
def test_questions_are_not_written_into(kind, writeable):
    noised = ms.NoisedMeasure(
        strategies.examples()[kind].measure, ms.BrownianMotion()
    )  # alpha = 1: z has the bits of x
    x = np.random.default_rng(0).standard_normal((5, noised.ambient_dimension))
    before = x.copy()
    x.flags.writeable = writeable
    for target in TARGETS:
        value = getattr(noised, target)(x, 0.1)
        assert not np.shares_memory(value, x)
        np.testing.assert_array_equal(x, before)
    tilt = noised.measure.tilt(x, 0.1)
    assert not any(np.shares_memory(value, x) for value in (tilt.mean, tilt.displacement))
    np.testing.assert_array_equal(x, before)


def test_a_question_is_copied_once():
    # Per row of three numbers: z, mean, displacement, anchor, score 24 bytes each; log masses, t, alpha, sigma^2, s
    # and what the Gaussian needs 8 each; another copy of x would take 24 more.
    noised = ms.NoisedMeasure(ms.Gaussian(np.zeros(3), np.eye(3)), ms.OrnsteinUhlenbeck())
    x = np.random.default_rng(0).standard_normal((200_000, 3))
    noised.score(x[:10], 0.1)
    tracemalloc.start()
    try:
        noised.score(x, 0.1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150 * len(x)


def test_torch_gets_the_memory_of_the_result():
    torch = of("torch")
    result = np.ones((3, 2))
    assert np.shares_memory(namespaces.restore(result, torch.ones(1)).numpy(), result)


def test_jax_gets_the_memory_of_the_result_where_it_is_aligned():
    jax = of("jax")
    memory = np.zeros(1008)
    start = -memory.ctypes.data % 64 // 8
    with jax.enable_x64(True):
        for shift, shared in ((0, True), (1, False)):
            result = memory[start + shift :][:1000].reshape(500, 2)
            value = namespaces.restore(result, jax.numpy.ones(1))
            assert np.shares_memory(np.asarray(value), result) == shared
            np.testing.assert_array_equal(value, result)


# jax


@pytest.mark.parametrize("target", TARGETS)
def test_jax_with_float64(target):
    jax = of("jax")
    answer, wanted = getattr(CIRCLE, target), getattr(CIRCLE, target)(X, T)
    with jax.enable_x64(True):
        for t in (jax.numpy.asarray(T), T):
            value = answer(jax.numpy.asarray(X), t)
            assert isinstance(value, jax.Array)
            assert value.dtype == np.float64
            np.testing.assert_array_equal(np.asarray(value), wanted)
        assert answer(jax.numpy.asarray(X[0]), 0.1).shape == wanted[0].shape
        assert isinstance(answer(X, jax.numpy.asarray(T)), np.ndarray)  # x decides


@pytest.mark.parametrize("target", TARGETS)
def test_jax_without_float64_gets_float32_and_a_warning(target):
    jax = of("jax")
    x, t = X.astype(np.float32), T.astype(np.float32)
    with pytest.warns(UserWarning, match="^jax_enable_x64 is off, so jax has no float64: the result, computed in flo"):
        value = getattr(CIRCLE, target)(jax.numpy.asarray(x), jax.numpy.asarray(t))
    assert isinstance(value, jax.Array)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(np.asarray(value), getattr(CIRCLE, target)(x, t).astype(np.float32))


def test_jax_keeps_truth_values_and_infinities():
    jax = of("jax")
    nearest, unique = ms.Circle().project(np.zeros(2), return_unique=True)
    assert namespaces.restore(unique, jax.numpy.ones(1)).dtype == bool
    with pytest.warns(UserWarning, match="jax_enable_x64"):
        assert namespaces.restore(np.array([1e300]), jax.numpy.ones(1))[0] == np.inf
    assert nearest.shape == (2,)


def test_traced_jax_arrays_are_refused_and_the_way_out_works():
    jax = of("jax")

    def score(x):
        return CIRCLE.score(np.asarray(x), 0.5).astype(np.float32)

    def outside(x):
        return jax.pure_callback(score, jax.ShapeDtypeStruct(x.shape, np.float32), x)

    x = jax.numpy.asarray(X)
    for transform in (jax.jit, jax.vmap, lambda function: jax.grad(lambda x: function(x).sum())):
        with pytest.raises(
            TypeError, match=r"^x is traced by jax \(jit, grad or vmap\), which the exact oracle cannot"
        ):
            transform(lambda x: CIRCLE.score(x, 0.5))(x)
    np.testing.assert_array_equal(jax.jit(outside)(x), score(x))


# Memory that the CPU cannot read, by stand-ins


class OnDevice:
    """An array as DLPack sees it; the memory is that of numpy."""

    def __init__(self, array, device):
        self.array, self._device = array, device

    def __dlpack__(self, **options):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self._device


class OnCuda:
    """What a cupy array shows of itself."""

    @property
    def __cuda_array_interface__(self):
        return {"shape": (2,), "typestr": "<f8", "data": (0, False), "version": 3}

    class Device:
        def __str__(self):
            return "<CUDA Device 0>"

    device = Device()

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("read")

    def __dlpack_device__(self):
        return 2, 0


def test_arrays_of_cupy_are_refused():
    with pytest.raises(TypeError, match=r"^x lives on <CUDA Device 0>; arrays are read on the CPU: move"):
        CIRCLE.score(OnCuda(), 0.5)
    with pytest.raises(TypeError, match=r"^points lives on <CUDA Device 0>; "):
        ms.PointCloud(OnCuda())


@pytest.mark.parametrize("kind", [2, 4, 8, 10, 14])
def test_devices_are_known_by_dlpack(kind):
    with pytest.raises(TypeError, match=r"^x lives on .*; arrays are read on the CPU: move x there first$"):
        CIRCLE.score(OnDevice(X, (kind, 0)), 0.5)


@pytest.mark.parametrize("kind", [1, 3, 11])
def test_memory_of_the_host_is_read_whoever_pinned_it(kind):
    np.testing.assert_array_equal(CIRCLE.score(OnDevice(X, (kind, 0)), 0.5), CIRCLE.score(X, 0.5))


def test_other_libraries_are_not_imported_for_numpy():
    assert not namespaces.is_dask(X)
    assert namespaces.is_dask(of("dask.array").ones(3))
    assert "cupy" not in sys.modules
