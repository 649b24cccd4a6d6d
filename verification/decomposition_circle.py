"""The decomposition for the normal law itself on a circle, where r(x) is known in closed form.

Y ~ N(x, h^2 I) is integrated in polar coordinates about the centre, in panels that end at the circle, where Y~ jumps.
With rho = |x|/h, r(x)^2 = |x|^2 + 2h^2 + R^2 - 2 R h sqrt(pi/2) L(-rho^2/2), L the Laguerre function of order 1/2,
L(-2w) = (1 + 2w) e^-w I_0(w) + 2w e^-w I_1(w).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

import manifold_scores as ms

from .by_hand import Cloud, log_sum_exp
from .clocks import brownian, ornstein_uhlenbeck
from .quadrature import panels
from .radial_laws import level_squared
from .rates import Array
from .record import Evidence, Oracle, Tolerance

#: size -> points x for every process and bandwidth, and |x| on a ray for the figure
SIZES = {"quick": 2, "default": 5, "full": 30}
RAYS = {"quick": 25, "default": 60, "full": 120}
RADIUS, POINTS = 1.0, 12
BANDWIDTHS, VARIANCE = (0.08, 0.3), 0.06
#: Panels along a ray have this many nodes and are at most so long, over h and absolutely.
NODES, LONG, LONGEST, END = 16, 3.6, 0.35, 9.0
#: All around the centre, or within the window in which N(x, h^2 I) has mass, 18 deviations wide.
ANGLES, WINDOW = 300, 60
#: Nodes with less weight, relative to the largest, are left out.
NEGLIGIBLE = 1e-22
DEVIATIONS = 4.5

LEVEL_TOLERANCE = Tolerance(
    1e-11,
    "quadrature of analytic integrands cut at 9 deviations (1e-18); the closed form cancels eps R^2/r^2, r >= 0.08",
)
LAW_TOLERANCE = Tolerance(
    1e-11,
    "both sides by the same spectral quadrature, r(x) in closed form: what is left of dist^2 - r^2 over 2 sigma^2",
)
PACKAGE_TOLERANCE = Tolerance(1e-9, "the relative tolerance of the package's quadrature, and 1e-12 for that by hand")
NODES_TOLERANCE = Tolerance(
    0.011, "4096 independent nodes would give std(dist^2)/(2 r^2 64) <= sqrt(2)/128, and a Sobol sequence is better"
)
SAMPLED_TOLERANCE = Tolerance(DEVIATIONS, "a normal deviate beyond 4.5 has probability 7e-6; the seeds are fixed")


@dataclass(frozen=True)
class PolarLaw:
    """Nodes Y (n, 2) and weights (n,) for N(x, h^2 I), with Y's nearest points on the circle of the given radius."""

    y: Array
    weights: Array
    foot: Array
    normal: Array
    distance: Array

    def adapted(self, level: float) -> Array:
        return np.asarray(self.foot + level * self.normal)

    def mean(self, values: Array) -> float:
        return float(self.weights @ values)


def polar_law(x: Array, h: float, radius: float) -> PolarLaw:
    """Return the quadrature in polar coordinates about 0: Gauss-Legendre along rays, trapezoidal in the angle."""
    size = float(np.linalg.norm(x))
    low, high = max(0.0, size - END * h), size + END * h
    cuts = [low, radius, high] if low < radius < high else [low, high]
    longest = min(LONG * h, LONGEST)
    pieces = [np.linspace(a, b, int(np.ceil((b - a) / longest)) + 1)[:-1] for a, b in pairwise(cuts)]
    edges = np.append(np.concatenate(pieces), high)
    rho, rho_weights = panels(edges, NODES)
    if END * h < 0.99 * size:
        width, angles = float(np.arcsin(END * h / size)), WINDOW
    else:
        width, angles = np.pi, ANGLES
    turn = np.arctan2(x[1], x[0]) + width * (2.0 * np.arange(angles) / angles - 1.0)
    rays = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    y = (rho[:, None, None] * rays).reshape(-1, 2)
    density = np.exp(-((y - x) ** 2).sum(axis=1) / (2.0 * h * h)) / (2.0 * np.pi * h * h)
    weights = density * np.repeat(rho * rho_weights, angles) * (2.0 * width / angles)
    normal, size_y = np.tile(rays, (len(rho), 1)), np.repeat(rho, angles)
    sign = np.where(size_y < radius, -1.0, 1.0)[:, None]
    keep = weights > NEGLIGIBLE * weights.max()
    return PolarLaw(
        y[keep], weights[keep], (radius * normal)[keep], (sign * normal)[keep], np.abs(size_y - radius)[keep]
    )


def level(x: Array, h: float, radius: float) -> float:
    """Return r(x) in closed form."""
    return float(np.sqrt(level_squared(2, np.linalg.norm(x), h, radius)))


def both_sides(cloud: Cloud, law: PolarLaw, r: float) -> tuple[float, float, float]:
    """Return E log p(Y), E log p(Y~) and the right side."""
    adapted = law.adapted(r)
    apart = law.foot[:, None, :] - cloud.alpha * cloud.points
    shift = np.einsum("nd,nid->ni", law.y - adapted, apart) / cloud.sigma2
    logits = cloud.logits(adapted)
    right = law.mean(log_sum_exp(logits - shift) - log_sum_exp(logits))
    return law.mean(cloud.log_density(law.y)), law.mean(cloud.log_density(adapted)), right


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    rng = np.random.default_rng([2510, 2305, 52])
    turns = 2.0 * np.pi * np.arange(POINTS) / POINTS
    points = RADIUS * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    rows = []
    for clock in (brownian(), ornstein_uhlenbeck(0.5)):
        t = float(clock.time(VARIANCE))
        cloud = Cloud.at(points, np.ones(POINTS), clock, t)
        model = noised(ms.PointCloud(points), clock.process)
        for h in BANDWIDTHS:
            kernel = ms.GaussianKernel(h)
            plain = ms.SmoothedScore(model, kernel)
            adapted = ms.SmoothedScore(model, ms.AdaptedKernel(kernel, ms.Circle(RADIUS)), nodes=8192, rng=11)
            measured = ms.AdaptedKernel(kernel, ms.Circle(RADIUS), scale=cloud.alpha)
            for _ in range(SIZES[size]):
                angle, place = rng.uniform(0.0, 2.0 * np.pi), cloud.alpha * rng.uniform(0.05, 2.0)
                x = place * np.array([np.cos(angle), np.sin(angle)])
                rows.append(_point(cloud, x, h, t, plain, adapted, float(measured.level(x))))
    table = np.nan_to_num(np.abs(np.array(rows)), nan=np.inf)
    names = {
        "r(x), closed form": ("relative gap of r(x)² by quadrature and by the Laguerre function", LEVEL_TOLERANCE),
        "identity, closed form": ("gap of both sides over 1 + |E log p(Y)|, with r(x) in closed form", LAW_TOLERANCE),
        "smoothed log-density": ("relative gap of SmoothedScore with N(x, h² I) and E log p(Y)", PACKAGE_TOLERANCE),
        "level of the adapted kernel": ("relative gap of AdaptedKernel.level and r(x)", NODES_TOLERANCE),
        "adapted log-density": ("gap of SmoothedScore with k^M and E log p(Ỹ) over its error", SAMPLED_TOLERANCE),
    }  # fmt: skip
    for column, (name, (text, tolerance)) in enumerate(names.items()):
        evidence.check(
            f"normal law on a circle, {name}", f"{text}; worst x", table[:, column].max(), 0.0, tolerance,
            one_sided=True, cases=len(table),
        )  # fmt: skip
    _wrong_level(points, noised, evidence)
    _profile(points, RAYS[size], noised, evidence)


def _point(cloud: Cloud, x: Array, h: float, t: float, plain: Any, adapted: Any, found: float) -> list[float]:
    radius = cloud.alpha * RADIUS
    law, r = polar_law(x, h, radius), level(x, h, radius)
    at_y, at_adapted, right = both_sides(cloud, law, r)
    value, error = adapted.log_density(x, t, return_error=True)
    return [
        law.mean(law.distance**2) / r**2 - 1.0, (at_y - at_adapted - right) / (1.0 + abs(at_y)),
        (plain.log_density(x, t) - at_y) / (1.0 + abs(at_y)), found / r - 1.0, (value - at_adapted) / error,
    ]  # fmt: skip


def _wrong_level(points: Array, noised: Oracle, evidence: Evidence) -> None:
    """Take dist(x, M) for r(x): the identity is off by (E dist(Y)^2 - dist(x)^2)/2 sigma^2."""
    clock, h, x = brownian(), BANDWIDTHS[1], np.array([1.1, 0.2])
    cloud = Cloud.at(points, np.ones(POINTS), clock, VARIANCE)
    model = noised(ms.PointCloud(points), clock.process)
    law = polar_law(x, h, RADIUS)
    wrong = abs(float(np.linalg.norm(x)) - RADIUS)
    _, _, right = both_sides(cloud, law, wrong)
    at_y, at_adapted = (law.mean(model.log_density(y, VARIANCE)) for y in (law.y, law.adapted(wrong)))
    evidence.observe(
        "dist(x, M) in the place of r(x)", "left less right side at one x near the circle, h = 0.3",
        at_y - at_adapted - right, -(level(x, h, RADIUS) ** 2 - wrong**2) / (2.0 * VARIANCE),
        "r(x) has to be the root mean square of dist(Y, M); the identity is off by (dist(x)² - E dist(Y)²)/2σ².",
    )  # fmt: skip


def _profile(points: Array, count: int, noised: Oracle, evidence: Evidence) -> None:
    """Both sides along a ray, for the figure."""
    clock, h = brownian(), 0.15
    cloud = Cloud.at(points, np.ones(POINTS), clock, VARIANCE)
    model = noised(ms.PointCloud(points), clock.process)
    kernel = ms.GaussianKernel(h)
    direction = np.array([np.cos(0.1), np.sin(0.1)])
    fine, coarse = np.linspace(0.02, 2.0, count), np.linspace(0.1, 1.9, 13)
    right = [both_sides(cloud, polar_law(place * direction, h, RADIUS), level(place * direction, h, RADIUS))[2]
             for place in fine]  # fmt: skip
    adapted = ms.SmoothedScore(model, ms.AdaptedKernel(kernel, ms.Circle(RADIUS)), nodes=8192, rng=12)
    x = coarse[:, None] * direction
    value, error = adapted.log_density(x, VARIANCE, return_error=True)
    evidence.data |= {
        "ray": fine, "right": np.array(right), "ray_points": coarse, "error": error, "bandwidth": np.array(h),
        "left": ms.SmoothedScore(model, kernel).log_density(x, VARIANCE) - value,
    }  # fmt: skip
