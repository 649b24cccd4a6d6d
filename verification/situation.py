"""One situation of the small-time theorems: a measure, points x off its support, and what the theory says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .clocks import Clock
from .rates import WINDOWS, Array


@dataclass(frozen=True)
class Situation:
    """n points x of one kind, and what the theory says about them.

    Attributes
    ----------
    points, nearest : x (or the fixed z, if `moving`) and y_x, shape (n, d).
    lead : coefficient of tau^power in multiplier * (-score) - (x - y_x), shape (n, d); tau is t or s, see `axis`.
    mean_lead : coefficient of tau^power in f - y_x, shape (n, d); may vanish.
    group : "interior", "boundary", "cloud" or "focal".
    span : window of tau; None for the one of `rates.WINDOWS`.
    """

    name: str
    group: str
    clock: Clock
    measure: ms.Measure
    points: Array
    nearest: Array
    lead: Array
    mean_lead: Array
    power: float = 1.0
    moving: bool = False
    span: tuple[float, float] | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """Bottom and top of the window of tau."""
        return self.span or WINDOWS[self.power]

    def window(self, points: int) -> Array:
        """Return `points` geometric values of tau in the window."""
        return np.geomspace(*self.ends, points)

    @property
    def axis(self) -> str:
        """Name of tau: the process's own time where the theorem is stated in it, the effective variance elsewhere."""
        return "s" if self.clock.rate is None or self.moving else "t"

    @property
    def distance(self) -> Array:
        """|x - y_x|, shape (n,)."""
        return np.linalg.norm(self.points - self.nearest, axis=1)

    def targets(self, noised: Callable[[ms.Measure, ms.Process], Any], tau: Array) -> dict[str, Array]:
        """Return multiplier * (-score), |score|, |noise| and f at every tau and x, shapes (T, n, d) and (T, n)."""
        model, x, t, multiplier = self._queries(noised, tau, self.points)
        score = model.score(x, t)
        return {
            "blow-up": -multiplier * score,
            "score": np.linalg.norm(score, axis=2),
            "noise": np.linalg.norm(model.noise(x, t), axis=2),
            "mean": model.posterior_mean(x, t),
        }

    def blow_up(
        self, noised: Callable[[ms.Measure, ms.Process], Any], tau: Array, points: Array | None = None
    ) -> Array:
        """Return multiplier * (-score) at every tau and x, shape (T, n, d), for `points` in place of x if given."""
        model, x, t, multiplier = self._queries(noised, tau, self.points if points is None else points)
        return np.asarray(-multiplier * model.score(x, t))

    def _queries(self, noised: Any, tau: Array, points: Array) -> tuple[Any, Array, Array, Array]:
        t = tau if self.axis == "t" else self.clock.time(tau)
        alpha, sigma2 = self.clock.alpha(t), self.clock.sigma2(t)
        multiplier = t if self.axis == "t" else sigma2 / alpha
        x = np.broadcast_to(points, (len(t), *points.shape))
        if self.moving:
            x = alpha[:, None, None] * x
        return noised(self.measure, self.clock.process), x, t[:, None], multiplier[:, None, None]


def next_order(
    name: str, group: str, clock: Clock, measure: ms.Measure, x: Array, y: Array, derivative: Array, b: Array,
    moving: bool = False, span: tuple[float, float] | None = None,
) -> Situation:  # fmt: skip
    """Next order away from edges; `derivative` is D(x) x."""
    power = 1.0
    if moving:
        lead, mean_lead = -b, b
    elif clock.rate is not None:
        lead, mean_lead = clock.rate * (x - derivative) - b, clock.rate * derivative + b
    elif clock.name == "VP":
        lead, mean_lead = 0.5 * (x - derivative) - b, 0.5 * derivative + b
    else:
        power, lead, mean_lead = 0.5, x - derivative, derivative
    kind = "z fixed" if moving else "x fixed"
    label = f"{name}, {clock.name}" + (f", {kind}" if clock.rate is None else "")
    return Situation(label, group, clock, measure, x, y, lead, mean_lead, power, moving, span)


def directions(n: int, d: int, rng: np.random.Generator) -> Array:
    normal = rng.standard_normal((n, d))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def radii(n: int, radius: float, rng: np.random.Generator) -> Array:
    """Half inside, half outside, at 0.2 to 1.5 radii from the sphere and away from its centre; shape (n, 1)."""
    inside = rng.uniform(0.4, 0.8, n)
    outside = rng.uniform(1.2, 2.5, n)
    return radius * np.where(np.arange(n) % 2 == 0, inside, outside)[:, None]
