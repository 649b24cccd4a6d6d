"""Rigorous integrals along a curve, over panels that shrink where the mass is."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import Any

import flint
from flint import acb, arb

from .balls import Vector, ball, balls, dot, largest_norm, norm
from .expressions import Number, Program, Series
from .quadrature import nodes, nodes_needed, remainder

__all__ = ["CurveIntegral"]

ORDER = 12  # of the Taylor expansions that bound Phi
_RHOS = (2.0, 3.5)  # Bernstein ellipses that are tried on a panel
_STRIPS = 4  # boxes on each half of an ellipse
_FIRST_LEVEL = 2  # 2^2 panels to begin with
_MOST_PANELS = 20_000
_GUARD_BITS = 10
_LAST = arb("inf")


@dataclass(slots=True)
class _Panel:
    """The parameters center +- half, with the Taylor coefficients of Phi and rho |y'| at the center.

    Over the panel the mass is at most `bound` and |y| at most `reach`.
    """

    level: int
    index: int
    center: arb
    half: arb
    phase: Vector
    weight: arb
    bound: arb
    reach: arb


class CurveIntegral:
    """log of the integral I of exp(Phi) rho |y'| du, and the integral of exp(Phi) rho |y'| y du divided by I.

    Phi = <eta, y> - lambda |y|^2/2.  Panels wait in the order of a bound of their mass.  The first one is either
    integrated by a Gauss rule, whose error follows from a bound over a complex ellipse around it, or halved; when all
    that wait cannot matter together, their bounds are the last error.  So panels reach the width of every competing
    peak, wherever it is, in log(1/width) halvings.

    Over a box U around c, Phi lies in sum_{k<K} Phi_k(c) (U - c)^k + Phi_K(U) (U - c)^K, Phi_k the Taylor coefficients.
    The plain enclosure Phi(U) would be too wide by |U| dist/s, and panels would have to shrink to s/dist where sqrt(s),
    or much less on an arc around x, is enough.

    Parameters
    ----------
    program : the Taylor coefficients of the d components of y, and of rho.
    lower, length : of the domain.
    eta, lam : natural parameters.
    """

    def __init__(self, program: Program, lower: arb, length: arb, eta: Vector, lam: arb) -> None:
        self._program, self._lower, self._length, self._eta, self._lam = program, lower, length, eta, lam
        self._d = len(eta)
        self._most_nodes = flint.ctx.prec // 2
        self._waiting: list[tuple[arb, int, _Panel]] = []
        self._made = 0
        self._mass, self._moments = arb(0), [arb(0)] * self._d
        seen = [self._look(self._place(_FIRST_LEVEL, i)[0], 1) for i in range(2**_FIRST_LEVEL)]
        phases = [phase[0].mid() for _, phase, _ in seen if phase[0].is_finite()]
        self._shift = max(phases, default=arb(0))
        # Exponents of this size leave so many bits fewer for the result.
        reach = max((largest_norm([v[0] for v in y]) for y, _, _ in seen), key=float)
        largest = float((1 + largest_norm(eta) * reach + lam * reach * reach).log().upper()) / math.log(2.0)
        self._tolerance = arb(2) ** (_GUARD_BITS + math.ceil(largest) - flint.ctx.prec)

    def run(self) -> tuple[arb, Vector]:
        """Return the logarithm and the d quotients.

        Raises
        ------
        ArithmeticError : the integrand is not analytic somewhere, or takes too many panels.
        """
        for i in range(2**_FIRST_LEVEL):
            self._add(_FIRST_LEVEL, i)
        while self._waiting:
            panel = self._waiting[0][2]
            if panel.bound * len(self._waiting) < self._tolerance * self._mass.mid():
                break
            heapq.heappop(self._waiting)
            rule = self._rule(panel)
            if rule is not None:
                self._integrate(panel, *rule)
            else:
                self._add(panel.level + 1, 2 * panel.index)
                self._add(panel.level + 1, 2 * panel.index + 1)
        left = [panel for _, _, panel in self._waiting]
        mass = ball(self._mass, sum((panel.bound for panel in left), arb(0)))
        moments = balls(self._moments, dot([panel.bound for panel in left], [panel.reach for panel in left]))
        return self._shift + mass.log(), [moment / mass for moment in moments]

    def _place(self, level: int, index: int) -> tuple[arb, arb]:
        """Return center and half-length of the panel with this index among the 2^level equal ones."""
        half = self._length / 2 ** (level + 1)
        return self._lower + (2 * index + 1) * half, half

    def _look(self, u: Number, length: int) -> tuple[list[Series], Series, Series]:
        """Return the series of y, Phi and rho about u."""
        *y, density = self._program(u, length)
        return y, self._phase(y), density

    def _phase(self, y: list[Any]) -> Any:
        half = self._lam / 2
        return sum(((e - v * half) * v for e, v in zip(self._eta, y, strict=True)), arb(0))

    def _add(self, level: int, index: int) -> None:
        """Look at a panel and let it wait."""
        self._made += 1
        center, half = self._place(level, index)
        if self._made > _MOST_PANELS or level > flint.ctx.prec:
            raise ArithmeticError(
                f"the integral over the curve could not be enclosed: near u = {float(center):.17g} the curve or its "
                f"density is not analytic, or varies too fast"
            )
        y, phase, density = self._look(center, ORDER)
        coefficients = [phase[k] for k in range(ORDER)]
        coefficients[0] -= self._shift
        h = half.upper()
        bound, box = self._over(center, coefficients, arb(0, h), arb(h * h / 2, h * h / 2))
        bound = (2 * h * bound).upper()
        weight = density[0] * norm([v[1] for v in y])
        panel = _Panel(level, index, center, half, coefficients, weight, bound, largest_norm(box))
        # Not as floats: at tiny s they would not tell the panels around the peak apart.
        order = -bound.log().mid() if bound.is_finite() and bound > 0 else _LAST if bound == 0 else -_LAST
        heapq.heappush(self._waiting, (order, self._made, panel))

    def _over(self, center: arb, phase: Vector, step: Number, square: Number) -> tuple[arb, list[Number]]:
        """Return a bound of |exp(Phi) rho |y'|| over the box center + step, and boxes of y.

        `square` contains step^2.  The bound is not finite where the integrand may not be analytic.
        """
        y, wide, density = self._look(center + step, ORDER + 1)
        squared = sum((v[1] * v[1] for v in y), arb(0))
        radius, rest = step.abs_upper(), wide[ORDER].abs_upper()
        if flint.ctx.cap <= ORDER:  # it was cut off
            rest = arb("nan")
        for k in range(ORDER - 1, 2, -1):
            rest = rest * radius + phase[k].abs_upper()
        largest = phase[0] + (phase[1] * step + phase[2] * square).real + rest * radius**3
        bound = largest.upper().exp() * density[0].abs_upper() * squared.abs_upper().sqrt()
        if isinstance(squared, acb) and not squared.sqrt(analytic=True).is_finite():
            bound = arb("nan")
        return bound, [v[0] for v in y]

    def _rule(self, panel: _Panel) -> tuple[int, float, arb, arb] | None:
        """Return n, rho and bounds of the integrand and of |y| over the ellipse; None if the panel is to be halved."""
        h = panel.half.upper()
        if not abs(panel.phase[1]) * h + abs(panel.phase[2]) * h * h < 8 * flint.ctx.prec:
            return None  # no ellipse would do
        guess = (panel.phase[0].exp() * panel.weight * panel.half).mid()
        target = self._tolerance * max(self._mass.mid(), guess)
        best = None
        for rho in _RHOS:
            bound, reach = self._over_ellipse(panel, rho)
            if not (target > 0 and bound.is_finite()):
                break
            n = nodes_needed(rho, float((bound * h / target).log()) / math.log(2.0))
            if n <= self._most_nodes and (best is None or n < best[0]):
                best = n, rho, bound, reach
        return best

    def _over_ellipse(self, panel: _Panel, rho: float) -> tuple[arb, arb]:
        """Return bounds of |exp(Phi) rho |y'|| and of |y| in an ellipse, whose upper half is covered by boxes."""
        h = panel.half.upper()
        a, b = ((arb(rho) + 1 / arb(rho)) / 2 * h).upper(), ((arb(rho) - 1 / arb(rho)) / 2 * h).upper()
        bound = reach = arb(0)
        for j in range(_STRIPS // 2):
            left, right = a * (2 * j) / _STRIPS, a * (2 * j + 2) / _STRIPS
            top = (b * (1 - (arb(2 * j) / _STRIPS) ** 2).sqrt()).upper()
            for sign in (-1, 1):
                x, y = sign * left.union(right), arb(0).union(top)
                square = acb((left**2 - top**2).union(right**2), 2 * x * y)
                here, box = self._over(panel.center, panel.phase, acb(x, y), square)
                if not here.is_finite():
                    return here, reach
                bound, reach = max(bound, here.upper()), max(reach, largest_norm(box))
        return bound, reach

    def _integrate(self, panel: _Panel, n: int, rho: float, bound: arb, reach: arb) -> None:
        """Add the integrals over a panel."""
        mass, moments = arb(0), [arb(0)] * self._d
        for node, weight in nodes(n):
            *y, density = self._program(panel.center + panel.half * node, 2)
            place = [v[0] for v in y]
            term = (self._phase(place) - self._shift).exp() * density[0] * norm([v[1] for v in y]) * weight
            mass += term
            moments = [moment + term * v for moment, v in zip(moments, place, strict=True)]
        rest = remainder(n, rho, bound)
        self._mass += panel.half * ball(mass, rest)
        self._moments = [
            total + panel.half * ball(moment, rest * reach)
            for total, moment in zip(self._moments, moments, strict=True)
        ]
