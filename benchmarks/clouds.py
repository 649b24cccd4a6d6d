"""Races over clouds: all contenders on one workload, turn by turn."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import manifold_scores as ms

from . import peers, reference
from .record import OURS, Case, Lane, Setting
from .workloads import Array, Workload

#: Queries whose answers are compared with the reference.
COMPARED = 16
#: Neighbours that a tree visits in one call, at most, if that is more than the queries compared need.
NEIGHBOURS = 1e7
#: Pairs of a call of what is slow enough to be timed with fewer.
SLOW_PAIRS = 1e7


@dataclass(frozen=True)
class Contender:
    """A way to compute; `prepare(workload)` returns the call that is timed.

    Attributes
    ----------
    needs : the module it is made of.
    most_pairs : cap on queries times points of one call, for what costs the same for every query: times are per query.
    skip : says why a workload is none for it, or None.
    per_query : how many points it looks at for a query.
    """

    name: str
    prepare: Callable[[Workload], peers.Call]
    needs: str
    most_pairs: float = np.inf
    skip: Callable[[Workload], str | None] = lambda work: None
    per_query: Callable[[Workload], float] = lambda work: len(work.points)


def ours(work: Workload) -> peers.Call:
    """The tilted moments of a point cloud."""
    cloud = ms.PointCloud(work.points)
    return lambda: np.asarray(cloud.tilt(work.queries, work.variance).displacement)


def _narrow(work: Workload) -> str | None:
    return None if work.points.shape[1] <= 16 else "meant for few dimensions"


NUMPY, DIFFERENCES = "numpy, expanded norm", "numpy, differences"
TORCH, ATTENTION = "torch, softmax", "torch, fused attention"
JAX, KEOPS, TREE = "jax, jit", "KeOps", "scipy, neighbours"


def contenders(dense_pairs: float = np.inf, names: tuple[str, ...] | None = None) -> list[Contender]:
    """Return us and all peers, or those of the given names; dense ones do no more than `dense_pairs` pairs a call."""
    everyone = [
        Contender(OURS, ours, "numba"),
        Contender(NUMPY, peers.numpy_expanded, "numpy", dense_pairs),
        Contender(DIFFERENCES, peers.numpy_differences, "numpy", dense_pairs, _narrow),
        Contender(TORCH, peers.torch_softmax, "torch", dense_pairs),
        Contender(ATTENTION, peers.torch_attention, "torch", dense_pairs),
        Contender(JAX, peers.jax_softmax, "jax", dense_pairs),
        Contender(KEOPS, peers.keops, "pykeops", min(dense_pairs, SLOW_PAIRS), _narrow),
        Contender(TREE, peers.tree_neighbours, "scipy", NEIGHBOURS, _narrow, peers.neighbours),
    ]
    return [contender for contender in everyone if names is None or contender.name in names]


def race(
    name: str, work: Workload, lanes: list[Contender], setting: Setting,
    expected: Callable[[Workload], Array] = reference.displacements,
) -> Case:  # fmt: skip
    """Run the contenders on a workload, one call of each in turn, and compare with the reference."""
    truth = expected(work.first(COMPARED))
    calls: list[tuple[Lane, peers.Call]] = []
    found = []
    for contender in lanes:
        lane = Lane(contender.name)
        found.append(lane)
        lane.absent = "not installed" if importlib.util.find_spec(contender.needs) is None else contender.skip(work)
        if lane.absent is None:
            call = _prepare(contender, work, lane, truth)
            if call is not None:
                calls.append((lane, call))
        setting.tick(f"{name}: {contender.name}")
    take_turns(calls, setting.repeats)
    return Case(name, {"law": work.law, **work.sizes}, found)


def _prepare(contender: Contender, work: Workload, lane: Lane, truth: Array) -> peers.Call | None:
    count = len(work.queries)
    if contender.most_pairs < np.inf:
        count = min(count, max(COMPARED, int(contender.most_pairs / contender.per_query(work))))
    lane.work = count
    start = time.perf_counter()
    try:
        call = contender.prepare(work.first(count))
    except ImportError as reason:
        lane.absent = str(reason)
        return None
    lane.build = time.perf_counter() - start
    start = time.perf_counter()
    answer = call()
    lane.first = time.perf_counter() - start
    errors = reference.relative_errors(answer[: len(truth)], truth)
    lane.error, lane.typical = float(errors.max()), float(np.median(errors))
    return call


def take_turns(calls: list[tuple[Lane, Callable[[], object]]], repeats: int) -> None:
    """Time every call so many times, one of each in turn: what disturbs the machine disturbs all of them."""
    for _ in range(repeats):
        for lane, call in calls:
            start = time.perf_counter()
            call()
            lane.seconds.append(time.perf_counter() - start)
