"""Laws on parametric curves, at points on, near and far from them, at joints, ends and evolutes."""

from functools import cache, partial

import numpy as np
from flint import arb

from tests.reference.parametric_curves import Bumps, Curve

from .laws import Law, brownian, interpolant, ou, sweep

TIMES = (
    (ou(), 1e-14),
    (brownian(), 1e-12),
    (ou(), 1e-8),
    (interpolant(), 1e-3),
    (ou(), 1e-2),
    (ou(), 0.5),
    (brownian(), 8.0),
    (ou(), 50.0),
)
"""Effective variances from 1e-14 to e^50."""

FEW = TIMES[::2]

PIXELS = 16, 64


@cache
def manifold(make, *arguments):
    """Manifolds are compiled once."""
    return make(*arguments)


def curve(dimension, name, parameters, make, density="uniform", rounded=False):
    """`make(ms, *parameters)` in the package is `name` in the reference; `rounded`: from a function in float64."""
    expression, function, breaks = DENSITIES[density]
    balls = tuple(arb(float(p)) for p in parameters)

    def package(ms):
        built = manifold(make, ms, *parameters)
        return built.uniform() if expression is None else built.measure(expression(built))

    return Law(dimension, package, cache(lambda: Curve(name, balls, function, breaks, rounded)), quadrature=True)


def symbolic(formula):
    """The density as a SymPy expression in the curve's own symbol."""

    def expression(built):
        import sympy

        return formula(sympy, built.symbolic.symbols[0])

    return expression


DENSITIES = {
    "uniform": (None, None, ()),
    "1 + cos u / 2": (symbolic(lambda sp, u: 1 + sp.cos(u) / 2), lambda u: 1 + u.cos() / 2, ()),
    "exp(cos u)": (symbolic(lambda sp, u: sp.exp(sp.cos(u))), lambda u: u.cos().exp(), ()),
    "1 - cos u": (symbolic(lambda sp, u: 1 - sp.cos(u)), lambda u: 2 * (u / 2).sin() ** 2, ()),
    "u": (symbolic(lambda sp, u: u), lambda u: u, ()),
    "1 + |sin u|": (symbolic(lambda sp, u: 1 + sp.Abs(sp.sin(u))), lambda u: 1 + abs(u.sin()), range(1, 6)),
    "callable": (lambda _: lambda u: 1 + np.cos(u) / 2, lambda u: 1 + u.cos() / 2, ()),
}
"""Name -> for the package from the curve, for the reference of u, and u/pi where its derivatives jump."""


def cassini_oval(ms, a, c):
    import sympy as sp

    u = sp.Symbol("u", real=True)
    radius = sp.sqrt(c**2 * sp.cos(2 * u) + sp.sqrt(a**4 - c**4 * sp.sin(2 * u) ** 2))
    return ms.Curve([radius * sp.cos(u), radius * sp.sin(u)], (u, 0, 2 * sp.pi))


def viviani(ms, a):
    """The half of Viviani's curve without its double point."""
    import sympy as sp

    u = sp.Symbol("u", real=True)
    return ms.Curve([a * (1 + sp.cos(u)), a * sp.sin(u), 2 * a * sp.sin(u / 2)], (u, -sp.pi, sp.pi))


def ellipse_function(ms, a, b):
    """An ellipse as a Python function, whose derivatives the package has to find."""
    return ms.Curve(lambda u: np.stack([a * np.cos(u), b * np.sin(u)], axis=1), (0.0, 2 * np.pi))


def bump(pixels, u, radius=0.5):
    """An image with its bump at radius (cos u, sin u), flattened row by row."""
    line = np.linspace(-1.0, 1.0, pixels)
    first, second = np.cos(u) * radius, np.sin(u) * radius
    square = (line[:, None] - first) ** 2 + (line[None, :] - second) ** 2
    return np.exp(-square.ravel() / 0.08)


def bumps(ms, pixels):
    return ms.Curve(lambda u: np.array([bump(pixels, v) for v in np.ravel(u)]), (0.0, 2 * np.pi))


def places(dimension, embed, lower, upper, u, dyadic=5 / 16):
    """Points at the parameter u, off it along its normal, at the joint, at a dyadic point of the domain, and far."""
    at, normal, radius = _frame(embed, u)
    joint, across, _ = _frame(embed, lower)
    internal, beside, _ = _frame(embed, lower + dyadic * (upper - lower))
    along = np.ones(dimension) / np.sqrt(dimension)
    return {
        "on": at,
        "within": lambda s: at + min(np.sqrt(s), 1.0) * normal,
        "inside": at + 0.1 * normal,
        "outside": at - 0.1 * normal,
        "focal": at + radius * normal,
        "joint": joint,
        "beside joint": joint + 1e-9 * across,
        "off joint": joint - 0.1 * across,
        "dyadic": internal + 1e-9 * beside,
        "off dyadic": internal - 0.1 * beside,
        "zero": np.zeros(dimension),
        "1e2": 1e2 * along,
        "1e4": -1e4 * along,
    }


def _frame(embed, u, h=1e-4):
    """Point, principal normal and radius of curvature, by differences: any point near the exact one will do."""
    before, at, after = embed(u - h), embed(u), embed(u + h)
    speed, bend = (after - before) / (2 * h), (after - 2 * at + before) / h**2
    bend = bend - (bend @ speed) / (speed @ speed) * speed
    curvature = np.linalg.norm(bend) / (speed @ speed)
    return at, bend / np.linalg.norm(bend), 1 / curvature


def cases():
    return _ellipses() + _closed() + _open() + _images() + _densities()


def _ellipse_places(a, b):
    centre = (a * a - b * b) / a
    found = places(2, lambda u: np.array([a * np.cos(u), b * np.sin(u)]), 0.0, 2 * np.pi, 0.7)
    return found | {
        "focal": np.array([centre, 0.0]),
        "focal + 1e-9": np.array([centre + 1e-9, 0.0]),
        "focal - 1e-4": np.array([centre - 1e-4, 1e-9]),
        "medial": np.array([0.4 * centre, 0.0]),
        "beside medial": np.array([0.4 * centre, 1e-9]),
        "minor focal": np.array([0.0, b - a * a / b]),
        "vertex": np.array([a, 0.0]),
        "far over joint": np.array([1e4, 0.0]),
        "far over dyadic": np.array([0.0, -1e4]),
        "near centre": np.array([1e-9, 0.0]),
    }


def _ellipses():
    def make(ms, a, b):
        return ms.Ellipse(a, b)

    found = []
    found += sweep("ellipse", "2x1", curve(2, "ellipse", (2.0, 1.0), make), _ellipse_places(2.0, 1.0), TIMES)
    found += sweep("ellipse", "thin", curve(2, "ellipse", (3.0, 0.1), make), _ellipse_places(3.0, 0.1), FEW)
    found += sweep("ellipse", "tall", curve(2, "ellipse", (0.7, 30.0), make), _ellipse_places(0.7, 30.0), FEW[1:])
    law = curve(2, "ellipse", (1.5, 1.0), ellipse_function, rounded=True)
    found += sweep("ellipse function", "1.5x1", law, _ellipse_places(1.5, 1.0), FEW)
    return found


def _lima_bean(rotation, u):
    w = (u - np.pi) / 2 + np.pi
    radius = np.sin(w) ** 3 + np.cos(w) ** 3
    x, y = radius * np.cos(w), radius * np.sin(w)
    return np.array([np.cos(rotation) * x - np.sin(rotation) * y, np.sin(rotation) * x + np.cos(rotation) * y])


def _cassini(a, c, u):
    radius = np.sqrt(c * c * np.cos(2 * u) + np.sqrt(a**4 - c**4 * np.sin(2 * u) ** 2))
    return radius * np.array([np.cos(u), np.sin(u)])


def _wavy(u):
    return (1 + 0.13 * np.sin(8 * u)) * np.array([np.cos(u), np.sin(u)])


def _closed():
    turn = (0.0, 2 * np.pi)
    found = []
    for rotation in (np.pi / 2, np.pi / 4):
        law = curve(2, "lima bean", (rotation,), lambda ms, angle: ms.LimaBean(angle))
        found += sweep("lima bean", f"{rotation:.2f}", law, places(2, partial(_lima_bean, rotation), *turn, 2.0), TIMES)
    law = curve(2, "wavy circle", (8, 0.13), lambda ms, frequency, amplitude: ms.WavyCircle(frequency, amplitude))
    here = places(2, _wavy, *turn, 0.35) | {"near zero": np.array([1e-9, 0.0]), "half": 0.5 * _wavy(1.1)}
    found += sweep("wavy circle", "8", law, here, TIMES)
    law = curve(2, "cassini oval", (1.1, 1.0), cassini_oval)
    here = places(2, partial(_cassini, 1.1, 1.0), *turn, 0.6) | {"waist": _cassini(1.1, 1.0, np.pi / 2)}
    found += sweep("cassini oval", "1.1", law, here | {"medial": np.array([0.3, 0.0])}, TIMES)
    return found


def _helix(u):
    return np.array([np.cos(u), np.sin(u), u / (4 * np.pi)])


def _viviani(u):
    return np.array([1 + np.cos(u), np.sin(u), 2 * np.sin(u / 2)])


def _ends(embed, lower, upper):
    """Beyond the ends, over them, at them and just inside."""
    last, normal, _ = _frame(embed, upper)
    tangent = (last - embed(upper - 1e-6)) / np.linalg.norm(last - embed(upper - 1e-6))
    return {
        "end": last,
        "beyond": last + 0.3 * tangent,
        "beyond and off": last + 0.02 * tangent + 0.1 * normal,
        "over the end": last + 0.1 * normal,
        "just beyond": lambda s: last + min(np.sqrt(s), 1.0) * tangent,
        "just inside": embed(upper - 1e-7),
        "far beyond": 1e3 * tangent,
    }


def _open():
    found = []
    domain = (0.0, 6 * np.pi)
    law = curve(3, "helix", (1.0, 0.5, 3.0), lambda ms, *parameters: ms.Helix(*parameters))
    here = places(3, _helix, *domain, 7.5) | _ends(_helix, *domain)
    here |= {"axis": np.array([0.0, 0.0, 0.6]), "between turns": np.array([1.0, 0.0, 0.75])}
    found += sweep("helix", "3 turns", law, here, TIMES)
    law = curve(3, "viviani", (1.0,), viviani)
    here = places(3, _viviani, -np.pi, np.pi, 0.9) | _ends(_viviani, -np.pi, np.pi)
    found += sweep("viviani", "half", law, here, TIMES)
    return found


def _images():
    found = []
    for pixels, times in zip(PIXELS, (TIMES, TIMES[2:4]), strict=True):
        here = {
            "on": bump(pixels, 0.7),
            "joint": bump(pixels, 0.0),
            "brighter": 1.1 * bump(pixels, 0.7),
            "nearer": bump(pixels, 2.5, 0.4),
            "noisy": lambda s, pixels=pixels: (
                bump(pixels, 0.7) + min(np.sqrt(s), 1.0) * np.random.default_rng(1).standard_normal(pixels**2)
            ),
            "zero": np.zeros(pixels**2),
            "1e2": -1e2 * bump(pixels, 1.0),
        }
        if pixels > 16:
            here = {key: here[key] for key in ("noisy", "nearer")}
        law = Law(
            pixels**2,
            lambda ms, pixels=pixels: manifold(bumps, ms, pixels).uniform(),
            cache(lambda pixels=pixels: Bumps(pixels, 0.5, 0.2)),
            quadrature=True,
        )
        found += sweep("bump curve", f"{pixels}x{pixels}", law, here, times)
    return found


def _densities():
    found = []
    turn = (0.0, 2 * np.pi)
    kept = ("on", "within", "inside", "joint", "dyadic", "zero", "1e2", "focal", "medial", "end", "beyond", "axis")

    def chosen(all_places):
        return {key: place for key, place in all_places.items() if key in kept}

    for density in ("1 + cos u / 2", "exp(cos u)", "1 - cos u", "1 + |sin u|", "callable"):
        law = curve(2, "ellipse", (2.0, 1.0), lambda ms, a, b: ms.Ellipse(a, b), density)
        found += sweep("density on ellipse", density, law, chosen(_ellipse_places(2.0, 1.0)), FEW)
    domain = (0.0, 6 * np.pi)
    here = chosen(places(3, _helix, *domain, 7.5) | _ends(_helix, *domain) | {"axis": np.array([0.0, 0.0, 0.6])})
    for density in ("u", "1 + |sin u|"):
        law = curve(3, "helix", (1.0, 0.5, 3.0), lambda ms, *parameters: ms.Helix(*parameters), density)
        found += sweep("density on helix", density, law, here, FEW)
    law = curve(2, "wavy circle", (8, 0.13), lambda ms, *parameters: ms.WavyCircle(*parameters), "exp(cos u)")
    found += sweep("density on wavy circle", "exp(cos u)", law, chosen(places(2, _wavy, *turn, 0.35)), FEW)
    return found
