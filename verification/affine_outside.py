"""Outside Proposition 3.1: curved supports, noise with a mean, noise that depends on x.  Normal noise then matters.

For x on the hull (or circle) with normal n, and noise xi along n alone, so that P xi = 0, the deviation

    D(x) = E log p(x + xi) - log p(x)

is a constant if the proposition holds.  Its oscillation over x is otherwise, p on a line in the plane or on a circle,

    circle, xi = +-h n           osc h^2/2 n'(Hessian of log p)n + O(h^4)
    mean of xi is m n            osc (m/sigma^2) <x - x_1, n>, x moved off the line
    xi = +-h(x) n                osc h(x)^2/2 sigma^2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import manifold_scores as ms

from .by_hand import Cloud
from .clocks import brownian
from .fphdp_proposition_3_1 import example
from .rates import Array
from .record import Evidence, Oracle

SCALES = np.geomspace(1e-3, 0.3, 16)
SHOWN = 6  # the scale that is reported
CIRCLE_POINTS, CIRCLE_TIME = 9, 0.08

Steps = Callable[[Array, float], tuple[Array, ...]]


def observe(noised: Oracle, evidence: Evidence) -> None:
    """Report the oscillation of D for the four situations; store all scales for the figure."""
    model, cloud, along = example(noised)
    normal = np.array([-along[1], along[0]])
    places = np.linspace(-1.5, 2.2, 60)
    line = cloud.points[0] + (places + 0.5)[:, None] * along
    off = line + 0.4 * np.sin(5.0 * places)[:, None] * normal
    wave = 1.0 + 0.5 * np.sin(3.0 * places)
    ring, ring_cloud, circle = _circle(noised)
    radial = circle / np.linalg.norm(circle, axis=1, keepdims=True)
    curvature = np.einsum("ni,nij,nj->n", radial, ring_cloud.jacobian(circle), radial)
    sigma2 = cloud.sigma2

    def two(direction: Array) -> Steps:
        return lambda x, h: (x + h * direction, x - h * direction)

    def mean(x: Array, h: float) -> tuple[Array, ...]:
        return x + 1.5 * h * normal, x - 0.5 * h * normal

    situations: list[tuple[str, Any, Cloud, Array, Steps, Callable[[float], float], str]] = [
        ("data on a line", model, cloud, off, two(normal), lambda h: 0.0, "The proposition applies: rounding alone."),
        ("data on a circle", ring, ring_cloud, circle, two(radial), lambda h: float(np.ptp(0.5 * h * h * curvature)),
         "The hull of a circle is the plane: noise normal to the circle is not normal to the hull. Leading order."),
        ("noise with a mean", model, cloud, off, mean,
         lambda h: float(np.ptp(0.5 * h / sigma2 * (off - cloud.points[0]) @ normal)),
         "ξ = 1.5 h n or -0.5 h n is not centred: the density is moved along n."),
        ("noise that depends on x", model, cloud, line, two(wave[:, None] * normal),
         lambda h: float(np.ptp(0.5 * (h * wave) ** 2 / sigma2)),
         "E|Aξ|² is not constant, so it does not disappear when the densities are normalised."),
    ]  # fmt: skip
    curves, expected = [], []
    for name, oracle, hand, x, steps, law, remark in situations:
        found = np.array([_oscillation(oracle, x, steps, hand.sigma2, h) for h in SCALES])
        predicted = np.array([law(h) for h in SCALES])
        unit = float(hand.units(x)[0].max())
        h = float(SCALES[SHOWN])
        evidence.observe(
            f"normal noise, {name}", "osc over x of E log p(x+ξ) - E log p(x+Pξ), ξ along the normal, P ξ = 0; "
            f"h = {h:.3g}", found[SHOWN], predicted[SHOWN], remark, in_units_of_rounding=found[SHOWN] / unit,
        )  # fmt: skip
        curves.append(found)
        expected.append(predicted)
    evidence.data |= {
        "scales": SCALES, "situations": np.array([name for name, *_ in situations]), "curves": np.array(curves),
        "expected": np.array(expected),
    }  # fmt: skip


def _oscillation(model: Any, x: Array, steps: Steps, t: float, h: float) -> float:
    moved = steps(x, h)
    deviation = sum(model.log_density(y, t) for y in moved) / len(moved) - model.log_density(x, t)
    return float(np.ptp(deviation))


def _circle(noised: Oracle) -> tuple[Any, Cloud, Array]:
    """Return equally spaced points of the unit circle, as an oracle and by hand, and points x of the circle."""
    angles = 2.0 * np.pi * np.arange(CIRCLE_POINTS) / CIRCLE_POINTS
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    model = noised(ms.PointCloud(points), ms.BrownianMotion())
    turns = np.linspace(0.0, 2.0 * np.pi / CIRCLE_POINTS, 60)
    cloud = Cloud.at(points, np.ones(CIRCLE_POINTS), brownian(), CIRCLE_TIME)
    return model, cloud, np.stack([np.cos(turns), np.sin(turns)], axis=1)
