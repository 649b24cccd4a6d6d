"""Images of Gaussian bumps with their centres on a circle or in a square, exactly, in the linear hull of the family.

A bump is a product of two lines of pixels, c(a, b) = g(a) g(b)', so that all of them lie in the products of a few basis
lines, and a family of them in some subspace of that.  Coordinates along that subspace are isometric to pixels.  Noise
orthogonal to it moves neither nearest bumps nor weights, and a smoothed score pulls it to zero.
"""

from __future__ import annotations

import functools

import numpy as np

from .bump_charts import ORBIT, CircleChart, SquareChart

PIXELS, WIDTH = 64, 0.2  # a bump is exp(-|p - centre|^2 / 2 WIDTH^2) at the pixels p
LINE = np.linspace(-1.0, 1.0, PIXELS)  # the images show [-1, 1]^2
THRESHOLD = 0.1  # [FPHDP]: darker pixels do not count in the anisotropy

#: Singular values that are kept, relative to the largest: of lines and of families.
_RANK = 1e-10
#: Intervals of the table of lines; linear interpolation is off by h^2/8 |g''| = 6e-7 |g|.
_INTERVALS = 4096


def lines(a: np.ndarray) -> np.ndarray:
    """Return g, g', g'' (..., 3, 64): lines of pixels through bumps at a (...), and their derivatives in a."""
    apart = (LINE - np.asarray(a)[..., None]) / WIDTH
    g = np.exp(-0.5 * apart * apart)
    return np.stack([g, apart * g / WIDTH, (apart * apart - 1.0) * g / WIDTH**2], axis=-2)


def images(centres: np.ndarray) -> np.ndarray:
    """Return bumps (..., 64, 64) with centres (..., 2); the first coordinate is that of the first pixel axis."""
    g = lines(centres)[..., 0, :]
    return np.asarray(g[..., 0, :, None] * g[..., 1, None, :])


@functools.cache
def line_basis() -> np.ndarray:
    """Return an orthonormal basis (64, r) of the lines g(a), |a| <= ORBIT, and of their derivatives, to 1e-10."""
    left, values, _ = np.linalg.svd(lines(np.linspace(-ORBIT, ORBIT, 129))[:, 0].T, full_matrices=False)
    return np.ascontiguousarray(left[:, values > _RANK * values[0]])


@functools.cache
def line_table() -> np.ndarray:
    """Return the coordinates (_INTERVALS + 1, r) of g(a) on a grid of a, in single precision."""
    table = lines(np.linspace(-ORBIT, ORBIT, _INTERVALS + 1))[:, 0] @ line_basis()
    return np.ascontiguousarray(table, dtype=np.float32)


def interpolated_lines(a: np.ndarray) -> np.ndarray:
    """Return coordinates (n, r) of g(a) for a (n,), by linear interpolation in a table, to 1e-6."""
    place = (a + ORBIT) * (_INTERVALS / (2.0 * ORBIT))
    below = np.clip(place.astype(np.int64), 0, _INTERVALS - 1)
    part = (place - below)[:, None].astype(np.float32)
    table = line_table()
    found = table[below] * (1.0 - part)
    found += table[below + 1] * part
    return found


class Family:
    """All bumps of a chart, M, in isometric coordinates (rank,) of its linear hull.

    Bumps are in the hull to 1e-10 of their norm: the hull is that of the chart's nodes, and what lies between them is
    an analytic function of the parameters.

    Attributes
    ----------
    chart; rank : dimension of the hull; rotation : (r^2, rank), the hull in products of the basis lines.
    values : (J, rank), the bumps at the nodes; halves : (J, K), |c|^2/2 and its derivatives there, as `jet` has them.
    """

    def __init__(self, chart: CircleChart | SquareChart) -> None:
        self.chart = chart
        r = line_basis().shape[1]
        products = self._products(chart.centres(chart.nodes), ((0, 0),))[0]
        _, values, vectors = np.linalg.svd(products, full_matrices=False)
        self.rotation = np.ascontiguousarray(vectors[values > _RANK * values[0]].T)  # (r^2, rank)
        self.rank = self.rotation.shape[1]
        self._shape = (r, r)
        jet = self.jet(chart.nodes)
        self.columns = jet.shape[1]
        self._jets = jet
        self._table = np.ascontiguousarray(jet.reshape(-1, self.rank).T, dtype=np.float32)
        self.values = np.ascontiguousarray(jet[:, 0])
        self.halves = self._halves(jet)

    @staticmethod
    def _products(centres: np.ndarray, orders: tuple[tuple[int, int], ...]) -> list[np.ndarray]:
        g = lines(centres) @ line_basis()  # (n, 2, 3, r)
        return [(g[:, 0, i, :, None] * g[:, 1, j, None, :]).reshape(len(g), -1) for i, j in orders]

    def embed(self, v: np.ndarray) -> np.ndarray:
        """Return the bumps (n, rank) at parameters (n, m)."""
        return self.coordinates_of(self.chart.centres(v))

    def coordinates_of(self, centres: np.ndarray) -> np.ndarray:
        """Return the bumps (n, rank) with centres (n, 2)."""
        return np.asarray(self._products(centres, ((0, 0),))[0] @ self.rotation)

    def jet(self, v: np.ndarray) -> np.ndarray:
        """Return the bumps at v (n, m) and their derivatives, (n, K, rank): c, c_1 .. c_m, then c_11 (c_12 c_22)."""
        orders = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
        c, ca, cb, caa, cab, cbb = (part @ self.rotation for part in self._products(self.chart.centres(v), orders))
        first, second = self.chart.derivatives(v)
        m = self.chart.dimension
        along = [first[:, 0, i, None] * ca + first[:, 1, i, None] * cb for i in range(m)]
        pairs = [(i, j) for i in range(m) for j in range(i, m)]
        bent = [
            second[:, 0, k, None] * ca + second[:, 1, k, None] * cb
            + (first[:, 0, i] * first[:, 0, j])[:, None] * caa + (first[:, 1, i] * first[:, 1, j])[:, None] * cbb
            + (first[:, 0, i] * first[:, 1, j] + first[:, 1, i] * first[:, 0, j])[:, None] * cab
            for k, (i, j) in enumerate(pairs)
        ]  # fmt: skip
        return np.stack([c, *along, *bent], axis=1)

    def _halves(self, jet: np.ndarray) -> np.ndarray:
        """Return |c|^2/2 and its derivatives, (n, K)."""
        m = self.chart.dimension
        gram = np.einsum("nir,njr->nij", jet, jet)
        pairs = [(i, j) for i in range(m) for j in range(i, m)]
        first = [gram[:, 0, 1 + i] for i in range(m)]
        second = [gram[:, 0, 1 + m + k] + gram[:, 1 + i, 1 + j] for k, (i, j) in enumerate(pairs)]
        return np.stack([0.5 * gram[:, 0, 0], *first, *second], axis=1)

    def tables(self, y: np.ndarray) -> np.ndarray:
        """Return <y, c> and its derivatives at all nodes, (n, J, K), for y (n, rank), in single precision."""
        return (y.astype(np.float32) @ self._table).reshape(len(y), len(self.chart.nodes), self.columns)

    def best_nodes(self, x: np.ndarray) -> np.ndarray:
        """Return the indices (n,) of the nodes nearest to x: -|x - c|^2/2 = <x, c> - |c|^2/2 up to a constant."""
        return np.asarray((x @ self.values.T - self.halves[:, 0]).argmax(axis=1))

    def jets_at(self, x: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Return <x, c> - |c|^2/2 and its derivatives, (n, K), each row of x at its own node."""
        return np.einsum("nr,nkr->nk", x, self._jets[nodes]) - self.halves[nodes]

    def project(self, x: np.ndarray) -> np.ndarray:
        """Return the parameters (n, m) of the nearest bumps: the best node, then Newton's method to rounding.

        A node is never further than a twentieth of the width of peaks from the maximum.
        """
        v = self.chart.nodes[self.best_nodes(x)]
        for _ in range(6):
            jet = self.jet(v)
            step = self.ascent(v, np.einsum("nr,nkr->nk", x, jet) - self._halves(jet))
            v = self.chart.settle(v + np.clip(step, -self.chart.spacing, self.chart.spacing))
            if np.abs(step).max() < 1e-9:
                break
        return v

    def ascent(self, v: np.ndarray, jet: np.ndarray) -> np.ndarray:
        """Return the Newton step (..., m) to the maximum of a function with this jet (..., K) at v.

        Where the function is not concave it goes uphill, as far as the spacing; coordinates on the boundary that would
        leave the domain stay.
        """
        m = self.chart.dimension
        gradient = jet[..., 1 : 1 + m].copy()
        stay = self.chart.blocked(v, gradient)
        gradient[stay] = 0.0
        uphill = np.sign(gradient) * self.chart.spacing
        if m == 1:
            bend = jet[..., 2:3]
            return np.where(bend < 0.0, -gradient / np.where(bend < 0.0, bend, -1.0), uphill)
        free = ~stay
        h11 = np.where(free[..., 0], jet[..., 3], -1.0)
        h22 = np.where(free[..., 1], jet[..., 5], -1.0)
        h12 = np.where(free.all(axis=-1), jet[..., 4], 0.0)
        det = h11 * h22 - h12 * h12
        concave = (det > 0.0) & (h11 < 0.0)
        det = np.where(concave, det, 1.0)
        g1, g2 = gradient[..., 0], gradient[..., 1]
        newton = np.stack([(h12 * g2 - h22 * g1) / det, (h12 * g1 - h11 * g2) / det], axis=-1)
        return np.where(concave[..., None], newton, uphill)

    def lift(self, x: np.ndarray) -> np.ndarray:
        """Return the images (n, 64, 64) with coordinates x (n, rank)."""
        basis = line_basis()
        return np.asarray(basis @ (x @ self.rotation.T).reshape(-1, *self._shape) @ basis.T)

    def coordinates(self, pictures: np.ndarray) -> np.ndarray:
        """Return the coordinates (n, rank) of the projection of images (n, 64, 64) to the hull."""
        basis = line_basis()
        return np.asarray((basis.T @ pictures @ basis).reshape(len(pictures), -1) @ self.rotation)


@functools.cache
def circle() -> Family:
    """Bumps with centres on the circle of radius ORBIT."""
    return Family(CircleChart.make())


@functools.cache
def square() -> Family:
    """Bumps with centres in the square of half-side ORBIT."""
    return Family(SquareChart.make())


def anisotropy(pictures: np.ndarray) -> np.ndarray:
    """Return lambda_max/lambda_min (n,) of the covariance of images (n, 64, 64) read as densities, [FPHDP].

    Values below THRESHOLD count as zero; NaN for images without any above.
    """
    mass = np.where(pictures < THRESHOLD, 0.0, pictures)
    with np.errstate(invalid="ignore"):
        mass = mass / mass.sum(axis=(1, 2), keepdims=True)
    rows, columns = mass.sum(axis=2), mass.sum(axis=1)
    mean = np.stack([rows @ LINE, columns @ LINE], axis=1)
    xx, yy = rows @ LINE**2 - mean[:, 0] ** 2, columns @ LINE**2 - mean[:, 1] ** 2
    xy = np.einsum("nij,i,j->n", mass, LINE, LINE) - mean[:, 0] * mean[:, 1]
    middle, radius = 0.5 * (xx + yy), np.hypot(0.5 * (xx - yy), xy)
    return np.asarray((middle + radius) / (middle - radius))
