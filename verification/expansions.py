"""The package's own small-time expansion against the constants written out by hand in the situations."""

from __future__ import annotations

import numpy as np

import manifold_scores as ms

from .rates import Array
from .record import Evidence, Tolerance
from .situation import Situation

#: Points x of every situation that are expanded.
POINTS = 3

EXPANSION_TOLERANCE = Tolerance(
    1e-9, "third derivatives of Python functions are good to 1e-9 of their scale; SymPy manifolds: 1e-12, beside a "
    "focal point more by 1/h = 50",
)  # fmt: skip


def compare(cases: list[Situation], evidence: Evidence) -> None:
    """Check `ms.expansion` for every situation that it covers: y_x, the vector of the next order, its rate."""
    names, deviations = [], []
    for case in cases:
        if isinstance(case.measure, (ms.Product, ms.Mixture)):
            continue
        found = [_deviation(case, index) for index in range(min(POINTS, len(case.points)))]
        evidence.check(
            f"expansion, {case.name}",
            "expansion(measure, x) against constants by hand: y_x, the vector of the next order, exponent and constant "
            "of its rate; largest relative difference",
            max(found), 0.0, EXPANSION_TOLERANCE, one_sided=True, points=len(found),
        )  # fmt: skip
        names.append(case.name)
        deviations.append(max(found))
    evidence.data |= {"expansion_names": np.array(names), "expansion_deviations": np.array(deviations)}


def _deviation(case: Situation, index: int) -> float:
    e = ms.expansion(case.measure, case.points[index])
    hand, offset = case.lead[index], case.points[index] - case.nearest[index]
    distance, size = float(np.linalg.norm(offset)), float(np.linalg.norm(hand))
    point = float(np.linalg.norm(e.point - case.nearest[index])) / distance
    if case.moving:
        return max(point, float(np.linalg.norm(-e.b - hand)) / size)
    rate = e.remainder_rate(case.clock.process)
    constant = abs(rate.constant * distance / size - 1.0)
    return max(point, constant, abs(rate.exponent - case.power), float(np.linalg.norm(_lead(case, e) - hand)) / size)


def _lead(case: Situation, e: ms.Expansion) -> Array:
    """The vector tau^-power (multiplier (-score) - v) of the expansion."""
    if case.clock.name == "interpolant":
        return np.asarray(e.x - e.projection_derivative @ e.x)
    if case.power == 0.5:
        return np.asarray(-(e.root + case.clock.rate * e.drift))
    return np.asarray(e.c(case.clock.process))
