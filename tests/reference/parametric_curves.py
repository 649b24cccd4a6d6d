"""Curves by name, as functions of a parameter that may be a ball or a power series, and laws on them."""

from typing import NamedTuple

import numpy as np
from flint import arb, arb_mat, arb_series, ctx

from .parametric import ParametricLaw
from .parametric_panels import PRECISION, TAYLOR, coefficients, nodes, panels, variable, windows


class Chart(NamedTuple):
    """Names of the float64 inputs, `ends(*inputs)` of the parameter u, `embed(u, *inputs)`.

    Panels cover at most the fraction `widest` of the domain: a few times the distance from the real axis at which the
    speed vanishes for a complex u.
    """

    names: tuple
    ends: object
    embed: object
    widest: float


def _turn(*_):
    return arb(0), 2 * arb.pi()


def _ellipse(u, a, b):
    sine, cosine = u.sin_cos()
    return [a * cosine, b * sine]


def _lima_bean(u, rotation):
    sine, cosine = ((u - arb.pi()) / 2 + arb.pi()).sin_cos()
    radius = sine * sine * sine + cosine * cosine * cosine
    x, y = radius * cosine, radius * sine
    sine, cosine = rotation.sin_cos()
    return [cosine * x - sine * y, sine * x + cosine * y]


def _wavy_circle(u, frequency, amplitude):
    sine, cosine = u.sin_cos()
    radius = 1 + amplitude * (u * frequency).sin()
    return [radius * cosine, radius * sine]


def _helix(u, radius, pitch, _turns):
    sine, cosine = u.sin_cos()
    return [radius * cosine, radius * sine, u * (pitch / (2 * arb.pi()))]


def _cassini_oval(u, a, c):
    sine, cosine = u.sin_cos()
    double = 2 * sine * cosine
    radius = (c * c * (cosine * cosine - sine * sine) + (a**4 - c**4 * double * double).sqrt()).sqrt()
    return [radius * cosine, radius * sine]


def _viviani(u, a):
    sine, cosine = u.sin_cos()
    return [a + a * cosine, a * sine, 2 * a * (u / 2).sin()]


def _segment(u, x0, y0, x1, y1):
    return [x0 + (x1 - x0) * u, y0 + (y1 - y0) * u]


CHARTS = {
    "ellipse": Chart(("a", "b"), _turn, _ellipse, 0.1),
    "lima bean": Chart(("rotation",), _turn, _lima_bean, 0.1),
    "wavy circle": Chart(("frequency", "amplitude"), _turn, _wavy_circle, 0.04),
    "helix": Chart(("radius", "pitch", "turns"), lambda r, p, n: (arb(0), 2 * arb.pi() * n), _helix, 0.1),
    "cassini oval": Chart(("a", "c"), _turn, _cassini_oval, 0.04),
    "viviani": Chart(("a",), lambda a: (-arb.pi(), arb.pi()), _viviani, 0.1),
    "bumps": Chart((), _turn, None, 0.1),
    "segment": Chart(("x0", "y0", "x1", "y1"), lambda *_: (arb(0), arb(1)), _segment, 1.0),
}


class Curve(ParametricLaw):
    """A law on one of the CHARTS; `density` a function of the ball u, smooth but for u/pi in `breaks`."""

    def __init__(self, name, parameters, density=None, breaks=(), rounded=False):
        super().__init__(parameters, rounded)
        self.name, self.chart, self.density, self.breaks = name, CHARTS[name], density, breaks
        self.names = self.chart.names
        with ctx.workprec(PRECISION):
            self.lower, upper = self.chart.ends(*self.parameters)
            self.length = upper - self.lower
            self.dimension = len(self.embed(self.lower))

    def with_parameters(self, parameters):
        return type(self)(self.name, parameters, self.density, self.breaks, self.rounded)

    def embed(self, u):
        return self.chart.embed(u, *self.parameters)

    def at(self, w, length):
        """The parameter as a power series in the unit coordinate about w."""
        return variable(self.lower + self.length * w, self.length, length)

    def region(self, z, s):
        def squares(w, length):
            return sum((y - v) * (y - v) for y, v in zip(self.embed(self.at(w, length)), z, strict=True))

        return windows(squares, s)

    def whole(self):
        return [(arb(0), arb(1))]

    def plan(self, region, factor, order):
        breaks = [(k * arb.pi() - self.lower) / self.length for k in self.breaks]
        pieces = [piece for each in region for piece in panels(each, breaks, self.chart.widest, factor)]
        return nodes(pieces, order)

    def points(self, plan):
        ctx.cap = TAYLOR + 2
        rows, weights = [], []
        for w, weight in zip(*plan, strict=True):
            pairs = [coefficients(each, 2) for each in self.embed(self.at(w, 2))]
            rows.append([value for value, _ in pairs])
            weights.append(weight * sum(slope * slope for _, slope in pairs).sqrt() * self.density_at(w))
        return list(zip(*rows, strict=True)), weights

    def density_at(self, w):
        return arb(1) if self.density is None else self.density(self.lower + self.length * w)


class Bumps(Curve):
    """Images of n x n pixels on [-1, 1]^2: exp(-|p - c|^2 / 2 width^2), c = radius (cos u, sin u), row by row.

    An image is the outer product of two vectors; nothing of the size n^2 is ever a power series. Radius and width are
    constants of a user's function, not inputs.
    """

    def __init__(self, pixels, radius, width, density=None, breaks=()):
        self.pixels, self.constants = [arb(p) for p in np.linspace(-1.0, 1.0, pixels)], (arb(radius), arb(width))
        super().__init__("bumps", (), density, breaks, rounded=True)

    def embed(self, u):
        first, second = self._factors(u)
        return [a * b for a in first for b in second]

    def region(self, z, s):
        n = len(self.pixels)
        image, square = arb_mat(n, n, z), sum(v * v for v in z)

        def squares(w, length):
            first, second = [
                arb_mat([coefficients(each, length) for each in factor]) for factor in self._factors(self.at(w, length))
            ]
            own = convolution(first.transpose() * first) * convolution(second.transpose() * second)
            return own - 2 * convolution(first.transpose() * image * second) + square

        return windows(squares, s)

    def points(self, plan):
        ctx.cap = TAYLOR + 2
        rows, weights = [], []
        for w, weight in zip(*plan, strict=True):
            factors = [[coefficients(each, 2) for each in factor] for factor in self._factors(self.at(w, 2))]
            (xx, xd, dd), (yy, ye, ee) = [
                [sum(pair[i] * pair[j] for pair in pairs) for i, j in ((0, 0), (0, 1), (1, 1))] for pairs in factors
            ]
            rows.append([a * b for a, _ in factors[0] for b, _ in factors[1]])
            weights.append(weight * (dd * yy + 2 * xd * ye + xx * ee).sqrt() * self.density_at(w))
        return list(zip(*rows, strict=True)), weights

    def _factors(self, u):
        radius, width = self.constants
        sine, cosine = u.sin_cos()
        factor = -1 / (2 * width * width)
        return [[(factor * (p - c) * (p - c)).exp() for p in self.pixels] for c in (radius * cosine, radius * sine)]


def convolution(products):
    """The power series with coefficients sum over i + j = k of a square matrix."""
    n = products.nrows()
    return arb_series([sum(products[i, k - i] for i in range(k + 1)) for k in range(n)], n)
