"""The references for curves and surfaces against closed forms, second quadratures, derivatives and expansions."""

import numpy as np
import pytest
from flint import acb, arb, ctx
from mpmath import mp, mpf

from tests import reference
from tests.reference.parametric import AGREEMENT
from tests.reference.parametric_curves import Bumps, Curve
from tests.reference.parametric_panels import CUTOFF, PRECISION, windows
from tests.reference.parametric_surfaces import SpherePatch, SwissRoll, Torus

DIGITS = 60

CLOSE = mpf(AGREEMENT)
"""Relative to the spread of the tilted law, as the references promise."""

BITS = 90
"""Relative accuracy asked of Arb's integrals, 1e-27; ten bits are left for sums and quotients of them."""

SLOPE_STEP = mpf(10) ** -8
SLOPE = mpf(10) ** -12
"""Central differences of values that are good to 1e-25: 1e-16 from the step squared, times third derivatives to 1e4."""


@pytest.fixture(autouse=True)
def sixty_digits():
    with mp.workdps(DIGITS):
        yield


def balls(*values):
    return tuple(arb(value) for value in values)


def compare(law, closed, z, s, tolerance=CLOSE):
    """All moments of two references at the same z and s."""
    z, s = reference.exact(z), mpf(s)
    ours, covariance = law.tilt(z, s), law.covariance(z, s)
    with mp.workdps(4 * DIGITS):
        theirs, expected = closed.tilt(z, s), closed.covariance(z, s)
    trace = mp.fsum(expected[i][i] for i in range(len(z)))
    assert abs(ours.log_mass - theirs.log_mass) <= tolerance * max(1, abs(theirs.log_mass))
    for name in ("mean", "displacement"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert abs(a - b) <= tolerance * mp.sqrt(trace)
    for row, other in zip(covariance, expected, strict=True):
        for a, b in zip(row, other, strict=True):
            assert abs(a - b) <= tolerance * trace


QUERIES = [
    ([0.3, -0.2], 0.1),
    ([1.2, 0.9], 1e-14),
    ([1.2, 0.9 + 1e-9], 1e-14),
    ([0.0, 0.0], 1e-14),
    ([1e-9, 0.0], 1e-8),
    ([1e-9, 0.0], 1e-11),
    ([1e4, 3.0], 1e-14),
    ([1e4, 3.0], 1e20),
    ([-2.0, 0.5], 5.0),
]


@pytest.mark.parametrize(("z", "s"), QUERIES)
def test_circle_against_bessel_functions(z, s):
    compare(Curve("ellipse", balls(1.5, 1.5)), reference.Sphere(2, 1.5), z, s)
    fisher = reference.Sphere(2, 1.5, [1.0, 0.0], 2.0)
    compare(Curve("ellipse", balls(1.5, 1.5), lambda u: (2 * u.cos()).exp()), fisher, z, s)


@pytest.mark.parametrize(("z", "s"), QUERIES)
def test_segment_against_error_functions(z, s):
    ends = (0.5, -1.0, 2.0, 1.0)
    compare(Curve("segment", balls(*ends)), reference.Segment(ends[:2], ends[2:]), z, s)


@pytest.mark.parametrize(("z", "s"), [([*z, 0.25], s) for z, s in QUERIES[::2]] + [([0.0, 0.0, 0.0], 1e-14)])
def test_whole_sphere_against_bessel_functions(z, s):
    with ctx.workprec(PRECISION):
        whole = SpherePatch((arb(0), arb.pi(), 2 * arb.pi()))
    compare(whole, reference.Sphere(3, 1.0), z, s)


def integral(integrand, lower, upper):
    """Arb's enclosure of the integral over u / pi from lower to upper; integrand(u, analytic)."""
    with ctx.workprec(PRECISION // 2):
        tolerance = arb(2) ** -BITS
        ends = [acb.pi() * end for end in (lower, upper)]
        found = acb.integral(integrand, *ends, rel_tol=tolerance, abs_tol=tolerance * tolerance).real
        assert found.rad() < abs(found.mid()) * 2 ** (8 - BITS) + tolerance
        return found


def near(value, ball, scale=1):
    """An mpf against a ball."""
    with ctx.workprec(PRECISION):
        return abs(arb(value) - ball) <= arb(2) ** (10 - BITS) * scale


@pytest.mark.parametrize(("z", "s"), [([5.0, 7.0, 8.0], 1e-14), ([0.0, 25.0, 14.2], 1e-3), ([1.0, 2.0, 3.0], 40.0)])
def test_swiss_roll_along_its_axis(z, s):
    """There the law is uniform on an interval."""
    roll, line = SwissRoll(), reference.Segment([0.0], [21.0])
    z, s = reference.exact(z), mpf(s)
    tilt, (expected,) = roll.tilt(z, s), line.tilt([z[1]], s).displacement
    variance = line.covariance([z[1]], s)[0][0]
    assert abs(tilt.displacement[1] - expected) <= CLOSE * mp.sqrt(variance)
    assert abs(roll.covariance(z, s)[1][1] - variance) <= 1e6 * CLOSE * variance


@pytest.mark.parametrize(("z", "s"), [([5.0, 7.0, 8.0], 0.05), ([1.0, 2.0, 3.0], 40.0)])
def test_swiss_roll_across_its_axis(z, s):
    """There it is the spiral, with density sqrt(1 + u^2) in u."""
    tilt, line = SwissRoll().tilt(reference.exact(z), mpf(s)), reference.Segment([0.0], [21.0])

    def moment(power, tilted=True):
        def integrand(u, analytic):
            x, y = u * u.cos(), u * u.sin()
            square = (x - z[0]) * (x - z[0]) + (y - z[2]) * (y - z[2])
            factor = (-square / (2 * s)).exp() if tilted else 1
            return factor * (1 + u * u).sqrt(analytic=analytic) * x**power

        return integral(integrand, arb(1.5), arb(4.5))

    across = tilt.log_mass - line.tilt(reference.exact([z[1]]), mpf(s)).log_mass
    with ctx.workprec(PRECISION):
        mass = moment(0)
        assert near(across, (mass / moment(0, tilted=False)).log())
        assert near(tilt.mean[0], moment(1) / mass)


@pytest.mark.parametrize(("z", "s"), [([2.3, 0.4, -0.2], 0.05), ([0.0, 0.5, 0.1], 1.0), ([2.0, 0.0, 0.0], 0.2)])
def test_torus_against_bessel_functions(z, s):
    """Over the angle u the integral is 2 pi I_0; only the one over v is left."""
    with ctx.workprec(PRECISION):
        away = (arb(z[0]) * z[0] + arb(z[1]) * z[1]).sqrt()

    def moment(harmonic, height):
        def integrand(v, _):
            p, q = 2 + v.cos() / 2, v.sin() / 2
            pull = p * away / s
            square = (p - away) * (p - away) + (q - z[2]) * (q - z[2])
            return p * (-square / (2 * s) - pull).exp() * pull.bessel_i(acb(harmonic)) * p**harmonic * q**height

        return integral(integrand, 0, 2)

    mass, tilt = moment(0, 0), Torus(balls(2.0, 0.5)).tilt(reference.exact(z), mpf(s))
    with ctx.workprec(PRECISION):
        assert near(tilt.log_mass, (mass / (4 * arb.pi())).log())
        assert near(tilt.mean[0], moment(1, 0) / mass * z[0] / away)
        assert near(tilt.mean[1], moment(1, 0) / mass * z[1] / away)
        assert near(tilt.mean[2], moment(0, 1) / mass)


def _ellipse(u, analytic):
    return [2 * u.cos(), u.sin()], (1 + 3 * u.sin() * u.sin()).sqrt(analytic=analytic)


def _polar(u, r, slope, analytic):
    return [r * u.cos(), r * u.sin()], (r * r + slope * slope).sqrt(analytic=analytic)


def _wavy(u, analytic):
    a = arb(0.13)
    return _polar(u, 1 + a * (8 * u).sin(), 8 * a * (8 * u).cos(), analytic)


def _cassini(u, analytic):
    sine, cosine = (2 * u).sin_cos()
    root = (acb(1.1) ** 4 - sine * sine).sqrt(analytic=analytic)
    r = (cosine + root).sqrt(analytic=analytic)
    return _polar(u, r, -sine * (1 + cosine / root) / r, analytic)


def _lima_bean(u, analytic):
    s, c = (u / 2 + arb.pi() / 2).sin_cos()
    r, slope = s * s * s + c * c * c, 3 * s * c * (s - c) / 2
    sine, cosine = arb(np.pi / 2).sin_cos()
    point = [cosine * r * c - sine * r * s, sine * r * c + cosine * r * s]
    return point, (r * r / 4 + slope * slope).sqrt(analytic=analytic)


def _helix(u, _):
    return [u.cos(), u.sin(), u / (4 * arb.pi())], acb(1)


def _viviani(u, analytic):
    return [1 + u.cos(), u.sin(), 2 * (u / 2).sin()], (1 + (u / 2).cos() ** 2).sqrt(analytic=analytic)


def _bumps(u, analytic):
    """Two by two pixels, with the derivative of every one of them."""
    image, slopes = [], []
    for p in (-1, 1):
        for q in (-1, 1):
            x, y = p - u.cos() / 2, q - u.sin() / 2
            width = arb(0.5) * arb(0.5)
            image.append((-(x * x + y * y) / (2 * width)).exp())
            slopes.append(-image[-1] * (x * u.sin() - y * u.cos()) / (2 * width))
    return image, sum(slope * slope for slope in slopes).sqrt(analytic=analytic)


SECOND = {
    "ellipse": (_ellipse, (2.0, 1.0), (0, 2)),
    "wavy circle": (_wavy, (8, 0.13), (0, 2)),
    "cassini oval": (_cassini, (1.1, 1.0), (0, 2)),
    "lima bean": (_lima_bean, (np.pi / 2,), (0, 2)),
    "helix": (_helix, (1.0, 0.5, 3.0), (0, 6)),
    "viviani": (_viviani, (1.0,), (-1, 1)),
    "bumps": (_bumps, (), (0, 2)),
}
"""Embedding and speed by hand, parameters, and the domain in units of pi."""


@pytest.mark.parametrize("name", SECOND)
@pytest.mark.parametrize("s", [0.02, 3.0])
@pytest.mark.parametrize("kinked", [False, True])
def test_curves_against_rigorous_integrals(name, s, kinked):
    embed, parameters, (start, end) = SECOND[name]
    density = (lambda u: 1 + abs(u.sin())) if kinked else None
    if name == "bumps":
        law = Bumps(2, 0.5, 0.5, density, range(-1, 6))
    else:
        law = Curve(name, balls(*parameters), density, range(-1, 6))
    z = [0.4, 0.3, 0.2, 0.1][: law.dimension]

    def moment(i=None, tilted=True):
        total = arb(0)
        for k in range(start, end):

            def integrand(u, analytic, sign=(-1) ** k):
                y, speed = embed(u, analytic)
                value = speed * (1 + sign * u.sin()) if kinked else speed
                if tilted:
                    value *= (-sum((a - b) * (a - b) for a, b in zip(y, z, strict=True)) / (2 * s)).exp()
                return value if i is None else value * y[i]

            total += integral(integrand, k, k + 1)
        return total

    with ctx.workprec(PRECISION):
        mass, tilt = moment(), law.tilt(reference.exact(z), mpf(s))
        assert near(tilt.log_mass, (mass / moment(tilted=False)).log())
        assert all(near(tilt.mean[i], moment(i) / mass) for i in {0, law.dimension - 1})


@pytest.mark.parametrize(("point", "normal", "curvature"), [((2, 0), (-1, 0), 2), ((0, 1), (0, -1), mpf(1) / 4)])
def test_ellipse_against_the_expansion(point, normal, curvature):
    """On M: f = y + s kappa N / 2 + O(s^2), log Z = log(2 pi s)/2 + log rho + O(s) (theory.md, section 3)."""
    s = mpf(10) ** -12
    tilt = Curve("ellipse", balls(2.0, 1.0)).tilt(reference.exact(point), s)
    for value, direction in zip(tilt.displacement, normal, strict=True):
        assert abs(value - s * curvature * direction / 2) <= 100 * s * s
    length = 4 * 2 * mp.ellipe(mpf(3) / 4)
    assert abs(tilt.log_mass - mp.log(2 * mp.pi * s) / 2 + mp.log(length)) <= 10 * s


@pytest.mark.parametrize(
    ("law", "z", "s"),
    [
        (Curve("helix", balls(1.0, 0.5, 3.0)), [0.9, 0.2, 1.6], 0.01),
        (Curve("viviani", balls(1.0)), [0.9, 0.2, 1.6], 3.0),
        (Torus(balls(2.0, 0.5)), [1.3, 1.1, 0.1], 3.0),
        (SpherePatch(balls(0.4, 1.2, 2.0), lambda v, u: 1 + u), [0.1, -0.3, 1.2], 0.01),
        (SwissRoll(), [5.0, 22.0, 8.0], 0.01),
    ],
    ids=["helix", "viviani", "torus", "sphere patch", "Swiss roll"],
)
def test_moments_are_derivatives_of_the_log_mass(law, z, s):
    z, s, h = reference.exact(z), mpf(s), SLOPE_STEP
    tilt, covariance = law.tilt(z, s), law.covariance(z, s)
    for i in range(3):
        up, down = [law.tilt([v + k * h * (i == j) for j, v in enumerate(z)], s) for k in (1, -1)]
        slope = s * (up.log_mass - down.log_mass) / (2 * h)
        assert abs(tilt.displacement[i] - slope) <= SLOPE * max(1, abs(slope))
        for j in range(3):
            slope = s * ((up.displacement[j] - down.displacement[j]) / (2 * h) + (i == j))
            assert abs(covariance[i][j] - slope) <= SLOPE * max(1, abs(slope))


def test_windows_hold_all_competing_minima():
    """|y - z|^2 on a wavy circle seen from its centre has eight lowest points; what lies between is left out."""
    law, s = Curve("wavy circle", balls(8, 0.13)), arb(1e-6)
    found = law.region([arb(0), arb(0)], s)
    assert len(found) == 8
    with ctx.workprec(PRECISION):
        least = (1 - law.parameters[1]) ** 2
        for k in range(1000):
            w = arb(2 * k + 1) / 2000
            excess = sum(y * y for y in law.embed(law.lower + law.length * w)) - least
            inside = any(lower <= w <= upper for lower, upper in found)
            assert inside or excess > 2 * CUTOFF * s


def test_a_constant_distance_keeps_the_whole_domain():
    intervals = windows(lambda w, length: arb(1), arb(1e-14))
    assert [(float(a), float(b)) for a, b in intervals] == [(0.0, 1.0)]
