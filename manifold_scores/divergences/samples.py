"""Renyi divergences from samples: importance sampling in the log domain, for any dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arrays
from .laws import Laws, log_sum
from .tails import tail_index
from .values import at_nodes, not_empty, orders_of, shaped

__all__ = ["renyi_divergence_samples"]

#: Samples needed for a standard error.
LEAST_COUNT = 10
#: A tail index of the terms above this, as far as the samples show it, means that the error is not known: inf.
HEAVY = 0.7


def renyi_divergence_samples(
    log_p: Any, log_q: Any, order: Any, samples: Any, *, law: str, return_error: bool = False
) -> Any:
    """Estimate D_q(P||Q) from independent samples of P or of Q, densities known up to a constant.

    With l_i = log p(x_i) - log q(x_i), the ratio of the normalisations is estimated from the same samples, so that the
    estimate is the divergence of two discrete laws on them (`renyi_divergence`: never negative, non-decreasing in q,
    relative accuracy for close laws): masses 1/n and ~ e^{l_i} for samples of Q,

        D_q = [log mean e^{q l_i} - q log mean e^{l_i}]/(q - 1)                        law = "q"
        D_q = [log mean e^{(q-1) l_i} + (q - 1) log mean e^{-l_i}]/(q - 1)             law = "p"

    and their limits for q -> 1.  Consistent where Q is absolutely continuous with respect to P (law "p"), or P with
    respect to Q (law "q"): what the samples cannot see is left out.  The bias is of the order of the squared error.

    The error is one standard error, by the delta method (the spread of the influence function of the estimate).  It
    means something only if the terms have finite variance, which is the case where D_{2q} < inf (law "q"), or where
    D_{2q-1} < inf and the integral of q^2/p is finite (law "p"); for q near 1 and close laws the samples of P are the
    better ones.  The terms tell: where the index of the Pareto law that fits the largest of them (Zhang and Stephens
    2009, Technometrics 51) is above 0.7, the threshold of Vehtari et al. (2024, JMLR 25) for importance sampling, the
    error is inf.  For Gaussians in R^10, D_2 up to 0.05 and 2000 samples, the true error is within two errors in 93 to
    97 of 100 cases; with terms near infinite variance the error is either inf or too small.

    Parameters
    ----------
    log_p, log_q : functions of points (n, d) that return log-densities (n,) up to a constant, or arrays (n,) of them
        at the samples; -inf where they vanish.
    order : q in (0, 1e30], a number or an array; all orders share the samples.
    samples : shape (n, d), n >= 10 independent draws.
    law : "p" or "q", the law the samples were drawn from.
    return_error : also return the standard error, in the shape of the value.

    Returns
    -------
    value, or (value, error) : a float for one order, else an array of the shape of `order`.

    Raises
    ------
    ValueError, TypeError : as `renyi_divergence`; order inf, whose supremum no sample bounds; a density that vanishes
        at a sample of its own law.
    """
    orders = orders_of(order)
    if np.isinf(orders).any():
        raise ValueError("order must be finite: samples say nothing about a supremum; use renyi_divergence")
    law, return_error = arrays.choice("law", law, ("p", "q")), arrays.flag("return_error", return_error)
    points = arrays.matrix("samples", samples)
    if len(points) < LEAST_COUNT:
        raise ValueError(f"samples must have at least {LEAST_COUNT} rows; got {len(points)}")
    values = {"p": at_nodes("log_p", log_p, points), "q": at_nodes("log_q", log_q, points)}
    if np.isneginf(values[law]).any():
        raise ValueError(f"log_{law} must be finite at samples of its own law; it is -inf at some")
    other = "q" if law == "p" else "p"
    not_empty(f"log_{other}", values[other], "sample")
    laws = Laws.of(-values[law], values["p"], values["q"])
    found = [(laws.divergence(q), _standard_error(laws, q, law)) for q in orders.ravel().tolist()]
    value, error = (shaped(np.array(column), orders) for column in zip(*found, strict=True))
    return (value, error) if return_error else value


def _standard_error(laws: Laws, order: float, law: str) -> float:
    """Return the standard error from the influence function of the estimate, inf where its tail is heavy.

    With A = E_Q[r^q] it is [(r^q/A - 1) - q (r - 1)]/(q - 1) for samples of Q and
    [(r^{q-1}/A - 1) + (q - 1) (1/r - 1)]/(q - 1) for those of P, both written below with n T_i, the terms of
    `Laws.log_terms`, so that nothing cancels for close laws.
    """
    value, size = laws.divergence(order), laws.log_ratio.size
    if math.isinf(value):
        return 0.0
    log_whole = (order - 1.0) * value
    scale = math.log(size) - log_whole
    shift = np.expm1(laws.log_ratio) if law == "q" else -np.expm1(-laws.log_ratio)
    if order < 1.0 and value > math.log(2.0) / (1.0 - order):
        moved = order * shift if law == "q" else (order - 1.0) * shift
        influence = (np.exp(laws.log_products(order) + scale) - 1.0 - moved) / (order - 1.0)
    else:
        log_terms = laws.log_terms(order)
        mean = math.exp(log_sum(log_terms) - log_whole)
        slope = order if law == "q" else order - 1.0
        influence = order * (np.exp(log_terms + scale) - mean - slope * mean * shift)
    products = laws.log_products(order)
    ratios = laws.log_ratio if law == "q" else -laws.log_ratio
    for terms in (np.abs(influence), np.exp(products - products.max()), np.exp(ratios - ratios.max())):
        if tail_index(terms) > HEAVY:
            return math.inf
    return float(influence.std(ddof=1)) / math.sqrt(size)
