"""Situations on surfaces: torus, Swiss roll with its edges and a corner, a patch of the sphere."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

import manifold_scores as ms

from .clocks import Clock, brownian, ornstein_uhlenbeck, variance_preserving
from .rates import Array
from .shapes import ROLL_WIDTH, SPIRAL, spiral
from .situation import Situation, next_order
from .situations_curves import CURVED, nearest_is, offsets

MAJOR, MINOR = 2.0, 0.7
#: The patch of the unit sphere: longitude u, latitude v.
PATCH_U, PATCH_V = (0.0, 1.5), (-0.5, 0.7)


@functools.cache
def torus() -> ms.Torus:
    return ms.Torus(MAJOR, MINOR)


@functools.cache
def swiss_roll() -> ms.SwissRoll:
    return ms.SwissRoll()


@functools.cache
def patch() -> ms.Surface:
    import sympy as sp

    u, v = sp.symbols("u v", real=True)
    point = [sp.cos(v) * sp.cos(u), sp.cos(v) * sp.sin(u), sp.sin(v)]
    return ms.Surface(point, (u, *PATCH_U), (v, *PATCH_V))


@functools.cache
def tilted_torus() -> Any:
    """rho ~ exp(cos u + sin v), with u = theta and v = phi."""
    import sympy as sp

    first, second = torus().symbolic.symbols
    return torus().measure(sp.exp(sp.cos(first) + sp.sin(second)))


@functools.cache
def _tilted_patch() -> Any:
    """rho ~ exp(3 sin v) = exp(3 y_3)."""
    import sympy as sp

    return patch().measure(sp.exp(3 * sp.sin(patch().symbolic.symbols[1])))


@functools.cache
def _tilted_roll() -> Any:
    """rho ~ exp(v/10)."""
    import sympy as sp

    return swiss_roll().measure(sp.exp(swiss_roll().symbolic.symbols[1] / 10))


def _torus(clock: Clock, n: int, rng: np.random.Generator, tilted: bool, moving: bool = False) -> Situation:
    """With v = d n, c = R + r cos phi: H = diag(1 + d/r, 1 + d cos(phi)/c) on (e_phi, e_theta), II = -diag(1/r,
    cos(phi)/c) n, and of the cubic terms only <v, (grad II)(e_phi, e_theta, e_theta)> = d R sin(phi)/(r c^2).
    """
    theta, phi = rng.uniform(0.0, 2.0 * np.pi, (2, n))
    c = MAJOR + MINOR * np.cos(phi)
    # Inside: off the core circle; outside: off the axis, where the hole's side would have two nearest points.
    d = np.where(np.arange(n) % 2 == 0, rng.uniform(-0.6, -0.2, n) * MINOR, rng.uniform(0.2, 0.8, n))
    zero = np.zeros(n)
    outward = np.stack([np.cos(theta), np.sin(theta), zero], axis=1)
    e_theta = np.stack([-np.sin(theta), np.cos(theta), zero], axis=1)
    e_z = np.array([0.0, 0.0, 1.0])
    normal = np.cos(phi)[:, None] * outward + np.sin(phi)[:, None] * e_z
    e_phi = -np.sin(phi)[:, None] * outward + np.cos(phi)[:, None] * e_z
    y = MAJOR * outward + MINOR * normal
    x = y + d[:, None] * normal
    h_phi, h_theta = 1.0 + d / MINOR, 1.0 + d * np.cos(phi) / c
    cubic = d * MAJOR * np.sin(phi) / (MINOR * c * c)
    slope_phi, slope_theta = (np.cos(phi) / MINOR, -np.sin(theta) / c) if tilted else (zero, zero)
    b = (
        -0.5 * (1.0 / (MINOR * h_phi) + np.cos(phi) / (c * h_theta))[:, None] * normal
        + ((slope_phi + 0.5 * cubic / h_theta) / h_phi)[:, None] * e_phi
        + (slope_theta / h_theta)[:, None] * e_theta
    )
    derivative = ((x * e_phi).sum(axis=1) / h_phi)[:, None] * e_phi
    derivative += ((x * e_theta).sum(axis=1) / h_theta)[:, None] * e_theta
    measure = tilted_torus() if tilted else torus().uniform()
    name = "torus" + (", ρ ∝ exp(cos u + sin v)" if tilted else "")
    return next_order(name, "interior", clock, measure, x, y, derivative, b, moving, CURVED)


def _on_patch(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Parameters well within the patch."""
    return rng.uniform(PATCH_U[0] + 0.3, PATCH_U[1] - 0.3, n), rng.uniform(PATCH_V[0] + 0.3, PATCH_V[1] - 0.3, n)


def _unit(u: Array, v: Array) -> Array:
    return np.stack([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)], axis=1)


def _patch(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """Interior of the patch, rho ~ exp(3 sin v) = exp(3 y_3): H = r I, b = -n/r + grad log rho / r, D x = 0."""
    normal = _unit(*_on_patch(n, rng))
    r = np.where(np.arange(n) % 2 == 0, rng.uniform(0.5, 0.8, n), rng.uniform(1.2, 2.0, n))[:, None]
    gradient = 3.0 * (np.array([0.0, 0.0, 1.0]) - normal[:, 2:] * normal)
    b = (gradient - normal) / r
    name = "patch of S², ρ ∝ exp(3 sin v)"
    return next_order(name, "interior", clock, _tilted_patch(), r * normal, normal, 0.0 * normal, b, span=CURVED)


def _patch_edge(clock: Clock, n: int, rng: np.random.Generator) -> Situation:
    """Over the edge v = -1/2 of the patch: H = r I, so f = y_x + sqrt(2 s/(pi r)) nu, nu the northern direction."""
    u, _ = _on_patch(n, rng)
    v = np.full(n, PATCH_V[0])
    normal = _unit(u, v)
    north = np.stack([-np.sin(v) * np.cos(u), -np.sin(v) * np.sin(u), np.cos(v)], axis=1)
    r = np.where(np.arange(n) % 2 == 0, rng.uniform(0.5, 0.8, n), rng.uniform(1.2, 2.0, n))[:, None]
    lead = np.sqrt(2.0 / (np.pi * r)) * north
    name = f"over the edge of a patch of S², {clock.name}"
    return Situation(name, "boundary", clock, patch().uniform(), r * normal, normal, -lead, lead, power=0.5)


def _roll(where: str, clock: Clock, n: int, rng: np.random.Generator, law: str = "uniform") -> Situation:
    """The Swiss roll is spiral x segment (the axis in the middle): moments of the two add up.  `where` says where x is:

    "interior"; "beyond the rim" v = 0, b gains e_2/depth; "beyond a corner": also beyond the outer end of the spiral,
    b = tau/D of both; "over the rim": slope 1/2, sqrt(2/pi) e_2.  The law "exp(v/10)" has slope 1/10 along the axis.
    """
    corner, beyond = where == "beyond a corner", where != "interior"
    shape = spiral()
    u = np.full(n, SPIRAL[1]) if corner else rng.uniform(SPIRAL[0] + 0.5, SPIRAL[1] - 0.5, n)
    frame = shape.frame(u)
    depth = rng.uniform(0.3, 1.5, (n, 1))
    offset = offsets(frame, (0.5, 2.2), rng)
    if corner:
        inner = -frame.tangent
        plane, profile_b, profile_d = frame.point - depth * inner + offset, inner / depth, 0.0 * offset
    else:
        plane = frame.point + offset
        if not nearest_is(shape, u, plane).all():
            raise AssertionError("the turns of the spiral are too close for these points")
        profile_b, profile_d = frame.shift(offset, np.zeros(n)), frame.projected(offset, plane)
    side = rng.uniform(0.3, 1.5, n)
    y_axis = np.zeros(n) if beyond else rng.uniform(1.0, ROLL_WIDTH - 1.0, n)
    x_axis = y_axis - side if where in ("beyond the rim", "beyond a corner") else y_axis
    measure, slope = (swiss_roll().uniform(), 0.0) if law == "uniform" else (_tilted_roll(), 0.1)
    x, y = _roll_point(plane, x_axis), _roll_point(frame.point, y_axis)
    name = f"Swiss roll, {where}" + ("" if law == "uniform" else f", ρ ∝ {law}")
    if where == "over the rim":
        lead = np.tile([0.0, math.sqrt(2.0 / math.pi), 0.0], (n, 1))
        return Situation(f"{name}, {clock.name}", "boundary", clock, measure, x, y, -lead, lead, power=0.5)
    axial = 1.0 / side if beyond else np.full(n, slope)
    b, derivative = _roll_point(profile_b, axial), _roll_point(profile_d, np.zeros(n) if beyond else x_axis)
    return next_order(name, "boundary" if beyond else "interior", clock, measure, x, y, derivative, b)


def _roll_point(plane: Array, axis: Array) -> Array:
    return np.stack([plane[:, 0], axis, plane[:, 1]], axis=1)


def surface_situations(n: int) -> list[Situation]:
    """All situations on surfaces with n points each; every one has its own fixed seed."""
    half, two, bm, vp = ornstein_uhlenbeck(0.5), ornstein_uhlenbeck(2.0), brownian(), variance_preserving()

    def rng(seed: int) -> np.random.Generator:
        return np.random.default_rng([3507, 400, seed])

    return [
        _torus(half, n, rng(1), tilted=False),
        _torus(bm, n, rng(2), tilted=True),
        _torus(vp, n, rng(3), tilted=True, moving=True),
        _patch(half, n, rng(4)),
        _patch_edge(two, n, rng(5)),
        _roll("interior", half, n, rng(6)),
        _roll("interior", bm, n, rng(7), "exp(v/10)"),
        _roll("beyond the rim", half, n, rng(8), "exp(v/10)"),
        _roll("over the rim", half, n, rng(9), "exp(v/10)"),
        _roll("beyond a corner", half, n, rng(10), "exp(v/10)"),
    ]
