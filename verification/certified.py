"""Claim: what the package returns lies in intervals that provably contain the exact answer, up to its stated accuracy.

Hypothesis: the measure has an enclosure (`manifold_scores.certify`); the float64 inputs are taken as exact.
Source: ball arithmetic (Johansson, IEEE Trans. Comput. 66, 2017); accuracy as stated for every measure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import manifold_scores as ms

from .clocks import Clock, all_clocks
from .laws import Law, laws
from .laws_curved import curved_laws, plain
from .rates import Array
from .record import Claim, Evidence, Oracle, Skipped, Tolerance
from .rounding import UNIT, draw_probes

#: size -> values per measure
SIZES = {"quick": 20, "default": 1_000, "full": 5_000}
DIGITS = 30
EARLIEST = 1e-14
TARGETS = ("log_density", "score", "noise", "posterior_mean")

ESCAPE_TOLERANCE = Tolerance(0.0, "an enclosure is a proof: a single value outside it is wrong")
WIDTH_TOLERANCE = Tolerance(10.0**-DIGITS, f"the {DIGITS} digits asked for")
#: The wrong values are off by this many bounds.
DISPLACED = 100.0


def measure(size: str, noised: Oracle, evidence: Evidence) -> None:
    certify = _certify()
    n = SIZES[size]
    evidence.parameters |= {"values per measure": n, "digits": DIGITS}
    names, units, widths, seconds = [], [], [], []
    for number, law in enumerate(_laws()):
        rng = np.random.default_rng([3507, 900, number])
        unit, width, elapsed, caught = _one(law, n, noised, certify.enclosure, rng)
        evidence.check(
            f"escapes, {law.name}",
            f"of {n} values of log-density, score, noise, mean those outside 100 eps (1 + κ) of the enclosure",
            (~(unit.max(axis=1) <= 1.0)).sum(), 0.0, ESCAPE_TOLERANCE, one_sided=True, worst=float(unit.max()),
            seconds_per_enclosure=float(np.mean(elapsed)), median_width=float(np.median(width)),
        )  # fmt: skip
        evidence.check(
            f"width, {law.name}", "largest relative width of an enclosure", width.max(), 0.0, WIDTH_TOLERANCE,
            one_sided=True,
        )  # fmt: skip
        evidence.check(
            f"wrong values are refused, {law.name}", f"values moved by {DISPLACED:g} bounds that an enclosure accepts",
            caught, 0.0, ESCAPE_TOLERANCE, one_sided=True,
        )  # fmt: skip
        names.append(law.name)
        units.append(unit)
        widths.append(width)
        seconds.append(elapsed)
    evidence.data |= {
        "names": np.array(names), "units": np.array(units), "widths": np.array(widths), "seconds": np.array(seconds),
        "targets": np.array(TARGETS),
    }  # fmt: skip


def _certify() -> Any:
    try:
        import flint  # noqa: F401
    except ImportError:
        raise Skipped(
            "certificates need python-flint, which is not installed; install the extra: pip install -e '.[certify]'"
        ) from None
    from manifold_scores import certify

    return certify


def _laws() -> list[Law]:
    """The closed forms of `laws`, and curves."""
    # The entries of a covariance are exact here, so one of rank one has to be so to the last bit.
    line = ms.Gaussian([0.25, -0.125], [[0.25, 0.5], [0.5, 1.0]])
    closed = [law for law in laws() if law.name != "Gaussian on a line"]
    curves = [law for law in curved_laws() if law.measure.dimension == 1]
    return [*closed, plain("Gaussian on a line", line, 0.28 + np.sqrt(1.25)), *curves]


def _one(
    law: Law, n: int, noised: Oracle, enclosure: Callable[..., Any], rng: np.random.Generator
) -> tuple[Array, Array, Array, int]:
    """Return deviations in units of their bounds (n, 4), widths and seconds (n,), and how many wrong values pass."""
    clocks: list[Clock] = all_clocks()
    units, widths, seconds = np.empty((n, len(TARGETS))), np.empty(n), np.empty(n)
    accepted = 0
    for k, clock in enumerate(clocks):
        own = np.arange(k, n, len(clocks))
        probes = draw_probes(law, clock, noised, len(own), EARLIEST, rng)
        bounds = np.stack([probes.log_bound, probes.score_bound, _noise_bound(probes), probes.mean_bound], axis=1)
        values = [probes.log_density, probes.score, probes.model.noise(probes.x, probes.t), probes.mean]
        exact = ms.NoisedMeasure(law.measure, clock.process)  # what the enclosure is of, whatever `noised` is
        for row, index in enumerate(own):
            start = time.perf_counter()
            balls = enclosure(exact, probes.x[row], probes.t[row], DIGITS)
            seconds[index] = time.perf_counter() - start
            widths[index] = balls.width
            for column, name in enumerate(TARGETS):
                value = np.atleast_1d(values[column][row])
                units[index, column] = _apart(balls, name, value) / bounds[row, column]
            moved = values[1][row] + DISPLACED * bounds[row, 1]
            accepted += bool(_apart(balls, "score", moved) <= bounds[row, 1])
    return units, widths, seconds, accepted


def _noise_bound(probes: Any) -> Array:
    """noise = -sigma score, and two more roundings."""
    size = np.linalg.norm(probes.score, axis=1)
    return np.asarray(np.sqrt(probes.sigma2) * (probes.score_bound + UNIT * size))


def _apart(balls: Any, name: str, value: Array) -> float:
    """Return the least distance of a float64 vector from a point of the enclosure, by ball arithmetic."""
    import flint

    if not np.isfinite(value).all():
        return float("nan")
    enclosed = getattr(balls, name)
    enclosed = (enclosed,) if name == "log_density" else enclosed
    with flint.ctx.workprec(balls.bits):
        gaps = [float((ball - float(v)).abs_lower()) for ball, v in zip(enclosed, value, strict=True)]
    return float(np.linalg.norm(gaps))


def draw(data: dict[str, Array]) -> object:
    from .figures_certified import certificates

    return certificates(data)


CLAIM = Claim(
    name="certified",
    title="Inside rigorous enclosures",
    statement="Log-density, score, noise and posterior mean in float64 lie within 100 ε (1 + κ) of intervals that "
    "provably contain the exact values at the same inputs, for random x and s from 1e-14 up, under five processes.",
    hypothesis="The measure has an enclosure: point clouds, Gaussians, spheres, segments, boxes, products, mixtures "
    "and embeddings of these, and analytic curves; float64 inputs are taken as exact.",
    source="Arb's ball arithmetic (Johansson, IEEE Trans. Comput. 66 (2017) 1281-1292) through python-flint; κ is "
    "written out in `rounding`.",
    measure=measure,
    draw=draw,
)
