"""Double normals (bottlenecks): pairs of points of a manifold whose difference is normal at both; none is missed.

x and y form a double normal when y - x lies in the normal cone of M at x and x - y in that at y: orthogonal to the
directions in which the parameter is free, at an angle of at least pi/2 with those that lead into M from its boundary.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from ..panels import Panels
from .cells import Cells, IntArray, jets

__all__ = ["federer_quotient", "no_double_normal_below", "polish"]

#: Numbers handled at once when pairs are tested.
BLOCK = 1 << 20
#: Pairs that are looked at on every level: those of the smallest bounds, and as many of the others.
LOOKED_AT = 64
#: Halvings after which a search stops: cells are at rounding.
DEEPEST = 60
#: Share of the size of the manifold by which distances of balls are trusted less: they are differences of squares.
BALL_ROUNDING = 1e-7
#: Singular directions of a Hessian, along a family of double normals, are left alone.
SINGULAR = 1e-9
NEWTON_STEPS = 8
#: Points this near, relative to the size of the manifold, are one.
COINCIDENT = 1e-9
#: Regularisation of a stationary point of the distance, which may be one of a family, and how far off it may be, in
#: half widths of the cells.
RIDGE, LONGEST_WAY = 1e-6, 2.0


def no_double_normal_below(
    cells: Cells, touch: NDArray[np.bool_], length: float, budget: int,
    examine: Callable[[Cells, IntArray, IntArray, float], float],
) -> float:  # fmt: skip
    """Return a length below which there is provably no double normal, and no crossing, between cells that do not touch.

    Pairs of cells are bisected until one of the products <x - y, d_k y(x)> provably has the wrong sign, or their
    distance is provably at least `length`, at least where it is stationary.  The last bound has an error of third
    order in the size of the cells, and where the first one fails shrinks with them, so that few pairs are left at
    each level.

    Parameters
    ----------
    cells, touch : as `neighbours.partition` and `faces` return them; `touch` is by the index `base`.
    length : what is aimed at.
    budget : pairs after which less is aimed at.
    examine : called on every level with pairs of least distance, and some others, and the length; returns what is aimed
        at from there.
    """
    first, second = _pairs(cells, touch, length)
    for _ in range(DEEPEST):
        bound = _bounds(cells, first, second, length)
        kept = bound < length
        first, second, bound = first[kept], second[kept], bound[kept]
        if not len(first):
            return length
        order = np.argsort(bound)
        some = np.unique(np.concatenate([order[:LOOKED_AT], order[:: 1 + len(order) // LOOKED_AT]]))
        length = examine(cells, first[some], second[some], length)
        if 4 * len(first) > budget:
            length = min(length, float(np.partition(bound, budget // 16)[budget // 16]))
        kept = bound < length
        first, second = first[kept], second[kept]
        used, position = np.unique(np.concatenate([first, second]), return_inverse=True)
        cells, children = cells.take(used).split(length)
        first, second = position[: len(first)], position[len(first) :]
        below = np.stack([np.stack([children[first, k], children[second, j]]) for k in (0, 1) for j in (0, 1)], axis=2)
        first, second = below.reshape(2, -1)
        there = (first >= 0) & (second >= 0)
        first, second = first[there], second[there]
    return float(min(length, _bounds(cells, first, second, length).min(initial=length)))


def _pairs(cells: Cells, touch: NDArray[np.bool_], length: float) -> tuple[IntArray, IntArray]:
    """Return the pairs of cells that do not touch and whose balls are nearer than `length`."""
    center = cells.value - cells.value.mean(axis=0)
    squares, radius = (center**2).sum(axis=1), cells.radius
    slack = BALL_ROUNDING * np.sqrt(squares.max())
    found = []
    for start in range(0, len(cells), 512):
        rows = np.arange(start, min(start + 512, len(cells)))
        apart = squares[rows, None] + squares[None] - 2.0 * center[rows] @ center.T
        near = np.sqrt(np.maximum(apart, 0.0)) < length + radius[rows, None] + radius[None] + slack
        near &= ~touch[cells.base[rows]][:, cells.base] & (rows[:, None] < np.arange(len(cells)))
        a, b = np.nonzero(near)
        found.append((rows[a], b))
    first, second = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return first, second


def _bounds(cells: Cells, first: IntArray, second: IntArray, length: float) -> FloatArray:
    """Return lower bounds on the length of double normals between pairs of cells; inf where there are none."""
    rank, m = cells.value.shape[1], cells.panels.dimension
    step = max(64, BLOCK // (rank * (m + 1) ** 2 * 2))
    bounds = np.full(len(first), np.inf)
    for start in range(0, len(first), step):
        rows = np.arange(start, min(start + step, len(first)))
        x, y = cells.take(first[rows]), cells.take(second[rows])
        found = np.where(_normal_somewhere(x, y) & _normal_somewhere(y, x), _distance(x, y), np.inf)
        left = np.flatnonzero(found < length)
        found[left] = np.maximum(found[left], _stationary_distance(x.take(left), y.take(left)))
        bounds[rows] = found
    return bounds


def _distance(x: Cells, y: Cells) -> FloatArray:
    """Return lower bounds on the distance of cells row by row.

    |x - y| >= <x - y, e> for any unit vector e: the one between the nearest points of the two parallelograms is best.
    """
    edges = np.concatenate([x.edge, -y.edge], axis=1)
    squares = np.maximum(np.concatenate([x.lengths, y.lengths], axis=1) ** 2, 1e-300)
    gap = x.value - y.value
    apart, at = gap.copy(), np.zeros(squares.shape)
    for _ in range(2):
        for k in range(edges.shape[1]):
            wanted = at[:, k] - np.einsum("pr,pr->p", apart, edges[:, k]) / squares[:, k]
            moved = np.clip(wanted, -1.0, 1.0)
            apart += (moved - at[:, k])[:, None] * edges[:, k]
            at[:, k] = moved
    e = apart / np.maximum(np.linalg.norm(apart, axis=1), 1e-300)[:, None]
    bound = np.einsum("pr,pr->p", gap, e) - np.abs(np.einsum("pkr,pr->pk", edges, e)).sum(axis=1)
    for cell, sign in ((x, 1.0), (y, -1.0)):
        bends = sign * np.einsum("pklr,pr->pkl", cell.bend, e)
        # tau_k^2 lies in [0, 1], tau_k tau_l in [-1, 1].
        diagonal = np.einsum("pkk->pk", bends)
        mixed = np.abs(bends).sum(axis=(1, 2)) - np.abs(diagonal).sum(axis=1)
        bound += 0.5 * np.minimum(diagonal, 0.0).sum(axis=1) - 0.5 * mixed - cell.rest
    return np.asarray(bound)


def _stationary_distance(x: Cells, y: Cells) -> FloatArray:
    """Return lower bounds on the distance of cells row by row where it is stationary; the error is of third order.

    Let F = |x - y|^2/2 on a pair of cells, as a function of d = (tau, sigma), G and H its derivatives at 0, and rho_k
    bounds on sum_jl |F_kjl|/2.  Where its gradient vanishes, the trapezoidal rule on the way from 0 and Taylor's
    theorem give

        F = F(0) + <G, d>/2 + r,   |r| <= sum rho_k/6,        0 = G + H d + R,   |R_k| <= rho_k,

    hence F >= F(0) + <G, l>/2 - sum_k (|(G + H l)_k| + rho_k |l_k|)/2 - sum_k rho_k/6 for any l; best is H l = -G.
    """
    m = x.panels.dimension
    gap = x.value - y.value
    edges = np.concatenate([x.edge, -y.edge], axis=1)
    gradient = np.einsum("pkr,pr->pk", edges, gap)
    hessian = edges @ edges.transpose(0, 2, 1)
    hessian[:, :m, :m] += np.einsum("pklr,pr->pkl", x.bend, gap)
    hessian[:, m:, m:] -= np.einsum("pklr,pr->pkl", y.bend, gap)
    # Largest first and second derivatives on both cells, one row and column for each of their directions.
    thirds = np.concatenate([_third(cell) for cell in (x, y)], axis=1)
    seconds = np.concatenate([cell.turns * cell.free for cell in (x, y)], axis=1) + thirds
    firsts = np.concatenate([cell.lengths * cell.free for cell in (x, y)], axis=1) + seconds
    far = np.linalg.norm(gap, axis=1) + firsts.sum(axis=1)
    rest = firsts * seconds.sum(axis=1)[:, None] + 2.0 * firsts.sum(axis=1)[:, None] * seconds + far[:, None] * thirds
    rest *= 0.5
    square = hessian @ hessian
    ridge = RIDGE * np.trace(square, axis1=1, axis2=2) + 1e-300
    square[:, np.arange(2 * m), np.arange(2 * m)] += ridge[:, None]
    way = -np.linalg.solve(square, hessian @ gradient[:, :, None])[:, :, 0]
    way = np.clip(way, -LONGEST_WAY, LONGEST_WAY)
    left = np.abs(gradient + np.einsum("pkl,pl->pk", hessian, way)) + rest * np.abs(way)
    square_bound = (gap**2).sum(axis=1) + (gradient * way).sum(axis=1) - left.sum(axis=1) - rest.sum(axis=1) / 3.0
    return np.asarray(np.sqrt(np.maximum(square_bound, 0.0)))


def _third(cell: Cells) -> FloatArray:
    """Return bounds on sum_jl |h_k h_j h_l d_kjl y| on cells, (n, m)."""
    return np.asarray(np.einsum("nkjl,nk,nj,nl->nk", cell.thirds[cell.panel], cell.half, cell.half, cell.half))


def _normal_somewhere(x: Cells, y: Cells) -> NDArray[np.bool_]:
    """Return whether y - x can lie in the normal cone at x, for cells row by row."""
    gap = y.value - x.value
    middle = np.einsum("pr,pkr->pk", gap, x.tangent)
    own = np.einsum("pr,pklr->pkl", gap, x.turn) - np.einsum("plr,pkr->pkl", x.edge, x.tangent)
    other = np.einsum("plr,pkr->pkl", y.edge, x.tangent)
    lengths = (x.lengths * x.free).sum(axis=1) + (y.lengths * y.free).sum(axis=1)
    bends = 0.5 * ((x.turns * x.free).sum(axis=1) + (y.turns * y.free).sum(axis=1)) + x.rest + y.rest
    turns = x.turns + x.slope_rest
    rest = np.linalg.norm(gap, axis=1)[:, None] * x.slope_rest + lengths[:, None] * turns
    rest += bends[:, None] * (x.lengths + turns)
    spread = np.abs(own).sum(axis=2) + np.abs(other).sum(axis=2) + rest
    # At a lower end the product must not be positive, at an upper end not negative, otherwise it must vanish.
    possible = (((middle <= spread) | (x.side == 1)) & ((middle >= -spread) | (x.side == -1))).all(axis=1)
    if x.panels.dimension == 1:
        return np.asarray(possible)
    # The same for the direction of the tangent cone that is nearest to y - x: it must not be positive.
    metric = x.tangent @ x.tangent.transpose(0, 2, 1) + 1e-300 * np.eye(2)
    metric += RIDGE * metric * np.eye(2)
    along = np.linalg.solve(metric, middle[:, :, None])[:, :, 0]
    along = np.where(along * x.side > 0.0, 0.0, along)
    parts = [np.abs(np.einsum("pk,pkl->pl", along, part)).sum(axis=1) for part in (own, other)]
    least = (along * middle).sum(axis=1) - parts[0] - parts[1] - (np.abs(along) * rest).sum(axis=1)
    return np.asarray(possible & (least <= 0.0))


def polish(
    cells: Cells, first: IntArray, second: IntArray, *, crossing: bool
) -> tuple[tuple[IntArray, FloatArray], tuple[IntArray, FloatArray]]:
    """Return (panel, xi) of both ends after Newton's method from the centers of pairs of cells.

    For stationary points of the distance in the panels of the cells or, with crossing=True, its zeros in the cells.
    """
    x, y = cells.take(first), cells.take(second)
    m, panels = cells.panels.dimension, cells.panels
    xi = np.concatenate([x.xi, y.xi], axis=1)
    half = np.concatenate([x.half, y.half], axis=1)
    low, high = (xi - half, xi + half) if crossing else (np.where(half > 0.0, -1.0, xi), np.where(half > 0.0, 1.0, xi))
    for _ in range(NEWTON_STEPS):
        ends = []
        for cell, part in ((x, xi[:, :m]), (y, xi[:, m:])):
            ends.append(Cells.of(panels, cells.thirds, cell.panel, cell.base, part, cell.half, cell.side))
        gap = ends[0].value - ends[1].value
        edges = np.concatenate([ends[0].edge, -ends[1].edge], axis=1)
        gradient = np.einsum("pkr,pr->pk", edges, gap)
        hessian = np.einsum("pkr,plr->pkl", edges, edges)
        if not crossing:
            hessian[:, :m, :m] += np.einsum("pklr,pr->pkl", ends[0].bend, gap)
            hessian[:, m:, m:] -= np.einsum("pklr,pr->pkl", ends[1].bend, gap)
        step = np.einsum("pkl,pl->pk", np.linalg.pinv(hessian, rcond=SINGULAR, hermitian=True), gradient)
        xi = np.clip(xi - half * step, low, high)
    return (x.panel, xi[:, :m]), (y.panel, xi[:, m:])


def federer_quotient(
    panels: Panels, x: tuple[IntArray, FloatArray], y: tuple[IntArray, FloatArray], side: IntArray
) -> FloatArray:
    """Return |x - y|^2 / (2 dist(y - x, Tan_x M)) for pairs of points given as (panel, xi), (N,).

    Or inf where rounding would show: for points that coincide, and for those whose difference makes an angle below pi/6
    with the tangent cone, as it does for neighbours, where the quotient is about the radius of curvature.

    Parameters
    ----------
    side : (N, m), -1 or 1 where x lies on the boundary at the lower or the upper end of a direction, else 0.
    """
    m, table = panels.dimension, jets(panels, *x)
    units = np.eye(2, dtype=int)[:m]
    first = np.stack([table[:, a, b] for a, b in units], axis=1)
    gap = jets(panels, *y)[:, 0, 0] - table[:, 0, 0]
    distance = np.linalg.norm(gap, axis=1)
    least = np.full(len(gap), np.inf)
    # The nearest point of a cone is the projection to the span of some of its generators, the free ones among them.
    for count in range(m + 1):
        for chosen in itertools.combinations(range(m), count):
            others = [k for k in range(m) if k not in chosen]
            if chosen:
                basis = first[:, chosen]
                along = np.einsum("nrk,nr->nk", np.linalg.pinv(basis), gap)
                rest = np.linalg.norm(gap - np.einsum("nk,nkr->nr", along, basis), axis=1)
            else:
                along, rest = np.zeros((len(gap), 0)), distance
            inside = (along * side[:, chosen] <= 0.0).all(axis=1) & (side[:, others] != 0).all(axis=1)
            least = np.where(inside, np.minimum(least, rest), least)
    trusted = (least > 0.5 * distance) & (distance > COINCIDENT * panels.radius[0])
    return np.where(trusted, distance**2 / np.where(trusted, 2.0 * least, 1.0), np.inf)
