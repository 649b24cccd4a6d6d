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

from .compilation import FloatArray, IntArray, exact, reduction
from .cpu_exponential import exp2_tile
from .legendre import NODES as LEGENDRE_NODES
from .legendre import WEIGHTS as LEGENDRE_WEIGHTS

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


@reduction
def _fill_exponents(
    level: FloatArray, slope: FloatArray, kept: IntArray, count: int, lead: int, u: FloatArray, exponents: FloatArray
) -> None:
    for node in range(u.size):
        row = node * count
        for j in range(count):
            i = kept[j]
            exponents[row + j] = (level[i] - level[lead]) + (slope[i] - slope[lead]) * u[node]


@reduction
def _add_nodes(
    powers: FloatArray, points: FloatArray, kept: IntArray, count: int, lead: int, reference: int, top: FloatArray,
    rule: FloatArray, shift: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """Add the nodes of one panel to out: E[y - y_ref] (r entries), E[log2 sum], E[tr Cov]; rule = weights of nodes."""
    size = points.shape[1]
    for node in range(rule.size):
        row = node * count
        total, second = 0.0, 0.0
        for j in range(count):
            total += powers[row + j]
        for k in range(size):
            base = points[lead, k]
            first, square = 0.0, 0.0
            for j in range(count):
                apart = points[kept[j], k] - base
                first += powers[row + j] * apart
                square += powers[row + j] * apart * apart
            shift[k] = first / total
            second += square / total - shift[k] * shift[k]
            out[k] += rule[node] * (shift[k] + (base - points[reference, k]))
        out[size] += rule[node] * (top[node] + math.log2(total))
        out[size + 1] += rule[node] * second


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
    out: FloatArray,
) -> None:
    """Fill out (r + 2) with E_u[mean - y_reference], E_u[log2 sum_i 2**(level_i + slope_i u)], E_u[trace], u ~ N(0, 1).

    mean and trace are those of the law on `points` (N, r) with weights 2**(level_i + slope_i u), normalised.
    candidates[0, :counts[0]] are the points that count; the rest of candidates (60, N) and counts (60,), rules
    (5, max(r, 60)) and tile (3, 16 N) are scratch.  Absolute error 1e-14 of the size of the cloud, and of the largest
    log2 sum.
    """
    size = points.shape[1]
    out[:] = 0.0
    u, rule, top, shift = rules[0, :RULE], rules[1, :RULE], rules[2, :RULE], rules[3]
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
            lanes = count * RULE
            _fill_exponents(level, slope, kept, count, lead, u, tile[0, :lanes])
            exp2_tile(tile[0, :lanes], tile[1, :lanes], tile[1, :lanes].view(np.int64), tile[2, :lanes])
            _add_nodes(tile[2, :lanes], points, kept, count, lead, reference, top, rule, shift, out)
        low = high
        while depth >= 1 and ends[depth] <= low:
            depth -= 1
        if depth >= 1:  # the right half of that level, whose candidates are still there
            ends[depth + 1] = ends[depth]
            depth += 1
