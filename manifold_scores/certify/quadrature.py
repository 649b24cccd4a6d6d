"""Gauss-Legendre quadrature with a proven error."""

from __future__ import annotations

import math
from functools import lru_cache

import flint
from flint import arb

__all__ = ["nodes", "nodes_needed", "remainder"]

_STEP = 8  # numbers of nodes are rounded up to multiples of it, so that few rules are ever made


def nodes(n: int) -> list[tuple[arb, arb]]:
    """Return the n nodes on [-1, 1] with their weights, at the precision in force."""
    return _rule(n, flint.ctx.prec)


@lru_cache(maxsize=64)
def _rule(n: int, precision: int) -> list[tuple[arb, arb]]:
    """Make the rule; `precision` only keeps those of different precision apart."""
    return [arb.legendre_p_root(n, k, weight=True) for k in range(n)]


def remainder(n: int, rho: float, bound: arb) -> arb:
    """Return (64/15) M rho^{-2n}/(1 - rho^{-2}), a bound of the error of n >= 2 nodes on [-1, 1].

    For f analytic in the Bernstein ellipse, of half-axes (rho + 1/rho)/2 and (rho - 1/rho)/2, and |f| <= M = `bound`
    there: the k-th Chebyshev coefficient is at most 2 M rho^{-k} (Bernstein 1912), the rule is exact to degree 2n - 1
    and, by symmetry, for odd k, and on T_k with even k >= 2n it is off by at most 2 + 2/(4n^2 - 1) <= 32/15.
    """
    ratio = arb(rho) ** -2
    return arb(64) / 15 * bound * ratio**n / (1 - ratio)


def nodes_needed(rho: float, log2_quotient: float) -> int:
    """Return a number of nodes that makes the remainder about 2^-log2_quotient of its bound."""
    needed = max(2.0, (log2_quotient + 3.0) / (2.0 * math.log2(rho)))
    return _STEP * math.ceil(needed / _STEP)
