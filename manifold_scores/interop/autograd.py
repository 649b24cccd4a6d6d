"""Oracles as nodes of a torch graph.  Needs torch; imported by `torch.oracle` only.

The functions are made of one another, so that a derivative of a derivative is exact or refused, never zero in silence:
the backward pass of log p_t is the score, itself a node, and that of a vector target is a product with its matrix.
Where a result has no exact derivative in x or t, a node that adds zero stands on that way and refuses to be passed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .. import arrays
from ..arrays import FloatArray
from ..noised import NoisedMeasure
from . import differentials
from .differentials import Model

__all__ = ["Oracle"]


def _read(name: str, tensor: Any) -> FloatArray:
    return arrays.real_array(name, tensor.detach().to(torch.float64))


def _written(array: FloatArray, dtype: Any) -> Any:
    return torch.as_tensor(np.asarray(array)).to(dtype)


def _batched(size: int, dims: Any, tensors: Any) -> list[Any]:
    """Return tensors with the axis of a vmap in front of all of them."""
    return [
        tensor.unsqueeze(0).expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip(tensors, dims, strict=False)
    ]


class _Value(torch.autograd.Function):
    """A target at x (..., d) and t (...)."""

    @staticmethod
    def forward(x: Any, t: Any, model: Model, target: str, dtype: Any) -> Any:
        return _written(differentials.value(model, target, _read("x", x), _read("t", t)), dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, t, ctx.model, ctx.target, ctx.dtype = inputs
        ctx.set_materialize_grads(False)  # a tangent that is not there is None, to be told from one to be refused
        ctx.save_for_backward(x, t)
        ctx.save_for_forward(x, t)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        if gradient is None:
            return (None,) * 5
        (x, t), model, target = ctx.saved_tensors, ctx.model, ctx.target
        wanted_x, wanted_t = ctx.needs_input_grad[:2]
        differentials.refuse_gradients(model, target, wanted_x, wanted_t)
        in_x = in_t = None
        if target != "log_density":
            in_x = _product(x, t, gradient, model, target) if wanted_x else None
        else:
            if wanted_x:
                in_x = gradient[..., None] * _score(x, t, model, gradient.dtype)
            if wanted_t:
                in_t = gradient * _rate(x, t, model, gradient.dtype)
        return _as(in_x, x), _as(in_t, t), None, None, None

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, t_tangent: Any, *constants: Any) -> Any:
        (x, t), model, target = ctx.saved_tensors, ctx.model, ctx.target
        differentials.refuse_gradients(model, target, x_tangent is not None, t_tangent is not None)
        if target != "log_density":
            return _product(x, t, x_tangent, model, target).to(ctx.dtype)
        parts = []
        if x_tangent is not None:
            score = _score(x, t, model, x_tangent.dtype) + _OneWay.apply(x)
            parts.append((score * x_tangent).sum(-1))
        if t_tangent is not None:
            parts.append(_rate(x, t, model, t_tangent.dtype) * t_tangent)
        return sum(parts).to(ctx.dtype)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, t: Any, *constants: Any) -> Any:
        return _Value.apply(*_batched(info.batch_size, dims, (x, t)), *constants), 0


class _Product(torch.autograd.Function):
    """(d target/dx) v for a vector target, as a function of v: linear, with the same symmetric matrix."""

    @staticmethod
    def forward(x: Any, t: Any, v: Any, model: NoisedMeasure, target: str) -> Any:
        vector = v.detach().to(torch.float64).numpy()  # NaN and infinity pass through, as in every other node
        with np.errstate(invalid="ignore"):
            found = differentials.product(model, target, _read("x", x), _read("t", t), vector)
        return _written(found, v.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, t, _, ctx.model, ctx.target = inputs
        ctx.save_for_backward(x, t)
        ctx.save_for_forward(x, t)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        x, t = ctx.saved_tensors
        return None, None, _product(x, t, gradient, ctx.model, ctx.target), None, None

    @staticmethod
    def jvp(ctx: Any, x_tangent: Any, t_tangent: Any, v_tangent: Any, *constants: Any) -> Any:
        x, t = ctx.saved_tensors
        return _product(x, t, v_tangent, ctx.model, ctx.target)

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, t: Any, v: Any, *constants: Any) -> Any:
        return _Product.apply(*_batched(info.batch_size, dims, (x, t, v)), *constants), 0


class _Rate(torch.autograd.Function):
    """d log p_t(x)/dt, of constants."""

    @staticmethod
    def forward(x: Any, t: Any, model: Any, dtype: Any) -> Any:
        return _written(differentials.time_derivative(model, _read("x", x), _read("t", t)), dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing."""

    @staticmethod
    def vmap(info: Any, dims: Any, x: Any, t: Any, *constants: Any) -> Any:
        return _Rate.apply(*_batched(info.batch_size, dims, (x, t)), *constants), 0


class _Wall(torch.autograd.Function):
    """Zero, whose derivative in a tensor is refused."""

    @staticmethod
    def forward(tensor: Any, name: str, what: str) -> Any:
        return tensor.new_zeros(())

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.name, ctx.what = inputs
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        if gradient is not None:
            differentials.refuse_more(ctx.name, ctx.what)
        return None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Any, *constants: Any) -> Any:
        if tangent is None:
            return None
        differentials.refuse_more(ctx.name, ctx.what)

    @staticmethod
    def vmap(info: Any, dims: Any, tensor: Any, *constants: Any) -> Any:
        return _Wall.apply(tensor, *constants), None


class _OneWay(torch.autograd.Function):
    """Zero, which refuses tangents only.

    A tangent of a tangent that passes through a function with a jvp of its own is lost by torch: a silent zero
    (https://github.com/pytorch/pytorch/issues/197867).  Backward after forward and forward after backward are right.
    """

    @staticmethod
    def forward(tensor: Any) -> Any:
        return tensor.new_zeros(())

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return None

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        if tangent is not None:
            differentials.refuse_second_tangent()

    @staticmethod
    def vmap(info: Any, dims: Any, tensor: Any) -> Any:
        return _OneWay.apply(tensor), None


def _product(x: Any, t: Any, v: Any, model: Model, target: str) -> Any:
    what = f"the Jacobian of {target}"
    return (
        _Product.apply(x.detach(), t.detach(), v, model, target) + _Wall.apply(x, "x", what) + _Wall.apply(t, "t", what)
    )


def _score(x: Any, t: Any, model: Model, dtype: Any) -> Any:
    return _Value.apply(x, t.detach(), model, "score", dtype) + _Wall.apply(t, "t", "score")


def _rate(x: Any, t: Any, model: Any, dtype: Any) -> Any:
    what = "d log_density/dt"
    return _Rate.apply(x.detach(), t.detach(), model, dtype) + _Wall.apply(x, "x", what) + _Wall.apply(t, "t", what)


def _as(gradient: Any, like: Any) -> Any:
    return None if gradient is None else gradient.to(like.dtype)


class Oracle(torch.nn.Module):
    """One target of an exact model as a module without parameters; built by `manifold_scores.interop.torch.oracle`.

    Attributes
    ----------
    model, target, process, ambient_dimension : what it answers, and those of the model.
    """

    def __init__(self, model: Model, target: str) -> None:
        super().__init__()
        self.model, self.target = model, target
        self.process, self.ambient_dimension = model.process, model.ambient_dimension

    def extra_repr(self) -> str:
        """Return what stands between the brackets of repr."""
        return f"{self.model!r}, target={self.target!r}"

    def forward(self, x: Any, t: Any) -> Any:
        """Return the target at x, a tensor (..., d), and t, a number or a tensor that broadcasts against x.shape[:-1].

        Raises
        ------
        ValueError, TypeError : as from the model; x or t requires grad where the derivative is not exact.
        """
        differentials.require_tensor(x)
        if not isinstance(t, torch.Tensor):
            t = torch.as_tensor(arrays.real_array("t", t))
        shape = arrays.broadcast_shape("x", tuple(x.shape), "t", tuple(t.shape), self.ambient_dimension)
        if torch.is_grad_enabled():
            differentials.refuse_gradients(self.model, self.target, x.requires_grad, t.requires_grad)
        dtype = x.dtype if x.is_floating_point() else torch.float64
        # Autograd adds up what comes back for entries that were broadcast.
        x, t = x.expand(*shape, x.shape[-1]), t.expand(shape)
        return _Value.apply(x, t, self.model, self.target, dtype)
