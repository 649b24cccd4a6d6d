"""Errors of one target, and their statistics over points drawn from p_t."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..arrays import FloatArray

__all__ = ["TargetErrors", "finite", "median", "norms", "relative_rms", "rms"]


@dataclass(frozen=True, eq=False)
class TargetErrors:
    """Errors D = prediction - truth of one target, over T times, in R^d.

    Standard errors are those of the n points x ~ p_t: by the delta method, and of the median by its order statistics.

    Attributes
    ----------
    absolute, absolute_error : (E|D|^2)^(1/2), the error in L2(p_t), and its standard error, (T,).
    relative, relative_error : (E|D|^2 / E|truth|^2)^(1/2) and its standard error, (T,).
    component_absolute, component_absolute_error : (E D_j^2)^(1/2) for every coordinate, (T, d).
    component_relative, component_relative_error : (E D_j^2 / E truth_j^2)^(1/2), (T, d).
    median, median_error : median over x of the pointwise relative error |D|/|truth|, (T,).
    largest, largest_at : the largest of them that was met, (T,), and where, (T, d).
    at_points : D at the fixed points, (T, k, d); k = 0 without any.
    """

    absolute: FloatArray
    absolute_error: FloatArray
    relative: FloatArray
    relative_error: FloatArray
    component_absolute: FloatArray
    component_absolute_error: FloatArray
    component_relative: FloatArray
    component_relative_error: FloatArray
    median: FloatArray
    median_error: FloatArray
    largest: FloatArray
    largest_at: FloatArray
    at_points: FloatArray

    @classmethod
    def of(cls, rows: list[dict[str, Any]]) -> TargetErrors:
        """Return the record of what `at_one_time` found at each of the times."""
        return cls(**{field.name: np.stack([np.asarray(row[field.name]) for row in rows]) for field in fields(cls)})

    @staticmethod
    def at_one_time(x: FloatArray, difference: FloatArray, truth: FloatArray, at_points: FloatArray) -> dict[str, Any]:
        """Return all fields for one time, from x, D and the truth, (n, d), and D at the fixed points (k, d)."""
        size, scale = norms(difference), norms(truth)
        pointwise = _ratio(size, scale)
        worst = int(np.argmax(pointwise))
        names = ("absolute", "relative", "component_absolute", "component_relative", "median")
        pairs = (
            rms(size), relative_rms(size, scale), rms(difference), relative_rms(difference, truth), median(pointwise),
        )  # fmt: skip
        found: dict[str, Any] = {"largest": pointwise[worst], "largest_at": x[worst], "at_points": at_points}
        for name, (value, error) in zip(names, pairs, strict=True):
            found[name], found[name + "_error"] = value, error
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as lists; what is not finite becomes None."""
        return {field.name: finite(getattr(self, field.name)) for field in fields(self)}


def finite(value: Any) -> Any:
    """Return numbers, arrays and lists of them as JSON takes them: NaN and infinity become None."""
    if isinstance(value, (np.ndarray, list, tuple)):
        return [finite(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def norms(vectors: FloatArray) -> FloatArray:
    """Return the Euclidean norms of rows (n, d), without overflow on the way."""
    scale = np.abs(vectors).max(axis=1, initial=0.0)
    unit = vectors / np.where(scale > 0.0, scale, 1.0)[:, None]
    with np.errstate(over="ignore"):
        return np.asarray(scale * np.sqrt(np.square(unit).sum(axis=1)))


def rms(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (mean v^2)^(1/2) over the first axis and its standard error."""
    unit, scale = _unit(values)
    square = unit * unit
    mean = square.mean(axis=0)
    spread = square.std(axis=0, ddof=1) / math.sqrt(len(values))
    root = np.sqrt(mean)
    with np.errstate(over="ignore"):
        return scale * root, scale * _ratio(0.5 * spread, root)


def relative_rms(values: FloatArray, truth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (mean v^2 / mean truth^2)^(1/2) over the first axis and its standard error."""
    (a, a_scale), (b, b_scale) = _unit(values), _unit(truth)
    a, b = a * a, b * b
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    square = _ratio(mean_a, mean_b)
    # mean a/mean b deviates by the mean of (a - square b)/mean b.
    known = np.where(np.isfinite(square), square, 0.0)
    spread = _ratio((a - known * b).std(axis=0, ddof=1) / math.sqrt(len(values)), mean_b)
    root, scale = np.sqrt(square), _ratio(a_scale, b_scale)
    with np.errstate(over="ignore", invalid="ignore"):
        error = _ratio(0.5 * spread, root)
        return np.where(mean_b > 0.0, scale * root, root), np.where(mean_b > 0.0, scale * error, np.nan)


def median(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the median, and half the distance between the order statistics one binomial deviation below and above."""
    ordered, n = np.sort(values), len(values)
    below = max(0, math.floor(0.5 * n - 0.5 * math.sqrt(n)))
    above = min(n - 1, math.ceil(0.5 * n + 0.5 * math.sqrt(n)) - 1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.median(ordered)), 0.5 * (ordered[above] - ordered[below])


def _unit(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return values over their largest size, and that size, so that no square leaves the float64 range."""
    scale = np.abs(values).max(axis=0)
    return values / np.where(scale > 0.0, scale, 1.0), scale


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the quotient with 0/0 = 0: nothing is wrong where nothing is there and nothing was predicted."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where((denominator == 0.0) & (numerator == 0.0), 0.0, np.divide(numerator, denominator))
