"""How heavy the tail of a sample is."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import FloatArray

__all__ = ["tail_index"]

#: Fewer values than this say nothing about a tail.
LEAST_TAIL = 5
#: Weight of the prior guess 1/2, in values.
PRIOR = 10.0


def tail_index(values: FloatArray) -> float:
    """Return the index k of the generalised Pareto law fitted to the largest min(n/5, 3 sqrt(n)) of n values >= 0.

    Moments of order above 1/k are infinite.  The estimate is that of Zhang and Stephens (2009, Technometrics 51), the
    posterior mean over a grid of the profile likelihood, with the prior of Vehtari et al. (2024, JMLR 25).  Its
    standard deviation is about (1 + k)/sqrt(number of values used); -inf where there are fewer than 5.
    """
    size = min(len(values) // 5, math.ceil(3.0 * math.sqrt(len(values))))
    if size < LEAST_TAIL:
        return -math.inf
    tail = np.sort(values)[-size - 1 :]
    tail = tail[1:] - tail[0]
    quartile = float(tail[int(size / 4 + 0.5) - 1])
    if quartile <= 0.0:
        return -math.inf
    number = 30 + int(math.sqrt(size))
    grid = (1.0 - np.sqrt(number / (np.arange(1, number + 1) - 0.5))) / (3.0 * quartile) + 1.0 / tail[-1]
    index = np.log1p(-grid[:, None] * tail).mean(axis=1)
    likelihood = size * (np.log(-grid / index) - index - 1.0)
    weights = np.exp(likelihood - likelihood.max())
    best = float((grid * weights).sum() / weights.sum())
    found = float(np.log1p(-best * tail).mean())
    return (size * found + PRIOR * 0.5) / (size + PRIOR)
