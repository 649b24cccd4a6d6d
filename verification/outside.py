"""The medial axis, outside Theorem 3.5: several nearest points y_i, and f -> sum omega_i y_i / sum omega_i instead.

omega_i = rho(y_i) det(H_i)^{-1/2} e^{a <x, y_i>}, for a cloud w_i e^{a <x, y_i>}.  The theorem would have
e(t) = |t(-score) - (x - y_i)| / |x - y_i| -> 0 for the nearest point y_i; it tends to |f - y_i| / |x - y_i| instead.
"""

from __future__ import annotations

import numpy as np

import manifold_scores as ms

from .rates import Array
from .record import Evidence, Oracle

RATE = 0.5
TIMES = np.geomspace(1e-10, 1.0, 61)


def observe(noised: Oracle, evidence: Evidence) -> None:
    """Report where e(t) tends at three points of medial axes, and how far f is from its predicted limit."""
    curves = {}
    for name, measure, x, nearest, limit in [_centre(), _crossing(), _between_circles()]:
        model = noised(measure, ms.OrnsteinUhlenbeck(RATE))
        points = np.broadcast_to(x, (TIMES.size, x.size))
        distance = np.linalg.norm(x - nearest)
        score = model.score(points, TIMES)
        remainder = np.linalg.norm(-TIMES[:, None] * score - (x - nearest), axis=1) / distance
        f = model.posterior_mean(points[:1], TIMES[:1])[0]
        expected = float(np.linalg.norm(limit - nearest) / distance)
        evidence.observe(
            f"medial axis: {name}",
            "limit of e(t), which the theorem puts at 0 where its hypothesis holds",
            remainder[0], expected,
            "The nearest point is not unique: the hypothesis fails, and so does the conclusion. "
            f"f tends to the weighted mean of the nearest points, {_text(limit)}; measured {_text(f)}.",
            f_measured=f.tolist(), f_expected=limit.tolist(), t=float(TIMES[0]),
        )  # fmt: skip
        curves[name] = remainder
    evidence.data |= {
        "outside_t": TIMES, "outside_names": np.array(list(curves)), "outside_curves": np.array(list(curves.values())),
    }  # fmt: skip


def _centre() -> tuple[str, ms.Measure, Array, Array, Array]:
    zero = np.zeros(2)
    return "centre of a circle", ms.Circle(1.0).uniform(), zero, np.array([1.0, 0.0]), zero


def _crossing() -> tuple[str, ms.Measure, Array, Array, Array]:
    """Four points at distance 1 from x, exactly in floating point, and a farther one."""
    x = np.array([0.5, 0.25])
    y = x + np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    w = np.array([0.1, 0.2, 0.3, 0.4])
    omega = w * np.exp(RATE * y @ x)
    cloud = ms.PointCloud(np.vstack([y, [3.0, 3.0]]), np.append(w, 1.0))
    return "cloud, four nearest points", cloud, x, y[0], omega @ y / omega.sum()


def _between_circles() -> tuple[str, ms.Measure, Array, Array, Array]:
    """x = (2, 0) at distance 1 from circles of radius 1 about 0 and radius 2 about (5, 0): H = 2 and 3/2."""
    x = np.array([2.0, 0.0])
    y = np.array([[1.0, 0.0], [3.0, 0.0]])
    weights = np.array([0.4, 0.6])
    density = weights / (2.0 * np.pi * np.array([1.0, 2.0]))
    omega = density / np.sqrt([2.0, 1.5]) * np.exp(RATE * y @ x)
    other = ms.Embedded(ms.Circle(2.0).uniform(), np.eye(2), [5.0, 0.0])
    measure = ms.Mixture([ms.Circle(1.0).uniform(), other], weights)
    return "between two circles", measure, x, y[0], omega @ y / omega.sum()


def _text(vector: Array) -> str:
    return "(" + ", ".join(f"{value:.6f}" for value in vector) + ")"
