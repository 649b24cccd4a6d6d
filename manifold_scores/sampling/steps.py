"""One step of each sampler, from t down to t_next.

In the coordinates z = x/alpha, s = sigma^2/alpha^2 every process is Brownian motion, dz = dW run up to "time" s, and
the reverse SDE reads dz = delta ds/s + dW, the flow dz/ds = -delta/(2s), with delta = f - z = sigma^2 score/alpha.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays import FloatArray
from ..processes import Process
from . import models
from .models import Model

__all__ = ["euler_maruyama", "exponential", "heun", "langevin"]


def exponential(
    model: Model, x: FloatArray, t: float, t_next: float, rng: np.random.Generator, noise: bool = True
) -> FloatArray:
    """Take the Brownian bridge to the frozen posterior mean; without noise, its mean E[X_{t_next} | X_t = x]."""
    alpha, s = _scales(model.process, t)
    alpha_next, s_next = _scales(model.process, t_next)
    shrink = s_next / s
    z = x / alpha + (1.0 - shrink) * _displacement(model, x, t)
    if noise and s_next > 0.0:
        z += math.sqrt(s_next * (1.0 - shrink)) * rng.standard_normal(x.shape)
    return alpha_next * z


def euler_maruyama(
    model: Model, x: FloatArray, t: float, t_next: float, rng: np.random.Generator, noise: bool = True
) -> FloatArray:
    """Take one step with the coefficients at t."""
    g = float(model.process.diffusion(t))
    drift = float(model.process.log_signal_rate(t)) * x
    step = t - t_next
    moved = x + (g * g * models.score(model, x, t) - drift) * step
    return moved + g * math.sqrt(step) * rng.standard_normal(x.shape) if noise else moved


def heun(model: Model, x: FloatArray, t: float, t_next: float) -> FloatArray:
    """Take one step of the flow d(z/r)/d(1/r) = f with Heun's method."""
    alpha, s = _scales(model.process, t)
    alpha_next, s_next = _scales(model.process, t_next)
    shrink = math.sqrt(s_next / s)
    z = x / alpha
    displacement = _displacement(model, x, t)
    predicted = alpha_next * (z + (1.0 - shrink) * displacement)
    if s_next == 0.0:
        return predicted
    # q z + (1 - q)(f + f')/2 in terms of f - z and f' - z_predicted, which keep their digits near M.
    change = (2.0 - shrink) * displacement + _displacement(model, predicted, t_next)
    return alpha_next * (z + 0.5 * (1.0 - shrink) * change)


def langevin(model: Model, x: FloatArray, t: float, size: float, rng: np.random.Generator) -> FloatArray:
    """Take one step x + c sigma^2 score + sqrt(2c) sigma xi, c = size, of the Langevin dynamics of p_t."""
    variance = float(model.process.noise_variance(t))
    moved = x + size * variance * models.score(model, x, t)
    return moved + math.sqrt(2.0 * size * variance) * rng.standard_normal(x.shape)


def _scales(process: Process, t: float) -> tuple[float, float]:
    """Return (alpha_t, s), with their limits (1, 0) at t = 0."""
    return (1.0, 0.0) if t == 0.0 else (float(process.signal_scale(t)), float(process.effective_variance(t)))


def _displacement(model: Model, x: FloatArray, t: float) -> FloatArray:
    """Return delta = f - z = sigma^2 score / alpha (Tweedie)."""
    ratio = float(model.process.noise_variance(t)) / float(model.process.signal_scale(t))
    return ratio * models.score(model, x, t)
