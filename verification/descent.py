"""A linear network z -> W z and the three losses, for N(0, 1) on a line in R^2: steps of descent, condition numbers.

With a_j the eigenvalues of E z z^T, 1 + s along the line and s normal to it, the excess loss of the component along an
eigenvector falls by (1 - a_j/a_max)^2 a step of the largest size that does not overshoot.  f needs the first direction
only.  Score and noise, scaled to E|.|^2 = 1 + s/(1 + s), are 1 in the second: what is left of it after k steps is
(1 - s/(1 + s))^2k = (1 + s)^-2k.

Over log-uniform times from s_min to 1 a network with a matrix W for each of them has the eigenvalues lambda (1 + s) and
lambda s of all times, one matrix for all times has their means; L = ln 1/s_min, weights that make the losses one:

    weight              1/s (f)              sigma^2 = s/(1 + s) (score)      1 (noise)
    own matrices        (1 + s_min)/s_min    (1 + s_min)/s_min^2              2/s_min
    one for all         ~ 1/(s_min L)        -> 1/(1 - ln 2) = 3.26           ~ 1 + L

The weight sigma^2 is that of the Ornstein-Uhlenbeck process with rate 1/2.  What looks well conditioned with one matrix
for the score is so because small times do not count.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.optimize import brentq

import manifold_scores as ms

from .clocks import ornstein_uhlenbeck
from .denoising import EQUIVALENT, WEIGHTS, regression_target
from .error_transfer import LEVEL, quantile
from .planted import KINDS, NAMES
from .rates import Array, furthest
from .record import Evidence, Tolerance

VARIANCES = np.geomspace(1e-5, 1e-1, 5)
LEFT = 0.01  # of the excess loss
#: Midpoints of quarters of decades down to 1e-5: log-uniform times.
TIMES = 10.0 ** (-(np.arange(20) + 0.5) / 4.0)
SMALLEST = np.array([4, 8, 12, 16, 20])  # so many of them reach down to 1e-1, ..., 1e-5


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
    law, clock = _line(), ornstein_uhlenbeck(0.5)
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


def _line() -> ms.Gaussian:
    return ms.Gaussian([0.0, 0.0], [[0.36, 0.48], [0.48, 0.64]])


def condition_numbers(moments: Array, weights: Array) -> Array:
    """Return (2, SMALLEST): largest over smallest curvature of own matrices and of one for all, from (times, 2, 2)."""
    hessians = weights[:, None, None] * moments
    each = np.linalg.eigvalsh(hessians)
    joint = np.array([np.linalg.eigvalsh(hessians[:k].mean(axis=0)) for k in SMALLEST])
    return np.array([[each[:k].max() / each[:k].min() for k in SMALLEST], joint[:, 1] / joint[:, 0]])


def over_times(n: int, evidence: Evidence) -> None:
    """Condition numbers of the Hessian over log-uniform times, from the second moments of draws of each time."""
    law, clock = _line(), ornstein_uhlenbeck(0.5)
    draws = n // len(TIMES)
    grams = []
    for k, s in enumerate(TIMES):
        rng = np.random.default_rng([3507, 440, k])
        z = law.sample(draws, rng)
        z = z + np.sqrt(s) * rng.standard_normal(z.shape)
        grams.append(z.T @ z / draws)
    count = 2 * len(TIMES)
    error = quantile(count) * np.sqrt(2.0 / draws)
    tolerance = Tolerance(
        2.0 * error / (1.0 - error),
        f"normal quantile for {count} eigenvalues at the level {LEVEL:g} together, each known from {draws} draws to "
        "√(2/draws), in numerator and denominator",
    )
    exact = TIMES[:, None, None] * np.eye(2) + np.diag([1.0, 0.0])
    found, expected = [], []
    for kind in KINDS:
        weights = np.array([WEIGHTS[EQUIVALENT[kind]](clock, float(t)) for t in clock.time(TIMES)])
        # By hand: 1/s, s/(1 + s) and 1.
        known = {"posterior_mean": 1.0 / TIMES, "score": TIMES / (1.0 + TIMES), "noise": np.ones_like(TIMES)}[kind]
        found.append(condition_numbers(np.array(grams), weights))
        expected.append(condition_numbers(exact, known))
        for row, name in enumerate(("own matrices", "one for all")):
            evidence.check(
                f"condition number, {NAMES[kind]}, {name}",
                "largest over smallest eigenvalue of the Hessian of a linear network on a line, over log-uniform times "
                f"from s_min = 0.1, …, 1e-5 to 1, weight {EQUIVALENT[kind]}: over the closed form",
                furthest(found[-1][row] / expected[-1][row], 1.0), 1.0, tolerance, values=found[-1][row].tolist(),
            )  # fmt: skip
    evidence.data |= {
        "condition_s": 10.0 ** (-SMALLEST / 4.0), "condition": np.array(found),
        "condition_predicted": np.array(expected),
    }  # fmt: skip
