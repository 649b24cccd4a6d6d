"""Enclosures of laws on curves: against other quadratures, Arb's own among them, closed forms and the expansion."""

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import manifold_scores as ms
from manifold_scores import certify
from tests.strategies import log_uniform
from tests.test_certify import CLOCKS, balls, exact_targets, overlap

flint = pytest.importorskip("flint", reason="certificates need python-flint")
arb, acb = flint.arb, flint.acb

CURVE_DIGITS = 25
"""To which the reference quadratures agree with themselves."""

NEXT_ORDER = mpf(10) ** -24
"""Remainder of the expansion of f at s = 1e-14: s^2 times a constant of at most 1e4."""

QUADRATURE = 1e-10
"""Promised by design.md for parametric manifolds, times 1 + kappa."""

TIGHT = 1e-25
"""Radius below which another integrator counts as a test of 25 digits."""

U = sp.Symbol("u", real=True)
TURN = (U, 0, 2 * sp.pi)

NAMED = {
    "ellipse": (lambda: ms.Ellipse(2.0, 1.0), (2.0, 1.0)),
    "wavy circle": (ms.WavyCircle, (8.0, 0.13)),
    "lima bean": (ms.LimaBean, (np.pi / 2,)),
    "helix": (lambda: ms.Helix(1.0, 0.5, 2.0), (1.0, 0.5, 2.0)),
}


def enclosed_at(law, x, t, process=None, digits=30):
    return certify.enclosure(ms.NoisedMeasure(law, process or ms.BrownianMotion()), x, t, digits)


@pytest.fixture(scope="module")
def curves():
    return {name: make() for name, (make, _) in NAMED.items()}


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", NAMED)
def test_named_curves_agree_with_the_reference_quadrature(curves, name, clock):
    from tests.reference.parametric_curves import Curve

    process, twin, t = CLOCKS[clock]
    law, curve = Curve(name, tuple(map(arb, NAMED[name][1]))), curves[name]
    rng = np.random.default_rng(2)
    for x in (rng.standard_normal(curve.ambient_dimension), curve.embed(0.7), 30.0 * curve.embed(2.0)):
        enclosed = enclosed_at(curve.uniform(), x, t, process)
        assert enclosed.width <= 1e-30
        assert overlap(balls(enclosed), exact_targets(law, twin, x, t, CURVE_DIGITS))


DENSITIES = {
    "uniform": (sp.Integer(1), lambda u: acb(1)),
    "trigonometric": (2 + sp.cos(3 * U), lambda u: 2 + (3 * u).cos()),
    "quotient": (sp.exp(sp.sin(U)) / (3 + sp.cos(U)), lambda u: u.sin().exp() / (3 + u.cos())),
}


@pytest.mark.parametrize("variance", [50.0, 1.0, 0.04])
@pytest.mark.parametrize("density", DENSITIES)
def test_curves_agree_with_the_integrator_of_arb(variance, density):
    """By acb.integral, which gets the branch flag of the speed, in sixteen pieces of a knotted curve."""
    place = [sp.cos(U) + sp.cos(2 * U) / 5, sp.sin(U) - sp.sin(2 * U) / 5, sp.sin(3 * U) / 3]
    symbolic, rho = DENSITIES[density]
    x = [0.4, -0.3, 0.2]

    def embed(u):
        return [u.cos() + (2 * u).cos() / 5, u.sin() - (2 * u).sin() / 5, (3 * u).sin() / 3]

    def weight(u, analytic):
        speed = [-u.sin() - 2 * (2 * u).sin() / 5, u.cos() - 2 * (2 * u).cos() / 5, (3 * u).cos()]
        return rho(u) * sum(v * v for v in speed).sqrt(analytic=analytic)

    def term(u, analytic):
        squares = sum((y - arb(v)) ** 2 for y, v in zip(embed(u), x, strict=True))
        return weight(u, analytic) * (-squares / (2 * arb(variance))).exp()

    def integral(f):
        knots = [arb.pi() * k / 8 for k in range(17)]
        pieces = [acb.integral(f, a, b, rel_tol=1e-33, abs_tol=1e-33) for a, b in itertools.pairwise(knots)]
        return sum(pieces, acb(0)).real

    with flint.ctx.workdps(35):
        mass = integral(term)
        mean = [integral(lambda u, a, i=i: term(u, a) * embed(u)[i]) / mass for i in range(3)]
        log_density = (mass / integral(weight)).log() - arb(1.5) * (2 * arb.pi() * arb(variance)).log()
    enclosed = enclosed_at(ms.Curve(place, TURN).measure(symbolic), x, variance)
    assert all(ball.rad() < TIGHT for ball in [log_density, *mean])
    assert enclosed.log_density.overlaps(log_density)
    assert all(a.overlaps(b) for a, b in zip(enclosed.posterior_mean, mean, strict=True))


RING = [1.25 * sp.cos(U), 1.25 * sp.sin(U)]
CIRCLE = ms.Circle(1.25)

PAIRS = {
    "circle": (lambda: ms.Curve(RING, TURN).uniform(), CIRCLE.uniform()),
    "moved": (
        lambda: ms.Curve([3 + RING[0], RING[1], sp.Integer(-1)], TURN).uniform(),
        ms.Embedded(CIRCLE.uniform(), np.eye(3)[:, :2], [3.0, 0.0, -1.0]),
    ),
    "fisher": (
        lambda: ms.Curve(RING, TURN).measure(sp.exp(4 * sp.sin(U))),
        CIRCLE.von_mises_fisher([0.0, 1.0], 4.0),
    ),
    "segment": (
        lambda: ms.Curve([1 + 2 * U**3 + U, 1 - 2 * U**3 - U], (U, 0, 1)).uniform(),
        ms.Segment([1.0, 1.0], [4.0, -2.0]).uniform(),
    ),
}
"""A law on a curve, and the same in closed form."""


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("t", [50.0, 1.0, 1e-4, 1e-8, 1e-14])
def test_curves_agree_with_closed_forms(name, t):
    make, closed = PAIRS[name]
    curve, d = make(), closed.ambient_dimension
    centre = np.array([3.0, 0.0, -1.0])[:d] if d == 3 else np.zeros(2)  # of circles: every point is nearest
    for x in (centre, centre + 1e-9, np.full(d, 0.75), np.full(d, -30.0)):
        first, second = (enclosed_at(law, x, t, ms.OrnsteinUhlenbeck()) for law in (curve, closed))
        assert overlap(balls(first), balls(second))
        assert max(first.width, second.width) <= 1e-30


ELLIPSE = ms.Ellipse(2.0, 1.0)


@settings(max_examples=25)
@given(log_uniform(1e-14, 50.0), log_uniform(1e-9, 1e4), st.integers(0, 2**32 - 1), st.booleans())
def test_random_queries_agree_between_precisions_and_with_the_package(t, size, seed, near):
    rng = np.random.default_rng(seed)
    law = ELLIPSE.measure(1 + sp.cos(ELLIPSE.symbolic.symbols[0]) / 2)
    x = size * rng.standard_normal(2) + (ELLIPSE.embed(rng.uniform(0, 6)) if near else 0.0)
    few, many = enclosed_at(law, x, t, digits=20), enclosed_at(law, x, t, digits=50)
    assert overlap(balls(few), balls(many))
    assert few.width <= 1e-20
    assert many.width <= 1e-50
    # The promise of quadrature; kappa here with respect to x alone, through the derivative Cov/s of f.
    noised = ms.NoisedMeasure(law, ms.BrownianMotion())
    f, slope = noised.posterior_mean(x, t), np.linalg.norm(noised.posterior_covariance(x, t), 2) / t
    assert many.contains(posterior_mean=f, tolerance=QUADRATURE * (1.0 + np.linalg.norm(x) * slope / np.linalg.norm(f)))


def test_a_curve_at_small_times_follows_the_expansion():
    """f = y + s b + O(s^2), b of theory.md section 3 for the uniform ellipse, by mpmath alone."""
    with mp.workdps(60):
        a, b, s, x = mpf(2), mpf(1), mpf(1e-14), [mpf(1.5), mpf(0.75)]
        u = mp.findroot(lambda v: (x[0] - a * mp.cos(v)) * a * mp.sin(v) - (x[1] - b * mp.sin(v)) * b * mp.cos(v), 0.7)
        speed = mp.sqrt((a * mp.sin(u)) ** 2 + (b * mp.cos(u)) ** 2)
        tangent = [-a * mp.sin(u) / speed, b * mp.cos(u) / speed]
        normal = [-tangent[1], tangent[0]]
        curvature = a * b / speed**3
        slope = -3 * a * b / speed**6 * (a * a - b * b) * mp.sin(u) * mp.cos(u)  # of the curvature, in arc length
        place = [a * mp.cos(u), b * mp.sin(u)]
        along = mp.fdot((p - q, n) for p, q, n in zip(x, place, normal, strict=True))
        h = 1 - curvature * along
        enclosed = enclosed_at(ELLIPSE.uniform(), [1.5, 0.75], 1e-14)
        for i in range(2):
            drift = curvature / (2 * h) * normal[i] + slope * along / (2 * h * h) * tangent[i]
            found = mpf(enclosed.posterior_mean[i].mid()._mpf_)
            assert abs(found - place[i] - s * drift) < NEXT_ORDER
            assert abs(found - place[i]) > 1000 * NEXT_ORDER


def test_a_user_defined_curve_on_its_medial_axis_and_at_its_ends():
    """An arc from a parabola, x on the axis of symmetry beyond the focus: two nearest points share the mass."""
    law = ms.Curve([U, U**2], (U, -1, 1)).uniform()
    for t in (1e-80, 1e-14, 1e-6, 1e-2):
        enclosed = enclosed_at(law, [0.0, 0.75], t)
        assert abs(enclosed.posterior_mean[0]).upper() < 1e-30
        assert enclosed.contains(posterior_mean=[0.0, 0.25], tolerance=40 * t)
        at_end = enclosed_at(law, [1.5, 0.75], t)  # the normal at the end (1, 1)
        assert at_end.contains(posterior_mean=[1.0, 1.0], tolerance=2 * np.sqrt(t))
        assert not at_end.contains(posterior_mean=[1.0, 1.0], tolerance=0.2 * np.sqrt(t))
