"""A small tanh network in numpy, with its Jacobian in all parameters by hand-written backpropagation."""

from __future__ import annotations

import itertools

import numpy as np

from .rates import Array


class HandNetwork:
    """Fully connected, tanh between layers, none after the last: R^d -> R^d with weights drawn once.

    Attributes
    ----------
    widths : sizes of input, hidden layers and output.
    parameters : all weights and biases in one vector (P,), layer by layer, each layer as (inputs + 1, outputs) with its
        biases in the last row.
    """

    def __init__(self, widths: tuple[int, ...], seed: int) -> None:
        self.widths = widths
        rng = np.random.default_rng([3507, 410, seed])
        layers = [rng.uniform(-1.0, 1.0, (a + 1, b)) / np.sqrt(a) for a, b in itertools.pairwise(widths)]
        self.parameters: Array = np.concatenate([layer.ravel() for layer in layers])

    def _layers(self, parameters: Array) -> list[Array]:
        shapes = [(a + 1, b) for a, b in itertools.pairwise(self.widths)]
        ends = np.cumsum([a * b for a, b in shapes])[:-1]
        parts = np.split(parameters, ends)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def _inputs(self, z: Array, parameters: Array) -> tuple[list[Array], Array]:
        """Return what enters each layer, a one appended, and what leaves the last."""
        entered, value = [], z
        for layer in self._layers(parameters):
            entered.append(np.column_stack([np.tanh(value) if entered else value, np.ones(len(z))]))
            value = entered[-1] @ layer
        return entered, value

    def __call__(self, z: Array, parameters: Array | None = None) -> Array:
        """Return the output (n, d) at z (n, d)."""
        return self._inputs(z, self.parameters if parameters is None else parameters)[1]

    def jacobian(self, z: Array) -> Array:
        """Return d output / d parameters, (n, d, P)."""
        entered, value = self._inputs(z, self.parameters)
        layers = self._layers(self.parameters)
        # Row j is what output j changes by with what leaves the layer at hand.
        back = np.broadcast_to(np.eye(value.shape[1]), (len(z), value.shape[1], value.shape[1]))
        found = []
        for k in reversed(range(len(layers))):
            found.append(np.einsum("ni,njo->njio", entered[k], back).reshape(len(z), value.shape[1], -1))
            if k:
                back = (back @ layers[k][:-1].T) * (1.0 - entered[k][:, :-1] ** 2)[:, None, :]
        return np.concatenate(found[::-1], axis=2)
