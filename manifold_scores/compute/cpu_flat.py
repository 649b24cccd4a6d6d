"""Tilted moments where the noise is so large that the integrand nearly is a constant: relative to the untilted mean."""

from __future__ import annotations

import math

from .compilation import exact
from .cpu_cells import Workspace
from .cpu_panels import Patches
from .cpu_taylor import position
from .legendre import NODES, WEIGHTS

# Largest |z - y|^2/2s, up to a constant, for which the integrand counts as nearly constant, and the rule used then:
# exp of it is a polynomial of degree 8 to rounding on a panel, whose products with y and the density have degree 45.
FLAT, FLAT_RULE = 0.25, 24


@exact
def is_flat(patches: Patches, s: float, work: Workspace) -> bool:
    """Return whether exp(-|z - y|^2/2s) nearly is a constant on the whole manifold."""
    total = 0.0
    for i in range(work.z.size):
        total += (patches.mean[i] - work.z[i]) ** 2
    diameter = 2.0 * patches.radius[0]
    return bool(diameter * (diameter + 2.0 * math.sqrt(total)) <= 2.0 * s * FLAT)


@exact
def tilt_flat(patches: Patches, s: float, work: Workspace) -> tuple[float, float]:
    """Tilt relative to the mean of the measure; return log_rest and |mean - z|, with the mean in work.best.

    E_Q[y - mean] is the integral of (exp(-P) - 1)(y - mean), P = (|z - y|^2 - |z - mean|^2)/2s: what symmetry makes
    vanish at P = 0 is not left to the rounding of a sum.
    """
    z, mean, e = work.z, patches.mean, work.e
    r = z.size
    work.first[:] = 0.0
    work.second[:] = 0.0
    change, far = 0.0, 0.0
    for i in range(r):
        work.best[0, i], work.best[1, i] = mean[i], 0.0
        far += (mean[i] - z[i]) ** 2
    n1, n2 = FLAT_RULE, 1 if patches.coefficients.shape[2] == 1 else FLAT_RULE
    for panel in range(patches.coefficients.shape[0]):
        d1, d2 = patches.degrees[panel, 0], patches.degrees[panel, 1]
        for q in range(n2):
            b = NODES[n2, q] if n2 > 1 else 0.0
            for p in range(n1):
                a = NODES[n1, p]
                position(patches.coefficients[panel], d1, d2, a, b, work.slope[0])
                position(patches.coefficients[panel, r:], d1, d2, a, b, work.power[:1])
                weight = work.power[0] * WEIGHTS[n1, p] * (WEIGHTS[n2, q] if n2 > 1 else 1.0)
                phase = 0.0
                for i in range(r):
                    e[i] = work.slope[0, i] - mean[i]
                    phase -= e[i] * ((work.slope[0, i] - z[i]) + (mean[i] - z[i]))
                share = math.expm1(phase / (2.0 * s))
                change += weight * share
                for i in range(r):
                    work.first[i] += weight * share * e[i]
                if work.covariance:
                    for i in range(r):
                        for j in range(i + 1):
                            work.second[i, j] += weight * (1.0 + share) * e[i] * e[j]
    work.first[:] /= 1.0 + change
    work.second[:] /= 1.0 + change
    return math.log1p(change), math.sqrt(far)
