"""Softmax moments of a point cloud averaged over displaced queries, from one table of (point, node) products.

With the cloud centred, the log2 weight of point i at the displaced query z + zeta_q is level_i(z) + rate <y_i, zeta_q>
plus a term common to all points, so a table of products serves all queries, times and scales, and the cost of a node
does not depend on the dimension.

The lanes of a vector run over nodes: column q R + r of the table is node q of replicate r, so that a lane belongs to
one replicate, and sums over nodes need nothing across lanes.  A single set of nodes is dealt out to STRIDE replicates,
the last columns being padding.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .compilation import FloatArray, IntArray, exact, parallel, reduction
from .cpu_hull import dot
from .vector_exponential import exp2
from .vectors import LANES, fma, larger, load, splat, store

#: Columns that are worked on at a time, two vectors, so that one computes while the other waits.
STRIDE = 2 * LANES
#: Points this many bits below the leading one wherever a node may be are left out: means change by less than 2**-200
#: of the size of the cloud.  A trace may be as small as the second largest share, so only what is 0 in float64 goes.
NEGLIGIBLE_FOR_MEANS = -200.0
NEGLIGIBLE_FOR_TRACES = -900.0
#: Queries that share a block of the table, and its entries: 512 kB.
TILE = 16
ENTRIES = 2**16
#: Nodes of one task where queries are few; how many tasks there are does not change any sum within them.
SEGMENT = 2**13
MOST_SEGMENTS = 16


@reduction
def _level(point: FloatArray, reference: FloatArray, center: FloatArray) -> float:
    """Return (y - r) . ((y - z) + (r - z)) = |y - z|^2 - |r - z|^2."""
    total = 0.0
    for k in range(center.size):
        total += (point[k] - reference[k]) * ((point[k] - center[k]) + (reference[k] - center[k]))
    return total


@parallel
def point_levels(
    points: FloatArray, log2_weights: FloatArray, centers: FloatArray, rates: FloatArray, levels: FloatArray,
    references: IntArray,
) -> None:  # fmt: skip
    """Fill levels (M, N) = log2 weight of every point at every query relative to the best point, references (M,).

    rates = log2(e)/2s.  A level is the difference of squared distances taken as a product, not as a difference.
    """
    for m in prange(centers.shape[0]):
        references[m] = _relative_levels(points, log2_weights, centers[m], rates[m], levels[m])


@exact
def _relative_levels(
    points: FloatArray, log2_weights: FloatArray, center: FloatArray, rate: float, level: FloatArray
) -> int:
    best, reference = -np.inf, 0
    for i in range(points.shape[0]):
        square = 0.0
        for k in range(center.size):
            square += (points[i, k] - center[k]) ** 2
        value = log2_weights[i] - square * rate
        if value > best:
            best, reference = value, i
    for i in range(points.shape[0]):
        apart = _level(points[i], points[reference], center)
        level[i] = (log2_weights[i] - log2_weights[reference]) - apart * rate
    return reference


@parallel
def products(points: FloatArray, nodes: FloatArray, out: FloatArray) -> None:
    """Fill out (N, Q) = points nodes^T, (N, k) and (Q, k), in an order that does not depend on the number of threads."""
    for i in prange(points.shape[0]):
        row = out[i]
        for q in range(nodes.shape[0]):
            row[q] = dot(points[i], nodes[q])


@exact
def _within_reach(
    level: FloatArray, loadings: FloatArray, reference: int, reach: float, lowest: float, kept: IntArray
) -> int:
    """List the points that come within `lowest` bits of the reference at some node; return how many.

    |<P_i - P_r, g>| <= |P_i - P_r| |g|, and reach is the rate times the largest |g| of all nodes.
    """
    count = 0
    for i in range(level.size):
        short = lowest - level[i]
        inside = short <= 0.0
        if not inside:
            square = 0.0
            for k in range(loadings.shape[1]):
                apart = loadings[i, k] - loadings[reference, k]
                square += apart * apart
            inside = square * reach * reach >= short * short
        if inside:
            kept[count] = i
            count += 1
    return count


@exact
def _add_pair(
    level: FloatArray, kept: IntArray, count: int, rate: float, table: FloatArray, column: int, powers: FloatArray,
    tops: FloatArray, totals: FloatArray,
) -> None:  # fmt: skip
    """Fill powers (points, STRIDE) = weights relative to the largest of each of STRIDE nodes, tops and totals."""
    slope = splat(rate)
    top, other_top = splat(-math.inf), splat(-math.inf)
    for j in range(count):
        row, base = table[kept[j]], splat(level[kept[j]])
        top = larger(fma(slope, load(row, column), base), top)
        other_top = larger(fma(slope, load(row, column + LANES), base), other_top)
    total, other_total = splat(0.0), splat(0.0)
    for j in range(count):
        row, base = table[kept[j]], splat(level[kept[j]])
        power = exp2(fma(slope, load(row, column), base) - top)
        other_power = exp2(fma(slope, load(row, column + LANES), base) - other_top)
        store(powers[j], 0, power)
        store(powers[j], LANES, other_power)
        total = total + power
        other_total = other_total + other_power
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
    level: FloatArray, kept: IntArray, count: int, rate: float, table: FloatArray, live: FloatArray, start: int,
    stop: int, points: FloatArray, with_sums: bool, with_traces: bool, scratch: FloatArray, powers: FloatArray,
    shares: FloatArray, extras: FloatArray,
) -> None:  # fmt: skip
    """Add columns start .. stop - 1 to shares (replicates / STRIDE, points, STRIDE) and extras (2, replicates)."""
    tops, totals, inverse, traces = scratch[0], scratch[1], scratch[2], scratch[3]
    groups = shares.shape[0]
    for column in range(start, stop, STRIDE):
        group = (column // STRIDE) % groups
        _add_pair(level, kept, count, rate, table, column, powers, tops, totals)
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
    levels: FloatArray, references: IntArray, rates: FloatArray, farthest: float, loadings: FloatArray,
    table: FloatArray, live: FloatArray, replicates: int, points: FloatArray, with_sums: bool, with_traces: bool,
    totals: FloatArray, parts: FloatArray,
) -> None:  # fmt: skip
    """Fill totals (S, M, r + 2) with sums over the nodes of y - y_reference, log2 sum and tr Cov, in S segments.

    levels (M, N) and references (M,) as `point_levels` fills them; rates (M,); table (N, C) = loadings (N, k) times
    nodes no farther than `farthest` from 0, C a multiple of replicates, which is a multiple of STRIDE; live (C,) is 1,
    or 0 for padding.  `with_sums` and `with_traces` ask for the last two.  parts (S, M, R, r + 2) are the sums of every
    replicate, if R is not 0.
    """
    queries, count = levels.shape
    segments = totals.shape[0]
    tile = min(TILE, max(1, ENTRIES // (count * replicates)))
    tiles = (queries + tile - 1) // tile
    rows = table.shape[1] // replicates
    step = max(1, ENTRIES // (count * replicates)) * replicates
    lowest = NEGLIGIBLE_FOR_TRACES if with_traces else NEGLIGIBLE_FOR_MEANS
    for task in prange(tiles * segments):
        first, segment = (task // segments) * tile, task % segments
        done = min(tile, queries - first)
        kept, counts = np.empty((done, count), dtype=np.int64), np.empty(done, dtype=np.int64)
        shares = np.zeros((done, replicates // STRIDE, count, STRIDE))
        extras = np.zeros((done, 2, replicates))
        powers, scratch = np.empty((count, STRIDE)), np.empty((4 + 2 * points.shape[1], STRIDE))
        for m in range(done):
            query = first + m
            reach = rates[query] * farthest
            counts[m] = _within_reach(levels[query], loadings, references[query], reach, lowest, kept[m])
        begin = (rows * segment // segments) * replicates
        end = (rows * (segment + 1) // segments) * replicates
        for start in range(begin, end, step):
            stop = min(end, start + step)
            for m in range(done):
                _add_nodes(
                    levels[first + m], kept[m], counts[m], rates[first + m], table, live, start, stop, points,
                    with_sums, with_traces, scratch, powers, shares[m], extras[m],
                )  # fmt: skip
        for m in range(done):
            query = first + m
            total, part = totals[segment, query], parts[segment, query]
            total[:] = 0.0
            part[:] = 0.0
            _add_moments(kept[m], counts[m], references[query], points, shares[m], extras[m], total, part)
