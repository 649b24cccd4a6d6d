"""Claim: `reach` is the reach, `reach_bounds` enclose it, and arcs are no longer than the reach allows.

Hypothesis: M compact, with or without boundary.
Source: Federer, Curvature measures, Trans. AMS 93 (1959), Theorem 4.18; Lemma D.4 of Farghly et al., arXiv:2510.02305.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import charts
from .charts import Chart
from .rates import Array
from .record import Claim, Evidence, Oracle, Tolerance
from .shapes import bump_curve, ellipse, helix, lima_bean, spiral, wavy_circle

#: size -> (random pairs for Federer's formula, the same for the bump curve, pairs for arcs)
SIZES = {"quick": (4_000, 200, 500), "default": (40_000, 1_000, 5_000), "full": (1_000_000, 5_000, 50_000)}

KNOWN_TOLERANCE = Tolerance(1e-12, "the bounds are computed in float64 and widened by their own rounding")
BOUND_TOLERANCE = Tolerance(
    1e-9, "pairs at least 3e-4 of a coordinate range apart: rounding, a few eps, over the square of that"
)
REACH_TOLERANCE = Tolerance(
    3e-4, "pairs closer than 3e-4 of a coordinate range are left out: the infimum over the rest is within about 5e-5"
)
ARC_TOLERANCE = Tolerance(1e-10, "arcs of 1e-3 and more, lengths to about 1e-15 of the whole curve")


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    del noised  # geometry alone
    pairs, images, arcs = SIZES[size]
    evidence.parameters |= {"pairs": pairs, "pairs, bump curve": images, "arcs": arcs}
    rng = np.random.default_rng([3507, 600])
    names, rows = [], []
    for chart in all_charts():
        manifold = chart.build()
        lower, upper = map(float, manifold.reach_bounds)
        reach = float(manifold.reach)
        # Pairs of images are dear, and all parts of their curve nearly alike.
        effort = (images, rng, 2, 12) if manifold.ambient_dimension > 9 else (pairs, rng)
        found = charts.tightest(chart, *effort)
        names.append(chart.name)
        rows.append(
            (lower / found, reach / found, upper / found, np.nan if chart.reach is None else chart.reach / found)
        )
        evidence.check(
            f"lower bound, {chart.name}", "reach_bounds[0] over the least value of Federer's formula at pairs",
            lower / found, 1.0, BOUND_TOLERANCE, one_sided=True, reach_bounds=[lower, upper], pairs=found,
        )  # fmt: skip
        evidence.check(
            f"reach, {chart.name}", "reach over the least value of Federer's formula at pairs of points",
            reach / found, 1.0, REACH_TOLERANCE, reach=reach, pairs=found,
        )  # fmt: skip
        if chart.reach is not None:
            inside = max(lower / chart.reach, chart.reach / upper, abs(reach / chart.reach - 1.0) + 1.0)
            evidence.check(
                f"known value, {chart.name}", "largest of lower/known, known/upper, 1 + |reach/known - 1|", inside, 1.0,
                KNOWN_TOLERANCE, one_sided=True, known=chart.reach,
            )  # fmt: skip
        if chart.dimension == 1:
            _arcs(chart, manifold, reach, arcs if manifold.ambient_dimension < 9 else 50, rng, evidence)
    evidence.data |= {"names": np.array(names), "ratios": np.array(rows)}


def all_charts() -> list[Chart]:
    """Every manifold with its geometry written out by hand."""
    curves = (ellipse(2.0, 1.0), ellipse(1.0, 0.2), lima_bean(), wavy_circle(), spiral(), helix(), bump_curve())
    return [
        charts.circle_chart(),
        *map(charts.of_curve, curves),
        charts.torus_chart(),
        charts.roll_chart(),
        charts.patch_chart(),
    ]


def _arcs(chart: Chart, manifold: Any, reach: float, n: int, rng: np.random.Generator, evidence: Evidence) -> None:
    """d_M(x, y) <= 2 reach arcsin(|x - y|/2 reach) for |x - y| <= reach/2, and no less than |x - y|."""
    u = chart.draw(n, rng)
    _, speed = chart.frame(u)
    v = chart.within(u + rng.uniform(-0.5, 0.5, (n, 1)) * reach / speed)
    x, y = chart.point(u), chart.point(v)
    apart = np.linalg.norm(x - y, axis=1)
    kept = (apart <= 0.5 * reach) & (apart > 1e-3 * reach)
    arc, apart = manifold.geodesic_distance(x[kept], y[kept]), apart[kept]
    evidence.check(
        f"arcs, {chart.name}", "largest of d_M/(2 reach arcsin(|x - y|/2 reach)) and |x - y|/d_M over pairs of points",
        np.max(np.maximum(arc / (2.0 * reach * np.arcsin(apart / (2.0 * reach))), apart / arc)), 1.0, ARC_TOLERANCE,
        one_sided=True, pairs=int(kept.sum()),
    )  # fmt: skip


def draw(data: dict[str, Array]) -> object:
    from .figures_geometry import reaches

    return reaches(data, REACH_TOLERANCE.value)


CLAIM = Claim(
    name="reach",
    title="The reach and its certified bounds",
    statement="reach_bounds enclose the reach: the lower one stays below |y - x|²/(2 dist(y - x, Tan_x M)) at every "
    "pair of points and below the known values; `reach` is the infimum over pairs; arcs satisfy |x - y| ≤ d_M(x, y) ≤ "
    "2τ arcsin(|x - y|/2τ) for |x - y| ≤ τ/2.",
    hypothesis="M compact; at boundary points the tangent cone is half the tangent space, a quarter at corners.",
    source="Federer, Curvature measures, Trans. AMS 93 (1959) 418-491, Theorem 4.18; Farghly et al., arXiv:2510.02305, "
    "Lemma D.4; charts written out by hand.",
    measure=measure,
    draw=draw,
)
