"""Random laws with a brute-force quadrature of their own, processes, and the places where they are asked for.

A law brings `nodes` and `shares`: a fine discretisation of it, made without the package, on which every tilted moment
is a plain weighted sum. The support of every law lies within `RADIUS` of the origin, up to the tails of Gaussians.
"""

import dataclasses
import functools
import itertools

import numpy as np
from hypothesis import strategies as st

import manifold_scores as ms
from tests import shapes

RADIUS = 4.0
"""Laws live within this distance of the origin (standard deviations of Gaussians are about 1)."""

SMALLEST_VARIANCE = 0.02
"""The discretisations are exact to rounding for tilts of at least this variance."""


@dataclasses.dataclass(frozen=True)
class Law:
    """A measure, its discretisation, and how to build the same law turned by Q and moved by c."""

    kind: str
    measure: ms.Measure
    nodes: np.ndarray
    shares: np.ndarray
    turned: object
    compact: bool = True

    def __repr__(self):
        return f"{self.kind}: {self.measure!r}"

    @property
    def dimension(self):
        return self.measure.ambient_dimension


def rotation(rng, d):
    """Haar-distributed orthogonal matrix."""
    q, r = np.linalg.qr(rng.standard_normal((d, d)))
    return q * np.sign(np.diag(r))


def _embedded(measure):
    return lambda q, c: ms.Embedded(measure, q, c)


def points(rng):
    d, n = int(rng.integers(1, 5)), int(rng.integers(1, 9))
    nodes, weights = rng.uniform(-2, 2, (n, d)), rng.uniform(0.1, 1, n)
    return Law(
        "points", ms.PointCloud(nodes, weights), nodes, weights / weights.sum(),
        lambda q, c: ms.PointCloud(nodes @ q.T + c, weights),
    )  # fmt: skip


def _gaussian(kind, rng, d, rank):
    # 8.5 standard deviations hold all but 1e-17, and a step of 1/20 is below half the width of any tilt taken here.
    axis = np.arange(-170, 171) / 20
    mean, factor = rng.uniform(-1, 1, d), rotation(rng, d)[:, :rank] * rng.uniform(0.8, 1.4, rank)
    grid = np.stack(np.meshgrid(*[axis] * rank, indexing="ij"), -1).reshape(-1, rank)
    shares = np.exp(-0.5 * (grid**2).sum(1))
    covariance = factor @ factor.T
    return Law(
        kind, ms.Gaussian(mean, covariance), mean + grid @ factor.T, shares / shares.sum(),
        lambda q, c: ms.Gaussian(q @ mean + c, q @ covariance @ q.T), compact=False,
    )  # fmt: skip


def gaussian(rng):
    d = int(rng.integers(1, 3))
    return _gaussian("gaussian", rng, d, d)


def singular_gaussian(rng):
    d = int(rng.integers(2, 4))
    return _gaussian("singular gaussian", rng, d, d - 1)


def _on_sphere(k, direction=None, concentration=0.0):
    """Product rule on the unit sphere of R^k, k = 2 or 3, with the density of von Mises and Fisher."""
    angle = np.arange(512) * (2 * np.pi / 512)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    if k == 2:
        nodes, shares = ring, np.ones(len(ring))
    else:
        height, weight = np.polynomial.legendre.leggauss(160)
        across = np.sqrt(1 - height**2)[:, None, None] * ring
        up = np.broadcast_to(height[:, None, None], (*across.shape[:2], 1))
        nodes, shares = np.concatenate([across, up], -1).reshape(-1, 3), np.repeat(weight, len(ring))
    if direction is not None:
        shares = shares * np.exp(concentration * (nodes @ direction / np.linalg.norm(direction) - 1))
    return nodes, shares / shares.sum()


def sphere(rng):
    k, radius = int(rng.integers(2, 4)), rng.uniform(0.5, 2)
    nodes, shares = _on_sphere(k)
    measure = ms.Circle(radius).uniform() if k == 2 else ms.Sphere(k, radius).uniform()
    return Law("sphere", measure, radius * nodes, shares, _embedded(measure))


def von_mises_fisher(rng):
    k, radius, concentration = int(rng.integers(2, 4)), rng.uniform(0.5, 2), rng.uniform(0, 20)
    direction = rng.standard_normal(k)
    nodes, shares = _on_sphere(k, direction, concentration)
    manifold = ms.Sphere(k, radius)
    return Law(
        "von Mises-Fisher", manifold.von_mises_fisher(direction, concentration), radius * nodes, shares,
        lambda q, c: ms.Embedded(manifold.von_mises_fisher(q @ direction, concentration), np.eye(k), c),
    )  # fmt: skip


def _interval(panels=40):
    """Composite Gauss-Legendre rule on [0, 1]."""
    node, weight = np.polynomial.legendre.leggauss(12)
    left = np.arange(panels)[:, None] / panels
    return (left + (1 + node) / (2 * panels)).ravel(), np.tile(weight / 2, panels) / panels


def segment(rng):
    d = int(rng.integers(1, 4))
    start, end = rng.uniform(-2, 2, (2, d))
    u, shares = _interval()
    return Law(
        "segment", ms.Segment(start, end).uniform(), start + u[:, None] * (end - start), shares,
        lambda q, c: ms.Segment(q @ start + c, q @ end + c).uniform(),
    )  # fmt: skip


def box(rng):
    d = int(rng.integers(1, 3))
    lower = rng.uniform(-2, 0, d)
    upper = lower + rng.uniform(0.3, 3, d)
    measure = ms.Box(lower, upper).uniform()
    u, w = _interval(20)
    grid = np.stack(np.meshgrid(*[u] * d, indexing="ij"), -1).reshape(-1, d)
    shares = np.array([np.prod(p) for p in itertools.product(w, repeat=d)])
    return Law("box", measure, lower + grid * (upper - lower), shares, _embedded(measure))


@functools.cache
def _parametric(kind, number):
    """One of a few curves or surfaces; random ones would be built anew for every example."""
    shape = shapes.shapes()[kind]
    u, nodes, volume = shapes.quadrature(shape, 1024 if kind in shapes.curves() else 96)
    weights = 1.0 + 0.5 * number * np.sin(u).sum(-1) / u.shape[1]
    densities = {
        1: lambda v: 1.0 + 0.5 * number * np.sin(v),
        2: lambda v, w: 1.0 + 0.25 * number * (np.sin(v) + np.sin(w)),
    }
    measure = shape.manifold.measure(densities[u.shape[1]])
    shares = volume * weights
    return measure, nodes, shares / shares.sum()


def curve(rng):
    measure, nodes, shares = _parametric(
        ("ellipse", "helix", "loop in R^3", "arc")[rng.integers(4)], int(rng.integers(2))
    )
    return Law("curve", measure, nodes, shares, _embedded(measure))


def surface(rng):
    measure, nodes, shares = _parametric(("torus", "sphere patch", "cylinder")[rng.integers(3)], int(rng.integers(2)))
    return Law("surface", measure, nodes, shares, _embedded(measure))


def _thinned(law, rng):
    """The law itself if it has few nodes, else the law of some of its nodes: products must stay small."""
    if len(law.nodes) <= 512:
        return law
    chosen = rng.choice(len(law.nodes), 9, replace=False, p=law.shares)
    nodes = law.nodes[chosen]
    return Law("points", ms.PointCloud(nodes), nodes, np.full(9, 1 / 9), None)


def product(rng):
    first, second = (_thinned(PARTS[int(rng.integers(len(PARTS)))](rng), rng) for _ in range(2))
    measure = ms.Product(first.measure, second.measure)
    i, j = (index.ravel() for index in np.indices((len(first.nodes), len(second.nodes))))
    nodes = np.concatenate([first.nodes[i], second.nodes[j]], 1)
    compact = first.compact and second.compact
    return Law("product", measure, nodes, first.shares[i] * second.shares[j], _embedded(measure), compact)


def embedded(rng):
    inner = PARTS[int(rng.integers(len(PARTS)))](rng)
    d = inner.dimension + int(rng.integers(0, 3))
    basis, origin = rotation(rng, d)[:, : inner.dimension], rng.uniform(-1, 1, d)
    return Law(
        "embedded", ms.Embedded(inner.measure, basis, origin), inner.nodes @ basis.T + origin, inner.shares,
        lambda q, c: ms.Embedded(inner.measure, q @ basis, q @ origin + c), inner.compact,
    )  # fmt: skip


def mixture(rng):
    weights = rng.uniform(0.1, 1, 3)
    shares = weights / weights.sum()
    parts = [PARTS[int(rng.integers(len(PARTS)))](rng) for _ in range(3)]
    d = max(part.dimension for part in parts)
    frames = [(rotation(rng, d)[:, : part.dimension], rng.uniform(-1, 1, d)) for part in parts]
    measures = [ms.Embedded(part.measure, *frame) for part, frame in zip(parts, frames, strict=True)]
    measure = ms.Mixture(measures, weights)
    nodes = [part.nodes @ basis.T + origin for part, (basis, origin) in zip(parts, frames, strict=True)]
    all_shares = np.concatenate([w * part.shares for w, part in zip(shares, parts, strict=True)])
    compact = all(part.compact for part in parts)
    return Law("mixture", measure, np.concatenate(nodes), all_shares, _embedded(measure), compact)


PARTS = (points, gaussian, singular_gaussian, sphere, von_mises_fisher, segment, box, curve)
SIMPLE = (*PARTS, surface)
KINDS = (*SIMPLE, product, embedded, mixture)

seeds = st.integers(0, 2**32 - 1)


def laws(kinds=KINDS):
    return st.builds(lambda kind, seed: kind(np.random.default_rng(seed)), st.sampled_from(kinds), seeds)


def examples():
    """One fixed law of every kind, by name."""
    found = (kind(np.random.default_rng(7)) for kind in KINDS)
    return {law.kind: law for law in found}


def vectors(d, size=3.0):
    """Points of R^d with coordinates up to `size`."""
    return st.lists(st.floats(-size, size, allow_subnormal=False), min_size=d, max_size=d).map(np.array)


def log_uniform(low, high):
    return st.floats(np.log(low), np.log(high)).map(lambda value: float(np.exp(value)))


variances = log_uniform(SMALLEST_VARIANCE, 50.0)

homogeneous_processes = st.one_of(
    st.builds(ms.OrnsteinUhlenbeck, st.floats(0.1, 2.0)),
    st.just(ms.BrownianMotion()),
)

processes = st.one_of(
    homogeneous_processes,
    st.builds(ms.VariancePreserving, st.floats(0.1, 1.0), st.floats(1.0, 20.0)),
    st.just(ms.LinearInterpolant()),
)

times = st.floats(0.05, 0.9)
"""Times for which every process above has an effective variance above `SMALLEST_VARIANCE` times a tenth."""


def brute_force(law, z, s):
    """Log mass, mean of y - z and covariance of the discretised law, tilted at (z, s), by direct sums."""
    offsets = law.nodes - z
    exponents = np.log(law.shares) - (offsets**2).sum(1) / (2 * s)
    top = exponents.max()
    weights = np.exp(exponents - top)
    total = weights.sum()
    displacement = weights @ offsets / total
    spread = offsets - displacement
    return top + np.log(total), displacement, (weights[:, None] * spread).T @ spread / total


def largest_exponent(law, z, s):
    """Bound on |z - y|^2 / 2s over the law."""
    return float(((np.linalg.norm(z) + RADIUS) ** 2 / (2 * s)).max())


def slope(function, step):
    """Derivative at 0 by the five-point rule."""
    return (8 * (function(step) - function(-step)) - (function(2 * step) - function(-2 * step))) / (12 * step)


def close(value, wanted, bound):
    """|value - wanted| <= bound, entry by entry; not so for NaN."""
    error = np.abs(np.asarray(value) - wanted)
    np.testing.assert_array_less(error, np.broadcast_to(np.asarray(bound) + 1e-300, error.shape))
