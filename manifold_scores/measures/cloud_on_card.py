"""A cloud whose moments are taken on a card: arrays of the host in and out, in batches that fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arrays import FloatArray
from ..tilt import Tilt
from .cloud_part import CloudPart

__all__ = ["CloudOnCard"]

#: Dimensions up to which one thread holds the sums of a query in registers: first moments and traces, covariances.
_SHORT, _SHORT_COVARIANCE = 8, 4
#: In single precision lengths, and distances in units of sqrt(s), stay within these: their squares are representable.
_LONGEST, _FARTHEST = 1e15, 1e15


class CloudOnCard:
    """The points of a part, copied to the card once.

    Parameters
    ----------
    part : the points as they are laid out on the host.
    log_total : the logarithm of the sum of all weights.
    tolerance : the share of every moment that may be left out.
    precision : "double" or "single".

    Attributes
    ----------
    engine, covariances : what has `first` and `trace`, and what has `covariance`, at arrays of the card, there.
    real : the type of their numbers.
    """

    def __init__(self, part: CloudPart, log_total: float, tolerance: float, precision: str) -> None:
        from ..compute.cuda_cloud import ShortCloud
        from ..compute.cuda_long import LongCloud
        from ..compute.cuda_memory import to_card

        self.real = np.float64 if precision == "double" else np.float32
        points, mantissas, exponents = part.entries()
        self._longest = float(np.abs(points).max())
        if precision == "single" and self._longest > _LONGEST:
            raise ValueError(f"points must not exceed {_LONGEST:g} in single precision; got {self._longest:g}")
        y, w, e = (to_card(array, self.real) for array in (points, mantissas, exponents))
        d = part.dimension
        short = ShortCloud(y, w, e, log_total, tolerance) if d <= _SHORT else None
        long = LongCloud(y, w, e, log_total, tolerance) if d > _SHORT_COVARIANCE else None
        self.engine: Any = short or long
        self.covariances: Any = long or short

    def tilt(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        """Return the moments at centers (M, d) and variances (M,)."""
        d = centers.shape[1]
        parts = [self._on_host(self.engine.first(z, s)) for z, s in self._batches(centers, variances, 3 * d + 2)]
        if not parts:
            return Tilt(np.empty(0), np.empty((0, d)), np.empty((0, d)), np.empty((0, d)), np.empty(0))
        log_mass, mean, displacement, anchor, log_rest = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Tilt(log_mass, mean, displacement, anchor, log_rest)

    def errors(self, centers: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return bounds on what is missing in log mass, mean and displacement, (M,) each."""
        from ..compute.cuda_memory import empty, to_host

        found = []
        for z, s in self._batches(centers, variances, 3 * centers.shape[1] + 5):
            lost = empty((len(s), 3), np.float64)
            _, mean, displacement, *_ = self._on_host(self.engine.first(z, s, lost))
            share, value, apart = to_host(lost).T
            value = value + share * np.linalg.norm(mean, axis=1)
            found.append((share, value, apart + share * np.linalg.norm(displacement, axis=1)))
        share, value, apart = np.concatenate([np.empty((3, 0)), *(np.array(part) for part in found)], axis=1)
        return share, value, apart

    def covariance(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        """Return the covariances (M, d, d)."""
        d = centers.shape[1]
        return self._joined(self.covariances.covariance, centers, variances, (d, d))

    def trace(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        """Return the traces of the covariances, (M,)."""
        return self._joined(self.engine.trace, centers, variances, ())

    def _joined(
        self, moments: Callable[[Any, Any], Any], centers: FloatArray, variances: FloatArray, shape: tuple[int, ...]
    ) -> FloatArray:
        parts = [
            self._on_host((moments(z, s),))[0] for z, s in self._batches(centers, variances, math.prod(shape))
        ]  # fmt: skip
        return np.concatenate([np.empty((0, *shape)), *parts])

    def _batches(self, centers: FloatArray, variances: FloatArray, entries: int) -> Iterator[tuple[Any, Any]]:
        """Copy batches of queries to the card, with room for so many entries of the result each."""
        from ..compute.cuda_memory import spare_bytes, to_card

        self.check_range(centers, variances)
        each = np.dtype(self.real).itemsize * (centers.shape[1] + 1 + entries)
        step = max(1, spare_bytes() // each)
        for start in range(0, len(centers), step):
            rows = slice(start, start + step)
            yield to_card(centers[rows], self.real), to_card(variances[rows], self.real)

    def check_range(self, centers: FloatArray, variances: FloatArray) -> None:
        """Raise ValueError unless centers (n, d) and variances (n,) can be computed with in this precision."""
        if self.real == np.float64:
            return
        far = self._longest + np.abs(centers).max(axis=1, initial=0.0)
        if (far > _LONGEST).any():
            raise ValueError(f"center must not exceed {_LONGEST:g} in single precision; got {np.abs(centers).max():g}")
        deviations = np.sqrt(variances)
        wrong = (far > _FARTHEST * deviations) | (deviations < 1.0 / _LONGEST) | (deviations > _LONGEST)
        if wrong.any():
            raise ValueError(
                f"variance must lie between 1e-30 and 1e30 in single precision, and lengths within {_FARTHEST:g} times "
                f"its root; got {variances[wrong][0]:g}"
            )

    @staticmethod
    def _on_host(parts: Any) -> list[FloatArray]:
        from ..compute.cuda_memory import to_host

        return [to_host(part).astype(np.float64) for part in parts]
