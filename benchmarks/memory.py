"""What a call adds to the memory of a process."""

from __future__ import annotations

import importlib.util

from .clouds import ATTENTION, NUMPY
from .record import OURS, Case, Goal, Lane, Race, Setting
from .subprocesses import answer

#: Megabytes; the table of all pairs would be 32 000.
MOST = 50.0
#: Module and preparing function of the contenders, which are asked few queries, and then all.
CONTENDERS = {OURS: ("clouds", "ours", "numba"), NUMPY: ("peers", "numpy_expanded", "numpy"),
              ATTENTION: ("peers", "torch_attention", "torch")}  # fmt: skip

_SCRIPT = """
import importlib
from benchmarks.workloads import workload
module, name, count, queries, variance = arguments
prepare = getattr(importlib.import_module("benchmarks." + module), name)
work = workload(2, count, queries, variance)
prepare(work.first(64))()
call = prepare(work)
forget_peak()
before, start = resident(), time.perf_counter()
call()
print(json.dumps({"seconds": time.perf_counter() - start, "grown": max(0, peak() - before)}))
"""


def run(setting: Setting) -> list[Case]:
    """N = 200 000, M = 20 000, d = 2: growth of the peak of the resident memory during one call."""
    count, queries = (2000, 300) if setting.tiny else (200_000, 20_000)
    lanes = []
    for name, (module, function, needs) in CONTENDERS.items():
        lane = Lane(name, work=queries)
        lanes.append(lane)
        if importlib.util.find_spec(needs) is None:
            lane.absent = "not installed"
            continue
        found = answer(_SCRIPT, [module, function, count, queries, 1e-2])
        lane.seconds, lane.extra = [found["seconds"]], {"megabytes": found["grown"] / 1e6}
        setting.tick(name)
    case = Case(f"N = {count:g}, M = {queries:g}", {"N": count, "M": queries, "d": 2, "s": 1e-2}, lanes)
    case.goals.append(Goal("megabytes that a call adds", lanes[0].extra["megabytes"], MOST, at_most=True))
    return [case]


RACE = Race("memory", "memory that a call adds, d = 2, N = 200 000, M = 20 000", run)
