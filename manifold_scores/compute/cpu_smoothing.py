"""Softmax moments of a point cloud averaged over displaced queries, from one table of (point, node) products.

With the cloud centred, the log2 weight of point i at the displaced query z + zeta_q is level_i(z) + rate <y_i, zeta_q>
plus a term common to all points, so a table of products serves all queries, times and scales, and the cost of a node
does not depend on the dimension.

The lanes of a vector run over nodes: column q R + r of the table is node q of replicate r, so that a lane belongs to
one replicate, and sums over nodes need nothing across lanes.  A single set of nodes is dealt out to STRIDE replicates,
the last columns being padding.  The table comes in blocks of STRIDE columns, (C / STRIDE, N, STRIDE).
"""

from __future__ import annotations

import math

import numpy as np

from .borrowing import borrowed
from .compilation import FloatArray, IntArray, exact, parallel
from .cpu_hull import dot
from .vector_exponential import exp2_of_four
from .vectors import LANES, fma, larger, load, splat, store

#: Columns that are worked on at a time, two vectors, so that one computes while the other waits.
STRIDE = 2 * LANES
#: Points this many bits below the leading one wherever a node may be are left out: means change by less than 2**-200
#: of the size of the cloud.  A trace may be as small as the second largest share, so only what is 0 in float64 goes.
NEGLIGIBLE_FOR_MEANS = -200.0
NEGLIGIBLE_FOR_TRACES = -900.0
#: Weights relative to the reference point may be as large as two to this; beyond, they are relative to the largest.
LARGEST_RISE = 300.0
#: Queries that share a block of the table, and its entries: 512 kB.
TILE = 16
ENTRIES = 2**16
#: Nodes of one task where queries are few; how many tasks there are does not change any sum within them.
SEGMENT = 2**13
MOST_SEGMENTS = 16


def segments_of(columns: int) -> int:
    """Return into how many segments the sums over the columns of a table are split."""
    return max(1, min(MOST_SEGMENTS, columns // SEGMENT))


def tiles_of(queries: int, points: int, replicates: int) -> tuple[int, int]:
    """Return how many queries share a tile of the table, and how many such tiles there are."""
    tile = min(TILE, max(1, ENTRIES // (points * replicates)))
    return tile, -(-queries // tile)


@parallel
def products(first: int, last: int, points: FloatArray, nodes: FloatArray, out: FloatArray) -> None:
    """Fill out (C / STRIDE, N, STRIDE) with <P_i, g_c>, points (N, k) and nodes (C, k), whatever the threads."""
    points, nodes = borrowed((points, nodes))
    for block in range(first, last):
        for i in range(points.shape[0]):
            for lane in range(STRIDE):
                out[block, i, lane] = dot(points[i], nodes[block * STRIDE + lane])


@exact
def _within_reach(
    level: FloatArray, loadings: FloatArray, reference: int, reach: float, lowest: float, kept: IntArray
) -> tuple[int, float]:
    """List the points that come within `lowest` bits of the reference at some node; return how many, and the rise.

    |<P_i - P_r, g>| <= |P_i - P_r| |g|, and reach is the rate times the largest |g| of all nodes.  The rise bounds how
    many bits above the reference a point may be.
    """
    count, rise = 0, 0.0
    for i in range(level.size):
        square = 0.0
        for k in range(loadings.shape[1]):
            apart = loadings[i, k] - loadings[reference, k]
            square += apart * apart
        highest = level[i] + reach * math.sqrt(square)
        if not highest < lowest:
            kept[count] = i
            count += 1
            rise = max(rise, highest)
    return count, rise


@exact
def _weigh(
    level: FloatArray, kept: IntArray, count: int, reference: int, relative: bool, rate: float, block: FloatArray,
    powers: FloatArray, tops: FloatArray, totals: FloatArray,
) -> None:  # fmt: skip
    """Fill powers (points, STRIDE), the weights at STRIDE nodes, tops, what they are relative to, and their totals.

    That is the reference point, or, if not `relative`, the largest weight.
    """
    slope = splat(rate)
    top, other_top = slope * load(block[reference], 0), slope * load(block[reference], LANES)
    if not relative:
        for j in range(count):
            row, base = block[kept[j]], splat(level[kept[j]])
            top = larger(fma(slope, load(row, 0), base), top)
            other_top = larger(fma(slope, load(row, LANES), base), other_top)
    total, other_total = splat(0.0), splat(0.0)
    for j in range(0, count, 2):
        # Two points at a time; the last one of an odd number is its own companion.
        k = min(j + 1, count - 1)
        row, base, next_row, next_base = block[kept[j]], splat(level[kept[j]]), block[kept[k]], splat(level[kept[k]])
        power, other_power, next_power, other_next_power = exp2_of_four(
            fma(slope, load(row, 0), base) - top,
            fma(slope, load(row, LANES), base) - other_top,
            fma(slope, load(next_row, 0), next_base) - top,
            fma(slope, load(next_row, LANES), next_base) - other_top,
        )
        store(powers[k], 0, next_power)
        store(powers[k], LANES, other_next_power)
        store(powers[j], 0, power)
        store(powers[j], LANES, other_power)
        total = total + power
        other_total = other_total + other_power
        if k > j:
            total = total + next_power
            other_total = other_total + other_next_power
    store(tops, 0, top)
    store(tops, LANES, other_top)
    store(totals, 0, total)
    store(totals, LANES, other_total)


@exact
def _add_shares(powers: FloatArray, count: int, inverse: FloatArray, shares: FloatArray) -> None:
    """Add powers times inverse to shares, both (points, STRIDE)."""
    scale, other_scale = load(inverse, 0), load(inverse, LANES)
    for j in range(count):
        store(shares[j], 0, fma(load(powers[j], 0), scale, load(shares[j], 0)))
        store(shares[j], LANES, fma(load(powers[j], LANES), other_scale, load(shares[j], LANES)))


@exact
def _traces(
    powers: FloatArray, kept: IntArray, count: int, inverse: FloatArray, points: FloatArray, scratch: FloatArray,
    traces: FloatArray,
) -> None:  # fmt: skip
    """Fill traces (STRIDE) with tr Cov at every node, from moments about its leading point, which keep their digits.

    scratch is (2 r, STRIDE).
    """
    size = points.shape[1]
    base, first = scratch[:size], scratch[size:]
    first[:] = 0.0
    for j in range(count):
        for lane in range(STRIDE):
            if powers[j, lane] == 1.0:
                for k in range(size):
                    base[k, lane] = points[kept[j], k]
    for lane in range(0, STRIDE, LANES):
        second = splat(0.0)
        for j in range(count):
            power, point = load(powers[j], lane), points[kept[j]]
            for k in range(size):
                apart = splat(point[k]) - load(base[k], lane)
                weighted = power * apart
                store(first[k], lane, load(first[k], lane) + weighted)
                second = fma(weighted, apart, second)
        scale = load(inverse, lane)
        trace = second * scale
        for k in range(size):
            mean = load(first[k], lane) * scale
            trace = trace - mean * mean
        store(traces, lane, trace)


@exact
def _add_nodes(
    level: FloatArray, kept: IntArray, count: int, reference: int, relative: bool, rate: float, table: FloatArray,
    live: FloatArray, first: int, last: int, points: FloatArray, with_sums: bool, with_traces: bool,
    scratch: FloatArray, powers: FloatArray, shares: FloatArray, extras: FloatArray,
) -> None:  # fmt: skip
    """Add blocks first .. last - 1 to shares (replicates / STRIDE, points, STRIDE) and extras (2, replicates)."""
    tops, totals, inverse, traces = scratch[0], scratch[1], scratch[2], scratch[3]
    for block in range(first, last):
        group, column = block % shares.shape[0], block * STRIDE
        _weigh(level, kept, count, reference, relative, rate, table[block], powers, tops, totals)
        for lane in range(STRIDE):
            inverse[lane] = live[column + lane] / totals[lane]
        _add_shares(powers, count, inverse, shares[group])
        if with_sums:
            for lane in range(STRIDE):
                extras[0, group * STRIDE + lane] += live[column + lane] * (tops[lane] + math.log2(totals[lane]))
        if with_traces:
            _traces(powers, kept, count, inverse, points, scratch[4:], traces)
            for lane in range(STRIDE):
                extras[1, group * STRIDE + lane] += live[column + lane] * traces[lane]


@exact
def _add_moments(
    kept: IntArray, count: int, reference: int, points: FloatArray, shares: FloatArray, extras: FloatArray,
    total: FloatArray, replicates: FloatArray,
) -> None:  # fmt: skip
    """Turn shares into moments: total (r + 2) over all replicates, and (R, r + 2) if there is room for them."""
    size = points.shape[1]
    for j in range(count):
        share = 0.0
        for group in range(shares.shape[0]):
            for lane in range(STRIDE):
                share += shares[group, j, lane]
        for k in range(size):
            total[k] += share * (points[kept[j], k] - points[reference, k])
    for part in range(2):
        for r in range(extras.shape[1]):
            total[size + part] += extras[part, r]
    for r in range(replicates.shape[0]):
        for j in range(count):
            for k in range(size):
                apart = points[kept[j], k] - points[reference, k]
                replicates[r, k] += shares[r // STRIDE, j, r % STRIDE] * apart
        for part in range(2):
            replicates[r, size + part] += extras[part, r]


@parallel
def node_moments(
    first: int, last: int, tile: int, levels: FloatArray, references: IntArray, rates: FloatArray, farthest: float,
    loadings: FloatArray, table: FloatArray, live: FloatArray, replicates: int, points: FloatArray,
    with_sums: bool, with_traces: bool, totals: FloatArray, parts: FloatArray,
) -> None:  # fmt: skip
    """Fill totals (S, M, r + 2) with sums over the nodes of y - y_reference, log2 sum and tr Cov, in S segments.

    levels (M, N) and references (M,) as `cpu_levels` fills them; rates (M,); table, in blocks: loadings (N, k) times
    C nodes no farther than `farthest` from 0, C a multiple of replicates, which is a multiple of STRIDE; live (C,) is
    1, or 0 for padding.  `with_sums` and `with_traces` ask for the last two.  parts (S, M, R, r + 2) are the sums of
    every replicate, if R is not 0.  A task is one segment for `tile` queries.
    """
    levels, references, loadings, table, points = borrowed((levels, references, loadings, table, points))
    totals, parts = borrowed((totals, parts))
    queries, count = levels.shape
    segments = totals.shape[0]
    groups = replicates // STRIDE
    rows = table.shape[0] // groups
    step = max(1, ENTRIES // (count * replicates)) * groups
    lowest = NEGLIGIBLE_FOR_TRACES if with_traces else NEGLIGIBLE_FOR_MEANS
    for task in range(first, last):
        base, segment = (task // segments) * tile, task % segments
        done = min(tile, queries - base)
        kept, counts = np.empty((done, count), dtype=np.int64), np.empty(done, dtype=np.int64)
        relative = np.empty(done, dtype=np.bool_)
        shares = np.zeros((done, groups, count, STRIDE))
        extras = np.zeros((done, 2, replicates))
        powers, scratch = np.empty((count, STRIDE)), np.empty((4 + 2 * points.shape[1], STRIDE))
        for m in range(done):
            query = base + m
            reach = rates[query] * farthest
            counts[m], rise = _within_reach(levels[query], loadings, references[query], reach, lowest, kept[m])
            relative[m] = rise <= LARGEST_RISE and not with_traces
        begin, end = (rows * segment // segments) * groups, (rows * (segment + 1) // segments) * groups
        for start in range(begin, end, step):
            stop = min(end, start + step)
            for m in range(done):
                query = base + m
                _add_nodes(
                    levels[query], kept[m], counts[m], references[query], relative[m], rates[query], table, live,
                    start, stop, points, with_sums, with_traces, scratch, powers, shares[m], extras[m],
                )  # fmt: skip
        for m in range(done):
            query = base + m
            total, part = totals[segment, query], parts[segment, query]
            total[:] = 0.0
            part[:] = 0.0
            _add_moments(kept[m], counts[m], references[query], points, shares[m], extras[m], total, part)
