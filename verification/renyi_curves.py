"""Delta LSE and log p^{k^M} for samples on closed curves in the plane, in tubular coordinates.

With Y = y(u) + s n(u), n the unit normal, log p(Y) + s^2/2 sigma^2 = F(s, u) + const,

    F(s, u) = LSE_i(-(|y(u) - x_i|^2 + 2 s <n(u), y(u) - x_i>)/2 sigma^2),

and Delta LSE(x) = E[F(s, u) - F(+-r(x), u)] with the sign of s.  The law N(x, h^2 I) is summed over the common nodes u
within a window around x, and over s in panels that end at s = 0; F is interpolated in s by Chebyshev polynomials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .by_hand import log_sum_exp
from .rates import Array
from .renyi_grid import Grid, Interpolation, graded, psi
from .renyi_harmonics import GaussianLaw
from .renyi_links import level
from .renyi_zonal import REACH, Resolution, with_peaks
from .shapes import Shape

#: Spacing of the nodes u over the bandwidth: trapezoidal sums of a normal density are off by e^{-2 pi^2/SPACING^2}.
SPACING = 1.0


@dataclass(frozen=True)
class CurveSample:
    """Points (N, 2) on a closed curve that is run through anticlockwise.

    Curve and points are unchanged if the parameter moves on by 1/fold of its period, for mirrored ones also by u -> -u.
    """

    shape: Shape
    points: Array
    reach: float
    fold: int = 1
    mirrored: bool = False

    @property
    def gap(self) -> float:
        """The largest distance from a point of the curve (of many) to the nearest of the sample."""
        y = self.shape.derivative(np.linspace(self.shape.lower, self.shape.upper, 4001), 0)
        return float(np.sqrt(((y[:, None] - self.points) ** 2).sum(axis=2).min(axis=1).max()))

    def frame(self, u: Array) -> tuple[Array, Array, Array, Array]:
        """Return y, the outer normal n, |y'| and the curvature."""
        y, first, second = (self.shape.derivative(u, order) for order in range(3))
        speed = np.linalg.norm(first, axis=1)
        normal = np.stack([first[:, 1], -first[:, 0]], axis=1) / speed[:, None]
        bend = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / speed**3
        return y, normal, speed, bend


def on_curve(sample: CurveSample, kernel: GaussianLaw, sigma: float, resolution: Resolution, feet: int) -> Grid:
    """Return the two densities within the tube that holds x and Y, with `feet` places around the curve.

    By symmetry only a part of them is looked at.
    """
    h, turn = kernel.scale, sample.shape.upper - sample.shape.lower
    inner = min(REACH * sigma, sample.reach - 1.02 * kernel.width)
    if inner <= 0.0:
        raise ValueError(f"the kernel's width {kernel.width:g} must be below the reach {sample.reach:g}")
    t, t_weights = graded(-inner, REACH * sigma, min(h, sigma), 1.5 * sigma, resolution.offsets)
    t, t_weights = with_peaks(t, t_weights, h * kernel.peaks)
    coarse = sample.frame(sample.shape.lower + turn * np.arange(400) / 400)
    slowest = 1.0 - np.abs(coarse[3]).max() * (inner + kernel.width)
    parts = sample.fold * (2 if sample.mirrored else 1)
    sectors = max(1, len(sample.points) // parts)  # an odd number of places in each: halfway between two points, too
    shown = sectors * (2 * round(0.5 * feet * resolution.factor / parts / sectors - 0.5) + 1)
    feet = parts * shown
    step = SPACING * h / resolution.factor / coarse[2].max()
    stride = 2 * int(np.ceil(0.5 * turn / step / feet))
    count = stride * feet
    u = sample.shape.lower + turn * np.arange(count) / count
    chosen = stride // 2 + stride * np.arange(shown)
    y, normal, speed, bend = sample.frame(u)
    half = int(np.ceil(kernel.width / max(slowest, 0.2) / coarse[2].min() * count / turn))
    around = (chosen[:, None] + np.arange(-half, half + 1)) % count  # (B, W)
    s, s_weights = kernel.radii(t + sample.reach, sample.reach, resolution.radial)
    s = s - sample.reach
    cut = Interpolation(s.min(), s.max(), 3 * resolution.chebyshev // 4)
    envelope = cut.coefficients(_envelope(y, normal, sample.points, cut.nodes, sigma))[:, around]  # (C, B, W)
    found = []
    for row, offset in enumerate(t):
        x = y[chosen] + offset * normal[chosen]
        apart = y[around] - x[:, None]  # (B, W, 2)
        along = (apart * normal[around]).sum(axis=2)[..., None]
        square = (apart**2).sum(axis=2)[..., None] + 2.0 * s[row] * along + s[row] ** 2
        volume = speed[around][..., None] * np.maximum(1.0 + bend[around][..., None] * s[row], 0.0)
        w = np.exp(-square / (2.0 * h * h)) * volume * s_weights[row]
        total = w.sum(axis=(1, 2))
        w /= total[:, None, None]
        mass = total * (turn / count) / (2.0 * np.pi * h * h)
        r = level(w.sum(axis=1), np.abs(s[row]), np.full(shown, abs(offset)))
        outside = s[row] > 0.0
        there = (cut.table(side * r) for side in (-1.0, 1.0))  # (B, C) each
        parts = (w[..., ~outside].sum(axis=2), w[..., outside].sum(axis=2))
        moved = sum(part[..., None] * table[:, None] for part, table in zip(parts, there, strict=True))
        at_y = w @ cut.table(s[row])  # (B, W, C)
        delta, mean = (np.einsum("bwc,cbw->b", values, envelope) for values in (at_y - moved, moved))
        found.append((delta, mean - r**2 / (2.0 * sigma**2), mass))
    delta, log_q, mass = (np.array(part) for part in zip(*found, strict=True))
    volume = speed[chosen] * np.maximum(1.0 + bend[chosen] * t[:, None], 1e-300) * (turn / feet)
    law = _slope(y[chosen], normal[chosen], sample.points, sigma) * h * psi(t / h)[:, None]
    with np.errstate(divide="ignore"):
        log_weights = np.log(volume) + np.log(t_weights)[:, None]
    return Grid(
        log_weights, log_q, delta, law, np.abs(t), float(np.abs(mass - 1.0).max()),
        t[:, None], u[chosen],
    )  # fmt: skip


def _envelope(y: Array, normal: Array, points: Array, s: Array, sigma: float) -> Array:
    """Return F(s, u), shape (C, A)."""
    apart = y[:, None] - points
    squares, along = (apart**2).sum(axis=2), np.einsum("and,ad->an", apart, normal)
    return np.stack([log_sum_exp(-(squares + 2.0 * offset * along) / (2.0 * sigma**2)) for offset in s])


def _slope(y: Array, normal: Array, points: Array, sigma: float) -> Array:
    """Return -dF/ds at s = 0: the softmax mean of <n, y - x_i> over sigma^2."""
    apart = y[:, None] - points
    logits = -(apart**2).sum(axis=2) / (2.0 * sigma**2)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    along = np.einsum("and,ad->an", apart, normal)
    return np.asarray((weights * along).sum(axis=1) / weights.sum(axis=1) / sigma**2)
