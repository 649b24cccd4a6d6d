"""What the errors of the integrals over the cells mean for the divergences.

Let w be the normalised masses of Q on the nodes and T the sum of `Laws.log_terms`.  If the true integrals of w,
w (e^l - 1) and the terms of T are 1 + a, d and T + eta, the true divergence is exactly

    [log(1 + (q d + q (q - 1) (T + eta))/(1 + a)) - q log(1 + d/(1 + a))] / (q - 1),

whose expansion in (a, d, eta), of second order in d because the first order nearly vanishes for close laws, is taken
here with the sums over the cells of the estimates of |a|, |d|, |eta|.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatArray
from .cells import Cells, Family
from .laws import Laws, log_sum
from .tensor import Rule

__all__ = ["Estimate", "Estimates"]

_UNIT = 2.0**-53
#: The estimates of `Rule.errors` are scaled by SAFETY times what they were found to be worth, within [LEAST, MOST].
SAFETY, LEAST, MOST = 5.0, 1e-3, 10.0

#: Standard deviations of a sum of errors with random signs that it is taken to have at least.
DEVIATIONS = 2.0


class Estimates:
    """Divergences of the laws on the cells and their errors, order by order.

    What the estimates of `Rule.errors` are worth is found out when a cell is halved: its error is known then, as the
    difference to the sum over its parts, which are given the larger of the ratios of error to estimate of that cell
    and of all cells halved with it, times SAFETY.  A cell that no halving has led to keeps its estimate.

    Parameters
    ----------
    cells, rule : values at the nodes, and the rule they belong to.
    family, before : the cells halved in the last round and the estimates before it, None in the first.
    """

    def __init__(self, cells: Cells, rule: Rule, family: Family | None, before: Estimates | None) -> None:
        self.laws = Laws.of(cells.log_weights, cells.log_p, cells.log_q)
        self._rule, self._family, self._parents = rule, family, self.laws
        self._known = {} if before is None else before._worths
        self._worths: dict[Hashable, FloatArray] = {}
        if family is not None:
            parents = family.parents
            self._parents = self.laws.elsewhere(parents.log_weights, parents.log_p, parents.log_q)
        self._error_q = self._errors("q", _mass_q, self.laws.log_q)
        self._error_p = self._errors("p", _mass_p, self.laws.log_p)
        #: Errors of the ratio of the normalisations, by cell and axis, (C, k).
        self.shift_parts = self._errors("p - q", _excess, _log_size_of_excess(self.laws))
        mass_p, mass_q = _mass_p(self.laws), _mass_q(self.laws)
        sizes = [np.where(mass > 0.0, np.abs(f), 0.0) for mass, f in ((mass_p, cells.log_p), (mass_q, cells.log_q))]
        #: Rounding of the log ratio, in the mean.
        self.rounding = _UNIT * float(((sizes[0] + sizes[1]) * (mass_p + mass_q)).sum())

    def _errors(self, name: Hashable, field: Callable[[Laws], FloatArray], log_size: FloatArray) -> FloatArray:
        """Return the estimates of the error of a field, (C, k), scaled by what they are worth.

        `log_size` is the logarithm of the size of the field, or of something smoother above it.
        """
        now = field(self.laws)
        worth = np.ones(len(now))
        if self._family is not None:
            kept = len(self._family.kept)
            if name in self._known:
                worth[:kept] = self._known[name][self._family.kept]
            worth[kept:] = self._found(now[kept:].sum(axis=1), field(self._parents), self._family.parent)
        self._worths[name] = worth
        weights = self._rule.weights
        hidden = self._rule.hidden(log_size - np.log(weights))
        return np.asarray(self._rule.errors(now / weights, worth) + hidden)

    def _found(self, parts: FloatArray, parents: FloatArray, parent: NDArray[np.int64]) -> FloatArray:
        """Return for every part what the estimate for its halved cell was worth, given the sums over the parts."""
        expected = self._rule.errors(parents / self._rule.weights).sum(axis=1)
        found = parents.sum(axis=1) - np.bincount(parent, parts, len(parents))
        total = expected.sum()
        everywhere = _sum_of_errors(found) / total if total > 0.0 else MOST
        here = np.divide(np.abs(found), expected, out=np.full(len(found), everywhere), where=expected > 0.0)
        return np.asarray(np.clip(SAFETY * np.maximum(here, everywhere), LEAST, MOST))[parent]

    @property
    def shift_error(self) -> float:
        """Error of the log ratios from the normalisations."""
        return _amplified(float(self.shift_parts.sum()))

    def of(self, order: float) -> Estimate:
        """Return value and errors for a finite order."""
        laws, value = self.laws, self.laws.divergence(order)
        if math.isinf(value):  # nothing can be gained
            return Estimate(value, np.zeros_like(self._error_q), 1.0, 0.0)
        rounding = self.rounding * (math.sqrt(2.0 * order * value) + order * self.rounding)
        if order < 1.0 and value > math.log(2.0) / (1.0 - order):
            products = laws.log_products(order)
            log_total = log_sum(products)
            far = (order, "far")
            shares = self._errors(far, lambda laws: np.exp(laws.log_products(order) - log_total), products - log_total)
            parts = (shares + order * self._error_p + (1.0 - order) * self._error_q) / (1.0 - order)
            return Estimate(value, parts, 1.0 - order, rounding)
        terms = laws.log_terms(order)
        log_total = log_sum(terms)
        if log_total == -math.inf:
            return Estimate(value, np.zeros_like(self._error_q), 1.0, rounding)
        # Terms vanish where the ratio is 1, so that they are smooth only together with their mean.
        above = np.logaddexp(terms - log_total, laws.log_q)
        shares = self._errors((order, "close"), lambda laws: np.exp(laws.log_terms(order) - log_total), above)
        log_whole = (order - 1.0) * value  # log(1 + x), x = q (q - 1) T
        ratio, inverse = math.exp(log_total - log_whole), math.exp(-log_whole)
        spread = inverse**2 + 2.0 * order * ratio * inverse + order**2 * abs(order - 1.0) * ratio**2
        slope = order * ratio + 0.5 * spread * float(self.shift_parts.sum())
        parts = order * (ratio * (shares + self._error_q) + slope * self.shift_parts)
        return Estimate(value, parts, abs(order - 1.0), rounding)


def _sum_of_errors(errors: FloatArray) -> float:
    """Return a bound on |sum| that luck with the signs does not lower: DEVIATIONS times that for random signs."""
    random = DEVIATIONS * float(np.sqrt((errors**2).sum()))
    return min(max(abs(float(errors.sum())), random), float(np.abs(errors).sum()))


def _mass_p(laws: Laws) -> FloatArray:
    return np.asarray(np.exp(laws.log_p))


def _mass_q(laws: Laws) -> FloatArray:
    return np.asarray(np.exp(laws.log_q))


def _excess(laws: Laws) -> FloatArray:
    """Return the masses of P - Q, without cancellation."""
    near = np.abs(laws.log_ratio) < 1.0
    close = np.exp(laws.log_q) * np.expm1(np.where(near, laws.log_ratio, 0.0))
    return np.where(near, close, np.exp(laws.log_p) - np.exp(laws.log_q))


def _log_size_of_excess(laws: Laws) -> FloatArray:
    """Return log of q (|e^l - 1| + its mean), which is smooth where l = 0."""
    near = np.abs(laws.log_ratio) < 1.0
    inner = np.abs(np.expm1(np.where(near, laws.log_ratio, 0.0)))
    outer = np.where(np.isinf(laws.log_ratio), 0.0, np.maximum(laws.log_ratio, 0.0))  # up to a factor
    size = np.where(near, np.log(np.maximum(inner, 1e-300)), outer)
    return np.asarray(laws.log_q + np.logaddexp(size, log_sum(laws.log_q + size)))


@dataclass(frozen=True)
class Estimate:
    """A divergence, the contributions (C, k) of cells and axes to its error, and the rounding error.

    `factor` is that of the contributions in the logarithm that the divergence is 1/(q - 1) times.
    """

    value: float
    parts: FloatArray
    factor: float
    rounding: float

    @property
    def truncation(self) -> float:
        """The error of the quadrature, with the logarithm beyond first order."""
        total = float(self.parts.sum())
        return total if self.factor == 0.0 else _amplified(self.factor * total) / self.factor

    @property
    def error(self) -> float:
        """The whole error."""
        return self.truncation + self.rounding


def _amplified(relative: float) -> float:
    """Return -log(1 - relative), the error of the logarithm of a quantity."""
    return -math.log1p(-relative) if relative < 1.0 else math.inf
