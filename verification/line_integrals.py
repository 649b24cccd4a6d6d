"""The integral of Lemma D.1, of Sum_i eps_i softmax_i(r + u eps) over u from 0 to 1, with its error.

The integrand is the slope of the convex function u -> LSE(r + u eps): it steps from one eps_i to the next where two
lines r_i + u eps_i of their upper envelope cross, within 1/|eps_i - eps_j| of the crossing.  Panels shrink to that
width there; each is integrated by Gauss-Legendre rules of 20 and 12 points and halved until they agree to a few eps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .rates import Array

_ROUNDS, _PANELS = 60, 5_000
#: Panels grow by this factor away from a step.
_GROWTH = 3.0

#: u (n,) -> values of the integrand, and how far rounding may move each of them, shapes (n,).
Integrand = Callable[[Array], tuple[Array, Array]]


def crossings(r: Array, slope: Array) -> Array:
    """Return where the upper envelope of the lines r_i + u slope_i bends in (0, 1)."""
    u, places = 0.0, []
    best = _first(r, slope)
    while True:
        steeper = slope > slope[best]
        gap = np.where(steeper, slope - slope[best], 1.0)
        at = np.where(steeper, (r[best] - r) / gap, np.inf)
        at = np.maximum(at, u)
        u = float(at.min())
        if not u < 1.0:
            return np.array(places)
        meeting = np.flatnonzero(at == u)
        best = int(meeting[slope[meeting].argmax()])
        places.append(u)


def _first(r: Array, slope: Array) -> int:
    top = np.flatnonzero(r == r.max())
    return int(top[slope[top].argmax()])


def panels(r: Array, slope: Array) -> Array:
    """Return the ends of the panels, increasing from 0 to 1, for slopes that are not all the same.

    Panels shrink to 1/(largest less least slope), less than which no step is wide, towards both ends and every
    crossing: a line comes closest to the envelope, which is convex, at one of these.
    """
    places = np.concatenate([[0.0, 1.0], crossings(r, slope)])
    narrow = min(1.0, 1.0 / float(np.ptp(slope)))
    ladder = narrow * _GROWTH ** np.arange(np.ceil(np.log(1.0 / narrow) / np.log(_GROWTH)) + 1.0)
    inner = (places[:, None] + np.concatenate([-ladder[::-1], [0.0], ladder])).ravel()
    return np.unique(np.concatenate([[0.0, 1.0], inner[(inner > 0.0) & (inner < 1.0)]]))


def integrate(f: Integrand, edges: Array, scale: float) -> tuple[float, float, float]:
    """Return the integral of f over [0, 1], the gaps between both rules added up, and the integral of the rounding.

    Panels are halved where the gap exceeds 1e-15 scale and what rounding explains.
    """
    nodes, weights = np.polynomial.legendre.leggauss(20)
    few, few_weights = np.polynomial.legendre.leggauss(12)
    low, high = edges[:-1], edges[1:]
    total = error = rounding = 0.0
    for _ in range(_ROUNDS):
        middle, half = 0.5 * (low + high)[:, None], 0.5 * (high - low)[:, None]
        at = np.concatenate([middle + half * nodes, middle + half * few], axis=1)
        values, lost = (part.reshape(at.shape) for part in f(at.ravel()))
        fine = half[:, 0] * (values[:, :20] @ weights)
        gap = np.abs(fine - half[:, 0] * (values[:, 20:] @ few_weights))
        noise = 2.0 * half[:, 0] * lost.max(axis=1)
        again = gap > 1e-15 * scale + noise
        total += fine[~again].sum()
        error += gap[~again].sum()
        rounding += noise[~again].sum()
        if not again.any():
            return float(total), float(error), float(rounding)
        low, high = low[again], high[again]
        low, high = np.concatenate([low, 0.5 * (low + high)]), np.concatenate([0.5 * (low + high), high])
        if len(low) > _PANELS:
            break
    raise ArithmeticError(f"the integral did not converge: {again.sum()} panels are left")
