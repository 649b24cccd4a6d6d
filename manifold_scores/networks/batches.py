"""Batches of clean points, times and noise, all drawn from one generator."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..processes import Process
from ..tilt import Measure
from .times import drawn, time_law

__all__ = ["Batches", "described"]


class Batches:
    """Draws (X_0, t, xi) of shapes (n, d), (n,) and (n, d)."""

    def __init__(self, data: Any, times: Any, process: Process, size: int, dimension: int, rng: Any) -> None:
        self._process, self._size = process, size
        self._law = time_law(times)
        self._points: FloatArray | None = None
        if isinstance(data, Measure):
            self._measure, found = data, data.ambient_dimension
        elif hasattr(data, "uniform") and hasattr(data, "project"):
            raise TypeError("data must be a measure or points (N, d); a manifold becomes a measure with .uniform()")
        else:
            self._points = arrays.matrix("data", data)
            found = self._points.shape[1]
        if found != dimension:
            raise ValueError(f"data lives in R^{found} but the network in R^{dimension}")
        self._rng = arrays.generator(rng)
        self._seed = "none" if rng is None else _hash(self.state().encode())

    def draw(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the next batch."""
        n = self._size
        if self._points is None:
            clean = self._measure.sample(n, self._rng)
        else:
            clean = self._points[self._rng.integers(len(self._points), size=n)]
        return clean, drawn(self._law, n, self._rng, self._process), self._rng.standard_normal(clean.shape)

    def state(self) -> str:
        """Return the state of the generator as JSON: a file of tensors cannot hold its integers of 128 bits."""
        return json.dumps(self._rng.bit_generator.state, default=np.ndarray.tolist)

    def restore(self, state: str) -> None:
        """Go back, or forward, to a state of the generator."""
        self._rng.bit_generator.state = json.loads(state)

    def settings(self) -> dict[str, str]:
        """Return what the draws depend on, as texts that are the same in every process."""
        if self._points is None:
            data = described(self._measure)
        else:
            data = f"{len(self._points)} points, {_hash(self._points.tobytes())}"
        return {"data": data, "times": described(self._law), "batch_size": str(self._size), "rng": self._seed}


def described(thing: Any) -> str:
    """Return a repr without addresses of memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
