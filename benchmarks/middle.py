"""Eight dimensions: the matrix product begins to pay."""

from __future__ import annotations

from .clouds import contenders, race
from .record import Case, Race, Setting
from .workloads import workload

BEST = 1.0


def run(setting: Setting) -> list[Case]:
    """d = 8, N = 10 000, M = 1000."""
    count, queries = (300, 40) if setting.tiny else (10_000, 1000)
    cases = []
    for s in (1e-3, 1e-1, 1.0):
        case = race(f"d = 8, s = {s:g}", workload(8, count, queries, s), contenders(), setting)
        case.beat(BEST)
        cases.append(case)
    return cases


RACE = Race("middle", "N = 10 000 points, M = 1000 queries, d = 8", run, axis="s", work_precision=True)
