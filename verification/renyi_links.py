"""The chain of inequalities behind Theorem 3.6 at single points x, from draws of the kernels and projections alone.

    |Delta LSE(x)| <= E[int_0^1 Sum_i softmax_i(u)|D_i| du]/2 s^2 <= E[max_i |D_i|]/2 s^2,
    |D_i| <= |zeta| |Pi(Y) - x_i|^2/tau,     E[zeta^2] <= 2 Var dist(Y) <= 2 K(x)^2,     |zeta| <= 2 K_max,
    Sum_i softmax_i(u)|D_i|/2 s^2 <= |zeta|/tau [(1 + b) a_Y/2 s^2 + log N]/(1 - b),
    b = max(r, dist(Y))/tau < 1,  a_Y = min_i |Pi(Y) - x_i|^2 <= delta_N^2,

x_i on M of reach tau (both already scaled by alpha), zeta = dist(Y) - r(x), D_i = 2 <Y - Y~, Pi(Y) - x_i>.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .by_hand import log_sum_exp, softmax
from .rates import Array

#: Nodes of u in (0, 1); ratios are taken where zeta, over the largest, and |Pi(Y) - x_i|, over the reach, exceed CLEAR.
LINE_NODES, CLEAR = 6, 1e-3


@dataclass(frozen=True)
class Draws:
    """Nodes Y of the law k_x with weights that sum to 1, their nearest points, unit normals and distances.

    Attributes
    ----------
    y, foot, normal : (n, d).
    distance, weights : (n,).
    offset : dist(x, M).
    """

    y: Array
    foot: Array
    normal: Array
    distance: Array
    weights: Array
    offset: float


@dataclass(frozen=True)
class Links:
    """What the chain says at one x.

    Attributes
    ----------
    delta : Delta LSE(x), and its sizes by the links: `averaged` (softmax), `gibbs` (the last line), `largest` (max_i).
    federer, gibbs_ratio, spread, shift, nearest : left side over right side, at the worst node.
    """

    delta: float
    averaged: float
    gibbs: float
    largest: float
    federer: float
    gibbs_ratio: float
    zeta: float
    variance: float
    furthest: float
    nearest: float
    beta: float


def level(weights: Array, distance: Array, offset: Array) -> Array:
    """Return r(x) = E[dist(Y)^2]^{1/2} over the last axis; offset = dist(x) is not asked for, as r(x) is not that."""
    del offset
    return np.asarray(np.sqrt((weights * distance**2).sum(axis=-1)))


def inner(draws: Draws, adapted: Array, points: Array) -> Array:
    """Return D_i = 2 <Y - Y~, Pi(Y) - x_i>, shape (n, N)."""
    apart = draws.foot[:, None] - points
    return np.asarray(2.0 * np.einsum("nd,nid->ni", draws.y - adapted, apart))


def links(draws: Draws, points: Array, sigma: float, reach: float) -> Links:
    """Return the sizes and ratios of the chain at one x."""
    mean = draws.weights
    r = float(level(mean, draws.distance, np.asarray(draws.offset)))
    zeta = draws.distance - r
    adapted = draws.foot + r * draws.normal
    squares = ((draws.foot[:, None] - points) ** 2).sum(axis=2)
    moved = inner(draws, adapted, points)
    size = np.abs(moved)
    logits = -((adapted[:, None] - points) ** 2).sum(axis=2) / (2.0 * sigma**2)
    step = -moved / (2.0 * sigma**2)
    nodes, weights = np.polynomial.legendre.leggauss(LINE_NODES)
    shares = [(softmax(logits + u * step) * size).sum(axis=1) / (2.0 * sigma**2) for u in 0.5 * (nodes + 1.0)]
    averaged = sum(0.5 * weight * share for weight, share in zip(weights, shares, strict=True))
    largest = size.max(axis=1) / (2.0 * sigma**2)
    nearest = squares.min(axis=1)
    beta = np.maximum(r, draws.distance) / reach
    there = (beta < 1.0) & (np.abs(zeta) > CLEAR * np.abs(zeta).max())
    front = np.where(there, 1.0 - beta, 1.0)
    line = np.abs(zeta) / reach * ((1.0 + beta) * nearest / (2.0 * sigma**2) + np.log(len(points))) / front
    bound = np.where(there, line, largest)
    far = there[:, None] & (squares > CLEAR**2 * reach**2)
    federer = np.where(far, size * reach, 0.0) / np.where(far, np.abs(zeta)[:, None] * squares, 1.0)
    average = float(mean @ draws.distance)
    return Links(
        delta=float(mean @ (log_sum_exp(logits + step) - log_sum_exp(logits))),
        averaged=float(mean @ averaged),
        gibbs=float(mean @ bound),
        largest=float(mean @ largest),
        federer=float(federer.max()),
        gibbs_ratio=float((np.max(shares, axis=0)[there] / line[there]).max()),
        zeta=float(mean @ zeta**2),
        variance=float(mean @ (draws.distance - average) ** 2),
        furthest=float(np.abs(zeta).max()),
        nearest=float(nearest.max()),
        beta=float(beta.max()),
    )
