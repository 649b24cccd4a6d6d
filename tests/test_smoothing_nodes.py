"""Smoothed scores by nodes: the hull reduction, standard errors, rules, other measures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.special import expit, ndtr

import manifold_scores as ms
from manifold_scores.smoothing.reduction import ReducedCloud
from manifold_scores.smoothing.unseen import unseen_mass

TARGETS = ("score", "log_density", "score_divergence", "posterior_mean")
BROWNIAN = ms.BrownianMotion()


@given(st.integers(0, 2**32))
def test_displacements_against_the_average_in_all_coordinates(seed):
    # The reduction to the hull is exact: brute force displaces x in R^d and averages the oracle.
    rng = np.random.default_rng(seed)
    d, n = int(rng.integers(1, 30)), int(rng.integers(1, 9))
    points = rng.normal(size=(n, d)) @ np.diag(rng.integers(0, 2, d)) + rng.normal(size=d)
    if n > 2:
        points[1] = points[0]
    noised = ms.NoisedMeasure(ms.PointCloud(points, rng.random(n) + 1e-3), ms.OrnsteinUhlenbeck(0.6))
    displacements = rng.gamma(1.0, 0.5, size=(40, d))  # skewed, and not centred
    model = ms.SmoothedScore(noised, ms.SampledKernel(displacements))
    assert model.rule == "exact"
    x, t = rng.normal(size=(3, d)), 10.0 ** rng.uniform(-4, 1, 3)
    for name in TARGETS[:3]:
        values = getattr(noised, name)(x[:, None] + displacements, t[:, None])
        found, error = getattr(model, name)(x, t, return_error=True)
        # A few hundred roundings of the largest term; beside a wall those of a logit, |y - z|^2/2s, count in full.
        logit = ((points[:, None] - x) ** 2).sum(axis=2).max() + 4.0 * d
        rounding = (3e-13 + 1e-15 * logit / np.expm1(1.2 * t.min())) * np.abs(values).max(initial=1.0)
        assert np.allclose(found, values.mean(axis=1), rtol=0.0, atol=rounding)
        assert (error <= rounding).all()


def test_the_hull_of_images_and_of_degenerate_clouds():
    rng = np.random.default_rng(2)
    assert ReducedCloud(ms.PointCloud(rng.normal(size=(16, 4096)))).dimension == 15
    assert ReducedCloud(ms.PointCloud(np.repeat(rng.normal(size=(3, 40)), 7, axis=0))).dimension == 2
    assert ReducedCloud(ms.PointCloud(np.ones((5, 3)))).dimension == 0
    assert ReducedCloud(ms.PointCloud(rng.normal(size=(500, 3)))).dimension == 3
    plane = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 60)) + 100.0
    cloud = ReducedCloud(ms.PointCloud(plane))  # rounded in R^60, and a plane none the less
    assert cloud.dimension == 2
    assert np.allclose(cloud.origin + cloud.lift(cloud.coordinates), plane, atol=1e-12)
    weighted = ms.PointCloud([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1.0, 1.0, 0.0])
    assert ReducedCloud(weighted).dimension == 1


def test_loadings_have_the_covariance_of_the_products():
    rng = np.random.default_rng(3)
    points, factor = rng.normal(size=(9, 25)), rng.normal(size=(25, 4))
    cloud = ReducedCloud(ms.PointCloud(points))
    loadings = cloud.loadings(cloud.project(np.ascontiguousarray(factor.T)).T.copy())
    assert loadings.shape == (9, 4)  # the rank of the kernel's covariance
    centred = points - points.mean(axis=0)
    assert np.allclose(loadings @ loadings.T, centred @ factor @ factor.T @ centred.T, atol=1e-12)
    shares = (loadings**2).sum(axis=0)
    assert (np.diff(shares) <= 1e-12 * shares[0]).all()
    assert np.allclose(loadings.T @ loadings, np.diag(shares), atol=1e-10)


def test_noise_orthogonal_to_the_hull_does_nothing():
    points = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
    noised = ms.NoisedMeasure(ms.PointCloud(points), BROWNIAN)
    model = ms.SmoothedScore(noised, ms.GaussianKernel(np.diag([0.0, 0.0, 3.0])))
    assert (model.rule, model.effective_dimension) == ("exact", 0)
    x = np.array([0.3, 0.4, -2.0])
    assert np.allclose(model.score(x, 0.2), noised.score(x, 0.2), rtol=1e-13)
    # The constant: E|xi|^2 over twice the variance.
    assert np.isclose(model.log_density(x, 0.2), noised.log_density(x, 0.2) - 3.0 / 0.4, rtol=1e-13)


def coverage(rule, cases, nodes, seed):
    """Shares of cases in which value +- 1.96 errors covers the truth, by target; 1000 of them are run by hand."""
    rng = np.random.default_rng(seed)
    hits = {name: [] for name in TARGETS[:3]}
    for _ in range(cases):
        d, n = int(rng.integers(3, 12)), int(rng.integers(4, 14))
        points = rng.normal(size=(n, d)) * np.exp(0.7 * rng.normal(size=d))
        nearest = pdist(points).min()
        s, kernel = 10.0 ** rng.uniform(-6, 1), ms.GaussianKernel(nearest * 10.0 ** rng.uniform(-3, 1))
        noised = ms.NoisedMeasure(ms.PointCloud(points), BROWNIAN)
        x = points[rng.integers(n)] + rng.normal(size=d) * nearest * 10.0 ** rng.uniform(-2, 0.5)
        model = ms.SmoothedScore(noised, kernel, rule, nodes, rng.integers(2**31))
        truth = ms.SmoothedScore(noised, kernel, "qmc", 128 * nodes, 1)
        for name, found in hits.items():
            value, error = (np.atleast_1d(a)[0] for a in getattr(model, name)(x, s, return_error=True))
            expected, rest = (np.atleast_1d(a)[0] for a in getattr(truth, name)(x, s, return_error=True))
            if rest < 0.3 * error:  # else both are right to rounding, and the truth is not known better
                found.append(abs(value - expected) <= 1.96 * error)
    return {name: (np.mean(values), len(values)) for name, values in hits.items()}


@pytest.mark.parametrize("rule", ["qmc", "monte-carlo"])
def test_standard_errors_cover_the_truth(rule):
    for name, (share, count) in coverage(rule, 120, 1024, 11).items():
        # Four standard deviations of a binomial count about 95 %; 1000 cases are run by hand (docs/smoothing.md).
        assert abs(share - 0.95) <= 4.0 * np.sqrt(0.95 * 0.05 / count), (name, share, count)


def test_unseen_mass_bounds_what_no_node_meets():
    # Two points: the share is E[1/(1 + e^-L)], by quadrature, and must stay below the bound.
    g, step = np.linspace(-14.0, 14.0, 280_001, retstep=True)  # transitions are no narrower than 1/300
    weight = step * np.exp(-0.5 * g * g) / np.sqrt(2.0 * np.pi)
    for level, spread in ((-40.0, 8.0), (-30.0, 5.0), (-300.0, 50.0), (-2000.0, 300.0)):
        share, excess = unseen_mass(np.array([[level]]), np.array([[spread]]), 1024)
        logits = level + spread * g
        truth = weight @ expit(logits)
        assert truth <= share[0, 0] <= 4.0 * truth
        assert weight @ np.logaddexp(0.0, logits) <= excess[0, 0]
    seen, _ = unseen_mass(np.array([[-1.0]]), np.array([[3.0]]), 1024)
    assert seen == 0.0
    assert ndtr(-3.0) * 1024 < 5.0  # where a handful begins


def test_a_wall_out_of_reach_is_in_the_error():
    # The other point is five standard deviations away: 64 nodes never see it, the error does.
    noised = ms.NoisedMeasure(
        ms.PointCloud(np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 50.0, 0.0], [0, 0, 50]])), BROWNIAN
    )
    model = ms.SmoothedScore(noised, ms.GaussianKernel(0.1), "qmc", 64, 0)
    value, error = model.posterior_mean([0.0, 0.0, 0.0], 1e-6, return_error=True)
    truth = ndtr(-5.0)
    assert abs(value[0] - truth) <= error[0]
    assert error[0] <= 10.0 * truth


def test_rules_and_what_auto_chooses():
    rng = np.random.default_rng(0)
    plane = ms.NoisedMeasure(ms.PointCloud(rng.normal(size=(5, 2))), BROWNIAN)
    space = ms.NoisedMeasure(ms.PointCloud(rng.normal(size=(5, 4))), BROWNIAN)
    circle = ms.NoisedMeasure(ms.Circle().uniform(), BROWNIAN)
    kernel = ms.GaussianKernel(0.2)
    assert ms.SmoothedScore(plane, kernel).rule == "quadrature"
    assert (ms.SmoothedScore(space, kernel).rule, ms.SmoothedScore(space, kernel).effective_dimension) == ("qmc", 4)
    assert ms.SmoothedScore(circle, kernel).rule == "qmc"
    assert ms.SmoothedScore(plane, ms.AdaptedKernel(kernel, ms.Circle())).rule == "qmc"
    assert ms.SmoothedScore(plane, ms.SampledKernel(rng.normal(size=(7, 2)))).rule == "exact"
    function = ms.SampledKernel(lambda x, n, rng: x[:, None] + rng.normal(size=(len(x), n, x.shape[1])))
    assert ms.SmoothedScore(plane, function).rule == "monte-carlo"
    assert ms.SmoothedScore(plane, kernel, tolerance=1e-6).rule == "quadrature"
    assert ms.SmoothedScore(plane, kernel, tolerance=1e-2).rule == "qmc"  # cheaper
    assert "rule='qmc', nodes=4096" in repr(ms.SmoothedScore(space, kernel))
    assert "rule='qmc', tolerance=0.01" in repr(ms.SmoothedScore(space, kernel, tolerance=0.01))
    assert "rule='quadrature', tolerance=1e-09" in repr(ms.SmoothedScore(plane, kernel))
    with_1000 = ms.SmoothedScore(space, kernel, "monte-carlo", 1000, 0).score(np.zeros(4), 0.1)
    assert (with_1000 == ms.SmoothedScore(space, kernel, "monte-carlo", 1008, 0).score(np.zeros(4), 0.1)).all()


@pytest.mark.parametrize("name", TARGETS[:3])
def test_a_tolerance_takes_as_many_nodes_as_it_needs(name):
    rng = np.random.default_rng(9)
    points = rng.normal(size=(8, 4))
    noised, kernel = ms.NoisedMeasure(ms.PointCloud(points), BROWNIAN), ms.GaussianKernel(0.7)
    x, t = rng.normal(size=(12, 4)), np.geomspace(0.02, 3.0, 12)
    truth = getattr(ms.SmoothedScore(noised, kernel, "qmc", 2**19, 1), name)(x, t)
    value, error = getattr(ms.SmoothedScore(noised, kernel, rng=0, tolerance=3e-3), name)(x, t, return_error=True)
    size = np.abs(value)
    if name == "score":
        size, error = np.linalg.norm(value, axis=1), np.linalg.norm(error, axis=1)
        distance = np.linalg.norm(value - truth, axis=1)
    else:
        size, distance = np.maximum(size, 1.0 if name == "log_density" else 4.0 / t), np.abs(value - truth)
    assert (error <= 3e-3 * size).all()
    assert (distance <= 4.5 * error).all()
    assert error.max() > 3e-5 * size.max()  # not by always taking the most


@pytest.mark.parametrize("name", TARGETS)
def test_all_rules_agree(name):
    rng = np.random.default_rng(7)
    noised = ms.NoisedMeasure(ms.PointCloud(rng.normal(size=(10, 2)), rng.random(10)), ms.OrnsteinUhlenbeck())
    x, t, kernel = rng.normal(size=(6, 2)), np.geomspace(1e-3, 2.0, 6), ms.GaussianKernel(0.4)
    exact = getattr(ms.SmoothedScore(noised, kernel), name)(x, t)
    for rule in ("qmc", "monte-carlo"):
        value, error = getattr(ms.SmoothedScore(noised, kernel, rule, 2**13, 5), name)(x, t, return_error=True)
        assert value.shape == error.shape == exact.shape
        assert (np.abs(value - exact) <= 4.5 * error).all()


def test_nodes_are_common_and_seeded():
    noised = ms.NoisedMeasure(ms.PointCloud(np.eye(5)), BROWNIAN)
    x, kernel = np.full(5, 0.1), ms.GaussianKernel(0.5)
    model = ms.SmoothedScore(noised, kernel, "qmc", 256, 3)
    assert (model.score(x, 0.3) == model.score(np.stack([x, x + 1.0]), 0.3)[0]).all()
    assert (model.score(x, 0.3) == ms.SmoothedScore(noised, kernel, "qmc", 256, 3).score(x, 0.3)).all()
    assert (model.score(x, 0.3) != ms.SmoothedScore(noised, kernel, "qmc", 256, 4).score(x, 0.3)).any()
    fresh = ms.SmoothedScore(noised, kernel, "qmc", 256, 3, fresh_nodes=True)
    assert (fresh.score(x, 0.3) != fresh.score(x, 0.3)).any()


def test_a_gaussian_measure_does_not_feel_centred_noise():
    # The score is linear: its average over centred displacements is the score; the log-density loses a constant.
    rng = np.random.default_rng(1)
    covariance = np.array([[0.5, 0.2], [0.2, 0.3]])
    noised = ms.NoisedMeasure(ms.Gaussian([1.0, -1.0], covariance), ms.OrnsteinUhlenbeck())
    half = rng.normal(size=(30, 2))
    model = ms.SmoothedScore(noised, ms.SampledKernel(np.concatenate([half, -half])))
    x = rng.normal(size=(4, 2))
    assert np.allclose(model.score(x, 0.4), noised.score(x, 0.4), rtol=1e-12)
    change = model.log_density(x, 0.4) - noised.log_density(x, 0.4)
    assert np.allclose(change, change[0], rtol=1e-11)
    sampled = ms.SmoothedScore(noised, ms.GaussianKernel(0.3), rng=0)
    value, error = sampled.score(x, 0.4, return_error=True)
    assert (np.abs(value - noised.score(x, 0.4)) <= 4.5 * error).all()


def test_a_circle_against_quadrature():
    noised, h, t = ms.NoisedMeasure(ms.Circle().uniform(), BROWNIAN), 0.3, 0.05
    x = np.array([[0.9, 0.2], [0.1, 0.0], [-1.5, 1.0]])
    u, w = np.polynomial.hermite_e.hermegauss(120)
    grid = np.stack(np.meshgrid(u, u), -1).reshape(-1, 2)
    weight = np.outer(w, w).ravel() / (2.0 * np.pi)
    model = ms.SmoothedScore(noised, ms.GaussianKernel(h), rng=2)
    for name in TARGETS[:3]:
        value, error = getattr(model, name)(x, t, return_error=True)
        expected = np.moveaxis(getattr(noised, name)(x[:, None] + h * grid, t), 1, -1) @ weight
        assert (np.abs(value - expected) <= 4.5 * error + 1e-9 * np.abs(expected)).all()


def test_points_in_blocks_and_tables_in_blocks(monkeypatch):
    from manifold_scores.smoothing import cloud, oracle

    rng = np.random.default_rng(4)
    noised = ms.NoisedMeasure(ms.PointCloud(rng.normal(size=(20, 4))), BROWNIAN)
    kernel, x, t = ms.GaussianKernel(0.5), rng.normal(size=(30, 4)), np.geomspace(1e-3, 2, 30)
    whole = ms.SmoothedScore(noised, kernel, "qmc", 512, 0).log_density(x, t, return_error=True)
    adapted = ms.AdaptedKernel(kernel, ms.Sphere(4))
    other = ms.SmoothedScore(noised, adapted, "qmc", 512, 0).score(x, t)
    monkeypatch.setattr(cloud, "_QUERY_ENTRIES", 1000)
    monkeypatch.setattr(cloud, "_TABLE_ENTRIES", 300)
    monkeypatch.setattr(oracle, "_ENTRIES", 300)
    blocks = ms.SmoothedScore(noised, kernel, "qmc", 512, 0).log_density(x, t, return_error=True)
    assert np.allclose(whole, blocks, rtol=1e-12)
    assert np.allclose(other, ms.SmoothedScore(noised, adapted, "qmc", 512, 0).score(x, t), rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 4])
def test_no_queries(d):
    noised = ms.NoisedMeasure(ms.PointCloud(np.eye(5)[:, :d]), BROWNIAN)
    for kernel in (
        ms.GaussianKernel(0.1),
        ms.TangentKernel(ms.GaussianKernel(0.1), ms.Segment(np.zeros(d), np.ones(d))),
    ):
        model = ms.SmoothedScore(noised, kernel)
        assert model.score(np.empty((0, d)), 0.1).shape == (0, d)
        assert model.log_density(np.empty((0, 3, d)), 0.1, return_error=True)[1].shape == (0, 3)


def test_arrays_of_torch():
    torch = pytest.importorskip("torch", reason="torch is an optional extra")
    noised = ms.NoisedMeasure(ms.PointCloud(np.eye(3)), BROWNIAN)
    model = ms.SmoothedScore(noised, ms.GaussianKernel(0.5))
    score, error = model.score(torch.zeros(4, 3), 0.5, return_error=True)
    assert score.dtype == error.dtype == torch.float64
    assert np.allclose(score.numpy(), model.score(np.zeros((4, 3)), 0.5))


if __name__ == "__main__":  # the acceptance run: python -m tests.test_smoothing_nodes, about ten minutes
    for chosen in ("qmc", "monte-carlo"):
        for target, (covered, of) in coverage(chosen, 1000, 1024, 23).items():
            print(f"{chosen}, {target}: {100.0 * covered:.1f} % of {of} cases within 1.96 errors")
