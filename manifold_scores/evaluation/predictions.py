"""Asking a model, whatever it is and whichever arrays it takes, and turning what it predicts into all three targets."""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

import numpy as np

from .. import arrays, callbacks
from ..arrays import FloatArray
from ..noised import NoisedMeasure
from ..predictions import TARGETS, converted
from ..sampling.models import require_noise

__all__ = ["TARGETS", "Predictor", "Targets", "check_noised", "check_times", "exact"]

# A score gives the posterior mean to eps |x|/alpha, about eps sigma/alpha: 2e-8 at this ratio.
_LARGEST_NOISE_RATIO = 1e8


class Targets(NamedTuple):
    """All three at the same x, each (n, d)."""

    posterior_mean: FloatArray
    score: FloatArray
    noise: FloatArray


def check_noised(noised: Any) -> NoisedMeasure:
    """Return noised; TypeError unless a NoisedMeasure."""
    if not isinstance(noised, NoisedMeasure):
        raise TypeError(f"noised must be a NoisedMeasure; got {type(noised).__name__}")
    return noised


def check_times(noised: NoisedMeasure, times: Any) -> FloatArray:
    """Return times as a vector in the range of the process where there is noise, and signal."""
    array = arrays.real_array("times", times)
    array = arrays.times("times", arrays.vector("times", array if array.ndim else array[None]), noised.process.end)
    require_noise(noised.process, array)
    lost = ~(np.asarray(noised.process.effective_variance(array)) <= _LARGEST_NOISE_RATIO**2)
    if lost.any():
        raise ValueError(
            f"times must be where the signal is not lost in rounding; sigma/alpha at {float(array[lost][0])!r} exceeds "
            f"{_LARGEST_NOISE_RATIO:g}"
        )
    return array


def exact(noised: NoisedMeasure, x: FloatArray, t: float) -> Targets:
    """Return the exact targets at x (n, d)."""
    score = np.asarray(noised.score(x, t))
    return Targets(np.asarray(noised.posterior_mean(x, t)), score, -math.sqrt(noised.process.noise_variance(t)) * score)


class Predictor:
    """A model that takes and returns float64 numpy arrays: with `.score` and `.process`, a model for samplers too.

    Parameters
    ----------
    model, noised, predicts, like, batch_size : as in `evaluate`.
    """

    def __init__(self, model: Any, noised: NoisedMeasure, predicts: Any, like: Any, batch_size: Any) -> None:
        self.predicts = arrays.choice("predicts", predicts, TARGETS)
        self.process, self.ambient_dimension = noised.process, noised.ambient_dimension
        self._rows = arrays.count("batch_size", batch_size, 1)
        method = None if isinstance(model, type) else getattr(model, self.predicts, None)
        self._ask = method if callable(method) else model
        if isinstance(model, type) or not callable(self._ask):
            raise TypeError(
                f"model must be a function of x and t or have a method {self.predicts}(x, t); got "
                f"{model.__name__ if isinstance(model, type) else type(model).__name__}"
            )
        dimension = getattr(model, "ambient_dimension", None)
        if dimension not in (None, self.ambient_dimension):
            raise ValueError(f"model lives in R^{dimension} but the measure lives in R^{self.ambient_dimension}")
        self._like = _torch_like(model) if like is None else _checked(like)

    def rounded(self, x: FloatArray) -> FloatArray:
        """Return x as the model sees it: rounded to its dtype."""
        return _back("x", self._given(x))

    def predict(self, x: FloatArray, t: Any) -> FloatArray:
        """Return what the model predicts at x (n, d), (n, d); t is a number or (n,)."""
        times = np.broadcast_to(np.asarray(t, dtype=np.float64), x.shape[:1])
        parts = [
            self._part(x[start : start + self._rows], times[start : start + self._rows])
            for start in range(0, len(x), self._rows)
        ]
        return np.concatenate(parts) if parts else np.empty_like(x)

    def targets(self, x: FloatArray, t: Any) -> Targets:
        """Return all three targets that follow from the prediction."""
        alpha = np.asarray(self.process.signal_scale(t))[..., None]
        variance = np.asarray(self.process.noise_variance(t))[..., None]
        given = self.predict(x, t)
        with np.errstate(over="ignore"):
            return Targets(*(converted(given, x, alpha, variance, self.predicts, wanted) for wanted in TARGETS))

    def score(self, x: Any, t: Any) -> FloatArray:
        """Return the score at x (n, d)."""
        return self.targets(x, t).score

    def _part(self, x: FloatArray, t: FloatArray) -> FloatArray:
        answer = _back("model", callbacks.call("model", self._ask, self._given(x), self._given(t)))
        if answer.shape != x.shape:
            raise ValueError(f"model must return an array of the shape of x, {x.shape}; got {answer.shape}")
        return answer

    def _given(self, array: FloatArray) -> Any:
        like = self._like
        if like is None:
            return np.array(array)  # a model may write into what it gets
        if isinstance(like, np.ndarray):
            return array.astype(like.dtype)
        from array_api_compat import array_namespace, device

        return array_namespace(like).asarray(np.array(array), dtype=like.dtype, device=device(like))


def _torch_like(model: Any) -> Any:
    """Return a tensor of the dtype and device of a torch module, None for other models."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        return None
    floating = (each for each in (*model.parameters(), *model.buffers()) if each.is_floating_point())
    return next(floating, torch.empty(0, dtype=torch.float64)).detach()


def _checked(like: Any) -> Any:
    """Return like if it is an array of floating point numbers of any namespace."""
    from array_api_compat import array_namespace, is_array_api_obj

    if isinstance(like, type) or not is_array_api_obj(like):  # numpy.float64 is a class with the attributes of an array
        raise TypeError(f"like must be an array of the kind the model takes; got {type(like).__name__}")
    if not array_namespace(like).isdtype(like.dtype, "real floating"):
        raise TypeError(f"like must be an array of floating point numbers; got dtype {like.dtype}")
    return like


def _back(name: str, value: Any) -> FloatArray:
    """Return an array of any namespace and device as numpy."""
    if hasattr(value, "detach"):  # torch: gradients are of no use here, and numpy knows neither its GPUs nor bfloat16
        value = value.detach().cpu().double()
    elif not isinstance(value, np.ndarray) and hasattr(value, "get") and hasattr(value, "device"):  # cupy
        value = value.get()
    return arrays.extended_array(name, value)
