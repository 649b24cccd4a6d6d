"""A trained network with the methods of an oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .. import arrays
from ..blockwise import blockwise
from ..predictions import converted
from ..processes import Process
from .losses import tensor_like
from .predictions import TARGETS, target_name

__all__ = ["ScoreNetwork"]

#: Rows that a network gets at once where no gradients are asked for: the layers of a batch stay in memory together.
_ROWS = 2**15


class ScoreNetwork:
    """A network, the process it belongs to and what it predicts, with the targets of `NoisedMeasure` as methods.

    Samplers, likelihoods and evaluations take it as they take an oracle.  x has shape (..., d); t is a scalar or
    broadcasts against x.shape[:-1]; answers are float64 in the array namespace of x (tensors on its device), those of
    Dask arrays lazy.  The network computes in the dtype and on the device of its parameters; its answer is converted
    (`convert`) in float64.  Where x is a tensor that requires grad the answer can be differentiated, else no gradients
    are recorded.

    Parameters
    ----------
    module : (x, t) -> prediction, tensors of shapes (n, d), (n,) and (n, d): `MLP` or any other torch module.
    process : the noising process.
    target : what the module predicts: "cem" (posterior mean), "sgm" (score, not its negative) or "ddpm" (noise).
    ambient_dimension : d; may be left out for a module that has an attribute of that name.

    Raises
    ------
    ValueError, TypeError : no module, no process, an unknown target or dimension.
    """

    def __init__(
        self, module: torch.nn.Module, process: Process, target: str, ambient_dimension: int | None = None
    ) -> None:
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"module must be a torch module; got {type(module).__name__}")
        if not isinstance(process, Process):
            raise TypeError(f"process must be a process, such as OrnsteinUhlenbeck(); got {type(process).__name__}")
        if ambient_dimension is None:
            ambient_dimension = getattr(module, "ambient_dimension", None)
            if ambient_dimension is None:
                raise TypeError("ambient_dimension is needed: the module has no attribute of that name")
        self.module, self.process = module, process
        self.target = target_name("target", target)
        self.ambient_dimension = arrays.count("ambient_dimension", ambient_dimension, 1)

    def __repr__(self) -> str:
        name = type(self.module).__name__
        return f"ScoreNetwork({name} in R^{self.ambient_dimension}, {self.process!r}, {self.target!r})"

    @blockwise(1)
    def score(self, x: Any, t: Any) -> Any:
        """Return the predicted grad log p_t(x), shape (..., d)."""
        return self._query(x, t).answer(lambda q, rows: self._prediction(q, rows, "score"))

    @blockwise(1)
    def posterior_mean(self, x: Any, t: Any) -> Any:
        """Return the predicted f(x, t) = E[X_0 | X_t = x], shape (..., d)."""
        return self._query(x, t).answer(lambda q, rows: self._prediction(q, rows, "posterior_mean"))

    @blockwise(1)
    def noise(self, x: Any, t: Any) -> Any:
        """Return the predicted E[xi | X_t = x] = -sigma grad log p_t(x), shape (..., d)."""
        return self._query(x, t).answer(lambda q, rows: self._prediction(q, rows, "noise"))

    @blockwise(2)
    def score_jacobian(self, x: Any, t: Any) -> Any:
        """Return the derivative of the predicted score, shape (..., d, d), exact to rounding, by d backward passes.

        It is symmetric only as far as the network is a gradient; entry (i, j) is the derivative of component i by x_j.
        """
        return self._query(x, t).answer(self._jacobian)

    @blockwise(0)
    def score_divergence(self, x: Any, t: Any) -> Any:
        """Return the divergence of the predicted score, shape (...), by d backward passes."""
        return self._query(x, t).answer(lambda q, rows: self._jacobian(q, rows).diagonal(dim1=1, dim2=2).sum(dim=1))

    def _query(self, x: Any, t: Any) -> _Query:
        return _Query(self.process, self.ambient_dimension, x, t)

    def _prediction(self, query: _Query, rows: slice, wanted: str) -> torch.Tensor:
        return self._at(query.x[rows], query, rows, wanted)

    def _at(self, x: torch.Tensor, query: _Query, rows: slice, wanted: str) -> torch.Tensor:
        t, alpha, variance = (each[rows] for each in (query.t, query.alpha, query.variance))
        prediction = self.module(tensor_like(self.module, x), tensor_like(self.module, t))
        if prediction.shape != x.shape:
            raise ValueError(f"module must return shape {tuple(x.shape)}; got {tuple(prediction.shape)}")
        prediction = prediction.to(dtype=x.dtype, device=x.device)
        answer: torch.Tensor = converted(prediction, x, alpha[:, None], variance[:, None], TARGETS[self.target], wanted)
        return answer

    def _jacobian(self, query: _Query, rows: slice) -> torch.Tensor:
        with torch.enable_grad():
            x = query.x[rows]
            if not query.tracked:
                x = x.detach().requires_grad_()
            score = self._at(x, query, rows, "score")
            lines = [
                torch.autograd.grad(column.sum(), x, create_graph=query.tracked, retain_graph=True)[0]
                for column in score.unbind(dim=1)
            ]
        return torch.stack(lines, dim=1)


class _Query:
    """Arguments of one call as tensors, flattened: x (n, d), t, alpha and sigma^2 (n,), float64, and the way back."""

    def __init__(self, process: Process, dimension: int, x: Any, t: Any) -> None:
        is_tensor = isinstance(x, torch.Tensor)
        #: Whether gradients with respect to x are asked for.
        self.tracked = is_tensor and x.requires_grad and torch.is_grad_enabled()
        values = x.detach().cpu() if is_tensor else x
        times = arrays.times("t", t.cpu() if isinstance(t, torch.Tensor) else t, process.end)
        self._rows = arrays.Rows("x", values, "t", times, dimension, owner="network")
        self._like = x if is_tensor else None
        device = x.device if is_tensor else None
        numbers = self._rows.scalars
        scales = process.signal_scale(numbers), process.noise_variance(numbers)
        self.t, self.alpha, self.variance = (torch.from_numpy(each).to(device) for each in (numbers, *scales))
        if self.tracked:
            self.x = x.to(torch.float64).expand(*self._rows.shape, dimension).reshape(-1, dimension)
        else:
            self.x = torch.from_numpy(self._rows.points).to(device)

    def answer(self, ask: Callable[[_Query, slice], torch.Tensor]) -> Any:
        """Return what is asked for all rows, in the shape and namespace of x."""
        n = len(self.x)
        with torch.set_grad_enabled(self.tracked):
            step = max(1, n if self.tracked else _ROWS)
            # An empty question is asked too: its answer has the right shape.
            parts = [ask(self, slice(start, start + step)) for start in range(0, max(1, n), step)]
            answer = parts[0] if len(parts) == 1 else torch.cat(parts)
        if self._like is not None:
            return answer.reshape(self._rows.shape + tuple(answer.shape[1:]))
        return self._rows.restore(answer.numpy())
