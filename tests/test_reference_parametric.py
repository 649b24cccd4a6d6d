"""The references for curves and surfaces against closed forms, second quadratures, derivatives and expansions."""

import numpy as np
import pytest
from flint import arb, ctx
from mpmath import mp, mpf

from tests import reference
from tests.reference.parametric import AGREEMENT
from tests.reference.parametric_curves import Bumps, Curve
from tests.reference.parametric_panels import CUTOFF, PRECISION, windows
from tests.reference.parametric_surfaces import SpherePatch, SwissRoll, Torus

DIGITS = 60

CLOSE = mpf(AGREEMENT)
"""Relative to the spread of the tilted law, as the references promise."""

QUADRATURE = mpf(10) ** -20
"""mpmath's tanh-sinh rule on integrands with a peak, at 60 digits."""

SLOPE_STEP = mpf(10) ** -8
SLOPE = mpf(10) ** -12
"""Central differences of values that are good to 1e-25: 1e-16 from the step squared, times third derivatives to 1e4."""

KAPPA = 1e-6
"""Condition numbers from float64 moments; their difference quotients here are good to 1e-7."""


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


@pytest.mark.parametrize(("z", "s"), [([5.0, 7.0, 8.0], 1e-14), ([0.0, 25.0, 14.2], 1e-3), ([1.0, 2.0, 3.0], 40.0)])
def test_swiss_roll_is_a_product(z, s):
    """Along the axis of the roll the law is uniform on an interval."""
    roll, line = SwissRoll(()), reference.Segment([0.0], [21.0])
    z, s = reference.exact(z), mpf(s)
    ours, theirs = roll.tilt(z, s), line.tilt([z[1]], s)
    variance = line.covariance([z[1]], s)[0][0]
    assert abs(ours.displacement[1] - theirs.displacement[0]) <= CLOSE * mp.sqrt(variance)
    assert abs(roll.covariance(z, s)[1][1] - variance) <= 1e6 * CLOSE * variance
    u0, u1 = 3 * mp.pi / 2, 9 * mp.pi / 2
    if s < 1e-3:
        return

    def spiral(power):
        def integrand(u):
            x = u * mp.cos(u), u * mp.sin(u)
            square = (x[0] - z[0]) ** 2 + (x[1] - z[2]) ** 2
            return mp.exp(-square / (2 * s)) * mp.sqrt(1 + u * u) * x[0] ** power

        return mp.quad(integrand, mp.linspace(u0, u1, 49))

    length = mp.quad(lambda u: mp.sqrt(1 + u * u), [u0, u1])
    mass = spiral(0)
    assert abs(ours.log_mass - theirs.log_mass - mp.log(mass / length)) <= QUADRATURE * abs(ours.log_mass)
    assert abs(ours.mean[0] - spiral(1) / mass) <= QUADRATURE


@pytest.mark.parametrize(("z", "s"), [([2.3, 0.4, -0.2], 0.05), ([0.0, 0.5, 0.1], 1.0), ([2.0, 0.0, 0.0], 0.01)])
def test_torus_against_bessel_functions(z, s):
    """Over the angle u the integral is 2 pi I_0; only the one over v is left."""
    z, s, major, minor = reference.exact(z), mpf(s), mpf(2), mpf(0.5)
    away = mp.hypot(z[0], z[1])

    def moment(harmonic, height):
        def integrand(v):
            p, q = major + minor * mp.cos(v), minor * mp.sin(v)
            pull = p * away / s
            square = (p - away) ** 2 + (q - z[2]) ** 2
            own = p * mp.exp(-square / (2 * s) - pull) * mp.besseli(harmonic, pull)
            return own * p**harmonic * q**height

        return mp.quad(integrand, mp.linspace(0, 2 * mp.pi, 17))

    mass = moment(0, 0)
    found = Torus(balls(2.0, 0.5)).tilt(z, s)
    assert abs(found.log_mass - mp.log(mass / (2 * mp.pi * major))) <= QUADRATURE
    across = moment(1, 0) / mass
    for value, share in zip(found.mean, (z[0] / away, z[1] / away), strict=False):
        assert abs(value - across * share) <= QUADRATURE
    assert abs(found.mean[2] - moment(0, 1) / mass) <= QUADRATURE


def _wavy(u, k=8, a=mpf(0.13)):
    r, slope = 1 + a * mp.sin(k * u), a * k * mp.cos(k * u)
    return [r * mp.cos(u), r * mp.sin(u)], mp.sqrt(r * r + slope * slope)


def _helix(u):
    return [mp.cos(u), mp.sin(u), u / (4 * mp.pi)], mpf(1)


def _viviani(u):
    return [1 + mp.cos(u), mp.sin(u), 2 * mp.sin(u / 2)], mp.sqrt(1 + mp.cos(u / 2) ** 2)


def _cassini(u, a=mpf(1.1)):
    root = mp.sqrt(a**4 - mp.sin(2 * u) ** 2)
    r = mp.sqrt(mp.cos(2 * u) + root)
    slope = (-mp.sin(2 * u) - mp.sin(2 * u) * mp.cos(2 * u) / root) / r
    return [r * mp.cos(u), r * mp.sin(u)], mp.sqrt(r * r + slope * slope)


def _lima_bean(u):
    w = u / 2 + mp.pi / 2
    s, c, turn = mp.sin(w), mp.cos(w), mpf(np.pi / 2)
    r, slope = s**3 + c**3, 3 * s * c * (s - c) / 2
    x, y = r * c, r * s
    point = [mp.cos(turn) * x - mp.sin(turn) * y, mp.sin(turn) * x + mp.cos(turn) * y]
    return point, mp.sqrt(r * r / 4 + slope * slope)


SECOND = {
    "wavy circle": (_wavy, (8, 0.13), (0, 2)),
    "helix": (_helix, (1.0, 0.5, 3.0), (0, 6)),
    "viviani": (_viviani, (1.0,), (-1, 1)),
    "cassini oval": (_cassini, (1.1, 1.0), (0, 2)),
    "lima bean": (_lima_bean, (np.pi / 2,), (0, 2)),
}
"""Embedding and speed by hand, parameters, and the domain in units of pi."""


@pytest.mark.parametrize("name", SECOND)
@pytest.mark.parametrize("s", [0.02, 3.0])
@pytest.mark.parametrize("density", ["uniform", "kinked"])
def test_curves_against_a_second_quadrature(name, s, density):
    embed, parameters, domain = SECOND[name]
    kinked = density == "kinked"
    law = Curve(name, balls(*parameters), (lambda u: 1 + abs(u.sin())) if kinked else None, range(-1, 6))
    z, s = reference.exact([0.4, 0.3, 0.2][: law.dimension]), mpf(s)
    knots = [k * mp.pi / 16 for k in range(16 * domain[0], 16 * domain[1] + 1)]

    def moment(g):
        def integrand(u):
            y, speed = embed(u)
            weight = 1 + abs(mp.sin(u)) if kinked else 1
            return g(y) * speed * weight

        return mp.quad(integrand, knots)

    def tilted(y):
        return mp.exp(-mp.fsum((a - b) ** 2 for a, b in zip(y, z, strict=True)) / (2 * s))

    mass, tilt = moment(tilted), law.tilt(z, s)
    whole = moment(lambda y: mpf(1))
    scale = law.dimension * 1e3
    assert abs(tilt.log_mass - mp.log(mass / whole)) <= scale * QUADRATURE
    for i in range(law.dimension):
        assert abs(tilt.mean[i] - moment(lambda y, i=i: y[i] * tilted(y)) / mass) <= scale * QUADRATURE


def test_images_against_the_trapezoidal_rule():
    """Spectrally accurate on a closed curve; the speed by differences along it."""
    pixels, n = 4, 240
    line = [mpf(float(p)) for p in np.linspace(-1.0, 1.0, pixels)]

    def image(u):
        x, y = mpf(0.5) * mp.cos(u), mpf(0.5) * mp.sin(u)
        width = 2 * mpf(0.2) ** 2
        return [mp.exp(-((p - x) ** 2 + (q - y) ** 2) / width) for p in line for q in line]

    z, s, h = image(mpf(1)), mpf(0.5), mpf(10) ** -12
    nodes = [2 * mp.pi * k / n for k in range(n)]
    images = [image(u) for u in nodes]
    speeds = [mp.norm([(a - b) / (2 * h) for a, b in zip(image(u + h), image(u - h), strict=True)]) for u in nodes]
    masses = [
        v * mp.exp(-mp.fsum((a - b) ** 2 for a, b in zip(y, z, strict=True)) / (2 * s))
        for v, y in zip(speeds, images, strict=True)
    ]
    tilt = Bumps(pixels, 0.5, 0.2).tilt(z, s)
    assert abs(tilt.log_mass - mp.log(mp.fsum(masses) / mp.fsum(speeds))) <= QUADRATURE
    for i, value in enumerate(tilt.mean):
        expected = mp.fsum(m * y[i] for m, y in zip(masses, images, strict=True)) / mp.fsum(masses)
        assert abs(value - expected) <= QUADRATURE


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
    ("law", "z"),
    [
        (Curve("helix", balls(1.0, 0.5, 3.0)), [0.9, 0.2, 1.6]),
        (Torus(balls(2.0, 0.5)), [1.3, 1.1, 0.1]),
        (SpherePatch(balls(0.4, 1.2, 2.0), lambda v, u: 1 + u), [0.1, -0.3, 1.2]),
        (SwissRoll(()), [5.0, 22.0, 8.0]),
    ],
    ids=["helix", "torus", "sphere patch", "Swiss roll"],
)
@pytest.mark.parametrize("s", [0.01, 3.0])
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


CLOCKS = [(reference.OrnsteinUhlenbeck(), 0.1), (reference.BrownianMotion(), 1e-10), (reference.OrnsteinUhlenbeck(), 5.0)]


@pytest.mark.parametrize(("process", "t"), CLOCKS)
def test_condition_numbers_of_the_circle(process, t):
    """Over x, t and the process, against those of the closed form by difference quotients."""
    circle, closed = Curve("ellipse", balls(1.5, 1.5)), reference.Sphere(2, 1.5)
    x, t = reference.exact([0.9, 1.1]), mpf(t)
    with mp.workdps(reference.digits(process, x, t)):
        unit = reference.log_density_unit(closed, process, x, t)
        found = circle.condition(process, x, t, unit)
        for name, (_, near) in reference.condition(closed, process, x, t, unit).items():
            assert found[name][1] == pytest.approx(near, rel=KAPPA)
        plain = type("Circle", (reference.Sphere,), {"inputs": lambda *_: []})(2, 1.5)
        for name, kappa in reference.matrix_condition(plain, process, x, t).items():
            assert found[name][1] == pytest.approx(kappa, rel=KAPPA)


@pytest.mark.parametrize("t", [1e-3, 2.0])
def test_condition_numbers_in_the_parameters(t):
    """What the parameters of a helix and its points add, against difference quotients of the targets themselves."""
    parameters, process = [1.0, 0.5, 3.0], reference.BrownianMotion()
    x, t, h = reference.exact([0.9, 0.3, 1.6]), mpf(t), SLOPE_STEP
    law = Curve("helix", balls(*parameters))
    unit = reference.log_density_unit(law, process, x, t)
    base, found = reference.targets(law, process, x, t), law.condition(process, x, t, unit)
    sums = dict.fromkeys(("log_density", "score", "posterior_mean"), mpf(0))
    for i, parameter in enumerate(parameters):
        ends = [Curve("helix", balls(*[p + k * float(h) * (i == j) for j, p in enumerate(parameters)])) for k in (1, -1)]
        steps = [mpf(float(end.parameters[i])) for end in ends]
        up, down = [reference.targets(end, process, x, t) for end in ends]
        for name in sums:
            pair = [getattr(each, name) if name != "log_density" else [each.log_density] for each in (up, down)]
            slope = mp.norm([(a - b) / (steps[0] - steps[1]) for a, b in zip(*pair, strict=True)])
            scale = unit if name == "log_density" else mp.norm(getattr(base, name))
            sums[name] += parameter * slope / scale
    covariance = np.array(reference.floats(law.covariance(x, t)))
    pull = np.linalg.norm(covariance / float(t) - np.eye(3), 2)
    length = np.sqrt(np.trace(covariance) + float(mp.norm(base.posterior_mean)) ** 2)
    together = {
        "log_density": mp.norm(base.displacement) / t / unit,
        "score": pull / t / mp.norm(base.score),
        "posterior_mean": pull / mp.norm(base.posterior_mean),
    }
    for name, expected in sums.items():
        full, near = found[name]
        assert full - near == pytest.approx(float(expected + length * together[name]), rel=KAPPA)


def test_points_apart_bound_points_together():
    """Each point moving on its own is worse than all of them together, by at most what their pull amounts to."""
    process, x, t = reference.BrownianMotion(), reference.exact([0.9, 0.3, 1.6]), mpf(0.01)
    found = []
    for rounded in (False, True):
        law = Curve("helix", balls(1.0, 0.5, 3.0), rounded=rounded)
        found.append(law.condition(process, x, t, reference.log_density_unit(law, process, x, t)))
    together, apart = found
    assert all(together[name][0] <= 2 * apart[name][0] for name in together)
    assert apart["posterior_mean"][0] > together["posterior_mean"][0]
