"""Uniform laws on segments and boxes: truncated normal laws in one dimension."""

from functools import lru_cache
from typing import NamedTuple

from mpmath import mp, mpf

from .arithmetic import add, dot, exact, magnitude, moved, norm, outer, scale, scale_matrix, subtract
from .records import Input, Tilt


class Interval(NamedTuple):
    """log Z, displacement and variance of the uniform law on an interval under the tilt."""

    log_mass: mpf
    displacement: mpf
    variance: mpf


def uniform_interval(lower, upper, z, s):
    """Tilted moments of the uniform law on [lower, upper]."""
    return _uniform_interval(lower, upper, z, s, mp.prec)


@lru_cache(maxsize=20000)
def _uniform_interval(lower, upper, z, s, precision):
    """The closed form; `precision` only keeps results of different precision apart in the cache.

    The mass of the normal law between the ends loses the digits of 1/width, its variance the square of that and, far
    outside, the fourth power of the distance.
    """
    with mp.workdps(20):
        root = mp.sqrt(s)
        farthest = magnitude(max(abs(lower - z), abs(upper - z)) / root)
        extra = 4 * farthest + 4 * magnitude(root / (upper - lower)) + 10
    with mp.workprec(precision + int(3.4 * extra)):
        root = mp.sqrt(s)
        a, b = (lower - z) / root, (upper - z) / root
        mass = _normal_mass(a, b)
        at_a, at_b = mp.npdf(a), mp.npdf(b)
        slope = (at_a - at_b) / mass
        variance = s * (1 + (a * at_a - b * at_b) / mass - slope * slope)
        result = mp.log(mass * root * mp.sqrt(2 * mp.pi) / (upper - lower)), root * slope, variance
    return Interval(*[+value for value in result])


def _normal_mass(a, b):
    """Phi(b) - Phi(a), from the tail on whose side both ends lie."""
    root = mp.sqrt(2)
    if a > 0:
        return (mp.erfc(a / root) - mp.erfc(b / root)) / 2
    if b < 0:
        return (mp.erfc(-b / root) - mp.erfc(-a / root)) / 2
    return (mp.erf(b / root) - mp.erf(a / root)) / 2


class Segment:
    """Uniform on the segment from start to end in R^d."""

    def __init__(self, start, end):
        self.start, self.end = exact(start), exact(end)

    def _split(self, z, s):
        """Direction of the segment, its tilt along itself, and the part of z - start across it."""
        length = norm(subtract(self.end, self.start))
        direction = scale(1 / length, subtract(self.end, self.start))
        offset = subtract(z, self.start)
        along = dot(offset, direction)
        across = subtract(offset, scale(along, direction))
        return direction, uniform_interval(mpf(0), length, along, s), across

    def tilt(self, z, s):
        direction, interval, across = self._split(z, s)
        displacement = subtract(scale(interval.displacement, direction), across)
        return Tilt(interval.log_mass - dot(across, across) / (2 * s), add(z, displacement), displacement)

    def covariance(self, z, s):
        direction, interval, _ = self._split(z, s)
        return scale_matrix(interval.variance, outer(direction, direction))

    def log_scale(self, z, s):
        return abs(self.tilt(z, s).log_mass)

    def inputs(self, z, s):
        tried = range(len(z)) if len(z) <= 10 else range(3)
        starts = [lambda h, i=i: Segment(moved(self.start, i, h), self.end) for i in tried]
        ends = [lambda h, i=i: Segment(self.start, moved(self.end, i, h)) for i in tried]
        return [Input("start", norm(self.start), starts), Input("end", norm(self.end), ends)]


class Box:
    """Uniform on the product of the intervals [lower_i, upper_i]."""

    def __init__(self, lower, upper):
        self.lower, self.upper = exact(lower), exact(upper)

    def _intervals(self, z, s):
        return [uniform_interval(a, b, v, s) for a, b, v in zip(self.lower, self.upper, z, strict=True)]

    def tilt(self, z, s):
        intervals = self._intervals(z, s)
        displacement = [interval.displacement for interval in intervals]
        return Tilt(mp.fsum(interval.log_mass for interval in intervals), add(z, displacement), displacement)

    def covariance(self, z, s):
        variances = [interval.variance for interval in self._intervals(z, s)]
        return [[v if i == j else mpf(0) for j in range(len(z))] for i, v in enumerate(variances)]

    def log_scale(self, z, s):
        return abs(self.tilt(z, s).log_mass)

    def inputs(self, z, s):
        # A coordinate only feels its own ends: in high dimension the farthest and the nearest stand for all.
        order = sorted(range(len(z)), key=lambda i: abs(z[i] - (self.lower[i] + self.upper[i]) / 2))
        tried = order if len(z) <= 10 else [order[0], order[-1]]
        lowers = [lambda h, i=i: Box(moved(self.lower, i, h), self.upper) for i in tried]
        uppers = [lambda h, i=i: Box(self.lower, moved(self.upper, i, h)) for i in tried]
        return [Input("lower", norm(self.lower), lowers), Input("upper", norm(self.upper), uppers)]
