"""Random measures with references at the float64 numbers that the measures hold."""

from typing import Any, NamedTuple

import numpy as np
from mpmath import mp

import manifold_scores as ms
from tests import reference
from tests.strategies import rotation

BASIS_DIGITS = 400
"""To which a reference makes its basis orthonormal; tilts at small variances work with up to 300 digits."""


class Law(NamedTuple):
    """A measure and the same law in mpmath."""

    measure: Any
    reference: Any

    @property
    def dimension(self):
        return self.measure.ambient_dimension


def cloud(rng):
    """Weights from 1e-200 to 1e200, one of them 0."""
    points, weights = rng.standard_normal((6, 3)), 10.0 ** rng.uniform(-200, 200, 6)
    weights[1:3] = 0.0, weights.max() / 3
    return Law(ms.PointCloud(points, weights), reference.PointCloud(points, weights))


def gaussian(rng):
    mean, factor = rng.standard_normal(3), rng.standard_normal((3, 3))
    measure = ms.Gaussian(mean, factor @ factor.T + 0.1 * np.eye(3))
    return Law(measure, reference.Gaussian(mean, measure._covariance))


def singular(rng):
    """Of rank two, exactly: products of small integers."""
    mean, factor = rng.standard_normal(3), rng.integers(-8, 9, (3, 2)) / 4
    factor[:2] += 3 * np.eye(2)
    return Law(ms.Gaussian(mean, factor @ factor.T), reference.Gaussian(mean, factor @ factor.T))


def sphere(rng):
    k, radius = int(rng.integers(2, 40)), rng.uniform(0.5, 2)
    return Law(ms.Sphere(k, radius).uniform(), reference.Sphere(k, radius))


def fisher(rng):
    """The mean direction that is held is a unit vector up to rounding, which the reference divides by its length."""
    k, radius, concentration = int(rng.integers(2, 5)), rng.uniform(0.5, 2), rng.uniform(0, 50)
    measure = ms.Sphere(k, radius).von_mises_fisher(rng.standard_normal(k), concentration)
    return Law(measure, reference.Sphere(k, radius, measure.mean_direction, concentration))


def segment(rng):
    start, end = rng.standard_normal((2, 3))
    return Law(ms.Segment(start, end).uniform(), reference.Segment(start, end))


def box(rng):
    lower = rng.standard_normal(3)
    upper = lower + 10.0 ** rng.uniform(-6, 1, 3)
    return Law(ms.Box(lower, upper).uniform(), reference.Box(lower, upper))


def product(rng):
    parts = [SIMPLE[i](rng) for i in rng.integers(len(SIMPLE), size=2)]
    dimensions = [part.dimension for part in parts]
    return Law(
        ms.Product(*[part.measure for part in parts]), reference.Product(dimensions, [part.reference for part in parts])
    )


def embedded(rng):
    """The basis is orthonormal up to rounding; the reference takes the nearest one that is exactly so."""
    inner = SIMPLE[int(rng.integers(len(SIMPLE)))](rng)
    d = inner.dimension + int(rng.integers(0, 3))
    basis, origin = rotation(rng, d)[:, : inner.dimension], rng.standard_normal(d)
    with mp.workdps(BASIS_DIGITS):
        return Law(ms.Embedded(inner.measure, basis, origin), reference.Embedded(inner.reference, basis, origin))


def mixture(rng):
    """The weights are those that the mixture holds, rounded quotients of the given ones."""
    parts = [segment(rng), box(rng), singular(rng)]
    measure = ms.Mixture([part.measure for part in parts], rng.uniform(0.1, 1, 3))
    return Law(measure, reference.Mixture([part.reference for part in parts], measure.weights))


SIMPLE = (cloud, gaussian, singular, sphere, fisher, segment, box)
KINDS = (*SIMPLE, product, embedded, mixture)
