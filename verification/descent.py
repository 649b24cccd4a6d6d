"""Gradient descent of a linear network z -> W z on each of the three losses, for N(0, 1) on a line in R^2.

With a_j the eigenvalues of E z z^T, 1 + s along the line and s normal to it, the excess loss of the component along an
eigenvector falls by (1 - a_j/a_max)^2 a step of the largest size that does not overshoot.  f needs the first direction
only.  Score and noise, scaled to E|.|^2 = 1 + s/(1 + s), are 1 in the second: what is left of it after k steps is
(1 - s/(1 + s))^2k = (1 + s)^-2k.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.optimize import brentq

import manifold_scores as ms

from .denoising import regression_target
from .error_transfer import LEVEL, NAMES, clocks, quantile
from .planted import KINDS
from .rates import Array, furthest
from .record import Evidence, Tolerance

VARIANCES = np.geomspace(1e-5, 1e-1, 5)
LEFT = 0.01  # of the excess loss


def steps_needed(gram: Array, mixed: Array) -> float:
    """Return after how many steps of gradient descent from 0 the excess loss is LEFT of its initial value.

    The loss is tr(W A W^T) - 2 tr(W B) + const, A = E z z^T, B = E z Y^T; the step is 1 over its largest curvature, and
    the excess of the component along an eigenvector a_j falls by (1 - a_j/a_max)^2 a step.
    """
    a, q = np.linalg.eigh(gram)
    excess = ((q.T @ mixed) ** 2).sum(axis=1) / a
    # (1 - 1)^0 = 1 and (1 - 1)^k = 0: the power is taken of what is left of the largest.
    rate = 2.0 * np.log1p(-a[:-1] / a[-1])

    def left(k: float) -> float:
        return float((excess[:-1] * np.exp(rate * k)).sum() / excess.sum()) - LEFT

    if left(1.0) <= 0.0:
        return 1.0
    return float(brentq(left, 1.0, 1e3 / float(-rate.max()), xtol=1e-9, rtol=1e-12))


def linear_network(n: int, evidence: Evidence) -> tuple[Array, Array]:
    """Steps of gradient descent of a linear network for each target, for N(0, 1) on a line in R^2."""
    law, clock = ms.Gaussian([0.0, 0.0], [[0.36, 0.48], [0.48, 0.64]]), clocks()[0]
    predicted = np.log(1.0 / LEFT / (1.0 + VARIANCES / (1.0 + VARIANCES))) / (2.0 * np.log1p(VARIANCES))
    steps = np.empty((len(KINDS), len(VARIANCES)))
    for (c, kind), (k, s) in itertools.product(enumerate(KINDS), enumerate(VARIANCES)):
        rng, t = np.random.default_rng([3507, 430, c, k]), float(clock.time(s))
        clean = law.sample(n, rng)
        noise = rng.standard_normal(clean.shape)
        z = clean + np.sqrt(s) * noise
        steps[c, k] = steps_needed(z.T @ z / n, z.T @ regression_target(kind, clean, noise, clock, t) / n)
    count = 2 * len(VARIANCES)
    for c, kind in enumerate(KINDS):
        if kind == "posterior_mean":
            evidence.check(
                "descent, f", f"steps of gradient descent until {LEFT:g} of the excess loss is left, largest of all s",
                steps[c].max(), 1.0, Tolerance(0.0, "the normal direction holds s/n of the excess, by sampling alone"),
                one_sided=True,
            )  # fmt: skip
            continue
        evidence.check(
            f"descent, {NAMES[kind]}",
            f"steps of gradient descent until {LEFT:g} of the excess loss is left, over ln(…)/(2 ln(1 + s))",
            furthest(steps[c] / predicted, 1.0), 1.0,
            Tolerance(
                1.5 * quantile(count) * np.sqrt(2.0 / n),
                f"normal quantile for {count} comparisons at the level {LEVEL:g} together; the normal eigenvalue s of "
                f"{n} draws is known to √(2/n), and ln of the excess, above 4, to 2√(2/n)",
            ), steps=steps[c].tolist(),
        )  # fmt: skip
    return steps, predicted
