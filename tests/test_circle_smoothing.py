"""Smoothing of points on a circle: quadrature in space against closed forms, and Fourier series against both."""

import numpy as np
import pytest
from scipy import integrate, stats

from tests.reference import circle_smoothing as reference
from verification import circle_modes
from verification.circle_smoothing import CircleSmoothing

ROUNDING = 2e-15
"""Allowed to the series in units of 1 + R^2 / v, the size of the logits; measured 6e-16."""

DIGITS = 1e-14
"""Allowed to log-densities in units of themselves, which are means of squares as large; measured 4e-15."""

DEVIATIONS = 5.0
"""Standard errors allowed to a sample mean."""

CASES = [
    # angles, bandwidth / R, noise scale / R, |x| / R, angle of x; R is 1.5
    ("3 equal", 1e-3, 0.02, 1.004, 1.1),
    ("3 random", 1e-3, 0.1, 0.9, 2.0),
    ("12 equal", 1e-3, 1.0, 1.5, 0.3),
    ("3 random", 0.02, 0.02, 0.97, 4.0),
    ("12 random", 0.02, 0.1, 1.05, 0.2),
    ("12 equal", 0.02, 0.1, 0.0, 0.0),
    ("3 equal", 0.3, 0.02, 0.6, 1.0),
    ("3 random", 0.3, 0.1, 2.6, 3.0),
    ("5 random", 0.3, 1.0, 1.2, 5.0),
    ("12 equal", 0.3, 1.0, 0.05, 5.0),
]


def angles_of(name):
    """Equally spaced or random angles by a name such as "12 random"."""
    count, kind = name.split()
    if kind == "equal":
        return 0.1 + 2 * np.pi * np.arange(int(count)) / int(count)
    return np.random.default_rng(int(count)).uniform(0, 2 * np.pi, int(count))


def point(distance, angle):
    """Cartesian coordinates."""
    return distance * np.array([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize("distance", [0.0, 1e-3, 0.4, 1.0, 1.3, 6.0])
@pytest.mark.parametrize("bandwidth", [1e-3, 0.02, 0.3])
def test_the_radius_of_the_level_set(distance, bandwidth):
    closed = reference.level_radius(distance, 1.0, bandwidth)
    assert reference.level_radius_by_bessel(distance, 1.0, bandwidth) == pytest.approx(closed, rel=1e-15)
    # |Y| / sigma follows Rice's law.
    law = stats.rice(distance / bandwidth, scale=bandwidth)
    low, high = max(0.0, distance - 12 * bandwidth), distance + 12 * bandwidth
    square = integrate.quad(lambda r: (r - 1) ** 2 * law.pdf(r), low, high, epsabs=0, limit=200)[0]
    assert np.sqrt(square) == pytest.approx(closed, rel=1e-10)
    fast = CircleSmoothing([0.0], 1.0, 1.0, bandwidth).radius_of_level([distance])
    assert fast == pytest.approx([closed], rel=1e-13)


@pytest.mark.parametrize(("distance", "bandwidth"), [(0.0, 0.5), (0.3, 0.2), (1.0, 0.05), (2.0, 0.7), (1.5, 0.02)])
def test_the_densities_of_the_direction(distance, bandwidth):
    narrow = min(np.pi, 12 * bandwidth / max(distance, 1e-9))

    def mass(density):
        return integrate.quad(density, -narrow, narrow, epsabs=1e-13, epsrel=1e-12, limit=200, points=[0.0])[0]

    assert mass(lambda p: reference.direction_density(p, distance, bandwidth)) == pytest.approx(1.0, abs=1e-12)
    outside = mass(lambda p: reference.outside_density(p, distance, 1.0, bandwidth))
    assert outside == pytest.approx(stats.rice(distance / bandwidth, scale=bandwidth).sf(1.0), abs=1e-10)
    for angle in (0.0, 0.5 * narrow, narrow):
        middle = distance * np.cos(angle)

        def radial(r, angle=angle, middle=middle):
            square = (r - middle) ** 2 + (distance * np.sin(angle)) ** 2
            return r * np.exp(-0.5 * square / bandwidth**2) / (2 * np.pi * bandwidth**2)

        top = max(1.0, middle) + 12 * bandwidth
        expected = integrate.quad(radial, 1.0, top, epsabs=1e-14, epsrel=1e-12, points=[max(1.0, middle)])[0]
        density = reference.outside_density(angle, distance, 1.0, bandwidth)
        assert density == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("name", "bandwidth", "noise", "distance", "angle"), CASES)
def test_the_identity_holds_and_the_series_agrees(name, bandwidth, noise, distance, angle):
    radius = 1.5
    angles, variance, sigma = angles_of(name), (noise * radius) ** 2, bandwidth * radius
    x = point(distance * radius, angle)
    smoothed, smoothed_error = reference.log_smoothed(angles, radius, variance, sigma, x)
    adapted, adapted_error = reference.log_adapted(angles, radius, variance, sigma, x)
    delta, delta_error = reference.delta(angles, radius, variance, sigma, x)
    unit = ROUNDING * (1 + radius**2 / variance)
    slack = DIGITS * (abs(smoothed) + 1) + unit
    # Three integrals that share only the level radius: polar about x, over directions, polar about the centre.
    assert abs(smoothed - adapted - delta) <= smoothed_error + adapted_error + delta_error + slack
    fast = CircleSmoothing(angles, radius, variance, sigma)
    values = fast.evaluate([distance * radius], [angle])
    assert abs(values.delta[0, 0] - delta) <= unit + delta_error
    assert abs(values.log_smoothed[0, 0] - smoothed) <= slack + smoothed_error
    assert abs(values.log_adapted[0, 0] - adapted) <= slack + adapted_error
    mean, error = reference.delta_by_samples(angles, radius, variance, sigma, x, 40_000)
    assert abs(delta - mean) <= DEVIATIONS * error


@pytest.mark.parametrize(("bandwidth", "noise"), [(0.02, 0.05), (0.3, 0.3)])
def test_series_of_equal_spacing_and_of_any_points_agree(bandwidth, noise, monkeypatch):
    special = CircleSmoothing(angles_of("12 equal"), 1.0, noise**2, bandwidth)
    assert special.order == 12
    radii, turns = np.linspace(0, 2, 7), np.linspace(0, 2 * np.pi, 9)
    expected = special.evaluate(radii, turns)
    general = CircleSmoothing(angles_of("12 equal"), 1.0, noise**2, bandwidth)
    general.order, general.start = 1, 0.0
    unit = ROUNDING * (1 + noise**-2)
    for dense in (circle_modes.DENSE, 0.0):  # a graded rule where it is cheaper, and transforms alone
        monkeypatch.setattr(circle_modes, "DENSE", dense)
        values = general.evaluate(radii, turns)
        assert np.max(np.abs(values.delta - expected.delta)) <= unit
        assert np.max(np.abs(values.log_smoothed - expected.log_smoothed) / (1 + np.abs(expected.log_smoothed))) <= unit
    # Values repeat, mirrored, from one half sector to the next.
    start, end = special.sector
    inside = np.linspace(start, end, 5)
    there = special.delta(radii, inside)
    assert special.delta(radii, inside + 2 * np.pi / 12) == pytest.approx(there, abs=unit)
    assert special.delta(radii, 2 * end - inside) == pytest.approx(there, abs=unit)
    assert general.sector == (0.0, 2 * np.pi)


def test_the_density_before_smoothing():
    for name, noise in (("12 random", 0.02), ("12 equal", 1.0), ("200 random", 0.05)):
        angles = angles_of(name)
        fast = CircleSmoothing(angles, 1.3, noise**2, 0.1)
        radii, turns = np.array([0.0, 0.4, 1.3, 2.0]), np.linspace(-1, 7, 50)
        y = np.stack([radii[:, None] * np.cos(turns), radii[:, None] * np.sin(turns)], axis=-1)
        squares = np.sum((y[..., None, :] - reference.circle_points(angles, 1.3)) ** 2, axis=-1)
        logits = -squares / (2 * noise**2)
        expected = np.logaddexp.reduce(logits, axis=-1) - np.log(len(angles) * 2 * np.pi * noise**2)
        assert fast.log_density(radii, turns) == pytest.approx(expected, rel=DIGITS, abs=ROUNDING * (1 + noise**-2))


def test_two_hundred_points_agree_with_samples():
    for name in ("200 equal", "200 random"):
        angles = angles_of(name)
        fast = CircleSmoothing(angles, 1.0, 0.02**2, 0.05)
        for distance, angle in ((0.0, 0.0), (0.93, 1.0), (1.1, 2.0)):
            mean, error = reference.delta_by_samples(angles, 1.0, 0.02**2, 0.05, point(distance, angle), 4_000)
            assert abs(fast.delta([distance], [angle])[0, 0] - mean) <= DEVIATIONS * error


def test_what_to_expect_near_a_dense_circle_and_at_its_centre():
    v = np.linspace(0, 6, 601)
    direct = np.sqrt(1 + v * v) * (2 * stats.norm.cdf(v) - 1) - v
    assert reference.psi(v) == pytest.approx(direct, abs=1e-14)
    assert reference.psi(-v) == pytest.approx(-direct, abs=1e-14)
    assert np.max(np.abs(direct)) == pytest.approx(0.160, abs=5e-4)
    assert v[np.argmax(np.abs(direct))] == pytest.approx(2.6, abs=0.05)
    assert reference.psi(1e4) == pytest.approx(0.5e-4, rel=1e-6)
    # Dense: Delta LSE = psi sigma / 2R up to a relative O(sigma / R).
    for sigma in (1e-3, 1e-2):
        fast = CircleSmoothing(np.arange(400) * 2 * np.pi / 400, 1.0, 0.1**2, sigma)
        u = np.linspace(-4, 4, 9)
        ratio = fast.delta(1 + u * sigma, [0.0])[:, 0] / (sigma / 2)
        assert ratio == pytest.approx(reference.psi(u), abs=6 * sigma)
    # At the centre, sigma_eps << sigma << R with points closer together than sigma_eps.
    assert pytest.approx(0.0839, abs=5e-5) == reference.CENTRE
    gaps = []
    for sigma in (0.1, 0.05):
        fast = CircleSmoothing(np.arange(4000) * 2 * np.pi / 4000, 1.0, (sigma / 20) ** 2, sigma)
        gaps.append(fast.delta([0.0], [0.0])[0, 0] - reference.CENTRE)
    assert abs(gaps[1]) <= 0.6 * abs(gaps[0]) <= 0.06
