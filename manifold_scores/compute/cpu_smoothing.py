"""Softmax moments of a point cloud averaged over displaced queries, from one table of (node, point) products.

With the cloud centred, the log2 weight of point i at the displaced query z + zeta_q is level_i(z) + rate <y_i, zeta_q>
plus a term common to all points, so a table of products serves all queries, times and scales, and the cost of a node
does not depend on the dimension.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .compilation import FloatArray, IntArray, exact, parallel, reduction
from .cpu_exponential import exp2_tile
from .cpu_hull import dot

#: Exponents computed at a time; two buffers of this size stay in the first-level cache.
LANES = 1024


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
def products(left: FloatArray, right: FloatArray, out: FloatArray) -> None:
    """Fill out = left right^T, (Q, k) and (N, k), in an order that does not depend on the number of threads."""
    for q in prange(left.shape[0]):
        row = out[q]
        for i in range(right.shape[0]):
            row[i] = dot(left[q], right[i])


@exact
def _exponents(level: FloatArray, rate: float, table: FloatArray, exponents: FloatArray, tops: FloatArray) -> None:
    """Fill exponents (nodes * N) relative to the largest of each node, which goes to tops."""
    size = level.size
    for node in range(table.shape[0]):
        row = exponents[node * size : (node + 1) * size]
        products_row = table[node]
        for i in range(size):
            row[i] = level[i] + rate * products_row[i]
        top = row[0]
        for i in range(size):
            top = max(top, row[i])
        tops[node] = top
        for i in range(size):
            row[i] -= top


@reduction
def _add_shares(powers: FloatArray, shares: FloatArray, totals: FloatArray) -> None:
    size = shares.size
    for node in range(totals.size):
        row = powers[node * size : (node + 1) * size]
        total = 0.0
        for i in range(size):
            total += row[i]
        totals[node] = total
        inverse = 1.0 / total
        for i in range(size):
            shares[i] += inverse * row[i]


@reduction
def _traces(powers: FloatArray, totals: FloatArray, points: FloatArray, first: FloatArray) -> float:
    """Return the sum over nodes of tr Cov, each by moments about a leading point, which keep their digits."""
    size = points.shape[0]
    found = 0.0
    for node in range(totals.size):
        row = powers[node * size : (node + 1) * size]
        lead = 0
        for i in range(size):
            if row[i] == 1.0:
                lead = i
        base = points[lead]
        first[:] = 0.0
        second = 0.0
        for i in range(size):
            if row[i] > 0.0 and i != lead:
                for k in range(base.size):
                    apart = points[i, k] - base[k]
                    first[k] += row[i] * apart
                    second += row[i] * apart * apart
        trace = second / totals[node]
        for k in range(base.size):
            trace -= (first[k] / totals[node]) ** 2
        found += trace
    return found


@exact
def _replicate(
    level: FloatArray, reference: int, rate: float, table: FloatArray, points: FloatArray, with_sums: bool,
    with_traces: bool, row: FloatArray,
) -> None:  # fmt: skip
    count, size, nodes = level.size, points.shape[1], table.shape[0]
    step = max(1, LANES // count)
    exponents, scratch, powers = np.empty(step * count), np.empty(step * count), np.empty(step * count)
    tops, totals, shares, first = np.empty(step), np.empty(step), np.zeros(count), np.empty(size)
    for start in range(0, nodes, step):
        stop = min(nodes, start + step)
        done, lanes = stop - start, (stop - start) * count
        _exponents(level, rate, table[start:stop], exponents[:lanes], tops[:done])
        exp2_tile(exponents[:lanes], scratch[:lanes], scratch[:lanes].view(np.int64), powers[:lanes])
        _add_shares(powers[:lanes], shares, totals[:done])
        if with_sums:
            for node in range(done):
                row[size] += tops[node] + math.log2(totals[node])
        if with_traces:
            row[size + 1] += _traces(powers[:lanes], totals[:done], points, first)
    for k in range(size):
        total = 0.0
        for i in range(count):
            total += shares[i] * (points[i, k] - points[reference, k])
        row[k] += total


@parallel
def node_moments(
    levels: FloatArray, references: IntArray, rates: FloatArray, table: FloatArray, replicates: int, points: FloatArray,
    with_sums: bool, with_traces: bool, out: FloatArray,
) -> None:  # fmt: skip
    """Add to out (M, R, r + 2) the sums over the nodes of every replicate of y - y_reference, log2 sum and tr Cov.

    levels (M, N) and references (M,) as `point_levels` fills them; rates (M,); table (R Q, N), replicate after
    replicate.  `with_sums` and `with_traces` ask for the last two.
    """
    nodes = table.shape[0] // replicates
    for task in prange(levels.shape[0] * replicates):
        m, replicate = task // replicates, task % replicates
        block = table[replicate * nodes : (replicate + 1) * nodes]
        _replicate(levels[m], references[m], rates[m], block, points, with_sums, with_traces, out[m, replicate])
