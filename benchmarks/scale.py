"""Large clouds: a hundred thousand and a million points."""

from __future__ import annotations

from .clouds import ATTENTION, NUMPY, TREE, contenders, race
from .record import OURS, Case, Race, Setting
from .workloads import workload

BEST, MOST_WRONG = 1.5, 1e-9
#: A dense peer costs the same for every query, so it does this many queries times points and no more.
DENSE_PAIRS = 5e7


def run(setting: Setting) -> list[Case]:
    """N = 1e5, 1e6; d = 2, 3, 10; s = 1e-6, 1e-4, 1e-2."""
    cases = []
    for count, queries in ((100_000, 2000), (1_000_000, 500)):
        for d in (2, 3, 10):
            for s in (1e-6, 1e-4, 1e-2):
                n, m = (count // 1000, 30) if setting.tiny else (count, queries)
                lanes = contenders(DENSE_PAIRS, (OURS, NUMPY, ATTENTION, TREE))
                case = race(f"N = {n:g}, d = {d}, s = {s:g}", workload(d, n, m, s), lanes, setting)
                case.beat(BEST, MOST_WRONG, (NUMPY, TREE))
                case.beat(BEST, MOST_WRONG)
                cases.append(case)
    return cases


RACE = Race("scale", "N = 1e5, 1e6 points; d = 2, 3, 10; s = 1e-6, 1e-4, 1e-2", run, axis="N", work_precision=True)
