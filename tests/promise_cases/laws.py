"""Laws, processes and cases, each with two builders: one for the package, one for the reference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp

from tests import reference


@dataclass(frozen=True)
class Law:
    """A measure in R^d: `package(ms)` builds it from the package, `reference()` in mpmath, from the same numbers.

    `quadrature`: the package integrates numerically, and promises 1e-10 (1 + kappa) where closed forms keep 100 eps.
    """

    dimension: int
    package: Callable[[Any], Any]
    reference: Callable[[], Any]
    quadrature: bool = False


@dataclass(frozen=True)
class Clock:
    """A noising process, named for the tables."""

    name: str
    package: Callable[[Any], Any]
    reference: Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """A measure, a process, a point and a time.

    `strict`: the condition number may use x, t and the process alone, not the inputs of the measure.
    `limit`: alpha^2 is below the smallest float64, where a ValueError that names t is as good as the limit law.
    """

    name: str
    family: str
    law: Law
    clock: Clock
    x: np.ndarray
    t: float
    strict: bool = False
    limit: bool = False


def ou(rate=0.5):
    return Clock(f"ou({rate})", lambda ms: ms.OrnsteinUhlenbeck(rate), lambda: reference.OrnsteinUhlenbeck(rate))


def brownian():
    return Clock("brownian", lambda ms: ms.BrownianMotion(), reference.BrownianMotion)


def preserving():
    return Clock("vp", lambda ms: ms.VariancePreserving(), reference.VariancePreserving)


def interpolant():
    return Clock("interpolant", lambda ms: ms.LinearInterpolant(), reference.LinearInterpolant)


def cloud(points, weights=None):
    points = np.asarray(points, dtype=float)
    return Law(
        points.shape[1],
        lambda ms: ms.PointCloud(points, weights),
        lambda: reference.PointCloud(points, weights),
    )


def gaussian(mean, covariance):
    mean, covariance = np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float)
    return Law(len(mean), lambda ms: ms.Gaussian(mean, covariance), lambda: reference.Gaussian(mean, covariance))


def sphere(k, radius=1.0):
    return Law(k, lambda ms: ms.Sphere(k, radius).uniform(), lambda: reference.Sphere(k, radius))


def fisher(k, radius, mean_direction, concentration):
    direction = np.asarray(mean_direction, dtype=float)
    return Law(
        k,
        lambda ms: ms.Sphere(k, radius).von_mises_fisher(direction, concentration),
        lambda: reference.Sphere(k, radius, direction, concentration),
    )


def circle(radius=1.0):
    return Law(2, lambda ms: ms.Circle(radius).uniform(), lambda: reference.Sphere(2, radius))


def segment(start, end):
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    return Law(len(start), lambda ms: ms.Segment(start, end).uniform(), lambda: reference.Segment(start, end))


def box(lower, upper):
    lower, upper = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    return Law(len(lower), lambda ms: ms.Box(lower, upper).uniform(), lambda: reference.Box(lower, upper))


def product(*laws):
    dimensions = [law.dimension for law in laws]
    return Law(
        sum(dimensions),
        lambda ms: ms.Product(*[law.package(ms) for law in laws]),
        lambda: reference.Product(dimensions, [law.reference() for law in laws]),
    )


def mixture(laws, weights=None):
    return Law(
        laws[0].dimension,
        lambda ms: ms.Mixture([law.package(ms) for law in laws], weights),
        lambda: reference.Mixture([law.reference() for law in laws], weights),
    )


def embedded(law, basis, origin=None):
    basis = np.asarray(basis, dtype=float)
    return Law(
        len(basis),
        lambda ms: ms.Embedded(law.package(ms), basis, origin),
        lambda: reference.Embedded(law.reference(), basis, origin),
    )


def affine(law, basis, origin):
    """The same measure as `embedded`, through the manifold that carries it."""
    basis = np.asarray(basis, dtype=float)
    return Law(
        len(basis),
        lambda ms: ms.AffineSubspace(basis, origin).measure(law.package(ms)),
        lambda: reference.Embedded(law.reference(), basis, origin),
    )


SCHEDULE = (
    (brownian(), 1e-14),
    (ou(), 1e-10),
    (preserving(), 1e-7),
    (interpolant(), 1e-4),
    (ou(1.75), 1e-2),
    (preserving(), 0.3),
    (interpolant(), 0.5),
    (brownian(), 1.0),
    (ou(), 3.0),
    (interpolant(), 1 - 2.0**-30),
    (brownian(), 50.0),
    (ou(), 50.0),
    (preserving(), 3.0),
)
"""Processes and times that each measure goes through: effective variances from 1e-14 to 1e39."""

SHORT = SCHEDULE[::3]
"""A third of the schedule, for measures whose references take long."""


def sweep(family, label, law, places, schedule=SCHEDULE, **marks):
    """One case for each place z and each entry of the schedule, at x = alpha z rounded to float64.

    A place is a vector, or a function of the effective variance that returns one.
    """
    found = []
    for place, z in places.items():
        for clock, t in schedule:
            with mp.workdps(40):
                process = clock.reference()
                time = reference.exact(t)
                alpha = process.signal_scale(time)
                here = z(float(process.effective_variance(time))) if callable(z) else z
                x = np.array([float(alpha * reference.exact(v)) for v in np.asarray(here, dtype=float)])
            name = f"{family}/{label}/{place}/{clock.name}/t={t:.3g}"
            found.append(Case(name, family, law, clock, x, t, **marks))
    return found
