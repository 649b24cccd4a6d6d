"""Renyi divergences of densities known up to a constant, by quadrature."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from .laws import Laws
from .refinement import refine
from .rules import AdaptiveRule
from .values import at_nodes, evaluated, not_empty, orders_of, require_callable, shaped

__all__ = ["renyi_divergence"]


def renyi_divergence(log_p: Any, log_q: Any, order: Any, quadrature: Any, *, return_error: bool = False) -> Any:
    """Return D_q(P||Q) = (q - 1)^{-1} log of the integral of (dP/dQ)^q dQ, for any number of orders q at once.

    D_1 is the Kullback-Leibler divergence and D_inf the logarithm of the essential supremum of dP/dQ (van Erven and
    Harremoes 2014, IEEE Trans. Inf. Theory 60, for all orders; Theorem 3.6 of [FPHDP] is in terms of it).  The
    densities need not be normalised: their integrals come from the same quadrature, in the log domain.  Computed as

        D_q = log(1 + q (q - 1) H)/(q - 1),  H = E_Q[h_q(l)],  h_q(l) = (e^{q l} - 1 - q (e^l - 1))/(q (q - 1)) >= 0,

    l the normalised log ratio, whose integrand has one sign: a divergence of 1e-20 keeps its digits, q -> 1 is
    continuous, and nothing overflows.  Where P has mass and q vanishes the result is inf for q >= 1, and for all q if
    the supports do not meet.

    Accuracy: for a pair (nodes, weights) the divergence of the two discrete laws, to about 100 eps relatively and the
    rounding of l, eps |log p|, which contributes eps |log p| sqrt(2 q D).  For a rule of ours within its tolerance; the
    error is an estimate, from Legendre coefficients scaled with the errors found in the last refinement, that is above
    the true error in nearly all cases where the densities are smooth (in 98 of 100 at least, mostly far above), less
    often with kinks and jumps (in 80 of 100), and cannot know of features between the nodes.  For q = inf the supremum
    is that over the region of the rule (over the nodes of a pair).

    Parameters
    ----------
    log_p, log_q : functions of points (n, d) that return log-densities (n,) up to a constant, -inf where they vanish;
        with a pair (nodes, weights) also arrays (n,) of their values at the nodes.
    order : q in (0, 1e30] or inf, a number or an array; all orders share the evaluations of the densities.
    quadrature : `TubularQuadrature`, `BoxQuadrature`, or a pair of nodes (n, d) and weights (n,) >= 0.  The rules of
        ours call the densities once in every round of refinement.
    return_error : also return the error estimate, in the shape of the value.  It may then be larger than the tolerance.

    Returns
    -------
    value, or (value, error) : a float for one order, else an array of the shape of `order`.

    Raises
    ------
    ValueError, TypeError : order <= 0 or NaN, values of the wrong shape, NaN or inf, a density that vanishes at every
        node, negative weights; a tolerance that was not reached, unless the error is returned too.
    """
    orders, return_error = orders_of(order), arrays.flag("return_error", return_error)
    if not isinstance(quadrature, AdaptiveRule):
        if return_error:
            raise ValueError("return_error needs a quadrature that estimates errors; a pair (nodes, weights) does not")
        laws = _discrete(log_p, log_q, quadrature)
        return shaped(np.array([laws.divergence(q) for q in orders.ravel().tolist()]), orders)
    require_callable("log_p", log_p)
    require_callable("log_q", log_q)

    def densities(points: FloatArray) -> tuple[FloatArray, FloatArray]:
        return evaluated("log_p", log_p, points), evaluated("log_q", log_q, points)

    region = quadrature.region(densities)
    first = len(region.lower) * len(region.rule.weights)
    if first > quadrature.goal.max_evaluations:
        raise ValueError(f"max_evaluations must be at least {first}, what the first round of this quadrature takes")
    distinct, place = np.unique(orders, return_inverse=True)
    values, errors, reached = refine(region, densities, distinct.tolist(), quadrature.goal)
    value, error = (shaped(np.array(found)[place.ravel()], orders) for found in (values, errors))
    if return_error:
        return value, error
    if not reached:
        raise ValueError(
            f"quadrature did not reach its tolerance {quadrature.goal.tolerance:g} within max_evaluations = "
            f"{quadrature.goal.max_evaluations}; raise one of them, or take the error with return_error=True"
        )
    return value


def _discrete(log_p: Any, log_q: Any, quadrature: Any) -> Laws:
    if not isinstance(quadrature, (tuple, list)) or len(quadrature) != 2:
        raise TypeError(
            "quadrature must be a TubularQuadrature, a BoxQuadrature or a pair (nodes, weights); "
            f"got {type(quadrature).__name__}"
        )
    nodes = arrays.matrix("quadrature nodes", quadrature[0])
    weights = arrays.weights("quadrature weights", quadrature[1], len(nodes))
    kept = weights > 0.0
    value_p, value_q = at_nodes("log_p", log_p, nodes)[kept], at_nodes("log_q", log_q, nodes)[kept]
    not_empty("log_p", value_p, "node")
    not_empty("log_q", value_q, "node")
    return Laws.of(np.log(weights[kept]), value_p, value_q)
