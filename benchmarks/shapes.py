"""Few queries and many points, many queries and few points, and one query at a time."""

from __future__ import annotations

from .clouds import ATTENTION, JAX, NUMPY, TORCH, TREE, contenders, race
from .record import OURS, Case, Race, Setting
from .workloads import workload

#: N, M and s.
SHAPES = (
    (1_000_000, 1, 1e-2),
    (1_000_000, 16, 1e-2),
    (10_000, 1, 1e-2),
    (30, 1, 1e-2),
    (30, 100_000, 1e-2),
    (1000, 20_000, 1e-2),
)


def run(setting: Setting) -> list[Case]:
    """d = 2, cases in which nothing is promised."""
    cases = []
    for count, queries, s in SHAPES:
        n, m = (min(count, 500), min(queries, 50)) if setting.tiny else (count, queries)
        lanes = contenders(names=(OURS, NUMPY, TORCH, ATTENTION, JAX, TREE))
        cases.append(race(f"N = {n:g}, M = {m:g}", workload(2, n, m, s), lanes, setting))
    return cases


RACE = Race("shapes", "few queries and many points, many queries and few points, d = 2", run)
