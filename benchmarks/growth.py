"""How the cost of a query grows with the cloud, and what a cloud costs to build and to hold."""

from __future__ import annotations

import time

import manifold_scores as ms

from .clouds import TREE, contenders, race
from .machine import resident
from .record import OURS, Case, Goal, Race, Setting
from .workloads import workload

#: From 1e4 to 1e6 points the cost of a query grows by less than this.
GROWTH = 8.0
VARIANCE, QUERIES = 1e-6, 2000


def run(setting: Setting) -> list[Case]:
    """N = 1e4 to 1e7 at s = 1e-6: time per query, time to build, memory."""
    counts = (100, 1000) if setting.tiny else (10**4, 10**5, 10**6, 10**7)
    cases = []
    ms.PointCloud([[0.0, 0.0]]).tilt([[0.0, 0.0]], VARIANCE)  # compiled before clouds are timed
    for d in (2, 3):
        first = len(cases)
        for count in counts:
            work = workload(d, count, 40 if setting.tiny else QUERIES, VARIANCE)
            before, start = resident(), time.perf_counter()
            cloud = ms.PointCloud(work.points)
            cloud.tilt(work.queries, work.variance)
            extra = {"bytes_per_point": max(0, resident() - before) / count, "ready": time.perf_counter() - start}
            lanes = contenders(names=(OURS, TREE))
            del cloud
            case = race(f"d = {d}, N = {count:g}", work, lanes, setting)
            case.lane(OURS).extra |= extra
            cases.append(case)
        last = cases[first + (1 if setting.tiny else 2)]
        ratio = last.lane(OURS).median / cases[first].lane(OURS).median
        span = f"{cases[first].sizes['N']:g} to {last.sizes['N']:g}"
        last.goals.append(Goal(f"growth of the cost of a query, N = {span}", ratio, GROWTH, at_most=True))
    return cases


RACE = Race("growth", "cost of a query at s = 1e-6, N = 1e4 .. 1e7, d = 2, 3", run, axis="N")
