"""What a finite set of nodes cannot have seen: points that only rare displacements bring into play.

Where no node has crossed a wall all replicates agree, and their spread says nothing of the mass behind it.  Against the
best point r the share of point i at a displaced query is at most min(1, e^L), L = level_i + <P_i - P_r, g> normal with
mean l <= 0 and standard deviation v, so that its average is at most Phi(l/v) + e^{l + v^2/2} Phi(-v - l/v).  That comes
from nodes about min(v, -l/v) standard deviations out; if fewer than a handful are expected there, it is added.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays import FloatArray

__all__ = ["unseen_mass"]

_HANDFUL = 5.0


def unseen_mass(levels: FloatArray, spreads: FloatArray, nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return bounds (M, N) on the average share of every point and on its part of E log sum, zero where nodes see it.

    levels and spreads (M, N): mean and standard deviation of L in nats.
    """
    from scipy.special import log_ndtr, ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(spreads > 0.0, levels / spreads, 0.0)
    tilt = np.minimum(spreads, -ratio)
    rare = nodes * ndtr(-tilt) < _HANDFUL
    share, excess = np.zeros_like(levels), np.zeros_like(levels)
    low, spread, at = levels[rare], spreads[rare], ratio[rare]
    share[rare] = ndtr(at) + np.exp(low + 0.5 * spread**2 + log_ndtr(-at - spread))
    density = np.exp(-0.5 * at * at) / math.sqrt(2.0 * math.pi)
    excess[rare] = np.maximum(spread * density + low * ndtr(at), 0.0) + share[rare]
    return share, excess
