"""Laws on curves and surfaces given by a parametrisation: tilted moments by quadrature in ball arithmetic.

Gauss-Legendre panels on the windows that parametric_panels proves to hold all but 1e-39 of the mass. Rounding is
enclosed by the balls; the quadrature is refined until two orders agree to AGREEMENT, or an ArithmeticError is raised.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from flint import arb, arb_mat, ctx
from mpmath import mp, mpf

from .parametric_panels import PRECISION
from .records import Tilt

ORDERS = 48, 64
"""Nodes per panel in the two evaluations that are compared; the finer one is returned."""

SPLITS = 2, 3, 4, 6, 8, 16, 32
"""Factors by which panels are multiplied, tried one after another."""

AGREEMENT = 1e-25
"""Of the two orders: log mass absolutely, or relative above 1; mean in units of the spread, covariance of its trace."""

MATRIX_DIMENSION = 4
"""Covariance matrices are formed up to this dimension."""


class Moments(NamedTuple):
    """Moments of the tilted law in balls, with nodes and shares for condition numbers."""

    log_mass: arb
    mean: list
    covariance: list
    trace: arb
    plan: object
    shares: list


class ParametricLaw(ABC):
    """A density with respect to volume, up to a constant, on the image of a parametrisation.

    `parameters` are the float64 inputs of the manifold, as balls; `rounded` says that the package knows the embedding
    through a function that returns float64 numbers. A subclass provides `region(z, s)`, where the mass lies; `whole()`,
    the region of everything; `plan(region, factor, order)`, nodes in unit coordinates; and `points(plan)`, their
    coordinates, one list for each axis of R^d, with the weights volume element x density x quadrature weight.
    """

    dimension: int
    names: tuple[str, ...]

    def __init__(self, parameters, rounded=False):
        self.parameters, self.rounded = list(parameters), rounded
        self.norm = self.norm_plan = None
        self._known = {}

    @abstractmethod
    def region(self, z, s): ...

    @abstractmethod
    def whole(self): ...

    @abstractmethod
    def plan(self, region, factor, order): ...

    @abstractmethod
    def points(self, plan): ...

    @abstractmethod
    def with_parameters(self, parameters):
        """The same law with other parameters."""

    def log_norm(self):
        """Logarithm of the integral of the density over the manifold."""
        if self.norm is None:
            for factor in SPLITS:
                plans = [self.plan(self.whole(), factor, order) for order in ORDERS]
                few, many = [sum(self.points(plan)[1]) for plan in plans]
                if abs(few / many - 1) < AGREEMENT:
                    self.norm, self.norm_plan = many, plans[1]
                    break
            else:
                raise ArithmeticError("the integral of the density does not settle")
        return self.norm.log()

    def moments(self, z, s):
        """Moments at z (list of mpf) and s (mpf), taken as exact."""
        key = (*z, s)
        if key not in self._known:
            with ctx.workprec(PRECISION):
                found = self._settled([arb(v) for v in z], arb(s))
            self._known = {key: found} | dict(list(self._known.items())[:1])
        return self._known[key]

    def _settled(self, z, s):
        region = self.region(z, s)
        for factor in SPLITS:
            few, many = [self._moments(self.plan(region, factor, order), z, s) for order in ORDERS]
            if agree(few, many):
                return many._replace(plan=few.plan, shares=few.shares)
        raise ArithmeticError("two orders of quadrature do not agree")

    def _moments(self, plan, z, s):
        columns, weights = self.points(plan)
        squares = squared_distances(columns, z)
        least = min(q.mid() for q in squares)
        masses = [w * ((least - q) / (2 * s)).exp() for w, q in zip(weights, squares, strict=True)]
        features = [[arb(1)] * len(masses), *columns]
        count = len(features) if len(z) <= MATRIX_DIMENSION else 1
        sums = products([[m * v for m, v in zip(masses, row, strict=True)] for row in features[:count]], features)
        mass = sums[0][0]
        mean = [total / mass for total in sums[0][1:]]
        away = [m - v for m, v in zip(mean, z, strict=True)]
        spread = products([masses], [squares])[0][0] / mass - products([away], [away])[0][0]
        covariance = [
            [total / mass - m * n for total, n in zip(row[1:], mean, strict=True)]
            for row, m in zip(sums[1:], mean, strict=False)
        ]
        log_mass = mass.log() - least / (2 * s) - self.log_norm()
        return Moments(log_mass, mean, covariance, spread, plan, [m / mass for m in masses])

    def tilt(self, z, s):
        found = self.moments(z, s)
        with ctx.workprec(PRECISION):
            displacement = [m - arb(v) for m, v in zip(found.mean, z, strict=True)]
            negligible = AGREEMENT * found.trace.sqrt()
            return Tilt(number(found.log_mass), vector(found.mean, negligible), vector(displacement, negligible))

    def covariance(self, z, s):
        return [[number(v) for v in row] for row in self.moments(z, s).covariance]

    def log_scale(self, z, s):
        return abs(self.tilt(z, s).log_mass)

    def condition(self, process, x, t, log_unit):
        """Condition numbers of vectors and matrices, as `reference.condition` and `matrix_condition` define them."""
        from .parametric_condition import conditions

        return conditions(self, process, x, t, log_unit)


def agree(few, many):
    """Whether two records of moments agree to AGREEMENT, the balls of rounding included."""
    spread, unit = many.trace.sqrt(), max(arb(1), abs(many.log_mass))
    gaps = [(few.log_mass - many.log_mass) / unit, few.trace / many.trace - 1]
    gaps += [(a - b) / spread for a, b in zip(few.mean, many.mean, strict=True)]
    for one, other in zip(few.covariance, many.covariance, strict=True):
        gaps += [(a - b) / many.trace for a, b in zip(one, other, strict=True)]
    return all(abs(gap) < AGREEMENT for gap in gaps)


def products(a, b):
    """Inner products of all rows of a with all rows of b."""
    left, right = [arb_mat(len(m), len(m[0]), [v for row in m for v in row]) for m in (a, b)]
    return (left * right.transpose()).tolist()


def squared_distances(columns, z):
    """|y - z|^2 of all nodes."""
    total = [arb(0)] * len(columns[0])
    for column, center in zip(columns, z, strict=True):
        away = [y - center for y in column]
        total = [q + y * y for q, y in zip(total, away, strict=True)]
    return total


def vector(values, negligible):
    """Midpoints as mpf; exact zeros where all are below what two resolutions agree on."""
    if all(abs(v.mid()) < negligible for v in values):
        return [mpf(0)] * len(values)
    return [number(v) for v in values]


def number(ball):
    """The midpoint of a ball as an mpf, exactly."""
    mantissa, exponent = ball.mid().man_exp()
    with mp.workprec(2 * PRECISION):
        return mp.ldexp(int(mantissa), int(exponent))
