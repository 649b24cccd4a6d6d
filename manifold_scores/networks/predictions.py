"""What a network may predict, and the algebra between the three predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .. import arrays
from ..predictions import converted
from ..processes import Process

__all__ = ["TARGETS", "convert", "regression_target"]

#: Training targets of [LWB] and the method of `NoisedMeasure` that each learns.
TARGETS = {"cem": "posterior_mean", "sgm": "score", "ddpm": "noise"}


def convert(prediction: Any, x: Any, t: Any, process: Process, *, given: str, wanted: str) -> Any:
    """Return the prediction of one target as that of another, at the same (x, t).

    With f = E[X_0 | X_t = x], S = grad log p_t (the S of [LWB] is its negative) and eps = E[xi | X_t = x],

        S = (alpha f - x)/sigma^2 = -eps/sigma,    f = (x + sigma^2 S)/alpha = (x - sigma eps)/alpha,

    exact for every process, whether or not the prediction is right.  An error in f becomes alpha/sigma^2 times as large
    in S and alpha/sigma times as large in eps.  Digits are lost where the two terms cancel: f from S or eps where
    alpha is small, S and eps from f where sigma is.  f from S or eps is infinite or NaN where alpha underflows.

    Parameters
    ----------
    prediction : shape (..., d), a numpy array or a tensor, of the same kind as x; gradients pass through tensors.
    x : points, shape (..., d).
    t : times, scalar or broadcasting against x.shape[:-1].
    process : the noising process.
    given, wanted : "cem" (f), "sgm" (S) or "ddpm" (eps).

    Raises
    ------
    ValueError, TypeError : unknown targets, times outside the process.
    """
    given, wanted = target_name("given", given), target_name("wanted", wanted)
    alpha, variance = _scales(process, t)
    if isinstance(x, torch.Tensor):
        alpha, variance = torch.as_tensor(alpha, device=x.device), torch.as_tensor(variance, device=x.device)
    else:
        prediction, x = arrays.extended_array("prediction", prediction), arrays.extended_array("x", x)
    return converted(prediction, x, alpha[..., None], variance[..., None], TARGETS[given], TARGETS[wanted])


def regression_target(target: str, clean: Any, noise: Any, t: Any, process: Process) -> Any:
    """Return what [LWB] trains a network on at X_t = alpha X_0 + sigma xi, shape (n, d).

    X_0 for "cem", -(X_t - alpha X_0)/sigma^2 = -xi/sigma for "sgm", (X_t - alpha X_0)/sigma = xi for "ddpm": taken from
    xi itself, without a difference that cancels.  Their means given X_t are what the network is to predict.

    Parameters
    ----------
    target : "cem", "sgm" or "ddpm".
    clean, noise : X_0 and xi, numpy arrays (n, d).
    t : times (n,), or one for all.
    process : the noising process.

    Raises
    ------
    ValueError, TypeError : an unknown target, times outside the process.
    """
    target = target_name("target", target)
    if target == "cem":
        return clean
    return noise if target == "ddpm" else -noise / np.sqrt(_scales(process, t)[1])[..., None]


def target_name(name: str, value: Any) -> str:
    """Return value, the name of a target; ValueError otherwise."""
    return arrays.choice(name, value, TARGETS)


def _scales(process: Process, t: Any) -> tuple[Any, Any]:
    """Return alpha and sigma^2 as numpy arrays of the shape of t."""
    t = arrays.times("t", t.cpu() if isinstance(t, torch.Tensor) else t, process.end)
    return process.signal_scale(t), process.noise_variance(t)
