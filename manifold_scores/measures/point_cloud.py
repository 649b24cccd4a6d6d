"""Weighted point clouds: the empirical measures whose exact score a diffusion model memorises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..tilt import Measure, Tilt

__all__ = ["PointCloud"]

_PADDING_EXPONENT = -1e290  # with mantissa 0: never the reference, never counted
_QUERY_BLOCKS = 64  # enough to balance any number of threads; does not change the result


class PointCloud(Measure):
    """The law sum_i w_i delta_{y_i}: the softmax of log w_i - |z - y_i|^2 / 2s gives every moment.

    Accuracy: exact up to rounding, a few eps (1 + kappa) for log mass, mean and displacement at any center and any
    variance (exponents in double-double arithmetic where float64 would not do); covariance to 1e-10 of its norm or
    better.  Cost O(N d) per query in constant memory.  Points may be skipped when their share is below 2**-200 = 6e-61
    of the best one's: means are right to that fraction of the size of the cloud even where they vanish.  Covariances
    below 1e-270 of its square may come out as 0.

    Parameters
    ----------
    points : shape (N, d), N >= 1, 1 <= d; duplicates are fine.
    weights : shape (N,), non-negative, not all zero, normalised here; default equal.  They may span the whole float64
        range (the exponent is kept apart from the mantissa).

    Raises
    ------
    ValueError : empty cloud, wrong shapes, NaN or infinity, negative or all-zero weights.
    """

    dimension = 0

    def __init__(self, points: Any, weights: Any = None) -> None:
        array = arrays.real_array("points", points)
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(f"points must be a non-empty (N, d) array; got shape {array.shape}")
        self._points = np.array(arrays.length_scale("points", array), order="C")
        raw = arrays.weights("weights", weights, len(array))
        mantissa, exponent = np.frexp(raw)
        # Normalise in the exponent range of the largest weight: sums and quotients neither overflow nor underflow.
        largest = int(exponent[raw > 0.0].max())
        total = math.fsum(np.ldexp(raw, -largest) if largest < 1000 else np.ldexp(raw * 0.5, 1 - largest))
        self._weights = np.ldexp(mantissa, exponent - largest) / total
        self._log_total = math.log(total)
        keep = raw > 0.0
        self._tiles, self._mantissas, self._exponents = _tile(
            self._points[keep], mantissa[keep], (exponent[keep] - largest).astype(np.float64)
        )
        self.ambient_dimension = self._points.shape[1]

    def __repr__(self) -> str:
        return f"PointCloud({len(self)} points in R^{self.ambient_dimension})"

    def __len__(self) -> int:
        return len(self._points)

    @property
    def points(self) -> FloatArray:
        """A copy of the points, shape (N, d)."""
        return self._points.copy()

    @property
    def weights(self) -> FloatArray:
        """A copy of the normalised weights, shape (N,)."""
        return np.array(self._weights)

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        from ..compute.cpu_point_cloud import first_moments  # numba is imported on first use

        out = self._empty(centers)
        first_moments(
            self._tiles, self._mantissas, self._exponents, centers, variances, _QUERY_BLOCKS,
            out.log_mass, out.mean, out.displacement, out.anchor, out.log_rest,
        )  # fmt: skip
        out.log_mass[:] -= self._log_total
        out.log_rest[:] -= self._log_total
        return out

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return self._second_moments(centers, variances, self.ambient_dimension)

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return np.ascontiguousarray(self._second_moments(centers, variances, 1)[:, 0, 0])

    def _second_moments(self, centers: FloatArray, variances: FloatArray, size: int) -> FloatArray:
        from ..compute.cpu_point_cloud import second_moments

        out = np.empty((len(centers), size, size))
        second_moments(self._tiles, self._mantissas, self._exponents, centers, variances, _QUERY_BLOCKS, out)
        return out

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._points[rng.choice(len(self), size=n, p=self._weights)])


def _tile(points: FloatArray, mantissa: FloatArray, exponent: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lay points out as (tiles, d, lanes): the lanes of a vector run over points, and a tile stays in the cache."""
    count, dimension = points.shape
    lanes = 512 if dimension <= 4 else 256 if dimension <= 16 else 64
    lanes = min(lanes, -(-count // 8) * 8)
    tiles = -(-count // lanes)
    padding = tiles * lanes - count
    points = np.concatenate([points, np.repeat(points[-1:], padding, axis=0)])
    mantissa = np.concatenate([mantissa, np.zeros(padding)])
    exponent = np.concatenate([exponent, np.full(padding, _PADDING_EXPONENT)])
    return (
        np.ascontiguousarray(points.reshape(tiles, lanes, dimension).transpose(0, 2, 1)),
        mantissa.reshape(tiles, lanes),
        exponent.reshape(tiles, lanes),
    )
