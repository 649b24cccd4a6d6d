"""Tilted moments of measures on piecewise polynomial manifolds, by adaptive quadrature.

For every query the panels are halved until a cell is either provably negligible (its squared distance exceeds the least
one by more than 2 s C) or resolved by one Gauss-Legendre rule.  The cells shrink to the scale of the integrand wherever
it concentrates, sqrt(s) around a nearest point, s/D at an end, s^(1/4) at a focal point, without being told which;
their number grows like log(1/s).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .compilation import FloatArray, exact, parallel
from .cpu_cells import Workspace, expand_at_nearest, new_workspace
from .cpu_extension import extend
from .cpu_flat import is_flat, tilt_flat
from .cpu_nearest import nearest
from .cpu_panels import Patches, norm
from .cpu_search import Search, new_search
from .cpu_sweep import LARGEST_SKIPPED, sweep
from .cpu_taylor import exact_position

# How far the first guess at the total may be too large; a second sweep is made where it was.
FIRST_MARGIN = 2.0
# Variances below these shares of |M|^2 and |M| |z - y| are raised to them: the law is a point to float64 there.
SMALLEST_VARIANCE, SMALLEST_CONTRAST = 1e-26, 1e-19
BLOCK = 64  # queries that share scratch


@exact
def _log_total(work: Workspace, dimension: int, s: float, magnitude: float) -> float:
    """Guess the logarithm of the mass: Laplace's method at the nearest point where that is possible."""
    p, weight = work.local_phase[0], work.local[work.z.size, 0, 0]
    curved = 0.0
    if dimension == 1 and p.shape[1] > 2:
        curved = p[0, 2]
    elif dimension == 2 and min(p.shape[0], p.shape[1]) > 2 and p[0, 2] > 0.0:
        curved = p[0, 2] * p[2, 0] - 0.25 * p[1, 1] * p[1, 1]
    if weight > 0.0 and curved > 0.0:
        return min(math.log(weight / math.sqrt(curved)) + 0.5 * dimension * math.log(2.0 * math.pi * s), 0.0)
    return -0.5 * dimension * math.log1p(magnitude * magnitude / s)


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
    cutoff = LARGEST_SKIPPED + FIRST_MARGIN - _log_total(work, dimension, s, magnitude)
    extended = extend(patches, found, s, cutoff, search, work)
    total = sweep(patches, found, far, s, cutoff, needed, extended, search, work)
    # What was skipped is at most exp(-cutoff), and errors are relative to the mass of the cells: repeat where the total
    # turned out smaller than expected, as where the density vanishes next to the nearest point.
    for _ in range(4):
        wanted = LARGEST_SKIPPED - math.log(max(total, 1e-300))
        if wanted <= cutoff:
            break
        needed += wanted + 2.0 - cutoff
        cutoff = wanted + 2.0
        total = sweep(patches, found, far, s, cutoff, needed, extended, search, work)
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
    first: int, last: int, patches: Patches, centers: FloatArray, variances: FloatArray, needed: float, out: Moments
) -> None:
    """Fill the record of tilted moments, and the covariances unless `out.covariance` has no rows.

    The last component of the panels is the density with respect to xi, of total mass one.  `needed` is minus the
    logarithm of the relative accuracy asked of the quadrature.
    """
    for start in range(first, last, BLOCK):
        _tilt_block(patches, centers, variances, needed, start, min(last, start + BLOCK), out)
