"""Weighted point clouds: the empirical measures whose exact score a diffusion model memorises."""

from __future__ import annotations

import copy
import functools
import math
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..devices import DEVICES, PRECISIONS, require_card
from ..tilt import ErrorEstimate, Measure, Tilt
from .cloud_on_card import CloudOnCard
from .cloud_part import DEFAULT_TOLERANCE, CloudPart

__all__ = ["PointCloud"]

SMALLEST_TOLERANCE, LARGEST_TOLERANCE = 1e-100, 0.1


class PointCloud(Measure):
    """The law sum_i w_i delta_{y_i}: the softmax of log w_i - |z - y_i|^2 / 2s gives every moment.

    Accuracy: exact up to rounding, a few eps (1 + kappa) for log mass, mean and displacement at any center and any
    variance (exponents in double-double arithmetic where float64 would not do); covariance to 1e-10 of its norm or
    better.  Points are skipped, by a proven bound, where all of them together cannot change the mass, the norm of the
    mean, that of the displacement or the trace of the covariance by `tolerance`, relative to each.  Moments below
    1e-260 of the size of the cloud, or of its square, are not resolved.

    Cost: a k-d tree is built once, N log N; a query costs a descent and the points that count, all of them where the
    variance is large.  Memory per query does not depend on N.

    Parameters
    ----------
    points : shape (N, d), N >= 1, 1 <= d; duplicates are fine.
    weights : shape (N,), non-negative, not all zero, normalised here; default equal.  They may span the whole float64
        range (the exponent is kept apart from the mantissa).
    tolerance : between 1e-100 and 0.1; see `error_estimate` for what a looser one costs.


    Raises
    ------
    ValueError : empty cloud, wrong shapes, NaN or infinity, negative or all-zero weights, a tolerance outside its
        range.
    """

    dimension = 0
    #: Where moments are taken, "cpu" or "cuda", and in which precision.
    device, precision = "cpu", "double"

    def __init__(self, points: Any, weights: Any = None, *, tolerance: Any = DEFAULT_TOLERANCE) -> None:
        array = arrays.real_array("points", points)
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(f"points must be a non-empty (N, d) array; got shape {array.shape}")
        self._points = np.array(arrays.length_scale("points", array), order="C")
        raw = arrays.weights("weights", weights, len(array))
        self.tolerance = arrays.number("tolerance", tolerance)
        if not SMALLEST_TOLERANCE <= self.tolerance <= LARGEST_TOLERANCE:
            raise ValueError(
                f"tolerance must lie between {SMALLEST_TOLERANCE:g} and {LARGEST_TOLERANCE:g}; got {self.tolerance:g}"
            )
        mantissa, exponent = np.frexp(raw)
        # Normalise in the exponent range of the largest weight: sums and quotients neither overflow nor underflow.
        self._largest = int(exponent[raw > 0.0].max())
        scaled = np.ldexp(raw, -self._largest) if self._largest < 1000 else np.ldexp(raw * 0.5, 1 - self._largest)
        total = math.fsum(scaled)
        self._given, self._weights = raw, np.ldexp(mantissa, exponent - self._largest) / total
        self._log_total = math.log(total)
        self.ambient_dimension = self._points.shape[1]

    @functools.cached_property
    def part(self) -> CloudPart:
        """The points with a weight as the kernels see them, laid out at the first query."""
        keep = self._given > 0.0
        mantissa, exponent = np.frexp(self._given[keep])
        points = self._points if keep.all() else self._points[keep]
        return CloudPart(points, mantissa, (exponent - self._largest).astype(np.float64))

    @functools.cached_property
    def _card(self) -> CloudOnCard:
        """The points on the card, copied there at the first query."""
        return CloudOnCard(self.part, self._log_total, self.tolerance, self.precision)

    def _on_card(self) -> CloudOnCard:
        require_card()
        return self._card

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled or copied: not what lies on a card."""
        return {name: value for name, value in self.__dict__.items() if name != "_card"}

    def __repr__(self) -> str:
        where = "" if self.device == "cpu" else f" on {self.device}, {self.precision} precision"
        return f"PointCloud({len(self)} points in R^{self.ambient_dimension}{where})"

    def to(self, device: str, *, precision: str = "double") -> PointCloud:
        """Return this cloud with its moments taken on "cpu" or "cuda", by the same arithmetic.

        On "cuda", an NVIDIA card, arrays of the host are copied there in batches that fit into its memory, and results
        come back as on the CPU.  Results do not depend on the other queries, and are the same bits in every run.
        Accuracy: a few eps (1 + kappa), as on the CPU; with precision="single" all arithmetic is float32, with points
        and queries rounded to it, eps is 1.2e-7, and results come back as float64 numbers.

        Raises
        ------
        ValueError : unknown device or precision, single precision on the CPU.
        RuntimeError : there is no card that numba can use.
        """
        device, precision = arrays.choice("device", device, DEVICES), arrays.choice("precision", precision, PRECISIONS)
        if device == "cpu" and precision != "double":
            raise ValueError(f"precision must be 'double' on the CPU; got {precision!r}")
        if device == "cuda":
            require_card()
        moved = copy.copy(self)
        moved.device, moved.precision = device, precision
        return moved

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

    def error_estimate(self, center: Any, variance: Any) -> ErrorEstimate:
        """Return bounds on what the points that were left out could add to log Z, E_Q[y] and E_Q[y - z].

        Arguments as in `tilt`.  Proven, and usually far from attained; rounding comes on top of them.
        """
        rows = self._rows(center, variance)
        if self.device == "cuda":
            log_mass, mean, displacement = self._card.errors(rows.points, rows.scalars)
            return ErrorEstimate(rows.restore(log_mass), rows.restore(np.maximum(mean, displacement)))
        log_mass, mean, displacement = self.part.first_moments(rows.points, rows.scalars, self.tolerance).errors()
        return ErrorEstimate(rows.restore(log_mass), rows.restore(np.maximum(mean, displacement)))

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        if self.device == "cuda":
            return self._card.tilt(centers, variances)
        return self.part.first_moments(centers, variances, self.tolerance).tilt(self._log_total)

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        if self.device == "cuda":
            return self._card.covariance(centers, variances)
        return self.part.second_moments(centers, variances, self.tolerance).covariance()

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        if self.device == "cuda":
            return self._card.trace(centers, variances)
        moments = self.part.second_moments(centers, variances, self.tolerance, trace_only=True)
        return np.ascontiguousarray(moments.covariance()[:, 0, 0])

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._points[rng.choice(len(self), size=n, p=self._weights)])
