"""Laws on surfaces whose parametrisation has enough structure that nested one-dimensional searches find all mass.

The nodes are products of an outer and an inner axis, each in unit coordinates. On a surface of revolution the least of
|y - z|^2 over the angle is a function of the other parameter in closed form; on the Swiss roll the axes separate.
"""

from abc import abstractmethod

from flint import arb, ctx

from .parametric import ParametricLaw
from .parametric_panels import PRECISION, TAYLOR, ball, coefficients, nodes, panels, variable, windows


class Surface(ParametricLaw):
    """`density(outer, inner)` is a function of the two parameters, analytic in both.

    A region is a list of (outer interval, inner intervals).
    """

    dimension = 3
    widest = 1.0, 1.0

    def __init__(self, parameters=(), density=None):
        super().__init__(parameters)
        self.density = density
        with ctx.workprec(PRECISION):
            self.axes = [(lower, upper - lower) for lower, upper in self.ends(*self.parameters)]

    def with_parameters(self, parameters):
        return type(self)(parameters, self.density)

    @abstractmethod
    def ends(self, *parameters):
        """The domains of the outer and of the inner parameter."""

    @abstractmethod
    def outer(self, w):
        """What the nodes at one w of the outer axis share, and the volume element there (constant along the line)."""

    @abstractmethod
    def node(self, shared, inner, trigonometric):
        """Coordinates of a node from that, the inner parameter and the latter's (sine, cosine)."""

    def parameter(self, axis, w, length):
        """The parameter as a power series in the unit coordinate about w."""
        lower, width = self.axes[axis]
        return variable(lower + width * w, width, length)

    def whole(self):
        return [((arb(0), arb(1)), [(arb(0), arb(1))])]

    def plan(self, region, factor, order):
        return [
            (self._nodes(0, [outer], factor, order), self._nodes(1, inner, factor, order)) for outer, inner in region
        ]

    def _nodes(self, axis, intervals, factor, order):
        pieces = [piece for each in intervals for piece in panels(each, (), self.widest[axis], factor)]
        return nodes(pieces, order)

    def points(self, plan):
        ctx.cap = TAYLOR + 2
        (first, width), (second, breadth) = self.axes
        rows, weights = [], []
        for outer, inner in plan:
            lines = [(first + width * w, weight * breadth, self.outer(w)) for w, weight in zip(*outer, strict=True)]
            line = [(second + breadth * w, weight) for w, weight in zip(*inner, strict=True)]
            crosses = [(v, weight, v.sin_cos()) for v, weight in line]
            for u, weight, (shared, area) in lines:
                own = weight * area
                rows += [self.node(shared, v, trigonometric) for v, _, trigonometric in crosses]
                if self.density is None:
                    weights += [own * other for _, other, _ in crosses]
                else:
                    weights += [own * other * self.density(u, v) for v, other, _ in crosses]
        return list(zip(*rows, strict=True)), weights


class Revolution(Surface):
    """y = (p(v) cos u, p(v) sin u, q(v)): outer v, inner u."""

    @abstractmethod
    def profile(self, v):
        """(p, q) for a ball or a power series v."""

    def outer(self, w):
        (p, dp), (q, dq) = [coefficients(each, 2) for each in self.profile(self.parameter(0, w, 2))]
        return (p, q), p * (dp * dp + dq * dq).sqrt()

    def node(self, shared, _, trigonometric):
        (p, q), (sine, cosine) = shared, trigonometric
        return p * cosine, p * sine, q

    def region(self, z, s):
        x, y, height = z
        away = (x * x + y * y).sqrt().mid()
        angle = arb.atan2(y, x).mid() if away else arb(0)

        def turned(w, length):
            """4 sin^2 of half the angle between u and that of z."""
            sine = ((self.parameter(1, w, length) - angle) / 2).sin()
            return 4 * sine * sine

        def profile(w, length):
            """The square of the distance, least over u."""
            p, q = self.profile(self.parameter(0, w, length))
            return (p - away) * (p - away) + (q - height) * (q - height) + p * (away * nearest)

        nearest = self._least_turn(angle)
        found = []
        for lower, upper in windows(profile, s):
            line, width = self.axes[0]
            radius = self.profile(line + width * ball((lower + upper) / 2, (upper - lower) / 2))[0].lower()
            pull = max(radius, arb(0)).mid() * away
            inner = windows(lambda w, length, pull=pull: pull * turned(w, length), s) if pull else self.whole()[0][1]
            found.append(((lower, upper), inner))
        return found

    def _least_turn(self, angle):
        """4 sin^2 of half the angle between z and the nearest u: 0 inside the domain, else attained at an end."""
        lower, width = self.axes[1]
        if any(lower <= angle + 2 * k * arb.pi() <= lower + width for k in (-1, 0, 1)):
            return arb(0)
        return min(2 - 2 * (end - angle).cos() for end in (lower, lower + width))


class Torus(Revolution):
    """((R + r cos v) cos u, (R + r cos v) sin u, r sin v), the density a function of (v, u)."""

    names = ("major_radius", "minor_radius")

    def ends(self, *_):
        return (arb(0), 2 * arb.pi()), (arb(0), 2 * arb.pi())

    def profile(self, v):
        major, minor = self.parameters
        sine, cosine = v.sin_cos()
        return major + minor * cosine, minor * sine


class SpherePatch(Revolution):
    """(sin v cos u, sin v sin u, cos v) for v from `lower` to `upper` and u from 0 to `width`."""

    names = ("lower", "upper", "width")

    def ends(self, lower, upper, width):
        return (lower, upper), (arb(0), width)

    def profile(self, v):
        return v.sin_cos()


class SwissRoll(Surface):
    """(u cos u, v, u sin u) for u from 3 pi/2 to 9 pi/2 and v from 0 to 21: outer u, inner v."""

    names = ()
    widest = 0.3, 1.0

    def ends(self):
        return (3 * arb.pi() / 2, 9 * arb.pi() / 2), (arb(0), arb(21))

    def outer(self, w):
        u = self.axes[0][0] + self.axes[0][1] * w
        sine, cosine = u.sin_cos()
        return (u * cosine, u * sine), self.axes[0][1] * (1 + u * u).sqrt()

    def node(self, shared, v, _):
        return shared[0], v, shared[1]

    def region(self, z, s):
        def spiral(w, length):
            u = self.parameter(0, w, length)
            sine, cosine = u.sin_cos()
            x, y = u * cosine - z[0], u * sine - z[2]
            return x * x + y * y

        def line(w, length):
            v = self.parameter(1, w, length) - z[1]
            return v * v

        inner = windows(line, s)
        return [(each, inner) for each in windows(spiral, s)]
