"""Claim: an error of one target is, times a known scale, the error of the other two, and it is what moves samples.

With f = E[X_0 | X_t], score S and noise eps = E[xi | X_t] as predictions of one network, S = (alpha f - x)/sigma^2 =
-eps/sigma, an error of one is, at every x and t,

    |Delta S| = (alpha/sigma^2) |Delta f|,      |Delta eps| = (alpha/sigma) |Delta f|.

In the effective variance s = sigma^2/alpha^2 these scales are 1/(alpha s) and s^(-1/2).  As s -> 0 a uniform error of
f is one of slope -1 in S and -1/2 in eps, one of eps has slope 1/2 in f and -1/2 in S, and one of S slope 1 in f and
1/2 in eps.  The losses lambda |Delta f|^2 = lambda (sigma^4/alpha^2) |Delta S|^2 = lambda (sigma^2/alpha^2)
|Delta eps|^2 are one number.  The last step of the reverse SDE lands on f: it moves samples by |Delta f|, which is e
for a network with the error e in f, (sigma/alpha) e for one in eps and (sigma^2/alpha) e for one in S; a step from s
to s' by alpha' (1 - s'/s) |Delta f|.

Hypothesis: none on the data; the error is of a network, of any of the three kinds; the scales are those of the process.
Source: Lu, Wang, Bal, EAJAM 15 (2025), section 4; the algebra between the targets (Tweedie's formula).
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.stats import norm

import manifold_scores as ms

from .clocks import one_of_each
from .planted import KINDS, NAMES, TEXTS, Law, Network, bean, circle, cloud, line, rms, rounding, scale, sphere
from .planted import SIZES as PLANTED
from .rates import Array, furthest, slopes
from .record import Claim, Evidence, Oracle, Tolerance

#: size -> (points a time, times); a fifth of the points on the lima bean, whose targets are integrals.
SIZES = {"quick": (200, 5), "default": (1000, 13), "full": (3000, 25)}

EARLIEST, TOP = 1e-6, 1e-4  # of s; TOP ends the window of the slopes
LEVEL = 1e-6

ROUNDING_TOLERANCE = Tolerance(
    0.0, "the bound is the promise of the oracle for f and for f - z and 32 eps of the terms of a conversion, over e"
)
#: A step is taken with the error and without, and the one to s/2 is divided by 1 - s'/s = 1/2: four bounds.
STEP_BOUNDS = 4.0
#: Slopes of (f, score, noise) against s, for each kind of network.
SLOPES = {"posterior_mean": (0.0, -1.0, -0.5), "score": (1.0, 0.0, 0.5), "noise": (0.5, -0.5, 0.0)}


class Found:
    """What the evaluations of one law found, over clocks, kinds and times: arrays (clocks, kinds, times, targets)."""

    def __init__(self, clocks: int, times: int) -> None:
        shape = (clocks, len(KINDS), times)
        self.error, self.deviation, self.spread = np.empty((*shape, 3)), np.empty((*shape, 3)), np.empty((*shape, 3))
        self.ratio, self.bound = np.empty((*shape, 3)), np.empty(shape)
        self.shift, self.step, self.loss, self.moved = (np.empty(shape) for _ in range(4))


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    n, points = SIZES[size]
    variances = np.geomspace(EARLIEST, 1.0, points)
    laws = [line(), circle(), bean(), cloud(), sphere()]
    evidence.parameters |= {
        "points a time": {law.name: _points(law, n) for law in laws}, "s": variances.tolist(),
        "processes": [clock.name for clock in one_of_each()], "networks predict": list(KINDS),
    }  # fmt: skip
    found = [_of_law(index, law, variances, _points(law, n), noised, evidence) for index, law in enumerate(laws)]
    _slopes(variances, found, evidence)
    _samples(found, evidence)
    evidence.data |= {
        "s": variances, "kinds": np.array(KINDS), "laws": np.array([law.name for law in laws]),
        "processes": np.array([clock.name for clock in one_of_each()]),
        "error": np.array([one.error for one in found]), "deviation": np.array([one.deviation for one in found]),
        "ratio": np.array([one.ratio for one in found]), "bound": np.array([one.bound for one in found]),
        "shift": np.array([one.moved for one in found]),
        "predicted": np.array([[[scale(clock, clock.time(variances), kind, other) * PLANTED[kind] for other in KINDS]
                                for kind in KINDS] for clock in one_of_each()]),
    }  # fmt: skip


def _points(law: Law, n: int) -> int:
    return n // 5 if law.name == "lima bean" else n


def _of_law(index: int, law: Law, variances: Array, n: int, noised: Oracle, evidence: Evidence) -> Found:
    found = Found(len(one_of_each()), len(variances))
    for (a, clock), (b, kind) in itertools.product(enumerate(one_of_each()), enumerate(KINDS)):
        oracle = noised(law.measure, clock.process)
        network, times = Network(law, clock, oracle, kind), clock.time(variances)
        seed = [3507, 400, index, a, b]
        evaluation = ms.evaluate(network.predict, oracle, times, n=n, rng=np.random.default_rng(seed), predicts=kind)
        rng = np.random.default_rng(seed)  # the points of the evaluation again
        for k, t in enumerate(times.tolist()):
            x = oracle.sample(n, t, rng)
            e = network.size * float(scale(clock, t, kind, "posterior_mean"))
            own = rounding(law, clock, oracle, x, t)
            few = x[: n // 4]
            found.bound[a, b, k], bound = rms(own) / e, rms(own[: n // 4])
            found.shift[a, b, k], found.step[a, b, k] = (
                part * e / bound for part in _moved(network, oracle, few, t, e)
            )
            found.moved[a, b, k] = (1.0 + found.shift[a, b, k] * bound / e) * e * rms(_unit(network, few, t))
            found.loss[a, b, k] = _losses(network, n // 4, t, np.random.default_rng([*seed, k])) / bound
        for c, other in enumerate(KINDS):
            errors = getattr(evaluation, other)
            predicted = scale(clock, times, kind, other)
            found.error[a, b, :, c] = errors.absolute
            found.spread[a, b, :, c] = errors.absolute_error / errors.absolute
            found.deviation[a, b, :, c] = (errors.absolute - network.size * predicted) / errors.absolute_error
            found.ratio[a, b, :, c] = errors.absolute / getattr(evaluation, kind).absolute / predicted - 1.0
        evidence.tick(f"{law.name}, {clock.name}, network of the {kind}")
    units = np.abs(found.ratio) / (2.0 * found.bound[..., None])
    evidence.check(
        f"ratios, {law.name}", "|Δscore| σ²/(α|Δf|) and |Δnoise| σ/(α|Δf|) less 1, in units of the rounding bound",
        np.max(units), 1.0, ROUNDING_TOLERANCE, one_sided=True, largest_deviation=float(np.max(np.abs(found.ratio))),
        largest_bound=float(2.0 * np.max(found.bound)),
    )  # fmt: skip
    count = found.deviation[..., 0].size
    evidence.check(
        f"size, {law.name}", "the error in L2(p_t) that an evaluation reports less the planted one, in standard errors",
        furthest(found.deviation, 0.0), 0.0, Tolerance(quantile(count), f"normal quantile for {count} comparisons at "
        f"the level {LEVEL:g} together, of all three targets; a mean of {n} bounded terms is normal"), points=n,
    )  # fmt: skip
    return found


def quantile(comparisons: int) -> float:
    """Return what the largest of so many standard normal values exceeds with probability at most LEVEL."""
    return float(norm.isf(0.5 * LEVEL / comparisons))


def _moved(network: Network, oracle: ms.NoisedMeasure, x: Array, t: float, e: float) -> tuple[float, float]:
    """Return how far the steps to 0 and to s' = s/2 move samples, over e g(x) and alpha' (1 - s'/s) e g(x), less 1."""
    clock = network.clock
    later = float(clock.time(0.5 * clock.variance(t)))
    size = e * rms(_unit(network, x, t))
    found = []
    for end, share in ((0.0, 1.0), (later, 0.5 * float(clock.alpha(later)))):
        with_error, exact = (ms.reverse_sde(model, [t, end], rng=1, initial=x) for model in (network, oracle))
        found.append(rms(np.linalg.norm(with_error - exact, axis=1)) / (share * size) - 1.0)
    return found[0], found[1]


def _unit(network: Network, x: Array, t: float) -> Array:
    """Return g, (n,)."""
    return np.asarray(np.linalg.norm(network.error(x, t), axis=1) / network.size)


def _losses(network: Network, n: int, t: float, rng: np.random.Generator) -> float:
    """Return how far the three weighted losses of single draws are apart: square roots, in units of f.

    (alpha/sigma)|f - X_0|, sigma |S + xi/sigma| and |eps - xi|, all predicted by one network, are one number a draw.
    """
    clock = network.clock
    alpha, sigma = float(clock.alpha(t)), float(np.sqrt(clock.sigma2(t)))
    clean = network.law.measure.sample(n, rng)
    noise = rng.standard_normal(clean.shape)
    guess = network.targets(alpha * clean + sigma * noise, t)
    roots = np.stack(
        [
            alpha / sigma * np.linalg.norm(guess["posterior_mean"] - clean, axis=1),
            sigma * np.linalg.norm(guess["score"] + noise / sigma, axis=1),
            np.linalg.norm(guess["noise"] - noise, axis=1),
        ]
    )
    return float(rms(np.ptp(roots, axis=0)) * sigma / alpha)


def _slopes(variances: Array, found: list[Found], evidence: Evidence) -> None:
    """Slopes of the errors against s over the window, of every law and clock."""
    inside = variances <= TOP * (1.0 + 1e-9)
    error = np.stack([one.error for one in found])[..., inside, :]  # (laws, clocks, kinds, times, targets)
    spread = np.stack([one.spread for one in found])[..., inside, :]
    u = np.log(variances[inside]) - np.log(variances[inside]).mean()
    count = 9 * error[:, :, 0, 0, 0].size
    deviation = np.sqrt(np.einsum("t,...tc->...c", u**2, spread**2)).max() / (u @ u)
    tolerance = Tolerance(
        quantile(count) * deviation + 0.5 * np.sqrt(TOP),
        f"normal quantile for {count} comparisons at the level {LEVEL:g} together times the largest standard error of "
        "a slope; and √s/2 at the top of the window, by which powers of α (interpolant: 1/(1 + √s)) change it",
    )
    for (b, kind), (c, other) in itertools.product(enumerate(KINDS), enumerate(KINDS)):
        curves = np.moveaxis(error[:, :, b, :, c], 2, 0).reshape(inside.sum(), -1)
        predicted = SLOPES[kind][c]
        evidence.check(
            f"slope of |Δ{NAMES[other]}|, uniform error of {TEXTS[kind]}",
            f"slope against s = σ²/α² for s ≤ {TOP:g}, the furthest of all laws and processes",
            furthest(slopes(variances[inside], curves), predicted), predicted, tolerance,
        )  # fmt: skip


def _samples(found: list[Found], evidence: Evidence) -> None:
    """What the errors do to samples, and the equality of the losses."""
    shift, step = (np.abs(np.stack([getattr(one, name) for one in found])) for name in ("shift", "step"))
    for b, kind in enumerate(KINDS):
        size = {"posterior_mean": "e", "score": "(σ²/α) e", "noise": "(σ/α) e"}[kind]
        for name, values, share in (("last step", shift, size), ("step to s/2", step, f"α' (1 - s'/s) times {size}")):
            evidence.check(
                f"{name}, uniform error of {TEXTS[kind]}",
                f"samples move by {share} (root mean square): deviation in units of its rounding bound",
                np.max(values[:, :, b]), STEP_BOUNDS, ROUNDING_TOLERANCE, one_sided=True,
            )  # fmt: skip
    evidence.check(
        "weighted losses", "λ|Δ|² of single draws with the weights 1/s, σ² and 1 for f, score and noise: square roots "
        "apart, in units of the rounding bound", np.max([one.loss for one in found]), 2.0, ROUNDING_TOLERANCE,
        one_sided=True,
    )  # fmt: skip


def draw(data: dict[str, Array]) -> object:
    from .figures_targets import transfer

    return transfer(data)


CLAIM = Claim(
    name="error-transfer",
    title="An error of one target is an error of the others",
    statement="A network with an error e in f has the error (α/σ²) e in the score and (α/σ) e in the noise, at every "
    "x and t, whatever it predicts; a uniform error of f explodes in the score, one of the score vanishes in f; the "
    "weighted losses are one number; the last step of the reverse SDE moves samples by the error of f.",
    hypothesis="Any data law and any process; the three targets are taken from one prediction.",
    source="Lu, Wang, Bal, arXiv:2301.07882, section 4; the algebra between posterior mean, score and noise.",
    measure=measure,
    draw=draw,
)
