"""Claim: smoothing and the gradient commute, grad E log p(x+xi) = E grad log p(x+xi), xi independent of x.

Hypothesis: k_x is the law of x + xi.  Where k_x depends on x otherwise the two differ, by h^2 times a known field.
Source: section 2 of Farghly et al., arXiv:2510.02305; the fields are derived in commutation_laws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import manifold_scores as ms

from . import commutation_laws as laws
from .by_hand import EPS, Cloud
from .clocks import all_clocks, brownian
from .rates import SLOPE_TOLERANCE, Array, slopes
from .record import Claim, Evidence, Oracle, Tolerance
from .renyi_grid import psi
from .rounding import derivative

#: size -> (random cases that commute, points x where kernels do not)
SIZES = {"quick": (12, 2), "default": (72, 4), "full": (1500, 40)}

#: Which of the three ways is taken in turn; the first is slow.
ORDER = (0, 1, 2, 1, 2, 1)
VARIANCE, RADIUS = 0.06, 1.0
#: Bandwidths for slopes, and the larger ones up to which the exact laws are compared.
SMALL, LARGE = np.geomspace(1e-4, 1e-3, 5), np.geomspace(0.01, 0.05, 3)
#: Bandwidths below this one are left out for curls, differences of differences.
FIRST_CURL = 2
#: Of the distance to M, x over h, in the layer around M.
LAYER = np.array([-2.0, -1.0, -0.4, 0.0, 0.4, 1.0, 2.0])

COMMUTES_TOLERANCE = Tolerance(
    1.0, "the bound: gap between differences of order 8 and 6, and 32 units of rounding (the package's estimate, for "
    "quadrature) over the step",
)  # fmt: skip
BLUNT_TOLERANCE = Tolerance(1e-4, "a bound above 1e-4 of the score itself would prove little")
LEADING_TOLERANCE = Tolerance(
    0.005,
    "h up to 3e-4: the next order is (h 2R/sigma^2)^2 = 1e-4 times a constant; h below would bring rounding to 1e-3",
)
EXACT_TOLERANCE = Tolerance(
    1e-6, "48 Gauss-Hermite nodes, pole at pi sigma^2/(h |x_i - x_j|) > 1.9: e^-18; differences of order 8, 1e-10"
)
LAYER_TOLERANCE = Tolerance(
    0.01, "h = 1e-4: the next order is h times third derivatives of l over first ones and h/R: a few times 1e-3"
)
SAMPLED_TOLERANCE = Tolerance(4.5, "a normal deviate beyond 4.5 has probability 7e-6; the seeds are fixed")


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    cases, count = SIZES[size]
    evidence.parameters |= {
        "cases": cases, "x": count, "sigma2": VARIANCE, "bandwidths": SMALL.tolist(), "larger": LARGE.tolist(),
    }  # fmt: skip
    _commuting(cases, noised, evidence)
    model, cloud, x = ring(count, noised)
    curves = [_rates(name, kind, model, cloud, x, evidence) for name, kind in laws.KINDS.items()]
    _exact(model, cloud, x, evidence)
    layer = _layer(model, cloud, evidence)
    _sampled(model, cloud, x, evidence)
    evidence.data |= {
        "names": np.array(list(laws.KINDS)), "bandwidths": np.concatenate([SMALL, LARGE]), "curves": np.array(curves),
        "commuting": _still(model, x[0], np.concatenate([SMALL, LARGE])), **layer,
    }  # fmt: skip


def ring(count: int, noised: Oracle) -> tuple[Any, Cloud, Array]:
    """Return nine points of the unit circle, as an oracle and by hand, and points x near it, inside and outside."""
    rng = np.random.default_rng([2510, 2305, 61])
    turns = np.sort(rng.uniform(0.0, 2.0 * np.pi, 9))
    points = RADIUS * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    size = np.where(np.arange(count) % 2 == 0, 1.3, 0.75) + rng.uniform(-0.05, 0.05, count)
    x = size[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    cloud = Cloud.at(points, np.ones(len(points)), brownian(), VARIANCE)
    return noised(ms.PointCloud(points), ms.BrownianMotion()), cloud, x


def _commuting(count: int, noised: Oracle, evidence: Evidence) -> None:
    """Differences of SmoothedScore.log_density against SmoothedScore.score, kernels that shift x."""
    rng = np.random.default_rng([2510, 2305, 62])
    worst = {"normal, quadrature": [0.0, 0.0], "normal, Sobol nodes": [0.0, 0.0], "displacements": [0.0, 0.0]}
    for index in range(count):
        name = list(worst)[ORDER[index % 6]]
        d, n = (2, 6) if ORDER[index % 6] == 0 else (int(rng.integers(2, 6)), 12)
        clock = all_clocks()[index % 5]
        points = rng.standard_normal((n, d))
        s = np.exp(rng.uniform(np.log(0.01), np.log(1.0)))
        t = float(clock.time(s))
        cloud = Cloud.at(points, np.ones(n), clock, t)
        model = noised(ms.PointCloud(points), clock.process)
        root = cloud.alpha * 0.4 * rng.standard_normal((d, d))
        kernel: ms.SmoothingKernel = ms.GaussianKernel(root @ root.T)
        if name == "displacements":
            kernel = ms.SampledKernel(0.5 * rng.exponential(size=(40, d)) @ root)
        rule = {"nodes": 256, "rule": "qmc", "rng": index} if name == "normal, Sobol nodes" else {}
        smoothed = ms.SmoothedScore(model, kernel, **rule)
        x = cloud.alpha * 1.5 * rng.standard_normal((1, d))
        direction = rng.standard_normal(d)
        direction /= np.linalg.norm(direction)

        def along(step: Array, x: Array = x, t: float = t, smoothed: Any = smoothed, v: Array = direction) -> Array:
            return np.asarray(smoothed.log_density(x + step[:, None] * v, t))

        bound = 32.0 * cloud.units(np.asarray(kernel.sample(x, 32, 5)))[0].mean(axis=1)
        if not rule:
            bound = bound + smoothed.log_density(x, t, return_error=True)[1]
        size = np.linalg.norm(x) + np.linalg.norm(points, axis=1).max() * cloud.alpha
        step = np.full(1, 0.05 * min(np.sqrt(cloud.sigma2), cloud.sigma2 / size))
        found, error = derivative(along, step, bound)
        score = smoothed.score(x, t)
        ratios = [abs(found[0] - score[0] @ direction) / error[0], error[0] / np.linalg.norm(score)]
        worst[name] = [float(np.fmax(old, np.nan_to_num(new, nan=np.inf)))
                       for old, new in zip(worst[name], ratios, strict=True)]  # fmt: skip
    for name, (ratio, blunt) in worst.items():
        evidence.check(
            f"commutes, {name}", "|⟨v, ∇E log p(x+ξ) - E ∇log p(x+ξ)⟩| over its bound, SmoothedScore.log_density by "
            "differences, worst case", ratio, 0.0, COMMUTES_TOLERANCE, one_sided=True, cases=count,
        )  # fmt: skip
        evidence.check(
            f"sharpness, {name}", "that bound over the size of the smoothed score, worst case", blunt, 0.0,
            BLUNT_TOLERANCE, one_sided=True,
        )  # fmt: skip


def _rates(name: str, kind: laws.Kind, model: Any, cloud: Cloud, x: Array, evidence: Evidence) -> Array:
    """Compare the gap and the curl with their leading orders; return the size of the gap for all bandwidths."""
    found = np.array([laws.gap(kind, model, cloud, x, h) for h in SMALL])
    leading = kind.leading(cloud, x)
    size = np.sqrt((found**2).sum(axis=2).mean(axis=1))
    evidence.check(
        f"slope, {name}", "log-log slope of |∇E log p(Y) - E ∇log p(Y)| in the bandwidth h, root mean square over x",
        slopes(SMALL, size[:, None])[0], 2.0, SLOPE_TOLERANCE,
    )  # fmt: skip
    evidence.check(
        f"leading order, {name}", f"gap over h² less the field derived by hand, over its largest value, "
        f"h = {SMALL[0]:g}, worst x", _off(found[0] / SMALL[0] ** 2, leading), 0.0, LEADING_TOLERANCE, one_sided=True,
    )  # fmt: skip
    steps = SMALL[FIRST_CURL:]
    curls = np.array([laws.curl(lambda y, h=h: laws.mean_score(kind, model, cloud, y, h), x) for h in steps])
    evidence.check(
        f"curl, {name}", "log-log slope of |curl s_k| in h, root mean square over x: s_k is no gradient",
        slopes(steps, np.sqrt((curls**2).mean(axis=1))[:, None])[0], 2.0, SLOPE_TOLERANCE,
    )  # fmt: skip
    expected = -laws.curl(lambda y: kind.leading(cloud, y), x)
    evidence.check(
        f"curl, leading order, {name}", "curl of s_k over h² plus the curl of that field, over its largest value, "
        f"h = {steps[0]:.2g}, worst x", _off(curls[0][:, None] / steps[0] ** 2, expected[:, None]), 0.0,
        LEADING_TOLERANCE, one_sided=True,
    )  # fmt: skip
    larger = np.array([laws.gap(kind, model, cloud, x, h) for h in LARGE])
    sizes = np.concatenate([size, np.sqrt((larger**2).sum(axis=2).mean(axis=1))])
    law = np.concatenate([SMALL, LARGE]) ** 2 * np.sqrt((leading**2).sum(axis=1).mean())
    return np.stack([sizes, law])


def _off(found: Array, expected: Array) -> float:
    """Return the longest difference over the longest expected vector."""
    gap = np.nan_to_num(np.linalg.norm(found - expected, axis=1), nan=np.inf)
    return float(gap.max() / np.linalg.norm(expected, axis=1).max())


def _exact(model: Any, cloud: Cloud, x: Array, evidence: Evidence) -> None:
    """Laws that hold for every h, by Stein's lemma."""
    for name, law in laws.EXACT.items():
        kind = laws.KINDS[name]
        off = []
        for h in LARGE:
            expected = law(cloud, x, h)
            off.append(_off(laws.gap(kind, model, cloud, x, h), expected))
        evidence.check(
            f"exact law, {name}", "∇E log p(Y) - E ∇log p(Y) less its law by Stein's lemma, over the largest value, "
            "h up to 0.05, worst x", np.max(off), 0.0, EXACT_TOLERANCE, one_sided=True,
        )  # fmt: skip


def _layer(model: Any, cloud: Cloud, evidence: Evidence) -> dict[str, Array]:
    """The adapted kernel in the layer |x| - R = v h, where the two differ by psi'(v) dl/dn however small h is."""
    kind = laws.KINDS["adapted"]
    normal = np.array([np.cos(0.6), np.sin(0.6)])
    h = float(SMALL[0])
    x = RADIUS * normal + (LAYER * h)[:, None] * normal
    found = laws.gap(kind, model, cloud, x, h) @ normal
    on = cloud.score(RADIUS * normal) @ normal
    bend = normal @ cloud.jacobian(RADIUS * normal) @ normal
    predicted = laws.psi_slope(LAYER) * on - h * psi(LAYER) * bend
    evidence.check(
        "layer, adapted", "gap along the normal at |x| = R + v h, |v| ≤ 2, h = 1e-4, less ψ'(v) ∂_n l - h ψ(v) ∂_nn l "
        "over |∂_n l|, worst v", np.max(np.abs(found - predicted)) / abs(on), 0.0, LAYER_TOLERANCE, one_sided=True,
    )  # fmt: skip
    on_m = np.array([laws.gap(kind, model, cloud, RADIUS * normal[None], h)[0] @ normal for h in SMALL])
    evidence.check(
        "slope on M, adapted", "log-log slope of the gap at x on M in h: it does not vanish",
        slopes(SMALL, np.abs(on_m)[:, None])[0], 0.0, SLOPE_TOLERANCE,
    )  # fmt: skip
    evidence.check(
        "limit on M, adapted", "gap over ∂_n log p at x on M, h = 1e-4; predicted: ψ'(0) = √(2/π) - 1", on_m[0] / on,
        np.sqrt(2.0 / np.pi) - 1.0, LAYER_TOLERANCE,
    )  # fmt: skip
    fine = np.linspace(-3.0, 3.0, 121)
    curve = laws.psi_slope(fine) - h * psi(fine) * bend / on
    return {"layer": LAYER, "layer_found": found / on, "layer_fine": fine, "layer_curve": curve}


def _sampled(model: Any, cloud: Cloud, x: Array, evidence: Evidence) -> None:
    """SmoothedScore with the same kernels against quadrature by hand, in the standard errors that it states."""
    for name, kind in laws.KINDS.items():
        worst = 0.0
        for h in (0.02, 0.05):
            smoothed = kind.smoothed(model, h)
            density = laws.mean_log_density(kind, model, cloud, x, h)
            score = laws.mean_score(kind, model, cloud, x, h)
            for expected, method in ((density, smoothed.log_density), (score, smoothed.score)):
                value, error = method(x, VARIANCE, return_error=True)
                off = np.abs(value - expected) / (error + 64.0 * EPS * np.abs(expected))
                worst = max(worst, float(np.nan_to_num(off, nan=np.inf).max()))
        evidence.check(
            f"SmoothedScore, {name}", "gap of log_density and score to quadrature by hand over the error stated, "
            "h = 0.02 and 0.05, worst x", worst, 0.0, SAMPLED_TOLERANCE, one_sided=True,
        )  # fmt: skip


def _still(model: Any, x: Array, bandwidths: Array) -> Array:
    """Return the gap of SmoothedScore with N(x, h^2 I), for the figure."""
    found = []
    for h in bandwidths:
        smoothed = ms.SmoothedScore(model, ms.GaussianKernel(float(h)), rule="qmc", nodes=256, rng=0)
        gradient = laws.gradient(lambda y, smoothed=smoothed: smoothed.log_density(y, VARIANCE), x[None])
        found.append(np.linalg.norm(gradient - smoothed.score(x[None], VARIANCE)))
    return np.array(found)


def draw(data: dict[str, Array]) -> object:
    from .figures_smoothing import commutation

    return commutation(data)


CLAIM = Claim(
    name="commutation",
    title="Where smoothing and the gradient commute",
    statement="∇E log p̂(x+ξ) = E ∇log p̂(x+ξ) for noise ξ that does not depend on x. For tangent, translated and "
    "adapted kernels and for a bandwidth that depends on x the smoothed score is no gradient: the gap and the curl are "
    "h² times fields known in closed form; within h of M the gap of the adapted kernel does not vanish with h.",
    hypothesis="k_x is the law of x + ξ, ξ independent of x; the gaps are those on a circle in the plane.",
    source="Farghly et al., Diffusion models and the manifold hypothesis, arXiv:2510.02305, section 2; the gaps as "
    "derived in verification/commutation_laws.py.",
    measure=measure,
    draw=draw,
)
