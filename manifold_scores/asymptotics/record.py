"""The small-time expansion at one point, and what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..processes import Process
from ..tilt import Measure
from .clocks import growth, shift
from .symbolic import Formula, formula

__all__ = ["Expansion", "RemainderRate"]


class RemainderRate(NamedTuple):
    """e ~ constant s^exponent; a constant 0 says that e is of higher order (or exponentially small)."""

    exponent: float
    constant: float


@dataclass(frozen=True, eq=False, repr=False)
class Expansion:
    """How f(x, s), the mean of Q_{x,s}, and the score behave at one point x as s -> 0 (theory 3).

        f = y_x + sqrt(s) root + s b + O(s^{3/2}),       root = 0 except over an edge and at a focal point
        f(x, t) = y_x + a s D x + s b + O(s^2),          1/alpha = 1 + a s + ..., D = `projection_derivative`
        -score = alpha/sigma^2 (z - f) = v/t + c + O(t),  c = a x - a D x - b       (Ornstein-Uhlenbeck, rate a)

    `print` shows the numbers, and for SymPy manifolds the formulas.

    Attributes
    ----------
    measure, x : what was expanded, and where, (d,).
    situation : "interior"; "edge": y_x on the boundary, x - y_x normal to M there; "end" of a curve, "side" or
        "corner" of a surface or box: y_x on the boundary, x - y_x in the interior of the normal cone; "focal": a vertex
        of a curve; "medial axis": several nearest points; "point cloud".
    point, parameter, v : y_x (d,), its parameter (None where there is none), v = x - y_x.
    tangent_basis, H : orthonormal basis (d, m) of the tangent space at y_x, and H = I - <v, II> in it, (m, m).
    b_normal, b_tangential : parts b_N and b_T of b, (d,); NaN over an edge, at a focal point, on the medial axis.
    root, drift : coefficient of sqrt(s), (d,); `root + a drift` where x/alpha moves by a s x (only at focal points).
    nearest_points, weights : all nearest points (n, d), and the shares they have of f as s -> 0 (n,); for a process of
        rate a times exp(a <x, y_i>), normalised.
    gap : (d_2^2 - d_1^2)/2 to the next local minimum of the distance: the other terms count for s well below it.
    prefactor : for point clouds f - y_x ~ prefactor exp(-gap/s), (d,); 0 elsewhere.
    """

    measure: Measure
    x: FloatArray
    situation: str
    point: FloatArray
    parameter: Any
    v: FloatArray
    tangent_basis: FloatArray
    H: FloatArray
    b_normal: FloatArray
    b_tangential: FloatArray
    root: FloatArray
    drift: FloatArray
    nearest_points: FloatArray
    weights: FloatArray
    gap: float
    prefactor: FloatArray
    _projection: FloatArray  # in the tangent basis
    _spread: FloatArray
    _runners_up: FloatArray  # of a cloud, (k, d)
    _shares: FloatArray  # w_j/w_1 of these, (k,)

    @property
    def eigenvalues(self) -> FloatArray:
        """Eigenvalues of H, ascending, (m,)."""
        return np.asarray(np.linalg.eigvalsh(self.H))

    @property
    def b(self) -> FloatArray:
        """The coefficient b = b_normal + b_tangential, (d,)."""
        return self.b_normal + self.b_tangential

    @property
    def covariance(self) -> FloatArray:
        """The limit of Cov(Q_{x,s})/s, (d, d): H^-1 on the tangent space, of a cut Gaussian over an edge; or NaN."""
        return self.tangent_basis @ self._spread @ self.tangent_basis.T

    @property
    def projection_derivative(self) -> FloatArray:
        """D, the derivative of the nearest-point projection at x, (d, d); NaN where it has none."""
        return self.tangent_basis @ self._projection @ self.tangent_basis.T

    @property
    def _moved(self) -> FloatArray:
        """D x, without the matrix."""
        return np.asarray(self.tangent_basis @ (self._projection @ (self.tangent_basis.T @ self.x)))

    def c(self, process: Process | float) -> FloatArray:
        """Return c(x) = a x - a D x - b, the constant of -score = v/t + c + O(t), shape (d,).

        Parameters
        ----------
        process : the rate a of an Ornstein-Uhlenbeck process, 0 for Brownian motion; or a process, with a the limit of
            (1/alpha - 1)/s: the rate, 0, and 1/2 for `VariancePreserving`, where c is that of (sigma^2/alpha)(-score) =
            v + s c + O(s^2).

        Raises
        ------
        ValueError : over an edge, at a focal point, on the medial axis, where there is no such expansion; a process
            that moves x/alpha faster than s (the linear interpolant).
        """
        power, rate = growth(process)
        if np.isnan(self.b).any():
            raise ValueError(f"c needs an x where f - y_x is of order s; here the situation is {self.situation!r}")
        _refuse_fast(process, power)
        return np.asarray((rate * (self.x - self._moved) if power == 1.0 else 0.0) - self.b)

    def predict_mean(self, variance: Any) -> Any:
        """Return the prediction of f(x, s), the mean of Q_{x,s}, shape (..., d) for s = variance of shape (...).

        The error is O(s^2) where b is known, O(s) over an edge and at a focal point, o(1) on the medial axis.
        """
        s = arrays.variances("variance", variance)
        return arrays.restore(self._mean(s, np.zeros_like(s)), variance)

    def predict_score(self, process: Process, t: Any) -> Any:
        """Return the prediction of the score at x and time t, shape (..., d) for t of shape (...).

        -score = (alpha/sigma^2) (z - f) with the expansion of f at z = x/alpha.

        Raises
        ------
        ValueError, TypeError : t outside the times of the process; over an edge or at a focal point a process that
            moves x/alpha faster than s.
        """
        if not isinstance(process, Process):
            raise TypeError(f"process must be a process, such as OrnsteinUhlenbeck(); got {type(process).__name__}")
        time = arrays.times("t", t, process.end)
        if self.root.any():
            _refuse_fast(process, growth(process).power)
        alpha, sigma2 = np.asarray(process.signal_scale(time)), np.asarray(process.noise_variance(time))
        moved = shift(process, time)
        pull = self._mean(np.asarray(process.effective_variance(time)), moved) - self.point
        return arrays.restore((alpha / sigma2)[..., None] * (pull - self.v - moved[..., None] * self.x), t)

    def _mean(self, s: FloatArray, moved: FloatArray) -> FloatArray:
        """Return f at effective variances s and centers (1 + moved) x, (..., d)."""
        s, moved = s[..., None], moved[..., None]
        if self.situation == "medial axis":
            exponent = (moved / s) * (self.nearest_points @ self.x)
            share = self.weights * np.exp(exponent - exponent.max(axis=-1, keepdims=True))
            return np.asarray(share / share.sum(axis=-1, keepdims=True) @ self.nearest_points)
        if self.root.any():
            return np.asarray(self.point + np.sqrt(s) * (self.root + moved / s * self.drift))
        mean = self.point + moved * self._moved + s * self.b
        if self.prefactor.any():
            away = self._runners_up - self.point
            gap = self.gap - moved * (away @ self.x)  # at (1 + moved) x
            mean = mean + (self._shares * np.exp(-gap / s)) @ away
        return np.asarray(mean)

    def remainder_rate(self, process: Process | float) -> RemainderRate:
        """Return (exponent, constant) with e ~ constant s^exponent, e = |(sigma^2/alpha)(-score) - v|/|v|.

        For Ornstein-Uhlenbeck processes and Brownian motion s = t (1 + O(t)), and e is |t (-score) - v|/|v|.

        Parameters
        ----------
        process : as in `c`.

        Raises
        ------
        ValueError : x on M; over an edge or at a focal point a process that moves x/alpha faster than s.
        """
        power, rate = growth(process)
        distance = float(np.linalg.norm(self.v))
        if distance == 0.0:
            raise ValueError("x must lie off M: the remainder is relative to |x - y_x|")
        if self.situation == "medial axis":
            share = self.weights * np.exp(rate * ((self.nearest_points - self.point) @ self.x) * (power == 1.0))
            lead, exponent = share @ self.nearest_points / share.sum() - self.point, 0.0
        elif self.root.any():
            _refuse_fast(process, power)
            lead, exponent = self.root + (rate if power == 1.0 else 0.0) * self.drift, 0.5
        else:
            lead, exponent = rate * (self.x - self._moved), min(power, 1.0)
            if power >= 1.0 or not lead.any():
                lead, exponent = (lead if power == 1.0 else 0.0) - self.b, 1.0
        return RemainderRate(exponent, float(np.linalg.norm(lead)) / distance)

    def formula(self) -> Formula:
        """Return y, H, b and c as SymPy expressions of the parameters and of coordinates of v; see `Formula`.

        Raises
        ------
        ValueError : the manifold or the density is not given by SymPy expressions.
        """
        return formula(self.measure)

    def __repr__(self) -> str:
        return f"Expansion({self.situation}, of {self.measure!r})"

    def __str__(self) -> str:
        from .printing import text

        return text(self)


def _refuse_fast(process: Process | float, power: float) -> None:
    if power < 1.0:
        raise ValueError(
            f"process must move x/alpha by O(s) here; {process!r} moves it by s^{power:g}: expand at x/alpha instead"
        )
