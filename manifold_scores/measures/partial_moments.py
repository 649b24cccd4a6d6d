"""Unnormalised moments of part of a cloud, and how those of two parts become those of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import FloatArray
from ..tilt import Tilt

__all__ = ["PartialCovariances", "PartialMoments", "Reference"]

LN_2 = math.log(2.0)
LOG2_E = 1.0 / LN_2


@dataclass(frozen=True, slots=True)
class Reference:
    """The point r of largest weight at each of M queries (z, s); masses are counted in units of its 2**exponent.

    Attributes
    ----------
    point : y_r, (M, d).
    high, low : |y_r - z|^2 as the sum of two float64 numbers, (M,).
    exponent : (M,), its weight is mantissa * 2**exponent with a mantissa in [1/2, 1).
    """

    point: FloatArray
    high: FloatArray
    low: FloatArray
    exponent: FloatArray

    def bits_above(self, other: Reference, variances: FloatArray) -> FloatArray:
        """Return log2 of the ratio of the two units, the exponentials at the reference points included, (M,)."""
        apart = (self.high - other.high) + (self.low - other.low)
        return (self.exponent - other.exponent) - apart * (0.5 * LOG2_E / variances)

    def where(self, mine: Any, other: Reference) -> Reference:
        """Return this reference where `mine` holds and the other one elsewhere."""
        return Reference(
            np.where(mine[:, None], self.point, other.point),
            np.where(mine, self.high, other.high),
            np.where(mine, self.low, other.low),
            np.where(mine, self.exponent, other.exponent),
        )

    def log_unit(self, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log(2**exponent), and its sum with -|y_r - z|^2 / 2s, each (M,)."""
        rest = self.exponent * LN_2
        return rest, rest - self.high / (2.0 * variances)


def _factors(mine: Reference, other: Reference, variances: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
    """Return where mine is the better one, and by what the sums of each are multiplied in the better one's unit."""
    bits = mine.bits_above(other, variances)
    return bits >= 0.0, np.exp2(np.minimum(bits, 0.0)), np.exp2(np.minimum(-bits, 0.0))


@dataclass(frozen=True, slots=True)
class PartialMoments:
    """Sums over part of a cloud of w, w y and w (y - z), w the tilted weight in units of the reference's.

    Attributes
    ----------
    variances : s, (M,).
    reference : the best point of the part at each query.
    mass : (M,); value, apart : (M, d).
    lost_mass, lost_value, lost_apart : (M,), bounds on the norms of what was left out of the three sums.
    """

    variances: FloatArray
    reference: Reference
    mass: FloatArray
    value: FloatArray
    apart: FloatArray
    lost_mass: FloatArray
    lost_value: FloatArray
    lost_apart: FloatArray

    def merge(self, other: PartialMoments) -> PartialMoments:
        """Return the sums over both parts: associative and commutative up to a rounding or two of every sum."""
        mine, a, b = _factors(self.reference, other.reference, self.variances)
        sums = [a * x + b * y for x, y in ((self.mass, other.mass), (self.lost_mass, other.lost_mass),
                (self.lost_value, other.lost_value), (self.lost_apart, other.lost_apart))]  # fmt: skip
        value = a[:, None] * self.value + b[:, None] * other.value
        apart = a[:, None] * self.apart + b[:, None] * other.apart
        reference = self.reference.where(mine, other.reference)
        return PartialMoments(self.variances, reference, sums[0], value, apart, sums[1], sums[2], sums[3])

    def tilt(self, log_total: float) -> Tilt:
        """Return the moments of the whole law, log_total the logarithm of the sum of all its weights."""
        rest, whole = self.reference.log_unit(self.variances)
        log_mass = np.log(self.mass)
        return Tilt(
            (log_mass + whole) - log_total,
            self.value / self.mass[:, None],
            self.apart / self.mass[:, None],
            self.reference.point,
            (log_mass + rest) - log_total,
        )

    def errors(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return bounds on what is missing in log mass, mean and displacement, (M,) each."""
        share = self.lost_mass / self.mass
        mean = self.lost_value / self.mass + share * np.linalg.norm(self.value, axis=1) / self.mass
        apart = self.lost_apart / self.mass + share * np.linalg.norm(self.apart, axis=1) / self.mass
        return share, mean, apart


@dataclass(frozen=True, slots=True)
class PartialCovariances:
    """Sums over part of a cloud of w, w (y - y_r) and the products w (y - y_r)(y - y_r)', or w |y - y_r|^2.

    Attributes
    ----------
    variances : s, (M,).
    reference : the best point of the part at each query.
    mass : (M,); first : (M, d); second : (M, d, d), upper triangle, or (M, 1, 1) for the trace.
    """

    variances: FloatArray
    reference: Reference
    mass: FloatArray
    first: FloatArray
    second: FloatArray

    def merge(self, other: PartialCovariances) -> PartialCovariances:
        """Return the sums over both parts, about the better one's reference."""
        mine, a, b = _factors(self.reference, other.reference, self.variances)
        reference = self.reference.where(mine, other.reference)
        left, right = self._about(reference.point), other._about(reference.point)
        return PartialCovariances(
            self.variances,
            reference,
            a * left.mass + b * right.mass,
            a[:, None] * left.first + b[:, None] * right.first,
            a[:, None, None] * left.second + b[:, None, None] * right.second,
        )

    def _about(self, origin: FloatArray) -> PartialCovariances:
        """Return the sums about another point: y - o = (y - y_r) + (y_r - o)."""
        shift = self.reference.point - origin
        if self.second.shape[1] == 1:
            cross = 2.0 * (shift * self.first).sum(axis=1) + self.mass * (shift * shift).sum(axis=1)
            second = self.second + cross[:, None, None]
        else:
            product = self.first[:, :, None] * shift[:, None, :]
            square = shift[:, :, None] * shift[:, None, :]
            second = self.second + (product + product.transpose(0, 2, 1)) + self.mass[:, None, None] * square
        return replace(self, first=self.first + self.mass[:, None] * shift, second=second)

    def covariance(self) -> FloatArray:
        """Return the covariances (M, d, d), or their traces (M, 1, 1)."""
        mean = self.first / self.mass[:, None]
        if self.second.shape[1] == 1:
            centred = self.second / self.mass[:, None, None]
            for k in range(mean.shape[1]):  # one by one: the order of a sum over an axis may depend on the shape
                centred[:, 0, 0] -= mean[:, k] ** 2
            return centred
        upper = np.triu(self.second / self.mass[:, None, None] - mean[:, :, None] * mean[:, None, :])
        return np.asarray(upper + np.triu(upper, 1).transpose(0, 2, 1))
