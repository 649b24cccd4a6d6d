"""Many points and many queries in two and three dimensions."""

from __future__ import annotations

from .clouds import KEOPS, contenders, race
from .record import OURS, Case, Goal, Race, Setting
from .workloads import workload

BEST, AGAINST_KEOPS, MOST_WRONG = 2.0, 5.0, 1e-12


def run(setting: Setting) -> list[Case]:
    """d = 2, 3 and s = 1e-4, 1e-2, 1, with N = M = 20 000."""
    count, queries, dense = (300, 40, 1e9) if setting.tiny else (20_000, 20_000, 4e7)
    cases = []
    for d in (2, 3):
        for s in (1e-4, 1e-2, 1.0):
            lanes = contenders(dense)
            case = race(f"d = {d}, s = {s:g}", workload(d, count, queries, s), lanes, setting)
            case.beat(BEST)
            keops = case.lane(KEOPS)
            case.goals.append(Goal("times as fast as KeOps", case.ratio(keops), AGAINST_KEOPS))
            case.goals.append(Goal("relative error", case.lane(OURS).error, MOST_WRONG, at_most=True))
            cases.append(case)
    return cases


RACE = Race("low-dimension", "N = M = 20 000 points and queries, d = 2, 3", run, axis="s", work_precision=True)
