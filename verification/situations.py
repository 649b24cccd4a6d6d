"""Where the small-time theorems are tested: a measure, points x off its support, and the next order by geometry alone.

As t -> 0, f = y_z + s b(z) + O(s^2) with z = x/alpha, y_z its nearest point on M, s = sigma^2/alpha^2.  With D(x) the
derivative of the nearest-point projection this gives, v = x - y_x,

    Ornstein-Uhlenbeck, rate a (Brownian: a = 0):    t (-score)             = v + t (a x - a D x - b) + O(t^2)
    any process, x_t = alpha_t z with z fixed:       (sigma^2/alpha)(-score) = z - y_z - s b(z) + O(s^2)
    any process, x fixed:                            (sigma^2/alpha)(-score) = v + (1/alpha - 1)(x - D x) - s b + ...

where 1/alpha - 1 is s/2 to first order for the variance-preserving process and sqrt(s) for the linear interpolant.
Over the end of a segment (x - y_x perpendicular to it) f = y_x + sqrt(2 s/pi) nu to first order, nu the inner conormal.

Only the measures come from the package; y_x, D and b are written out here.
"""

from __future__ import annotations

import math

import numpy as np

import manifold_scores as ms

from .clocks import Clock, brownian, linear_interpolant, ornstein_uhlenbeck, variance_preserving
from .rates import Array
from .situation import Situation, directions, next_order, radii
from .situations_curves import curve_situations
from .situations_surfaces import surface_situations


def _sphere(
    name: str, k: int, radius: float, clock: Clock, n: int, rng: np.random.Generator, concentration: float = 0.0,
    moving: bool = False,
) -> Situation:  # fmt: skip
    """Sphere: H = (r/R) I, so b_N = -(k-1) n/2r and b_T = (R/r) grad log density; D x = 0 since x is normal."""
    n_x = directions(n, k, rng)
    r = radii(n, radius, rng)
    axis = directions(1, k, rng)
    tangential = axis - (n_x @ axis.T) * n_x
    b = -(k - 1) * n_x / (2.0 * r) + concentration * tangential / r
    sphere = ms.Sphere(k, radius)
    measure = sphere.von_mises_fisher(axis[0], concentration) if concentration else sphere.uniform()
    return next_order(name, "interior", clock, measure, r * n_x, radius * n_x, np.zeros((n, k)), b, moving)


def _line(
    name: str, d: int, m: int, clock: Clock, n: int, rng: np.random.Generator, law: str, moving: bool = False
) -> Situation:
    """Flat support: D = P_T, b = grad log density: 0 on a segment, -C^+ (y - mu) for a Gaussian."""
    basis = np.linalg.qr(rng.standard_normal((d, m))).Q
    origin = rng.uniform(-0.5, 0.5, d)
    u = rng.uniform(-0.6, 0.6, (n, m))
    offset = rng.standard_normal((n, d))
    offset -= (offset @ basis) @ basis.T
    offset *= rng.uniform(0.3, 2.0, (n, 1)) / np.linalg.norm(offset, axis=1, keepdims=True)
    y = origin + u @ basis.T
    x = y + offset
    if law == "segment":
        measure: ms.Measure = ms.Segment(origin - basis[:, 0], origin + basis[:, 0]).uniform()
        b = np.zeros((n, d))
    else:
        variances = np.array([0.6, 0.25])[:m]
        measure = ms.Gaussian(origin, (basis * variances) @ basis.T)
        b = -(u / variances) @ basis.T
    return next_order(name, "interior", clock, measure, x, y, (x @ basis) @ basis.T, b, moving)


def _circle_in_r5(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """A circle anywhere in R^5: with rho the radius of x in its plane, H = rho/R, b = -n/2rho, D = (R/rho) T T^T."""
    radius = 0.8
    q = np.linalg.qr(rng.standard_normal((5, 5))).Q
    plane, normal_space = q[:, :2], q[:, 2:]
    origin = rng.uniform(-0.5, 0.5, 5)
    direction = directions(n, 2, rng)
    rho = radii(n, radius, rng)
    normal = direction @ plane.T
    tangent = np.stack([-direction[:, 1], direction[:, 0]], axis=1) @ plane.T
    x = origin + rho * normal + rng.uniform(-0.7, 0.7, (n, 3)) @ normal_space.T
    derivative = (radius / rho) * (x * tangent).sum(axis=1, keepdims=True) * tangent
    measure = ms.Embedded(ms.Circle(radius).uniform(), plane, origin)
    return next_order(
        "circle in R⁵", "interior", clock, measure, x, origin + radius * normal, derivative, -normal / (2.0 * rho)
    )


def _products(clock: Clock, second: Clock, n: int, rng: np.random.Generator) -> list[Situation]:
    """Blocks add up: cylinder = circle x segment (D = 1 along the segment), flat torus = circle x circle."""
    n_x, r = directions(n, 2, rng), radii(n, 1.0, rng)
    height = rng.uniform(0.3, 1.7, (n, 1))
    zero = np.zeros((n, 1))
    circle = ms.Circle(1.0).uniform()
    cylinder = next_order(
        "cylinder", "interior", clock, ms.Product(circle, ms.Segment([0.0], [2.0]).uniform()),
        np.hstack([r * n_x, height]), np.hstack([n_x, height]), np.hstack([0.0 * n_x, height]),
        np.hstack([-n_x / (2.0 * r), zero]),
    )  # fmt: skip
    n_2, r_2 = directions(n, 2, rng), radii(n, 0.7, rng)
    torus = next_order(
        "flat torus in R⁴", "interior", second, ms.Product(circle, ms.Circle(0.7).uniform()),
        np.hstack([r * n_x, r_2 * n_2]), np.hstack([n_x, 0.7 * n_2]), np.zeros((n, 4)),
        np.hstack([-n_x / (2.0 * r), -n_2 / (2.0 * r_2)]),
    )  # fmt: skip
    far = ms.Embedded(ms.Circle(1.0).uniform(), np.eye(2), [7.0, 0.0])
    mixture = next_order(  # the far circle, light or heavy, is exponentially small
        "mixture of two circles", "interior", clock, ms.Mixture([circle, far], [0.2, 0.8]),
        r * n_x, n_x, np.zeros((n, 2)), -n_x / (2.0 * r),
    )  # fmt: skip
    return [cylinder, torus, mixture]


def _box(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """Outside a box (m = d): D_i = 1 and b_i = 0 in coordinates within it, D_i = 0 and b_i = tau_i/D_i in others."""
    upper = np.array([0.5, 1.0, 0.7])
    inside = rng.uniform(-0.6, 0.6, (n, 3)) * upper
    side = rng.choice([-1.0, 1.0], (n, 3))
    depth = rng.uniform(0.3, 1.5, (n, 3))
    # Faces, edges and corners in turn: coordinate i is outside if bit i of a number from 1 to 7 is set.
    beyond = ((1 + np.arange(n) % 7)[:, None] >> np.arange(3)) & 1 == 1
    y = np.where(beyond, side * upper, inside)
    x = np.where(beyond, y + side * depth, inside)
    b = np.where(beyond, -side / depth, 0.0)
    measure = ms.Box(-upper, upper).uniform()
    return next_order("box in R³: faces, edges, corners", "boundary", clock, measure, x, y, np.where(beyond, 0.0, x), b)


def _segment_end(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """Beyond an end, D = -<x - y, tau> > 0: the projection is constant there and b = tau/D."""
    tau = directions(1, 3, rng)[0]
    end = rng.uniform(-0.5, 0.5, 3)
    depth = rng.uniform(0.3, 1.5, (n, 1))
    x = end - depth * tau + _perpendicular(tau, n, rng)
    measure = ms.Segment(end, end + 2.0 * tau).uniform()
    y = np.broadcast_to(end, (n, 3))
    return next_order("beyond the end of a segment", "boundary", clock, measure, x, y, np.zeros((n, 3)), tau / depth)


def _edge(name: str, clock: Clock, measure: ms.Measure, x: Array, y: Array, conormal: Array) -> Situation:
    lead = math.sqrt(2.0 / math.pi) * np.broadcast_to(conormal, x.shape)
    return Situation(f"{name}, {clock.name}", "boundary", clock, measure, x, y, -lead, lead, power=0.5)


def _edges(n: int, rng: np.random.Generator) -> list[Situation]:
    """x - y_x perpendicular to M at a boundary point: slope 1/2, sqrt(2/pi) along the inner conormal."""
    tau = directions(1, 3, rng)[0]
    end = rng.uniform(-0.5, 0.5, 3)
    y = np.broadcast_to(end, (n, 3))
    x = y + _perpendicular(tau, n, rng)
    segment = ms.Segment(end, end + 1.5 * tau).uniform()
    n_x, r = directions(n, 2, rng), radii(n, 1.0, rng)
    zero = np.zeros((n, 1))
    cylinder = ms.Product(ms.Circle(1.0).uniform(), ms.Segment([0.0], [2.0]).uniform())
    return [
        _edge("over the end of a segment", ornstein_uhlenbeck(0.5), segment, x, y, tau),
        _edge("over the end of a segment", brownian(), segment, x, y, tau),
        _edge("over the rim of a cylinder", ornstein_uhlenbeck(2.0), cylinder,
              np.hstack([r * n_x, zero]), np.hstack([n_x, zero]), np.array([0.0, 0.0, 1.0])),
    ]  # fmt: skip


def _perpendicular(tau: Array, n: int, rng: np.random.Generator) -> Array:
    offset = rng.standard_normal((n, tau.size))
    offset -= np.outer(offset @ tau, tau)
    return offset * rng.uniform(0.3, 1.5, (n, 1)) / np.linalg.norm(offset, axis=1, keepdims=True)


def _cloud(name: str, d: int, size: int, clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """Weighted points: D = 0 and b = 0, so the whole next order comes from alpha and sigma: a x."""
    points = rng.standard_normal((size, d))
    weights = rng.uniform(0.1, 1.0, size)
    x = np.empty((0, d))
    while len(x) < n:  # a gap of 0.05 makes every other point smaller than e^-5000 in the window
        candidate = 1.5 * rng.standard_normal((8 * n, d))
        squares = np.sort(((candidate[:, None] - points) ** 2).sum(axis=2), axis=1)
        x = np.concatenate([x, candidate[(squares[:, 1] - squares[:, 0] > 0.1) & (squares[:, 0] > 0.04)]])[:n]
    y = points[((x[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)]
    zero = np.zeros((n, d))
    return next_order(name, "cloud", clock, ms.PointCloud(points, weights), x, y, zero, zero)


def situations(n: int) -> list[Situation]:
    """All situations with n points each; every one has its own fixed seed."""
    half, two, bm = ornstein_uhlenbeck(0.5), ornstein_uhlenbeck(2.0), brownian()
    vp, interpolant = variance_preserving(), linear_interpolant()

    def rng(seed: int) -> np.random.Generator:
        return np.random.default_rng([3507, seed])

    return [
        _sphere("circle", 2, 1.0, half, n, rng(1)),
        _sphere("circle", 2, 1.0, vp, n, rng(2)),
        _sphere("circle", 2, 1.0, interpolant, n, rng(3), moving=True),
        _sphere("sphere S², R=1.5", 3, 1.5, two, n, rng(4)),
        _sphere("sphere S⁹", 10, 1.0, bm, n, rng(5)),
        _sphere("von Mises-Fisher on a circle, c=3", 2, 1.2, half, n, rng(6), concentration=3.0),
        _sphere("von Mises-Fisher on S², c=2", 3, 1.0, vp, n, rng(7), concentration=2.0, moving=True),
        _line("segment in R³", 3, 1, half, n, rng(8), "segment"),
        _line("segment in R³", 3, 1, interpolant, n, rng(9), "segment"),
        _line("Gaussian on a line in R²", 2, 1, half, n, rng(10), "gaussian"),
        _line("Gaussian on a plane in R³", 3, 2, two, n, rng(11), "gaussian"),
        _circle_in_r5(half, n, rng(12)),
        *_products(half, two, n, rng(13)),
        _box(half, n, rng(14)),
        _segment_end(half, n, rng(15)),
        *_edges(n, rng(16)),
        _cloud("30 points in R²", 2, 30, half, n, rng(17)),
        _cloud("100 points in R¹⁶", 16, 100, two, n, rng(18)),
        *curve_situations(n),
        *surface_situations(n),
    ]
