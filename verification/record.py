"""What a claim hands back: checks that pass or fail, observations outside the hypotheses, figure data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import manifold_scores as ms
from commands.files import strict

#: Handed an oracle factory (measure, process) -> model.  The default is the package itself.
Oracle = Callable[[ms.Measure, ms.Process], Any]

SIZES = ("quick", "default", "full")


@dataclass(frozen=True)
class Tolerance:
    """A tolerance and why it has this size."""

    value: float
    reason: str


@dataclass(frozen=True)
class Check:
    """One comparison: |measured - predicted| <= tolerance, or measured <= predicted + tolerance if one-sided."""

    name: str
    statement: str
    measured: float
    predicted: float
    tolerance: Tolerance
    one_sided: bool
    seconds: float
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def bound(self) -> tuple[float | None, float]:
        """Interval in which the measured value has to lie; None for no lower end."""
        low = None if self.one_sided else self.predicted - self.tolerance.value
        return low, self.predicted + self.tolerance.value

    @property
    def passed(self) -> bool:
        """Whether it does; a NaN does not."""
        low, high = self.bound
        return bool((low is None or low <= self.measured) and self.measured <= high)

    def as_json(self) -> dict[str, Any]:
        """Return the record as a dictionary."""
        return {
            "check": self.name,
            "statement": self.statement,
            "parameters": self.parameters,
            "measured": self.measured,
            "predicted": self.predicted,
            "tolerance": self.tolerance.value,
            "reason": self.tolerance.reason,
            "bound": self.bound,
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Observation:
    """Something measured where the hypotheses of the claim do not hold: reported, never passed or failed."""

    name: str
    statement: str
    measured: float
    expected: float
    remark: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the record as a dictionary."""
        return {
            "observation": self.name,
            "statement": self.statement,
            "parameters": self.parameters,
            "measured": self.measured,
            "expected": self.expected,
            "remark": self.remark,
        }


class Evidence:
    """Collects checks, observations and figure data while a claim runs; the clock of a check starts at the last one.

    Attributes
    ----------
    data : name -> array, stored before the figure is drawn from it.
    tick : called with a line of text whenever a piece of work is done, for a progress bar.
    """

    def __init__(self, tick: Callable[[str], None] = lambda text: None) -> None:
        self.checks: list[Check] = []
        self.observations: list[Observation] = []
        self.parameters: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.tick = tick
        self._mark = time.perf_counter()

    def check(
        self, name: str, statement: str, measured: float, predicted: float, tolerance: Tolerance, *,
        one_sided: bool = False, **parameters: Any,
    ) -> None:  # fmt: skip
        """Record one comparison."""
        now = time.perf_counter()
        elapsed = now - self._mark
        self.checks.append(
            Check(name, statement, float(measured), float(predicted), tolerance, one_sided, elapsed, parameters)
        )
        self._mark = now
        self.tick(name)

    def observe(
        self, name: str, statement: str, measured: float, expected: float, remark: str, **parameters: Any
    ) -> None:
        """Record something outside the hypotheses."""
        self.observations.append(Observation(name, statement, float(measured), float(expected), remark, parameters))
        self.tick(name)


@dataclass(frozen=True)
class Claim:
    """A statement that can fail.

    Attributes
    ----------
    measure : (size, noised, evidence) -> None fills the evidence; size is one of SIZES, noised the oracle factory.
    draw : (data) -> matplotlib figure, from the stored data alone.
    """

    name: str
    title: str
    statement: str
    hypothesis: str
    source: str
    measure: Callable[[str, Oracle, Evidence], None]
    draw: Callable[[Any], Any]


class Skipped(Exception):  # noqa: N818 - no error
    """Raised by a claim that cannot be run here, with the reason: an optional package is missing."""


@dataclass(frozen=True)
class Outcome:
    """A claim that was run, or skipped for the reason given."""

    claim: Claim
    size: str
    evidence: Evidence
    seconds: float
    error: str | None
    skipped: str | None = None

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and every check passed."""
        ran = self.error is None and self.skipped is None
        return ran and bool(self.evidence.checks) and all(check.passed for check in self.evidence.checks)

    @property
    def failed(self) -> bool:
        """Whether it was run and did not pass."""
        return self.skipped is None and not self.passed

    def as_json(self) -> dict[str, Any]:
        """Return strict JSON values."""
        checks = [check.as_json() for check in self.evidence.checks]
        values = {
            "claim": self.claim.name,
            "title": self.claim.title,
            "statement": self.claim.statement,
            "hypothesis": self.claim.hypothesis,
            "source": self.claim.source,
            "parameters": {"size": self.size, **self.evidence.parameters},
            "measured": {check["check"]: check["measured"] for check in checks},
            "bound": {check["check"]: check["bound"] for check in checks},
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "error": self.error,
            "skipped": self.skipped,
            "checks": checks,
            "outside": [observation.as_json() for observation in self.evidence.observations],
        }
        return {key: strict(value) for key, value in values.items()}


def run(
    claim: Claim, size: str = "default", noised: Oracle = ms.NoisedMeasure, tick: Callable[[str], None] | None = None
) -> Outcome:
    """Run a claim.  An exception of the oracle fails the claim and is kept as its error."""
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}; got {size!r}")
    evidence = Evidence() if tick is None else Evidence(tick)
    start = time.perf_counter()
    error = skipped = None
    try:
        claim.measure(size, noised, evidence)
    except Skipped as reason:
        skipped = str(reason)
    except Exception as problem:  # a faulty oracle may raise anything; the other claims still run
        error = f"{type(problem).__name__}: {problem}"
    return Outcome(claim, size, evidence, time.perf_counter() - start, error, skipped)
