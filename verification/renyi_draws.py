"""Nodes of N(x, h^2 I) and of uniform laws on balls around x, in coordinates of M: where Pi and n are smooth.

They share no harmonics, no interpolation and no common nodes with the grids of `renyi_zonal` and `renyi_curves`.
"""

from __future__ import annotations

import numpy as np

from .quadrature import panels
from .rates import Array
from .renyi_curves import CurveSample
from .renyi_harmonics import BallLaw, GaussianLaw
from .renyi_links import Draws

#: Nodes: of a radius in each panel, of an angle in its window, of a polar angle, of a longitude.
RADIAL, WINDOW, POLAR, LONGITUDES = 7, 28, 8, 10


def about_sphere(x: Array, radius: float, law: GaussianLaw | BallLaw, bend: float) -> Draws:
    """Return nodes for x in R^2 or R^3 around a sphere about 0, in polar coordinates about the line through x.

    In the plane there are two nodes at least in an arc of length `bend`.
    """
    t = float(np.linalg.norm(x))
    rho, rho_weights = (array[0] for array in law.radii(np.array([t]), radius, RADIAL))
    half = _half_angles(law, rho, t)
    if len(x) == 2:
        n = max(WINDOW, int(4.0 * half.max() * radius / bend))
        angle = half[:, None] * (2.0 * np.arange(n) / n - 1.0)
        angle_weights = np.repeat(2.0 * half[:, None] / n, n, axis=1)
        if isinstance(law, BallLaw):
            nodes, weights = np.polynomial.legendre.leggauss(WINDOW // 2)
            angle, angle_weights = half[:, None] * nodes, half[:, None] * weights
        start = float(np.arctan2(x[1], x[0]))
        units = np.stack([np.cos(start + angle), np.sin(start + angle)], axis=-1)
        volume = rho[:, None]
    else:
        nodes, weights = panels(np.array([0.0, 0.5, 1.0]), POLAR)
        polar = half[:, None] * nodes
        turns = 2.0 * np.pi * (np.arange(LONGITUDES) + 0.3) / LONGITUDES
        pole = x / t
        first = np.linalg.svd(pole[None])[2][1:]
        across = np.cos(turns)[:, None] * first[0] + np.sin(turns)[:, None] * first[1]
        units = np.cos(polar)[..., None, None] * pole + np.sin(polar)[..., None, None] * across
        units = units.reshape(len(rho), -1, 3)
        angle_weights = np.repeat(half[:, None] * weights * np.sin(polar), LONGITUDES, axis=1)
        volume = rho[:, None] ** 2
    y = rho[:, None, None] * units
    w = rho_weights[:, None] * angle_weights * volume * _density(law, y - x)
    sign = np.sign(rho - radius)[:, None]
    return _draws(
        y, radius * units, sign[..., None] * units, np.broadcast_to(np.abs(rho - radius)[:, None], w.shape), w,
        abs(t - radius),
    )  # fmt: skip


def about_circle(x: Array, radius: float, law: GaussianLaw) -> Draws:
    """Return nodes for x in R^3 near a circle in the plane of the first two coordinates, in toroidal coordinates."""
    t, start = float(np.hypot(x[0], x[1])), float(np.arctan2(x[1], x[0]))
    a, b = float(np.hypot(t - radius, x[2])), float(np.arctan2(x[2], t - radius))
    s, s_weights = panels(np.linspace(max(a - law.width, 0.0), a + law.width, 4), RADIAL)
    window = float(np.arcsin(law.width / a)) if a > 1.02 * law.width else np.pi
    c = b + window * (2.0 * np.arange(WINDOW) / WINDOW - 1.0)
    turn = float(np.arcsin(min(1.0, law.width / t))) * (2.0 * np.arange(WINDOW) / WINDOW - 1.0)
    s, c, turn = np.meshgrid(s, c, start + turn, indexing="ij")
    outward = np.stack([np.cos(turn), np.sin(turn), 0.0 * turn], axis=-1)
    normal = np.cos(c)[..., None] * outward + np.sin(c)[..., None] * np.array([0.0, 0.0, 1.0])
    y = radius * outward + s[..., None] * normal
    w = s_weights[:, None, None] * s * (radius + s * np.cos(c)) * _density(law, y - x)
    return _draws(y, radius * outward, normal, s, w, a)


def about_curve(x: Array, foot: float, offset: float, sample: CurveSample, law: GaussianLaw) -> Draws:
    """Return nodes for x = y(foot) + offset n(foot) near a curve in the plane, in tubular coordinates."""
    speed = float(sample.frame(np.array([foot]))[2][0])
    wide = 2.2 * law.width / speed
    u = foot + wide * (2.0 * np.arange(4 * WINDOW) / (4 * WINDOW) - 1.0)
    y, normal, speeds, bend = sample.frame(u)
    s, s_weights = (array[0] for array in law.radii(np.array([offset + sample.reach]), sample.reach, RADIAL))
    s = s - sample.reach
    place = y[:, None] + s[:, None] * normal[:, None]
    volume = speeds[:, None] * np.maximum(1.0 + bend[:, None] * s, 0.0)
    w = s_weights * volume * _density(law, place - x)
    units = np.sign(s)[:, None] * normal[:, None]
    feet = np.broadcast_to(y[:, None], place.shape)
    return _draws(place, feet, units, np.broadcast_to(np.abs(s), w.shape), w, abs(offset))


def _half_angles(law: GaussianLaw | BallLaw, rho: Array, t: float) -> Array:
    """Return half the angle under which the kernel's support is seen, at radii rho."""
    if isinstance(law, GaussianLaw):
        return np.full_like(rho, float(np.arcsin(law.width / t)) if law.width < t else np.pi)
    return np.asarray(2.0 * np.arcsin(np.sqrt(np.clip((law.width**2 - (rho - t) ** 2) / (4.0 * rho * t), 0.0, 1.0))))


def _density(law: GaussianLaw | BallLaw, shift: Array) -> Array:
    if isinstance(law, BallLaw):
        return np.ones(shift.shape[:-1])
    return np.asarray(np.exp(-(shift**2).sum(axis=-1) / (2.0 * law.scale**2)))


def _draws(y: Array, foot: Array, normal: Array, distance: Array, weights: Array, offset: float) -> Draws:
    d = y.shape[-1]
    flat = weights.ravel()
    kept = flat > 1e-10 * flat.max()
    rows = (np.broadcast_to(array, y.shape).reshape(-1, d)[kept] for array in (y, foot, normal))
    return Draws(*rows, distance.ravel()[kept], flat[kept] / flat[kept].sum(), offset)
