"""Fully connected networks, as in [LWB]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch

from .. import arrays

__all__ = ["MLP"]


class MLP(torch.nn.Module):
    """Fully connected network (x, t) -> R^d with tanh between its layers and none after the last.

    [LWB] takes two hidden layers of 16 for the normal law on a line and three of 64 for the law on a curve; the input
    is x with t as one more coordinate.  With `time_input="log"` that coordinate is log t, which resolves small times:
    a smooth function of t itself cannot follow what happens over many decades.

    Weights and biases start uniform on [-k, k], k = (number of inputs of the layer)^{-1/2}, torch's own rule, but drawn
    in float64 from a generator of their own: they depend on `seed` and the sizes alone, up to rounding not on `dtype`,
    and torch's global generator is neither used nor moved.

    Parameters
    ----------
    ambient_dimension : d.
    hidden : sizes of the hidden layers, such as (16, 16) or (64, 64, 64).
    time_input : "time" or "log".
    dtype : torch.float64 or torch.float32.
    seed : of the initial weights.

    Raises
    ------
    ValueError, TypeError : sizes that are not positive integers, unknown time_input or dtype.
    """

    def __init__(
        self, ambient_dimension: int, hidden: Sequence[int], *, time_input: str = "time",
        dtype: torch.dtype = torch.float64, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.ambient_dimension = arrays.count("ambient_dimension", ambient_dimension, 1)
        if not isinstance(hidden, (list, tuple)):
            raise TypeError(f"hidden must be a tuple of sizes, such as (64, 64, 64); got {type(hidden).__name__}")
        self.hidden = tuple(arrays.count("hidden", size, 1) for size in hidden)
        self.time_input = arrays.choice("time_input", time_input, ["time", "log"])
        if dtype not in (torch.float64, torch.float32):
            raise ValueError(f"dtype must be torch.float64 or torch.float32; got {dtype!r}")
        generator = torch.Generator().manual_seed(arrays.count("seed", seed))
        widths = [self.ambient_dimension + 1, *self.hidden, self.ambient_dimension]
        layers: list[Any] = []
        for inputs, outputs in pairwise(widths):
            layers += [_linear(inputs, outputs, dtype, generator), torch.nn.Tanh()]
        self.layers = torch.nn.Sequential(*layers[:-1])

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return the prediction (n, d) at x (n, d), t (n,)."""
        time = t.log() if self.time_input == "log" else t
        answer: torch.Tensor = self.layers(torch.cat([x, time[:, None]], dim=1))
        return answer


def _linear(inputs: int, outputs: int, dtype: torch.dtype, generator: torch.Generator) -> Any:
    # Built without memory first: torch's own initial values would be drawn from the global generator.
    layer = torch.nn.Linear(inputs, outputs, dtype=dtype, device="meta").to_empty(device="cpu")
    bound = 1.0 / math.sqrt(inputs)
    with torch.no_grad():
        for parameter in (layer.weight, layer.bias):
            drawn = torch.empty(parameter.shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
            parameter.copy_(drawn)
    return layer
