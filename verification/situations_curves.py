"""Situations on curves: plane curves, a helix, a curve of images; interior, beside and at focal points, at ends.

With h = 1 - <v, kappa N>, rho the density and ' = d/d(arc length):

    interior             b = kappa N/2h + [(log rho)'/h + <v, (kappa N)'>/2h^2] T, D x = <T, x> T/h
    beyond an end        b = tau/D, D = -<v, tau> > 0, tau the inner tangent; the projection is constant there
    over an end          f = y_x + sqrt(2 s/(pi h)) tau to first order
    focal, at a vertex   f = y_x + sqrt(s) q (kappa N/2 + (log rho)' T) to first order,
                         q = 2 sqrt(6 kappa/-kappa'') Gamma(3/4)/Gamma(1/4);
                         ellipse, semi-axes A > B: kappa = A/B^2 and 6 kappa/-kappa'' = 2 B^4/(A^2 - B^2)
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .clocks import Clock, brownian, linear_interpolant, ornstein_uhlenbeck, variance_preserving
from .rates import Array
from .shapes import Frame, Shape, bump_curve, ellipse, helix, lima_bean, wavy_circle
from .situation import Situation, next_order

#: Windows of tau where the lengths are shorter or longer than those of `rates.WINDOWS`.  Plane curves have radii of
#: curvature down to 0.1: the next order, relative O(tau/length^2), is below 1e-4 at 1e-7.  Beside a focal point it is
#: O(tau/h^3), h >= 0.02.  The bump curve has lengths of 6 and more, and x of length 13 as rounding sees it.
CURVED, BESIDE_FOCAL, IMAGES = (1e-10, 1e-7), (1e-11, 1e-8), (1e-8, 1e-4)

#: Other minima of |x - y|^2 have to be higher than the least by this: e^{-gap/2s} is nothing in every window.
GAP = 0.02

#: Least h = 1 - <v, kappa N> of ordinary points.
LEAST_HEIGHT = 0.35

#: Parameters of the search that makes sure of the nearest point.
SEARCH = 2048


def offsets(frame: Frame, lengths: tuple[float, float], rng: np.random.Generator) -> Array:
    """Random normal vectors v, shape (n, d)."""
    v = rng.standard_normal(frame.point.shape)
    v -= (v * frame.tangent).sum(axis=1, keepdims=True) * frame.tangent
    return v * (rng.uniform(*lengths, len(v)) / np.linalg.norm(v, axis=1))[:, None]


def nearest_is(shape: Shape, u: Array, x: Array) -> Array:
    """Whether the point u is the only nearest one of x, by a dense search: shape (n,)."""
    grid = shape.grid(SEARCH)
    y = shape.derivative(grid, 0)
    squares = (x * x).sum(axis=1)[:, None] - 2.0 * x @ y.T + (y * y).sum(axis=1)
    least = ((x - shape.derivative(u, 0)) ** 2).sum(axis=1)
    apart = np.abs(grid - u[:, None])
    if shape.closed:
        apart = np.minimum(apart, shape.upper - shape.lower - apart)
    # Beside u itself the square cannot be lower than at u where h > 0; the rest of the curve has to be higher.
    near = apart < 4.0 * (grid[1] - grid[0])
    rising = np.minimum(squares, np.roll(squares, 1, axis=1)) < squares
    falling = np.minimum(squares, np.roll(squares, -1, axis=1)) < squares
    minimum = ~rising & ~falling & ~near
    return np.asarray((squares + 1e9 * ~minimum).min(axis=1) > least + GAP)


def points(shape: Shape, n: int, lengths: tuple[float, float], rng: np.random.Generator) -> tuple[Array, Array, Frame]:
    """Return u (n,), v (n, d) and the frames of n random points x = y(u) + v whose nearest point is y(u)."""
    found_u, found_v = [], []
    while len(found_u) < n:
        u = rng.uniform(shape.lower, shape.upper, 4 * n)
        frame = shape.frame(u)
        v = offsets(frame, lengths, rng)
        good = (frame.height(v) > LEAST_HEIGHT) & nearest_is(shape, u, frame.point + v)
        found_u += list(u[good])
        found_v += list(v[good])
    u, v = np.array(found_u[:n]), np.array(found_v[:n])
    return u, v, shape.frame(u)


def _interior(
    shape: Shape, clock: Clock, n: int, lengths: tuple[float, float], rng: np.random.Generator, law: str = "uniform",
    moving: bool = False, span: tuple[float, float] = CURVED,
) -> Situation:  # fmt: skip
    u, v, frame = points(shape, n, lengths, rng)
    return _at(shape, clock, u, v, frame, law, moving, span)


def _at(
    shape: Shape, clock: Clock, u: Array, v: Array, frame: Frame, law: str, moving: bool, span: tuple[float, float],
    what: str = "",
) -> Situation:  # fmt: skip
    x = frame.point + v
    measure, slope = density(shape, law, u)
    name = shape.name + what + ("" if law == "uniform" else f", ρ ∝ {law}")
    b, derivative = frame.shift(v, slope), frame.projected(v, x)
    return next_order(name, "interior", clock, measure, x, frame.point, derivative, b, moving, span)


def density(shape: Shape, law: str, u: Array) -> tuple[Any, Array]:
    """Return a measure of the package and d log rho/du at u, by hand."""
    slope = {
        "uniform": np.zeros_like(u),
        "exp(cos u)": -np.sin(u),
        "exp(sin u)": np.cos(u),
        "2 + sin 3u": 3.0 * np.cos(3.0 * u) / (2.0 + np.sin(3.0 * u)),
        "exp(u/4)": np.full_like(u, 0.25),
    }[law]
    return law_on(shape, law), slope


@functools.cache
def law_on(shape: Shape, law: str) -> Any:
    """Return a law of the package; every one is made once."""
    import sympy as sp

    manifold = shape.build()
    if law == "uniform":
        return manifold.uniform()
    s = manifold.symbolic.symbols[0]
    densities = {
        "exp(cos u)": sp.exp(sp.cos(s)), "exp(sin u)": sp.exp(sp.sin(s)), "2 + sin 3u": 2 + sp.sin(3 * s),
        "exp(u/4)": sp.exp(s / 4),
    }  # fmt: skip
    return manifold.measure(densities[law])


def _beside_focal(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """x beside the centre of curvature of the vertex (2, 0) of an ellipse: h from 0.02 to 0.06."""
    shape = ellipse(2.0, 1.0)
    u = rng.uniform(-0.1, 0.1, n)
    frame = shape.frame(u)
    square = (frame.curvature**2).sum(axis=1)
    v = ((1.0 - rng.uniform(0.02, 0.06, n)) / square)[:, None] * frame.curvature
    return _at(shape, clock, u, v, frame, "uniform", False, BESIDE_FOCAL, ", beside a focal point")


def _focal(clock: Clock, law: str) -> Situation:
    """The centre of curvature of the vertex (2, 0) of an ellipse."""
    a, b = 2.0, 1.0
    shape, u = ellipse(a, b), np.zeros(1)
    frame = shape.frame(u)
    measure, slope = density(shape, law, u)
    x = np.array([[(a * a - b * b) / a, 0.0]])
    q = 2.0 * math.sqrt(2.0 * b**4 / (a * a - b * b)) * math.gamma(0.75) / math.gamma(0.25)
    lead = q * (0.5 * frame.curvature + (slope / frame.speed)[:, None] * frame.tangent)
    name = f"{shape.name}, focal" + ("" if law == "uniform" else f", ρ ∝ {law}")
    return Situation(f"{name}, {clock.name}", "focal", clock, measure, x, frame.point, -lead, lead, power=0.5)


def _beyond_end(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """Below the lower end of the helix, along its tangent: rho and the curvature do not matter."""
    shape = helix()
    frame = shape.frame(np.zeros(n))
    depth = rng.uniform(0.3, 1.0, (n, 1))
    x = frame.point - depth * frame.tangent + offsets(frame, (0.1, 0.6), rng)
    measure, _ = density(shape, "exp(u/4)", np.zeros(n))
    return next_order(
        "beyond the end of a helix, ρ ∝ exp(u/4)", "boundary", clock, measure, x, frame.point, 0.0 * x,
        frame.tangent / depth, span=CURVED,
    )  # fmt: skip


def _over_end(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    shape = helix()
    frame = shape.frame(np.zeros(n))
    v = offsets(frame, (0.3, 0.6), rng)
    lead = np.sqrt(2.0 / (np.pi * frame.height(v)))[:, None] * frame.tangent
    measure, _ = density(shape, "exp(u/4)", np.zeros(n))
    name = f"over the end of a helix, ρ ∝ exp(u/4), {clock.name}"
    return Situation(name, "boundary", clock, measure, frame.point + v, frame.point, -lead, lead, power=0.5)


def curve_situations(n: int) -> list[Situation]:
    """All situations on curves with n points each (one at a focal point); every one has its own fixed seed."""
    half, two, bm = ornstein_uhlenbeck(0.5), ornstein_uhlenbeck(2.0), brownian()
    vp, interpolant = variance_preserving(), linear_interpolant()
    oval, bean, wave, coil = ellipse(2.0, 1.0), lima_bean(), wavy_circle(), helix()

    def rng(seed: int) -> np.random.Generator:
        return np.random.default_rng([3507, 300, seed])

    return [
        _interior(oval, half, n, (0.15, 1.5), rng(1)),
        _interior(oval, bm, n, (0.15, 1.5), rng(2), "exp(cos u)"),
        _interior(oval, vp, n, (0.15, 1.5), rng(3), "2 + sin 3u"),
        _interior(oval, interpolant, n, (0.15, 1.5), rng(4), "exp(cos u)", moving=True),
        _beside_focal(half, n, rng(5)),
        _focal(half, "uniform"),
        _focal(bm, "exp(sin u)"),
        _interior(bean, two, n, (0.05, 0.8), rng(6)),
        _interior(bean, half, n, (0.05, 0.8), rng(7), "2 + sin 3u"),
        _interior(wave, half, n, (0.03, 0.6), rng(8)),
        _interior(wave, bm, n, (0.03, 0.6), rng(9), "exp(cos u)"),
        _interior(coil, half, n, (0.1, 0.7), rng(10), "exp(u/4)"),
        _beyond_end(half, n, rng(11)),
        _over_end(half, n, rng(12)),
        _interior(bump_curve(), half, n, (2.0, 6.0), rng(13), span=IMAGES),
    ]
