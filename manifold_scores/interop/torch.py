"""Oracles inside torch: modules whose derivatives are exact."""

from __future__ import annotations

from typing import Any

from .. import arrays
from ..noised import NoisedMeasure
from ..smoothing import SmoothedScore
from .differentials import TARGETS

__all__ = ["oracle"]


def oracle(model: NoisedMeasure | SmoothedScore, target: str = "score") -> Any:
    """Return a torch.nn.Module (x, t) -> target, without parameters, whose derivatives are exact.

    For a teacher, a regression target or a test: x is a tensor (..., d), t a number or a tensor that broadcasts against
    x.shape[:-1].  Backward and forward passes multiply with the matrices of theory 1, not with differences,

        d score/dx = (Cov/s - I)/sigma^2,    d f/dx = alpha Cov/sigma^2,    d noise/dx = -sigma d score/dx,
        d log p/dx = score,    d log p/dt = g^2/2 (div score + |score|^2) - (alpha'/alpha)(d + x . score).

    What has no exact value is refused, never zero: derivatives of score, posterior mean and noise in t, and second
    derivatives of them, need third moments.  (log p_t has second derivatives in x.)  Of a `SmoothedScore` only the
    log-density is differentiable, in x, with a kernel that only shifts: its gradient is the smoothed score, by the same
    rule and, unless `fresh_nodes` is set, the same nodes.  `torch.func.grad`, `jacrev`, `jvp` and `vmap` work too.

    Arithmetic is float64 inside; results have the dtype of x (float64 for integers).  Matrices are formed for a few
    rows at a time, at most 32 MB together.  The module computes on the CPU and refuses tensors of other devices.  It
    can be copied and pickled as far as the model can.

    Parameters
    ----------
    model : a `NoisedMeasure` or a `SmoothedScore`.
    target : "score", "posterior_mean", "noise" (-sigma score) or "log_density".

    Raises
    ------
    ValueError, TypeError : an unknown target, another model.
    ImportError : torch is missing.
    """
    if not isinstance(model, (NoisedMeasure, SmoothedScore)):
        raise TypeError(f"model must be a NoisedMeasure or a SmoothedScore; got {type(model).__name__}")
    target = arrays.choice("target", target, TARGETS)
    try:
        import torch  # noqa: F401
    except ImportError:
        raise ImportError('oracles inside torch need torch: pip install "manifold-scores[torch]"') from None
    from .autograd import Oracle

    return Oracle(model, target)
