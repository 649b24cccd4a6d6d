"""The denoising loss of each target, with any weight over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .. import arrays
from ..arrays import FloatArray
from ..callbacks import call
from ..processes import Process
from .predictions import regression_target, target_name

__all__ = ["WEIGHTS", "Weight", "batch_loss", "denoising_loss", "tensor_like", "weight_function"]

Weight = Callable[[FloatArray], FloatArray]

#: Weights by name, as functions of the process and t.
WEIGHTS: dict[str, Callable[[Process, FloatArray], FloatArray]] = {
    "uniform": lambda process, t: np.ones_like(t),
    "snr": lambda process, t: 1.0 / process.effective_variance(t),
    "variance": lambda process, t: process.noise_variance(t),
}

#: For one network, converted, these three losses are the same.
_EQUIVALENT = {"cem": "snr", "sgm": "variance", "ddpm": "uniform"}


def weight_function(weight: Any, target: str, process: Process) -> Weight:
    """Return lambda as a function of the times; ValueError for an unknown name."""
    if callable(weight):
        return lambda t: _checked(call("weight", weight, t), t)
    name = arrays.choice("weight", _EQUIVALENT[target] if weight is None else weight, WEIGHTS)
    return lambda t: WEIGHTS[name](process, t)


def _checked(value: Any, t: FloatArray) -> FloatArray:
    weights = arrays.real_array("weight", value)
    if weights.shape not in {(), t.shape}:
        raise ValueError(f"weight must return one number or shape {t.shape}; got {weights.shape}")
    if (weights < 0.0).any():
        raise ValueError(f"weight must not return negative numbers; got {weights.min()}")
    return np.broadcast_to(weights, t.shape)


def denoising_loss(
    module: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], clean: Any, noise: Any, t: Any, process: Process, *,
    target: str, weight: Any = None,
) -> torch.Tensor:  # fmt: skip
    """Return the mean over the batch of lambda(t) |module(X_t, t) - target|^2, X_t = alpha X_0 + sigma xi, a tensor ().

    The targets are those of `regression_target`; squares are added up over coordinates.  Since
    |Delta eps|^2 = (alpha/sigma)^2 |Delta f|^2 = sigma^2 |Delta S|^2, the loss of "cem" with weight "snr", that of
    "ddpm" with weight "uniform" and that of "sgm" with weight "variance" are the same number for one and the same
    network, its output converted: they differ in what the network has to represent.  These are the defaults.  The
    weight "snr" is 1/(e^t - 1) for `OrnsteinUhlenbeck(0.5)`, the lambda of [LWB].

    Parameters
    ----------
    module : (x, t) -> prediction, tensors of shapes (n, d), (n,) and (n, d), such as `MLP`.
    clean, noise : X_0 and xi ~ N(0, I), numpy arrays (n, d).
    t : times (n,).
    process : the noising process.
    target : "cem", "sgm" or "ddpm".
    weight : lambda, a function of the times (n,), or "uniform" (1), "snr" (alpha^2/sigma^2) or "variance" (sigma^2);
        None stands for the default of the target.

    Raises
    ------
    ValueError, TypeError : unknown targets or weights, shapes that do not fit.
    """
    clean, noise = arrays.matrix("clean", clean), arrays.matrix("noise", noise)
    t = arrays.times("t", t, process.end)
    if noise.shape != clean.shape:
        raise ValueError(f"noise must have the shape of clean, {clean.shape}; got {noise.shape}")
    if t.shape != clean.shape[:1]:
        raise ValueError(f"t must have shape ({len(clean)},); got {t.shape}")
    target = target_name("target", target)
    return batch_loss(module, clean, noise, t, process, target, weight_function(weight, target, process))


def batch_loss(
    module: Any, clean: FloatArray, noise: FloatArray, t: FloatArray, process: Process, target: str, weight: Weight
) -> torch.Tensor:
    """Return the loss of a batch that is valid."""
    noisy = process.signal_scale(t)[:, None] * clean + np.sqrt(process.noise_variance(t))[:, None] * noise
    wanted = regression_target(target, clean, noise, t, process)
    prediction = module(tensor_like(module, noisy), tensor_like(module, t))
    if prediction.shape != clean.shape:
        raise ValueError(f"module must return shape {clean.shape}; got {tuple(prediction.shape)}")
    squares = (prediction - tensor_like(module, wanted)).square().sum(dim=1)
    return (tensor_like(module, weight(t)) * squares).mean()


def tensor_like(module: Any, array: Any) -> torch.Tensor:
    """Return an array or tensor in the dtype and on the device of the parameters of a module (float64 without any)."""
    first = next(module.parameters(), None) if isinstance(module, torch.nn.Module) else None
    dtype, device = (torch.float64, None) if first is None else (first.dtype, first.device)
    if not isinstance(array, torch.Tensor):
        array = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    return array.to(dtype=dtype, device=device)
