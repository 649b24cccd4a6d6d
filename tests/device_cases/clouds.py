"""Clouds on either device against 60-digit arithmetic, in units of eps (1 + kappa), and on the card against the CPU."""

import functools
import pickle

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.compute import cuda_cloud, cuda_memory
from manifold_scores.compute.cuda_compilation import ON_SIMULATOR
from tests.device_cases.long_clouds import EPS, Truth

DEVICES = ("cpu", "cuda")
VARIANCES = (1e-14, 1e-6, 0.05, 100.0)


def case(n, d, span=0.0, seed=0):
    """Points and weights over so many orders of magnitude; queries at a point, near one, amid them, and far away."""
    rng = np.random.default_rng(seed)
    points = 1.0 + 0.3 * rng.normal(size=(n, d))
    weights = 10.0 ** rng.uniform(-span, 0.0, size=n) if span else None
    places = [points[-1], points[0] + 1e-3 * rng.normal(size=d), points.mean(axis=0), points[0] + 1e4 / np.sqrt(d)]
    z = np.repeat(places, len(VARIANCES), axis=0)
    return points, weights, z, np.tile(VARIANCES, len(places))


def parts_of(cloud, z, s):
    tilt = cloud.tilt_rows(z, s)
    return tilt.log_mass, tilt.mean, tilt.displacement, tilt.anchor, tilt.log_rest


CASES = {
    "d = 1": (21, 1, 0.0),
    "d = 2, weights over 300 orders": (19, 2, 300.0),
    "d = 3": (35, 3, 0.0),
    "d = 8": (17, 8, 0.0),
    "d = 9": (11, 9, 30.0),
    "one point": (1, 3, 0.0),
    "a whole tile": (8, 2, 0.0),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_first_moments(name, device):
    """Within 100 eps |g| (1 + kappa), wherever the query is and at any variance."""
    points, weights, z, s = case(*CASES[name])
    found = parts_of(ms.PointCloud(points, weights).to(device), z, s)
    assert max(Truth(points, weights, z[m], s[m]).excess(found, m) for m in range(len(s))) < 1.0


@pytest.mark.parametrize("device", DEVICES)
def test_center_of_a_near_circle(device):
    """Where everything cancels, plain float64 exponents would be off by 1e6 eps: the displacement is right to eps."""
    rng = np.random.default_rng(1)
    angles = 2.0 * np.pi * np.arange(24) / 24
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) + 1e-9 * rng.normal(size=(24, 2))
    s = np.array([1e-10, 1e-8, 1e-6, 1e-4, 1e-2])
    z = 1e-10 * rng.normal(size=(len(s), 2))
    found = parts_of(ms.PointCloud(points).to(device), z, s)
    for m in range(len(s)):
        truth = Truth(points, None, z[m], s[m])
        assert truth.excess(found, m) < 1.0
        assert np.linalg.norm(found[2][m] - truth.displacement) <= 20.0 * EPS[np.float64]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bits", [50, 150, 850])
def test_points_that_matter_to_the_displacement_alone(bits, device):
    """Amid eight equal points the ninth, in a tile of its own, is the displacement, however small its weight 2^-B."""
    points = np.zeros((9, 2))
    points[8, 0] = 1.0
    cloud = ms.PointCloud(points).to(device)
    displacement = cloud.tilt(points[0], 0.5 / (bits * np.log(2.0))).displacement
    assert displacement[0] == pytest.approx(2.0**-bits / 8.0, rel=4.0 * bits * EPS[np.float64], abs=0.0)
    assert displacement[1] == 0.0


@pytest.mark.parametrize("device", DEVICES)
def test_best_point_that_plain_distances_do_not_show(device):
    """From 1e4 away all squared distances are the same float64 number, and the nearest point still has all the mass."""
    points = np.zeros((9, 2))
    points[:, 1] = 1e-5 * np.array([5.0, 7.0, 3.0, 8.5, 6.0, 8.0, 4.0, 2.0, 1.0])
    z, s = np.array([[1e4, 0.0]]), np.array([1e-14])
    assert len({float(square) for square in ((points - z) ** 2).sum(axis=1)}) == 1
    found = parts_of(ms.PointCloud(points).to(device), z, s)
    assert (found[1][0] == points[8]).all()
    assert Truth(points, None, z[0], s[0]).excess(found, 0) < 1.0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["d = 1", "d = 3", "d = 8"])
def test_covariances_and_traces(name, device):
    """To 1e-10 of the norm, or of the trace."""
    points, weights, z, s = case(*CASES[name])
    z, s = z[:12], s[:12]
    cloud = ms.PointCloud(points, weights).to(device)
    covariances, traces = cloud.covariance_rows(z, s), cloud.covariance_trace_rows(z, s)
    assert (covariances == covariances.transpose(0, 2, 1)).all()
    for m in range(len(s)):
        truth = Truth(points, weights, z[m], s[m]).covariance
        assert np.linalg.norm(covariances[m] - truth) <= 1e-10 * np.linalg.norm(truth) + 1e-65
        assert abs(traces[m] - np.trace(truth)) <= 1e-10 * np.trace(truth) + 1e-65


def test_single_precision():
    """The same promise in units of float32's eps, at inputs that are float32 numbers."""
    points, weights, z, s = case(25, 3, 30.0)
    points, weights, z, s = (array.astype(np.float32).astype(np.float64) for array in (points, weights, z, s))
    found = parts_of(ms.PointCloud(points, weights).to("cuda", precision="single"), z, s)
    assert all(part.dtype == np.float64 for part in found)
    single = [part.astype(np.float32) for part in found]
    assert all((part == exactly).all() for part, exactly in zip(single, found, strict=True))
    assert max(Truth(points, weights, z[m], s[m]).excess(single, m) for m in range(len(s))) < 1.0


@pytest.mark.parametrize("device", DEVICES)
def test_targets(device):
    """A noised measure asks the cloud of either device, which is checked by the identities between its targets."""
    points, weights, _, _ = case(12, 2)
    noised, x, t = ms.NoisedMeasure(ms.PointCloud(points, weights).to(device), ms.OrnsteinUhlenbeck()), points[:3], 0.3
    h, shift = 1e-4, np.array([1.0, 0.0])
    slope = (noised.log_density(x + h * shift, t) - noised.log_density(x - h * shift, t)) / (2.0 * h)
    assert np.allclose(slope, noised.score(x, t)[:, 0], atol=1e-6)
    assert np.allclose(np.trace(noised.score_jacobian(x, t), axis1=1, axis2=2), noised.score_divergence(x, t))
    assert noised.posterior_mean(np.empty((0, 2)), t).shape == (0, 2)
    assert noised.posterior_covariance(np.empty((0, 2)), t).shape == (0, 2, 2)


def test_errors_are_bounded():
    """What is left out at a loose tolerance is within the bounds that are returned, and these within the tolerance."""
    points, _, z, s = case(40, 2)
    z, s = z[:8], s[:8]
    loose, exact = ms.PointCloud(points, tolerance=1e-3).to("cuda"), ms.PointCloud(points)
    bounds, tilt, truth = loose.error_estimate(z, s), loose.tilt(z, s), exact.tilt(z, s)
    slack = 1e-13 * (1.0 + abs(truth.log_mass))
    assert (abs(tilt.log_mass - truth.log_mass) <= bounds.log_mass + slack).all()
    assert (np.linalg.norm(tilt.mean - truth.mean, axis=1) <= bounds.mean + 1e-13).all()
    assert (bounds.log_mass <= 4e-3).all()
    assert loose.error_estimate(np.empty((0, 2)), 1.0).mean.shape == (0,)


def test_same_bits_for_any_batch(monkeypatch):
    """Neither other queries, nor the batches that fit into the memory, nor the run change a bit."""
    points, _, z, s = case(30, 2)
    z, s = z[::3], s[::3]
    together = parts_of(ms.PointCloud(points).to("cuda"), z, s)
    monkeypatch.setattr(cuda_memory, "spare_bytes", lambda: 8 * 11 * 2)  # two queries at a time
    monkeypatch.setattr(cuda_cloud, "spare_bytes", lambda: 0)
    apart = parts_of(ms.PointCloud(points).to("cuda"), z, s)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(together, apart, strict=True))


def test_chunks_are_added_up(monkeypatch):
    """Several chunks of tiles give the moments of one."""
    points, weights, z, s = case(35, 3)
    z, s = z[::5], s[::5]
    monkeypatch.setattr(cuda_cloud, "_CHUNK", 1)
    found = parts_of(ms.PointCloud(points, weights).to("cuda"), z, s)
    assert max(Truth(points, weights, z[m], s[m]).excess(found, m) for m in range(len(s))) < 1.0


@pytest.mark.skipif(not ON_SIMULATOR, reason="counts what simulated kernels do")
def test_tiles_too_far_away_are_skipped(monkeypatch):
    """At small noise a query goes through the tile it is in, not through all of them."""
    points = np.arange(64.0)[:, None]
    seen = []
    original = cuda_cloud.sums

    @functools.cache
    def counted(d, real, what, exact):
        kernel = original(d, real, what, exact)
        inner = kernel.fn.__closure__[kernel.fn.__code__.co_freevars.index("exp2")]

        def exp2(x, function=inner.cell_contents):
            seen.append(x)
            return function(x)

        inner.cell_contents = exp2
        return kernel

    monkeypatch.setattr(cuda_cloud, "sums", counted)
    counted.cache_clear()
    tilt = ms.PointCloud(points).to("cuda").tilt([[20.2]], 1e-3)
    original.cache_clear()  # the counting kernels are not for others
    assert tilt.mean[0] == pytest.approx(20.0)
    assert 0 < len(seen) <= 3 * 8


def test_it_moves():
    cloud = ms.PointCloud([[0.0, 1.0], [2.0, 3.0]])
    card = cloud.to("cuda")
    assert (cloud.device, card.device, card.to("cpu").device) == ("cpu", "cuda", "cpu")
    assert repr(card) == "PointCloud(2 points in R^2 on cuda, double precision)"
    mean = card.tilt([0.0, 0.0], 1.0).mean
    again = pickle.loads(pickle.dumps(card))
    assert (again.tilt([0.0, 0.0], 1.0).mean == mean).all()


@pytest.mark.parametrize(
    ("points", "z", "s", "message"),
    [
        ([[1e16]], [0.0], 1.0, "points must not exceed 1e"),
        ([[1.0]], [1e16], 1.0, "center must not exceed 1e"),
        ([[1.0]], [0.0], 1e-31, "variance must lie between 1e-30 and 1e30 in single precision"),
        ([[1e3]], [0.0], 1e-29, "lengths within 1e"),
    ],
)
def test_ranges_of_single_precision(points, z, s, message):
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        ms.PointCloud(points).to("cuda", precision="single").tilt(z, s)


def test_smoothing_on_the_cpu_is_not_silent():
    noised = ms.NoisedMeasure(ms.PointCloud([[0.0, 1.0]]).to("cuda"), ms.BrownianMotion())
    with pytest.raises(TypeError, match="noised must have a measure on the CPU"):
        ms.SmoothedScore(noised, ms.GaussianKernel(0.1))
