"""A thousand malformed calls of public functions: each works with finite numbers or says which argument is wrong."""

import inspect
import re
import warnings

import numpy as np
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

import manifold_scores as ms
from manifold_scores.evaluation import Evaluation
from manifold_scores.manifolds.parametric import Nearest
from manifold_scores.tilt import ErrorEstimate

CALLS = 1000

U, V = sp.symbols("u v")
CIRCLE, PARABOLA = ms.Circle(1.5), ms.Curve([U, U**2], (U, -1, 1))
PATCH = ms.Surface(lambda u, v: np.stack([u, v], -1), (0.0, 1.0), (0.0, 2.0))
LAWS = {
    "cloud": ms.PointCloud([[0.0, 1.0], [2.0, -1.0]], [1.0, 3.0]),
    "gaussian": ms.Gaussian([0.0, 1.0], [[1.0, 0.5], [0.5, 1.0]]),
    "circle": CIRCLE.uniform(),
    "von Mises-Fisher": CIRCLE.von_mises_fisher([1.0, 1.0], 2.0),
    "segment": ms.Segment([0.0, 1.0], [1.0, 1.0]).uniform(),
    "box": ms.Box([0.0, 0.0], [1.0, 2.0]).uniform(),
    "product": ms.Product(ms.PointCloud([[1.0]]), ms.Segment([0.0], [1.0]).uniform()),
    "mixture": ms.Mixture([ms.PointCloud([[0.0, 0.0]]), CIRCLE.uniform()]),
    "curve": PARABOLA.uniform(),
    "density on a curve": PARABOLA.measure(1 + U),
    "surface": PATCH.uniform(),
    "embedded": ms.Embedded(ms.Segment([0.0], [1.0]).uniform(), [[0.6], [0.8]], [0.0, 1.0]),
}
PROCESSES = [ms.OrnsteinUhlenbeck(), ms.BrownianMotion(), ms.VariancePreserving(), ms.LinearInterpolant()]
MANIFOLDS = [CIRCLE, ms.Segment([0.0, 1.0], [1.0, 1.0]), ms.Box([0.0, 0.0], [1.0, 2.0]), ms.AffineSubspace(np.eye(2))]
MANIFOLDS += [PARABOLA, PATCH]
X, T = [0.3, 0.4], 0.5


def _targets():
    """(callable, valid arguments) of every public function and method."""
    found = [
        (ms.OrnsteinUhlenbeck, {"rate": 1.0}),
        (ms.VariancePreserving, {"beta_min": 0.1, "beta_max": 2.0}),
        (ms.AffineSubspace, {"basis": [[1.0], [0.0]], "origin": X}),
        (ms.Segment, {"start": X, "end": [1.0, 2.0]}),
        (ms.Box, {"lower": X, "upper": [1.0, 2.0]}),
        (ms.Circle, {"radius": 1.0}),
        (ms.Sphere, {"ambient_dimension": 3, "radius": 1.0}),
        (ms.Sphere(2).von_mises_fisher, {"mean_direction": X, "concentration": 1.0}),
        (ms.AffineSubspace(np.eye(2)).measure, {"law": LAWS["cloud"]}),
        (ms.PointCloud, {"points": [X, X], "weights": [1.0, 2.0]}),
        (ms.Gaussian, {"mean": X, "covariance": [[1.0, 0.0], [0.0, 2.0]]}),
        (ms.Mixture, {"measures": [LAWS["cloud"]] * 2, "weights": [1.0, 2.0]}),
        (ms.Embedded, {"measure": LAWS["cloud"], "basis": np.eye(2), "origin": X}),
        (ms.Curve, {"embedding": [U, U**2], "domain": (U, -1, 1), "closed": None}),
        (ms.Curve, {"embedding": lambda u: np.stack([u, u * u], -1), "domain": (-1.0, 1.0)}),
        (ms.Surface, {"embedding": [U, V], "first": (U, 0, 1), "second": (V, 0, 2), "closed": (False, False)}),
        (ms.Ellipse, {"a": 2.0, "b": 1.0}),
        (ms.LimaBean, {"rotation": 0.5}),
        (ms.WavyCircle, {"frequency": 2, "amplitude": 0.1}),
        (ms.Helix, {"radius": 1.0, "pitch": 0.5, "turns": 1.0}),
        (ms.Torus, {"major_radius": 2.0, "minor_radius": 0.5}),
        (PARABOLA.measure, {"density": 1 + U, "tolerance": 1e-12}),
        (PARABOLA.arc_length, {"u": 0.5}),
        (PARABOLA.curvature, {"y": X}),
        (PARABOLA.geodesic_distance, {"first": X, "second": [0.1, 0.0]}),
        (ms.expansion, {"measure": LAWS["curve"], "x": X}),
        (ms.NoisedMeasure, {"measure": LAWS["cloud"], "process": PROCESSES[0]}),
        (ms.geometric_times, {"t_min": 0.1, "t_max": 1.0, "n": 5}),
        (ms.warmup, {"progress": False}),
        (ms.exponential_times, {"t_max": 1.0, "n": 5, "rate": 2.0}),
    ]
    for process in PROCESSES:
        for name in ("signal_scale", "noise_variance", "effective_variance", "log_signal_rate", "diffusion"):
            found.append((getattr(process, name), {"t": T}))
        found.append((process.drift, {"x": X, "t": T}))
    for manifold in MANIFOLDS:
        found.append((manifold.embed, {"u": 0.5 if manifold.dimension == 1 else [0.5, 0.5]}))
        for name, argument in (
            ("project", "x"), ("distance", "x"), ("tangent_basis", "y"), ("normal_basis", "y"),
            ("second_fundamental_form", "y"),
        ):  # fmt: skip
            found.append((getattr(manifold, name), {argument: X}))
    for manifold in (PARABOLA, PATCH):
        m = manifold.dimension
        u = 0.5 if m == 1 else [0.5, 0.5]
        found += [(getattr(manifold, name), {"u": u}) for name in ("metric", "volume_element")]
        found += [
            (manifold.derivative, {"u": u, "orders": 1 if m == 1 else (1, 0)}),
            (manifold.uniform().density, {"u": u}),
        ]
        found += [(manifold.nearest, {"x": X}), (manifold.parameter, {"y": X})]
        found.append((manifold.uniform().error_estimate, {"center": X, "variance": 0.5}))
    found.append((PARABOLA.principal_curvatures, {"y": X, "normal": [0.1, 1.0]}))
    found.append((CIRCLE.sample, {"n": 3, "rng": 0}))
    for law in LAWS.values():
        found += [(getattr(law, name), {"center": X, "variance": 0.5}) for name in
                  ("tilt", "tilt_covariance", "tilt_covariance_trace")]  # fmt: skip
        found.append((law.sample, {"n": 3, "rng": 0}))
    for i, law in enumerate(LAWS.values()):
        noised = ms.NoisedMeasure(law, PROCESSES[i % len(PROCESSES)])
        for name in ("log_density", "score", "posterior_mean", "posterior_covariance", "noise", "score_jacobian",
                     "score_divergence", "local_dimension"):  # fmt: skip
            found.append((getattr(noised, name), {"x": X, "t": T}))
        found.append((noised.sample, {"n": 3, "t": T, "rng": 0}))
    noised = ms.NoisedMeasure(LAWS["circle"], PROCESSES[0])
    common = {"model": noised, "times": [1.0, 0.5, 0.0], "rng": 0, "snapshots": [0.5]}
    found += [
        (ms.reverse_sde, common | {"n_samples": 3, "method": "exponential", "final_noise": True}),
        (ms.reverse_sde, common | {"initial": [X, X], "method": "euler-maruyama"}),
        (ms.probability_flow, common | {"n_samples": 3}),
        (ms.probability_flow, common | {"initial": [X, X]}),
    ]
    return found


def _smoothing_targets():
    """The same of smoothing, likelihoods and divergences."""
    noised, kernel = ms.NoisedMeasure(LAWS["circle"], PROCESSES[0]), ms.GaussianKernel(0.5)
    return [
        (ms.log_likelihood, {"model": noised, "x": X, "times": [0.5, 1.0], "tolerance": 1e-3}),
        (ms.GaussianKernel, {"bandwidth": 0.5}),
        (ms.SampledKernel, {"samples": [X, X], "ambient_dimension": 2}),
        (
            ms.SmoothedScore,
            {"noised": noised, "kernel": kernel, "rule": "qmc", "nodes": 16, "rng": 0, "fresh_nodes": False},
        ),
        (ms.AdaptedKernel, {"kernel": kernel, "manifold": CIRCLE, "scale": 1.0}),
        (ms.TranslatedManifoldKernel, {"kernel": kernel, "manifold": CIRCLE}),
        (ms.TangentKernel, {"kernel": kernel, "manifold": CIRCLE}),
        (ms.BoxQuadrature, {"lower": X, "upper": [1.0, 2.0]}),
        (ms.TubularQuadrature, {"manifold": CIRCLE, "radius": 0.5}),
        (ms.renyi_divergence, {"log_p": X, "log_q": X, "order": 2.0, "quadrature": ([X, X], [1.0, 1.0])}),
        (
            ms.renyi_divergence_samples,
            {"log_p": np.zeros(12), "log_q": np.zeros(12), "order": 2.0, "samples": np.zeros((12, 2)), "law": "q"},
        ),
        (
            ms.evaluate,
            {
                "model": noised,
                "noised": noised,
                "times": [0.5, 0.1],
                "n": 4,
                "rng": 0,
                "predicts": "score",
                "like": np.zeros(1),
                "points": [X],
                "samples": [X, X],
                "manifold": CIRCLE,
                "training": [X],
                "sigma_min": 0.1,
                "pollution_factor": 3.0,
                "batch_size": 3,
            },
        ),
        (
            ms.evaluate,
            {"model": noised, "noised": noised, "times": 0.5, "n": 4, "sampling_times": [0.5, 0.1], "n_samples": 3},
        ),
        (
            ms.assert_score_close,
            {"model": noised, "noised": noised, "times": [0.5, 0.1], "rtol": 1e-9, "atol": 1e-9, "n": 4, "rng": 0},
        ),
    ]


TARGETS, SMOOTHING_TARGETS = _targets(), _smoothing_targets()

CONSTRUCTED = {"measure": ["basis", "manifold"], "sample": ["AffineSubspace"], "expansion": ["process"]}
"""Names that a message may use although they are arguments of the object, not of the call."""


RECORDS = {"Expansion", "ParametricLaw"}
"""Classes that users get but do not build."""


class Odd:
    """An object that is nothing in particular."""

    def __repr__(self):
        return "Odd()"


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise ValueError("cannot be read")


numbers = st.one_of(
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-320, 1e-300, 1e-120, 1e-45, 1e45, 1e120, 1e300, 1.7e308]),
    st.sampled_from([float("nan"), float("inf"), -float("inf")]),
    st.integers(-5, 5),
    st.sampled_from([2**63, -(2**70), 10**30, 10**400]),
)
shapes = st.sampled_from(
    [(), (0,), (1,), (2,), (3,), (0, 2), (2, 0), (1, 2), (2, 2), (3, 2), (2, 3), (2, 1, 2), (0, 0)]
)
dtypes = st.sampled_from(["f2", "f4", "f8", "g", "i1", "u8", "i8", "?", "c16", "U3", "S3", "M8[s]", "m8[s]", "O"])


@st.composite
def arrays(draw):
    shape, dtype = draw(shapes), draw(dtypes)
    values = draw(st.lists(numbers.filter(lambda v: not abs(v) >= 2**63), min_size=1, max_size=4))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        array = np.resize(np.array(values, dtype="f8"), shape)
        array = array.astype(dtype) if dtype[0] not in "MmO" else array.astype("i8").astype(dtype)
    kind = draw(st.sampled_from(["plain"] * 4 + ["read-only", "fortran", "masked", "strided"]))
    if kind == "read-only":
        array.flags.writeable = False
    elif kind == "fortran":
        array = np.asfortranarray(array)
    elif kind == "masked":
        array = np.ma.masked_array(array, mask=np.zeros(shape, dtype=bool))
    elif kind == "strided" and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    return array


lists = st.recursive(numbers, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
things = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.binary(max_size=3), st.complex_numbers(),
    st.builds(Odd), st.builds(Unreadable), st.just(Odd), st.just({}), st.just({1.0}), st.just({"a": 1}), st.just(()),
    st.just(range(2)), st.just(memoryview(b"ab")), st.just(lambda: 1.0), st.just(np.float64), st.just(iter([1.0])),
    st.builds(np.random.RandomState, st.just(0)), st.builds(np.random.default_rng, st.just(0)),
    st.sampled_from([*LAWS.values(), *PROCESSES, *MANIFOLDS]),
    st.just(ms.Sphere(3).uniform()), st.lists(st.sampled_from([*LAWS.values(), ms.Sphere(3).uniform()]), max_size=3),
)  # fmt: skip
# Right in kind, extreme in value: these get past the first checks.
extreme = st.builds(
    lambda sign, mantissa, exponent: sign * mantissa * 10.0**exponent,
    st.sampled_from([-1.0, 1.0, 1.0, 1.0]), st.sampled_from([0.0, 1.0, 1.0, 1.5, 3.7]), st.integers(-120, 120),
)  # fmt: skip
nearly_right = st.one_of(
    extreme,
    st.builds(
        lambda shape, numbers: np.resize(np.array(numbers), shape),
        st.sampled_from([(), (2,), (2,), (2,), (2, 2), (2, 2), (3, 2), (0, 2), (2, 1), (4, 1, 2)]),
        st.lists(extreme, min_size=1, max_size=4),
    ),
)
values = st.one_of(numbers, arrays(), lists, things, nearly_right, nearly_right, nearly_right, nearly_right)


@st.composite
def malformed(draw, targets):
    """A call with one or two of its arguments replaced by anything."""
    function, arguments = draw(st.sampled_from(targets))
    replaced = draw(st.lists(st.sampled_from(sorted(arguments)), min_size=1, max_size=2, unique=True))
    return function, arguments | {name: draw(values) for name in replaced}


OBJECTS = (
    ms.Measure, ms.Manifold, ms.Process, ms.NoisedMeasure, ms.Expansion, ms.SmoothingKernel, ms.SmoothedScore,
    ms.BoxQuadrature, ms.TubularQuadrature, Evaluation, type(None),
)  # fmt: skip


def _floats(result):
    """All numbers in a result."""
    if isinstance(result, ms.Tilt):
        return [result.log_mass, result.mean, result.displacement]
    if isinstance(result, (Nearest, ErrorEstimate)):  # a runner-up may be missing: NaN
        return [getattr(result, name) for name in ("point", "distance", "log_mass", "mean") if hasattr(result, name)]
    if isinstance(result, tuple):
        return [result[0], *result[1].values()]
    if isinstance(result, dict):
        return list(result.values())
    return [] if isinstance(result, OBJECTS) else [result]


def _shape(function, arguments):
    """The shape a result must have, where it is decided by the shapes of the arguments; else None."""
    name, point = function.__name__, next((arguments[k] for k in ("x", "y", "center") if k in arguments), None)
    scalar = arguments.get("t", arguments.get("variance", 1.0))
    if point is None:
        return np.shape(scalar) if name in {"signal_scale", "noise_variance", "diffusion"} else None
    rows = np.broadcast_shapes(np.shape(point)[:-1], np.shape(scalar))
    if name in {"score", "noise", "posterior_mean", "drift", "project"}:
        return (*rows, np.shape(point)[-1])
    if name in {"log_density", "score_divergence", "local_dimension", "distance", "tilt_covariance_trace"}:
        return rows
    if name in {"posterior_covariance", "score_jacobian", "tilt_covariance"}:
        return (*rows, 2, 2)
    return None


def _infinite_by_design(function):
    """s = sigma^2/alpha^2 is documented to be infinite where alpha^2 underflows."""
    return function.__name__ == "effective_variance"


def check(function, arguments):
    """Make one call; fail unless it gives finite numbers of the right shape or a clear error without a warning."""
    result = error = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = function(**arguments)
        except (ValueError, TypeError) as caught:
            error = caught
    if error is not None:
        names = [*inspect.signature(function).parameters, *CONSTRUCTED.get(function.__name__, [])]
        message = str(error)
        assert any(re.search(rf"\b{name}\b", message) for name in names), f"names no argument: {error!r}"
        assert len(message) < 600  # 10**400 has 401 digits
        assert type(error) in {ValueError, TypeError}, type(error)  # not numba's own subclasses
        return False
    for part in map(np.asarray, _floats(result)):
        assert part.dtype == np.float64, part.dtype
        assert np.isfinite(part).all() or (_infinite_by_design(function) and not np.isnan(part).any())
    shape = _shape(function, arguments)
    assert shape is None or np.shape(result) == shape
    if isinstance(result, ms.Measure):  # what could be built can be used
        tilt = result.tilt(np.full(result.ambient_dimension, 0.25), 1.0)
        assert np.isfinite(tilt.displacement).all()
        assert np.isfinite(tilt.log_mass)
    return True


NOISED = ms.NoisedMeasure(LAWS["circle"], PROCESSES[0])
CIRCLE_SCORE = NOISED.score
PAIR = {"log_p": X, "log_q": X, "order": 2.0, "quadrature": ([X, X], [1.0, 1.0])}


@settings(max_examples=CALLS)
@given(malformed(TARGETS))
@example((CIRCLE_SCORE, {"x": range(2), "t": T}))
@example((CIRCLE_SCORE, {"x": np.array([1, 0], dtype="g") * np.longdouble("1e4000"), "t": T}))
@example((PROCESSES[0].drift, {"x": np.empty((2, 0)), "t": T}))
@example((PROCESSES[2].signal_scale, {"t": 1.7e308}))
@example((ms.NoisedMeasure(LAWS["cloud"], PROCESSES[1]).log_density, {"x": X, "t": 1.7e308}))
@example((ms.reverse_sde, {"model": None, "times": [1.0, 0.5], "n_samples": 2}))
@example((ms.reverse_sde, {"model": LAWS["circle"], "times": [1.0, 0.5], "n_samples": 2}))
@example((ms.Segment, {"start": [0.0], "end": [1e-320]}))
@example((ms.Gaussian, {"mean": X, "covariance": [[1e-320, 0.0], [0.0, 1e100]]}))
@example((LAWS["segment"].tilt, {"center": [1e20, 3.0], "variance": 0.5}))
@example((LAWS["circle"].sample, {"n": 10**30, "rng": 0}))
@example((ms.geometric_times, {"t_min": 1.0, "t_max": 2.0, "n": 10**30}))
@example((ms.Sphere, {"ambient_dimension": 10**30, "radius": 1.0}))
@example((ms.reverse_sde, {"model": NOISED, "times": [1.0, 0.5], "n_samples": 2, "method": np.zeros(2)}))
@example((ms.Surface, {"embedding": [U, V], "first": (U, 0, 1), "second": (V, 0, 2), "closed": Unreadable()}))
@example((ms.Helix, {"radius": 1.0, "pitch": 1.0, "turns": 1e-45}))
@example((ms.Curve, {"embedding": np.float16(0.0).reshape(()), "domain": (U, -1, 1)}))
@example((PARABOLA.principal_curvatures, {"y": X, "normal": np.zeros((2, 2))}))
def test_malformed_calls_work_or_say_what_is_wrong(call):
    check(*call)


@settings(max_examples=CALLS // 4)
@given(malformed(SMOOTHING_TARGETS))
@example((ms.SmoothedScore, {"noised": NOISED, "kernel": ms.GaussianKernel(0.5), "rule": np.zeros(2)}))
@example((ms.SampledKernel, {"samples": [X, X], "ambient_dimension": np.zeros(2)}))
@example((ms.log_likelihood, {"model": NOISED, "x": X, "times": [1.0, 1e-101]}))
@example((ms.renyi_divergence, PAIR | {"log_p": lambda: 1.0}))
@example((ms.renyi_divergence, PAIR | {"quadrature": [LAWS["cloud"], LAWS["cloud"]]}))
def test_malformed_calls_of_smoothing_work_or_say_what_is_wrong(call):
    check(*call)


def test_the_calls_are_well_formed_before_anything_is_replaced():
    for function, arguments in TARGETS + SMOOTHING_TARGETS:
        assert check(function, arguments), function


def test_every_public_callable_is_called():
    called = {function.__name__ for function, _ in TARGETS + SMOOTHING_TARGETS}
    public = {name for name in ms.__all__ if name not in {"Measure", "Manifold", "Process", "SmoothingKernel", "Tilt"}}
    # BrownianMotion, LinearInterpolant and SwissRoll take no argument, Product any number of measures.
    assert public - {"BrownianMotion", "LinearInterpolant", "Product", "SwissRoll"} - RECORDS <= called
    for owner in (ms.NoisedMeasure, ms.Measure, ms.Process, ms.Manifold):
        methods = {name for name, member in vars(owner).items() if inspect.isfunction(member) and name[0] != "_"}
        assert {name for name in methods if not name.endswith("_rows")} - {"uniform"} <= called
