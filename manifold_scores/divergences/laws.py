"""Two discrete laws on common nodes and their divergences: where every rule and every sample ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from .generator import log_generator

__all__ = ["Laws", "log_sum"]

# Log ratios that vary less than this are normalised through expm1, which keeps the digits of their differences.
_CLOSE = 1.0


def log_sum(values: FloatArray) -> float:
    """Return log sum_i e^{values_i}, -inf for an empty sum."""
    top = float(values.max(initial=-math.inf))
    return top if math.isinf(top) else top + math.log(float(np.exp(values - top).sum()))


@dataclass(frozen=True, slots=True)
class Laws:
    """Normalised node masses of P and Q.

    Attributes
    ----------
    log_p, log_q : logarithms of the masses, each sums to 1 after exp; any shape.
    log_ratio : l = log dP/dQ: -inf where only P vanishes, inf where only Q does, 0 where both do.
    shift : log of (the total of the unnormalised p) / (that of q), which was taken off the log ratios.
    log_total_q : the total of the unnormalised q.
    """

    log_p: FloatArray
    log_q: FloatArray
    log_ratio: FloatArray
    shift: float
    log_total_q: float

    @classmethod
    def of(cls, log_weights: FloatArray, log_p: FloatArray, log_q: FloatArray) -> Laws:
        """Return the laws with masses proportional to weight * density; neither may vanish everywhere."""
        total_p, total_q = log_sum(log_weights + log_p), log_sum(log_weights + log_q)
        shift = total_p - total_q
        dead = np.isneginf(log_weights) | (np.isneginf(log_p) & np.isneginf(log_q))
        live = log_p[~dead] - log_q[~dead]
        if np.isfinite(live).all() and np.ptp(live) < _CLOSE:
            share = np.exp((log_weights + log_q)[~dead] - total_q)
            middle = float((share * live).sum())
            shift = middle + math.log1p(float((share * np.expm1(live - middle)).sum()))
        return cls._normalised(log_weights, log_p, log_q, shift, total_q)

    @classmethod
    def _normalised(
        cls, log_weights: FloatArray, log_p: FloatArray, log_q: FloatArray, shift: float, total_q: float
    ) -> Laws:
        dead = np.isneginf(log_weights) | (np.isneginf(log_p) & np.isneginf(log_q))
        ratio = np.where(dead, 0.0, log_p) - np.where(dead, 0.0, log_q) - np.where(dead, 0.0, shift)
        mass_q = log_weights + np.where(dead, -np.inf, log_q) - total_q
        only_p = np.isposinf(ratio)
        mass_p = np.where(only_p, log_weights + log_p - total_q - shift, mass_q + np.where(only_p, 0.0, ratio))
        return cls(mass_p, mass_q, ratio, shift, total_q)

    def elsewhere(self, log_weights: FloatArray, log_p: FloatArray, log_q: FloatArray) -> Laws:
        """Return what other nodes would contribute, normalised as these laws are."""
        return self._normalised(log_weights, log_p, log_q, self.shift, self.log_total_q)

    @property
    def singular(self) -> bool:
        """Whether P has mass where Q has none."""
        return bool(np.isposinf(self.log_ratio).any())

    def log_terms(self, order: float) -> FloatArray:
        """Return the logarithms of terms that sum to T = E_Q[h_q] + P(q = 0)/(1 - q), the last for q < 1 only.

        With them D_q = log(1 + q (q - 1) T)/(q - 1); where P has no mass beyond Q's support, T = E_Q[h_q].
        """
        beyond = np.isposinf(self.log_ratio)
        terms = self.log_q + log_generator(np.where(beyond, 0.0, self.log_ratio), order)
        if order < 1.0:
            terms = np.where(beyond, self.log_p - math.log1p(-order), terms)
        return terms

    def log_products(self, order: float) -> FloatArray:
        """Return the logarithms of the terms p^q q^{1-q} of E_Q[r^q], without those where P or Q vanishes."""
        there = np.isfinite(self.log_ratio) & ~np.isneginf(self.log_q)
        p, q = (np.where(there, mass, 0.0) for mass in (self.log_p, self.log_q))
        return np.where(there, order * p + (1.0 - order) * q, -np.inf)

    def largest_log_ratio(self) -> float:
        """Return the largest l where P has mass."""
        return float(self.log_ratio[~np.isneginf(self.log_p)].max())

    def divergence(self, order: float) -> float:
        """Return D_q(P||Q) of the two discrete laws, relative accuracy about 100 eps (given the log ratios)."""
        if math.isinf(order):
            return max(self.largest_log_ratio(), 0.0)
        if order >= 1.0 and self.singular:
            return math.inf
        return self._below_one(order) if order < 1.0 else self._from_one(order)

    def _from_one(self, order: float) -> float:
        log_total = log_sum(self.log_terms(order))
        if order == 1.0:
            # For far laws the logarithms of the terms are differences of large ones, while l itself is not.
            if log_total <= 0.0:
                return math.exp(log_total)
            there = ~np.isneginf(self.log_p)
            return float((np.exp(self.log_p[there]) * self.log_ratio[there]).sum())
        return float(np.logaddexp(0.0, math.log(order) + math.log(order - 1.0) + log_total)) / (order - 1.0)

    def _below_one(self, order: float) -> float:
        change = -order * (1.0 - order) * math.exp(log_sum(self.log_terms(order)))
        if change > -0.5:
            return math.log1p(change) / (order - 1.0)
        return log_sum(self.log_products(order)) / (order - 1.0)
