"""Tilted moments: the one primitive of a measure from which every diffusion target follows.

For a probability measure pi on R^d, a center z and a variance s,

    Z(z, s) = integral of exp(-|z - y|^2 / 2s) pi(dy),    Q_{z,s}(dy) = exp(-|z - y|^2 / 2s) pi(dy) / Z(z, s).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import arrays
from .arrays import FloatArray
from .blockwise import blockwise
from .on_card import CardRows, moments_at, on_host

__all__ = ["ErrorEstimate", "Measure", "Tilt"]


@dataclass(frozen=True, slots=True)
class Tilt:
    """Moments of the tilted law Q_{z,s}.

    Attributes
    ----------
    log_mass : log Z(z, s), shape (...).
    mean : f = E_Q[y], shape (..., d).
    displacement : delta = E_Q[y - z], shape (..., d), accumulated as such: it keeps its digits where f - z would not.
    anchor, log_rest : a point p within about the size of the support, shape (..., d), and log Z + |z - p|^2/2s, shape
        (...), computed without that cancellation.  Far away log Z itself is so large that its rounding would decide
        the shares of a mixture; the rests are not.  None, in a measure that does not provide them, stands for z, log Z.
    """

    log_mass: Any
    mean: Any
    displacement: Any
    anchor: Any = None
    log_rest: Any = None

    def anchored(self, centers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (anchor, log_rest) for rows tilted at centers."""
        return (centers, self.log_mass) if self.anchor is None else (self.anchor, self.log_rest)


@dataclass(frozen=True, slots=True)
class ErrorEstimate:
    """How far moments may be off, absolutely: log mass (...), mean and displacement together (...)."""

    log_mass: Any
    mean: Any


class Measure(ABC):
    """A probability measure on R^d that knows its tilted moments.

    A new measure is a subclass that sets `ambient_dimension` (d) and `dimension` (m, of its support) and implements
    the `*_rows` methods below for validated, C-contiguous float64 arrays: centers (n, d) and variances (n,).
    """

    ambient_dimension: int
    dimension: int

    def tilt(self, center: Any, variance: Any) -> Tilt:
        """Return log Z(z, s), E_Q[y] and E_Q[y - z] at z = center, s = variance (theory: one algebra for all targets).

        Parameters
        ----------
        center : z, shape (..., d), no entry above 1e50 max(1, sqrt(s)) or 1e150.
        variance : s > 0 (a variance, in squared units of y), scalar or broadcasting against center.shape[:-1];
            between 1e-100 and 1e290.

        Raises
        ------
        ValueError, TypeError : wrong shape, NaN or infinity, s outside its range; the message names the argument.
        """
        return Tilt(*self._moments(center, variance))

    @blockwise(2, check="_rows")
    def tilt_covariance(self, center: Any, variance: Any) -> Any:
        """Return Cov_Q(y), shape (..., d, d); arguments as in `tilt`."""
        rows = self._rows(center, variance)
        return rows.restore(self.covariance_rows(rows.points, rows.scalars))

    @blockwise(0, check="_rows")
    def tilt_covariance_trace(self, center: Any, variance: Any) -> Any:
        """Return tr Cov_Q(y), shape (...), without forming the matrix; arguments as in `tilt`."""
        rows = self._rows(center, variance)
        return rows.restore(self.covariance_trace_rows(rows.points, rows.scalars))

    def _on_card(self) -> Any:
        """Return what takes the moments at arrays of a card, or None where only the CPU can."""
        return None

    def sample(self, n: int, rng: Any = None) -> FloatArray:
        """Return n independent draws, shape (n, d); rng is a seed or a numpy Generator."""
        return self.sample_rows(arrays.count("n", n), arrays.generator(rng))

    @blockwise(0, 1, 1, check="_rows")
    def _moments(self, center: Any, variance: Any) -> tuple[Any, Any, Any]:
        rows = self._rows(center, variance)
        tilt = self.tilt_rows(rows.points, rows.scalars)
        return rows.restore(tilt.log_mass), rows.restore(tilt.mean), rows.restore(tilt.displacement)

    def _answer_on_card(self, method: str, center: Any, variance: Any) -> Any:
        moments = self._on_card()
        if moments is None:
            return NotImplemented
        variance = arrays.variances("variance", on_host(variance))
        rows = CardRows("center", center, "variance", variance, self.ambient_dimension, self._rows)
        return moments_at(rows, moments, method)

    def _rows(self, center: Any, variance: Any) -> arrays.Rows:
        variance = arrays.variances("variance", variance)
        rows = arrays.Rows("center", center, "variance", variance, self.ambient_dimension, arrays.LARGEST_CENTER)
        largest = np.abs(rows.points).max(axis=1, initial=0.0)
        if (largest > arrays.LARGEST_LENGTH * np.maximum(1.0, np.sqrt(rows.scalars))).any():
            raise ValueError(
                f"center must not exceed {arrays.LARGEST_LENGTH:g} max(1, sqrt(variance)); got {largest.max():g}"
            )
        return rows

    @abstractmethod
    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        """Return the moments for every row: log mass (n,), mean and displacement (n, d)."""

    @abstractmethod
    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        """Return the covariances (n, d, d)."""

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        """Return the traces (n,); override where the matrix need not be formed."""
        return np.asarray(np.trace(self.covariance_rows(centers, variances), axis1=1, axis2=2))

    @abstractmethod
    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n draws (n, d) from the Generator rng."""

    @staticmethod
    def _empty(centers: FloatArray) -> Tilt:
        """Return a record of uninitialised arrays for a kernel to fill."""
        size = centers.shape[0]
        return Tilt(
            np.empty(size), np.empty_like(centers), np.empty_like(centers), np.empty_like(centers), np.empty(size)
        )
