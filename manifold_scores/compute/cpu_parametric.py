"""Tilted moments of measures on piecewise polynomial manifolds, by adaptive quadrature.

For every query the panels are halved until a cell is either provably negligible (its squared distance exceeds the least
one by more than 2 s C) or resolved by one Gauss-Legendre rule.  The cells shrink to the scale of the integrand wherever
it concentrates, sqrt(s) around a nearest point, s/D at an end, s^(1/4) at a focal point, without being told which; their
number grows like log(1/s).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import prange

from .compilation import FloatArray, exact, parallel
from .cpu_cells import (
    GROWTH_1,
    GROWTH_2,
    GROWTH_3,
    LARGEST_RULE,
    Workspace,
    integrate_cell,
    new_workspace,
    rule_size,
)
from .cpu_nearest import EPSILON, Search, nearest, new_search
from .cpu_panels import (
    Cell,
    Patches,
    cell_minimum,
    exact_position,
    expand,
    halve,
    norm,
    squared_distance,
    third_derivatives,
)

# What is skipped is below exp(-LARGEST_SKIPPED) of the total: 1e-18.
LARGEST_SKIPPED = 41.5
# A first guess at minus the logarithm of the total; a second sweep is made where it was too small.
FIRST_MARGIN = 5.0
# Variances below these shares of |M|^2 and |M| |z - y| are raised to them: the law is a point to float64 there.
SMALLEST_VARIANCE, SMALLEST_CONTRAST = 1e-26, 1e-19
# Squared distances closer than this to the rounding of float64 are computed in double-double arithmetic.
PRECISE_BELOW = 1e-14
STACK = 512
BLOCK = 64


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
def _sweep(patches: Patches, s: float, cutoff: float, needed: float, search: Search, work: Workspace) -> float:
    """Integrate every cell that is not below exp(-cutoff); return the mass."""
    z, best, v = work.z, work.best, work.v
    p, nodes, cells = search.p, search.nodes, search.cells
    center, radius, child, coefficients = patches.center, patches.radius, patches.child, patches.coefficients
    for i in range(z.size):
        v[i] = (best[0, i] - z[i]) + best[1, i]
    far = norm(v)
    noise = 4.0 * EPSILON * patches.magnitude[0] * far
    precise = noise > PRECISE_BELOW * 2.0 * s
    flat = patches.gram.shape[2] == 1
    work.first[:] = 0.0
    work.second[:] = 0.0
    mass = 0.0
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
        d1, d2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
        squared_distance(patches, panel, z, p)
        thirds = third_derivatives(p, d1, d2)
        offset = 0.0
        for i in range(z.size):
            y = coefficients[panel, i, 0, 0]
            offset += (y - best[0, i]) * ((y - z[i]) + (best[0, i] - z[i]))
        cells[0, 0], cells[0, 1], cells[0, 2], cells[0, 3] = 0.0, 0.0, 1.0, 0.0 if flat else 1.0
        depth = 1
        while depth > 0:
            depth -= 1
            a, b, h1, h2 = cells[depth, 0], cells[depth, 1], cells[depth, 2], cells[depth, 3]
            cell = expand(p, d1, d2, thirds, a, b, h1, h2)
            lower = (offset + cell.value + cell_minimum(cell) - cell.rest - noise) / (2.0 * s)
            if lower > cutoff:
                continue
            n1, n2 = _nodes_needed(cell, s, needed - max(lower, 0.0), flat)
            if max(n1, n2) <= LARGEST_RULE or max(h1, h2) < 1e-14 or depth + 2 > STACK:
                n1, n2 = min(n1, LARGEST_RULE), min(n2, LARGEST_RULE)
                mass += integrate_cell(coefficients[panel], d1, d2, a, b, h1, h2, n1, n2, s, precise, work)
                continue
            halve(cells, depth, 0 if n1 >= n2 else 1)
            depth += 2
    return mass


@exact
def _tilt(patches: Patches, given: float, needed: float, search: Search, work: Workspace) -> tuple[float, float, float]:
    """Tilt at (work.z, given); return log_rest, |nearest - z| and given/s for the variance s that was used.

    Leaves the nearest point in work.best, E[y - nearest] in work.first and E[(y - nearest)^2] in work.second.
    """
    magnitude = patches.magnitude[0]
    found = nearest(patches, work.z, False, search)
    panel = found.panel
    exact_position(
        patches.coefficients[panel], patches.degrees[panel, 0], patches.degrees[panel, 1], found.a, found.b, -1,
        work.best[0], work.best[1],
    )  # fmt: skip
    for i in range(work.z.size):
        work.v[i] = (work.best[0, i] - work.z[i]) + work.best[1, i]
    far = norm(work.v)
    s = max(given, SMALLEST_VARIANCE * magnitude * magnitude, SMALLEST_CONTRAST * magnitude * far)
    dimension = 1 if patches.gram.shape[2] == 1 else 2
    cutoff = LARGEST_SKIPPED + FIRST_MARGIN + 0.5 * dimension * math.log1p(magnitude * magnitude / s)
    total = _sweep(patches, s, cutoff, needed, search, work)
    # All that was skipped is at most exp(-cutoff): repeat where the total turned out smaller than expected.
    for _ in range(4):
        wanted = LARGEST_SKIPPED - math.log(max(total, 1e-300))
        if wanted <= cutoff:
            break
        cutoff = wanted + 2.0
        total = _sweep(patches, s, cutoff, needed, search, work)
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

    The last component of the panels is the density with respect to xi, of total mass one.  `needed` is minus the logarithm
    of the relative accuracy asked of the quadrature; `blocks`, how many blocks of queries to aim for, changes no result.
    """
    size = max(1, min(BLOCK, (centers.shape[0] + blocks - 1) // blocks))
    for block in prange((centers.shape[0] + size - 1) // size):
        start = block * size
        _tilt_block(patches, centers, variances, needed, start, min(centers.shape[0], start + size), out)


@parallel
def panel_masses(patches: Patches, masses: FloatArray) -> None:
    """Fill the integral of the last component over every panel."""
    last = patches.coefficients.shape[1] - 1
    for panel in prange(masses.size):
        total = 0.0
        c = patches.coefficients[panel, last]
        for k in range(0, c.shape[0], 2):
            for j in range(0, c.shape[1], 2):
                total += c[k, j] * (2.0 / (k + 1)) * (2.0 / (j + 1) if c.shape[1] > 1 else 1.0)
        masses[panel] = total
