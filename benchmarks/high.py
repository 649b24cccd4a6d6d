"""Many dimensions: dense, where many points count for every query, and sparse, where few do."""

from __future__ import annotations

from .clouds import contenders, race
from .record import Case, Race, Setting
from .workloads import workload

#: d, N and M.
SIZES = ((32, 20_000, 500), (128, 20_000, 300), (784, 10_000, 300))
DENSE, SPARSE = 1.0, 1.3
#: Times d/32.  Hundreds of points carry the weight of a query, or one does and tens are above rounding.
DENSE_VARIANCE, SPARSE_VARIANCE = 3.0, 0.1


def _run(setting: Setting, variance: float, times: float) -> list[Case]:
    cases = []
    for d, points, asked in SIZES:
        count, queries = (200, 30) if setting.tiny else (points, asked)
        s = variance * d / 32
        case = race(f"d = {d}, s = {s:.3g}", workload(d, count, queries, s), contenders(), setting)
        case.beat(times)
        cases.append(case)
    return cases


def dense(setting: Setting) -> list[Case]:
    """Hundreds of points count for every query."""
    return _run(setting, DENSE_VARIANCE, DENSE)


def sparse(setting: Setting) -> list[Case]:
    """A handful of points count."""
    return _run(setting, SPARSE_VARIANCE, SPARSE)


HIGH_DENSE = Race("high-dense", "d = 32, 128, 784, many neighbours", dense, axis="d", work_precision=True)
HIGH_SPARSE = Race("high-sparse", "d = 32, 128, 784, few neighbours", sparse, axis="d", work_precision=True)
