"""Noised point clouds by hand: logits, log-sum-exp and tilted moments in numpy, and how far rounding may move them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .clocks import Clock
from .rates import Array

EPS = float(np.finfo(float).eps)


def log_sum_exp(logits: Array) -> Array:
    """Return log sum_i exp(logits_i) over the last axis."""
    top = logits.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logits - top[..., None]).sum(axis=-1)))


def softmax(logits: Array) -> Array:
    """Return exp(logits_i)/sum_j exp(logits_j) over the last axis."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Cloud:
    """Points (N, d) with log-weights (N,) noised to one time: sum_i w_i N(alpha x_i, sigma2 I)."""

    points: Array
    log_weights: Array
    alpha: float
    sigma2: float

    @staticmethod
    def at(points: Array, weights: Array, clock: Clock, t: float) -> Cloud:
        log_weights = np.log(weights) - np.log(weights.sum())
        return Cloud(points, log_weights, float(clock.alpha(t)), float(clock.sigma2(t)))

    def squares(self, y: Array) -> Array:
        """Return |y - alpha x_i|^2, shape (..., N)."""
        apart = y[..., None, :] - self.alpha * self.points
        return np.asarray((apart * apart).sum(axis=-1))

    def logits(self, y: Array) -> Array:
        """Return log w_i - |y - alpha x_i|^2/2 sigma^2, shape (..., N)."""
        return np.asarray(self.log_weights - self.squares(y) / (2.0 * self.sigma2))

    def constant(self) -> float:
        """Return what log p has besides the log-sum-exp of the logits."""
        return -0.5 * self.points.shape[1] * float(np.log(2.0 * np.pi * self.sigma2))

    def log_density(self, y: Array) -> Array:
        """Return log p(y), shape (...)."""
        return np.asarray(log_sum_exp(self.logits(y)) + self.constant())

    def score(self, y: Array) -> Array:
        """Return grad log p(y), shape (..., d)."""
        return np.asarray((self.alpha * softmax(self.logits(y)) @ self.points - y) / self.sigma2)

    def jacobian(self, y: Array) -> Array:
        """Return the Hessian of log p(y), shape (..., d, d)."""
        weights = softmax(self.logits(y))
        apart = self.points - (weights @ self.points)[..., None, :]
        covariance = np.einsum("...n,...ni,...nj->...ij", weights, apart, apart)
        return np.asarray((self.alpha**2 / self.sigma2 * covariance - np.eye(y.shape[-1])) / self.sigma2)

    def units(self, y: Array) -> tuple[Array, Array]:
        """Return what perturbing y, the points, alpha and sigma by eps does to log p and to its gradient, shapes (...).

        With Q the softmax weights, L = E_Q|y - alpha x_i|^2/sigma^2, T = alpha^2 tr Cov_Q/sigma^2 and
        reach = |y| + max |alpha x_i|, by Cauchy-Schwarz

            log p:  eps (reach sqrt(L)/sigma + L + |log p| + (d/2)|log 2 pi sigma^2|),
            score:  eps reach (1 + 2 sqrt(T L))/sigma^2.
        """
        weights = softmax(self.logits(y))
        spread = (weights * self.squares(y)).sum(axis=-1) / self.sigma2
        mean = weights @ self.points
        apart = ((self.points - mean[..., None, :]) ** 2).sum(axis=-1)
        trace = self.alpha**2 * (weights * apart).sum(axis=-1) / self.sigma2
        reach = np.linalg.norm(y, axis=-1) + self.alpha * np.linalg.norm(self.points, axis=-1).max()
        sizes = np.abs(self.log_density(y)) + abs(self.constant())
        log_unit = EPS * (reach * np.sqrt(spread / self.sigma2) + spread + sizes)
        return log_unit, EPS * reach * (1.0 + 2.0 * np.sqrt(trace * spread)) / self.sigma2
