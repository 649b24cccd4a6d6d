"""Targets from tilted moments in ball arithmetic, and the search for the precision that they need."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import flint
from flint import arb

from ..processes import BrownianMotion, LinearInterpolant, OrnsteinUhlenbeck, VariancePreserving
from .balls import Law, dot, exact, largest_norm, least_norm
from .curve_integral import ORDER
from .enclosures import Enclosure

__all__ = ["PROCESSES", "search"]

PROCESSES = (OrnsteinUhlenbeck, BrownianMotion, VariancePreserving, LinearInterpolant)
MOST_BITS = 2**17
_GUARD_BITS = 64
_STEP_BITS = 64  # precisions are multiples of it: quadrature rules are kept for each


def search(law: Law, process: Any, x: Iterable[float], t: float, digits: int) -> Enclosure:
    """Return the enclosure of the targets at (x, t), its width at most 10^-digits.

    Raises
    ------
    ArithmeticError : not reached at `MOST_BITS` bits of working precision.
    """
    point, time = exact(x), arb(float(t))
    with _working(_STEP_BITS):
        size = law.size()
        bits = _first_guess(process, size, largest_norm(point), time, digits)
    while bits <= MOST_BITS:
        with _working(bits):
            found, width = _evaluate(law, size, process, point, time)
            if width <= arb(10) ** -digits:
                return found
        bits *= 2
    raise ArithmeticError(
        f"digits = {digits} could not be certified at t = {float(t)!r} with {MOST_BITS} bits of working precision"
    )


@contextmanager
def _working(bits: int) -> Iterator[None]:
    """Set the precision of balls and the length of series for a while."""
    length = flint.ctx.cap
    try:
        with flint.ctx.workprec(bits):
            flint.ctx.cap = ORDER + 1
            yield
    finally:
        flint.ctx.cap = length


def _signal(process: Any, t: arb) -> tuple[arb, arb]:
    """Return (alpha_t, sigma_t^2) for one of `PROCESSES`, its parameters taken as exact."""
    if isinstance(process, OrnsteinUhlenbeck):
        rate = arb(process.rate)
        return (-rate * t).exp(), -(-2 * rate * t).expm1() / (2 * rate)
    if isinstance(process, VariancePreserving):
        low, high = arb(process.beta_min), arb(process.beta_max)
        integral = t * (low + (high - low) * t / 2)
        return (-integral / 2).exp(), -(-integral).expm1()
    if isinstance(process, LinearInterpolant):
        return 1 - t, t * t
    return arb(1), t


def _first_guess(process: Any, size: arb, length: arb, t: arb, digits: int) -> int:
    """Return a precision that mostly suffices: log-density and score each may lose the bits of the exponents' size."""
    alpha, variance = _signal(process, t)
    exponents = (1 + (alpha * size + length) * alpha * size / variance).log().upper()
    bits = digits * math.log2(10.0) + 2 * float(exponents) / math.log(2.0) + _GUARD_BITS
    return _STEP_BITS * math.ceil(bits / _STEP_BITS)


def _evaluate(law: Law, size: arb, process: Any, x: list[arb], t: arb) -> tuple[Enclosure, arb]:
    """Return the targets at the precision in force, by the algebra of theory.md, section 1, and their width."""
    alpha, variance = _signal(process, t)
    log_mass, mean = law.tilt([alpha * v / variance for v in x], alpha**2 / variance)
    log_density = log_mass - dot(x, x) / (2 * variance) - len(x) * (2 * arb.pi() * variance).log() / 2
    score = [(alpha * f - v) / variance for f, v in zip(mean, x, strict=True)]
    sigma, pull = variance.sqrt(), alpha * size + largest_norm(x)
    noise = [-sigma * v for v in score]
    widths = (
        _width([log_density], arb(1)),
        _width(score, pull / variance),
        _width(noise, pull / sigma),
        _width(mean, size),
    )
    width = max(widths) if all(w.is_finite() for w in widths) else arb("inf")
    above = math.nextafter(float(width), math.inf)
    return Enclosure(log_density, tuple(score), tuple(noise), tuple(mean), above, flint.ctx.prec), width


def _width(balls: Sequence[arb], scale: arb) -> arb:
    """Return the radius relative to what is enclosed, or to `scale` if that may be 0."""
    radius, size = largest_norm(v.rad() for v in balls), least_norm(balls)
    return (radius / (size if size > 0 else scale)).upper()
