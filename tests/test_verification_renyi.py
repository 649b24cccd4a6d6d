"""The claims on Renyi divergences: quadratures against each other and closed forms, and faults that they catch."""

import math

import numpy as np
import pytest
from scipy import integrate, special

import manifold_scores as ms
from verification import fphdp_theorem_3_6, renyi_grid, renyi_links, renyi_sharp, renyi_sweep, renyi_zonal
from verification.record import run
from verification.renyi_cases import Case, ellipse, lattice, limit, ring, scattered
from verification.renyi_curves import CurveSample
from verification.renyi_grid import divergence
from verification.renyi_harmonics import BallLaw, GaussianLaw, Spherical, bessel
from verification.renyi_zonal import COARSE, FINE
from verification.shapes import ellipse as ellipse_shape


@pytest.fixture(autouse=True)
def fresh():
    """Sweeps measured with a fault are not kept."""
    renyi_sweep.measured.cache_clear()
    yield
    renyi_sweep.measured.cache_clear()


@pytest.fixture
def small(monkeypatch):
    """A sweep of four cases."""
    kept = ("radius, sparse", "radius, dense", "ball kernel")
    cases = [case for case in renyi_sweep.quick() if case.family in kept]
    monkeypatch.setattr(renyi_sweep, "quick", lambda: cases)


def failures(claim):
    outcome = run(claim, "quick")
    assert outcome.error is None
    return {check.name for check in outcome.evidence.checks if not check.passed}


# Building blocks.


def test_bessel_functions_by_ratios():
    kappa = np.array([[1e-3, 0.5, 3.0, 40.0, 1e3, 3e4]])
    degrees = np.array([0, 1, 2, 5, 12, 50, 200])
    for nu in (0.0, 0.5, 2.0):
        expected = np.array([special.ive(degree + nu, kappa) * kappa**-nu for degree in degrees])
        # The sweep needs 1e-9; the continued fraction starts where e^-30 of the error is left.
        np.testing.assert_allclose(bessel(kappa, nu, degrees), expected, rtol=1e-9, atol=1e-13)


def test_spherical_harmonics_are_orthonormal_and_funk_hecke_holds():
    places = np.array([[0.6, 0.0, 0.8], [0.0, -0.28, -0.96]])
    modes = Spherical(12, places)
    basis = modes.field(np.eye(len(modes.degrees)))
    further = basis[:, -2:]
    # The addition theorem: products of harmonics of one degree add up to (2l + 1) P_l.
    for degree in range(13):
        product = further[modes.degrees == degree].T @ further[modes.degrees == degree]
        expected = (2 * degree + 1) * special.eval_legendre(degree, places @ places.T)
        np.testing.assert_allclose(product, expected, atol=1e-11)
    np.testing.assert_allclose(basis * modes.weights @ basis.T, np.eye(len(basis)), atol=1e-13)
    # The zonal function e^{k <w, e>} about a foot has the coefficients 4 pi i_l(k) Y(e), of mean square 1.
    values = np.exp(1.5 * modes.feet @ modes.feet[7])
    expected = np.array([special.spherical_in(degree, 1.5) for degree in modes.degrees]) * basis[:, 7]
    np.testing.assert_allclose(modes.modes(values[None])[:, 0], expected, atol=1e-11)


@pytest.mark.parametrize(
    ("law", "k"), [(GaussianLaw(0.1), 2), (GaussianLaw(0.1), 3), (BallLaw(0.2), 2), (BallLaw(0.2), 3)]
)
def test_zonal_weights_are_integrals_over_the_sphere(law, k):
    rho, t, degree = 1.05, 0.93, 5

    def density(angle):
        square = rho**2 + t**2 - 2.0 * rho * t * math.cos(angle)
        if isinstance(law, BallLaw):
            volume = math.pi * law.width**2 if k == 2 else 4.0 / 3.0 * math.pi * law.width**3
            return (square < law.width**2) / volume
        return math.exp(-square / (2.0 * law.scale**2)) / (2.0 * math.pi * law.scale**2) ** (k / 2)

    def integrand(angle):
        if k == 2:
            return 2.0 * rho * density(angle) * math.cos(degree * angle)
        return (
            2.0 * math.pi * rho**2 * density(angle) * special.eval_legendre(degree, math.cos(angle)) * math.sin(angle)
        )

    edge = math.acos(min(1.0, (rho**2 + t**2 - law.width**2) / (2.0 * rho * t)))
    expected, _ = integrate.quad(
        integrand, 0.0, min(edge, math.pi) if isinstance(law, BallLaw) else math.pi, epsabs=1e-13
    )
    found = law.zonal(np.array([[rho]]), np.array([[t]]), k, np.arange(degree + 1))[degree, 0, 0]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("order", [1.0, 1.1, 2.0, 4.0, math.inf])
@pytest.mark.parametrize("size", [1e-7, 1e-2, 1.0])
def test_divergence_is_the_package_s(order, size):
    rng = np.random.default_rng(5)
    share = rng.dirichlet(np.ones(40))
    delta = size * rng.standard_normal(40)
    log_q = np.log(share)
    expected = ms.renyi_divergence(log_q + delta, log_q, order, (np.zeros((40, 1)), np.ones(40)))
    assert divergence(share, delta, order) == pytest.approx(expected, rel=1e-7)  # l is rounded at 1e-16/size in log_q


@pytest.mark.parametrize(
    ("psi", "density"),
    [
        (renyi_grid.psi, lambda s: math.exp(-0.5 * s * s) / math.sqrt(2.0 * math.pi)),
        (renyi_grid.psi_semicircle, lambda s: 2.0 / math.pi * math.sqrt(max(0.0, 1.0 - s * s))),
        (renyi_grid.psi_parabola, lambda s: 0.75 * max(0.0, 1.0 - s * s)),
    ],
)
def test_psi_is_r_times_the_mean_sign_less_the_mean(psi, density):
    end = 9.0 if psi is renyi_grid.psi else 1.0
    for v in (0.1, 0.7, 1.3, 2.6):
        cut = min(max(-v, -end), end)
        above = integrate.quad(density, cut, end)[0]
        r = math.sqrt(v * v + integrate.quad(lambda s: s * s * density(s), -end, end)[0])
        assert float(psi(np.array(v))) == pytest.approx(r * (2.0 * above - 1.0) - v, abs=1e-7)


def test_psi_of_a_normal_plane():
    def at(v):
        def inner(angle, s):
            y = v + s * math.cos(angle)
            return s * math.exp(-0.5 * s * s) / (2.0 * math.pi) * y / math.hypot(y, s * math.sin(angle))

        mean, _ = integrate.dblquad(inner, 0.0, 9.0, 0.0, 2.0 * math.pi, epsabs=1e-7)
        return math.sqrt(v * v + 2.0) * mean - v

    assert float(renyi_grid.psi_plane(np.array(1.3))) == pytest.approx(at(1.3), abs=1e-5)


def test_a_circle_is_an_ellipse():
    """Harmonics against sums over common nodes."""
    sample, law = ring(1.0, 12), GaussianLaw(0.03)
    zonal = Case("c", "c", 0.0, sample, law, 0.1, 2)
    shape = ellipse_shape(1.0, 1.0)
    curve = Case("e", "e", 0.0, CurveSample(shape, sample.points, 1.0, 2, True), law, 0.1, 2, feet=180)
    for case in (zonal, curve):
        grid = case.grid(COARSE)
        value = divergence(grid.shares(), grid.delta, 2.0)
        assert value == pytest.approx(7.6763e-6, rel=1e-3)  # the coarser quadrature is good to 3.4e-4


@pytest.mark.parametrize(
    "case",
    [
        Case("ring", "", 0.0, ring(1.0, 12), GaussianLaw(0.05), 0.1, 2),
        Case("random", "", 0.0, scattered(0.7, 9, 2, 3), GaussianLaw(0.04), 0.12, 2),
        Case("sphere", "", 0.0, lattice(1.0, 60), GaussianLaw(0.05), 0.25, 3),
        Case("in space", "", 0.0, ring(1.0, 12), GaussianLaw(0.03), 0.1, 3),
        Case("ball", "", 0.0, ring(1.0, 12), BallLaw(0.05), 0.1, 2),
        Case("oval", "", 0.0, ellipse(1.5, 1.2, 12), GaussianLaw(0.03), 0.1, 2, feet=100),
    ],
    ids=lambda case: case.name,
)
def test_delta_lse_by_kernel_samples(case):
    """Against draws of the kernel, projections of the package and its adapted kernel, in standard errors."""
    manifold = {"sphere": ms.Sphere(3, 1.0), "oval": ms.Ellipse(1.5, 1.2)}.get(case.name, ms.Circle(case.reach))
    if case.name == "in space":
        manifold = None
    grid = case.grid(COARSE)
    rng = np.random.default_rng(7)
    row, foot = np.unravel_index(int(grid.within(0.3 * case.reach).delta.argmax()), grid.delta.shape)
    inner = grid.within(0.3 * case.reach)
    row, foot = np.unravel_index(int(inner.delta.argmax()), inner.delta.shape)
    x = case.place(inner, int(row), int(foot))
    shift = rng.standard_normal((20_000, len(x)))
    if isinstance(case.law, BallLaw):
        shift *= (case.law.width * rng.random(20_000) ** (1.0 / len(x)) / np.linalg.norm(shift, axis=1))[:, None]
    else:
        shift *= case.law.scale
    y = x + shift
    if manifold is None:  # a circle in the plane of the first two coordinates
        flat = y * np.array([1.0, 1.0, 0.0])
        nearest = case.reach * flat / np.linalg.norm(flat, axis=1, keepdims=True)
    else:
        nearest = np.asarray(manifold.project(y))
    apart = y - nearest
    distance = np.linalg.norm(apart, axis=1)
    draws = renyi_links.Draws(y, nearest, apart / distance[:, None], distance, np.full(len(y), 1.0 / len(y)), 0.0)
    r = math.sqrt((distance**2).mean())
    model = ms.NoisedMeasure(ms.PointCloud(case.points()), ms.BrownianMotion())
    values = model.log_density(y, case.sigma**2) - model.log_density(nearest + r * draws.normal, case.sigma**2)
    values = values + (distance**2 - r**2) / (2.0 * case.sigma**2)  # mean 0, and little variance is left
    error = values.std() / math.sqrt(len(values))
    assert error < 0.2 * abs(inner.delta[row, foot])
    assert values.mean() == pytest.approx(inner.delta[row, foot], abs=5.0 * error)


def test_covering_radius_of_a_sphere():
    points = np.concatenate([np.eye(3), -np.eye(3)])
    sample = renyi_zonal.Sample(2.0, 3, 2.0 * points)
    assert sample.gap == pytest.approx(2.0 * math.sqrt(2.0 - 2.0 / math.sqrt(3.0)), rel=1e-12)


def test_limit_of_many_points_is_the_uniform_law():
    found = [
        Case("n", "", 0.0, sample, GaussianLaw(0.03), 0.1, 2).grid(COARSE) for sample in (ring(1.0, 80), limit(1.0, 1))
    ]
    values = [divergence(grid.shares(), grid.delta, 2.0) for grid in found]
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    model = ms.NoisedMeasure(ms.Sphere(4, 1.0).uniform(), ms.BrownianMotion())
    radii = np.array([0.6, 1.0, 1.3])
    x = radii[:, None] * np.eye(4)[0]
    expected = model.log_density(x, 0.01) + (radii - 1.0) ** 2 / 0.02
    envelope = limit(1.0, 3).envelope(radii, np.eye(4)[:1], 0.1)[:, 0]
    np.testing.assert_allclose(envelope - envelope[1], expected - expected[1], atol=1e-11)


# Planted faults.


def test_distance_of_x_in_the_place_of_the_root_mean_square(monkeypatch, small):
    def wrong(weights, distance, offset):
        return np.broadcast_to(offset, distance.shape[:-1]) + 0.0

    monkeypatch.setattr(renyi_links, "level", wrong)
    monkeypatch.setattr(renyi_zonal, "level", wrong)
    failed = failures(fphdp_theorem_3_6.CLAIM)
    assert "E ζ² ≤ 2 Var dist(Y)" in failed
    assert "ΔLSE, oracle" in failed
    renyi_sweep.measured.cache_clear()
    assert "law of ΔLSE" in failures(renyi_sharp.CLAIM)


def test_wrong_sign_of_the_shifts(monkeypatch, small):
    right = renyi_links.inner
    monkeypatch.setattr(renyi_links, "inner", lambda *arguments: -right(*arguments))
    assert "ΔLSE, two ways" in failures(fphdp_theorem_3_6.CLAIM)


def test_order_less_one(monkeypatch, small):
    right = renyi_grid.divergence
    monkeypatch.setattr(
        renyi_grid, "divergence", lambda share, delta, q: right(share, delta, max(q - 1.0, 0.05) if q < math.inf else q)
    )
    assert "D_q, renyi_divergence" in failures(fphdp_theorem_3_6.CLAIM)
    renyi_sweep.measured.cache_clear()
    assert {"(q/2) Var", "slope in q"} <= failures(renyi_sharp.CLAIM)


def test_divergence_without_its_normalisation(monkeypatch, small):
    """log E_Q e^{q delta}/(q-1) without the constants of P and Q is no divergence."""

    def wrong(share, delta, q):
        if q in (1.0, math.inf):
            return float(delta.max())
        return math.log(float((share * np.exp(q * delta)).sum())) / (q - 1.0)

    monkeypatch.setattr(renyi_grid, "divergence", wrong)
    assert "D_q, renyi_divergence" in failures(fphdp_theorem_3_6.CLAIM)


def test_a_reach_that_is_too_large(monkeypatch, small):
    right = renyi_links.links
    monkeypatch.setattr(
        renyi_links, "links", lambda draws, points, sigma, reach: right(draws, points, sigma, 1.01 * reach)
    )
    assert "Federer" in failures(fphdp_theorem_3_6.CLAIM)


def test_too_coarse_a_quadrature(monkeypatch, small):
    monkeypatch.setattr(renyi_sweep, "COARSE", renyi_zonal.Resolution(2, 2, 10, 0.5))
    assert "error of D_q" in failures(fphdp_theorem_3_6.CLAIM)


def test_measured_orders_do_not_decrease():
    item = renyi_sweep.measure_case(renyi_sweep.quick()[0])
    assert (np.diff(item.tube) > 0.0).all()
    assert item.tube[-1] <= item.oscillation
    assert item.errors.max() < 1e-3
    assert FINE.radial > COARSE.radial
