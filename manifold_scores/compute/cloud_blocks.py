"""Which points count at a block of queries, and the order in which their tiles are visited: once for all queries."""

from __future__ import annotations

from .cloud_search import collect_runs
from .compilation import FloatArray, IntArray, exact

__all__ = ["FIRST", "SECOND", "TRACE", "collect", "next_tile", "rest_of_run"]

#: What is summed: (mass, y, y - z, |y|^2), the last for queries of inner products; rows (y - y_r, products of y - y_r)
#: with the mass below; (mass, y - y_r, |y - y_r|^2).
FIRST, SECOND, TRACE = 0, 1, 2


@exact
def _collect_above(tops: FloatArray, first: int, last: int, floor: float, runs: IntArray) -> int:
    """Fill runs as `collect_runs` does, of the leaves whose tops reach the floor."""
    count = 0
    for leaf in range(first, last):
        if tops[leaf] >= floor:
            if count > 0 and runs[count - 1, 1] == leaf:
                runs[count - 1, 1] = leaf + 1
            else:
                runs[count, 0], runs[count, 1] = leaf, leaf + 1
                count += 1
    return count


@exact
def collect(
    offsets: IntArray,
    boxes: FloatArray,
    tops: FloatArray,
    screen: FloatArray,
    level: int,
    chunk: int,
    center: FloatArray,
    rate: float,
    floor: float,
    nodes: IntArray,
    runs: IntArray,
) -> int:
    """Fill runs (n, 2) with first and last + 1 of the leaves of a chunk that may reach the floor; return their number.

    By the tops of leaves in `screen` (leaves,), or by boxes if it is empty.
    """
    if len(screen) > 0:
        return int(_collect_above(screen, chunk << level, min((chunk + 1) << level, offsets[1]), floor, runs))
    return int(collect_runs(offsets, boxes, tops, level, chunk, center, rate, floor, nodes, runs))


@exact
def next_tile(runs: IntArray, at: IntArray, found: IntArray, done: int, last: int, leaves: int) -> int:
    """Return the next tile, of `leaves` leaves, that any query asks for, or -1.

    Runs (M, n, 2) of which each query has found[m], is at at[m], and all leaves before `done` are behind.
    """
    begin = last
    for m in range(len(at)):
        if at[m] < found[m]:
            begin = min(begin, max(runs[m, at[m], 0], done))
    return begin // leaves if begin < last else -1


@exact
def rest_of_run(run: IntArray, begin: int, end: int) -> tuple[int, int, bool]:
    """Return first and last + 1 of the leaves of a run inside of begin .. end - 1, and whether it goes on."""
    return max(begin, run[0]), min(end, run[1]), run[1] > end
