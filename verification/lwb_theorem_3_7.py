"""Claim: the posterior mean f stays bounded and f -> y_x as t -> 0, while score and noise prediction blow up.

Hypothesis: M bounded, x has one nearest point y_x on M, the density is continuous and positive near it.
Source: Lu, Wang, Bal, EAJAM 15 (2025), Theorem 3.7; rates and mean squares from Laplace's method.
"""

from __future__ import annotations

import numpy as np

from . import mean_squares
from .clocks import all_clocks
from .laws import Law, laws
from .laws_curved import curved_laws
from .rates import CONSTANT_TOLERANCE, SLOPE_TOLERANCE, WINDOWS, Array, furthest, slopes
from .record import Claim, Evidence, Oracle, Tolerance
from .situations import Situation, situations

#: size -> (points x per situation, values of tau per window, points x per law and process)
SIZES = {"quick": (7, 9, 60), "default": (21, 17, 400), "full": (210, 33, 4000)}

#: Below this |coefficient| of f - y_x the next order is not yet small at the top of the window: the point is left out.
SMALLEST_COEFFICIENT = 0.05

CURVE = np.geomspace(1e-12, 1.0, 73)

BOUND_TOLERANCE = Tolerance(
    100.0 * np.finfo(float).eps,
    "100 eps: rounding in the points or radii of M moves max |y| by as much, relative, and f stays in the moved hull",
)


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    n, points, many = SIZES[size]
    evidence.parameters |= {
        "points per situation": n,
        "values of tau per window": points,
        "points per law and process": many,
        "windows": {f"power {power:g}": list(ends) for power, ends in WINDOWS.items()},
    }
    _limits(n, points, noised, evidence)
    _bounded(many, noised, evidence)
    mean_squares.closed_manifolds(size, noised, evidence)
    mean_squares.segment(noised, evidence)


def _limits(n: int, points: int, noised: Oracle, evidence: Evidence) -> None:
    """Rates of |f - y_x|, |score| and |noise| at fixed x."""
    found: dict[str, list[float]] = {"slope of f": [], "score": [], "noise": [], "t score": [], "noise sqrt t": []}
    cases = situations(n)
    for case in cases:
        tau = case.window(points)
        targets = case.targets(noised, tau)
        error = np.linalg.norm(targets["mean"] - case.nearest, axis=2)
        coefficient = np.linalg.norm(case.mean_lead, axis=1)
        kept = coefficient > SMALLEST_COEFFICIENT
        if kept.any():
            found["slope of f"].append(furthest(slopes(tau, error[:, kept]) - case.power, 0.0))
            ratio = error[:, kept] / tau[:, None] ** case.power / coefficient[kept]
            evidence.check(
                f"f → y_x, {case.name}",
                f"|f - y_x| / {case.axis}^{case.power:g} over its predicted value (worst of window and points)",
                furthest(ratio, 1.0), 1.0, CONSTANT_TOLERANCE,
                predicted_constants=[float(coefficient[kept].min()), float(coefficient.max())], points=int(kept.sum()),
            )  # fmt: skip
        found["score"].append(furthest(slopes(tau, targets["score"]), -1.0))
        found["noise"].append(furthest(slopes(tau, targets["noise"]), -0.5))
        found["t score"].append(furthest(np.linalg.norm(targets["blow-up"], axis=2) / case.distance, 1.0))
        found["noise sqrt t"].append(furthest(np.sqrt(tau)[:, None] * targets["noise"] / case.distance, 1.0))
    rows = {
        "slope of f": ("slope of |f - y_x|, less the predicted one", 0.0, SLOPE_TOLERANCE),
        "score": ("slope of |score|", -1.0, SLOPE_TOLERANCE),
        "noise": ("slope of |noise|", -0.5, SLOPE_TOLERANCE),
        "t score": ("t |score| / |x - y_x|", 1.0, CONSTANT_TOLERANCE),
        "noise sqrt t": ("√t |noise| / |x - y_x|", 1.0, CONSTANT_TOLERANCE),
    }
    for key, (name, predicted, tolerance) in rows.items():
        evidence.check(
            name, f"{name} (t, or s for the general process), worst over all situations",
            furthest(np.array(found[key]), predicted), predicted, tolerance, situations=len(found[key]),
        )  # fmt: skip
    _store_curves(cases[0], noised, evidence)


def _store_curves(case: Situation, noised: Oracle, evidence: Evidence) -> None:
    targets = case.targets(noised, CURVE)
    evidence.data |= {
        "curve_t": CURVE,
        "curve_score": targets["score"][:, 0],
        "curve_noise": targets["noise"][:, 0],
        "curve_error": np.linalg.norm(targets["mean"][:, 0] - case.nearest[0], axis=1),
        "curve_mean": np.linalg.norm(targets["mean"][:, 0], axis=1),
        "curve_distance": case.distance[0],
        "curve_coefficient": np.linalg.norm(case.mean_lead[0]),
        "curve_name": np.array(case.name),
    }


def _bounded(many: int, noised: Oracle, evidence: Evidence) -> None:
    """sup |f| <= max |y|, at any t and x."""
    rng = np.random.default_rng([3507, 200])
    bounded = [law for law in laws() if law.support is not None] + curved_laws()
    largest = np.array([_largest_mean(law, many, rng, noised) for law in bounded])
    worst = int(np.nan_to_num(largest, nan=np.inf).argmax())
    evidence.check(
        "sup |f| / max |y|", "|f| ≤ max |y| over M, at t from 1e-12 to 50 and |x| to 1e3, all bounded laws",
        largest[worst], 1.0, BOUND_TOLERANCE, one_sided=True, worst=bounded[worst].name,
    )  # fmt: skip
    evidence.data |= {"bounded_names": np.array([law.name for law in bounded]), "bounded_sup": largest}


def _largest_mean(law: Law, many: int, rng: np.random.Generator, noised: Oracle) -> float:
    largest = []
    for clock in all_clocks():
        t = np.exp(rng.uniform(np.log(1e-12), np.log(clock.latest), many))
        x = rng.standard_normal((many, law.measure.ambient_dimension)) * 10.0 ** rng.uniform(-2.0, 3.0, (many, 1))
        f: Array = noised(law.measure, clock.process).posterior_mean(x, t)
        largest.append(np.linalg.norm(f, axis=1).max() / law.size)
    return float(np.max(largest))


def draw(data: dict[str, Array]) -> object:
    from .figures_rates import bounded_target

    return bounded_target(data)


CLAIM = Claim(
    name="lwb-theorem-3.7",
    title="The posterior mean is a bounded target",
    statement="f(x, t) = E[X_0 | X_t = x] stays below max |y| and tends to y_x as t → 0, |f - y_x| at a known rate, "
    "while |score| ~ |x - y_x|/t and |noise| ~ |x - y_x|/√t; in the mean E|score|² σ² and E|noise|² tend to d - m on a "
    "closed manifold, E|f|² ≤ E|X_0|², and the ends of a segment cost 2·0.903197…/(L√t) more.",
    hypothesis="M bounded; x has a unique nearest point y_x on M; the density of the data is continuous and positive.",
    source="Lu, Wang, Bal, Mathematical analysis of singularities in the diffusion model under the submanifold "
    "assumption, EAJAM 15 (2025) 669-700, arXiv:2301.07882, Theorem 3.7; rates by Laplace's method.",
    measure=measure,
    draw=draw,
)
