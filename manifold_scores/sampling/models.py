"""What is asked of a model, and its answers checked."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..processes import Process

__all__ = ["Model", "require", "require_noise", "score", "score_divergence"]


class Model(Protocol):
    """What a sampler needs: a score and the process it belongs to."""

    process: Process

    def score(self, x: Any, t: Any) -> Any:
        """Return grad log p_t(x)."""


def require(model: Any, *methods: str) -> None:
    """Raise TypeError unless model has a process and the methods (x, t)."""
    complete = all(callable(getattr(model, method, None)) for method in methods)
    if not complete or not isinstance(getattr(model, "process", None), Process):
        wanted = " and ".join(f"{method}(x, t)" for method in methods)
        noun = "a method" if len(methods) == 1 else "methods"
        raise TypeError(f"model must have {noun} {wanted} and a process; got {type(model).__name__}")


def require_noise(process: Process, times: FloatArray) -> None:
    """Raise ValueError unless there is noise, as much as an oracle can resolve, at all positive times."""
    for t in times[times > 0.0].tolist():
        if not process.effective_variance(t) >= arrays.SMALLEST_VARIANCE:
            raise ValueError(f"times must not be so small that there is no noise; got {t}")


def score(model: Model, x: FloatArray, t: float | FloatArray) -> FloatArray:
    """Return the score at the rows of x, shape (n, d)."""
    return _answer("score", model.score(x, t), x.shape, t)


def score_divergence(model: Any, x: FloatArray, t: float | FloatArray) -> FloatArray:
    """Return the divergence of the score at the rows of x, shape (n,)."""
    return _answer("score_divergence", model.score_divergence(x, t), x.shape[:-1], t)


def _answer(method: str, value: Any, shape: tuple[int, ...], t: float | FloatArray) -> FloatArray:
    answer = arrays.extended_array(f"model.{method}", value)
    if answer.shape != shape:
        wanted = "of the shape of x" if method == "score" else "with one number for each row of x"
        raise ValueError(f"model.{method} must return an array {wanted}, {shape}; got {answer.shape}")
    finite = np.isfinite(answer)
    if not finite.all():
        time = np.broadcast_to(t, shape[:1])[np.argwhere(~finite)[0][0]]
        raise ValueError(f"model.{method} must be finite; it is not at t = {float(time)!r}")
    return answer
