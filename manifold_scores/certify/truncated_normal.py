"""The tilted uniform law on an interval, enclosed."""

from __future__ import annotations

import flint
from flint import arb

from .balls import ball
from .quadrature import nodes, nodes_needed, remainder

__all__ = ["interval_tilt"]

# Where exp(g v - lambda v^2/2) varies by less than exp(this) over half the interval, a quadrature does not cancel.
_FLAT = 16
_RHO = 4.0
_FAR = 64


def interval_tilt(lower: arb, upper: arb, eta: arb, lam: arb) -> tuple[arb, arb]:
    """Return log of the mean of exp(eta y - lambda y^2/2) over [lower, upper], and the tilted mean of y."""
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    slope = eta - lam * middle
    if abs(slope) * half < _FLAT and lam * half * half < _FLAT:
        log_mass, offset = _flat(slope * half, lam * half * half)
        return log_mass + (eta - lam * middle / 2) * middle, middle + half * offset
    return _normal(lower, upper, eta, lam)


def _flat(slope: arb, curvature: arb) -> tuple[arb, arb]:
    """Return log of the mean of exp(slope v - curvature v^2/2) over [-1, 1] and the tilted mean of v."""
    along, across = (_RHO + 1 / _RHO) / 2, (_RHO - 1 / _RHO) / 2
    bound = (abs(slope) * along + curvature * across**2 / 2).exp()
    n = nodes_needed(_RHO, flint.ctx.prec + 1.5 * float(bound.log().upper()))
    mass, moment = arb(0), arb(0)
    for v, weight in nodes(n):
        term = weight * ((slope - curvature * v / 2) * v).exp()
        mass, moment = mass + term, moment + term * v
    rest = remainder(n, _RHO, bound)
    mass, moment = ball(mass, rest), ball(moment, rest * along)
    return (mass / 2).log(), moment / mass


def _normal(lower: arb, upper: arb, eta: arb, lam: arb) -> tuple[arb, arb]:
    """Return the same by error functions of A = (lower - z) sqrt(lambda/2), B = (upper - z) sqrt(lambda/2)."""
    z, root = eta / lam, (lam / 2).sqrt()
    a, b = root * (lower - z), root * (upper - z)
    if b < 0:  # the mirror image
        log_mass, mean = _normal(-upper, -lower, -eta, lam)
        return log_mass, -mean
    scale = (arb.pi() / 4).sqrt() / (b - a)
    if not a > 0:
        width = b.erf() - a.erf()
        pull = ((-a * a).exp() - (-b * b).exp()) / (width * arb.pi().sqrt() * root)
        return (scale * width).log() + eta * z / 2, z + pull
    # Both ends on one side: everything relative to the lower end, where the density is largest.
    fall = (-(b - a) * (b + a)).exp()
    width = _scaled_erfc(a) - fall * _scaled_erfc(b)
    pull = (1 - fall) / (width * arb.pi().sqrt() * root)
    return (scale * width).log() + (eta - lam * lower / 2) * lower, z + pull


def _scaled_erfc(v: arb) -> arb:
    """Return exp(v^2) erfc(v) for v > 0; far out as U(1/2, 1/2, v^2)/sqrt(pi), as erfc of a ball is too wide there."""
    if v > _FAR:
        return (v * v).hypgeom_u(0.5, 0.5) / arb.pi().sqrt()
    return (v * v).exp() * v.erfc()
