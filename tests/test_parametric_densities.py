"""Densities on curves and surfaces: jumps, kinks, zeros, normalisation, and the law of samples."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import sympy as sp

import manifold_scores as ms
from tests import shapes
from tests.strategies import close

EPSILON = np.finfo(np.float64).eps

ROUNDING = 100 * EPSILON

QUADRATURE = 1e-10
"""The promise for quadrature."""

BY_SCIPY = 1e-11
"""scipy's adaptive rule, told where the density is not smooth, at a relative tolerance of 1e-12."""

UNLIKELY = 1e-4
"""A correct law is refused with this probability, once and for all since seeds are fixed."""

U, V = sp.symbols("u v")
THIRD = sp.Rational(1, 3)

DENSITIES = {
    "jump": (sp.Piecewise((1, U < THIRD), (3, True)), lambda u: np.where(u < 1 / 3, 1.0, 3.0), [1 / 3]),
    "two jumps to zero": (
        sp.Piecewise((0, U < THIRD), (1, U - sp.Rational(5, 7) < 0), (0, True)),
        lambda u: np.where((u > 1 / 3) & (u < 5 / 7), 1.0, 0.0),
        [1 / 3, 5 / 7],
    ),
    "kink": (sp.Abs(U - THIRD), lambda u: np.abs(u - 1 / 3), [1 / 3]),
    "square root at an end": (sp.sqrt(U), np.sqrt, []),
    "flat zeros": (U**20 * (1 - U) ** 20, lambda u: (u * (1 - u)) ** 20, []),
    "a narrow peak": (
        sp.exp(-((U - THIRD) ** 2) * 10**6) + sp.Rational(1, 10**6),
        lambda u: np.exp(-((u - 1 / 3) ** 2) * 1e6) + 1e-6,
        [1 / 3 - 1e-3, 1 / 3, 1 / 3 + 1e-3],
    ),
    "decay over forty orders of magnitude": (sp.exp(-90 * U), lambda u: np.exp(-90 * u), []),
}
each_density = pytest.mark.parametrize("name", DENSITIES)


def parabola():
    return ms.Curve([U, U**2], (U, 0, 1))


def _integral(function, breaks):
    """Over [0, 1] in w, u = w^2, which makes a square root at 0 smooth."""
    points = sorted({0.0, 1.0, *(math.sqrt(b) for b in breaks)})
    return sum(
        scipy.integrate.quad(lambda w: function(w * w) * 2 * w, a, b, epsabs=0, epsrel=1e-12, limit=400)[0]
        for a, b in itertools.pairwise(points)
    )


@each_density
@pytest.mark.parametrize("kind", ["expression", "function"])
def test_tilts_under_densities_that_are_not_smooth(name, kind):
    expression, function, breaks = DENSITIES[name]
    curve = parabola()
    law = curve.measure(expression if kind == "expression" else function)
    total = _integral(lambda u: function(u) * math.sqrt(1 + 4 * u * u), breaks)
    # (0.9, 0.2) and (-1, 0) are nearest to where some of the densities vanish.
    for z, s in zip(np.array([[0.2, 0.9], [0.9, 0.2], [-1.0, 0.0], [0.3, 0.3]]), [0.1, 1e-2, 1e-2, 1e-3], strict=True):
        gap = curve.distance(z) ** 2
        near = [*breaks, curve.parameter(z)]

        def weight(u, power, z=z, s=s, gap=gap):
            square = (u - z[0]) ** 2 + (u * u - z[1]) ** 2
            return u**power * function(u) * math.sqrt(1 + 4 * u * u) * math.exp(-(square - gap) / (2 * s))

        mass, *moments = (_integral(lambda u, k=k, w=weight: w(u, k), near) for k in range(3))
        tilt = law.tilt(z, s)
        close(tilt.mean, np.array(moments) / mass, QUADRATURE + BY_SCIPY)
        exponent = 1 + abs(float(tilt.log_mass))
        close(tilt.log_mass, math.log(mass / total) - gap / (2 * s), (QUADRATURE + BY_SCIPY) * exponent)


def test_mass_that_is_not_next_to_the_nearest_point():
    # Half a circle by an indicator, seen from the other side: the nearest points of the support are its ends.
    full, turn = ms.Ellipse(1.0, 1.0), shapes.TURN
    indicator = full.measure(lambda u: ((u > 1.0) & (u < 1.0 + np.pi)).astype(float))
    half = ms.Curve(lambda u: shapes.stack(np.cos(u), np.sin(u)), (1.0, 1.0 + np.pi)).uniform()
    rng = np.random.default_rng(0)
    angle = rng.uniform(1.0 + np.pi, 1.0 + turn, 40)
    z = rng.uniform(0.3, 3, (40, 1)) * np.stack([np.cos(angle), np.sin(angle)], -1)
    for s in (1.0, 1e-2, 1e-4, 1e-7, 1e-10):
        tilt, wanted = indicator.tilt(z, s), half.tilt(z, s)
        # The end of the support is known to rounding, and log Z changes by the distance over s with it.
        gap = np.linalg.norm(wanted.displacement, axis=1)
        close(tilt.displacement, wanted.displacement, QUADRATURE)
        close(tilt.log_mass, wanted.log_mass, QUADRATURE * (1 + np.abs(wanted.log_mass)) + ROUNDING * gap / s)
    ends = np.array([[math.cos(1.0), math.sin(1.0)], [-math.cos(1.0), -math.sin(1.0)]])
    inner = np.array([[-math.sin(1.0), math.cos(1.0)]])
    chosen = np.linalg.norm(z[:, None] - ends, axis=2).argmin(1)
    beyond = -((z - ends[chosen]) * inner).sum(1)  # D: both ends look the same way
    close(np.linalg.norm(indicator.tilt(z, 1e-10).mean - ends[chosen], axis=1), 1e-10 / beyond, 0.05 * 1e-10 / beyond)


def test_densities_on_surfaces():
    # A product density on a flat torus is a product of measures on circles.
    torus = shapes.surfaces()["flat torus"].manifold
    measure = torus.measure(lambda u, v: np.exp(2 * np.cos(u) + 3 * np.sin(v)))
    first, second = ms.Circle().von_mises_fisher([1, 0], 2.0), ms.Circle(0.5).von_mises_fisher([0, 1], 3.0)
    rng = np.random.default_rng(1)
    z, s = rng.standard_normal((20, 4)), 10.0 ** rng.uniform(-8, 3, 20)
    tilt, wanted = measure.tilt(z, s), ms.Product(first, second).tilt(z, s)
    close(tilt.displacement, wanted.displacement, QUADRATURE)
    close(tilt.log_mass, wanted.log_mass, QUADRATURE * (1 + np.abs(wanted.log_mass)))


def test_symbols_of_named_manifolds_are_found_by_their_names():
    u, v = sp.symbols("u v")  # not those with assumptions that Torus and Ellipse have
    z, s = np.array([[0.4, 1.0]]), 0.1
    ellipse = ms.Ellipse(2.0, 1.0)
    wanted = ellipse.measure(lambda w: 2 + np.sin(w)).tilt(z, s)
    close(ellipse.measure(2 + sp.sin(u)).tilt(z, s).mean, wanted.mean, QUADRATURE)
    torus = ms.Torus(1.5, 0.5)
    law = torus.measure(2 + sp.cos(u) * sp.sin(v))
    wanted = torus.measure(lambda a, b: 2 + np.cos(a) * np.sin(b)).tilt([1.0, 0.2, 0.1], s)
    close(law.tilt([1.0, 0.2, 0.1], s).mean, wanted.mean, QUADRATURE)
    assert law.symbolic_density is not None
    assert law.manifold is torus


def test_densities_on_circles_and_segments():
    rng = np.random.default_rng(2)
    z, s = rng.standard_normal((20, 2)), 10.0 ** rng.uniform(-6, 3, 20)
    circle, segment = ms.Circle(1.5), ms.Segment([0.3, -1.0], [1.0, 1.0])
    pairs = [
        (circle.measure(lambda u: np.exp(2 * np.cos(u - 1))), circle.von_mises_fisher([math.cos(1), math.sin(1)], 2.0)),
        (segment.measure(3.0), segment.uniform()),
    ]
    for measure, reference in pairs:
        tilt, wanted = measure.tilt(z, s), reference.tilt(z, s)
        close(tilt.displacement, wanted.displacement, QUADRATURE)
        close(tilt.log_mass, wanted.log_mass, QUADRATURE * (1 + np.abs(wanted.log_mass)))


@each_density
def test_densities_are_normalised_whatever_their_scale(name):
    expression, function, breaks = DENSITIES[name]
    curve = parabola()
    for law in (
        curve.measure(expression),
        curve.measure(lambda u: 1e-30 * function(u)),
        curve.measure(1e20 * expression),
    ):
        mass = _integral(lambda u, law=law: law.density(u) * math.sqrt(1 + 4 * u * u), breaks)
        assert mass == pytest.approx(1, abs=QUADRATURE)
        u = np.array([[0.1, 0.3], [0.4, 0.9]])
        assert law.density(u).shape == (2, 2)
        np.testing.assert_allclose(law.density(u) / law.density(0.4), function(u) / function(0.4), rtol=1e-12)
    assert curve.uniform().density(0.3) == pytest.approx(1 / curve.volume, rel=ROUNDING)


def test_constants_are_uniform():
    z, s = [[0.4, 1.0], [-1.0, 0.0]], [0.1, 1e-3]
    curve = parabola()
    wanted = curve.uniform().tilt(z, s)
    for law in (curve.measure(2), curve.measure(sp.pi), curve.measure(np.ones_like), curve.measure(7.5)):
        close(law.tilt(z, s).mean, wanted.mean, ROUNDING)
        close(law.tilt(z, s).log_mass, wanted.log_mass, ROUNDING * np.abs(wanted.log_mass))


# Samples.


def _ks(sample, cumulative):
    return scipy.stats.kstest(cumulative(sample), "uniform").pvalue


@pytest.mark.parametrize("name", ["ellipse", "wavy circle", "lima bean", "helix", "rough star", "arc", "loop in R^6"])
def test_samples_of_curves_are_uniform_in_arc_length(name):
    curve = shapes.curves()[name].manifold
    sample = curve.sample(4000, 12)
    assert sample.shape == (4000, curve.ambient_dimension)
    close(curve.distance(sample), 0.0, 100 * ROUNDING)
    assert _ks(sample, lambda y: curve.arc_length(curve.parameter(y)) / curve.volume) > UNLIKELY
    wrong = curve.embed(np.random.default_rng(0).uniform(curve.lower[0], curve.upper[0], 4000))
    if name not in {"helix", "wavy circle"}:  # the test sees a difference to uniform parameters where there is much
        assert _ks(wrong, lambda y: curve.arc_length(curve.parameter(y)) / curve.volume) < UNLIKELY


@each_density
def test_samples_follow_their_density(name):
    expression, function, breaks = DENSITIES[name]
    curve = parabola()
    u = curve.parameter(curve.measure(expression).sample(3000, 5))
    grid = np.unique(np.concatenate([np.linspace(0, 1, 200_001), breaks]))
    middle = 0.5 * (grid[1:] + grid[:-1])
    mass = np.diff(grid) * function(middle) * np.sqrt(1 + 4 * middle**2)
    cumulative = np.append(0.0, np.cumsum(mass)) / mass.sum()  # to 1e-8 by the midpoint rule
    assert scipy.stats.kstest(np.interp(u, grid, cumulative), "uniform").pvalue > UNLIKELY


@pytest.mark.parametrize("name", ["torus", "sphere patch", "Swiss roll", "bumpy torus", "cylinder"])
@pytest.mark.parametrize("weighted", [False, True])
def test_samples_of_surfaces_fill_cells_by_their_mass(name, weighted):
    shape = shapes.surfaces()[name]
    surface, cells = shape.manifold, 8

    def density(u, v):
        return np.exp(np.sin(u) + np.cos(v))

    law = surface.measure(density) if weighted else surface.uniform()
    sample = law.sample(6400, 3)
    close(surface.distance(sample), 0.0, 1000 * ROUNDING)  # the Swiss roll is 20 wide
    u, _, shares = shapes.quadrature(shape, 128)
    shares = shares * density(*u.T) if weighted else shares
    edges = [np.linspace(*end, cells + 1) for end in shape.ends]
    wanted = np.histogram2d(*u.T, bins=edges, weights=shares)[0]
    found = np.histogram2d(*surface.parameter(sample).T, bins=edges)[0]
    assert found.sum() == 6400
    expected = 6400 * wanted / wanted.sum()
    kept = expected > 5
    statistic = ((found - expected)[kept] ** 2 / expected[kept]).sum()
    assert scipy.stats.chi2.sf(statistic, kept.sum() - 1) > UNLIKELY


def test_means_of_samples():
    for shape in shapes.shapes().values():
        law = shape.manifold.uniform()
        sample, far = law.sample(4000, 9), np.zeros(law.ambient_dimension)
        center, spread = law.tilt(far, 1e200).mean, np.sqrt(np.diag(law.tilt_covariance(far, 1e200)))
        # Five standard errors, in at most six coordinates of fifteen shapes: one in a million.
        assert (np.abs(sample.mean(0) - center) <= 5.5 * spread / math.sqrt(4000) + ROUNDING).all()


# Copies.


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_copies_give_the_same_bits(make):
    ellipse, torus = ms.Ellipse(2.0, 1.0), ms.Torus(1.5, 0.5)
    for manifold in (ellipse, torus):
        x = np.full((2, manifold.ambient_dimension), 0.7)
        for law in (manifold.uniform(), manifold.measure(2 + sp.sin(sp.Symbol("u")))):
            again = make(law)
            np.testing.assert_array_equal(again.tilt(x, 0.1).displacement, law.tilt(x, 0.1).displacement)
            np.testing.assert_array_equal(again.sample(5, 0), law.sample(5, 0))
        np.testing.assert_array_equal(make(manifold).project(x), manifold.project(x))
        assert make(manifold).volume == manifold.volume
