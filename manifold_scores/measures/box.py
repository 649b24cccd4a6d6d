"""Uniform laws on segments and boxes: truncated normals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..tilt import Measure, Tilt

__all__ = ["BoxLaw", "SegmentLaw"]


class BoxLaw(Measure):
    """The uniform law on the box prod_i [lower_i, upper_i]: one truncated normal per coordinate.

    Accuracy: a few eps (1 + kappa) inside, outside, at faces and corners, and for sides short or long against
    sqrt(s); variances too (no cancellation far outside, where they are about (s/distance)^2).  Built by `Box.uniform`.
    """

    def __init__(self, lower: Any, upper: Any) -> None:
        self.lower = arrays.vector("lower", lower)
        self.upper = arrays.vector("upper", upper, self.lower.size)
        if not (self.lower < self.upper).all():
            k = int(np.argmax(self.lower >= self.upper))
            raise ValueError(
                f"upper must exceed lower in every coordinate; "
                f"coordinate {k} has lower {self.lower[k]} and upper {self.upper[k]}"
            )
        sides = self.upper - self.lower
        if sides.min() < arrays.SMALLEST_LENGTH:
            raise ValueError(
                f"upper must exceed lower by at least {arrays.SMALLEST_LENGTH:g}; "
                f"coordinate {sides.argmin()} does so by {sides.min():g}"
            )
        self.ambient_dimension = self.dimension = self.lower.size

    def __repr__(self) -> str:
        return f"BoxLaw(uniform in R^{self.ambient_dimension})"

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        from ..compute.cpu_interval import box_first_moments  # numba is imported on first use
        from ..compute.threads import spread

        out = self._empty(centers)
        spread(
            box_first_moments, len(centers), self.lower, self.upper, centers, variances,
            out.log_mass, out.mean, out.displacement, out.anchor, out.log_rest,
        )  # fmt: skip
        return out

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        along = self._variances(centers, variances)
        covariance = np.zeros((*along.shape, self.ambient_dimension))
        index = np.arange(self.ambient_dimension)
        covariance[:, index, index] = along
        return covariance

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return np.asarray(self._variances(centers, variances).sum(axis=1))

    def _variances(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        from ..compute.cpu_interval import box_variances
        from ..compute.threads import spread

        out = np.empty_like(centers)
        spread(box_variances, len(centers), self.lower, self.upper, centers, variances, out)
        return out

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        return rng.uniform(self.lower, self.upper, (n, self.ambient_dimension))


class SegmentLaw(Measure):
    """The uniform law on the segment from start to end in R^d; accuracy as for `BoxLaw`.

    Built by `Segment.uniform`.
    """

    dimension = 1

    def __init__(self, start: Any, end: Any) -> None:
        self.start = arrays.vector("start", start)
        self.end = arrays.vector("end", end, self.start.size)
        difference = self.end - self.start
        self.length = math.hypot(*difference)
        if self.length == 0.0:
            raise ValueError(f"end must differ from start; both are a point of R^{self.start.size}")
        if self.length < arrays.SMALLEST_LENGTH:
            raise ValueError(
                f"end must lie at least {arrays.SMALLEST_LENGTH:g} from start; got a distance of {self.length:g}"
            )
        self.direction = difference / self.length
        self.ambient_dimension = self.start.size

    def __repr__(self) -> str:
        return f"SegmentLaw(uniform, length {self.length!r} in R^{self.ambient_dimension})"

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        from ..compute.cpu_interval import segment_first_moments  # numba is imported on first use
        from ..compute.threads import spread

        out = self._empty(centers)
        spread(
            segment_first_moments, len(centers), self.start, self.end, self.length, centers, variances,
            out.log_mass, out.mean, out.displacement, out.anchor, out.log_rest,
        )  # fmt: skip
        return out

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        along = self.covariance_trace_rows(centers, variances)
        return along[:, None, None] * np.outer(self.direction, self.direction)

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        from ..compute.cpu_interval import segment_variances
        from ..compute.threads import spread

        out = np.empty(len(centers))
        spread(segment_variances, len(centers), self.start, self.end, self.length, centers, variances, out)
        return out

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        fraction = rng.random((n, 1))
        return (1.0 - fraction) * self.start + fraction * self.end
