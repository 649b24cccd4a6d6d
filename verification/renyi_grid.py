"""Two log-densities on a grid around a manifold: the divergences between them, and a law for their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .by_hand import log_sum_exp
from .quadrature import panels
from .rates import Array


@dataclass(frozen=True)
class Grid:
    """Values at points around M, shapes (T, B): T offsets from M, B feet.

    Attributes
    ----------
    log_weights : logarithms of quadrature weights with the volume element.
    log_q : log p^{k^M}, up to a constant.
    delta : log p^k - log p^{k^M}, before both are normalised.
    law : what delta is to leading order in h/reach.
    distance : dist(x, M), (T,).
    mass_error : how far the kernel's weights are from summing to 1.
    rows, feet : coordinates of the offsets (T, c) and of the feet (B, ...), from which x is found.
    """

    log_weights: Array
    log_q: Array
    delta: Array
    law: Array
    distance: Array
    mass_error: float
    rows: Array
    feet: Array

    def shares(self) -> Array:
        """Return the masses of p^{k^M} at the nodes, which sum to 1."""
        mass = self.log_weights + self.log_q
        return np.asarray(np.exp(mass - log_sum_exp(mass.ravel())))

    def within(self, radius: float) -> Grid:
        """Return the part with dist(x, M) < radius."""
        chosen = self.distance < radius
        parts = (array[chosen] for array in (self.log_weights, self.log_q, self.delta, self.law, self.distance))
        return Grid(*parts, self.mass_error, self.rows[chosen], self.feet)

    def oscillation(self) -> float:
        return float(np.ptp(self.delta))


def divergence(share: Array, delta: Array, order: float) -> float:
    """Return D_q(P||Q), Q the masses `share`, log dP/dQ = delta + const, without cancellation.

    With l = delta - log E_Q e^delta, D_q = log(1 + E_Q[e^{ql} - 1 - q (e^l - 1)])/(q - 1), an integrand >= 0.
    """
    middle = float((share * delta).sum())
    ell = delta - middle - math.log1p(float((share * np.expm1(delta - middle)).sum()))
    if math.isinf(order):
        return float(ell.max())
    if order == 1.0:
        return float((share * (np.exp(ell) * ell - np.expm1(ell))).sum()) if np.ptp(ell) > 1e-2 else _close(share, ell)
    excess = float((share * _excess(ell, order)).sum())
    return math.log1p(excess) / (order - 1.0)


def _close(share: Array, ell: Array) -> float:
    """Return E_Q[e^l l - e^l + 1] by its series."""
    return float((share * ell**2 * (0.5 + ell / 3.0 + ell**2 / 8.0 + ell**3 / 30.0 + ell**4 / 144.0)).sum())


def _excess(ell: Array, order: float) -> Array:
    """Return e^{ql} - 1 - q (e^l - 1), by its series where l is small."""
    far = np.expm1(order * ell) - order * np.expm1(ell)
    term, total = ell.copy(), np.zeros_like(ell)
    for n in range(2, 12):
        term = term * ell / n
        total += (order**n - order) * term
    return np.where(np.abs(order * ell) < 0.05, total, far)


def variance(share: Array, values: Array) -> float:
    middle = float((share * values).sum())
    return float((share * (values - middle) ** 2).sum())


def cumulants(share: Array, values: Array) -> tuple[float, float, float]:
    """Return the second, third and fourth cumulant."""
    apart = values - float((share * values).sum())
    second, third, fourth = (float((share * apart**n).sum()) for n in (2, 3, 4))
    return second, third, fourth - 3.0 * second**2


def psi(v: Array) -> Array:
    """Return sqrt(1 + v^2)(2 Phi(v) - 1) - v: for Y = v + N(0, 1), r E sign(Y) - E Y with r = E[Y^2]^{1/2}."""
    from scipy.special import erf

    return np.asarray(np.sqrt(1.0 + v**2) * erf(v / math.sqrt(2.0)) - v)


def psi_plane(v: Array) -> Array:
    """The same for a normal plane: r E[Y_1/|Y|] - E Y_1, Y = (v, 0) + N(0, I_2), r = sqrt(v^2 + 2)."""
    from scipy.special import ive

    w = v**2 / 4.0
    return np.asarray(np.sqrt(v**2 + 2.0) * math.sqrt(math.pi / 8.0) * v * (ive(0, w) + ive(1, w)) - v)


def psi_semicircle(v: Array) -> Array:
    """The same for a component of the uniform law on the unit disc, of density (2/pi) sqrt(1 - s^2)."""
    s = np.clip(v, -1.0, 1.0)
    sign = 2.0 / np.pi * (s * np.sqrt(1.0 - s**2) + np.arcsin(s))
    return np.asarray(np.sqrt(0.25 + v**2) * sign - v)


def psi_parabola(v: Array) -> Array:
    """The same for a component of the uniform law on the unit ball of R^3, of density (3/4)(1 - s^2)."""
    s = np.clip(v, -1.0, 1.0)
    return np.asarray(np.sqrt(0.2 + v**2) * 0.5 * (3.0 * s - s**3) - v)


def graded(low: float, high: float, fine: float, coarse: float, n: int) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes and weights on [low, high], low <= 0 < high, in panels that grow away from 0."""
    sides = []
    for end in (-low, high):
        edges, step = [0.0], fine
        while edges[-1] < end:
            edges.append(min(end, edges[-1] + step))
            step = min(1.6 * step, coarse)
        sides.append(np.array(edges))
    return panels(np.concatenate([-sides[0][:0:-1], sides[1]]), n)


class Interpolation:
    """Chebyshev interpolation of functions on [low, high]."""

    def __init__(self, low: float, high: float, n: int) -> None:
        self._middle, self._half, self._n = 0.5 * (low + high), 0.5 * (high - low), n
        self._angles = np.pi * (np.arange(n) + 0.5) / n
        self.nodes = self._middle + self._half * np.cos(self._angles)

    def coefficients(self, values: Any) -> Any:
        """Return coefficients from values at the nodes, along axis 0."""
        table = np.cos(np.arange(self._n)[:, None] * self._angles) * (2.0 / self._n)
        table[0] *= 0.5
        return np.tensordot(table, values, 1)

    def table(self, x: Array) -> Array:
        """Return the polynomials at x, shape (*x.shape, n)."""
        u = np.clip((x - self._middle) / self._half, -1.0, 1.0)
        return np.asarray(np.cos(np.arange(self._n) * np.arccos(u)[..., None]))
