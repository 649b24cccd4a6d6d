"""What is asked of curves and surfaces, and of measures on them."""

import functools

import numpy as np
import sympy as sp

import manifold_scores as ms
from manifold_scores.manifolds.reach import reach_bounds

from .curves import FINITE, NUMBER, SCALAR, U, V, W, stack


@functools.cache
def parabola():
    return ms.Curve([U, U**2], (U, 0, 1))


@functools.cache
def saddle():
    return ms.Surface([U, V, U * V], (U, 0, 1), (V, 0, 2))


@functools.cache
def arc():
    return ms.Curve(lambda u: stack(np.cos(u), np.sin(u)), (0.0, 3.0))


def _measure(density, **options):
    return lambda: parabola().measure(density, **options)


NAMED = [
    ("semi-axis", lambda: ms.Ellipse(-1.0, 1.0), ValueError, r"a must be positive and finite; got -1\.0"),
    ("amplitude", lambda: ms.WavyCircle(8, 1.0), ValueError, r"amplitude must lie between -1 and 1; got 1\.0"),
    ("frequency", lambda: ms.WavyCircle(0), ValueError, "frequency must be at least 1; got 0"),
    (
        "rotation",
        lambda: ms.LimaBean([1.0, 2.0]),
        ValueError,
        r"rotation must be a single number; got an array of shape \(2,\)",
    ),
    (
        "fat torus",
        lambda: ms.Torus(1.0, 1.5),
        ValueError,
        r"minor_radius must be below major_radius = 1\.0; got 1\.5",
    ),
]

DENSITIES = [
    (
        "density negative",
        _measure(U - sp.Rational(1, 2)),
        ValueError,
        rf"density must be non-negative; it is {NUMBER} at u = .*",
    ),
    (
        "density negative in a short interval",
        _measure(lambda u: (u - 0.5) ** 2 - 1e-6),
        ValueError,
        r"density must be non-negative; it is -\d\.\d+e-07 at u = \[?0\.(4999|5000|4993|5006)\d*\]?",
    ),
    ("density zero", _measure(lambda u: 0 * u), ValueError, "density must not vanish everywhere"),
    ("density NaN", _measure(sp.log(U - 1)), ValueError, FINITE.format("density", r"\[?0\.\d+\]?")),
    (
        "density NaN on a surface",
        lambda: saddle().measure(lambda u, v: np.where(u > 0.5, np.nan, v)),
        ValueError,
        FINITE.format("density", r"\[0\.\d+, \d\.\d+\]"),
    ),
    (
        "density without an integral",
        _measure(1 / U),
        ValueError,
        "density must be bounded per parameter; its integral does not converge where it is not",
    ),
    (
        "density complex",
        _measure(lambda u: 1j * u),
        TypeError,
        "density must return real numbers; got dtype complex128",
    ),
    (
        "density of wrong shape",
        _measure(lambda u: np.ones((len(u), 1))),
        ValueError,
        r"density must map arrays of shape \(n,\) to shape \(n,\); got \((\d+), 1\) for n = \1",
    ),
    ("density None", _measure(None), TypeError, SCALAR.format("density", "NoneType")),
    ("density a string", _measure("u"), TypeError, SCALAR.format("density", "str")),
    ("density of another symbol", _measure(W), ValueError, "density must depend on u alone; it has w"),
    (
        "density immense",
        _measure(sp.Integer(10) ** 60),
        ValueError,
        r"density must be real, finite and below 1e\+50; got 1\.00E\+60",
    ),
    (
        "expression on a function",
        lambda: arc().measure(U),
        TypeError,
        "density must be a function, as the embedding is one; got Symbol",
    ),
    (
        "density on a segment of the line",
        lambda: ms.Segment([0.0], [1.0]).measure(1),
        ValueError,
        r"a density on a segment is integrated in R\^2 and above; this segment lives in R\^1",
    ),
    ("tolerance", _measure(1, tolerance=0.1), ValueError, r"tolerance must lie between 1e-15 and 1e-3; got 0\.1"),
    (
        "tolerance negative",
        _measure(1, tolerance=-1.0),
        ValueError,
        r"tolerance must be positive and finite; got -1\.0",
    ),
]

HYPERSURFACE = "normal is needed where there is more than one: the manifold is not a hypersurface"

QUERIES = [
    ("outside", lambda: parabola().embed([0.5, 1.5]), ValueError, r"u must lie in \[0\.0, 1\.0\]; got 0\.5 to 1\.5"),
    (
        "outside a surface",
        lambda: saddle().embed([0.5, 2.5]),
        ValueError,
        r"u must lie in \[0\.0, 2\.0\]; got 2\.5 to 2\.5",
    ),
    (
        "density outside",
        lambda: parabola().uniform().density(5.0),
        ValueError,
        r"u must lie in \[0\.0, 1\.0\]; got 5\.0 to 5\.0",
    ),
    (
        "length outside",
        lambda: parabola().arc_length(-1.0),
        ValueError,
        r"u must lie in \[0\.0, 1\.0\]; got -1\.0 to -1\.0",
    ),
    ("parameters", lambda: saddle().embed(0.5), ValueError, r"u must have shape \(\.\.\., 2\); got \(\)"),
    ("parameters of a metric", lambda: saddle().metric(0.5), ValueError, r"u must have shape \(\.\.\., 2\); got \(\)"),
    ("order negative", lambda: parabola().derivative(0.5, -1), ValueError, "orders must be at least 0; got -1"),
    (
        "order a float",
        lambda: parabola().derivative(0.5, 1.0),
        TypeError,
        r"orders must be an integer; got 1\.0 \(float\)",
    ),
    (
        "orders",
        lambda: saddle().derivative([0.5, 0.5], 1),
        ValueError,
        "orders must have 2 entries, one for each parameter; got 1",
    ),
    ("no normal", lambda: ms.Helix(1.0, 1.0, 1.0).principal_curvatures([1.0, 0.0, 0.0]), ValueError, HYPERSURFACE),
    (
        "tangent normal",
        lambda: parabola().principal_curvatures([0.0, 0.0], [1.0, 0.0]),
        ValueError,
        "normal must not be tangent to the manifold",
    ),
    (
        "too many normals",
        lambda: parabola().principal_curvatures([0.0, 0.0], [[0.0, 1.0], [0.0, 1.0]]),
        ValueError,
        r"normal must broadcast against y; got \(2,\) and \(\) points",
    ),
    (
        "wrong space",
        lambda: parabola().nearest([1.0, 2.0, 3.0]),
        ValueError,
        r"x has last dimension 3 but the manifold lives in R\^2",
    ),
    (
        "pairs",
        lambda: parabola().geodesic_distance(np.ones((3, 2)), np.ones((4, 2))),
        ValueError,
        r"first and second must broadcast; got shapes \(3,\) and \(4,\)",
    ),
    (
        "error at a negative variance",
        lambda: parabola().uniform().error_estimate([1.0, 2.0], -1.0),
        ValueError,
        r"variance must be positive and finite; got -1\.0",
    ),
]

REACH = [
    (
        "tolerance of the reach",
        lambda: reach_bounds(parabola(), 0.5),
        ValueError,
        r"tolerance must lie between 1e-8 and 0\.1; got 0\.5",
    ),
]

CASES = [*NAMED, *DENSITIES, *QUERIES, *REACH]
