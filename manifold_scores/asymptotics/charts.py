"""The nearest points of x on a curve or a surface, located to rounding, with what Laplace's method needs there."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from ..arrays import FloatArray
from ..manifolds.parametric import Parametric
from ..measures import ParametricLaw
from .laplace import EDGE, FOCAL, NOT_COVERED, Chart, least_eigenvalue

__all__ = ["charts"]

#: Parameters per axis from which further nearest points are looked for, where there is more than one.
GRID = {1: 4096, 2: 128}
#: Nearest points whose distances agree to this share of |x| + |y_x| are as near.
AS_NEAR = 1e-13
#: Points that are this share of |x| + |y_x| apart are one.
SAME = 1e-6
#: Below this eigenvalue of H the minimum may be one of order four, and is looked for as a zero of the third derivative.
NEARLY_FOCAL = 1e-3
STEPS = 30
#: Local minima that are compared.
LARGEST_NUMBER = 64


def charts(measure: ParametricLaw, x: FloatArray) -> tuple[list[Chart], float]:
    """Return a chart for every nearest point of x (d,), and the gap (d_2^2 - d_1^2)/2 to the next minimum or inf.

    Raises
    ------
    ValueError : the density vanishes at a nearest point, x is focal in a way that is not covered.
    """
    manifold: Parametric = measure.manifold
    found = manifold.nearest(x)
    start = np.atleast_1d(found.parameter)
    if found.unique:
        gap = 0.5 * (found.runner_up_distance - found.distance) * (found.runner_up_distance + found.distance)
        return [_chart(measure, x, _polish(manifold, x, start))], float(gap)
    # Several points are as near, or the search could not tell: all local minima are compared.
    starts = [start, *_grid_minima(manifold, x)]
    if np.isfinite(found.runner_up_distance):
        starts.append(np.atleast_1d(manifold.parameter(found.runner_up)))
    located = [_polish(manifold, x, u) for u in starts]
    points = np.array([_derivative(manifold, u, ()) for u in located])
    scale = np.abs(x).max() + np.abs(points).max()
    distance = np.linalg.norm(x - points, axis=1)
    least = float(distance.min())
    near = distance <= least + AS_NEAR * scale
    kept: list[Chart] = []
    for i in np.flatnonzero(near):
        chart = _chart(measure, x, located[i])
        if all(np.linalg.norm(chart.point - other.point) > SAME * scale for other in kept):
            kept.append(chart)
    apart = [np.linalg.norm(points - chart.point, axis=1) > SAME * scale for chart in kept]
    further = distance[~near & np.all(apart, axis=0)].min(initial=np.inf)
    return kept, 0.0 if len(kept) > 1 else float(0.5 * (further - least) * (further + least))


def _derivative(manifold: Parametric, u: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """Return the derivative of the embedding at u (m,) with respect to these parameters, one index each."""
    orders = tuple(axes.count(axis) for axis in range(manifold.dimension))
    return np.asarray(manifold.derivative(u[0] if manifold.dimension == 1 else u, orders))


def _derivatives(manifold: Parametric, u: FloatArray, order: int) -> FloatArray:
    """Return all derivatives of this order, (m, ..., m, d); each is computed once."""
    m = manifold.dimension
    values = np.empty((*[m] * order, manifold.ambient_dimension))
    for axes in itertools.combinations_with_replacement(range(m), order):
        value = _derivative(manifold, u, axes)
        for same in set(itertools.permutations(axes)):
            values[same] = value
    return values


def _grid_minima(manifold: Parametric, x: FloatArray) -> list[FloatArray]:
    """Return the parameters of a grid whose distance from x is no larger than that of their neighbours."""
    m = manifold.dimension
    axes = [
        np.linspace(low, high, GRID[m], endpoint=not closed)
        for low, high, closed in zip(manifold.lower, manifold.upper, manifold.closed, strict=True)
    ]
    u = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    square = np.concatenate(
        [((manifold.embed(rows[..., 0] if m == 1 else rows) - x) ** 2).sum(axis=-1) for rows in np.array_split(u, 16)]
    )
    lowest = np.ones(square.shape, dtype=bool)
    for axis, closed in enumerate(manifold.closed):
        padded = np.pad(square, [(1, 1) if k == axis else (0, 0) for k in range(m)], mode="wrap" if closed else "edge")
        neighbours = [np.take(padded, range(k, k + GRID[m]), axis=axis) for k in (0, 2)]
        lowest &= (square <= neighbours[0]) & (square <= neighbours[1])
    return list(u[lowest][np.argsort(square[lowest], kind="stable")[:LARGEST_NUMBER]])


def _polish(manifold: Parametric, x: FloatArray, u: FloatArray) -> FloatArray:
    """Return the local minimum near u to rounding, by Newton's method within the domain."""
    open_axes = ~np.array(manifold.closed)
    for _ in range(STEPS):
        first, second = _derivatives(manifold, u, 1), _derivatives(manifold, u, 2)
        offset = x - _derivative(manifold, u, ())
        gradient = -first @ offset
        hessian = np.einsum("id,jd->ij", first, first) - second @ offset
        low, high = open_axes & (u <= manifold.lower), open_axes & (u >= manifold.upper)
        free = np.flatnonzero(~((low & (gradient >= 0.0)) | (high & (gradient <= 0.0))))
        if not len(free):
            break
        inner = hessian[np.ix_(free, free)]
        if least_eigenvalue(first[free], inner) <= FOCAL:
            break  # `_vertex` goes on
        step = np.zeros_like(u)
        step[free] = -np.linalg.solve(inner, gradient[free])
        moved = np.where(open_axes, np.clip(u + step, manifold.lower, manifold.upper), u + step)
        done = np.abs(moved - u).max() <= 4.0 * np.finfo(np.float64).eps * np.abs(u).max()
        u = moved
        if done:
            break
    return _wrapped(manifold, u)


def _wrapped(manifold: Parametric, u: FloatArray) -> FloatArray:
    """Return u in the domain: closed directions modulo their length."""
    size = manifold.upper - manifold.lower
    return np.asarray(np.where(manifold.closed, manifold.lower + (u - manifold.lower) % size, u))


def _chart(measure: ParametricLaw, x: FloatArray, u: FloatArray) -> Chart:
    """Return the chart at u; a minimum within rounding of an end is moved there, one at a vertex to the vertex."""
    manifold: Parametric = measure.manifold
    scale = np.abs(x).max() + np.abs(_derivative(manifold, u, ())).max()
    length = np.linalg.norm(_derivatives(manifold, u, 1), axis=1)
    inward = np.zeros(manifold.dimension)
    for axis in np.flatnonzero(~np.array(manifold.closed)):
        for end, sign in ((manifold.lower[axis], 1.0), (manifold.upper[axis], -1.0)):
            if abs(u[axis] - end) * length[axis] <= EDGE * scale:
                u[axis], inward[axis] = end, sign
    vertex = _vertex(manifold, x, u) if manifold.dimension == 1 and not inward.any() else None
    if vertex is not None:
        u, fourth_and_fifth = _wrapped(manifold, vertex[0]), vertex[1]
    point, first, second = _derivative(manifold, u, ()), _derivatives(manifold, u, 1), _derivatives(manifold, u, 2)
    density = float(measure.density(u[0] if manifold.dimension == 1 else u))
    if not density > 0.0:
        raise ValueError(
            f"density must be positive at the nearest point of x; it is {density:g} at u = {np.round(u, 6).tolist()}"
        )
    parameter = float(u[0]) if manifold.dimension == 1 else u
    volume = float(manifold.volume_element(parameter))
    return Chart(
        point, x - point, parameter, first, second, _derivatives(manifold, u, 3), _slope(measure, u, first, second),
        density * volume, inward, None if vertex is None else fourth_and_fifth,
    )  # fmt: skip


def _slope(measure: ParametricLaw, u: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return d_j log(rho sqrt(det g)): exact for a constant density, else from the polynomials of the quadrature."""
    manifold: Parametric = measure.manifold
    if measure.symbolic_density is not None and not measure.symbolic_density.free_symbols:
        # d_j log sqrt(det g) = g^kl <d_jk y, d_l y>
        inverse = np.linalg.inv(np.einsum("id,jd->ij", first, first))
        return np.asarray(np.einsum("jkd,ld,kl->j", second, first, inverse))
    size = manifold.upper - manifold.lower
    v = ((u - manifold.lower) / size)[None]
    panels = measure._support.panels
    weight = panels.evaluate(v)[0, -1]
    units = np.eye(manifold.dimension, dtype=int)
    return np.asarray(np.array([panels.evaluate(v, tuple(unit))[0, -1] for unit in units]) / (weight * size))


def _vertex(manifold: Parametric, x: FloatArray, u: FloatArray) -> tuple[FloatArray, tuple[float, float]] | None:
    """Return the vertex at which |x - y|^2 has a minimum of order four, with its fourth and fifth derivatives over two.

    None where H is regular.  A minimum of order four is known to the fourth root of rounding only; the third derivative
    has a simple zero there.
    """

    def phase(u: FloatArray, order: int) -> float:
        """Return a derivative of |x - y|^2 / 2 by Leibniz' rule."""
        factors = [_derivative(manifold, u, (0,) * k) for k in range(order + 1)]
        factors[0] = factors[0] - x
        row = [1.0]
        for _ in range(order):
            row = [a + b for a, b in zip([0.0, *row], [*row, 0.0], strict=True)]
        return 0.5 * float(sum(c * (factors[k] @ factors[order - k]) for k, c in enumerate(row)))

    speed = float(np.linalg.norm(_derivative(manifold, u, (0,))))
    if phase(u, 2) > NEARLY_FOCAL * speed**2:
        return None
    vertex = _zero_of_third(manifold, phase, u)
    if vertex is not None:
        scale = np.abs(x).max() + np.linalg.norm(x - _derivative(manifold, vertex, ()))
        if abs(phase(vertex, 2)) <= FOCAL * speed**2 and abs(phase(vertex, 1)) <= FOCAL * scale * speed:
            return vertex, (phase(vertex, 4), phase(vertex, 5))
    if phase(u, 2) <= FOCAL * speed**2:
        raise ValueError(NOT_COVERED)
    return None


def _zero_of_third(manifold: Parametric, phase: Callable[[FloatArray, int], float], u: FloatArray) -> FloatArray | None:
    """Return the zero of the third derivative near u where the fourth is positive, by Newton's method, or None."""
    for _ in range(STEPS):
        fourth = phase(u, 4)
        step = -phase(u, 3) / fourth if fourth > 0.0 else np.inf
        if not abs(step) <= 0.1 * (manifold.upper - manifold.lower)[0]:
            return None
        u = u + step
        if not manifold.closed[0] and not manifold.lower[0] < u[0] < manifold.upper[0]:
            return None
        if abs(step) <= 4.0 * np.finfo(np.float64).eps * max(1.0, abs(u[0])):
            break
    return u
