"""Claim: small balls have mass pi(B(x, r)) >= rho_min omega_m r^m (1 - r^2/4 reach^2)^{m/2}, and ~ rho(x) omega_m r^m.

Hypothesis: x on M, r at most half the reach, B(x, r) away from the boundary; density continuous and positive.
Source: Lemma D.5 of Farghly et al., arXiv:2510.02305, in the form of Niyogi, Smale and Weinberger (2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import charts
from .charts import Chart
from .quadrature import panels
from .rates import SLOPE_TOLERANCE, Array, furthest, slopes
from .record import Claim, Evidence, Oracle, Tolerance
from .shapes import bump_curve, ellipse, helix, lima_bean, spiral, wavy_circle
from .situations_surfaces import tilted_torus

#: size -> (centres x, samples)
SIZES = {"quick": (4, 20_000), "default": (12, 100_000), "full": (60, 1_000_000)}

#: r over the reach: for the bound, and for the rate.
RADII, SMALL_RADII = np.array([0.5, 0.4, 0.25, 0.1, 0.03]), np.geomspace(1e-4, 1e-2, 7)
DIRECTIONS, NODES = 64, 16
#: Standard deviations that the worst of a dozen counts may be off.
DEVIATIONS = 4.5

BOUND_TOLERANCE = Tolerance(1e-9, "Gauss-Legendre and trapezoidal quadrature of analytic integrands: below 1e-10")
RATE_TOLERANCE = Tolerance(
    2e-3, "r is 1e-4 of the reach: curvature and slope of the density enter at r^2/reach^2, or 1e-8 times a few hundred"
)
MASS_TOLERANCE = Tolerance(1e-10, "spectral quadrature over the whole of M; a density is normalised to 1e-14")
COUNT_TOLERANCE = Tolerance(DEVIATIONS, "a normal deviate beyond 4.5 has probability 7e-6; the seeds are fixed")


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    del noised  # the mass of balls needs no noise
    n, samples = SIZES[size]
    evidence.parameters |= {
        "centres": n,
        "samples": samples,
        "r/reach": RADII.tolist(),
        "small r/reach": SMALL_RADII.tolist(),
    }
    rng = np.random.default_rng([3507, 800])
    names, curves, bounds = [], [], []
    for chart, name, law in _laws():
        m, reach = chart.dimension, float(chart.build().reach)
        centres = _centres(chart, n, 0.5 * reach, rng)
        density = _density(chart, law)
        volume = math.pi ** (0.5 * m) / math.gamma(0.5 * m + 1.0)
        radii = reach * np.concatenate([SMALL_RADII, RADII])
        mass = np.stack([_mass(chart, density, centres, r) for r in radii])
        least = density(
            chart.draw(20_000, rng)
        ).min()  # not below the true minimum: the bound is tested no less sharply
        bound = least * volume * radii**m * (1.0 - radii**2 / (4.0 * reach**2)) ** (0.5 * m)
        small = len(SMALL_RADII)
        evidence.check(
            f"bound, {name}", "ρ_min ω_m r^m (1 - r²/4τ²)^{m/2} / π(B(x, r)), the largest over x and r up to τ/2",
            (bound[:, None] / mass).max(), 1.0, BOUND_TOLERANCE, one_sided=True, reach=reach, rho_min=float(least),
        )  # fmt: skip
        evidence.check(
            f"rate, {name}", "log-log slope of π(B(x, r)) in r, worst over x",
            furthest(slopes(radii[:small], mass[:small]), m), m, SLOPE_TOLERANCE,
        )  # fmt: skip
        constant = mass[0] / (volume * radii[0] ** m) / density(centres)
        evidence.check(
            f"constant, {name}", "π(B(x, r))/(ω_m r^m ρ(x)) at r = 1e-4 τ, worst over x", furthest(constant, 1.0), 1.0,
            RATE_TOLERANCE,
        )  # fmt: skip
        _whole(chart, name, density, evidence)
        _counts(chart, name, law, centres, mass[small], radii[small], samples, rng, evidence)
        names.append(name)
        curves.append(mass[:, 0] / (volume * radii**m))
        bounds.append(bound / (volume * radii**m))
    order = np.argsort(np.concatenate([SMALL_RADII, RADII]))
    evidence.data |= {
        "names": np.array(names), "radii": np.concatenate([SMALL_RADII, RADII])[order],
        "scaled": np.array(curves)[:, order], "bounds": np.array(bounds)[:, order],
    }  # fmt: skip


def _laws() -> list[tuple[Chart, str, Any]]:
    """Charts with uniform and other laws of the package."""
    import sympy as sp

    found = []
    for shape in (ellipse(2.0, 1.0), lima_bean(), wavy_circle(), helix(), spiral(), bump_curve()):
        found.append((charts.of_curve(shape), shape.name, shape.build().uniform()))
    oval = ellipse(2.0, 1.0)
    u = oval.build().symbolic.symbols[0]
    found.append((charts.of_curve(oval), f"{oval.name}, ρ ∝ exp(2 cos u)", oval.build().measure(sp.exp(2 * sp.cos(u)))))
    for chart in (charts.torus_chart(), charts.roll_chart(), charts.patch_chart()):
        found.append((chart, chart.name, chart.build().uniform()))
    return [*found, (charts.torus_chart(), "torus, ρ ∝ exp(cos u + sin v)", tilted_torus())]


def _density(chart: Chart, law: Any) -> Callable[[Array], Array]:
    """The density of the package as a function of u (n, m)."""
    return lambda u: law.density(u[:, 0] if chart.dimension == 1 else u)


def _centres(chart: Chart, n: int, radius: float, rng: np.random.Generator) -> Array:
    """Random parameters whose balls do not meet the boundary."""
    u = chart.draw(200 * n, rng)
    _, lengths = chart.frame(u)
    # An arc within the ball is at most 1.02 r long, and lengths of coordinate vectors vary by a tenth within it.
    room = np.where(chart.closed, np.inf, np.minimum(u - chart.lower, chart.upper - u) * lengths)
    found = u[(room > 1.2 * radius).all(axis=1)]
    if len(found) < n:
        raise ArithmeticError(f"balls of radius {radius:.3g} hardly fit into the {chart.name}")
    return found[:n]


def _mass(chart: Chart, density: Callable[[Array], Array], centres: Array, r: float) -> Array:
    """Return pi(B(x, r)) by polar coordinates in the parameters, scaled to be orthonormal at x, shape (n,)."""
    m, n = chart.dimension, len(centres)
    _, lengths = chart.frame(centres)
    angles = np.arange(DIRECTIONS) * 2.0 * np.pi / DIRECTIONS
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rays, weight = (circle, 2.0 * np.pi / DIRECTIONS) if m == 2 else (np.array([[-1.0], [1.0]]), 1.0)
    steps = rays / lengths[:, None, :]  # (n, k, m)
    k = len(rays)
    start = np.repeat(centres, k, axis=0)
    direction = steps.reshape(n * k, m)
    origin = np.repeat(chart.point(centres), k, axis=0)
    low, high = np.zeros(n * k), np.full(n * k, 3.0 * r)
    for _ in range(52):
        middle = 0.5 * (low + high)
        outside = np.linalg.norm(chart.point(start + middle[:, None] * direction) - origin, axis=1) > r
        low, high = np.where(outside, low, middle), np.where(outside, middle, high)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    t = 0.5 * low[:, None] * (nodes + 1.0)
    u = start[:, None] + t[..., None] * direction[:, None]
    flat = u.reshape(-1, m)
    values = density(chart.within(flat)) * chart.frame(flat)[1].prod(axis=1)
    radial = (values.reshape(t.shape) * t ** (m - 1) * weights).sum(axis=1) * 0.5 * low
    return np.asarray(weight * radial.reshape(n, k).sum(axis=1) / lengths.prod(axis=1))


def _whole(chart: Chart, name: str, density: Callable[[Array], Array], evidence: Evidence) -> None:
    """The density integrates to one."""
    pieces, nodes = (64, 20) if chart.dimension == 1 else (12, 16)
    ends = zip(chart.lower, chart.upper, strict=True)
    axes, weights = zip(*[panels(np.linspace(*pair, pieces + 1), nodes) for pair in ends], strict=True)
    u = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, chart.dimension)
    product = weights[0] if chart.dimension == 1 else np.outer(*weights).ravel()
    total = (density(u) * chart.frame(u)[1].prod(axis=1)) @ product
    evidence.check(f"total mass, {name}", "∫ ρ vol over M, by hand", total, 1.0, MASS_TOLERANCE)


def _counts(
    chart: Chart, name: str, law: Any, centres: Array, mass: Array, r: float, samples: int, rng: np.random.Generator,
    evidence: Evidence,
) -> None:  # fmt: skip
    """Samples fall into balls as often as they should."""
    count = samples if law.ambient_dimension < 9 else samples // 100
    y = law.sample(count, rng)
    x = chart.point(centres)
    hits = np.array([(np.linalg.norm(y - centre, axis=1) <= r).sum() for centre in x])
    deviation = (hits - count * mass) / np.sqrt(count * mass * (1.0 - mass))
    evidence.check(
        f"samples, {name}", f"(count - expected)/standard deviation of {count} samples in B(x, τ/2), worst over x",
        furthest(deviation, 0.0), 0.0, COUNT_TOLERANCE,
    )  # fmt: skip


def draw(data: dict[str, Array]) -> object:
    from .figures_geometry import small_balls

    return small_balls(data)


CLAIM = Claim(
    name="small-ball",
    title="The mass of small balls",
    statement="π(B(x, r)) ≥ ρ_min ω_m r^m (1 - r²/4τ²)^{m/2} for x ∈ M, r ≤ τ/2, and π(B(x, r)) ~ ρ(x) ω_m r^m as "
    "r → 0; samples fall into the balls accordingly.",
    hypothesis="The density is continuous and positive; the ball does not meet the boundary of M.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, Lemma D.5; Niyogi, "
    "Smale and Weinberger, Discrete Comput. Geom. 39 (2008) 419-441.",
    measure=measure,
    draw=draw,
)
