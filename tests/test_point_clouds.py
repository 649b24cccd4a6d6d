"""Point clouds: extreme weights, duplicates, order, every tile boundary, many dimensions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manifold_scores as ms
from tests import strategies
from tests.strategies import close, largest_exponent

EPSILON = np.finfo(np.float64).eps


def _plain_sum(points, weights, z, s):
    """The softmax with exactly rounded sums."""
    logs = [math.log(w) - math.fsum((y - z) ** 2) / (2 * s) for y, w in zip(points, weights, strict=True)]
    top = max(logs)
    shares = [math.exp(value - top) for value in logs]
    total = math.fsum(shares)
    mean = [math.fsum(p * y for p, y in zip(shares, column, strict=True)) / total for column in points.T]
    return top + math.log(total) - math.log(math.fsum(weights)), np.array(mean)


def test_weights_spanning_three_hundred_orders():
    rng = np.random.default_rng(11)
    points, weights = rng.standard_normal((40, 3)), 10.0 ** np.linspace(-300, 0, 40)
    cloud = ms.PointCloud(points, weights)
    for s in (1e-3, 0.01, 1.0, 100.0):
        for z in (points[0], points[-1], np.array([5.0, 5.0, 5.0])):
            log_mass, mean = _plain_sum(points, weights, z, s)
            # Logarithms of size 700 + |z|^2/s are rounded in the plain sum.
            size = EPSILON * (1400 + 200 / s)
            tilt = cloud.tilt(z, s)
            assert tilt.log_mass == pytest.approx(log_mass, abs=4 * size)
            np.testing.assert_allclose(tilt.mean, mean, rtol=20 * size, atol=20 * size)
    assert cloud.tilt(points[0], 1e-4).mean == pytest.approx(points[0])  # 1e-300 wins where it is that close
    np.testing.assert_allclose(cloud.weights, weights / math.fsum(weights), rtol=4 * EPSILON)


@pytest.mark.parametrize("scale", [1e-300, 1e-310, 1e-8, 1.0, 1e300])
def test_only_ratios_of_weights_count(scale):
    points, weights = np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, 0.0]]), np.array([4.0, 1.0, 2.0])
    z, s = np.array([0.3, 0.2]), 0.7
    plain = ms.PointCloud(points, weights).tilt(z, s)
    for extra in ([], [0.0]):  # a point of weight zero changes nothing, whatever the scale
        grown = np.concatenate([points, np.zeros((len(extra), 2))])
        scaled = ms.PointCloud(grown, np.concatenate([scale * weights, extra])).tilt(z, s)
        # At 1e-310 the weights themselves are only known to 5e-324 / 1e-310.
        tolerance = max(8 * EPSILON, 5e-324 / scale)
        np.testing.assert_allclose(scaled.mean, plain.mean, rtol=tolerance)
        assert scaled.log_mass == pytest.approx(plain.log_mass, abs=2 * tolerance)


def test_points_without_weight_are_dropped():
    points = np.array([[0.0], [1.0], [2.0]])
    dropped, without = ms.PointCloud(points, [1.0, 0.0, 3.0]), ms.PointCloud(points[[0, 2]], [1.0, 3.0])
    for z in (0.0, 1.0, 1e4):
        a, b = dropped.tilt([z], 1e-6), without.tilt([z], 1e-6)
        assert (a.log_mass, a.mean[0], a.displacement[0]) == (b.log_mass, b.mean[0], b.displacement[0])
    assert not (dropped.sample(1000, 0) == 1.0).any()
    np.testing.assert_array_equal(dropped.weights, [0.25, 0.0, 0.75])


@given(strategies.laws((strategies.points,)), strategies.variances, st.data())
def test_duplicates_are_summed_weights_and_order_does_not_matter(law, s, data):
    z = data.draw(strategies.vectors(law.dimension))
    copies = data.draw(st.lists(st.integers(1, 4), min_size=len(law.nodes), max_size=len(law.nodes)))
    many = np.repeat(law.nodes, copies, axis=0), np.repeat(law.shares / copies, copies)
    order = np.random.default_rng(0).permutation(len(many[0]))
    plain, shuffled = law.measure.tilt(z, s), ms.PointCloud(many[0][order], many[1][order]).tilt(z, s)
    bound = 16 * EPSILON * (1 + largest_exponent(law, z, s))
    close(shuffled.log_mass, plain.log_mass, bound)
    close(shuffled.mean, plain.mean, bound * strategies.RADIUS)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 511, 512, 513, 1025])
@pytest.mark.parametrize("d", [1, 5, 20])
def test_every_tile_boundary_agrees_with_the_plain_sum(count, d):
    rng = np.random.default_rng(count)
    points, weights, z = rng.standard_normal((count, d)), rng.uniform(0.5, 2, count), rng.standard_normal(d)
    cloud = ms.PointCloud(points, weights)
    for s in (0.01, 3.0):
        log_mass, mean = _plain_sum(points, weights, z, s)
        tilt = cloud.tilt(z, s)
        bound = 16 * EPSILON * (1 + 10 * d / s)
        assert tilt.log_mass == pytest.approx(log_mass, abs=bound)
        np.testing.assert_allclose(tilt.mean, mean, atol=10 * bound)
        np.testing.assert_allclose(tilt.displacement, mean - z, atol=10 * bound)
        shares = np.exp(np.log(weights) - ((points - z) ** 2).sum(1) / (2 * s) - log_mass) / weights.sum()
        spread = points - mean
        np.testing.assert_allclose(cloud.tilt_covariance(z, s), (shares[:, None] * spread).T @ spread, atol=1e-11)


def test_ten_thousand_dimensions():
    rng, d = np.random.default_rng(5), 10_000
    points = rng.standard_normal((40, d))
    z = points[3] + 0.5 * (points[4] - points[3]) + 0.1 * rng.standard_normal(d)
    noised = ms.NoisedMeasure(ms.PointCloud(points), ms.BrownianMotion())
    for s in (20.0, 2000.0):
        log_mass, mean = _plain_sum(points, np.ones(40), z, s)
        # The plain sum rounds exponents of size |z - y|^2 / 2s.
        tolerance = 8 * EPSILON * 20_000 / s
        np.testing.assert_allclose(noised.posterior_mean(z, s), mean, atol=10 * tolerance)
        np.testing.assert_allclose(noised.score(z, s), (mean - z) / s, atol=10 * tolerance / s)
        assert noised.measure.tilt(z, s).log_mass == pytest.approx(log_mass, abs=tolerance)
    assert noised.measure.tilt_covariance_trace(z, 20.0) > 0


def test_a_cloud_keeps_a_copy_of_its_points():
    points, weights = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1.0, 3.0])
    cloud = ms.PointCloud(points, weights)
    before = cloud.tilt([0.2, 0.1], 0.5).mean
    points[:], weights[:], cloud.points[:], cloud.weights[:] = 9.0, 9.0, 9.0, 9.0
    np.testing.assert_array_equal(cloud.tilt([0.2, 0.1], 0.5).mean, before)
    np.testing.assert_array_equal(cloud.points, [[0.0, 1.0], [1.0, 0.0]])
    assert len(cloud) == 2


def test_a_tiny_covariance_does_not_depend_on_the_order_of_the_points():
    # 512 points at the query fill a tile of their own; the one that carries the covariance lies in the next.
    points = np.vstack([np.zeros((512, 2)), [[1.0, 0.0]]])
    for s in (0.003, 0.001):  # shares of 2**-240 and 2**-721
        share = math.exp(-0.5 / s) / 512
        for cloud in (ms.PointCloud(points), ms.PointCloud(points[::-1])):
            assert cloud.tilt_covariance([0.0, 0.0], s)[0, 0] == pytest.approx(share, rel=1e-12)
            assert cloud.tilt_covariance_trace([0.0, 0.0], s) == pytest.approx(share, rel=1e-12)
