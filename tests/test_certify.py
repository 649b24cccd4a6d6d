"""Enclosures of closed forms: against mpmath, the package and one another, and that they refuse wrong digits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import manifold_scores as ms
from manifold_scores import certify
from tests import reference
from tests.certified_laws import KINDS
from tests.strategies import log_uniform

flint = pytest.importorskip("flint", reason="certificates need python-flint")
arb = flint.arb

TARGETS = ("log_density", "score", "noise", "posterior_mean")

EPSILON = np.finfo(np.float64).eps

PROMISE = 100.0
"""Of design.md: errors in units of eps (1 + kappa)."""

REFERENCE_DIGITS = 60
"""Digits of the references that are relied on; they work with 130 and more."""

CLOCKS = {
    "brownian 1e-14": (ms.BrownianMotion(), reference.BrownianMotion(), 1e-14),
    "ornstein-uhlenbeck 1e-9": (ms.OrnsteinUhlenbeck(0.75), reference.OrnsteinUhlenbeck(0.75), 1e-9),
    "preserving 1e-5": (ms.VariancePreserving(), reference.VariancePreserving(), 1e-5),
    "interpolant 1e-2": (ms.LinearInterpolant(), reference.LinearInterpolant(), 1e-2),
    "preserving 0.7": (ms.VariancePreserving(0.2, 3.0), reference.VariancePreserving(0.2, 3.0), 0.7),
    "interpolant 1": (ms.LinearInterpolant(), reference.LinearInterpolant(), 1.0 - 2.0**-30),
    "ornstein-uhlenbeck 50": (ms.OrnsteinUhlenbeck(), reference.OrnsteinUhlenbeck(), 50.0),
}


def exact_targets(law, clock, x, t, digits=REFERENCE_DIGITS):
    """Name -> balls around the values of a reference, as wide as its error may be."""
    point, time = reference.exact(x), reference.exact(t)
    with mp.workdps(reference.digits(clock, point, time)):
        found = reference.targets(law, clock, point, time)
    with flint.ctx.workdps(2 * digits):
        return {name: _balls(getattr(found, name), arb(10) ** -digits) for name in TARGETS}


def _balls(value, relative):
    values = [arb(v) for v in (value if isinstance(value, list) else [value])]
    radius = relative * max(v.abs_upper() for v in values)
    return [v + arb(0, radius) for v in values]


def balls(enclosed):
    """Name -> list of balls."""
    found = {name: getattr(enclosed, name) for name in TARGETS}
    return {name: list(value) if isinstance(value, tuple) else [value] for name, value in found.items()}


def overlap(first, second):
    return all(a.overlaps(b) for name in TARGETS for a, b in zip(first[name], second[name], strict=True))


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_enclosures_contain_the_references(kind, clock):
    process, twin, t = CLOCKS[clock]
    rng = np.random.default_rng(11)
    law = kind(rng)
    noised = ms.NoisedMeasure(law.measure, process)
    for x in (rng.standard_normal(law.dimension), np.zeros(law.dimension), 1e4 * rng.standard_normal(law.dimension)):
        enclosed = certify.enclosure(noised, x, t)
        assert overlap(balls(enclosed), exact_targets(law.reference, twin, x, t))
        assert enclosed.width <= 1e-30


@settings(max_examples=200)
@given(
    st.sampled_from(KINDS), st.integers(0, 2**32 - 1), log_uniform(1e-14, 50.0), log_uniform(1e-9, 1e4), st.booleans()
)
def test_random_enclosures_contain_the_references(kind, seed, t, size, on_support):
    rng = np.random.default_rng(seed)
    law = kind(rng)
    x = law.measure.sample(1, rng)[0] if on_support else size * rng.standard_normal(law.dimension)
    enclosed = certify.enclosure(ms.NoisedMeasure(law.measure, ms.OrnsteinUhlenbeck(0.25)), x, t)
    assert overlap(balls(enclosed), exact_targets(law.reference, reference.OrnsteinUhlenbeck(0.25), x, t))
    assert enclosed.width <= 1e-30


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("clock", list(CLOCKS)[1:5])
def test_the_package_lies_within_its_promise_of_the_enclosure(kind, clock):
    process, twin, t = CLOCKS[clock]
    rng = np.random.default_rng(3)
    law = kind(rng)
    x = rng.standard_normal(law.dimension)
    noised = ms.NoisedMeasure(law.measure, process)
    enclosed = certify.enclosure(noised, x, t)
    point, time = reference.exact(x), reference.exact(t)
    with mp.workdps(reference.digits(twin, point, time)):
        unit = reference.log_density_unit(law.reference, twin, point, time)
        kappas = reference.condition(law.reference, twin, point, time, unit)
    for name in TARGETS:
        slack = PROMISE * EPSILON * (1.0 + kappas[name][0])
        if name == "log_density":  # promised in larger units than those of `contains`
            slack *= float(unit / max(1.0, abs(enclosed.floats()[name])))
        value = getattr(noised, name)(x, t)
        assert enclosed.contains(**{name: value}, tolerance=slack), name
        assert not enclosed.contains(**{name: value + 10.0 * slack * np.maximum(1.0, np.abs(value))}, tolerance=slack)


@pytest.mark.parametrize("digits", [1, 15, 30, 60, 500])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_widths_are_what_was_asked_for_and_digits_agree(kind, digits):
    rng = np.random.default_rng(8)
    law = kind(rng)
    noised, x = ms.NoisedMeasure(law.measure, ms.OrnsteinUhlenbeck()), rng.standard_normal(law.dimension)
    for t in (1e-14, 1e-6, 1.0):
        few, many = certify.enclosure(noised, x, t, digits), certify.enclosure(noised, x, t, digits + 20)
        assert overlap(balls(few), balls(many))
        assert 0.0 < few.width <= max(10.0**-digits, 5e-324)
        widths = []
        with flint.ctx.workprec(2 * many.bits):
            for name, found in balls(few).items():
                size = sum(v * v for v in balls(many)[name]).sqrt()
                radius = sum(v.rad() ** 2 for v in found).sqrt()
                widths.append(float((radius / size).mid()))
                assert radius <= arb(10) ** -digits * size
                # One unit of the last digit away, nothing is contained.
                wrong = [v * (1 + 10 * arb(10) ** -digits) for v in balls(many)[name]]
                assert not all(a.overlaps(b) for a, b in zip(found, wrong, strict=True))
        assert few.width == pytest.approx(max(widths), rel=1e-6, abs=1e-300)


def test_neighbouring_floats_are_told_apart():
    noised = ms.NoisedMeasure(ms.Circle(2.0).uniform(), ms.OrnsteinUhlenbeck())
    enclosed = certify.enclosure(noised, [0.5, 1.5], 0.25)
    found = enclosed.floats()
    assert enclosed.contains(**found, tolerance=EPSILON)
    assert not enclosed.contains(log_density=found["log_density"])  # the exact value is no float64
    for name in TARGETS:
        off = np.array(found[name]) * (1.0 + 2.0 * EPSILON)
        assert not enclosed.contains(**{name: off}, tolerance=0.5 * EPSILON)
        assert enclosed.contains(**{name: off}, tolerance=4.0 * EPSILON)


def test_what_is_zero_is_enclosed_absolutely():
    noised = ms.NoisedMeasure(ms.PointCloud([[-3.0, 0.0], [3.0, 0.0]]), ms.BrownianMotion())
    enclosed = certify.enclosure(noised, [0.0, 0.0], 1.0)
    assert enclosed.contains(score=[0.0, 0.0], posterior_mean=[0.0, 0.0], noise=[0.0, 0.0])
    assert all(v.rad() <= 3e-30 for v in enclosed.posterior_mean)
    assert enclosed.contains(score=[1e-3, 0.0], tolerance=1e-2)  # absolutely, where the value is 0
    assert not enclosed.contains(score=[1e-1, 0.0], tolerance=1e-2)


def test_a_basis_is_taken_as_the_nearest_orthonormal_one():
    """A basis that is off by 1e-13 gives the law of its polar factor, far from that of the columns as they are."""
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    basis = turn * (1.0 + 2e-13)
    ring = ms.Circle(1.0).uniform()
    x = np.array([0.3, 0.4])
    near, exact = (
        certify.enclosure(ms.NoisedMeasure(law, ms.BrownianMotion()), x, 1e-3).log_density
        for law in (ms.Embedded(ring, basis), ring)
    )
    assert near.overlaps(exact)
    assert near.rad() < 1e-25


def test_a_nearly_singular_gaussian_is_that_of_its_entries():
    """C has the eigenvalue -2^-52: the law is that of C + s I with s = 2^-51; the package takes C as of rank one."""
    off = 1.0 + 2.0**-52
    noised = ms.NoisedMeasure(ms.Gaussian([0.0, 0.0], [[1.0, off], [off, 1.0]]), ms.BrownianMotion())
    s = 2.0**-51
    with mp.workdps(50):
        # In the eigenbasis: x = (1, -1) lies along the eigenvector of 1 - off.
        variances = 1 + mpf(off) + mpf(s), 1 - mpf(off) + mpf(s)
        expected = -mp.log(2 * mp.pi) - mp.log(variances[0] * variances[1]) / 2 - 1 / variances[1]
    enclosed = certify.enclosure(noised, [1.0, -1.0], s)
    assert enclosed.log_density.overlaps(arb(expected) * (1 + arb(0, 1e-45)))
    assert noised.log_density([1.0, -1.0], s) == pytest.approx(0.5 * enclosed.floats()["log_density"])


def test_many_points_give_a_list_and_times_broadcast():
    noised = ms.NoisedMeasure(ms.Segment([0.0], [1.0]).uniform(), ms.OrnsteinUhlenbeck())
    x, t = np.array([[0.5], [2.0], [-1.0]]), np.array([0.1, 1.0, 1e-9])
    found = certify.enclosure(noised, x, t, digits=20)
    assert [each.floats()["score"][0] for each in found] == pytest.approx(noised.score(x, t)[:, 0], rel=1e-14)
    single = certify.enclosure(noised, x[1], t[1], digits=20)
    assert found[1].log_density.overlaps(single.log_density)
    assert len(certify.enclosure(noised, x[0], t)) == 3


def test_the_context_of_flint_is_left_as_it_was():
    before = flint.ctx.prec, flint.ctx.cap
    noised = ms.NoisedMeasure(ms.Ellipse(2.0, 1.0).uniform(), ms.OrnsteinUhlenbeck())
    certify.enclosure(noised, [0.5, 0.25], 1e-3)
    with pytest.raises(ArithmeticError):
        certify.enclosure(noised, [0.5, 0.25], 1e-3, digits=10**6)
    assert (flint.ctx.prec, flint.ctx.cap) == before


@pytest.mark.parametrize("t", [1e-14, 3.0, 50.0, 1e4])
def test_signals_that_underflow_float64(t):
    """At t = 50 alpha = 1e-5403: score and noise are those of N(0, I), and f is known relative to its size, 1e-5403."""
    noised = ms.NoisedMeasure(ms.Segment([1.0, 0.0], [2.0, 1.0]).uniform(), ms.VariancePreserving())
    enclosed = certify.enclosure(noised, [0.5, -1.5], t)
    assert enclosed.width <= 1e-30
    if t >= 50.0:
        assert enclosed.contains(score=[-0.5, 1.5], noise=[0.5, -1.5], posterior_mean=[1.5, 0.5], tolerance=1e-30)
        assert enclosed.contains(log_density=-np.log(2 * np.pi) - 1.25, tolerance=4.0 * EPSILON)
