"""What a race hands back: for every case the lanes of all contenders, and goals with their ratios."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

OURS = "manifold_scores"

SIZES = ("tiny", "default")


@dataclass
class Lane:
    """One contender in one case.

    Attributes
    ----------
    seconds : of every repeat, of `work` units (queries, unless the race says otherwise).
    build, first : seconds for what depends on the data alone, and of the first call (with compilation).
    error : the largest error over the queries compared, in the units of the race; typical : their median.
    absent : why it did not run, or None.
    extra : numbers of the race's own.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    work: float = 1.0
    build: float = math.nan
    first: float = math.nan
    error: float = math.nan
    typical: float = math.nan
    absent: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Median seconds per unit of work; NaN for what did not run."""
        return float(np.median(self.seconds)) / self.work if self.seconds else math.nan

    @property
    def spread(self) -> float:
        """Largest less smallest time, relative to the median."""
        if not self.seconds:
            return math.nan
        return (max(self.seconds) - min(self.seconds)) / self.work / self.median

    def as_json(self) -> dict[str, Any]:
        """Return the record as a dictionary."""
        return {
            "name": self.name, "absent": self.absent, "median": self.median, "spread": self.spread,
            "seconds": self.seconds, "work": self.work, "build": self.build, "first_call": self.first,
            "error": self.error, "typical_error": self.typical, **self.extra,
        }  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """What a figure is meant to be: measured >= wanted, or measured <= wanted if `at_most`."""

    text: str
    measured: float
    wanted: float
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it is, None if it could not be measured."""
        if math.isnan(self.measured):
            return None
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted

    def as_json(self) -> dict[str, Any]:
        """Return the record as a dictionary."""
        return {
            "goal": self.text, "measured": self.measured, "wanted": self.wanted, "at_most": self.at_most,
            "met": self.met,
        }  # fmt: skip


@dataclass
class Case:
    """One workload: its sizes by name, the lanes, and goals."""

    name: str
    sizes: dict[str, Any]
    lanes: list[Lane]
    goals: list[Goal] = field(default_factory=list)

    def lane(self, name: str) -> Lane:
        """Return the lane of a contender."""
        return next(lane for lane in self.lanes if lane.name == name)

    def best_peer(self, most_wrong: float = math.inf, among: tuple[str, ...] | None = None) -> Lane | None:
        """Return the fastest peer that ran with an error below `most_wrong`."""
        ran = [
            lane for lane in self.lanes
            if lane.seconds and lane.name != OURS and not lane.error > most_wrong
            and not lane.extra.get("out_of_competition") and (among is None or lane.name in among)
        ]  # fmt: skip
        return min(ran, key=lambda lane: lane.median, default=None)

    def ratio(self, peer: Lane | None) -> float:
        """Return how many times as long as ours a peer takes."""
        return math.nan if peer is None else peer.median / self.lane(OURS).median

    def beat(self, times: float, most_wrong: float = math.inf, among: tuple[str, ...] | None = None) -> None:
        """Add the goal of being so many times as fast as the best peer."""
        peer = self.best_peer(most_wrong, among)
        against = "no peer" if peer is None else peer.name
        pool = "the best peer" if among is None else "the best of " + ", ".join(among)
        self.goals.append(Goal(f"times as fast as {pool} ({against})", self.ratio(peer), times))

    def as_json(self) -> dict[str, Any]:
        """Return the record as a dictionary."""
        best = self.best_peer() if any(lane.name == OURS for lane in self.lanes) else None
        return {
            "case": self.name, "sizes": self.sizes, "lanes": [lane.as_json() for lane in self.lanes],
            "best_peer": None if best is None else best.name, "ratio_to_best_peer": self.ratio(best) if best else None,
            "goals": [goal.as_json() for goal in self.goals],
        }  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """How a race is run; `tick` is called with a line of text whenever a piece is done."""

    size: str = "default"
    repeats: int = 5
    threads: int = 1
    tick: Callable[[str], None] = lambda text: None

    @property
    def tiny(self) -> bool:
        """Whether sizes are those of the tests."""
        return self.size == "tiny"


@dataclass(frozen=True)
class Race:
    """A race: `run(setting)` gives the cases.

    Attributes
    ----------
    unit : of times in tables, such as "µs per query", and `scale`, how many of it make a second.
    error : what errors are.
    axis : size that plots have along the x axis, or None for no such plot.
    work_precision : whether time against error is drawn.
    """

    name: str
    title: str
    run: Callable[[Setting], list[Case]]
    unit: str = "µs per query"
    scale: float = 1e6
    error: str = "largest relative error of E[y] - z"
    axis: str | None = None
    work_precision: bool = False
