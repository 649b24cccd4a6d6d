"""Reach against closed forms, scipy, and pairs of points."""

import math

import numpy as np
import pytest
import scipy.optimize
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import manifold_scores as ms
from manifold_scores.manifolds.reach import reach_bounds
from tests import shapes
from tests.test_crossings import TREFOIL, TURN, U, V, cassini, circle

ATTAINED = 1e-9
"""Upper bounds are values at points: exact to the rounding of second derivatives of the pieces, 1e-10 or so."""

TIGHT = {1: 1e-6, 2: 1e-3}
"""What `reach_bounds` aims at by default, (upper - lower)/upper."""

DENSE = {1: 1e-3, 2: 2e-2}
"""How far the best of a grid of pairs is above the infimum: of the order of the squared spacing, 4e-3 or 0.13 where a
turn is 2 pi, times the squared number of waves in a turn, up to 8 for curves and 1 for surfaces."""

PAIRS = 1e-12
"""Rounding of the quotient at pairs that are not near each other."""


def sector(angle):
    return ms.Surface([V * sp.cos(U), V * sp.sin(U)], (U, 0, angle), (V, 1, 2))


def band(latitude):
    sphere = [sp.cos(V) * sp.cos(U), sp.cos(V) * sp.sin(U), sp.sin(V)]
    return ms.Surface(sphere, (U, 0, TURN), (V, -latitude, latitude))


def disc_with_dent(depth):
    """A rectangle whose lower side is bent upwards: the boundary is concave there, most so in the middle."""
    return ms.Surface([U, V + (1 - V) * depth * (1 - U**2)], (U, -1, 1), (V, 0, 1))


CLOSED_FORMS = {
    "circle": (lambda: circle(3), 3.0),
    "flat ellipse": (lambda: ms.Ellipse(2.0, 0.5), 0.125),
    "nearly round ellipse": (lambda: ms.Ellipse(1.0, 1.1), 1 / 1.1),
    "helix of large pitch": (lambda: ms.Helix(1.0, 8.0, 2.0), 1 + (4 / math.pi) ** 2),
    "parabola": (lambda: ms.Curve([U, U**2], (U, -1, 1)), 0.5),
    "half of a parabola without its vertex": (
        lambda: ms.Curve([U, U**2], (U, sp.Rational(1, 2), 1)),
        math.sqrt(2.0),
    ),
    "semicircle": (lambda: circle(1, sp.pi), 1.0),
    "ends of 270 degrees": (lambda: circle(1, 3 * sp.pi / 2), math.sqrt(0.5)),
    "ends of 350 degrees": (lambda: circle(1, sp.pi * sp.Rational(35, 18)), math.sin(math.pi / 36)),
    "neck of a Cassini oval": (lambda: cassini("1.01"), math.sqrt(1.01**2 - 1)),
    "narrow neck": (lambda: cassini("1.00005"), math.sqrt(1.00005**2 - 1)),
    "segment": (lambda: ms.Curve([U, 2 * U, -U], (U, 0, 1)), math.inf),
    "torus, tube": (lambda: ms.Torus(2.0, 0.5), 0.5),
    "torus, hole": (lambda: ms.Torus(1.5, 1.0), 0.5),
    "cylinder": (lambda: ms.Surface([2 * sp.cos(U), 2 * sp.sin(U), V], (U, 0, TURN), (V, 0, 3)), 2.0),
    "band of a sphere": (lambda: band(1), math.cos(1.0)),
    "sector of an annulus": (lambda: sector(2), 1.0),
    "corners of a long sector": (lambda: sector(5), math.sin(math.pi - 2.5)),
    "square": (lambda: ms.Surface([U, V, U + V], (U, -1, 1), (V, -1, 1)), math.inf),
    "square with a dent": (lambda: disc_with_dent(sp.Rational(1, 4)), 2.0),
    "square with a bulge": (lambda: disc_with_dent(-sp.Rational(1, 4)), math.inf),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_form(name):
    make, exact = CLOSED_FORMS[name]
    manifold = make()
    lower, upper = reach_bounds(manifold)
    if math.isinf(exact):
        assert upper == math.inf
        assert lower > 1e5
    else:
        assert abs(upper - exact) <= ATTAINED * exact
        assert (1 - 1.001 * TIGHT[manifold.dimension]) * exact <= lower <= exact


def test_bottleneck_between_the_turns_of_a_helix():
    pitch = 0.5

    def helix(s):
        return np.array([np.cos(s), np.sin(s), pitch * s / (2 * np.pi)])

    def distance(ends):
        return np.linalg.norm(helix(ends[0]) - helix(ends[1]))

    middle = 4 * np.pi
    found = scipy.optimize.minimize(distance, [middle, middle + 2 * np.pi], tol=1e-15)
    _, upper = reach_bounds(ms.Helix(1.0, pitch, 4.0))
    # The minimum is quadratic in where the minimiser stops, 1e-6 or so.
    assert abs(upper - 0.5 * found.fun) <= 1e-10


def test_swiss_roll_is_as_curved_as_its_spiral():
    spiral = ms.Curve([U * sp.cos(U), U * sp.sin(U)], (U, 3 * sp.pi / 2, 9 * sp.pi / 2))
    lower, upper = reach_bounds(ms.SwissRoll())
    assert abs(upper - reach_bounds(spiral)[1]) <= ATTAINED * upper
    assert lower >= (1 - 1.001 * TIGHT[2]) * upper

    # The inner end sees the next turn: the nearest point of the arc that starts half a turn later.
    def distance(u):
        start = 1.5 * np.pi * np.array([math.cos(1.5 * np.pi), math.sin(1.5 * np.pi)])
        return np.linalg.norm(start - u * np.array([math.cos(u), math.sin(u)]))

    found = scipy.optimize.minimize_scalar(distance, bounds=(2.5 * np.pi, 4.5 * np.pi), options={"xatol": 1e-12})
    assert abs(upper - 0.5 * found.fun) <= 1e-10


def quotients(points, tangents):
    """|x - y|^2 / (2 dist(y - x, T_x)) for all pairs, tangents (n, m, d) orthonormal; points without boundary."""
    squares = (points**2).sum(1)
    apart = np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0.0)
    normal = apart.copy()
    for k in range(tangents.shape[1]):
        along = tangents[:, k] @ points.T
        normal -= (along - np.diag(along)[:, None]) ** 2
    # Neighbours cancel; what is nearer than this to the tangent space says nothing that others do not.
    apart = np.where(normal > 1e-9 * squares.max(), apart, np.inf)
    return apart / (2 * np.sqrt(np.where(np.isfinite(apart), normal, 1.0)))


def on_circle(curve, n=1500):
    """Points of a closed curve and its unit tangents by Fourier series."""
    points = curve(np.arange(n) * (2 * np.pi / n))
    frequencies = 1j * np.fft.fftfreq(n, 1 / n)
    slope = np.fft.ifft(frequencies[:, None] * np.fft.fft(points, axis=0), axis=0).real
    return points, (slope / np.linalg.norm(slope, axis=1, keepdims=True))[:, None]


def on_torus(surface, n=48):
    grid = np.arange(n) * (2 * np.pi / n)
    points = surface(*np.stack(np.meshgrid(grid, grid, indexing="ij")).reshape(2, -1)).reshape(n, n, -1)
    frequencies = 1j * np.fft.fftfreq(n, 1 / n)
    slopes = []
    for axis in (0, 1):
        shape = [1, 1, 1]
        shape[axis] = n
        slopes.append(np.fft.ifft(frequencies.reshape(shape) * np.fft.fft(points, axis=axis), axis=axis).real)
    frames = np.linalg.qr(np.stack(slopes, -1).reshape(n * n, -1, 2)).Q
    return points.reshape(n * n, -1), frames.transpose(0, 2, 1)


def enclosed(manifold, points, tangents):
    lower, upper = reach_bounds(manifold)
    m = manifold.dimension
    dense = quotients(points, tangents).min()
    assert lower <= dense * (1 + PAIRS)
    assert upper - lower <= 1.001 * TIGHT[m] * upper
    assert 1 - ATTAINED <= dense / upper <= 1 + DENSE[m]


PEANUT = [3 * sp.cos(U), sp.sin(U) * (sp.Rational(3, 10) + sp.cos(U) ** 2)]

CLOSED_CURVES = {
    "lima bean": ms.LimaBean,
    "wavy circle": ms.WavyCircle,
    "trefoil": lambda: ms.Curve(TREFOIL, (U, 0, TURN)),
    "peanut, its waist the minimum": lambda: ms.Curve(PEANUT, (U, 0, TURN)),
}


@pytest.mark.parametrize("name", CLOSED_CURVES)
def test_dense_pairs_on_curves(name):
    manifold = CLOSED_CURVES[name]()
    enclosed(manifold, *on_circle(manifold.embed))


def test_dense_pairs_in_many_dimensions():
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 64)] * 2), -1).reshape(-1, 2)

    def bumps(u):
        center = 0.5 * np.stack([np.cos(u), np.sin(u)], -1)
        return np.exp(-((grid - center[:, None]) ** 2).sum(2) / (2 * 0.2**2))

    enclosed(ms.Curve(bumps, (0.0, 2 * np.pi)), *on_circle(bumps, 500))


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["star", "loop"]), st.floats(1e-3, 1e3))
def test_random_curves(seed, kind, scale):
    """The bounds hold for pairs of points, and scale."""
    rng = np.random.default_rng(seed)
    curve = getattr(shapes, kind)(rng)
    lower, upper = reach_bounds(ms.Curve(curve, (0.0, 2 * np.pi)))
    dense = quotients(*on_circle(curve)).min()
    assert lower <= dense * (1 + PAIRS)
    assert lower <= upper <= dense * (1 + ATTAINED)
    scaled = reach_bounds(ms.Curve(lambda u: scale * curve(u), (0.0, 2 * np.pi)))
    # Panels, and with them the points at which the search stops, may differ by the rounding of the scale.
    assert abs(scaled[1] - scale * upper) <= 1e-7 * scale * upper


@pytest.mark.parametrize("seed", [0, 1])
def test_bumpy_tori(seed):
    surface = shapes.bumpy_torus(np.random.default_rng(seed))
    enclosed(shapes.closed_surface(surface), *on_torus(surface))


def test_tolerance():
    ellipse = ms.Ellipse(2.0, 1.0)
    for tolerance in (1e-8, 1e-2):
        lower, upper = reach_bounds(ellipse, tolerance)
        assert lower <= 0.5 <= upper * (1 + ATTAINED)
        assert upper - lower <= 1.1 * tolerance * upper


def test_budget():
    """Turns 1e-3 apart all the way: too many pairs for 1e-6, and a lower bound nevertheless."""
    growth = 1 + U / (2000 * sp.pi)
    lower, upper = reach_bounds(ms.Curve([growth * sp.cos(U), growth * sp.sin(U)], (U, 0, 6 * sp.pi)))
    assert 0.99 * 5e-4 <= lower <= upper <= 5e-4 * (1 + ATTAINED)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_patches(seed):
    """The lower bound holds for pairs of points with the cones at sides and corners, whatever bends there."""
    rng = np.random.default_rng(seed)
    waves, amplitudes = rng.normal(0, 1.5, (4, 2)), rng.normal(0, 1, (4, 3))
    # The derivative differs from the identity by less than one: an embedding.
    amplitudes *= 0.8 / (np.linalg.norm(waves, axis=1) * np.linalg.norm(amplitudes, axis=1)).sum()

    def patch(u, v):
        plane = np.stack([u, v, np.zeros_like(u)], -1)
        return plane + np.sin(np.stack([u, v], -1) @ waves.T) @ amplitudes

    def slopes(u):
        return np.eye(2, 3) + np.einsum("k,ki,kd->id", np.cos(waves @ u), waves, amplitudes)

    lower, upper = reach_bounds(ms.Surface(patch, (-1.0, 1.0), (-1.0, 1.0)), 1e-2)
    assert upper - lower <= 1.001e-2 * upper
    # Points of the inside, of sides and of corners.
    for _ in range(300):
        u, w = np.clip(rng.uniform(-1.5, 1.5, (2, 2)), -1, 1)
        gap = (patch(*w[:, None]) - patch(*u[:, None]))[0]
        generators = [sign * slope for slope, end in zip(slopes(u), u, strict=True) for sign in (-1, 1) if sign != end]
        distance = scipy.optimize.nnls(np.stack(generators, 1), gap)[1]
        assert 2 * lower * distance <= gap @ gap * (1 + PAIRS)


def test_message_of_tolerance():
    with pytest.raises(ValueError, match=r"tolerance must lie between 1e-8 and 0.1; got 0\.5"):
        reach_bounds(ms.Ellipse(2.0, 1.0), 0.5)
