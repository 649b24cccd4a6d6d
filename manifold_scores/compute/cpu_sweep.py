"""One pass over everything that counts: cells are halved until a rule resolves them, and integrated."""

from __future__ import annotations

import math

import numpy as np

from .compilation import FloatArray, IntArray, exact
from .cpu_cells import Workspace, integrate_cell
from .cpu_extension import GROWTH, covered
from .cpu_nearest import Found, ball_distance
from .cpu_panels import (
    EPSILON,
    STACK,
    Cell,
    Patches,
    expand,
    halve,
    lower_bound,
    squared_distance,
    third_derivatives,
)
from .cpu_search import Search
from .cpu_taylor import shift
from .cpu_window import WHOLE, difference, window
from .legendre import LARGEST_RULE

# What is skipped is below exp(-LARGEST_SKIPPED) of the total: 1e-18.  Each cell is, by another exp(-3).
LARGEST_SKIPPED, EACH_SKIPPED = 41.5, 3.0
# Squared distances closer than this to the rounding of float64 are computed in double-double arithmetic.
PRECISE_BELOW = 1e-14
# Cells visited before what is left is expanded anew: bounds on third derivatives over a whole panel tell little about
# small cells where the distance is constant in one direction, on the axis of a torus or in the centre of its tube.
PATIENCE = 128
SMALLEST_CELL = 1e-14
SMALLEST_RULE = 4
LARGEST_COUNT = 1e9  # of nodes: more do not fit into an integer, and any number above the largest rule will do
# Twice the logarithm of rho, and the growth of t and t^2 on that Bernstein ellipse beyond their size on [-1, 1]; the
# last is for all higher powers.
LOG_ELLIPSES = (2.0 * math.log(3.0), 2.0 * math.log(2.0))
GROWTH_1, GROWTH_2, GROWTH_3 = (2.0 / 3.0, 1.0 / 4.0), (16.0 / 9.0, 9.0 / 16.0), (6.0, 3.0)
# Relative accuracies beyond exp(-60) are not asked of one cell: rules are finite.
LARGEST_NEEDED = 60.0


@exact
def _rule_size(count: float) -> int:
    return max(SMALLEST_RULE, math.ceil(min(count, LARGEST_COUNT)))


@exact
def _nodes_needed(cell: Cell, s: float, needed: float, flat: bool) -> tuple[int, int]:
    """Return the sizes of the rules that resolve exp(-P/2s) on a cell to exp(-needed)."""
    g1, h1 = abs(cell.g1) / (2.0 * s), abs(cell.h11) / (4.0 * s)
    g2, h2 = abs(cell.g2) / (2.0 * s), abs(cell.h22) / (4.0 * s)
    mixed, rest = abs(cell.h12) / (2.0 * s), cell.rest / (2.0 * s)
    m1, m2 = LARGEST_COUNT, LARGEST_COUNT
    for k in range(len(LOG_ELLIPSES)):
        common = GROWTH_2[k] * mixed + GROWTH_3[k] * rest + needed
        m1 = min(m1, (GROWTH_1[k] * g1 + GROWTH_2[k] * h1 + common) / LOG_ELLIPSES[k])
        m2 = min(m2, (GROWTH_1[k] * g2 + GROWTH_2[k] * h2 + common) / LOG_ELLIPSES[k])
    return _rule_size(m1), 1 if flat else _rule_size(m2)


@exact
def _panels_that_count(patches: Patches, z: FloatArray, square: float, reach: float, nodes: IntArray) -> int:
    """Write the leaves with points nearer than sqrt(square + reach) to the end of `nodes`; return where they start."""
    top, start = 1, nodes.size
    nodes[0] = 0
    while top > 0:
        top -= 1
        node = nodes[top]
        distance = ball_distance(patches.center, patches.radius, node, z)
        rounding = 1e-12 * (distance + patches.radius[node]) ** 2
        if max(distance, 0.0) ** 2 - square - rounding > reach:
            continue
        if patches.child[node, 0] >= 0:
            nodes[top], nodes[top + 1] = patches.child[node, 0], patches.child[node, 1]
            top += 2
        else:
            start -= 1
            nodes[start] = node
    return start


@exact
def sweep(
    patches: Patches, found: Found, far: float, s: float, cutoff: float, needed: float, extended: bool,
    search: Search, work: Workspace,
) -> float:  # fmt: skip
    """Integrate every cell that is not below exp(-cutoff); return the mass.  `far` is |nearest - z|."""
    z, best, nodes, cells, blocks, lines = work.z, work.best, work.nodes, search.cells, work.blocks, search.lines
    flat = patches.coefficients.shape[2] == 1
    work.first[:] = 0.0
    work.second[:] = 0.0
    mass = 0.0
    for leaf in range(_panels_that_count(patches, z, far * far, 2.0 * s * cutoff, nodes), nodes.size):
        panel = patches.panel[nodes[leaf]]
        p, coefficients = search.p, patches.coefficients[panel]
        g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
        squared_distance(coefficients, patches.gram[panel], patches.degrees[panel, 0], patches.degrees[panel, 1], z, p)
        thirds = third_derivatives(p, g1, g2)
        share = patches.share[panel]
        blocks[0, 0], blocks[0, 1], blocks[0, 2], blocks[0, 3] = 0.0, 0.0, 1.0, 0.0 if flat else 1.0
        whole = 1
        offset, doubt, origin1, origin2 = 0.0, 0.0, 0.0, 0.0
        local = panel == found.panel
        if local:
            p = work.local_phase[0]
            origin1, origin2 = found.a, found.b
            if extended:
                thirds = (GROWTH * thirds[0], GROWTH * thirds[1], GROWTH * thirds[2], GROWTH * thirds[3])
                whole = difference(work.box, WHOLE, flat, blocks, whole)
            elif not flat and window(p, found.a, found.b, 2.0 * s * needed, work.box):
                for axis in range(2):
                    low, high = work.box[axis, 0], work.box[axis, 1]
                    blocks[0, axis], blocks[0, 2 + axis] = 0.5 * (low + high), 0.5 * (high - low)
                whole = difference(WHOLE, work.box, flat, blocks, whole)
        else:
            # Rounding of P itself, which is as large as the panel where z is near.
            doubt = 4.0 * EPSILON * patches.magnitude[0] * (far + 2.0 * patches.radius[nodes[leaf]])
            for i in range(z.size):
                y = coefficients[i, 0, 0]
                offset += (y - best[0, i]) * ((y - z[i]) + (best[0, i] - z[i]))
        exactly = doubt > PRECISE_BELOW * 2.0 * s
        bounds, count = thirds, whole
        while count > 0:
            count -= 1
            cells[0] = blocks[count]
            anew = count >= whole
            whole = min(whole, count)
            q, thirds, mid1, mid2, scale1, scale2 = p, bounds, origin1, origin2, 1.0, 1.0
            if anew:  # P in the coordinates of the block
                mid1, mid2, half1, half2 = cells[0, 0], cells[0, 1], cells[0, 2], 1.0 if flat else cells[0, 3]
                scale1, scale2 = 1.0 / half1, 1.0 / half2
                q = work.block_phase[0]
                shift(
                    p.reshape((1, *p.shape)), g1, g2, mid1 - origin1, mid2 - origin2, half1, half2, g1, g2, work.rows,
                    work.columns, work.block_phase,
                )  # fmt: skip
                thirds = third_derivatives(q, g1, g2)
            depth, visits = 1, 0
            while depth > 0:
                if visits > PATIENCE and count + depth <= STACK:
                    blocks[count : count + depth] = cells[:depth]
                    count += depth
                    break
                depth -= 1
                visits += 1
                a, b, h1, h2 = cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3]
                cell = expand(
                    q, g1, g2, thirds, (a - mid1) * scale1, (b - mid2) * scale2, h1 * scale1, h2 * scale2, lines
                )
                lower = (offset + lower_bound(cell) - doubt) / (2.0 * s) - share
                # The mass of the cell is at most exp(-lower).
                if lower <= cutoff:
                    lower -= math.log(h1 if flat else h1 * h2)
                if lower > cutoff + EACH_SKIPPED:
                    continue
                accuracy = needed + min(cutoff - LARGEST_SKIPPED - lower, 0.0)
                m1, m2 = _nodes_needed(cell, s, min(accuracy, LARGEST_NEEDED), flat)
                if extended and not local:
                    inside = covered(patches, found.panel, panel, depth, cells, work)
                    if inside < 0:
                        depth += 2
                    if inside != 0:
                        continue
                if max(m1, m2) <= LARGEST_RULE or max(h1, h2) < SMALLEST_CELL or depth + 2 > STACK:
                    m1, m2 = min(m1, LARGEST_RULE), min(m2, LARGEST_RULE)
                    off1, off2 = np.nan, 0.0
                    if local:
                        off1, off2 = a - origin1, b - origin2
                        if anew:  # leaves have the digits of the expansion about the nearest point
                            cell = expand(p, g1, g2, thirds, off1, off2, h1, h2, lines)
                    near = Cell(offset + cell.value, cell.g1, cell.g2, cell.h11, cell.h12, cell.h22, cell.rest)
                    mass += integrate_cell(patches, panel, a, b, h1, h2, m1, m2, s, near, off1, off2, exactly, work)
                    continue
                halve(cells, depth, 0 if m1 > m2 or (m1 == m2 and h1 >= h2) else 1)
                depth += 2
    return mass
