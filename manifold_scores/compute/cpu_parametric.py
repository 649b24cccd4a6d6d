"""Tilted moments of measures on piecewise polynomial manifolds, by adaptive quadrature.

For every query the panels are halved until a cell is either provably negligible (its squared distance exceeds the least
one by more than 2 s C) or resolved by one Gauss-Legendre rule.  The cells shrink to the scale of the integrand wherever
it concentrates, sqrt(s) around a nearest point, s/D at an end, s^(1/4) at a focal point, without being told which;
their number grows like log(1/s).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from .compilation import FloatArray, exact, parallel
from .cpu_cells import (
    GROWTH_1,
    GROWTH_2,
    GROWTH_3,
    Workspace,
    expand_at_nearest,
    integrate_cell,
    new_workspace,
    rule_size,
)
from .cpu_extension import GROWTH, covered, extend, push_extension
from .cpu_flat import is_flat, tilt_flat
from .cpu_nearest import Found, nearest
from .cpu_panels import (
    EPSILON,
    Cell,
    Patches,
    expand,
    halve,
    lower_bound,
    norm,
    squared_distance,
    third_derivatives,
)
from .cpu_search import Search, new_search
from .cpu_taylor import exact_position
from .legendre import LARGEST_RULE

# What is skipped is below exp(-LARGEST_SKIPPED) of the total: 1e-18.
LARGEST_SKIPPED = 41.5
# A first guess at minus the logarithm of the total; a second sweep is made where it was too small.
FIRST_MARGIN = 5.0
# Variances below these shares of |M|^2 and |M| |z - y| are raised to them: the law is a point to float64 there.
SMALLEST_VARIANCE, SMALLEST_CONTRAST = 1e-26, 1e-19
# Squared distances closer than this to the rounding of float64 are computed in double-double arithmetic.
PRECISE_BELOW = 1e-14
STACK = 512
# Cells after which a sweep takes the others as they are: reached only where rounding hides which of them count.
LARGEST_SWEEP = 50000
BLOCK = 64  # queries that share scratch


@exact
def _ball_excess(center: FloatArray, radius: float, z: FloatArray, square: float) -> float:
    """Return a lower bound on |y - z|^2 - square over a ball."""
    total = 0.0
    for i in range(z.size):
        total += (center[i] - z[i]) ** 2
    distance = math.sqrt(total) - radius
    return (distance * distance if distance > 0.0 else 0.0) - square - 1e-12 * total


@exact
def _nodes_needed(cell: Cell, s: float, needed: float, flat: bool) -> tuple[int, int]:
    """Return the sizes of the rules that resolve exp(-P/2s) on a cell to exp(-needed)."""
    common = GROWTH_2 * abs(cell.h12) + GROWTH_3 * cell.rest
    n1 = rule_size((GROWTH_1 * abs(cell.g1) + 0.5 * GROWTH_2 * abs(cell.h11) + common) / (2.0 * s), needed)
    if flat:
        return n1, 1
    return n1, rule_size((GROWTH_1 * abs(cell.g2) + 0.5 * GROWTH_2 * abs(cell.h22) + common) / (2.0 * s), needed)


@exact
def _sweep(
    patches: Patches, found: Found, s: float, cutoff: float, needed: float, extended: bool, search: Search,
    work: Workspace,
) -> float:  # fmt: skip
    """Integrate every cell that is not below exp(-cutoff); return the mass."""
    z, best, v = work.z, work.best, work.v
    p, lines, nodes, cells = search.p, search.lines, search.nodes, search.cells
    center, radius, child, coefficients = patches.center, patches.radius, patches.child, patches.coefficients
    for i in range(z.size):
        v[i] = (best[0, i] - z[i]) + best[1, i]
    far = norm(v)
    noise = 4.0 * EPSILON * patches.magnitude[0] * far
    flat = coefficients.shape[2] == 1
    work.first[:] = 0.0
    work.second[:] = 0.0
    mass, visits = 0.0, 0
    top = 1
    nodes[0] = 0
    while top > 0:
        top -= 1
        node = nodes[top]
        if _ball_excess(center[node], radius[node], z, far * far) > 2.0 * s * cutoff:
            continue
        if child[node, 0] >= 0:
            nodes[top], nodes[top + 1] = child[node, 0], child[node, 1]
            top += 2
            continue
        panel = patches.panel[node]
        g1, g2 = patches.gram_degrees[panel, 0], patches.gram_degrees[panel, 1]
        local = panel == found.panel
        offset, doubt, origin1, origin2 = 0.0, 0.0, 0.0, 0.0
        squared_distance(
            coefficients[panel], patches.gram[panel], patches.degrees[panel, 0], patches.degrees[panel, 1], z, p
        )
        thirds = third_derivatives(p, g1, g2)
        cells[0, 0], cells[0, 1], cells[0, 2], cells[0, 3] = 0.0, 0.0, 1.0, 0.0 if flat else 1.0
        depth = 1
        if local:
            p = work.local_phase[0]
            origin1, origin2 = found.a, found.b
            if extended:
                thirds = (GROWTH * thirds[0], GROWTH * thirds[1], GROWTH * thirds[2], GROWTH * thirds[3])
                depth = push_extension(work, flat, depth, cells)
        else:
            # Rounding of P itself, too, which is as large as the panel where z is near.
            doubt = noise * (1.0 + 2.0 * radius[node] / max(far, 1e-300))
            for i in range(z.size):
                y = coefficients[panel, i, 0, 0]
                offset += (y - best[0, i]) * ((y - z[i]) + (best[0, i] - z[i]))
        while depth > 0:
            depth -= 1
            visits += 1
            a, b, h1, h2 = cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3]
            cell = expand(p, g1, g2, thirds, a - origin1, b - origin2, h1, h2, lines)
            lower = (offset + lower_bound(cell) - doubt) / (2.0 * s)
            if lower > cutoff:
                continue
            n1, n2 = _nodes_needed(cell, s, needed - max(lower, 0.0), flat)
            if extended and not local:
                inside = covered(patches, found.panel, panel, depth, cells, work)
                if inside < 0:
                    depth += 2
                if inside != 0:
                    continue
            if max(n1, n2) <= LARGEST_RULE or max(h1, h2) < 1e-14 or depth + 2 > STACK or visits > LARGEST_SWEEP:
                n1, n2 = min(n1, LARGEST_RULE), min(n2, LARGEST_RULE)
                mass += integrate_cell(
                    patches, panel, a, b, h1, h2, n1, n2, s,
                    Cell(offset + cell.value, cell.g1, cell.g2, cell.h11, cell.h12, cell.h22, cell.rest),
                    a - origin1 if local else np.nan, b - origin2,
                    not local and doubt > PRECISE_BELOW * 2.0 * s, work,
                )  # fmt: skip
                continue
            halve(cells, depth, 0 if n1 > n2 or (n1 == n2 and h1 >= h2) else 1)
            depth += 2
        p = search.p
    return mass


@exact
def _tilt(patches: Patches, given: float, needed: float, search: Search, work: Workspace) -> tuple[float, float, float]:
    """Tilt at (work.z, given); return log_rest, |nearest - z| and given/s for the variance s that was used.

    Leaves the nearest point in work.best, E[y - nearest] in work.first and E[(y - nearest)^2] in work.second.
    """
    magnitude = patches.magnitude[0]
    found = nearest(patches, work.z, False, search)
    panel = found.panel
    n1, n2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
    exact_position(
        patches.coefficients[panel], patches.low[panel], n1, n2, found.a, found.b, -1, work.best[0], work.best[1]
    )
    expand_at_nearest(patches, panel, found.a, found.b, search.p, work)
    for i in range(work.z.size):
        work.v[i] = (work.best[0, i] - work.z[i]) + work.best[1, i]
    far = norm(work.v)
    s = max(given, SMALLEST_VARIANCE * magnitude * magnitude, SMALLEST_CONTRAST * magnitude * far)
    dimension = 1 if patches.coefficients.shape[2] == 1 else 2
    cutoff = LARGEST_SKIPPED + FIRST_MARGIN + 0.5 * dimension * math.log1p(magnitude * magnitude / s)
    extended = extend(patches, found, s, cutoff, search, work)
    total = _sweep(patches, found, s, cutoff, needed, extended, search, work)
    # All that was skipped is at most exp(-cutoff): repeat where the total turned out smaller than expected.
    for _ in range(4):
        wanted = LARGEST_SKIPPED - math.log(max(total, 1e-300))
        if wanted <= cutoff:
            break
        cutoff = wanted + 2.0
        total = _sweep(patches, found, s, cutoff, needed, extended, search, work)
    work.first[:] /= total
    work.second[:] /= total
    return math.log(total) + 0.5 * dimension * math.log(given / s), far, given / s


class Moments(NamedTuple):
    """Outputs of M queries: (M,), (M, r), ..., covariance (M, r, r) or with no rows."""

    log_mass: FloatArray
    mean: FloatArray
    displacement: FloatArray
    anchor: FloatArray
    log_rest: FloatArray
    covariance: FloatArray


@exact
def _tilt_block(
    patches: Patches, centers: FloatArray, variances: FloatArray, needed: float, start: int, stop: int, out: Moments
) -> None:
    search = new_search(patches)
    work = new_workspace(patches, out.covariance.shape[0] > 0)
    for n in range(start, stop):
        work.z[:] = centers[n]
        if is_flat(patches, variances[n], work):
            ratio = 1.0
            out.log_rest[n], far = tilt_flat(patches, variances[n], work)
        else:
            out.log_rest[n], far, ratio = _tilt(patches, variances[n], needed, search, work)
        out.log_mass[n] = out.log_rest[n] - 0.5 * far * (far / variances[n])
        for i in range(work.z.size):
            out.anchor[n, i] = work.best[0, i]
            out.mean[n, i] = work.best[0, i] + (work.first[i] + work.best[1, i])
            out.displacement[n, i] = (work.best[0, i] - work.z[i]) + (work.best[1, i] + work.first[i])
        if out.covariance.shape[0] > 0:
            for i in range(work.z.size):
                for j in range(i + 1):
                    value = (work.second[i, j] - work.first[i] * work.first[j]) * ratio
                    out.covariance[n, i, j] = value
                    out.covariance[n, j, i] = value


@parallel
def parametric_moments(
    patches: Patches, centers: FloatArray, variances: FloatArray, needed: float, blocks: int, out: Moments
) -> None:
    """Fill the record of tilted moments, and the covariances unless `out.covariance` has no rows.

    The last component of the panels is the density with respect to xi, of total mass one.  `needed` is minus the
    logarithm of the relative accuracy asked of the quadrature; `blocks`, how many blocks of queries to aim for,
    changes no result.
    """
    size = max(1, min(BLOCK, (centers.shape[0] + blocks - 1) // blocks))
    for block in prange((centers.shape[0] + size - 1) // size):
        start = block * size
        _tilt_block(patches, centers, variances, needed, start, min(centers.shape[0], start + size), out)
