"""Values and derivatives of targets in numpy: what the passes of automatic differentiation are made of.

With l = log p_t, alpha'/alpha and g the coefficients of the process, and Cov = Cov[X_0 | X_t = x] (theory 1):

    d l/dx     = score
    d l/dt     = g^2/2 (div score + |score|^2) - (alpha'/alpha)(d + x . score)            (Fokker-Planck)
    d score/dx = (Cov/s - I)/sigma^2,    d f/dx = alpha Cov/sigma^2,    d noise/dx = -sigma d score/dx

All three matrices are symmetric: products with a vector from the left and from the right are the same.  The derivatives
of score, f and noise in t, and second derivatives of them in x, need third moments of the tilted law, which measures do
not offer: they are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import FloatArray
from ..noised import NoisedMeasure
from ..smoothing import SmoothedScore

__all__ = [
    "TARGETS",
    "Model",
    "product",
    "refuse_gradients",
    "refuse_more",
    "require_tensor",
    "time_derivative",
    "value",
]

Model = NoisedMeasure | SmoothedScore

TARGETS = ("score", "posterior_mean", "noise", "log_density")

#: Numbers in the matrices of the rows that are worked on at a time, 32 MB.
_ENTRIES = 2**22


def value(model: Model, target: str, x: FloatArray, t: FloatArray) -> FloatArray:
    """Return the target at x (..., d) and t (...): (..., d), or (...) for the log-density."""
    if target == "noise" and isinstance(model, SmoothedScore):
        return np.asarray(-np.sqrt(model.process.noise_variance(t))[..., None] * model.score(x, t))
    return np.asarray(getattr(model, target)(x, t))


def product(model: NoisedMeasure, target: str, x: FloatArray, t: FloatArray, vector: FloatArray) -> FloatArray:
    """Return (d target/dx) vector for a vector (..., d) at every x (..., d), t (...), in bounded memory."""
    d = x.shape[-1]
    rows, times, vectors = x.reshape(-1, d), t.reshape(-1), vector.reshape(-1, d)
    found = np.empty_like(vectors)
    size = max(1, _ENTRIES // (d * d))
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        matrices = _derivative(model, target, rows[part], times[part])
        found[part] = np.einsum("nij,nj->ni", matrices, vectors[part])
    return found.reshape(vector.shape)


def _derivative(model: NoisedMeasure, target: str, x: FloatArray, t: FloatArray) -> FloatArray:
    if target == "posterior_mean":
        scale = model.process.signal_scale(t) / model.process.noise_variance(t)
        return np.asarray(scale[:, None, None] * model.posterior_covariance(x, t))
    jacobian = np.asarray(model.score_jacobian(x, t))
    return jacobian if target == "score" else -np.sqrt(model.process.noise_variance(t))[:, None, None] * jacobian


def time_derivative(model: NoisedMeasure, x: FloatArray, t: FloatArray) -> FloatArray:
    """Return d log p_t(x)/dt, shape (...)."""
    score = np.asarray(model.score(x, t))
    growth = np.asarray(model.score_divergence(x, t)) + np.square(score).sum(axis=-1)
    rate, g = model.process.log_signal_rate(t), model.process.diffusion(t)
    return np.asarray(0.5 * g * g * growth - rate * (x.shape[-1] + (x * score).sum(axis=-1)))


def refuse_gradients(model: Model, target: str, x: bool, t: bool) -> None:
    """Raise TypeError where a derivative is asked for, in x or in t, that has no exact value here."""
    density = target == "log_density"
    if isinstance(model, SmoothedScore):
        if x and not (density and model.kernel.shifts_only):
            reason = (
                f"needs the Jacobian of a smoothed {target}, which is not offered (that of log_density is)"
                if not density
                else f"is the smoothed score only for a kernel that shifts x by independent noise, not {model.kernel!r}"
            )
            raise TypeError(f"x requires grad, but the derivative of {target} in x {reason}; pass x.detach()")
        if t:
            raise TypeError(
                f"t requires grad, but the derivative of a smoothed {target} in t is not offered; pass t.detach()"
            )
    elif t and not density:
        raise TypeError(
            f"t requires grad, but the derivative of {target} in t needs third moments of the data, which measures "
            f"do not offer (that of log_density is exact); pass t.detach()"
        )


def refuse_more(name: str, what: str) -> None:
    """Raise TypeError for a second derivative that would need third moments."""
    raise TypeError(
        f"{name} requires grad, but the derivative of {what} in {name} needs third moments of the data, which measures "
        f"do not offer; take one derivative less, or pass {name}.detach()"
    )


def refuse_second_tangent() -> None:
    """Raise TypeError for forward mode within forward mode, in which torch loses the second tangent."""
    raise TypeError(
        "x carries two forward tangents, of which torch loses one (pytorch issue 197867); take one of the derivatives "
        "backward, such as torch.func.jacfwd of torch.func.jacrev"
    )


def require_tensor(x: Any) -> None:
    """Raise TypeError for what is not a tensor: gradients could not flow through it."""
    if not hasattr(x, "requires_grad"):
        raise TypeError(f"x must be a torch tensor; got {type(x).__name__}")
