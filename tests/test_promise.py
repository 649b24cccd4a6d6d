"""The numerical promise: errors against mpmath in units of the machine precision and the condition number.

`python -m tests.test_promise` prints the worst ratio of every family and quantity, with the case that attains it.
"""

import sys
import time
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from mpmath import mp, mpf

import manifold_scores as ms
from tests import reference
from tests.promise_cases import CASES, EVERY_CASE

EPSILON = np.finfo(np.float64).eps

VECTOR_BOUND = 100.0
"""Promised: errors of score, noise, posterior mean, displacement and log-density in units of eps (1 + kappa)."""

MATRIX_BOUND = 1e-10 / EPSILON
"""Promised for covariances and Jacobians: 1e-10 (1 + kappa) of their scale; here too in units of eps (1 + kappa).

For laws on parametric manifolds it is the promise for everything, that of their quadrature.
"""

TIES = {"zero", "axis", "core", "beside core"}
"""Places of curves and surfaces with several nearest points, exactly or nearly."""

TIE = 2e-17
"""What decides between them is a difference of squared distances over s, known to 5e-18 |M| |x - y| (4 at most)."""

ROOT = 2e-18
"""A density of a surface is known to 1e-18; around a zero the law sees densities of the size of s."""

MATRIX_DIMENSION = 4
"""Matrices are compared up to this ambient dimension, where their references take milliseconds."""

LARGEST_VARIANCE = 1e100
"""The documented range of `tilt`; the other targets go beyond, by the limit law."""

UNDERFLOWN_SIGNAL = mpf(10) ** -150
"""Where alpha^2 underflows, what is of the size of alpha counts as zero."""


class Outcome(NamedTuple):
    """Error over eps (1 + kappa), and what is promised for it."""

    ratio: float
    bound: float
    kappa: float


def outcomes(case, package=ms):
    """Quantity -> Outcome for one case; empty where the package refuses a time at which alpha^2 underflows."""
    with mp.workdps(60):
        x, t = reference.exact(case.x), reference.exact(case.t)
        digits = reference.digits(case.clock.reference(), x, t)
    with mp.workdps(digits):
        truth = _Truth(case.law.reference(), case.clock.reference(), x, t, case.strict)
        try:
            return _compare(case, truth, package)
        except ValueError as refusal:
            if case.limit and str(refusal).startswith("t "):
                return {}
            raise


class _Truth(NamedTuple):
    """Reference measure and process at the exact values of x and t."""

    measure: object
    process: object
    x: list
    t: mpf
    strict: bool

    def kappas(self, unit):
        """Of the vectors and, where a law provides its own condition numbers, of the matrices."""
        condition = getattr(self.measure, "condition", None) or partial(reference.condition, self.measure)
        both = condition(self.process, self.x, self.t, unit)
        return {name: near if self.strict else full for name, (full, near) in both.items()}


def _compare(case, truth, package):
    measure, process = case.law.package(package), case.clock.package(package)
    noised = package.NoisedMeasure(measure, process)
    exact = reference.targets(*truth[:4])
    unit = reference.log_density_unit(*truth[:4])
    kappas = truth.kappas(unit)
    vector_bound, matrix_bound = MATRIX_BOUND if case.law.quadrature else VECTOR_BOUND, MATRIX_BOUND
    if case.law.quadrature:  # the exceptions that the README states
        with mp.workdps(30):
            variance = float(reference.change_of_variables(truth.process, truth.x, truth.t)[1])
        place = case.name.split("/")[-3]
        tied = place in TIES or np.abs(case.x).max() < 1e-10
        absolute = TIE * tied + ROOT * ("torus/1 - cos v/joint" in case.name)
        allowed = absolute / variance / EPSILON
        vector_bound, matrix_bound = vector_bound + allowed, matrix_bound + allowed
    found = {}
    for name in ("score", "noise", "posterior_mean", "log_density"):
        scale = unit if name == "log_density" else _size(getattr(exact, name), case.limit)
        error = _distance(getattr(noised, name)(case.x, case.t), getattr(exact, name)) / scale
        found[name] = _outcome(error, kappas[name], vector_bound)

    with mp.workdps(30):
        z, s = reference.change_of_variables(truth.process, truth.x, truth.t)
        z, s = reference.floats(z), float(s)
    if s <= LARGEST_VARIANCE:
        # The tilt is a function of float64 centre and variance of its own; how far it moves with them is known at the
        # exact z and s, and absolutely, as |delta| itself may change by any factor where it nearly vanishes.
        displacement = truth.measure.tilt(reference.exact(z), reference.exact(s)).displacement
        scale = _size(displacement, case.limit, mp.sqrt(mp.fsum(exact.posterior_mean, squared=True)))
        moves = kappas["displacement"] * float(_size(exact.displacement, case.limit) / scale)
        error = _distance(measure.tilt(z, s).displacement, displacement) / scale
        found["displacement"] = _outcome(error, moves, vector_bound)

    if len(case.x) <= MATRIX_DIMENSION:
        exact = reference.matrices(*truth[:4])
        if not case.law.quadrature:
            kappas = reference.matrix_condition(*truth[:4])
        scales = reference.matrix_scales(exact, truth.process, truth.t, len(case.x))
        for name, scale in zip(exact._fields, scales, strict=True):
            error = _distance(getattr(noised, name)(case.x, case.t), getattr(exact, name)) / scale
            found[name] = _outcome(error, kappas[name], matrix_bound)
    return found


def _outcome(error, kappa, bound):
    ratio = float(error) / (EPSILON * (1 + kappa))
    return Outcome(np.inf if np.isnan(ratio) else ratio, bound, kappa)


def _size(exact, limit, length=0):
    """|g|, or 1 where g = 0.

    That is below the float64 range, below alpha where the limit law has g = 0, or below the working precision of a g
    that is a difference of vectors of this `length`.
    """
    size = mp.sqrt(mp.fsum(exact, squared=True))
    smallest = max(UNDERFLOWN_SIGNAL if limit else reference.VANISHING, length * mpf(10) ** (20 - mp.dps))
    return size if size > smallest else mpf(1)


def _distance(value, exact):
    """Euclidean (Frobenius) distance from a float64 array to nested lists; infinite for NaN or a wrong shape."""
    value = np.asarray(value)
    flat = np.array(exact, dtype=object)
    if value.shape != flat.shape or value.dtype != np.float64 or not np.all(np.isfinite(value)):
        return mpf("inf")
    return mp.sqrt(mp.fsum(((mpf(float(a)) - b) for a, b in zip(value.flat, flat.flat, strict=True)), squared=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_promise(case):
    for name, outcome in outcomes(case).items():
        assert outcome.ratio <= outcome.bound, f"{name}: {outcome}"


def test_the_promise_is_tested_on_enough_cases():
    assert len({case.name for case in CASES}) == len(CASES) >= 300


def report(chosen=None):
    """Table of the worst ratios over the cases of the suite, or over all cases whose names contain `chosen`.

    Returns the number of cases that break the promise.
    """
    start, worst, tight, broken = time.perf_counter(), {}, {}, {}
    cases = CASES if chosen is None else [case for case in EVERY_CASE if chosen in case.name]
    for case in cases:
        found = outcomes(case)
        tight.setdefault(case.family, []).append(all(outcome.ratio <= VECTOR_BOUND for outcome in found.values()))
        for name, outcome in found.items():
            key = case.family, name
            if outcome.ratio >= worst.get(key, (-1.0,))[0]:
                worst[key] = outcome.ratio, outcome.bound, outcome.kappa, case.name
            if outcome.ratio > outcome.bound:
                broken.setdefault(case.name, {})[name] = outcome
    print(f"{'family':24} {'quantity':22} {'worst':>9} {'promised':>9}  {'kappa':>8}  case")
    for (family, name), (ratio, bound, kappa, case) in sorted(worst.items()):
        print(f"{family:24} {name:22} {ratio:9.3g} {bound:9.3g}  {kappa:8.2g}  {case}")
    for family, cases_within in sorted(tight.items()):
        print(f"{family:24} {sum(cases_within)} of {len(cases_within)} cases within {VECTOR_BOUND:g} in every quantity")
    print(f"{len(cases)} cases, {len(broken)} outside the promise, {time.perf_counter() - start:.0f} s")
    for case, names in broken.items():
        print(case, {name: f"{outcome.ratio:.3g}" for name, outcome in names.items()})
    return len(broken)


if __name__ == "__main__":
    sys.exit(report(*sys.argv[1:]) > 0)
