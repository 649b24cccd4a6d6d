"""Questions asked as Dask arrays, answered lazily block by block, or as arrays of a card, answered there."""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
import uuid
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from . import arrays
from .namespaces import is_dask, lives_on_card

__all__ = ["blockwise", "inside_a_block", "known_sizes"]

Method = TypeVar("Method", bound=Callable[..., Any])

_here = threading.local()


def inside_a_block() -> bool:
    """Say whether this thread is working on a block of a question."""
    return getattr(_here, "depth", 0) > 0


def blockwise(*axes: int, check: str = "_query") -> Callable[[Method], Method]:
    """Let a method (self, x, t, ...) answer a Dask array x of shape (..., d) by a Dask array, block by block.

    Arrays of a card go to `_answer_on_card(method, x, t)` where the oracle has one; NotImplemented from it means that
    there is nothing to answer with, and the method itself says so.

    t is a number, an array or a Dask array.  Types, shapes and, where they are there, values are checked at once; the
    values of Dask arrays are checked when their blocks are computed, by the same lines, with the same messages.

    Parameters
    ----------
    axes : for each array the method returns, how many axes of length d it has besides those of x.shape[:-1]; pairs
        that `return_error=True` asks for are understood.
    check : the method (x, t) that validates without computing.
    """

    def decorate(method: Method) -> Method:
        signature = inspect.signature(method)
        x_name, t_name = tuple(signature.parameters)[1:3]

        @functools.wraps(method)
        def call(self: Any, *args: Any, **options: Any) -> Any:
            x = args[0] if args else options.get(x_name)
            if not is_dask(x):
                there = getattr(self, "_answer_on_card", None)
                if there is not None and lives_on_card(x):
                    given = signature.bind(self, *args, **options).arguments
                    answer = there(method.__name__, x, given[t_name])
                    if answer is not NotImplemented:
                        return answer
                return method(self, *args, **options)
            given = signature.bind(self, *args, **options).arguments
            del given["self"], given[x_name]
            pair = arrays.flag("return_error", given.get("return_error", False))
            question = _Question(self, x_name, x, t_name, given.pop(t_name), check)
            return question.ask(method.__name__, given, axes * 2 if pair else axes)

        return cast(Method, call)

    return decorate


class _Question:
    """A Dask array x and its t, validated as far as that goes without computing."""

    def __init__(self, model: Any, x_name: str, x: Any, t_name: str, t: Any, check: str) -> None:
        self.dimension = d = int(model.ambient_dimension)
        validate = getattr(model, check)
        arrays.extended_array(x_name, x._meta)
        known_sizes(x_name, x)
        if is_dask(t):
            arrays.extended_array(t_name, t._meta)
            known_sizes(t_name, t)
        else:
            t = arrays.real_array(t_name, t)
        shape = arrays.broadcast_shape(x_name, x.shape, t_name, t.shape, d)
        validate(np.zeros(d), 1.0 if is_dask(t) else t)
        self.model, self.x = getattr(model, "_frozen", lambda: model)(), x.rechunk({x.ndim - 1: -1})
        self.t = float(t) if t.ndim == 0 and not is_dask(t) else t
        self.axes = len(shape)

    def ask(self, method: str, options: dict[str, Any], axes: tuple[int, ...]) -> Any:
        """Return what the method answers: one Dask array, or as many as there are axes."""
        import dask
        import dask.array

        d, batch = self.dimension, tuple(range(self.axes))
        # Several arrays travel as one, side by side in its last axis.
        sizes = [d**each for each in axes]
        new = dict.fromkeys(range(self.axes + 1, self.axes + 1 + axes[0]), d) if len(axes) == 1 else None
        new = {self.axes + 1: sum(sizes)} if new is None else new
        x_index = (*batch[self.axes - (self.x.ndim - 1) :], self.axes)
        t = self.t if isinstance(self.t, float) else dask.array.asarray(self.t)
        t_index = None if isinstance(t, float) else batch[self.axes - t.ndim :]
        # A name of its own: Dask would make one by pickling the model four times, and reload classes on the way.
        kind = type(self.model).__name__
        model = dask.delayed(self.model, name=f"{kind}-{uuid.uuid4().hex}", traverse=False)
        answer = dask.array.blockwise(
            functools.partial(_answer, method=method, options=options, axes=axes), (*batch, *new),
            model, None, self.x, x_index, t, t_index,
            new_axes=new, concatenate=True, dtype=np.float64, meta=np.empty((0,) * (self.axes + len(new))),
            token=f"{kind}-{method}",
        )  # fmt: skip
        if len(axes) == 1:
            return answer
        ends = np.cumsum([0, *sizes])
        parts = [answer[..., first:last] for first, last in itertools.pairwise(ends)]
        return tuple(part if each else part[..., 0] for part, each in zip(parts, axes, strict=True))


def known_sizes(name: str, array: Any) -> None:
    """Raise a ValueError unless the sizes of all chunks of a Dask array are known."""
    if any(np.isnan(array.shape)):
        raise ValueError(f"{name} must have chunks of known sizes; call {name}.compute_chunk_sizes() first")


def _answer(model: Any, x: Any, t: Any, method: str, options: dict[str, Any], axes: tuple[int, ...]) -> Any:
    """Answer one block, with the one thread that Dask gives it."""
    from .compute.threads import one_thread

    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        with one_thread():
            answer = getattr(model, method)(x, t, **options)
    finally:
        _here.depth -= 1
    if len(axes) == 1:
        return np.asarray(answer)
    parts = [part if each else np.asarray(part)[..., None] for part, each in zip(answer, axes, strict=True)]
    return np.concatenate(parts, axis=-1)
