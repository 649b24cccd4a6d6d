"""Uniform and von Mises-Fisher laws on the sphere of radius R about 0 in R^k (theory.md, section 2)."""

from mpmath import mp

from .arithmetic import (
    add,
    add_matrices,
    dot,
    exact,
    identity,
    magnitude,
    moved,
    norm,
    outer,
    scale,
    scale_matrix,
    subtract,
)
from .bessel import sphere_bessel
from .records import Input, Tilt

ALL_COLUMNS = 10
"""Up to this dimension every entry of the mean direction is moved; beyond, three of them and the way to the centre."""


class Sphere:
    """Density proportional to exp(c <m, y> / R) on the sphere; uniform without mean direction m.

    The given mean direction, whose float64 entries cannot have length 1 in general, is divided by its length.
    """

    def __init__(self, ambient_dimension, radius=1.0, mean_direction=None, concentration=0.0):
        self.k = ambient_dimension
        self.radius = exact(radius)
        self.direction = None if mean_direction is None else exact(mean_direction)
        self.concentration = exact(concentration)

    def _natural(self, z, s):
        """The natural parameter R z / s + c m and the digits that its length adds to the work."""
        eta = scale(self.radius / s, z)
        if self.direction is None:
            return eta
        return add(eta, scale(self.concentration / norm(self.direction), self.direction))

    def _extra(self, eta):
        return 3 * magnitude(norm(eta)) + 3 * magnitude(self.concentration) + 3 * magnitude(self.radius) + 10

    def tilt(self, z, s):
        with mp.extradps(self._extra(self._natural(z, s))):
            eta = self._natural(z, s)
            length = norm(eta)
            value = sphere_bessel(self.k, length)
            mean = scale(self.radius * value.ratio, eta)
            log_mass = -(dot(z, z) + self.radius**2) / (2 * s) + length + value.log_g
            if self.direction is not None:
                log_mass -= self.concentration + sphere_bessel(self.k, self.concentration).log_g
            displacement = subtract(mean, z)
        return Tilt(+log_mass, [+v for v in mean], [+v for v in displacement])

    def covariance(self, z, s):
        eta = self._natural(z, s)
        length = norm(eta)
        value = sphere_bessel(self.k, length)
        tangential = identity(self.k, self.radius**2 * value.ratio)
        if not length:
            return tangential
        along = scale(1 / length, eta)
        return add_matrices(tangential, scale_matrix(self.radius**2 * (value.slope - value.ratio), outer(along, along)))

    def log_scale(self, z, s):
        return abs(self.tilt(z, s).log_mass)

    def inputs(self, z, s):
        def sphere(radius=self.radius, direction=self.direction, concentration=self.concentration):
            return Sphere(self.k, radius, direction, concentration)

        found = [Input("radius", self.radius, [lambda h: sphere(radius=self.radius + h)])]
        if self.direction is None:
            return found
        length = norm(self.direction)
        tried = range(self.k) if self.k <= ALL_COLUMNS else range(3)
        moves = [lambda h, i=i: sphere(direction=moved(self.direction, i, h)) for i in tried]
        if self.k > ALL_COLUMNS:
            across = subtract(z, scale(dot(z, self.direction) / length**2, self.direction))
            if norm(across):
                step = scale(1 / norm(across), across)
                moves.append(lambda h: sphere(direction=add(self.direction, scale(h, step))))
        found.append(Input("mean_direction", length, moves, orthogonal=self.k <= ALL_COLUMNS))
        if self.concentration:
            moves = [lambda h: sphere(concentration=self.concentration + h)]
            found.append(Input("concentration", self.concentration, moves))
        return found
