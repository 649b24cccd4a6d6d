"""Which manifold a kernel selects: p^k against p^{k^M} for a wavy circle and its base circle, by quadrature by hand.

Y ~ N(x, h^2 I) is integrated in the coordinates Y = q (1 + A sin k phi) (cos phi, sin phi), in panels of q that end at
the curve, q = 1, across which the adapted draw Y~ = Pi(Y) + r(x) n jumps. Points, curve and base circle share rotations
by a period and reflections about a crest: x runs from a crest to a trough, and projections over one period.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import manifold_scores as ms

from .by_hand import log_sum_exp, softmax
from .radial_laws import panels
from .rates import Array

FREQUENCY = 8
#: Points of the cloud in a period: at the crest, the trough, and half way between.
POINTS = 4 * FREQUENCY
#: Kernel deviations beyond which nodes are left out (mass 1e-6), and nodes of a panel in q.
DEVIATIONS, NODES = 5.2, 6
#: Exponent below the ridge at which the radial window of x ends, and nodes for finding it.
CUT, LOOK = 14.0, 96
#: Square of the distance from the cloud at which nodes are compared with the bound of Delta_i.
CLEAR = 1e-8


def direction(phi: Array) -> Array:
    return np.stack([np.cos(phi), np.sin(phi)], axis=-1)


@cache
def wavy(amplitude: float) -> ms.WavyCircle:
    return ms.WavyCircle(FREQUENCY, amplitude)


def cloud(amplitude: float) -> Array:
    """Return the points on the wavy circle, (32, 2)."""
    return np.asarray(wavy(amplitude).embed(2.0 * np.pi * np.arange(POINTS) / POINTS))


@dataclass(frozen=True)
class Candidate:
    """A manifold to which a kernel may be adapted: the wavy circle, or the base circle as one of amplitude 0."""

    name: str
    amplitude: float

    @property
    def manifold(self) -> Any:
        return wavy(self.amplitude) if self.amplitude else ms.Circle(1.0)

    @property
    def reach(self) -> float:
        return float(self.manifold.reach)

    def off(self, points: Array) -> float:
        """Return Delta_M, the largest distance of a point from M."""
        return float(self.manifold.distance(points).max())

    def covering(self, points: Array) -> float:
        """Return the covering radius of the projected points in M."""
        y = self.manifold.embed(np.linspace(0.0, 2.0 * np.pi / FREQUENCY, 400)) if self.amplitude else direction(
            np.linspace(0.0, 2.0 * np.pi / FREQUENCY, 400)
        )  # fmt: skip
        feet = self.manifold.project(points)
        return float(np.sqrt(((y[:, None] - feet) ** 2).sum(axis=2).min(axis=1).max()))


@dataclass(frozen=True)
class Lattice:
    """Nodes Y (n, 2), their areas, and their nearest points on M."""

    y: Array
    area: Array
    foot: Array
    normal: Array
    distance: Array


def lattice(candidate: Candidate, h: float, low: float, high: float, fineness: float) -> Lattice:
    """Return nodes that cover low <= |Y| <= high, spaced by about 0.2 h/fineness in q and 0.4 h/fineness around."""
    a = candidate.amplitude
    turns = 2 * FREQUENCY * int(np.ceil(fineness * max(2.0 * np.pi / (0.4 * h * 2 * FREQUENCY), 6.0)))
    period = turns // FREQUENCY
    inner, outer = max(0.0, low / (1.0 + a)), high / (1.0 - a)
    longest = min(1.2 * h, 0.5) / fineness
    parts = [panels(inner, 1.0, longest, NODES), panels(1.0, outer, longest, NODES)]
    q, dq = (np.concatenate(column) for column in zip(*parts, strict=True))
    phi = 2.0 * np.pi * (np.arange(turns) + 0.5) / turns
    stretch = 1.0 + a * np.sin(FREQUENCY * phi)
    y = q[:, None, None] * (stretch[:, None] * direction(phi))
    area = (q * dq)[:, None] * stretch**2 * (2.0 * np.pi / turns)
    first = np.asarray(candidate.manifold.project(y[:, :period].reshape(-1, 2))).reshape(len(q), period, 2)
    angle = 2.0 * np.pi * np.arange(FREQUENCY) / FREQUENCY
    rotations = np.stack(
        [np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1
    )
    foot = np.einsum("rij,qpj->qrpi", rotations, first).reshape(-1, 2)
    y = y.reshape(-1, 2)
    distance = np.linalg.norm(y - foot, axis=1)
    return Lattice(y, area.ravel(), foot, (y - foot) / distance[:, None], distance)


@dataclass(frozen=True)
class Places:
    """Points x from crest to trough around the ridge of p^k, with weights for integrals over the plane."""

    x: Array
    weights: Array
    ridge: Array
    angles: Array


def places(log_smoothed: Any, amplitude: float, h: float, scale: float, angles: int, radii: int) -> Places:
    """Return nodes where log p^k is within CUT of its ridge: Gauss-Legendre in the angle and in the radius."""
    theta, turn = panels(np.pi / 16.0, 3.0 * np.pi / 16.0, 1.0, angles)
    look = np.linspace(max(0.01, 1.0 - amplitude - 0.6 * h * h - 8.0 * scale), 1.0 + amplitude + 8.0 * scale, LOOK)
    values = log_smoothed((look[:, None] * direction(theta)[:, None, :]).reshape(-1, 2)).reshape(angles, LOOK)
    x, weights = [], []
    for angle, weight, value in zip(theta, turn, values, strict=True):
        inside = np.flatnonzero(value > value.max() - CUT)
        r, dr = panels(look[max(inside[0] - 1, 0)], look[min(inside[-1] + 1, LOOK - 1)], 10.0, radii)
        x.append(r[:, None] * direction(np.array([angle])))
        weights.append(weight * dr * r)
    step, column = look[1] - look[0], values.argmax(axis=1).clip(1, LOOK - 2)
    row = np.arange(angles)
    left, top, right = values[row, column - 1], values[row, column], values[row, column + 1]
    ridge = look[column] + 0.5 * step * (left - right) / (left - 2.0 * top + right)
    return Places(np.concatenate(x), np.concatenate(weights), ridge, theta)


@dataclass(frozen=True)
class Adapted:
    """At x (n,): E log p(Y), Delta LSE, r(x), K(x) = E[(dist(Y) - dist(x))^2]^{1/2} and the mass the nodes miss."""

    log_smoothed: Array
    delta: Array
    level: Array
    scale: Array
    missed: Array


def nodes_at(grid: Lattice, x: Array, h: float) -> tuple[Array, Array, float]:
    """Return the nodes near x (indices), their normalised weights, and what was missing to 1."""
    square = ((grid.y - x) ** 2).sum(axis=1)
    near = np.flatnonzero(square < (DEVIATIONS * h) ** 2)
    weights = grid.area[near] * np.exp(-square[near] / (2.0 * h * h)) / (2.0 * np.pi * h * h)
    total = float(weights.sum())
    return near, weights / total, abs(1.0 - total)


def adapted(model: Any, candidate: Candidate, x: Array, h: float, variance: float, fineness: float) -> Adapted:
    """Return log p^k - log p^{k^M} before normalisation at x (n, 2), Brownian noise, Gaussian kernel."""
    size = np.linalg.norm(x, axis=1)
    grid = lattice(candidate, h, max(0.0, size.min() - DEVIATIONS * h), size.max() + DEVIATIONS * h, fineness)
    plain = model.log_density(grid.y, variance)
    at_x = candidate.manifold.distance(x)
    rows = []
    for point, apart in zip(x, at_x, strict=True):
        near, weights, missed = nodes_at(grid, point, h)
        distance = grid.distance[near]
        level = float(np.sqrt(weights @ distance**2))
        moved = model.log_density(grid.foot[near] + level * grid.normal[near], variance)
        smoothed = float(weights @ plain[near])
        shift = float(np.sqrt(weights @ (distance - apart) ** 2))
        rows.append((smoothed, float(weights @ (plain[near] - moved)), level, shift, missed))
    return Adapted(*np.array(rows).T)


def divergences(log_smoothed: Array, delta: Array, weights: Array) -> tuple[float, float]:
    """Return D_1 and D_2 of p^k from p^{k^M} = p^k e^{-delta}, both normalised over the nodes."""
    top = log_smoothed.max()
    p = weights * np.exp(log_smoothed - top)
    p /= p.sum()
    centred = delta - p @ delta
    shift = np.log(p @ np.exp(-centred))  # log of E_P e^{-delta}, delta centred: also D_1
    return float(shift), float(np.log(p @ np.exp(centred)) + shift)


@dataclass(frozen=True)
class Chain:
    """The links of the proof at x (n,), each less than the next one: |Delta LSE|, E int softmax|Delta_i| du/2s, and its
    bound E |zeta| int softmax(|Pi - pi(x_i)|^2/tau + 2 Delta_M) du/2s; and the largest |Delta_i| over its own bound.
    """

    shift: Array
    average: Array
    bound: Array
    federer: float


def chain(points: Array, candidate: Candidate, x: Array, h: float, variance: float, fineness: float) -> Chain:
    """Return the links for a cloud of equal weights; softmax(u) belongs to logits at Y~ with the share u of Delta_i."""
    size = np.linalg.norm(x, axis=1)
    grid = lattice(candidate, h, max(0.0, size.min() - DEVIATIONS * h), size.max() + DEVIATIONS * h, fineness)
    feet = np.asarray(candidate.manifold.project(points))
    off, reach = candidate.off(points), candidate.reach
    shares, share_weights = panels(0.0, 1.0, 1.0, 6)
    rows, worst = [], 0.0
    for point in x:
        near, weights, _ = nodes_at(grid, point, h)
        foot, normal, distance = grid.foot[near], grid.normal[near], grid.distance[near]
        level = np.sqrt(weights @ distance**2)
        zeta = distance - level
        shift = 2.0 * zeta[:, None] * np.einsum("nd,nid->ni", normal, foot[:, None] - points)
        allowed = np.abs(zeta)[:, None] * (((foot[:, None] - feet) ** 2).sum(axis=2) / reach + 2.0 * off)
        logits = -((foot[:, None] + level * normal[:, None] - points) ** 2).sum(axis=2)
        clear = ((foot[:, None] - feet) ** 2).sum(axis=2) > CLEAR  # closer, both sides are rounding
        worst = max(worst, float((np.abs(shift[clear]) / allowed[clear]).max()))
        difference = log_sum_exp((logits - shift) / (2.0 * variance)) - log_sum_exp(logits / (2.0 * variance))
        row = np.array([abs(float(weights @ difference)), 0.0, 0.0])
        for share, weight in zip(shares, share_weights, strict=True):
            soft = softmax((logits - share * shift) / (2.0 * variance))
            for column, terms in ((1, np.abs(shift)), (2, allowed)):
                row[column] += weight * float(weights @ (soft * terms).sum(axis=1)) / (2.0 * variance)
        rows.append(row)
    return Chain(*np.array(rows).T, worst)
