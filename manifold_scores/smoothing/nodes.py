"""Nodes of plain and randomised quasi-Monte Carlo, and the standard error of independent replicates."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import FloatArray

__all__ = ["normals", "power_of_two", "standard_error"]

#: Coordinates of a Sobol sequence with this many bits; half a step is added, so that none is 0.
_BITS = 50


def normals(dimension: int, n: int, rng: np.random.Generator, sobol: bool) -> FloatArray:
    """Return n standard normal vectors (n, k): independent, or of a scrambled Sobol sequence (n a power of two).

    Owen-scrambled points are uniform one by one, so averages over them have no bias, and a variance o(1/n).
    """
    if not sobol:
        return rng.standard_normal((n, dimension))
    from scipy.special import ndtri
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimension, scramble=True, bits=_BITS, seed=rng)
    return np.asarray(ndtri(sequence.random_base2(n.bit_length() - 1) + 0.5 ** (_BITS + 1)))


def power_of_two(n: int) -> int:
    """Return the least power of two that is not below n."""
    return 1 << max(0, (n - 1).bit_length())


def standard_error(replicates: FloatArray, axis: int) -> FloatArray:
    """Return the standard error of the mean of R independent replicates, widened by Student's quantile.

    It is std/sqrt(R) times t_{R-1}(0.975)/1.96: mean +- 1.96 errors then covers 95 % for any R, if replicates
    are normally distributed.
    """
    from scipy.special import ndtri, stdtrit

    count = replicates.shape[axis]
    widened = float(stdtrit(count - 1, 0.975) / ndtri(0.975))
    return np.asarray(replicates.std(axis=axis, ddof=1) * (widened / math.sqrt(count)))
