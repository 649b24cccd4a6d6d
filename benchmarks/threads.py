"""Two threads against one, and whether they give the same bits."""

from __future__ import annotations

import math
import os

from .record import OURS, Case, Goal, Lane, Race, Setting
from .subprocesses import answer

SPEEDUP = 1.8

_SCRIPT = """
import hashlib
import manifold_scores as ms
from benchmarks.workloads import workload
d, count, queries, variance, repeats = arguments
work = workload(d, count, queries, variance)
cloud = ms.PointCloud(work.points)
start = time.perf_counter()
found = cloud.tilt(work.queries, work.variance)
first = time.perf_counter() - start
seconds = []
for _ in range(repeats):
    start = time.perf_counter()
    found = cloud.tilt(work.queries, work.variance)
    seconds.append(time.perf_counter() - start)
bits = hashlib.sha256(found.displacement.tobytes() + found.log_mass.tobytes()).hexdigest()
print(json.dumps({"first": first, "seconds": seconds, "bits": bits}))
"""


def run(setting: Setting) -> list[Case]:
    """d = 2, N = M = 20 000: one process with one thread, one with two, in turn."""
    size = 300 if setting.tiny else 20_000
    cases = []
    for s in (1e-4, 1e-2, 1.0):
        lanes = [Lane(f"{OURS}, {threads} threads" if threads > 1 else OURS, work=size) for threads in (1, 2)]
        bits = set()
        for _ in range(2):
            for threads, lane in zip((1, 2), lanes, strict=True):
                if threads > (os.cpu_count() or 1):
                    lane.absent = "one core"
                    continue
                found = answer(_SCRIPT, [2, size, size, s, setting.repeats], threads)
                lane.first = found["first"]
                lane.seconds += found["seconds"]
                bits.add(found["bits"])
                setting.tick(f"s = {s:g}: {lane.name}")
        case = Case(f"s = {s:g}", {"N": size, "M": size, "d": 2, "s": s}, lanes)
        ratio = lanes[0].median / lanes[1].median if lanes[1].seconds else math.nan
        case.goals.append(Goal("times as fast with two threads", ratio, SPEEDUP))
        case.goals.append(Goal("different answers", float(len(bits)), 1.0, at_most=True))
        cases.append(case)
    return cases


RACE = Race("threads", "two threads against one, d = 2, N = M = 20 000", run)
