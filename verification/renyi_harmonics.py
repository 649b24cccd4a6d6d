"""Functions on circles and spheres as sums of harmonics, and what kernels about a point do to each degree.

A kernel that depends on the angle to x alone multiplies harmonics of degree l by one number (Funk and Hecke).  For
N(x, h^2 I) in R^k and Y = rho w, |x| = t, the density of rho weighted with the harmonic is

    w_l(rho; t) = h^-k rho^{k-1} e^{-(rho-t)^2/2h^2} kappa^{-nu} e^{-kappa} I_{l+nu}(kappa),
    kappa = rho t/h^2, nu = k/2 - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .rates import Array

#: Multipliers below this are left out.
NEGLIGIBLE = 1e-9


class Harmonics(Protocol):
    """Points of the unit sphere with quadrature weights, and harmonics up to some degree.

    Attributes
    ----------
    feet, field_feet : where functions are taken apart, (A, k), and where sums are taken, (B, k).
    weights : of field_feet, they sum to 1.
    degrees : of the modes, (L,).
    """

    feet: Array
    field_feet: Array
    weights: Array
    degrees: np.ndarray

    def modes(self, values: Array) -> np.ndarray:
        """Return the coefficients (L, c) of functions given at the feet, (c, A)."""
        ...

    def field(self, modes: np.ndarray) -> Array:
        """Return the functions (n, B) with coefficients (n, L)."""
        ...


class Periodic:
    """Functions of an angle with `period` equal sectors: degrees 0, period, 2 period ..., up to `highest`."""

    def __init__(self, period: int, feet: int, highest: float) -> None:
        self._feet = feet
        count = int(min(feet // 2, highest // period)) + 1
        self.degrees = period * np.arange(count)
        self._field = max(16, 3 * count)
        self.feet, self.field_feet = (_turn(period, n) for n in (feet, self._field))
        self.weights = np.full(self._field, 1.0 / self._field)

    def modes(self, values: Array) -> np.ndarray:
        return np.asarray(np.fft.rfft(values, axis=1)[:, : len(self.degrees)].T / self._feet)

    def field(self, modes: np.ndarray) -> Array:
        return np.asarray(np.fft.irfft(modes * self._field, self._field, axis=1))


def _turn(period: int, n: int) -> Array:
    angles = 2.0 * np.pi / period * np.arange(n) / n
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


class Spherical:
    """Functions on S^2: Gauss-Legendre in the height, trapezoidal in the longitude, real harmonics up to `highest`.

    Sums are taken at the feet and, with weight 0, at further points (n, 3) where a supremum may sit.
    """

    def __init__(self, highest: int, further: Array) -> None:
        height, weight = np.polynomial.legendre.leggauss(highest + 1)
        turns = 2 * highest + 2
        longitude = 2.0 * np.pi * np.arange(turns) / turns
        height, longitude = np.repeat(height, turns), np.tile(longitude, highest + 1)
        self._quadrature = np.repeat(weight / (2.0 * turns), turns)
        self._basis, self.degrees = _real_harmonics(highest, height, longitude)
        across = np.sqrt(1.0 - height**2)
        self.feet = np.stack([across * np.cos(longitude), across * np.sin(longitude), height], axis=1)
        there, _ = _real_harmonics(highest, further[:, 2], np.arctan2(further[:, 1], further[:, 0]))
        self._field = np.concatenate([self._basis, there], axis=1)
        self.field_feet = np.concatenate([self.feet, further])
        self.weights = np.append(self._quadrature, np.zeros(len(further)))

    def modes(self, values: Array) -> np.ndarray:
        return np.asarray(self._basis @ (values * self._quadrature).T)

    def field(self, modes: np.ndarray) -> Array:
        return np.asarray(modes @ self._field)


def _real_harmonics(highest: int, height: Array, longitude: Array) -> tuple[Array, np.ndarray]:
    """Return harmonics of mean square 1 at points (n,), shape (modes, n), and their degrees, in ascending order."""
    table, degrees = [], []
    for m in range(highest + 1):
        waves = (np.cos(m * longitude), np.sin(m * longitude)) if m else (np.full(len(longitude), np.sqrt(0.5)),)
        for degree, values in zip(range(m, highest + 1), _legendre(m, highest, height), strict=True):
            table += [values * wave * np.sqrt(2.0) for wave in waves]
            degrees += [degree] * len(waves)
    order = np.argsort(degrees, kind="stable")
    return np.array(table)[order], np.array(degrees)[order]


def _legendre(m: int, highest: int, height: Array) -> list[Array]:
    """Return associated Legendre functions of order m, degrees m ... highest, of mean square 1 on the sphere."""
    across = np.sqrt(1.0 - height**2)
    start = np.ones_like(height)
    for k in range(1, m + 1):
        start = start * across * np.sqrt((2 * k + 1) / (2 * k))
    found = [start, height * np.sqrt(2 * m + 3) * start]
    for n in range(m + 2, highest + 1):
        a = np.sqrt((4 * n * n - 1) / (n * n - m * m))
        b = np.sqrt(((n - 1) ** 2 - m * m) / (4 * (n - 1) ** 2 - 1))
        found.append(a * (height * found[-1] - b * found[-2]))
    return found[: highest - m + 1]


class Constant:
    """Functions that do not depend on the direction."""

    degrees = np.array([0])
    weights = np.array([1.0])

    def __init__(self, k: int) -> None:
        self.feet = self.field_feet = np.eye(k)[:1]

    def modes(self, values: Array) -> np.ndarray:
        return np.asarray(values[:, :1].T)

    def field(self, modes: np.ndarray) -> Array:
        return np.asarray(modes)


@dataclass(frozen=True)
class GaussianLaw:
    """N(x, h^2 I): w_l as above; `extent` deviations are kept."""

    scale: float
    extent = 6.3

    @property
    def law_scale(self) -> float:
        """The length in units of which `psi` is taken."""
        return self.scale

    @property
    def width(self) -> float:
        """How far Y may be from x."""
        return self.extent * self.scale

    def deviation(self, d: int) -> float:
        """Return E[|Y - x|^2]^{1/2}, which bounds K because distances are 1-Lipschitz."""
        return float(np.sqrt(d) * self.scale)

    def highest(self, largest: float) -> float:
        """Return the degree beyond which multipliers are negligible at radii up to `largest`."""
        return float(np.sqrt(-2.0 * np.log(NEGLIGIBLE)) * largest / self.scale)

    @property
    def peaks(self) -> Array:
        """Where |psi| is largest, for every codimension, in units of law_scale."""
        return np.array([1.4, 1.8, 2.2, 2.6, 3.0])

    def radii(self, t: Array, radius: float, n: int) -> tuple[Array, Array]:
        """Return nodes rho and weights (T, K) on [t - width, t + width], with an end of a panel at the radius."""
        panels = 3
        low, high = np.maximum(t - self.width, 0.0), t + self.width
        return _split(low, np.clip(radius, low, high), high, panels, n)

    def zonal(self, rho: Array, t: Array, k: int, degrees: np.ndarray) -> Array:
        """Return w_l(rho; t), shape (L, T, K), for t of shape (T, 1)."""
        kappa = rho * t / self.scale**2
        front = rho ** (k - 1) / self.scale**k * np.exp(-((rho - t) ** 2) / (2.0 * self.scale**2))
        return np.asarray(front * bessel(kappa, 0.5 * k - 1.0, degrees))

    def across(self, z: Array) -> Array:
        """Return the density of the part of Y - x in a direction orthogonal to R^k."""
        return np.asarray(np.exp(-(z**2) / (2.0 * self.scale**2)) / (np.sqrt(2.0 * np.pi) * self.scale))


@dataclass(frozen=True)
class BallLaw:
    """The uniform law on the ball of the given radius about x, in R^2 or R^3."""

    width: float

    @property
    def law_scale(self) -> float:
        return self.width

    def deviation(self, d: int) -> float:
        return float(np.sqrt(d / (d + 2.0)) * self.width)

    def highest(self, largest: float) -> float:
        """No degree: the edge is sharp, multipliers of degree l fall off as a power of l h only."""
        return np.inf

    @property
    def peaks(self) -> Array:
        return np.array([0.8, 0.85, 0.9, 0.95, 1.0])

    def radii(self, t: Array, radius: float, n: int) -> tuple[Array, Array]:
        """Nodes t + h sin(w), uniform in w up to an end of a panel at the radius: roots at the edge are smooth."""
        middle = np.arcsin(np.clip((radius - t) / self.width, -1.0, 1.0))
        ends = np.full_like(t, 0.5 * np.pi)
        w, weights = _split(-ends, middle, ends, 1, 2 * n)
        return t[:, None] + self.width * np.sin(w), weights * self.width * np.cos(w)

    def zonal(self, rho: Array, t: Array, k: int, degrees: np.ndarray) -> Array:
        half = np.clip((self.width**2 - (rho - t) ** 2) / (4.0 * rho * t), 0.0, 1.0)  # sin^2 of half the angle
        if k == 2:
            angle = 2.0 * np.arcsin(np.sqrt(half))
            order = degrees[:, None, None]
            chord = 2.0 * angle * np.sinc(order * angle / np.pi)
            return np.asarray(rho / (np.pi * self.width**2) * chord)
        cosine = 1.0 - 2.0 * half
        top = int(degrees.max())
        polynomials = [np.ones_like(cosine), cosine]
        for n in range(1, top + 1):
            polynomials.append(((2 * n + 1) * cosine * polynomials[n] - n * polynomials[n - 1]) / (n + 1))
        caps = [2.0 * half] + [(polynomials[n - 1] - polynomials[n + 1]) / (2 * n + 1) for n in range(1, top + 1)]
        return np.asarray(1.5 * rho**2 / self.width**3 * np.array(caps)[degrees])


def _split(low: Array, middle: Array, high: Array, panels: int, n: int) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes on `panels` pieces of [low, middle] and of [middle, high], shape (T, 2 panels n)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    share = ((np.arange(panels)[:, None] + 0.5 * (nodes + 1.0)) / panels).ravel()
    each = np.tile(0.5 * weights / panels, panels)
    below, above = (middle - low)[:, None], (high - middle)[:, None]
    rho = np.concatenate([low[:, None] + below * share, middle[:, None] + above * share], axis=1)
    return rho, np.concatenate([below * each, above * each], axis=1)


def bessel(kappa: Array, nu: float, degrees: np.ndarray) -> Array:
    """Return kappa^-nu e^-kappa I_{l+nu}(kappa) for the degrees l, in ascending order, shape (L, ...).

    Ratios of successive degrees by their continued fraction from far above, which is stable; the lowest from scipy.
    """
    from scipy.special import ive

    distinct, place = np.unique(degrees, return_inverse=True)
    top = int(np.sqrt(distinct[-1] ** 2 + 30.0 * float(kappa.max()))) + 10
    order = top + nu
    ratio = kappa / (order + np.sqrt(order**2 + kappa**2))
    twice = 2.0 / kappa
    steps = np.ones((len(distinct), *kappa.shape))
    for n in range(top, 0, -1):
        ratio = 1.0 / ((n + nu) * twice + ratio)  # I_{n+nu}/I_{n-1+nu}
        if n <= distinct[-1]:
            into = int(np.searchsorted(distinct, n))
            steps[into] *= ratio
    steps[0] *= ive(nu, kappa) * kappa**-nu
    return np.asarray(np.cumprod(steps, axis=0)[place])
