"""Long clouds on the card against direct sums in 60-digit arithmetic, in units of eps (1 + kappa)."""

import types

import numpy as np
import pytest
from mpmath import mp, mpf

from manifold_scores.compute import cuda_products
from manifold_scores.compute.cuda_compilation import ON_SIMULATOR
from manifold_scores.compute.cuda_long import LongCloud
from manifold_scores.compute.cuda_long_batch import Batch, Space
from manifold_scores.compute.cuda_memory import empty, to_card, to_host
from manifold_scores.compute.cuda_products import multiply
from tests import reference

EPS = {np.float64: 2.0**-52, np.float32: 2.0**-23}
VARIANCES = (1e-14, 1e-6, 0.05, 100.0)
# Three blocks of points, whose tables are not kept, and several batches of queries.
SMALL = {"block": 17, "entries": 400}


def engine(points, weights, real=np.float64, **limits):
    """A cloud on the card; of points and weights as they are once rounded."""
    mantissas, exponents = np.frexp(np.ones(len(points)) if weights is None else weights)
    total = float(mp.log(mp.fsum([mpf(1)] * len(points) if weights is None else [mpf(w) for w in weights])))
    arrays = (to_card(array, real) for array in (points, mantissas, exponents.astype(float)))
    return LongCloud(*arrays, total, 1e-17, **limits)


def near_circle(rng):
    """Points near a circle in R^12, and its centre."""
    plane, _ = np.linalg.qr(rng.normal(size=(12, 2)))
    angles = 2.0 * np.pi * np.arange(24) / 24
    center = rng.normal(size=12)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane.T
    return center + circle + 1e-9 * rng.normal(size=(24, 12)), center


def queries(points, center, rng, variances=VARIANCES):
    """A point of the cloud, one near it, a center, and one far away, each with every variance."""
    places = [points[-1], points[0] + 1e-3 * rng.normal(size=points.shape[1]), center]
    places.append(points[0] + 1e4 * rng.normal(size=points.shape[1]) / np.sqrt(points.shape[1]))
    z = np.repeat(places, len(variances), axis=0)
    return z, np.tile(variances, len(places))


def gaussian_case(n, d, span=0.0, seed=0):
    """Normal points, weights over so many orders of magnitude, and queries."""
    rng = np.random.default_rng(seed)
    points = 1.0 + 0.3 * rng.normal(size=(n, d))
    weights = 10.0 ** rng.uniform(-span, 0.0, size=n) if span else None
    return points, weights, *queries(points, points.mean(axis=0), rng)


class Truth:
    """Moments at one query, and by how much each may be off: so many times |g| + sum of |input| ||dg/d input||."""

    def __init__(self, points, weights, z, s):
        with mp.workdps(60):
            cloud = reference.PointCloud(points, weights)
            tilt = cloud.tilt(reference.exact(z), mpf(float(s)))
            _, _, offsets, shares = cloud._softmax(reference.exact(z), mpf(float(s)))
            self.log_mass = tilt.log_mass
            self.mean, self.displacement = reference.floats(tilt.mean), reference.floats(tilt.displacement)
            p, apart = reference.floats(shares), np.array([reference.floats(o) for o in offsets])
            spread = np.array(
                [reference.floats([a - b for a, b in zip(o, tilt.displacement, strict=True)]) for o in offsets]
            )
            self._rest = [tilt.log_mass + mp.fsum(o, squared=True) / (2 * mpf(float(s))) for o in offsets]
        self.covariance = (spread * p[:, None]).T @ spread
        size, squares = np.linalg.norm(points), (apart**2).sum(axis=1) / (2.0 * s)
        moves = [
            w * np.linalg.norm(np.eye(len(z)) - np.outer(a, b) / s, 2) for w, a, b in zip(p, spread, apart, strict=True)
        ]
        turn = np.linalg.norm(p * (squares - p @ squares) @ spread)
        parts = size * max(moves) + turn + (0.0 if weights is None else (p * np.linalg.norm(spread, axis=1)).max())
        far = np.linalg.norm(z)
        self.mean_unit = np.linalg.norm(self.mean) + parts + far * np.linalg.norm(self.covariance / s, 2)
        self.displacement_unit = np.linalg.norm(self.displacement) + parts
        self.displacement_unit += far * np.linalg.norm(self.covariance / s - np.eye(len(z)), 2)
        lengths = np.linalg.norm(apart, axis=1)
        self.log_unit = max(1.0, abs(float(self.log_mass))) + far * np.linalg.norm(self.displacement) / s
        self.log_unit += size * (p * lengths).max() / s + p @ squares
        self._points, self._shares, self._squares, self._offsets = points, p, squares, lengths
        self._size, self._far, self._s = size, far, s

    def log_rest(self, anchor):
        """Log Z + |z - y_r|^2 / 2s, and its unit."""
        r = int(np.flatnonzero((self._points == anchor).all(axis=1))[0])
        p, others = self._shares, np.delete(np.arange(len(self._shares)), r)
        value = float(self._rest[r])
        sensitivity = (p[others] * self._offsets[others]).sum() + (p[others].sum()) * self._offsets[r]
        unit = max(1.0, abs(value)) + self._size * sensitivity / self._s + p @ abs(self._squares - self._squares[r])
        return value, unit + self._far * np.linalg.norm(self.mean - anchor) / self._s

    def excess(self, found, m):
        """The largest error in units of what is allowed for it, that is of 100 eps |g| (1 + kappa)."""
        log_mass, mean, displacement, anchor, log_rest = (np.asarray(part[m], dtype=np.float64) for part in found)
        rest, rest_unit = self.log_rest(anchor)
        eps = 100.0 * EPS[found[0].dtype.type]
        return max(
            abs(float(log_mass - self.log_mass)) / (eps * self.log_unit),
            np.linalg.norm(mean - self.mean) / (eps * self.mean_unit),
            np.linalg.norm(displacement - self.displacement) / (eps * self.displacement_unit),
            abs(log_rest - rest) / (eps * rest_unit),
        )


def first(cloud, z, s):
    """The first moments, as numpy arrays."""
    return [to_host(part) for part in cloud.first(to_card(z, cloud.real), to_card(s, cloud.real))]


def worst(found, points, weights, z, s):
    """The largest excess over all queries."""
    return max(Truth(points, weights, z[m], s[m]).excess(found, m) for m in range(len(z)))


CASES = {
    "d = 5": lambda: gaussian_case(40, 5),
    "d = 9, weights over 300 orders": lambda: gaussian_case(37, 9, span=300.0),
    "d = 40": lambda: gaussian_case(25, 40),
    "one point": lambda: gaussian_case(1, 9),
}
BLOCKS = ("d = 5", "d = 9, weights over 300 orders")


@pytest.mark.parametrize(
    ("name", "limits"),
    [(BLOCKS[0], SMALL), (BLOCKS[1], {}), (BLOCKS[1], SMALL), ("d = 40", {}), ("one point", {})],
)
def test_first_moments(name, limits):
    """At a point, near one, amid them and far away, at every variance; blocks of points and batches of queries."""
    points, weights, z, s = CASES[name]()
    assert worst(first(engine(points, weights, **limits), z, s), points, weights, z, s) < 1.0


@pytest.mark.parametrize("outliers", [0, 1], ids=["centred", "not centred"])
def test_center_of_a_near_circle(outliers):
    """Where displacements cancel, inner products would spoil them: differences make them as good as their terms.

    By rounding to eps, not to eps times the sensitivity R^2 / s of the exponents to the points.  The circle is centred
    before it is multiplied, unless an outlier prevents that; then the first products tell already, and else the sums.
    """
    rng = np.random.default_rng(1)
    points, center = near_circle(rng)
    points = np.concatenate([points, np.full((outliers, 12), 300.0)])
    s = np.array([1e-10, 1e-8, 1e-6, 1e-4, 1e-2])
    z = center + 1e-10 * rng.normal(size=(len(s), 12))
    found = first(engine(points, None), z, s)
    assert worst(found, points, None, z, s) < 1.0
    for m in range(len(s)):
        assert np.linalg.norm(found[2][m] - Truth(points, None, z[m], s[m]).displacement) <= 50.0 * EPS[np.float64]


def test_products_serve_where_they_can():
    """Inner products are judged good enough at large noise, and not at small noise; both ways are then tested."""
    points, weights, z, s = gaussian_case(25, 40)
    cloud, suited = engine(points, weights), []
    for rows, batch in cloud._batches(to_card(z), to_card(s), 900.0):
        batch.search()
        suited.extend(to_host(batch.suited))
        assert isinstance(batch, Batch)
        assert rows.stop == len(suited)
    at_points = np.arange(len(s)) < 2 * len(VARIANCES)
    assert all(np.array(suited)[s > 1.0] == 1)
    assert not any(np.array(suited)[at_points & (s < 1e-3)])


def test_single_precision():
    """The same promise in units of float32's eps, at inputs that are float32 numbers."""
    points, weights, z, s = gaussian_case(25, 9, span=30.0)
    points, weights, z, s = (array.astype(np.float32).astype(np.float64) for array in (points, weights, z, s))
    found = first(engine(points, weights, np.float32), z, s)
    assert all(part.dtype == np.float32 for part in found)
    assert worst(found, points, weights, z, s) < 1.0


@pytest.mark.parametrize("limits", [{}, SMALL], ids=["together", "blocks"])
@pytest.mark.parametrize("name", BLOCKS)
def test_covariances_and_traces(name, limits):
    """To 1e-10 of the norm, or of the trace."""
    points, weights, z, s = CASES[name]()
    keep = (s > 1e-3)[: 3 * len(VARIANCES)]
    z, s = z[: len(keep)][keep], s[: len(keep)][keep]
    cloud = engine(points, weights, **limits)
    covariances = to_host(cloud.covariance(to_card(z), to_card(s)))
    traces = to_host(cloud.trace(to_card(z), to_card(s)))
    for m in range(len(s)):
        truth = Truth(points, weights, z[m], s[m]).covariance
        # Shares below 1e-70 are nothing to the reference.
        assert np.linalg.norm(covariances[m] - truth) <= 1e-10 * np.linalg.norm(truth) + 1e-65
        assert abs(traces[m] - np.trace(truth)) <= 1e-10 * np.trace(truth) + 1e-65


def test_same_bits_twice():
    points, weights, z, s = gaussian_case(40, 5)
    cloud, z, s = engine(points, weights, **SMALL), z[::6], s[::6]
    for one, other in zip(first(cloud, z, s), first(cloud, z, s), strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("bits", [50, 150, 850])
def test_points_that_matter_to_the_displacement_alone(bits):
    """At one of two points the other one is the displacement, however small its weight; 2^-B, to B eps."""
    points = np.zeros((2, 9))
    points[1, 3] = 1.0
    displacement = first(engine(points, None), points[:1], np.array([0.5 / (bits * np.log(2.0))]))[2][0]
    assert displacement[3] == pytest.approx(2.0**-bits, rel=2.0 * bits * EPS[np.float64], abs=0.0)
    assert not np.delete(displacement, 3).any()


def test_bounds_on_what_is_left_out():
    """A share of at most 2 N 2^-B of the mass, B = log2(N / tolerance) + 10, a little beyond the farthest point."""
    points, weights, z, s = gaussian_case(10, 5)
    z, s, lost = z[::5], s[::5], to_card(np.zeros((4, 3)))
    engine(points, weights).first(to_card(z), to_card(s), lost)
    lost = to_host(lost) / (20.0 * 2.0**-70)
    farthest = np.linalg.norm(points[None] - z[:, None], axis=2).max(axis=1)
    assert np.allclose(lost[:, 0], 1.0, rtol=1e-12)
    assert ((lost[:, 1] >= 2.0 * np.linalg.norm(points, axis=1).max()) & (lost[:, 1] < 20.0)).all()
    assert ((lost[:, 2] >= 2.0 * farthest) & (lost[:, 2] < 6.0 * farthest)).all()


@pytest.mark.parametrize("real", [np.float64, np.float32])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_matrices(real, transposed):
    """Sizes that no tile divides; each entry within d eps of the sum of the sizes of its terms."""
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(19, 37)).astype(real), rng.normal(size=(37, 23)).astype(real)
    out = empty((19, 23), real)
    multiply(to_card(a), to_card(b.T if transposed else b), out, transposed=transposed)
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
    assert (abs(to_host(out) - exact) <= 37 * EPS[real] * (abs(a) @ abs(b))).all()


@pytest.mark.skipif(not ON_SIMULATOR, reason="the library itself is then tested")
@pytest.mark.parametrize("transposed", [False, True])
def test_products_by_the_library(transposed, monkeypatch):
    """The calls that cuBLAS gets through cupy, made to numpy: the factors in order, the result in place."""
    stand_in = types.SimpleNamespace(asarray=lambda array: array._ary, dot=np.dot)
    monkeypatch.setattr(cuda_products, "_cupy", stand_in)
    a, b, out = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4), empty((2, 4))
    multiply(to_card(a), to_card(b.T if transposed else b), out, transposed=transposed)
    assert (to_host(out) == a @ b).all()


def test_space_is_used_again():
    """An array of a name is the same memory in every shape that fits."""
    space = Space(np.float64)
    large = space.take("name", (4, 6))
    large[:] = to_card(np.arange(24.0).reshape(4, 6))
    assert (to_host(space.take("name", (2, 5))) == np.arange(10.0).reshape(2, 5)).all()
