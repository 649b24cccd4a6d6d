"""Laws on analytic curves, enclosed by rigorous integration."""

from __future__ import annotations

from typing import Any

import flint
from flint import arb

from .balls import Moments, Vector, largest_norm
from .curve_integral import CurveIntegral
from .expressions import Program

__all__ = ["CurveLaw"]

_SAMPLE = 64


class CurveLaw:
    """A law with an analytic density rho with respect to arc length on an analytic curve y(u).

    Integrals of exp(<eta, y> - lambda |y|^2/2) rho |y'| du are divided by that of rho |y'| du, which is kept for every
    precision.

    Parameters
    ----------
    law : a law on a curve given by SymPy expressions, with a density given by one.

    Raises
    ------
    TypeError : a surface, or a Python function.
    ValueError : expressions that are not analytic.
    """

    def __init__(self, law: Any) -> None:
        if law.manifold.dimension != 1:
            raise TypeError("measure cannot be certified: rigorous integration covers curves, not surfaces")
        record = law.manifold.symbolic
        if record is None:
            raise TypeError("measure cannot be certified: its curve is a Python function, not a SymPy expression")
        if law.symbolic_density is None:
            raise TypeError("measure cannot be certified: its density is a Python function, not a SymPy expression")
        symbol = record.symbols[0]
        self._d = len(record.expressions)
        self._program = Program([*record.expressions, law.symbolic_density], symbol)
        self._ends = Program([record.lower[0], record.upper[0]], symbol)
        self._totals: dict[int, arb] = {}

    def _domain(self) -> tuple[arb, arb]:
        """Return its lower end and its length."""
        lower, upper = (end[0] for end in self._ends(arb(0), 1))
        return lower, upper - lower

    def size(self) -> arb:
        """Return the largest |y| of a sample."""
        lower, length = self._domain()
        places = [lower + length * (2 * i + 1) / (2 * _SAMPLE) for i in range(_SAMPLE)]
        return max((largest_norm(v[0] for v in self._program(u, 1)[: self._d]) for u in places), key=float)

    def tilt(self, eta: Vector, lam: arb) -> Moments:
        """Enclose the moments."""
        precision = flint.ctx.prec
        if precision not in self._totals:
            self._totals[precision] = self._integral([arb(0)] * self._d, arb(0))[0]
        log_mass, mean = self._integral(eta, lam)
        return Moments(log_mass - self._totals[precision], mean)

    def _integral(self, eta: Vector, lam: arb) -> tuple[arb, Vector]:
        return CurveIntegral(self._program, *self._domain(), eta, lam).run()
