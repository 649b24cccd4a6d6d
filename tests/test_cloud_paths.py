"""Every way of summing over a cloud keeps the promise, agrees with the others at its borders, and bounds what it skips.

`python -m tests.test_cloud_paths` prints the worst error of every path in units of eps (1 + kappa).
"""

import dataclasses

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.measures import cloud_part
from manifold_scores.measures.cloud_part import CloudPart

EPSILON = np.finfo(np.float64).eps
PROMISED = 100.0
QUERIES = 12


def _moments(points, weights, z, s):
    """log mass, mean and displacement in 80-bit arithmetic, whose exponents are good while they are below 1e4."""
    y, z, w = points.astype(np.longdouble), z.astype(np.longdouble), weights.astype(np.longdouble)
    squares = ((y - z) ** 2).sum(axis=1)
    logs = np.log(w) - squares / (2 * np.longdouble(s))
    top = logs.max()
    shares = np.exp(logs - top)
    total = shares.sum()
    shares /= total
    mean = shares @ y
    return float(top + np.log(total) - np.log(w.sum())), mean.astype(float), (shares @ (y - z)).astype(float), shares


def _condition(points, z, s, shares, mean, displacement):
    """kappa of mean and displacement for center, variance, points and weights: sum |input| |d g / d input| / |g|."""
    p, spread, apart = shares.astype(float), points - mean, points - z
    covariance = np.einsum("i,ij,ik->jk", p, spread, spread)
    by_variance = np.linalg.norm(p @ (spread * (apart**2).sum(axis=1)[:, None])) / (2 * s)
    length = (spread**2).sum(axis=1)[:, None]
    # |e_k - (y_i - f)(y_ik - z_k)/s|^2 for every entry of the points.
    entries = 1 + 2 * spread * -apart / s + length * (apart / s) ** 2
    by_points = (p[:, None] * np.abs(points) * np.sqrt(np.maximum(entries, 0))).sum()
    by_weights = (p * np.sqrt(length[:, 0])).sum()
    shared = by_variance + by_points + by_weights
    identity = np.eye(len(z))
    by_center = [np.abs(z) @ np.linalg.norm(matrix, axis=0) for matrix in (covariance / s, covariance / s - identity)]
    sizes = np.linalg.norm(mean), np.linalg.norm(displacement)
    return [(shared + center) / size for center, size in zip(by_center, sizes, strict=True)]


def _surface(d, n, rng):
    frequencies = rng.standard_normal((d, 3))
    return np.cos(rng.standard_normal((n, 3)) @ frequencies.T + rng.uniform(0, 6, d))


def _circle(d, n, rng):
    angles = rng.uniform(0, 2 * np.pi, n)
    points = np.zeros((n, d))
    points[:, 0], points[:, 1] = np.cos(angles), np.sin(angles)
    return points * (1 + 1e-9 * rng.standard_normal((n, 1)))


@dataclasses.dataclass(frozen=True)
class Path:
    """A cloud and variances that lead down one way through the kernels."""

    d: int
    n: int
    variances: tuple[float, ...]
    points: object = _surface
    weighted: bool = False
    centre: bool = False
    """Queries near the centre of a near-circle, where displacements nearly cancel, instead of noised points."""


PATHS = {
    "few points": Path(3, 100, (1e-4, 1e-2, 1.0, 100.0)),
    "few points, weighted": Path(2, 500, (1e-4, 1e-2, 1.0), weighted=True),
    "near-circle of few points": Path(2, 200, (1e-3, 1e-2), _circle, centre=True),
    "line": Path(1, 3000, (1e-6, 1e-2, 1.0)),
    "plane, in registers": Path(2, 5000, (1e-6, 1e-3, 1.0)),
    "space, in registers": Path(3, 5000, (1e-5, 1e-2, 1.0)),
    "differences": Path(5, 3000, (1e-4, 1e-3)),
    "products in the tree": Path(8, 3000, (0.1, 10.0)),
    "weights over 200 orders": Path(3, 2000, (1e-3, 1.0), weighted=True),
    "weights in many dimensions": Path(40, 1500, (0.1, 10.0), weighted=True),
    "near-circle, double-double": Path(2, 800, (1e-3, 1e-2), _circle, centre=True),
    "near-circle in R^40": Path(40, 400, (1e-3, 1e-2), _circle, centre=True),
    "screen, few points": Path(32, 2000, (0.01, 0.1)),
    "screen, many points": Path(32, 2000, (0.5,)),
    "dense products": Path(32, 2000, (2.0, 100.0)),
    "dense products, long points": Path(300, 700, (5.0, 1000.0)),
    "screen, long points": Path(300, 700, (0.05,)),
}


def _queries(path, points, s, rng):
    if path.centre:
        return 1e-3 * rng.standard_normal((QUERIES, path.d))
    return points[rng.integers(path.n, size=QUERIES)] + np.sqrt(s) * rng.standard_normal((QUERIES, path.d))


def worst(path, seed=0):
    """Return the worst errors of log mass, mean and displacement on a path, in their promised units."""
    rng = np.random.default_rng(seed)
    points = path.points(path.d, path.n, rng)
    weights = 10.0 ** rng.uniform(-200, 0, path.n) if path.weighted else np.ones(path.n)
    cloud = ms.PointCloud(points, weights)
    found = [0.0, 0.0, 0.0]
    for s in path.variances:
        centers = _queries(path, points, s, rng)
        tilt = cloud.tilt(centers, s)
        for m, z in enumerate(centers):
            log_mass, mean, displacement, shares = _moments(points, weights, z, s)
            kappas = _condition(points, z, s, shares, mean, displacement)
            size = max(1.0, abs(log_mass)) * (1 + (np.abs(points - z) ** 2).sum(axis=1).min() / s)
            found[0] = max(found[0], abs(tilt.log_mass[m] - log_mass) / (EPSILON * size))
            for i, (value, wanted, kappa) in enumerate(
                zip((tilt.mean[m], tilt.displacement[m]), (mean, displacement), kappas, strict=True), 1
            ):
                error = np.linalg.norm(value - wanted) / np.linalg.norm(wanted)
                found[i] = max(found[i], error / (EPSILON * (1 + kappa)))
    return found


@pytest.mark.parametrize("name", PATHS)
def test_every_path_keeps_the_promise(name):
    assert max(worst(PATHS[name])) <= PROMISED


def _part(points, weights=None, **options):
    mantissas, exponents = np.frexp(np.ones(len(points)) if weights is None else weights)
    return CloudPart(points, mantissas, exponents.astype(float), **options)


def _same(one, other, rtol):
    for name in ("mass", "value", "apart"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


@pytest.mark.parametrize("d", [1, 2, 3, 7])
@pytest.mark.parametrize("s", [1e-6, 1e-4, 1e-2, 1.0, 100.0])
def test_the_order_of_a_tree_changes_nothing_but_rounding(d, s):
    rng = np.random.default_rng(d)
    points = _surface(d, 3000, rng)
    centers = points[:50] + np.sqrt(s) * rng.standard_normal((50, d))
    tree, given = _part(points), _part(points, ordered=False)
    # Exponents are sums of d squares: their rounding times their size, up to |z - y|^2 / 2s of the best point.
    _same(tree.first_moments(centers, np.full(50, s)), given.first_moments(centers, np.full(50, s)), 100 * d * EPSILON)
    for trace_only in (False, True):
        one, other = (
            part.second_moments(centers, np.full(50, s), trace_only=trace_only).covariance() for part in (tree, given)
        )
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12 * np.abs(other).max() + 1e-260)


@pytest.mark.parametrize("s", [1e-3, 0.05, 1.0, 30.0])
def test_trees_and_screens_give_the_same_answer_at_their_border(monkeypatch, s):
    rng = np.random.default_rng(5)
    points, d = _surface(10, 2000, rng), 10
    centers, variances = points[:40] + np.sqrt(s) * rng.standard_normal((40, d)), np.full(40, s)
    tree = _part(points)
    monkeypatch.setattr(cloud_part, "_ORDERED_DIMENSIONS", 9)
    screen = _part(points)
    assert screen._screened
    assert not tree._screened
    log_total = np.log(2000.0)
    a, b = (part.first_moments(centers, variances).tilt(log_total) for part in (tree, screen))
    tolerance = PROMISED * EPSILON * (1 + d)
    np.testing.assert_allclose(a.mean, b.mean, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(a.displacement, b.displacement, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(a.log_mass, b.log_mass, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("s", [1e-4, 1e-2, 1.0, 30.0])
def test_few_points_and_trees_give_the_same_answer_at_their_border(monkeypatch, s):
    rng = np.random.default_rng(6)
    points, weights = _surface(3, 500, rng), rng.uniform(0.5, 2, 500)
    centers, variances = points[:40] + np.sqrt(s) * rng.standard_normal((40, 3)), np.full(40, s)
    small = _part(points, weights)
    monkeypatch.setattr(cloud_part, "_SMALL", 0)
    tree = _part(points, weights)
    assert small._small
    assert not tree._small
    _same(small.first_moments(centers, variances), tree.first_moments(centers, variances), 300 * EPSILON)


@pytest.mark.parametrize("d", [2, 16])
def test_answers_are_continuous_across_every_border_in_the_variance(d):
    """Neighbouring variances may take different paths; displacement times s^(1/2) moves by no more than s does."""
    rng = np.random.default_rng(7)
    points = _surface(d, 1500, rng)
    z = points[0] + 0.3 * rng.standard_normal(d)
    cloud = ms.PointCloud(points)
    for s in np.geomspace(1e-6, 1e3, 200):
        near = np.array([s, s * (1 + 4 * EPSILON)])
        tilt = cloud.tilt(np.stack([z, z]), near)
        exponent = 1 + ((points - z) ** 2).sum(axis=1).min() / s
        size = np.abs(points).max() + np.abs(z).max()
        assert np.abs(np.diff(tilt.mean, axis=0)).max() <= PROMISED * EPSILON * size * min(exponent, 1e4), s
        assert np.abs(np.diff(tilt.log_mass))[0] <= PROMISED * EPSILON * exponent, s


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8, 1e-12])
@pytest.mark.parametrize("d", [1, 3, 20])
def test_what_is_left_out_is_within_its_bound_and_the_tolerance(tolerance, d):
    rng = np.random.default_rng(11)
    points, weights = _surface(d, 4000, rng), 10.0 ** rng.uniform(-3, 0, 4000)
    loose, full = ms.PointCloud(points, weights, tolerance=tolerance), ms.PointCloud(points, weights)
    skipped = 0
    for s in (1e-5, 1e-3, 1e-2, 0.1):
        centers = points[:60] + np.sqrt(s) * rng.standard_normal((60, d))
        a, b, bound = loose.tilt(centers, s), full.tilt(centers, s), loose.error_estimate(centers, s)
        norms = [np.linalg.norm(value, axis=1) for value in (b.mean, b.displacement)]
        rounding = 1e3 * EPSILON * (1 + norms[0])
        for name, norm in zip(("mean", "displacement"), norms, strict=True):
            error = np.linalg.norm(getattr(a, name) - getattr(b, name), axis=1)
            assert (error <= bound.mean + rounding).all()
            assert (error <= 4 * tolerance * norm + rounding).all()
        error = np.abs(a.log_mass - b.log_mass)
        assert (error <= bound.log_mass + 1e3 * EPSILON * (1 + np.abs(b.log_mass))).all()
        skipped += int((a.mean != b.mean).any(axis=1).sum())
    assert skipped > 0 or tolerance < 1e-4  # or nothing was tested; leaves are coarse


def test_means_are_right_where_only_what_is_far_below_rounding_decides_them():
    """A point at the origin holds all but 2e-22 of the mass, yet its neighbours are the whole mean."""
    lattice = np.stack(np.meshgrid(*[np.arange(-20.0, 21.0)] * 2), -1).reshape(-1, 2)
    cloud = ms.PointCloud(lattice)
    z, s = np.array([1e-3, 0.0]), 0.01
    # By hand: E y = 2 exp(-1/2s) sinh(z/s) in the first direction, over one.
    assert cloud.tilt(z, s).mean[0] == pytest.approx(2 * np.exp(-0.5 / s) * np.sinh(z[0] / s), rel=1e-12)
    variance = cloud.tilt_covariance(np.zeros(2), s)[0, 0]
    assert variance == pytest.approx(2 * np.exp(-0.5 / s), rel=1e-12)


if __name__ == "__main__":
    print(f"{'path':30} {'log mass':>10} {'mean':>10} {'displacement':>13}   in eps (1 + kappa), promised {PROMISED:g}")
    for name, path in PATHS.items():
        print(f"{name:30} {'{:10.2f} {:10.2f} {:13.2f}'.format(*np.max([worst(path, k) for k in range(5)], axis=0))}")
