"""Claim: log p^k(x) - log p^{k^M}(x) = E[LSE_i(-(|Y~ - a x_i|^2 + D_i)/2 s^2) - LSE_i(-|Y~ - a x_i|^2/2 s^2)] exactly.

Here a, s are alpha and sigma of the process, Y ~ k_x, Pi(Y) its nearest point on a M, Y~ = Pi(Y) + r(x) n the draw of
the adapted kernel, r(x)^2 = E dist(Y, a M)^2, and D_i = 2 <Y - Y~, Pi(Y) - a x_i>.

Hypothesis: none on M or x (beyond the reach, too); the same Y on both sides.
Source: the proof of Theorem 3.6 of Farghly et al., arXiv:2510.02305.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .by_hand import EPS, Cloud, log_sum_exp
from .clocks import Clock, brownian, ornstein_uhlenbeck
from .rates import Array
from .record import Claim, Evidence, Oracle, Tolerance
from .shapes import ellipse

#: size -> points x of every kind, for every manifold, process and bandwidth
SIZES = {"quick": 2, "default": 12, "full": 150}

KINDS = ("on M", "near M", "far from M", "beyond the reach")
#: Over the reach.
BANDWIDTHS = (0.1, 0.7)
POINTS, DISPLACEMENTS = 24, 48

IDENTITY_TOLERANCE = Tolerance(
    32.0,
    "a unit is what one eps in Y, the cloud, alpha and sigma does to both log-densities, through the projection too; "
    "sums over three coordinates, 24 points and 48 nodes, projections good to a few eps: ten roundings on either side",
)
EXACT_TOLERANCE = Tolerance(8.0, "subtraction, length and division: three roundings of Y and Π(Y) on either side")
BOUND_TOLERANCE = Tolerance(
    1e-7,
    "an equality on circles and spheres; points are at least 1e-3 apart and |ζ| at least 1e-6 of the size: rounding",
)


@dataclass(frozen=True)
class Draws:
    """Y and Y~ by hand for one x, shapes (n, d), dist(Y, aM) (n, 1) and r(x).

    Attributes
    ----------
    bend : how much longer a small change of Y may become in Y~, (n,).
    """

    y: Array
    foot: Array
    normal: Array
    distance: Array
    level: float
    bend: Array

    def adapted(self, side: float = 1.0) -> Array:
        """Return Y~ = Pi(Y) + r n, or Pi(Y) - r n for side -1."""
        return np.asarray(self.foot + side * self.level * self.normal)


def draw_by_hand(manifold: Any, x: Array, nodes: Array, alpha: float) -> Draws:
    """Return the draws of k and k^M from displacements (n, d) and projections alone."""

    def project(y: Array) -> Array:
        return np.asarray(alpha * manifold.project(y / alpha))

    y = x + nodes
    foot = project(y)
    apart = y - foot
    distance = np.linalg.norm(apart, axis=1, keepdims=True)
    level = float(np.sqrt((distance**2).mean()))
    step = 1e-7 * alpha
    moved = [np.linalg.norm(project(y + step * axis) - foot, axis=1) / step for axis in np.eye(len(x))]
    stretch = np.max(moved, axis=0)
    bend = stretch + (1.0 + stretch) * level / distance[:, 0]
    return Draws(y, foot, apart / distance, distance, level, bend)


def right_side(cloud: Cloud, draws: Draws, adapted: Array) -> float:
    """Return E[LSE(logits at Y~, less D_i/2 sigma^2) - LSE(logits at Y~)]."""
    logits = cloud.logits(adapted)
    shift = inner(cloud, draws, adapted) / (2.0 * cloud.sigma2)
    return float((log_sum_exp(logits - shift) - log_sum_exp(logits)).mean())


def inner(cloud: Cloud, draws: Draws, adapted: Array) -> Array:
    """Return D_i = 2 <Y - Y~, Pi(Y) - alpha x_i>, shape (n, N)."""
    apart = draws.foot[:, None, :] - cloud.alpha * cloud.points
    return np.asarray(2.0 * np.einsum("nd,nid->ni", draws.y - adapted, apart))


def unit_of(cloud: Cloud, draws: Draws, adapted: Array) -> float:
    """Return what one eps in the inputs does to the difference of both log-densities."""
    score = np.linalg.norm(cloud.score(adapted), axis=1)
    size = np.linalg.norm(draws.y, axis=1) + np.linalg.norm(draws.foot, axis=1)
    moved = EPS * size * draws.bend * score
    squares = EPS * (draws.distance[:, 0] ** 2 + draws.level**2) / cloud.sigma2
    return float((cloud.units(draws.y)[0] + cloud.units(adapted)[0] + moved + squares).mean())


def score_unit(cloud: Cloud, draws: Draws, adapted: Array) -> float:
    """Return what one eps in the inputs does to the mean of the scores at Y and at Y~."""
    bend = np.linalg.norm(cloud.jacobian(adapted), ord=2, axis=(1, 2))
    moved = EPS * (np.linalg.norm(draws.y, axis=1) + np.linalg.norm(draws.foot, axis=1)) * draws.bend * bend
    return float((cloud.units(draws.y)[1] + cloud.units(adapted)[1] + moved).mean())


def manifolds() -> list[tuple[str, Any]]:
    """Return closed manifolds: a circle, an ellipse, a sphere and a curve that leaves the plane."""
    import sympy as sp

    u = sp.Symbol("u", real=True)
    saddle = ms.Curve([sp.cos(u), sp.sin(u), sp.cos(2 * u) / 2], (u, 0, 2 * sp.pi))
    return [
        ("circle", ms.Circle(0.8)), ("ellipse 2 × 1", ellipse(2.0, 1.0).build()), ("sphere S²", ms.Sphere(3, 1.5)),
        ("saddle curve in R³", saddle),
    ]  # fmt: skip


def place(kind: str, manifold: Any, n: int, rng: np.random.Generator) -> Array:
    """Return points x for M itself: on it, near, far, and more than the reach away on the side where the reach is."""
    y = manifold.sample(n, rng)
    if kind == "on M":
        return np.asarray(y)
    basis = manifold.normal_basis(y)
    normal = basis[..., 0] * rng.choice([-1.0, 1.0], (n, 1))
    if kind == "near M":
        return np.asarray(y + 0.3 * manifold.reach * rng.uniform(0.0, 1.0, (n, 1)) * normal)
    if kind == "far from M":
        return np.asarray(6.0 * rng.standard_normal(y.shape) + 2.0 * y)
    return np.asarray(y - 1.3 * manifold.reach * y / np.linalg.norm(y, axis=1, keepdims=True))


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    from . import decomposition_circle

    count = SIZES[size]
    clocks = (brownian(), ornstein_uhlenbeck(0.5))
    evidence.parameters |= {
        "x of every kind": count, "kinds": list(KINDS), "processes": [clock.name for clock in clocks],
        "bandwidths over the reach": BANDWIDTHS, "N": POINTS, "displacements": DISPLACEMENTS,
    }  # fmt: skip
    rng = np.random.default_rng([2510, 2305, 51])
    shown = []
    for index, (name, manifold) in enumerate(manifolds()):
        for clock in clocks:
            rows = np.concatenate([
                _situation(manifold, clock, ratio * manifold.reach, count, noised, rng) for ratio in BANDWIDTHS
            ])  # fmt: skip
            where = f"{name}, {clock.name}"
            _record(rows, where, evidence)
            shown.append(np.column_stack([np.full(len(rows), index), rows]))
    evidence.data |= {
        "manifolds": np.array([name for name, _ in manifolds()]), "kinds": np.array(KINDS),
        "rows": np.concatenate(shown), "tolerance": np.array(IDENTITY_TOLERANCE.value),
    }  # fmt: skip
    decomposition_circle.measure(size, noised, evidence)


def _record(rows: Array, where: str, evidence: Evidence) -> None:
    """Record the worst of each column of what _situation has found."""
    rows = np.nan_to_num(rows, nan=np.inf)
    texts = {
        "smoothed scores": "SmoothedScore with k and with k^M, the same nodes, against the right side by hand",
        "oracle": "the oracle at Y and at the draws of AdaptedKernel against the right side by hand",
        "other side": "the oracle at Y and at Π(Y) - r n against the right side with this Ỹ",
        "scores": "SmoothedScore.score with k and with k^M against means of the oracle at Y and at Ỹ",
    }
    for column, (name, text) in enumerate(texts.items()):
        worst = rows[:, 1 + column]
        evidence.check(
            f"{name}, {where}", f"{text}; worst x in units of rounding", worst.max(), 0.0, IDENTITY_TOLERANCE,
            one_sided=True, median=float(np.median(worst)), largest_difference=float(rows[:, 7].max()),
            worst_kind=KINDS[int(rows[worst.argmax(), 0])],
        )  # fmt: skip
    evidence.check(
        f"|Y - Ỹ| = |ζ|, {where}", "||Y - Ỹ| - |dist(Y, M) - r|| in units of eps (|Y| + |Π(Y)|), worst node",
        rows[:, 5].max(), 0.0, EXACT_TOLERANCE, one_sided=True,
    )  # fmt: skip
    evidence.check(
        f"Federer, {where}", "the largest |Δ_i| ατ/(|ζ| |Π(Y) - αx_i|²), τ the reach", rows[:, 6].max(), 1.0,
        BOUND_TOLERANCE, one_sided=True, other_side=float(rows[:, 8].max()),
    )  # fmt: skip


def _situation(
    manifold: Any, clock: Clock, h: float, count: int, noised: Oracle, rng: np.random.Generator
) -> Array:  # fmt: skip
    """Return for every x: its kind, four deviations in units, the gap of |Y - Y~|, Federer's ratio, the size of the
    difference and Federer's ratio on the other side.
    """
    points = np.asarray(manifold.sample(POINTS, rng))
    d = points.shape[1]
    nodes = h * rng.standard_normal((DISPLACEMENTS, d))
    base = ms.SampledKernel(nodes)
    adapted_kernel = ms.AdaptedKernel(base, manifold)
    model = noised(ms.PointCloud(points), clock.process)
    plain = ms.SmoothedScore(model, base)
    adapted = ms.SmoothedScore(model, adapted_kernel)
    rows = []
    for kind in KINDS:
        for z in place(kind, manifold, count, rng):
            t = float(clock.time(np.exp(rng.uniform(np.log(1e-3), 0.0))))
            cloud = Cloud.at(points, np.ones(POINTS), clock, t)
            x = cloud.alpha * z
            draws = draw_by_hand(manifold, x, nodes, cloud.alpha)
            hand, other = draws.adapted(), draws.adapted(-1.0)
            right = right_side(cloud, draws, hand)
            package = adapted_kernel.points_at(x[None], nodes, cloud.alpha)[0]
            at_y = model.log_density(draws.y, t)
            left = plain.log_density(x, t) - adapted.log_density(x, t)
            gap = np.abs(np.linalg.norm(draws.y - hand, axis=1) - np.abs(draws.distance[:, 0] - draws.level))
            size = EPS * (np.linalg.norm(draws.y, axis=1) + np.linalg.norm(draws.foot, axis=1))
            unit = unit_of(cloud, draws, hand)
            scores = [
                np.linalg.norm(smoothed.score(x, t) - model.score(y, t).mean(axis=0))
                for smoothed, y in ((plain, draws.y), (adapted, package))
            ]
            rows.append([
                KINDS.index(kind), abs(left - right) / unit,
                abs((at_y - model.log_density(package, t)).mean() - right) / unit,
                abs((at_y - model.log_density(other, t)).mean() - right_side(cloud, draws, other))
                / unit_of(cloud, draws, other),
                max(scores) / score_unit(cloud, draws, hand), (gap / size).max(),
                _federer(cloud, draws, hand, manifold.reach), abs(right), _federer(cloud, draws, other, manifold.reach),
            ])  # fmt: skip
    return np.array(rows)


def _federer(cloud: Cloud, draws: Draws, adapted: Array, reach: float) -> float:
    """Return the largest |D_i| alpha reach/(|zeta| |Pi(Y) - alpha x_i|^2) over nodes, points not too close."""
    apart = ((draws.foot[:, None, :] - cloud.alpha * cloud.points) ** 2).sum(axis=2)
    moved = np.abs(draws.distance - draws.level)  # (n, 1), against (n, N)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(inner(cloud, draws, adapted)) * cloud.alpha * reach / (moved * apart)
    clear = (apart > 1e-6 * cloud.alpha**2) & (moved > 1e-6 * cloud.alpha)
    return float(ratio[clear].max())


def draw(data: dict[str, Array]) -> object:
    from .figures_smoothing import decomposition

    return decomposition(data)


CLAIM = Claim(
    name="decomposition",
    title="Smoothing with an adapted kernel, exactly",
    statement="log p̂^k(x) - log p̂^{k^M}(x) = E[LSE_i(-|Ỹ-αx_i|²/2σ² - Δ_i/2σ²) - LSE_i(-|Ỹ-αx_i|²/2σ²)] pointwise "
    "before both are normalised, Δ_i = 2⟨Y-Ỹ, Π(Y)-αx_i⟩; |Y-Ỹ| = |ζ| = |dist(Y) - r(x)| and "
    "|Δ_i| ≤ |ζ| |Π(Y)-αx_i|²/ατ.",
    hypothesis="Any M and x, beyond the reach too; the bound of Δ_i needs M without boundary. Ỹ = Π(Y) + r(x) n with "
    "r(x)² = E dist(Y, αM)² over the same nodes.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, proof of Theorem 3.6.",
    measure=measure,
    draw=draw,
)
