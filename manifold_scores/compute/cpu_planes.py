"""Moments of a point cloud averaged over Gaussian displacements of one or two dimensions, to a requested tolerance.

In one dimension `line_moments` is the answer.  In two, one direction is left to it; as a function of the other, v, the
result is analytic but at vertices of the (power) diagram of the cloud, where it bends within a width s/(bandwidth
times distance).  Those vertices are handed in as breakpoints, and an adaptive Gauss-Kronrod rule does the rest.
"""

from __future__ import annotations

import numpy as np

from .borrowing import borrowed
from .compilation import FloatArray, IntArray, exact, parallel
from .cpu_lines import WINDOW, line_moments, normal_density, tile_size
from .kronrod import GAUSS_WEIGHTS, NODES, WEIGHTS

LEVELS = 60
#: Panels of the outer integral; what has not converged by then is in the error.
MOST_PANELS = 3000
#: Rounding of a line's moments, in sizes of the cloud and of log2 sums.
ROUNDING = 3e-15
#: A corner of the window, and how far below the leading point one has to stay up to there to be left out.
FARTHEST = WINDOW * 1.4142135623730951
OUT_OF_REACH = -60.0


@exact
def _candidates(level: FloatArray, slopes: FloatArray, reference: int, found: IntArray) -> int:
    """List the points that lead by no less than -60 bits somewhere in the window; return how many."""
    count = 0
    for i in range(level.size):
        square = 0.0
        for k in range(slopes.shape[1]):
            square += (slopes[i, k] - slopes[reference, k]) ** 2
        if level[i] - level[reference] + FARTHEST * np.sqrt(square) > OUT_OF_REACH:
            found[count] = i
            count += 1
    return count


@exact
def _panel(
    low: float, high: float, level: FloatArray, slopes: FloatArray, points: FloatArray, reference: int,
    candidates: IntArray, counts: IntArray, rules: FloatArray, tile: FloatArray, line: FloatArray, wanted: int,
    values: FloatArray, value: FloatArray, error: FloatArray,
) -> None:  # fmt: skip
    """Fill value (r + 2) and error (3: of the mean in norm, the log2 sum, the trace) of the panel (low, high)."""
    size = points.shape[1]
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    value[:] = 0.0
    for node in range(NODES.size):
        v = middle + half * NODES[node]
        for j in range(counts[0]):
            i = candidates[0, j]
            line[i] = level[i] + slopes[i, 1] * v
        line_moments(line, slopes[:, 0], points, reference, candidates, counts, rules, tile, wanted, values[node])
        density = normal_density(v)
        for k in range(size + 2):
            values[node, k] *= density
            value[k] += half * WEIGHTS[node] * values[node, k]
    error[:] = 0.0
    spread = np.zeros(3)
    for k in range(size + 2):
        part = 0 if k < size else k - size + 1
        gauss, variation = 0.0, 0.0
        for node in range(NODES.size):
            gauss += half * GAUSS_WEIGHTS[node] * values[node, k]
            variation += half * WEIGHTS[node] * abs(values[node, k] - 0.5 * value[k] / half)
        error[part] += (gauss - value[k]) ** 2
        spread[part] += variation * variation
    for part in range(3):
        # QUADPACK's estimate: the difference of the two rules bounds the error of the poorer one.
        difference, scale = np.sqrt(error[part]), np.sqrt(spread[part])
        error[part] = scale * min(1.0, (200.0 * difference / scale) ** 1.5) if scale > 0.0 else difference


@exact
def _adaptive(
    level: FloatArray, slopes: FloatArray, points: FloatArray, reference: int, ends: FloatArray, offset: FloatArray,
    scale: float, tolerance: float, wanted: int, diameter: float, total: FloatArray, error: FloatArray,
) -> None:  # fmt: skip
    """Fill total (r + 2) and error (3) for one query; `ends` are the first edges of panels in v."""
    count, size = points.shape
    candidates, counts = np.empty((LEVELS, count), dtype=np.int64), np.empty(LEVELS, dtype=np.int64)
    rules, tile, line = np.empty((5, LEVELS)), np.empty(tile_size(count)), np.empty(count)
    counts[0] = _candidates(level, slopes, reference, candidates[0])
    if slopes.shape[1] == 1:
        line_moments(level, slopes[:, 0], points, reference, candidates, counts, rules, tile, wanted, total)
        error[:] = 0.0
        return
    values = np.empty((NODES.size, size + 2))
    panels = ends.size - 1
    lows, highs = np.empty(MOST_PANELS), np.empty(MOST_PANELS)
    found, wrong = np.empty((MOST_PANELS, size + 2)), np.empty((MOST_PANELS, 3))
    for p in range(panels):
        lows[p], highs[p] = ends[p], ends[p + 1]
        _panel(
            lows[p], highs[p], level, slopes, points, reference, candidates, counts, rules, tile, line, wanted, values,
            found[p], wrong[p],
        )  # fmt: skip
    while True:
        total[:] = 0.0
        error[:] = 0.0
        for p in range(panels):
            for k in range(size + 2):
                total[k] += found[p, k]
            for part in range(3):
                error[part] += wrong[p, part]
        target = max(tolerance * _magnitude(total, offset, scale, wanted), 10.0 * _floor(total, wanted, diameter))
        if error[wanted] <= target or panels >= MOST_PANELS:
            break
        before = panels
        for p in range(before):
            if wrong[p, wanted] * before > 0.5 * target and panels < MOST_PANELS:
                lows[panels], highs[panels] = 0.5 * (lows[p] + highs[p]), highs[p]
                highs[p] = lows[panels]
                for half in (p, panels):
                    _panel(
                        lows[half], highs[half], level, slopes, points, reference, candidates, counts, rules, tile,
                        line, wanted, values, found[half], wrong[half],
                    )  # fmt: skip
                panels += 1


@exact
def _magnitude(total: FloatArray, offset: FloatArray, scale: float, wanted: int) -> float:
    """Return what the error of the part `wanted` is relative to."""
    size = total.size - 2
    if wanted > 0:
        return float(max(abs(total[size + wanted - 1] + offset[size + wanted - 1]), scale))
    square = 0.0
    for k in range(size):
        square += (total[k] + offset[k]) ** 2
    return float(max(np.sqrt(square), scale))


@exact
def _floor(total: FloatArray, wanted: int, diameter: float) -> float:
    """Return the rounding error of the part `wanted`."""
    if wanted == 0:
        return ROUNDING * diameter
    return float(ROUNDING * ((1.0 + abs(total[total.size - 2])) if wanted == 1 else diameter * diameter))


@exact
def _relative(rate: float, slopes: FloatArray, reference: int) -> FloatArray:
    """Return rate (slopes - those of the reference): what all points share averages to zero, but not in rounding."""
    relative = np.empty_like(slopes)
    for i in range(slopes.shape[0]):
        for k in range(slopes.shape[1]):
            relative[i, k] = rate * (slopes[i, k] - slopes[reference, k])
    return relative


@parallel
def plane_moments(
    first: int, last: int, levels: FloatArray, references: IntArray, rates: FloatArray, slopes: FloatArray,
    points: FloatArray, edges: FloatArray, starts: IntArray, offsets: FloatArray, scales: FloatArray, tolerance: float,
    wanted: int, out: FloatArray, errors: FloatArray,
) -> None:  # fmt: skip
    """Fill out (M, r + 2) with E[y - y_reference], E[log2 sum], E[tr Cov] and errors (M, 3) with those of the parts.

    The last two only if they are `wanted`; they are 0 else.
    Log2 weights are levels[m, i] + rates[m] <slopes[i], g>, g standard normal, slopes (N, 1) or (N, 2).
    edges[starts[m]:starts[m + 1]] are breakpoints in g_2.  The part `wanted` (0 mean, 1 log2 sum, 2 trace) is refined
    to tolerance times max(|it + offset|, scale), offsets (M, r + 2) and scales (M,).
    """
    levels, points, edges, offsets, out, errors = borrowed((levels, points, edges, offsets, out, errors))
    diameter = _diameter(points)
    for m in range(first, last):
        _adaptive(
            levels[m], _relative(rates[m], slopes, references[m]), points, references[m],
            edges[starts[m] : starts[m + 1]], offsets[m], scales[m], tolerance, wanted, diameter, out[m], errors[m],
        )  # fmt: skip
        for part in range(3):
            errors[m, part] += _floor(out[m], part, diameter)


@exact
def _diameter(points: FloatArray) -> float:
    square = 0.0
    for k in range(points.shape[1]):
        square += (points[:, k].max() - points[:, k].min()) ** 2
    return float(np.sqrt(square))
