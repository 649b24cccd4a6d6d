"""Networks with a planted error whose size in L2(p_t) is known, of each kind of prediction.

In z = x/alpha = X_0 + sqrt(s) xi the error is e g(z) u(z, t), u a unit vector that turns with z and t, and

    g^2 = (1 + sin(w.z + c)/2) / (1 + Im[e^{ic} chi(w)] e^{-s|w|^2/2} / 2),     chi(w) = E e^{i w.X_0},

so that E g^2 = 1: its size in L2(p_t) is e at every t, while it differs from point to point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .clocks import Clock
from .rates import Array
from .rounding import UNIT
from .shapes import lima_bean
from .situations_curves import law_on

KINDS = ("posterior_mean", "score", "noise")
NAMES = {"posterior_mean": "f", "score": "score", "noise": "noise"}
TEXTS = {"posterior_mean": "f", "score": "the score", "noise": "the noise"}

#: Planted sizes.  That of the score is an error of f of 1e-6 where s = 1e-6, far above rounding.
SIZES = {"posterior_mean": 1e-3, "score": 1.0, "noise": 1e-2}

#: z.w + c gives the size, the rows of _TURN with their shifts the direction.
_WAVE, _SHIFT = np.array([1.3, -0.7, 0.5]), 0.4
_TURN = np.array([[2.0, 1.0, -1.0], [-1.5, 2.5, 0.5], [0.7, -1.2, 2.2]])


@dataclass(frozen=True)
class Law:
    """A law, its dimension m, the size of its support and its characteristic function at _WAVE, by hand."""

    name: str
    measure: ms.Measure
    dimension: int
    size: float
    characteristic: complex

    @property
    def d(self) -> int:
        """Ambient dimension."""
        return self.measure.ambient_dimension


def line() -> Law:
    """N(mu, a a^T), |a| = 1, on a line in R^2."""
    mean, along = np.array([0.3, -0.2]), np.array([0.8, -0.6])
    wave = _WAVE[:2]
    value = np.exp(1j * wave @ mean - 0.5 * (wave @ along) ** 2)
    return Law("line", ms.Gaussian(mean, np.outer(along, along)), 1, float(np.linalg.norm(mean)) + 1.0, complex(value))


def circle() -> Law:
    from scipy.special import j0

    return Law("circle", ms.Circle(1.0).uniform(), 1, 1.0, complex(j0(np.linalg.norm(_WAVE[:2]))))


def sphere() -> Law:
    return Law("sphere S²", ms.Sphere(3, 1.0).uniform(), 2, 1.0, complex(np.sinc(np.linalg.norm(_WAVE) / np.pi)))


def cloud() -> Law:
    points = np.array([[1.0, 0.0], [0.3, 0.9], [-0.8, 0.5], [-0.8, -0.6], [0.4, -0.9]])
    weights = np.array([0.3, 0.1, 0.2, 0.25, 0.15])
    value = weights @ np.exp(1j * points @ _WAVE[:2])
    return Law("five points", ms.PointCloud(points, weights), 0, 1.0, complex(value))


def bean() -> Law:
    """Uniform in arc length; the trapezoidal rule in u converges exponentially."""
    shape = lima_bean()
    u = shape.grid(512)
    speed = shape.frame(u).speed
    value = (speed / speed.sum()) @ np.exp(1j * shape.derivative(u, 0) @ _WAVE[:2])
    return Law("lima bean", law_on(shape, "uniform"), 1, 1.0, complex(value))


def scale(clock: Clock, t: Any, given: str, wanted: str) -> Any:
    """Return |Delta wanted| / |Delta given|: alpha/sigma^2 for the score per f, alpha/sigma for the noise per f."""
    alpha, sigma2 = clock.alpha(t), clock.sigma2(t)
    per_mean = {"posterior_mean": np.ones_like(sigma2), "score": alpha / sigma2, "noise": alpha / np.sqrt(sigma2)}
    return per_mean[wanted] / per_mean[given]


class Network:
    """The exact prediction of a kind plus the planted error: `predict`, and a score to sample with.

    Attributes
    ----------
    size : e, the error of the prediction in L2(p_t).
    """

    def __init__(self, law: Law, clock: Clock, oracle: Any, kind: str) -> None:
        self.law, self.clock, self.oracle, self.kind = law, clock, oracle, kind
        self.process, self.ambient_dimension = clock.process, law.d
        self.size = SIZES[kind]

    def predict(self, x: Array, t: Array) -> Array:
        """Return the prediction: what an evaluation is told to be of the kind."""
        return np.asarray(getattr(self.oracle, self.kind)(x, t) + self.error(x, t))

    def error(self, x: Array, t: Any) -> Array:
        """Return the planted error, (n, d)."""
        t = np.broadcast_to(np.asarray(t, dtype=float), x.shape[:1])
        s, d = self.clock.variance(t), self.law.d
        z, wave = x / self.clock.alpha(t)[:, None], _WAVE[:d]
        mean = (np.exp(1j * _SHIFT) * self.law.characteristic).imag * np.exp(-0.5 * s * (wave @ wave))
        square = (1.0 + 0.5 * np.sin(z @ wave + _SHIFT)) / (1.0 + 0.5 * mean)
        u = np.cos(z @ _TURN[:d, :d].T + np.arange(d) + np.log(s)[:, None])
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        return np.asarray(self.size * np.sqrt(square)[:, None] * u)

    def targets(self, x: Array, t: float) -> dict[str, Array]:
        """Return posterior mean, score and noise that follow from the prediction, by hand."""
        alpha, sigma2 = float(self.clock.alpha(t)), float(self.clock.sigma2(t))
        sigma, given = np.sqrt(sigma2), self.predict(x, np.full(len(x), t))
        score = {
            "posterior_mean": lambda: (alpha * given - x) / sigma2,
            "score": lambda: given,
            "noise": lambda: -given / sigma,
        }[self.kind]()
        mean = given if self.kind == "posterior_mean" else (x + sigma2 * score) / alpha
        return {"posterior_mean": mean, "score": score, "noise": given if self.kind == "noise" else -sigma * score}

    def score(self, x: Array, t: Any) -> Array:
        """Return the score, for a sampler."""
        return self.targets(x, float(np.ravel(t)[0]))["score"]


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def rounding(law: Law, clock: Clock, oracle: Any, x: Array, t: float) -> Array:
    """Return bounds (n,) of what rounding does to a difference of two targets at the points x, in units of f.

    Mean and displacement of the oracle are each known to 100 eps (|z| + size of M)(1 + 2 L), L = E_Q|y - z|^2/s >=
    tr Cov/s (`rounding.Probes`), and two of them meet.  A conversion takes the difference of terms of size alpha|f|,
    |x| and sigma^2|score|, and rounds each of them and the result, x itself and the scales: below 32 eps (|z| + size).
    """
    reach = np.linalg.norm(x, axis=1) / float(clock.alpha(t)) + law.size
    promised = 2.0 * UNIT * (1.0 + 2.0 * oracle.local_dimension(x, t))
    return np.asarray(reach * (promised + 32.0 * np.finfo(float).eps))
