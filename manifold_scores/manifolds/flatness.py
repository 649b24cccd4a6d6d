"""Whether a curvature is below a bound everywhere: bisection of panels and directions with Chebyshev coefficients."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from .bending import Forms, nodes_of, to_chebyshev
from .cells import IntArray

__all__ = ["exceeds"]

#: Directions h are cut into this many at first; sets bisected at once.
FIRST_DIRECTIONS, BATCH = 8, 256
#: Relative size of the forms below which a value does not count as negative: rounding.
ROUNDING = 1e-12


@dataclass
class _Sets:
    """Boxes of panels times intervals of directions h = (1, t), |t| <= tan(angle), in coordinates turned towards them.

    form (n, k, n1, n2), inward (n, 1, n1, n2): Chebyshev coefficients on the boxes; rest (n, 2); panel (n,);
    center, half (n, 2): the boxes; angle (n,).
    """

    form: FloatArray
    inward: FloatArray
    rest: FloatArray
    panel: IntArray
    center: FloatArray
    half: FloatArray
    angle: FloatArray

    def take(self, rows: IntArray) -> _Sets:
        return _Sets(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def exceeds(forms: Forms, bound: float, budget: int) -> tuple[IntArray, FloatArray] | None:
    """Return None where |II(e, e)| <= bound provably, or else (panel, xi (N, 2)) of points where it may be larger.

    Parameters
    ----------
    forms : of a curve or a surface; where a side of a surface bends inward nothing is asked.
    bound : what to prove.
    budget : bisections after which the points that are left are returned.
    """
    count, k = forms.speed.shape[:2]
    rest = np.stack([bound**2 * forms.rests[:, 0] + forms.rests[:, 1], forms.rests[:, 2]], axis=1)
    size = bound**2 * np.abs(forms.speed).sum(axis=(1, 2, 3))
    boxes = np.zeros((count, 2)), np.ones((count, 2))
    every = _Sets(bound**2 * forms.speed - forms.bend, forms.inward, rest, np.arange(count), *boxes, np.zeros(count))
    if k == 5:
        every = every.take(np.repeat(np.arange(count), FIRST_DIRECTIONS))
        width = np.pi / FIRST_DIRECTIONS
        every.form = _turned(every.form, np.tile(width * np.arange(FIRST_DIRECTIONS), count))
        every.angle[:] = 0.5 * width
    stack = [every]
    while stack:
        sets = stack.pop()
        if len(sets.panel) > BATCH:
            stack.append(sets.take(np.arange(BATCH, len(sets.panel))))
            sets = sets.take(np.arange(BATCH))
        budget -= len(sets.panel)
        low, axis = _lowest(sets)
        open_ = np.flatnonzero(low <= 0.0)
        sets, axis = sets.take(open_), axis[open_]
        beyond = (_middle(sets.form[:, :1]) < -ROUNDING * size[sets.panel]) & (_middle(sets.inward) <= 0.0)
        if beyond.any() or (budget < 0 and len(open_)):
            rows = np.flatnonzero(beyond) if beyond.any() else np.arange(len(open_))
            return sets.panel[rows], sets.center[rows]
        for direction in range(3):
            chosen = np.flatnonzero(axis == direction)
            if len(chosen):
                stack.extend(_halves(sets.take(chosen), direction))
    return None


def _lowest(sets: _Sets) -> tuple[FloatArray, IntArray]:
    """Return lower bounds on the form, or on how a side bends inward, and the direction to bisect (2: of h)."""
    form, slope = np.abs(sets.form), np.tan(sets.angle)
    mean = sets.form[:, :, 0, 0]
    spread = form.sum(axis=(2, 3)) - form[:, :, 0, 0]
    powers = slope[:, None] ** np.arange(mean.shape[1])
    rest = sets.rest[:, 0] * (1.0 + slope**2) ** 2
    low = mean[:, 0] - (spread * powers).sum(axis=1) - rest
    losses = [
        (form[:, :, 1:].sum(axis=(2, 3)) * powers).sum(axis=1),
        (form[..., 1:].sum(axis=(2, 3)) * powers).sum(axis=1),
    ]
    if mean.shape[1] == 5:
        low += _parabola(mean[:, 1], mean[:, 2], slope)
        high = np.abs(mean[:, 3]) * powers[:, 3] - np.minimum(mean[:, 4], 0.0) * powers[:, 4]
        low -= high
        losses.append(high + (spread[:, 1:] * powers[:, 1:]).sum(axis=1))
    inward = np.abs(sets.inward)
    certain = sets.inward[:, 0, 0, 0] - (inward.sum(axis=(1, 2, 3)) - inward[:, 0, 0, 0]) - sets.rest[:, 1]
    return np.maximum(low, certain), np.argmax(losses, axis=0)


def _parabola(slope: FloatArray, square: FloatArray, end: FloatArray) -> FloatArray:
    """Return the minimum of slope t + square t^2 over |t| <= end."""
    inside = 2.0 * square * end > np.abs(slope)
    bottom = -(slope**2) / np.where(inside, 4.0 * square, 1.0)
    return np.asarray(np.where(inside, bottom, square * end**2 - np.abs(slope) * end))


def _middle(series: FloatArray) -> FloatArray:
    """Return the first form at the middle of the boxes, T_2k(0) = (-1)^k."""
    signs = [np.where(np.arange(n) % 2, 0.0, 1.0 - np.arange(n) % 4) for n in series.shape[2:]]
    return np.asarray(np.einsum("nab,a,b->n", series[:, 0], *signs))


def _halves(sets: _Sets, direction: int) -> list[_Sets]:
    halves = []
    for sign in (-1.0, 1.0):
        half = sets.take(np.arange(len(sets.panel)))
        if direction == 2:
            half.form = _turned(half.form, sign * 0.5 * half.angle)
            half.angle = 0.5 * half.angle
        else:
            half.form, half.inward = (_restricted(part, direction, sign) for part in (half.form, half.inward))
            half.half[:, direction] *= 0.5
            half.center[:, direction] += sign * half.half[:, direction]
        halves.append(half)
    return halves


def _restricted(series: FloatArray, axis: int, sign: float) -> FloatArray:
    matrix = _restriction(series.shape[2 + axis], sign)
    return np.moveaxis(np.tensordot(matrix, series, axes=(1, 2 + axis)), 0, 2 + axis)


@functools.cache
def _restriction(size: int, sign: float) -> FloatArray:
    """Return the matrix of Chebyshev coefficients on [-1, 0] or [0, 1] from those on [-1, 1]."""
    vander = np.polynomial.chebyshev.chebvander(0.5 * (nodes_of(size) + sign), size - 1)
    return np.asarray(to_chebyshev(size) @ vander)


def _turned(form: FloatArray, angle: FloatArray) -> FloatArray:
    """Return the coefficients of quartic forms (n, 5, ...) in coordinates turned by an angle (n,)."""
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.zeros((len(angle), 5, 5))
    for k in range(5):
        # h_1^(4-k) h_2^k with h_1 = c - s t, h_2 = s + c t.
        powers = np.zeros((len(angle), 5))
        powers[:, 0] = 1.0
        for constant, linear in [(c, -s)] * (4 - k) + [(s, c)] * k:
            shifted = np.roll(powers, 1, axis=1)
            powers = constant[:, None] * powers + linear[:, None] * shifted
        matrix[:, :, k] = powers
    return np.asarray(np.einsum("njk,nkab->njab", matrix, form))
