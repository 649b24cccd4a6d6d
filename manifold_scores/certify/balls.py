"""Vectors of real balls: what the certified laws share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from flint import arb

__all__ = ["Law", "Moments", "Vector", "ball", "balls", "dot", "exact", "largest_norm", "least_norm", "norm", "softmax"]

Vector: TypeAlias = list[arb]


class Moments(NamedTuple):
    """Of the law with density ~ exp(<eta, y> - lambda |y|^2/2) with respect to pi.

    Attributes
    ----------
    log_mass : log of the integral of exp(<eta, y> - lambda |y|^2/2) over pi.
    mean : mean of y, d balls.
    """

    log_mass: arb
    mean: Vector


class Law(Protocol):
    """A probability measure pi that encloses its tilted moments.

    The natural parameters eta = alpha x/sigma^2 and lambda = alpha^2/sigma^2 take the place of z = eta/lambda and
    s = 1/lambda, which leave every range where alpha vanishes.  All work is done at the precision in force.
    """

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        """Enclose the moments."""

    def size(self) -> arb:
        """Return about the largest |y| on the support, or the root mean square: the unit for what may be 0."""


def exact(values: Any) -> Vector:
    """Return float64 numbers as balls of radius 0."""
    return [arb(float(value)) for value in values]


def dot(a: Iterable[arb], b: Iterable[arb]) -> arb:
    """Return the inner product."""
    return sum((p * q for p, q in zip(a, b, strict=True)), arb(0))


def norm(a: Iterable[arb]) -> arb:
    """Return the Euclidean length (not finite where it may be 0)."""
    return sum((p * p for p in a), arb(0)).sqrt()


def least_norm(a: Iterable[arb]) -> arb:
    """Return a lower bound of the Euclidean length."""
    return sum((p.abs_lower() ** 2 for p in a), arb(0)).lower().sqrt().lower()


def largest_norm(a: Iterable[Any]) -> arb:
    """Return an upper bound of the Euclidean length of real or complex balls."""
    return sum((p.abs_upper() ** 2 for p in a), arb(0)).upper().sqrt().upper()


def ball(center: arb | float, radius: arb) -> arb:
    """Return all numbers within `radius` of those in `center`."""
    return center + arb(0, radius.abs_upper())


def balls(centers: Vector, radius: arb) -> Vector:
    """Return `centers`, each widened by `radius`."""
    return [ball(center, radius) for center in centers]


def softmax(exponents: Sequence[arb]) -> tuple[arb, Vector]:
    """Return log sum_i exp(e_i) and the shares exp(e_i)/sum."""
    top = max(exponents, key=lambda e: float("-inf") if not e.is_finite() else e.mid()).mid()
    terms = [(e - top).exp() for e in exponents]
    total = sum(terms, arb(0))
    return top + total.log(), [term / total for term in terms]
