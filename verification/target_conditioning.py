"""Claim: how the losses of the three targets, their gradients and their curvature scale as t -> 0.

One draw of the denoising loss at time t is lambda |g_theta(X_t) - Y|^2 with Y = X_0 (CEM), (alpha X_0 - X_t)/sigma^2
(SGM) or (X_t - alpha X_0)/sigma (DDPM).  Given X_t these are affine in X_0, so with C = Cov(X_0 | X_t)

    Cov(Y | X_t) = b^2 C,     b = 1,  alpha/sigma^2 = 1/(alpha s),  alpha/sigma = s^(-1/2).

The gradient of a draw is 2 lambda J^T (g - Y), J = dg/dtheta.  Its mean is 2 lambda E J^T (g - E[Y | X_t]); where g is
right the mean is 0 and what is left is noise,

    E |gradient|^2 = 4 lambda^2 b^2 E tr(J C J^T),    E loss = lambda b^2 E tr C,    Hessian = 2 lambda E J^T J,

the Hessian exactly and the same for all three.  On a manifold of dimension m, C = s P_T + O(s^2), E tr C = m s + O(s^2)
(line of variance v: v s/(v + s); points: exponentially small).  With lambda ~ s^l and b ~ s^-k the noise of the
gradient (standard deviation) has slope l - k + 1/2, the loss at the optimum l - 2k + 1, the Hessian l:

    weight              uniform (l = 0)     1/s (l = -1)       sigma^2 (l = 1)
    f      (k = 0)          1/2                 -1/2               3/2
    score  (k = 1)         -1/2                 -3/2               1/2
    noise  (k = 1/2)         0                   -1                 1

For the weights that make the three losses one number (f: 1/s, score: sigma^2, noise: 1) the loss at the optimum tends
to m for all.  Over times from s_min to s_max the Hessian of f and of the score then varies by s_max/s_min, in opposite
directions, that of the noise not at all.  The noise of the gradient over the Hessian, what one draw adds to the
prediction in a step that does not overshoot, has slope 1/2 - k whatever the weight, b sqrt(s): it vanishes for f and
is of the size of the target, b sqrt((d - m) s), for score and noise.

By total variance E|Y|^2 = E|E[Y|X_t]|^2 + b^2 E tr C: of the variance of score and noise the share (d - m)/d has to be
learned, and it sits in directions normal to M, where p_t, in z = x/alpha, has variance s.  Gradient descent on a linear
network z -> W z for N(0, 1) on a line in R^2 shows what that costs: the Hessian is 2 lambda diag(1 + s, s), f needs the
first direction only, and score and noise keep 1/(1 + s)^2k of their normal part after k steps of the largest step that
does not overshoot.  The tangential part gone, 1 % of the excess loss is left after

    k = ln(100/(1 + s/(1 + s))) / (2 ln(1 + s)) ~ 2.3/s steps.

Hypothesis: the network is right at the parameters at hand, by an offset, and a smooth function of x/alpha.
Source: Lu, Wang, Bal, EAJAM 15 (2025), section 4, whose targets these are; scalings as derived here.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from . import descent
from .clocks import one_of_each
from .denoising import (
    EQUIVALENT,
    SCALE_POWER,
    STEP,
    WEIGHT_POWER,
    WEIGHTS,
    Draws,
    draws,
)
from .error_transfer import LEVEL, quantile
from .hand_network import HandNetwork
from .planted import KINDS, NAMES, Law, circle, cloud, line, sphere
from .rates import Array, furthest
from .record import Claim, Evidence, Oracle, Tolerance
from .rounding import MATRIX_UNIT

#: size -> (draws a time and target, times from 1e-8 to 1, draws of the descent)
SIZES = {"quick": (600, 5, 100_000), "default": (1500, 9, 100_000), "full": (5000, 17, 1_000_000)}

HIDDEN = (16, 16)
EARLIEST, TOP = 1e-8, 1e-4  # of s; TOP ends the window of the slopes
#: A point set is left alone below: which of the points it was is then all but certain.
CLOUD_VARIANCES = np.geomspace(0.1, 1.0, 4)

STATEMENTS = {
    "gradient": "E|gradient of a draw|² = 4λ²b² E tr(J C Jᵀ) where the network is right",
    "curvature": "second difference of the loss along a random direction of the parameters = 2λ E|J v|²",
    "loss": "E λ|g - Y|² = λ b² E tr C where the network is right",
    "target": "E|Y|² = E|E[Y | X_t]|² + b² E tr C",
}


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    n, points, many = SIZES[size]
    variances = np.geomspace(EARLIEST, 1.0, points)
    laws = [line(), circle(), sphere(), cloud()]
    evidence.parameters |= {
        "draws a time and target": n, "s": variances.tolist(), "s for points": CLOUD_VARIANCES.tolist(),
        "network": f"tanh, hidden {HIDDEN}", "laws": [law.name for law in laws], "processes": _names(),
        "draws of the descent": many,
    }  # fmt: skip
    found = {}
    for index, law in enumerate(laws):
        grid = variances if law.dimension else CLOUD_VARIANCES
        found[law.name] = _of_law(index, law, grid, n, noised, evidence)
    smooth = [law for law in laws if law.dimension]
    _slopes(variances, [found[law.name] for law in smooth], evidence)
    _optimum(variances, {law: found[law.name] for law in smooth}, evidence)
    steps, predicted = descent.linear_network(many, evidence)
    descent.over_times(many, evidence)
    _store(variances, smooth[1], found["circle"], evidence)
    evidence.data |= {"descent_s": descent.VARIANCES, "descent": steps, "descent_predicted": predicted}


def _names() -> list[str]:
    return [clock.name for clock in one_of_each()]


Grid = list[list[Draws]]  # clocks, times


def _of_law(index: int, law: Law, variances: Array, n: int, noised: Oracle, evidence: Evidence) -> Grid:
    """Draw at every time of every clock, and compare with the means given X_t."""
    network = HandNetwork((law.d, *HIDDEN, law.d), index)
    found: Grid = []
    for a, clock in enumerate(one_of_each()):
        found.append(
            [draws(law, clock, noised, network, s, n, [3507, 420, index, a, k]) for k, s in enumerate(variances)]
        )
        evidence.tick(f"{law.name}, {clock.name}")
    comparisons = len(STATEMENTS) * len(KINDS) * len(variances) * len(found)
    tolerance = Tolerance(
        quantile(comparisons),
        f"normal quantile for {comparisons} comparisons at the level {LEVEL:g} together; rounding and the step of the "
        "second difference are allowed for beside each standard error",
    )
    for name, statement in STATEMENTS.items():
        values = np.array([[_deviation(name, *one.pairs()[name]) for one in row] for row in found])
        evidence.check(
            f"{name}, {law.name}", f"{statement}: deviation in standard errors, the furthest of targets, processes and "
            "times", furthest(values, 0.0), 0.0, tolerance, parameters_of_the_network=network.parameters.size,
        )  # fmt: skip
    return found


def _deviation(name: str, measured: Array, mean: Array) -> Array:
    """Return (3,): the mean difference over its standard error, and what is no sampling error."""
    difference = measured - mean
    error = difference.std(axis=1, ddof=1) / np.sqrt(difference.shape[1])
    # Covariances and squares are good to 1e-10; a second difference to its step squared times derivatives below 100.
    floor = MATRIX_UNIT + (100.0 * STEP**2 if name == "curvature" else 0.0)
    return np.asarray(difference.mean(axis=1) / (error + floor * np.abs(mean).mean(axis=1)))


def _slopes(variances: Array, found: list[Grid], evidence: Evidence) -> None:
    """Slopes against s over the window: gradient noise and Hessian for each weight, loss at the optimum."""
    inside = variances <= TOP * (1.0 + 1e-9)
    s = variances[inside]
    u = (np.log(s) - np.log(s).mean()) / ((np.log(s) - np.log(s).mean()) @ (np.log(s) - np.log(s).mean()))
    number = 15 * len(found) * len(one_of_each())

    def check(name: str, statement: str, field: str, rows: Any, weight: str, order: float, power: float) -> None:
        """Compare the slope of (weight^order E field^(order/2))^(1/order) with the power."""
        measured, errors = [], []
        for grid in found:
            for clock, row in zip(one_of_each(), grid, strict=True):
                values = np.array([rows(getattr(one, field)) for one, kept in zip(row, inside, strict=True) if kept])
                mean = values.mean(axis=1)
                scale = np.array([WEIGHTS[weight](clock, float(t)) for t in clock.time(s)])
                measured.append(u @ (np.log(scale) + np.log(mean) / order))
                spread = values.std(axis=1, ddof=1) / mean / np.sqrt(values.shape[1]) / order
                errors.append(np.sqrt(u**2 @ spread**2))
        evidence.check(
            name, f"{statement}: slope against s for s ≤ {TOP:g}, the furthest of all laws and processes",
            furthest(np.array(measured), power), power,
            Tolerance(
                quantile(number) * float(np.max(errors)) + 1.5 * np.sqrt(TOP) + 10.0 * TOP,
                f"normal quantile for {number} comparisons at the level {LEVEL:g} together times the standard error; "
                "α³ (interpolant: 1/(1 + √s)) changes a slope by 3√s/2, curvature by O(s) with constants below 10",
            ),
        )  # fmt: skip

    for (c, kind), weight in itertools.product(enumerate(KINDS), WEIGHTS):
        check(
            f"gradient noise, {NAMES[kind]}, weight {weight}", "standard deviation of the gradient of one draw",
            "gradient", lambda values, c=c: values[c], weight, 2.0,
            WEIGHT_POWER[weight] + SCALE_POWER[kind] + 0.5,
        )  # fmt: skip
    for weight in WEIGHTS:
        check(
            f"Hessian, weight {weight}", "2λ E tr JᵀJ, of every target", "hessian", lambda values: values[0], weight,
            1.0, WEIGHT_POWER[weight],
        )  # fmt: skip
    for c, kind in enumerate(KINDS):
        check(
            f"loss at the optimum, {NAMES[kind]}, weight uniform", "E|Y - E[Y | X_t]|²", "loss",
            lambda values, c=c: values[c], "uniform", 1.0, 2.0 * SCALE_POWER[kind] + 1.0,
        )  # fmt: skip


def _optimum(variances: Array, found: dict[Law, Grid], evidence: Evidence) -> None:
    """For the weights that make the three losses one number the loss at the optimum is m + O(s)."""
    deviations = []
    for (law, grid), (c, kind) in itertools.product(found.items(), enumerate(KINDS)):
        for clock, row in zip(one_of_each(), grid, strict=True):
            for s, one in zip(variances, row, strict=True):
                if s <= TOP * (1.0 + 1e-9):
                    loss = WEIGHTS[EQUIVALENT[kind]](clock, float(clock.time(s))) * one.loss[c] / law.dimension
                    error = loss.std(ddof=1) / np.sqrt(loss.size) + 10.0 * TOP / quantile(1)
                    deviations.append((loss.mean() - 1.0) / error)
    evidence.check(
        "loss at the optimum, equivalent weights", "λ b² E tr C → m for f with 1/s, score with σ², noise with 1: "
        f"deviation in standard errors, s ≤ {TOP:g}, the furthest", furthest(np.array(deviations), 0.0), 0.0,
        Tolerance(
            quantile(len(deviations)), f"normal quantile for {len(deviations)} comparisons at the level {LEVEL:g} "
            "together; terms O(s) with constants below 10 are allowed for beside each standard error",
        ),
    )  # fmt: skip


def _store(variances: Array, law: Law, grid: Grid, evidence: Evidence) -> None:
    """What the figure shows: one law under the first clock."""
    clock = one_of_each()[0]
    weights = np.array([[WEIGHTS[name](clock, float(t)) for t in clock.time(variances)] for name in WEIGHTS])
    row = grid[0]
    evidence.data |= {"s": variances, "law": np.array(f"{law.name}, {clock.name}"), "weights": weights,
                      "dimensions": np.array([law.dimension, law.d]), "kinds": np.array(KINDS),
                      "weight_names": np.array(list(WEIGHTS)), "equivalent": np.array([EQUIVALENT[k] for k in KINDS]),
                      "hessian": np.array([one.hessian.mean() for one in row])}  # fmt: skip
    for name in STATEMENTS:
        pairs = [one.pairs()[name] for one in row]
        evidence.data[name] = np.stack([measured.mean(axis=1) for measured, _ in pairs], axis=1)
        evidence.data[f"{name}_error"] = np.stack(
            [measured.std(axis=1, ddof=1) / np.sqrt(measured.shape[1]) for measured, _ in pairs], axis=1
        )
        evidence.data[f"{name}_mean"] = np.stack([mean.mean(axis=1) for _, mean in pairs], axis=1)
    evidence.data["learned"] = np.stack(
        [one.target_mean.mean(axis=1) - one.loss_mean.mean(axis=1) for one in row], axis=1
    )


def draw(data: dict[str, Array]) -> object:
    from .figures_targets import conditioning

    return conditioning(data)


CLAIM = Claim(
    name="target-conditioning",
    title="What the three targets cost as t → 0",
    statement="Where the network is right the gradient of one draw has the noise 4λ²b² E tr(J C Jᵀ), the loss is λb² E "
    "tr C and its Hessian 2λ E JᵀJ, with C = Cov(X_0 | X_t) and b = 1, α/σ², α/σ for f, score and noise: as s → 0 the "
    "noise of the gradient goes like s^½, s^-½ and 1 for equal weights, like s^-½, s^½ and 1 for the weights that make "
    "the losses one number (each then tends to m); gradient descent on a linear network takes 2.3/s steps to score and "
    "noise, whose larger part is normal to M, and one to f; over times from s_min to 1 its Hessian has the condition "
    "numbers 1/s_min, 1/s_min² and 2/s_min for f, score and noise.",
    hypothesis="The network is a smooth function of x/α, right at the parameters at hand; the data law has a smooth "
    "density on a manifold of dimension m ≥ 1 for the slopes, any law for the identities.",
    source="Lu, Wang, Bal, arXiv:2301.07882, section 4, for the targets; scalings derived in the module, from the "
    "posterior covariance.",
    measure=measure,
    draw=draw,
)
