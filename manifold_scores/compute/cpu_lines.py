"""Moments of a softmax of linear functions, averaged over a standard normal variable along a line.

Along a line the logits of a point cloud differ by linear functions of the position u, log2 weights a_i + b_i u, so the
interval splits by proof rather than by trial.  On a panel where one line leads all others at both ends by 58 bits it
does so in between, the softmax is that vertex of the simplex to 2**-58, and the Gaussian moments are error functions.
Elsewhere sum_i 2**(a_i + b_i u), entire, has no zero within the imaginary distance pi/(ln 2 max |b_i - b_j|) of the
axis, nor where the leading term exceeds the sum of the others; panels are bisected until the Bernstein ellipse of
parameter 2.8 is free of zeros, on which 16 Gauss-Legendre nodes are good to 2.8**-32 = 5e-15.
"""

from __future__ import annotations

import math

import numpy as np

from .compilation import FloatArray, IntArray, exact
from .legendre import NODES as LEGENDRE_NODES
from .legendre import WEIGHTS as LEGENDRE_WEIGHTS
from .vector_exponential import exp2_of_four
from .vectors import GROUP, LANES, fma, fms, load, splat, store, total

#: Parts that can be wanted beside the mean.
LOG_SUM, TRACE = 1, 2
RULE = 16
NODES = LEGENDRE_NODES[RULE, :RULE].copy()
WEIGHTS = LEGENDRE_WEIGHTS[RULE, :RULE].copy()
#: Standard deviations: beyond lies 1e-16 of the normal law.
WINDOW = 8.3
#: Lines this many bits below the leading one do not count: 2**-58 = 3.5e-18.
NEGLIGIBLE = -58.0
#: What the Bernstein ellipse of parameter 2.8 reaches beyond each end, in lengths of the panel, and its height:
#: (2.8 + 1/2.8)/4 - 1/2 and (2.8 - 1/2.8)/4; a panel may be as long as pi/(ln 2 spread) over that height.
REACH = 0.29
LONGEST_SPREAD = 7.4
#: Of exp(-u^2/2) alone.
LONGEST = 2.5
DEEPEST = 58
SQRT_HALF = 0.7071067811865476
NORMAL_PEAK = 0.3989422804014327


@exact
def tile_size(count: int) -> int:
    """Return how many exponents of count points at the nodes of a panel make whole groups of vectors."""
    return (count * RULE + GROUP - 1) // GROUP * GROUP


@exact
def _normal_mass(low: float, high: float) -> float:
    """Return Phi(high) - Phi(low) without cancellation in the tails."""
    if low > 0.0:
        return 0.5 * (math.erfc(low * SQRT_HALF) - math.erfc(high * SQRT_HALF))
    if high < 0.0:
        return 0.5 * (math.erfc(-high * SQRT_HALF) - math.erfc(-low * SQRT_HALF))
    return 0.5 * (math.erf(high * SQRT_HALF) - math.erf(low * SQRT_HALF))


@exact
def normal_density(u: float) -> float:
    """Return the standard normal density."""
    return NORMAL_PEAK * math.exp(-0.5 * u * u)


@exact
def _weigh(
    level: FloatArray, slope: FloatArray, kept: IntArray, count: int, lead: int, u: FloatArray, powers: FloatArray
) -> None:
    """Fill powers[j RULE + node] with 2**(rise + run u) of the points kept, relative to the leading one.

    powers is as long as count nodes, and what makes whole groups of vectors.
    """
    last = kept[count - 1]
    for start in range(0, powers.size, RULE):
        j = start // RULE
        i = kept[j] if j < count else last
        rise, run = splat(level[i] - level[lead]), splat(slope[i] - slope[lead])
        for node in range(0, RULE, LANES):
            store(powers, start + node, fma(run, load(u, node), rise))
    for start in range(0, powers.size, GROUP):
        a, b, c, d = exp2_of_four(
            load(powers, start),
            load(powers, start + LANES),
            load(powers, start + 2 * LANES),
            load(powers, start + 3 * LANES),
        )
        store(powers, start, a)
        store(powers, start + LANES, b)
        store(powers, start + 2 * LANES, c)
        store(powers, start + 3 * LANES, d)


@exact
def _add_nodes(
    powers: FloatArray, points: FloatArray, kept: IntArray, count: int, lead: int, reference: int, top: FloatArray,
    rule: FloatArray, totals: FloatArray, wanted: int, out: FloatArray,
) -> None:  # fmt: skip
    """Add the nodes of one panel to out: E[y - y_ref] (r entries) and, if wanted, E[log2 sum] (1) or E[tr Cov] (2).

    Lanes are nodes; rule = their weights.
    """
    size = points.shape[1]
    for node in range(0, RULE, LANES):
        sum_ = splat(0.0)
        for j in range(count):
            sum_ = sum_ + load(powers, j * RULE + node)
        store(totals, node, sum_)
    if wanted == LOG_SUM:
        for node in range(RULE):
            out[size] += rule[node] * (top[node] + math.log2(totals[node]))
    for node in range(RULE):
        totals[node] = 1.0 / totals[node]
    for k in range(size):
        base = points[lead, k]
        moved = base - points[reference, k]
        for node in range(0, RULE, LANES):
            first, square, scale, weight = splat(0.0), splat(0.0), load(totals, node), load(rule, node)
            for j in range(count):
                apart, power = splat(points[kept[j], k] - base), load(powers, j * RULE + node)
                weighted = power * apart
                first = first + weighted
                square = fma(weighted, apart, square)
            shift = first * scale
            out[k] += total(weight * (shift + splat(moved)))
            if wanted == TRACE:
                out[size + 1] += total(weight * fms(square, scale, shift * shift))


@exact
def line_moments(
    level: FloatArray,
    slope: FloatArray,
    points: FloatArray,
    reference: int,
    candidates: IntArray,
    counts: IntArray,
    rules: FloatArray,
    tile: FloatArray,
    wanted: int,
    out: FloatArray,
) -> None:
    """Fill out (r + 2) with E_u[mean - y_reference], E_u[log2 sum_i 2**(level_i + slope_i u)], E_u[trace], u ~ N(0, 1).

    The second only if `wanted` is LOG_SUM and the third only if it is TRACE; they are 0 else.

    mean and trace are those of the law on `points` (N, r) with weights 2**(level_i + slope_i u), normalised.
    candidates[0, :counts[0]] are the points that count; the rest of candidates (60, N) and counts (60,), rules
    (5, 60) and tile (`tile_size` of N) are scratch.  Absolute error 1e-14 of the size of the cloud, and of the largest
    log2 sum.
    """
    size = points.shape[1]
    out[:] = 0.0
    u, rule, top, totals = rules[0, :RULE], rules[1, :RULE], rules[2, :RULE], rules[3, :RULE]
    # The panels still to do are (low, ends[depth]) and, for every level above, the rest up to its own end.
    ends = rules[4]
    low = -WINDOW
    depth = 1
    ends[depth] = WINDOW
    while depth >= 1:
        high = ends[depth]
        length = high - low
        middle = low + 0.5 * length
        parents, kept = candidates[depth - 1], candidates[depth]
        lead = parents[0]
        best = -np.inf
        for j in range(counts[depth - 1]):
            i = parents[j]
            value = level[i] + slope[i] * middle
            if value > best:
                best, lead = value, i
        left, right = low - REACH * length, high + REACH * length
        count = 0
        steepest, flattest, others = slope[lead], slope[lead], 0.0
        for j in range(counts[depth - 1]):
            i = parents[j]
            rise, run = level[i] - level[lead], slope[i] - slope[lead]
            highest = max(rise + run * left, rise + run * right)
            if highest > NEGLIGIBLE:
                kept[count] = i
                count += 1
                steepest, flattest = max(steepest, slope[i]), min(flattest, slope[i])
                if i != lead:
                    others += 2.0 ** min(highest, 2.0)
        counts[depth] = count
        if count == 1:
            mass = _normal_mass(low, high)
            for k in range(size):
                out[k] += mass * (points[lead, k] - points[reference, k])
            if wanted == LOG_SUM:
                out[size] += level[lead] * mass + slope[lead] * (normal_density(low) - normal_density(high))
        elif depth < DEEPEST and (
            length > LONGEST or (others > 0.5 and (steepest - flattest) * length > LONGEST_SPREAD)
        ):
            depth += 1
            ends[depth] = middle
            continue
        else:
            for node in range(RULE):
                u[node] = middle + 0.5 * length * NODES[node]
                rule[node] = 0.5 * length * WEIGHTS[node] * normal_density(u[node])
                top[node] = level[lead] + slope[lead] * u[node]
            powers = tile[: tile_size(count)]
            _weigh(level, slope, kept, count, lead, u, powers)
            _add_nodes(powers, points, kept, count, lead, reference, top, rule, totals, wanted, out)
        low = high
        while depth >= 1 and ends[depth] <= low:
            depth -= 1
        if depth >= 1:  # the right half of that level, whose candidates are still there
            ends[depth + 1] = ends[depth]
            depth += 1
