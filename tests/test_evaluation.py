"""Evaluations against errors that are planted, samples that are placed, and sums written down again."""

import json
import math

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.evaluation import errors, samples
from manifold_scores.evaluation.predictions import TARGETS

OU, BROWNIAN = ms.OrnsteinUhlenbeck(), ms.BrownianMotion()
LAWS = {
    "line": ms.Gaussian([0.0, 0.0], [[1.0, 0.5], [0.5, 0.25]]),
    "circle": ms.Circle(1.2).uniform(),
    "curve": ms.LimaBean().uniform(),
    "cloud": ms.PointCloud([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]], [1.0, 3.0, 2.0]),
}
TIMES = [1.0, 0.1, 0.01, 0.001]
NOISED = ms.NoisedMeasure(LAWS["circle"], OU)

ROUNDING = 1e-12
"""Of errors relative to a target: eps |x|/sigma^2 over the score, 1/sigma, is 1e-14 at t = 0.001."""


def field(noised, name, factor):
    """The exact prediction times a factor that depends on x."""
    return lambda x, t: getattr(noised, name)(x, t) * factor(x)


def constant(x):
    return 1.001


def alternating(x):
    """1 +- 0.001, a sign that looks random from point to point."""
    return 1.0 + 0.001 * np.sign(np.sin(1e4 * x.sum(axis=1)))[:, None]


def spread(x):
    """1 + 0.001 e, e with E e^2 = 1 in the mean over x, and not constant."""
    return 1.0 + 0.001 * math.sqrt(2.0) * np.sin(1e4 * x.sum(axis=1))[:, None]


@pytest.mark.parametrize("process", [OU, BROWNIAN, ms.VariancePreserving()], ids=repr)
@pytest.mark.parametrize("law", LAWS)
def test_an_oracle_against_itself_is_exact_to_rounding(law, process):
    noised = ms.NoisedMeasure(LAWS[law], process)
    alpha, sigma = process.signal_scale(np.array(TIMES)), np.sqrt(process.noise_variance(np.array(TIMES)))
    # alpha f and x, of size alpha and sigma each, are rounded in f = (x + sigma^2 score)/alpha and back.
    rounding = 1e-14 * (alpha + sigma)
    bounds = {"posterior_mean": rounding / alpha, "score": rounding / sigma**2, "noise": rounding / sigma}
    for predicts in TARGETS:
        found = ms.evaluate(noised, noised, TIMES, n=50, rng=0, predicts=predicts)
        for name, bound in bounds.items():
            assert (getattr(found, name).absolute <= bound).all()
            assert (getattr(found, name).component_absolute <= bound[:, None]).all()
        assert getattr(found, predicts).relative.max() < ROUNDING
        assert getattr(found, predicts).largest.max() < ROUNDING


@pytest.mark.parametrize("factor", [constant, alternating, spread])
@pytest.mark.parametrize("predicts", TARGETS)
@pytest.mark.parametrize("law", LAWS)
def test_a_planted_relative_error_is_reported_within_its_standard_error(law, predicts, factor):
    noised, n = ms.NoisedMeasure(LAWS[law], OU), 400 if law == "curve" else 2000
    found = getattr(
        ms.evaluate(field(noised, predicts, factor), noised, TIMES, n=n, rng=1, predicts=predicts), predicts
    )
    # 4 standard errors: 12 numbers for each of 36 cases, of which one beyond has probability 3 %.
    for value, error in ((found.relative, found.relative_error),
                         (found.component_relative, found.component_relative_error)):  # fmt: skip
        assert (np.abs(value - 1e-3) <= 4.0 * error + ROUNDING).all()
    assert found.relative_error.max() < 2e-3 / math.sqrt(n)
    if factor is spread:
        assert found.relative_error.min() > 1e-6  # of order 1e-3/sqrt(n), not zero
        # The median of |sqrt(2) sin| is 1, its density there 2/pi: deviation pi/(4 sqrt n), which is estimated from
        # sqrt(n) spacings, 45 or 20, to 15 or 22 %.
        assert (np.abs(found.median - 1e-3) <= 4.0 * found.median_error + ROUNDING).all()
        assert found.median_error == pytest.approx(1e-3 * math.pi / (4.0 * math.sqrt(n)), rel=0.7)
        assert (np.abs(found.largest - math.sqrt(2.0) * 1e-3) < 1e-6).all()
    else:
        np.testing.assert_allclose(found.median, 1e-3, atol=ROUNDING)
        np.testing.assert_allclose(found.largest, 1e-3, rtol=1e-6)  # near zeros of the target rounding shows
        assert found.relative_error.max() < 1e-12


@pytest.mark.parametrize("predicts", TARGETS)
@pytest.mark.parametrize("process", [OU, BROWNIAN, ms.LinearInterpolant()], ids=repr)
def test_errors_of_the_three_targets_are_one_error(predicts, process):
    noised, times = ms.NoisedMeasure(LAWS["circle"], process), np.array([0.9, 0.1, 0.01])
    found = ms.evaluate(
        field(noised, predicts, spread),
        noised,
        times,
        n=100,
        rng=0,
        predicts=predicts,
        points=[[1.0, -0.1], [0.2, 0.4]],
    )
    alpha, sigma = process.signal_scale(times), np.sqrt(process.noise_variance(times))
    f = found.posterior_mean
    # |D score| = (alpha/sigma^2) |D f|, |D noise| = (alpha/sigma) |D f| (theory 3).
    for other, factor in ((found.score, alpha / sigma**2), (found.noise, alpha / sigma)):
        for name in ("absolute", "absolute_error"):
            np.testing.assert_allclose(getattr(other, name), factor * getattr(f, name), rtol=1e-9)
        for name in ("component_absolute", "component_absolute_error"):
            np.testing.assert_allclose(getattr(other, name), factor[:, None] * getattr(f, name), rtol=1e-9)
    np.testing.assert_allclose(found.score.at_points, (alpha / sigma**2)[:, None, None] * f.at_points, rtol=1e-9)
    np.testing.assert_allclose(found.noise.at_points, -(alpha / sigma)[:, None, None] * f.at_points, rtol=1e-9)


def test_every_number_written_down_again():
    def model(x, t):
        return NOISED.score(x, t) + np.stack([0.1 * x[:, 0], np.full(len(x), 0.2)], 1)

    found, rng = ms.evaluate(model, NOISED, [0.5, 0.02], n=300, rng=7, points=[[1.0, -0.1]]), np.random.default_rng(7)
    for k, t in enumerate([0.5, 0.02]):
        x = NOISED.sample(300, t, rng)
        d, truth = model(x, t) - NOISED.score(x, t), NOISED.score(x, t)
        square, size = (d * d).sum(1), (truth * truth).sum(1)
        got = found.score
        assert got.absolute[k] == pytest.approx(math.sqrt(square.mean()), rel=1e-12)
        assert got.relative[k] == pytest.approx(math.sqrt(square.mean() / size.mean()), rel=1e-12)
        np.testing.assert_allclose(got.component_absolute[k], np.sqrt((d * d).mean(0)), rtol=1e-12)
        np.testing.assert_allclose(got.component_relative[k], np.sqrt((d**2).mean(0) / (truth**2).mean(0)), rtol=1e-12)
        pointwise = np.sqrt(square / size)
        assert got.median[k] == pytest.approx(np.median(pointwise), rel=1e-12)
        assert got.largest[k] == pytest.approx(pointwise.max(), rel=1e-12)
        np.testing.assert_array_equal(got.largest_at[k], x[pointwise.argmax()])
        np.testing.assert_allclose(got.at_points[k], [[0.1, 0.2]], rtol=1e-10)


def test_standard_errors_are_the_spread_over_repetitions():
    model = field(NOISED, "posterior_mean", spread)
    runs = [ms.evaluate(model, NOISED, 0.1, n=200, rng=i, predicts="posterior_mean").score for i in range(400)]
    for name in ("absolute", "relative", "component_absolute", "component_relative", "median"):
        values = np.array([getattr(run, name)[0] for run in runs])
        error = np.mean([getattr(run, name + "_error")[0] for run in runs], axis=0)
        # The deviation of 400 values is known to 1/sqrt(800) = 3.5 %, 4 times that; the interval between the order
        # statistics of 200 values is rounded outwards by up to a spacing in 14.
        np.testing.assert_allclose(values.std(axis=0, ddof=1), error, rtol=0.14 if name != "median" else 0.21)


def test_nothing_to_predict_and_a_wrong_prediction_of_it():
    noised = ms.NoisedMeasure(ms.PointCloud([[0.0, 0.0]]), BROWNIAN)  # f = 0
    right = ms.evaluate(lambda x, t: 0.0 * x, noised, 0.5, n=10, rng=0, predicts="posterior_mean")
    assert right.posterior_mean.relative[0] == right.score.relative[0] == right.posterior_mean.largest[0] == 0.0
    wrong = ms.evaluate(lambda x, t: x, noised, 0.5, n=10, rng=0, predicts="posterior_mean")
    assert wrong.posterior_mean.relative[0] == np.inf
    assert wrong.to_dict()["posterior_mean"]["relative"] == [None]
    assert wrong.score.relative[0] == pytest.approx(1.0)


def test_statistics_do_not_overflow():
    huge = np.array([[1e300, 1e-300], [2e300, 3e-300], [0.0, 0.0]])
    value, error = errors.rms(huge)
    np.testing.assert_allclose(value, [1e300 * math.sqrt(5 / 3), 1e-300 * math.sqrt(10 / 3)], rtol=1e-12)
    assert (error > 0).all()
    value, error = errors.relative_rms(huge, huge[:, ::-1].copy())
    assert value[0] == np.inf
    assert value[1] == pytest.approx(0.0, abs=1e-300)
    np.testing.assert_allclose(errors.norms(np.array([[3e300, 4e300], [3e-300, 4e-300]])), [5e300, 5e-300], rtol=1e-12)


# Models of every kind


class WithMethods:
    process = OU

    def score(self, x, t):
        return NOISED.score(x, t)

    def noise(self, x, t):
        return 1.001 * NOISED.noise(x, t)


def test_objects_are_asked_by_the_name_of_what_they_predict():
    assert ms.evaluate(WithMethods(), NOISED, 0.1, n=10, rng=0).score.relative[0] == 0.0
    found = ms.evaluate(WithMethods(), NOISED, 0.1, n=10, rng=0, predicts="noise")
    assert found.noise.relative[0] == pytest.approx(1e-3, rel=1e-9)
    smoothed = ms.SmoothedScore(NOISED, ms.GaussianKernel(0.01), nodes=64, rng=0)
    assert 0.0 < ms.evaluate(smoothed, NOISED, 0.5, n=10, rng=0).score.relative[0] < 0.01


def test_rows_come_in_batches_and_time_is_a_vector():
    seen = []

    def model(x, t):
        seen.append((x.shape, t.shape, x.dtype))
        x *= 2.0  # a model may spoil what it gets
        return NOISED.score(0.5 * x, t)

    found = ms.evaluate(model, NOISED, [0.1], n=10, rng=0, batch_size=4)
    assert [shape for shape, *_ in seen] == [(4, 2), (4, 2), (2, 2)]
    assert {(times, dtype) for _, times, dtype in seen} == {((4,), np.dtype("f8")), ((2,), np.dtype("f8"))}
    assert found.score.relative[0] < ROUNDING


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch(dtype):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    like = torch.empty(0, dtype=getattr(torch, dtype))
    tolerance = 3e-6 if dtype == "float32" else ROUNDING

    def model(x, t):  # a point under Brownian motion
        assert isinstance(x, torch.Tensor)
        assert x.dtype == t.dtype == like.dtype
        return -x / t[:, None]

    noised = ms.NoisedMeasure(ms.PointCloud([[0.0, 0.0]]), BROWNIAN)
    assert ms.evaluate(model, noised, TIMES, n=20, rng=0, like=like).score.relative.max() < tolerance
    ms.assert_score_close(model, noised, TIMES, rtol=tolerance, like=like)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(-1.001, dtype=like.dtype))

        def forward(self, x, t):
            return self.scale * x / t[:, None]

    found = ms.evaluate(Net(), noised, TIMES, n=20, rng=0)  # takes what its parameters are
    np.testing.assert_allclose(found.score.relative, 1e-3, atol=tolerance)


def test_oracles_as_torch_modules_and_score_networks():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from manifold_scores.interop.torch import oracle
    from manifold_scores.networks import MLP, ScoreNetwork

    for name in TARGETS:
        found = ms.evaluate(oracle(NOISED, name), NOISED, TIMES, n=20, rng=0, predicts=name)
        assert getattr(found, name).relative.max() < 1e-15
    torch.manual_seed(0)
    network = ScoreNetwork(MLP(2, (16, 16)), OU, "cem")
    found = ms.evaluate(network, NOISED, 0.1, n=50, rng=0, sampling_times=ms.geometric_times(1e-3, 9.0, 10))
    x = NOISED.sample(50, 0.1, np.random.default_rng(0))
    error = np.square(network.posterior_mean(x, 0.1) - NOISED.posterior_mean(x, 0.1)).sum(1).mean()
    assert found.posterior_mean.absolute[0] == pytest.approx(math.sqrt(error), rel=1e-10)
    assert found.samples.pollution > 0.1


def test_jax():
    jnp = pytest.importorskip("jax.numpy", reason="jax is not installed")
    noised = ms.NoisedMeasure(ms.PointCloud([[0.0, 0.0]]), BROWNIAN)

    def model(x, t):
        return -jnp.asarray(x) / t[:, None]

    like = jnp.zeros(1, dtype=jnp.float32)
    assert ms.evaluate(model, noised, TIMES, n=20, rng=0, like=like).score.relative.max() < 3e-6
    ms.assert_score_close(model, noised, TIMES, rtol=3e-6)  # jax takes arrays of numpy


def test_the_same_seed_gives_the_same_numbers():
    model = field(NOISED, "score", spread)
    first, second, other = (
        ms.evaluate(model, NOISED, TIMES, n=30, rng=seed, sampling_times=[5.0, 1.0, 0.1], n_samples=20).to_dict()
        for seed in (0, 0, 1)
    )
    assert first == second
    assert first["score"] != other["score"]


# Samples


def test_samples_placed_on_and_off_a_circle():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 2000)
    radius = np.where(np.arange(2000) < 100, 1.2 + 0.31, 1.2 - 0.29)  # 100 of them farther than 3 sigma_min
    placed = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    found = ms.evaluate(NOISED, NOISED, 0.5, n=2, rng=0, samples=placed, sigma_min=0.1).samples
    assert found.pollution == 0.05
    assert found.pollution_error == pytest.approx(math.sqrt(0.05 * 0.95 / 2000), rel=0.02)
    assert found.distance.mean == pytest.approx(0.05 * 0.31 + 0.95 * 0.29)
    assert found.distance.largest == pytest.approx(0.31)
    assert found.distance.median == pytest.approx(0.29)
    assert found.coverage == pytest.approx(found.coverage_expected, abs=4 * found.coverage_error)  # by projections
    assert found.training_distance is None
    wide = ms.evaluate(NOISED, NOISED, 0.5, n=2, rng=0, samples=placed, sigma_min=0.1, pollution_factor=4.0).samples
    assert wide.pollution == 0.0
    assert wide.pollution_error == pytest.approx(1 / 2002, rel=1e-3)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
def test_coverage_is_the_share_of_the_manifold_that_samples_reach(share):
    angle = np.random.default_rng(1).uniform(0, 2 * np.pi * share, 1000)
    placed = 1.2 * np.stack([np.cos(angle), np.sin(angle)], -1)
    runs = [ms.evaluate(NOISED, NOISED, 0.5, n=2, rng=i, samples=placed).samples for i in range(20)]
    expected = 1 - math.prod((1000 - i) / (2000 - i) for i in range(1, 6))
    assert runs[0].coverage_expected == pytest.approx(expected)
    if share == 1.0:
        mean = np.mean([run.coverage for run in runs])
        assert mean == pytest.approx(expected, abs=0.008)  # one set of samples, whose own fluctuation stays
    else:
        # On a quarter there are four times as many samples as points: hardly a point is missed there.
        missed = math.prod((1000 * share - i) / (1000 * share + 1000 - i) for i in range(1, 6))
        assert np.mean([run.coverage for run in runs]) == pytest.approx(share * (1 - missed), abs=0.015)


def test_clouds_are_covered_by_weight_and_are_their_own_training_points():
    cloud = LAWS["cloud"]
    noised = ms.NoisedMeasure(cloud, BROWNIAN)
    placed = np.array([[0.0, 1.3], [0.1, 1.0], [0.5, 0.45], [0.5, 0.4]])
    found = ms.evaluate(noised, noised, 0.01, n=2, rng=0, samples=placed).samples
    assert found.coverage == pytest.approx((1 + 2) / 6)
    w = np.array([1, 3, 2]) / 6
    assert found.coverage_expected == pytest.approx((w * (1 - (1 - w) ** 4)).sum())
    assert found.sigma_min == pytest.approx(0.1)
    assert found.distance.largest == pytest.approx(0.3)
    assert found.pollution == 0.0  # 0.3 is not farther than 0.3, rounded down
    assert found.training_distance == found.distance


def test_distances_from_a_function_and_training_points_of_ones_own():
    noised = ms.NoisedMeasure(LAWS["line"], OU)
    normal = np.array([-1.0, 2.0]) / math.sqrt(5)
    placed = noised.sample(50, 0.01, 3)
    found = ms.evaluate(
        noised, noised, 0.01, n=2, rng=0, samples=placed, manifold=lambda x: np.abs(x @ normal), training=[[0.0, 0.0]]
    ).samples
    assert found.distance.mean == pytest.approx(np.abs(placed @ normal).mean())
    assert found.training_distance.mean == pytest.approx(np.linalg.norm(placed, axis=1).mean())
    unknown = ms.evaluate(noised, noised, 0.01, n=2, rng=0, samples=placed).samples
    assert unknown.distance is unknown.pollution is unknown.pollution_error is None
    json.dumps(unknown.to_dict(), allow_nan=False)


def test_manifolds_known_by_their_laws():
    for manifold in (ms.Circle(), ms.Sphere(3, 2.0), ms.Segment([0.0, 0.0], [1.0, 2.0]), ms.Box([0.0], [1.0]),
                     ms.Torus(2.0, 0.5), ms.LimaBean()):  # fmt: skip
        x = np.random.default_rng(0).normal(size=(5, manifold.ambient_dimension))
        found = samples.manifold_of(manifold.uniform())
        np.testing.assert_allclose(found.distance(x), manifold.distance(x), rtol=1e-12)
    assert samples.manifold_of(LAWS["line"]) is None


@pytest.mark.parametrize("d", [2, 16, 17, 40])
def test_nearest_points_by_brute_force(d, monkeypatch):
    monkeypatch.setattr(samples, "_ENTRIES", 100)
    rng = np.random.default_rng(d)
    points, placed = rng.normal(size=(30, d)), rng.normal(size=(20, d))
    matrix = np.linalg.norm(placed[:, None] - points, axis=2)
    for rank in (1, 3):
        distance, index = samples.nearest(points, placed, rank)
        np.testing.assert_allclose(distance, np.sort(matrix, axis=1)[:, rank - 1], rtol=1e-12)
        np.testing.assert_array_equal(index, np.argsort(matrix, axis=1)[:, rank - 1])


def test_samples_drawn_from_the_model():
    times = ms.geometric_times(1e-4, 9.0, 40)
    found = ms.evaluate(NOISED.score, NOISED, 0.5, n=2, rng=5, sampling_times=times, n_samples=300)
    rng = np.random.default_rng(5)
    NOISED.sample(2, 0.5, rng)
    drawn = ms.reverse_sde(NOISED, times, 300, rng)
    assert found.samples.n == 300
    assert found.samples.sigma_min == pytest.approx(math.sqrt(OU.noise_variance(1e-4)))
    assert found.samples.distance.mean == pytest.approx(np.abs(np.linalg.norm(drawn, axis=1) - 1.2).mean(), rel=1e-9)
    assert found.samples.pollution < 0.02
    to_zero = ms.evaluate(NOISED, NOISED, 0.5, n=2, rng=5, sampling_times=[*times, 0.0], n_samples=30).samples
    assert to_zero.sigma_min == found.samples.sigma_min
    # A mean with an offset throws samples off the circle.
    worse = ms.evaluate(
        lambda x, t: NOISED.posterior_mean(x, t) + 0.2, NOISED, 0.5, n=2, rng=5, predicts="posterior_mean",
        sampling_times=times, n_samples=300,
    )  # fmt: skip
    assert worse.samples.pollution > 0.5


# What is shown


def test_table_plot_and_json():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    found = ms.evaluate(
        field(NOISED, "score", spread), NOISED, [0.1, 1.0], n=50, rng=0, sampling_times=[5.0, 0.5, 0.1], n_samples=20
    )
    text = str(found)
    assert text == found.table()
    assert text.count("posterior mean") == 2
    assert "pollution, farther than 3 sigma_min" in text
    assert "coverage" in text
    assert f"{found.score.relative[0]:.3e}" in text
    assert len(found.table(components=True).splitlines()) == len(text.splitlines()) + 2 * 3 * 2
    loaded = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert loaded["score"]["component_relative"] == found.score.component_relative.tolist()
    assert loaded["times"] == [0.1, 1.0]
    axes = found.plot()
    lines = [container.lines[0] for container in axes.containers]
    assert len(lines) == 3
    np.testing.assert_array_equal(lines[1].get_xydata(), np.stack([[0.1, 1.0], found.score.relative], -1))
    assert axes.get_xscale() == axes.get_yscale() == "log"
    given = plt.figure().add_subplot()
    assert found.plot(given, relative=False) is given
    plt.close("all")
    assert len(repr(found)) < 100


# The assertion


def test_assertions_pass_and_fail_where_they_should():
    ms.assert_score_close(NOISED, NOISED, TIMES, rtol=0.0)
    for predicts in TARGETS:
        ms.assert_score_close(NOISED, NOISED, TIMES, rtol=1e-9, predicts=predicts)
        for times in TIMES:
            model = field(NOISED, predicts, constant)
            with pytest.raises(AssertionError, match="the worst"):
                ms.assert_score_close(model, NOISED, times, rtol=1e-9, predicts=predicts)
    close = field(NOISED, "score", constant)
    ms.assert_score_close(close, NOISED, TIMES, rtol=1.1e-3)
    with pytest.raises(AssertionError):
        ms.assert_score_close(close, NOISED, TIMES, rtol=0.9e-3)
    shifted = field(NOISED, "noise", lambda x: 1.0)
    ms.assert_score_close(lambda x, t: shifted(x, t) + 0.01, NOISED, TIMES, 0.0, atol=0.0142, predicts="noise")
    with pytest.raises(AssertionError):
        ms.assert_score_close(lambda x, t: shifted(x, t) + 0.01, NOISED, TIMES, 0.0, atol=0.0141, predicts="noise")


def test_the_message_names_the_worst_point():
    noised = ms.NoisedMeasure(ms.PointCloud(np.zeros((1, 8))), BROWNIAN)
    x = noised.sample(5, 0.25, 0)

    def model(y, t):
        wrong = (y[:, :1] == x[3, 0]) | (t[:, None] < 0.1) * (y[:, :1] > 0.0)
        return -y / t[:, None] * np.where(wrong, np.where(t[:, None] < 0.1, 1.1, 3.0), 1.0)

    with pytest.raises(AssertionError) as caught:
        ms.assert_score_close(model, noised, [0.25, 0.01], rtol=1e-9, n=5)
    message = str(caught.value)
    assert "at t = 0.25, 0.01; the worst" in message
    assert "t     = 0.25" in message
    assert f"x     = [{x[3, 0]:.9g}, {x[3, 1]:.9g}" in message
    assert "(8 coordinates)" in message
    assert "error = " in message
    assert "= 2.000e+00 |exact|" in message

    def nowhere(y, t):
        return np.where(y == x[2, 0], np.nan, -y / t[:, None])

    with pytest.raises(AssertionError, match=r"1 of 5 points(.|\n)*error = not finite"):
        ms.assert_score_close(nowhere, noised, 0.25, n=5)
