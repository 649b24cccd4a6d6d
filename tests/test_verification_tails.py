"""The claims on tails, flattening and selection: their quadrature against other means, and planted faults."""

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import dblquad, quad

import manifold_scores as ms
from verification import flattening, fphdp_proposition_3_8, fphdp_theorem_4_1, radial_laws, selection
from verification.circle_smoothing import CircleSmoothing
from verification.fphdp_corollary_3_7 import CLAIM as TAILS
from verification.fphdp_corollary_3_7 import rate
from verification.fphdp_proposition_3_8 import CLAIM as FLAT
from verification.fphdp_theorem_4_1 import CLAIM as SELECTED
from verification.record import Evidence, run

# Averages by hand.


@pytest.mark.parametrize("k", [2, 3])
def test_law_of_the_radius(k):
    """Density and mean cosine of |x + h xi| against integrals over the angle."""
    r, h = 0.9, 0.3
    density, cosine = (part[0] for part in radial_laws.rice(k, np.array([r]), np.array([0.5, 1.3]), h))

    def angular(power, rho):
        def integrand(a):
            square = r * r + rho * rho - 2.0 * r * rho * np.cos(a)
            around = 2.0 if k == 2 else 2.0 * np.pi * np.sin(a)
            return np.cos(a) ** power * around * np.exp(-square / (2.0 * h * h)) / (2.0 * np.pi * h * h) ** (0.5 * k)

        return rho ** (k - 1) * quad(integrand, 0.0, np.pi, epsabs=0.0, epsrel=1e-12)[0]

    for i, rho in enumerate((0.5, 1.3)):
        assert density[i] == pytest.approx(angular(0, rho), rel=1e-11)
        assert cosine[i] == pytest.approx(angular(1, rho), rel=1e-11)


@pytest.mark.parametrize("k", [2, 3])
def test_level_in_closed_form(k):
    """r(x)^2 in closed form against the radial integral."""
    r, h, radius = np.array([0.4, 1.1]), 0.25, 0.8
    rho, weights = radial_laws.panels(0.0, 4.0, 0.1)
    by_integral = radial_laws.rice(k, r, rho, h)[0] @ (weights * (rho - radius) ** 2)
    np.testing.assert_allclose(radial_laws.level_squared(k, r, h, radius), by_integral, rtol=1e-12)


def test_smoothed_shell_is_the_average_of_the_oracle():
    """The circle in R^3 by its radii against Monte Carlo, and its radial score against a difference quotient."""
    shell = radial_laws.Shell("circle in R³", 2, 3, radial_laws.brownian(), 0.02)
    smoothed = radial_laws.Smoothed(shell, ms.NoisedMeasure, 0.15, 0.3)
    r, z = np.array([0.93, 1.1]), np.array([0.0, 0.2])
    values = smoothed.log_density(r, z)
    xi = np.random.default_rng(5).standard_normal((200_000, 3))
    oracle = shell.oracle(ms.NoisedMeasure)
    for value, point in zip(values, shell.place(r, z), strict=True):
        draws = oracle.log_density(point + 0.15 * xi, shell.t)
        assert abs(value - draws.mean()) < 4.5 * draws.std() / np.sqrt(len(draws))
    step = 1e-4
    slope = np.diff(smoothed.log_density(np.array([0.93 - step, 0.93 + step]), np.zeros(2)))[0] / (2.0 * step)
    assert smoothed.radial_score()(0.93) == pytest.approx(slope, rel=1e-6)


def test_tails_of_normal_laws():
    """Normal offsets from a large circle, in codimension one and two, have the tails of chi squared."""
    for d in (2, 3):
        tail = radial_laws.Tail(radial_laws.Shell("", 2, d, radial_laws.brownian(), 0.01, R=1e7), 0.01, 60.0, 6)
        square = (tail.rho - 1e7) ** 2 + tail.z**2
        u = tail.r[:-1] ** 2 / 0.02
        found = tail.log_probability(-square / 0.02)
        codimension = d - 1
        keep = u < 40.0
        np.testing.assert_allclose(found[keep], radial_laws.chi_tail(codimension, u)[keep], atol=3e-6)
        assert rate(u, found, codimension) == pytest.approx(1.0, abs=1e-6)


def test_sparse_points_in_closed_form():
    """A mode of the maximum of cosines through a Gaussian kernel, by the confluent hypergeometric function."""
    n, h, radius, variance = 12, 0.2, 1.0, 1e-3
    w = mp.mpf(radius**2 / (2 * h * h))
    total = mp.mpf(0)
    for j in range(1, 60, 2):
        m = j * n
        mode = 2 * n / mp.pi * mp.sin(mp.pi / n) / (m * m - 1)
        moment = h * mp.sqrt(2) * mp.gamma(mp.mpf(m + 3) / 2) / mp.factorial(m) * w ** (mp.mpf(m) / 2)
        total += mode * moment * mp.hyp1f1(mp.mpf(m - 1) / 2, m + 1, -w)
    expected = float(2 * radius / variance * total)
    assert flattening.sparse_amplitude(n, h, radius, variance) == pytest.approx(expected, rel=1e-11)


def test_amplitude_against_fourier_series():
    """The oscillation of Fourier series at finite sigma_eps against the closed form for sigma_eps -> 0."""
    turns = 2.0 * np.pi * np.arange(12) / 12
    values = CircleSmoothing(turns, 1.0, 1e-3, 0.1).log_smoothed(np.array([1.0]), np.array([0.0, np.pi / 12]))[0]
    # N^4 sigma_eps^4/25 = 8e-4
    assert -np.diff(values)[0] == pytest.approx(flattening.sparse_amplitude(12, 0.1, 1.0, 1e-3), rel=2e-3)


def test_deviation_of_sparse_points():
    """Var U by Monte Carlo in polar coordinates with a uniform angle."""
    n, h, variance = 40, 0.1, 1e-3
    rng = np.random.default_rng(2)
    rho = np.hypot(1.0 + h * rng.standard_normal(400_000), h * rng.standard_normal(400_000))
    phi = rng.uniform(-np.pi / n, np.pi / n, 400_000)
    expected = (rho * (1.0 - np.cos(phi)) / variance).std()
    assert flattening.sparse_deviation(n, h, 1.0, variance) == pytest.approx(expected, rel=0.005)


# Selection.


@pytest.mark.parametrize("amplitude", [0.0, 0.13])
def test_lattice_covers_the_plane(amplitude):
    """Areas against that of the annulus between two scaled copies of the curve; feet are nearest points."""
    grid = selection.lattice(selection.Candidate("", amplitude), 0.1, 0.5, 1.5, 1.0)
    inner, outer = 0.5 / (1.0 + amplitude), 1.5 / (1.0 - amplitude)
    area = np.pi * (outer**2 - inner**2) * (1.0 + 0.5 * amplitude**2)
    assert grid.area.sum() == pytest.approx(area, rel=1e-12)
    chosen = np.random.default_rng(0).integers(len(grid.y), size=200)
    manifold = selection.Candidate("", amplitude).manifold
    np.testing.assert_allclose(grid.distance[chosen], manifold.distance(grid.y[chosen]), atol=1e-12)


def test_adapted_on_the_base_circle_against_fourier_series():
    """Points on the circle itself: Delta LSE by the lattice against Fourier series in the angle."""
    turns = 2.0 * np.pi * np.arange(8) / 8
    model = ms.NoisedMeasure(ms.PointCloud(selection.direction(turns)), ms.BrownianMotion())
    angle = 0.17
    x = np.array([0.9, 1.0, 1.15])[:, None] * selection.direction(np.array([angle]))
    found = selection.adapted(model, selection.Candidate("", 0.0), x, 0.1, 0.02, 1.5)
    series = CircleSmoothing(turns, 1.0, 0.02, 0.1).evaluate(np.array([0.9, 1.0, 1.15]), np.array([angle]))
    # 1e-6 of the mass is left out, where log p is a few units away, and panels have six nodes.
    np.testing.assert_allclose(found.delta, series.delta[:, 0], atol=2e-4)
    np.testing.assert_allclose(found.log_smoothed, series.log_smoothed[:, 0], atol=2e-4)


def test_divergences_of_normal_laws():
    """N(0, 1) from N(m, 1): D_q = q m^2/2."""
    x, weights = radial_laws.panels(-9.0, 9.0, 0.5)
    log_p, log_q = -0.5 * x**2, -0.5 * (x - 0.3) ** 2
    np.testing.assert_allclose(selection.divergences(log_p, log_p - log_q, weights), [0.045, 0.09], rtol=1e-9)


def test_chain_on_the_base_circle_is_an_identity_where_federer_is_one():
    """Data on the circle: |Delta_i| = |zeta| |Pi - x_i|^2/R, so that the second and third links are the same."""
    points = selection.direction(2.0 * np.pi * np.arange(16) / 16)
    links = selection.chain(points, selection.Candidate("", 0.0), np.array([[0.95, 0.1]]), 0.1, 0.01, 0.5)
    np.testing.assert_allclose(links.average, links.bound, rtol=1e-9)
    assert links.federer == pytest.approx(1.0, abs=1e-6)


def test_mass_of_kernel_in_the_plane():
    """The integral that `nodes_at` normalises."""
    grid = selection.lattice(selection.Candidate("", 0.13), 0.15, 0.2, 1.9, 1.0)
    near, weights, missed = selection.nodes_at(grid, np.array([1.0, 0.2]), 0.15)
    assert missed < 1e-5
    found = weights @ np.cos(3.0 * grid.y[near, 0]) * np.exp(0.5 * (3.0 * 0.15) ** 2)
    assert found == pytest.approx(np.cos(3.0), abs=2e-5)
    inside = dblquad(lambda b, a: np.exp(-(a * a + b * b) / 2.0) / (2.0 * np.pi), -1.0, 1.0, -1.0, 1.0)[0]
    box = (np.abs(grid.y[near] - [1.0, 0.2]) <= 0.15).all(axis=1)
    assert weights[box].sum() == pytest.approx(inside, abs=0.05)


# Planted faults.


def failures(claim, noised=ms.NoisedMeasure):
    outcome = run(claim, "quick", noised=noised)
    assert outcome.error is None
    return {check.name for check in outcome.evidence.checks if not check.passed}


class Doubled(ms.NoisedMeasure):
    """Twice the noise."""

    def log_density(self, x, t):
        return super().log_density(x, 2.0 * np.asarray(t))


class WrongSign(ms.NoisedMeasure):
    def score(self, x, t):
        return -super().score(x, t)


def test_a_wrong_rate_is_found_out():
    found = failures(TAILS, Doubled)
    assert {"rate, unsmoothed, circle", "rate, smoothed, sphere S²", "rate of the KDE, circle"} <= found


def test_smoothing_the_density_instead_of_its_logarithm_is_found_out(monkeypatch):
    """A kernel density estimate in the place of the smoothed density."""

    def kde(self, r, z):
        return self.oracle.log_density(self.shell.place(r, z), self.shell.t + self.h**2)

    monkeypatch.setattr(radial_laws.Smoothed, "log_density", kde)
    assert {"rate, smoothed, circle", "rate, smoothed, circle in R³", "law of r(x)², circle"} <= failures(TAILS)


def test_a_ridge_that_stays_is_found_out(monkeypatch):
    exact = radial_laws.Smoothed.__init__

    def half(self, shell, noised, h, reach):
        exact(self, shell, noised, 0.9 * h, reach)

    monkeypatch.setattr(radial_laws.Smoothed, "__init__", half)
    assert {"ridge, constant, circle", "ridge, constant, sphere S²"} <= failures(TAILS)


def test_a_wrong_sign_of_the_score_is_found_out():
    assert "Stein, sphere, 40 random" in failures(FLAT, WrongSign)
    assert "oracle, A = 0.13, σ = 0.1" in failures(SELECTED, WrongSign)


def test_fisher_information_that_is_too_small_is_found_out(monkeypatch):
    exact = ms.GaussianKernel.fisher_information
    monkeypatch.setattr(ms.GaussianKernel, "fisher_information", lambda self, m, x: 0.8 * exact(self, m, x))
    assert "bound, circle, 30 random" in failures(FLAT)


def test_a_reach_that_is_too_long_is_found_out(monkeypatch):
    exact = fphdp_proposition_3_8.situations

    def longer():
        found = exact()
        for _, manifold, _ in found:
            manifold.reach = 1.2 * manifold.reach
        return found

    monkeypatch.setattr(fphdp_proposition_3_8, "situations", longer)
    assert "U from below, circle, 12 equispaced" in failures(FLAT)


def test_swapped_manifolds_are_found_out(monkeypatch):
    exact = fphdp_theorem_4_1.candidates
    monkeypatch.setattr(fphdp_theorem_4_1, "candidates", lambda amplitude: exact(amplitude)[::-1])
    monkeypatch.setattr(fphdp_theorem_4_1, "_links", lambda *of: None)
    monkeypatch.setattr(fphdp_theorem_4_1, "_crossing", lambda *of: (1.0, 0.0))
    found = failures(SELECTED)
    assert {"small bandwidths select the wavy circle", "large bandwidths select the base circle"} <= found


def test_data_off_the_manifold_without_their_term_are_found_out(monkeypatch):
    monkeypatch.setattr(selection.Candidate, "off", lambda self, points: 0.0)
    evidence = Evidence()
    fphdp_theorem_4_1._links(0.13, 0.1, ms.NoisedMeasure, evidence)
    failed = {check.name for check in evidence.checks if not check.passed}
    assert failed == {"Δ_i off M, base circle, A = 0.13, σ = 0.1"}
