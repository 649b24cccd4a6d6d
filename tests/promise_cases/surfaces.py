"""Laws on surfaces: tori, the Swiss roll and a patch of the sphere with edges and corners."""

from functools import cache

import numpy as np
from flint import arb

from tests.reference.parametric_surfaces import SpherePatch, SwissRoll, Torus

from .curves import manifold
from .laws import Law, brownian, interpolant, ou, sweep

TIMES = (
    (ou(), 1e-14),
    (brownian(), 1e-10),
    (ou(), 1e-5),
    (interpolant(), 0.1),
    (ou(), 1.0),
    (ou(), 50.0),
)
"""Effective variances from 1e-14 to e^50."""

FEW = TIMES[::2]


def surface(make, parameters, law, density=None):
    """`make(ms, *parameters)` in the package is `law` in the reference; `density` a pair, SymPy and ball, or None."""
    balls = tuple(arb(p) for p in parameters)

    def package(ms):
        built = manifold(make, ms, *parameters)
        if density is None:
            return built.uniform()
        import sympy

        return built.measure(density[0](sympy, *built.symbolic.symbols))

    return Law(3, package, cache(lambda: law(balls, density and density[1])), quadrature=True)


def sphere_patch(ms, lower, upper, width):
    import sympy as sp

    v, u = sp.symbols("theta phi", real=True)
    embedding = [sp.sin(v) * sp.cos(u), sp.sin(v) * sp.sin(u), sp.cos(v)]
    return ms.Surface(embedding, (v, lower, upper), (u, 0, width))


def torus(ms, major, minor):
    return ms.Torus(major, minor)


def cases():
    return _tori() + _swiss_roll() + _patches() + _densities()


def _torus_places(major, minor):
    def at(u, v, depth=0.0):
        distance = major + (minor + depth) * np.cos(v)
        return np.array([distance * np.cos(u), distance * np.sin(u), (minor + depth) * np.sin(v)])

    return {
        "on": at(0.7, 2.0),
        "within": lambda s: at(0.7, 2.0, min(np.sqrt(s), 1.0)),
        "inside": at(0.7, 2.0, -0.1),
        "outside": at(4.0, 0.4, 0.1),
        "joint": at(0.0, 0.0),
        "over joint": at(0.0, np.pi, 0.1),
        "dyadic": at(np.pi / 4, 3 * np.pi / 4, 1e-9),
        "core": at(1.0, 0.0, -minor),
        "beside core": at(1.0, 0.0, 1e-6 - minor),
        "zero": np.zeros(3),
        "axis": np.array([0.0, 0.0, 0.8]),
        "1e2": np.array([60.0, 0.0, -80.0]),
        "1e4": np.array([3e3, -4e3, 8e3]),
    }


def _tori():
    found = sweep("torus", "2, 0.5", surface(torus, (2.0, 0.5), Torus), _torus_places(2.0, 0.5), TIMES)
    found += sweep("torus", "1, 0.9", surface(torus, (1.0, 0.9), Torus), _torus_places(1.0, 0.9), FEW)
    return found


def _swiss_roll():
    def at(u, v, depth=0.0):
        tangent = np.array([np.cos(u) - u * np.sin(u), np.sin(u) + u * np.cos(u)]) / np.sqrt(1 + u * u)
        return np.array([u * np.cos(u) + depth * tangent[1], v, u * np.sin(u) - depth * tangent[0]])

    start, end = 1.5 * np.pi, 4.5 * np.pi
    here = {
        "on": at(8.0, 7.0),
        "within": lambda s: at(8.0, 7.0, min(np.sqrt(s), 1.0)),
        "off": at(8.0, 7.0, 0.1),
        "between sheets": at(5.5, 7.0, 3.1),
        "dyadic": at(3 * np.pi, 10.5, -0.1),
        "edge": at(8.0, 21.0),
        "beyond edge": at(8.0, 21.3),
        "corner": at(end, 0.0),
        "beyond corner": at(end, -0.2) + np.array([-0.3, 0.0, 0.1]),
        "just beyond corner": lambda s: at(end, 0.0) + min(np.sqrt(s), 1.0) * np.array([-1.0, -0.5, 0.2]),
        "over start": at(start, 3.0, -0.1),
        "zero": np.zeros(3),
        "1e2": np.array([60.0, 50.0, -50.0]),
        "1e4": np.array([3e3, -4e3, 8e3]),
    }
    law = surface(lambda ms: ms.SwissRoll(), (), lambda _, density: SwissRoll((), density))
    return sweep("Swiss roll", "21", law, here, TIMES)


def _patch_places(lower, upper, width):
    def at(v, u, radius=1.0):
        return radius * np.array([np.sin(v) * np.cos(u), np.sin(v) * np.sin(u), np.cos(v)])

    middle, across = (lower + upper) / 2, width / 2
    return {
        "on": at(0.7, 1.3),
        "within": lambda s: at(0.7, 1.3, 1 + min(np.sqrt(s), 1.0)),
        "off": at(0.7, 1.3, 0.9),
        "dyadic": at(middle, across, 1.1),
        "edge": at(upper, 1.3),
        "beyond edge": at(upper + 0.2, 1.3),
        "over edge": at(middle, 0.0, 1.1),
        "corner": at(lower, width),
        "beyond corner": at(lower - 0.1, width + 0.3, 1.2),
        "just beyond corner": lambda s: at(lower - min(np.sqrt(s), 0.1), width, 1 + min(np.sqrt(s), 1.0)),
        "opposite": at(0.8, 1.0, -0.5),
        "zero": np.zeros(3),
        "pole": np.array([0.0, 0.0, 1.0]),
        "1e4": 1e4 * at(0.7, 1.3),
        "1e2": np.array([60.0, 50.0, -50.0]),
    }


def _patches():
    law = surface(sphere_patch, (0.4, 1.2, 2.0), SpherePatch)
    return sweep("sphere patch", "0.4-1.2", law, _patch_places(0.4, 1.2, 2.0), TIMES)


def _densities():
    found = []
    kept = ("on", "within", "off", "inside", "joint", "dyadic", "edge", "beyond corner", "core", "zero", "1e2")
    here = {key: place for key, place in _torus_places(2.0, 0.5).items() if key in kept}
    for label, formula, function in (
        ("1 + cos u cos v / 2", lambda sp, u, v: 1 + sp.cos(u) * sp.cos(v) / 2, lambda v, u: 1 + u.cos() * v.cos() / 2),
        ("exp(cos u - sin v)", lambda sp, u, v: sp.exp(sp.cos(u) - sp.sin(v)), lambda v, u: (u.cos() - v.sin()).exp()),
        ("1 - cos v", lambda sp, u, v: 1 - sp.cos(v), lambda v, u: 2 * (v / 2).sin() ** 2),
    ):
        law = surface(torus, (2.0, 0.5), Torus, (formula, function))
        found += sweep("density on torus", label, law, here, FEW)
    here = {key: place for key, place in _patch_places(0.4, 1.2, 2.0).items() if key in kept}
    density = (lambda sp, v, u: sp.sin(v) * u, lambda v, u: v.sin() * u)
    law = surface(sphere_patch, (0.4, 1.2, 2.0), SpherePatch, density)
    found += sweep("density on sphere patch", "sin(theta) phi", law, here, FEW)
    return found
