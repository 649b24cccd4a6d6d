"""The figures in their --quick size: files, and numbers against references computed another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image
from scipy.special import gamma, ive, ndtr

from commands.files import load_arrays
from paper_figures import atlas_entries, expansion, lwb_5, style
from paper_figures.registry import FIGURES
from tests.test_paper_figures_command import NAMES, run

STANDARD_ERRORS = 4.0
"""The seeds are fixed; for a fresh one a correct program fails one such comparison in 16 000."""

SAMPLER_BIAS = 0.025
"""The integrator is of weak order one; 400 000 samples with 200 steps miss a moment by at most 0.0235 (t = 0.75)."""

ON_A_POINT = 1e-12
"""At the last positive time, 1.3e-4, the second point weighs e^-10000 of the nearest: what is left is rounding."""

ROUNDING = 1e-9
"""Of log p: a few eps times the largest exponent, 1e3; the references lose some more digits than the package."""

STEP = 1e-5
DIFFERENCES = 1e-6
"""Central differences of t log p: t h^2/6 times a third derivative of at most 0.1 (2/t)^3, so 1.3e-7 at t = 0.01."""

RIM = 0.03
"""The mass in a contour is summed on the grid, where cells on its rim count whole: about the share of such cells."""

SEARCH = 1e-6
"""Of distances, by a search over 20 001 points with parabolas: (2e-4)^3 times a third derivative of the square, over
twice the distance, which one of the random points has as small as 1e-3."""

ON_THE_AXIS = 1e-6
"""Bisection ends where the foot jumps, sharp to rounding, but for a root where two feet merge."""

PIXEL = 1e-9
"""Closed forms of the ellipse against points that the figure has to 1e-15."""

SLOPE, CONSTANT = 1e-3, 1e-3
"""The next order over the window, sqrt(1e-7) in slopes and sqrt(1e-9) in constants, times a factor of 3 or so."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All figures, made once with the command; the folder does not exist before."""
    out = tmp_path_factory.mktemp("figures") / "new" / "folder"
    result = run("--quick", "--out", out)
    assert result.exit_code == 0, result.output
    return out, result.output


@pytest.fixture(scope="module")
def five(made):
    return load_arrays(made[0] / "lwb-5.npz")


@pytest.fixture(scope="module")
def atlas(made):
    return load_arrays(made[0] / "oracle-atlas.npz")


@pytest.fixture(scope="module")
def plane(made):
    return load_arrays(made[0] / "medial-axis.npz")


@pytest.fixture(scope="module")
def rates(made):
    return load_arrays(made[0] / "expansion.npz")


def gaps(key):
    """Lines with NaN between their pieces, and gaps that are infinite where there is no runner-up."""
    return key.startswith(("outline", "sketch", "axis", "evolute", "gap"))


def test_each_figure_is_three_whole_files(made):
    out, printed = made
    names = [name for name in NAMES if not FIGURES[name].missing()]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{name}{suffix}" for name in names for suffix in (".npz", ".png", ".txt")
    )
    for name in names:
        assert f"{name}: wrote {name}.npz {name}.png {name}.txt" in printed
        with np.load(out / f"{name}.npz", allow_pickle=False) as archive:
            numbers = [archive[key] for key in archive.files if archive[key].dtype.kind == "f" and not gaps(key)]
        assert all(np.isfinite(array).all() for array in numbers)
        with Image.open(out / f"{name}.png") as picture:
            assert picture.width == style.WIDTH * style.DPI
            assert len(picture.convert("RGB").getcolors(2**24)) > 100  # something is drawn


def test_five_points_are_reached_in_their_proportions(five):
    distances = np.hypot(*(five["samples"][-1][:, None] - lwb_5.POINTS).T)
    assert distances.min(axis=0).max() < ON_A_POINT
    counts = np.bincount(distances.argmin(axis=0), minlength=5)
    n = counts.sum()
    np.testing.assert_array_less(
        np.abs(counts / n - lwb_5.WEIGHTS),
        STANDARD_ERRORS * np.sqrt(lwb_5.WEIGHTS * (1.0 - lwb_5.WEIGHTS) / n),
    )


def test_caption_repeats_the_counts(made, five):
    text = (made[0] / "lwb-5.txt").read_text()
    for (x, y), weight, count in zip(five["points"], five["weights"], np.bincount(five["landed_on"]), strict=True):
        (line,) = [line for line in text.splitlines() if f"({x:4.1f}, {y:4.1f})" in line]
        cells = line.split(")")[1].split()
        assert (float(cells[0]), int(cells[2])) == (weight, count)
    assert "standard error" in text


def test_snapshots_have_the_mean_and_spread_of_p_t(five):
    mean = lwb_5.WEIGHTS @ lwb_5.POINTS
    spread = (lwb_5.POINTS - mean).T * lwb_5.WEIGHTS @ (lwb_5.POINTS - mean)
    for t, samples in zip(five["times"], five["samples"], strict=True):
        alpha, sigma2 = np.exp(-0.5 * t), 1.0 - np.exp(-t)  # [LWB]: a = 1/2
        covariance = alpha**2 * spread + sigma2 * np.eye(2)
        error = STANDARD_ERRORS * np.sqrt(covariance.diagonal() / len(samples)) + SAMPLER_BIAS
        assert (np.abs(samples.mean(axis=0) - alpha * mean) < error).all()
        # Var of an empirical variance is below that of a normal law, 2 v^2/n, for these flatter ones.
        error = STANDARD_ERRORS * np.sqrt(2.0 / len(samples)) * covariance.diagonal().max() + SAMPLER_BIAS
        assert (np.abs(np.cov(samples.T) - covariance) < error).all()


def test_contours_are_of_the_mixture_and_hold_their_mass(five):
    axis = five["grid_axis"]
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    for t, log_density, levels in zip(five["times"], five["log_density"], five["levels"], strict=False):
        alpha, sigma2 = np.exp(-0.5 * t), 1.0 - np.exp(-t)
        reference = log_mixture(grid, alpha * lwb_5.POINTS, lwb_5.WEIGHTS, sigma2)
        np.testing.assert_allclose(log_density, reference, atol=ROUNDING)
        if t > 0.5:  # narrower peaks fall between the nodes
            mass = np.exp(log_density) * (axis[1] - axis[0]) ** 2
            inside = [mass[log_density >= level].sum() for level in levels]
            np.testing.assert_allclose(inside, five["masses"], atol=RIM)


def log_mixture(x, points, weights, variance):
    exponents = np.log(weights) - ((x[..., None, :] - points) ** 2).sum(axis=-1) / (2.0 * variance)
    return np.logaddexp.reduce(exponents, axis=-1) - np.log(2.0 * np.pi * variance)


def ring(x, radius, t):
    """Density of the uniform law on a circle, noised."""
    r = np.hypot(x[..., 0], x[..., 1])
    return np.exp(-((r - radius) ** 2) / (2.0 * t)) * ive(0, r * radius / t) / (2.0 * np.pi * t)


def interval(c, length, t):
    """Density at c of the uniform law on [0, length], noised; taken from the lower end, where nothing cancels."""
    c = np.minimum(c, length - c)
    return (ndtr(c / np.sqrt(t)) - ndtr((c - length) / np.sqrt(t))) / length


def star(x, t):
    density = 0.0
    for a, b in zip(atlas_entries.STAR[:-1], atlas_entries.STAR[1:], strict=True):
        length = np.hypot(*(b - a))
        along, across = (x - a) @ (b - a) / length, (x - a) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) @ (b - a) / length
        gauss = np.exp(-(across**2) / (2.0 * t)) / np.sqrt(2.0 * np.pi * t)
        density = density + 0.2 * gauss * interval(along, length, t)
    return np.log(density)


def von_mises(x, t):
    radius, c = atlas_entries.RADIUS, atlas_entries.CONCENTRATION
    eta = np.linalg.norm(x * (radius / t) + c * atlas_entries.DIRECTION / np.sqrt(2.0), axis=-1)
    exponent = -((x**2).sum(axis=-1) + radius**2) / (2.0 * t) + eta - c
    return exponent + np.log(ive(0, eta) / ive(0, c)) - np.log(2.0 * np.pi * t)


def rings(x, t):
    total = sum(radius for _, radius in atlas_entries.RINGS)
    return np.log(sum(radius / total * ring(x - [c, 0.0], radius, t) for c, radius in atlas_entries.RINGS))


def cylinders(x, t):
    (drum, drum_half), (pipe, pipe_half) = atlas_entries.DRUM, atlas_entries.PIPE
    share = drum * drum_half / (drum * drum_half + pipe * pipe_half)
    upright = ring(x, drum, t) * interval(drum_half, 2.0 * drum_half, t)
    across = np.stack([x[..., 1], np.zeros_like(x[..., 1])], axis=-1)
    lying = ring(across, pipe, t) * interval(x[..., 0] + pipe_half, 2.0 * pipe_half, t)
    return np.log(share * upright + (1.0 - share) * lying)


def cloud(x, t):
    return log_mixture(x, atlas_entries.CLOUD, atlas_entries.CLOUD_WEIGHTS, t)


def gradient(log_density, x, t):
    steps = STEP * np.eye(2)
    return np.stack([(log_density(x + h, t) - log_density(x - h, t)) / (2.0 * STEP) for h in steps], axis=-1)


@pytest.mark.parametrize(("row", "log_density"), list(enumerate([cloud, star, von_mises, rings, cylinders])))
def test_atlas_against_closed_forms(atlas, row, log_density):
    for column, t in enumerate(atlas["times"]):
        np.testing.assert_allclose(atlas["log_density"][row, column], log_density(atlas["fine"], t), atol=ROUNDING)
        slope = gradient(log_density, atlas["coarse"], t)
        np.testing.assert_allclose(t * atlas["score"][row, column], t * slope, atol=DIFFERENCES)
        mean = atlas["lattice"] + t * gradient(log_density, atlas["lattice"], t)
        np.testing.assert_allclose(atlas["posterior_mean"][row, column], mean, atol=DIFFERENCES)


def test_atlas_states_its_errors(made, atlas):
    text = (made[0] / "oracle-atlas.txt").read_text()
    assert atlas["errors"].max() < ROUNDING
    for name, errors in zip(atlas["name"], atlas["errors"].max(axis=1), strict=True):
        (line,) = [line for line in text.splitlines() if line.startswith(f"    {name}")]
        np.testing.assert_allclose([float(cell) for cell in line[20:].split()], errors, rtol=0.06)  # two digits printed


def test_ellipse_has_its_evolute_axis_and_reach(plane):
    a, b = 1.7, 1.1
    i = list(plane["name"]).index("ellipse")
    x, y = plane[f"evolute_{i}"].T
    c = a * a - b * b
    seen = np.isfinite(x)
    assert seen.sum() > 0.9 * len(x)
    np.testing.assert_allclose(np.abs(a * x[seen] / c) ** (2 / 3) + np.abs(b * y[seen] / c) ** (2 / 3), 1.0, rtol=PIXEL)
    # The nearest points of (x, 0) are two, mirror images, for |x| < c/a, which is where the segment ends.
    x, y = plane[f"axis_{i}"].T
    inside = np.isfinite(x) & (np.abs(x) < 0.999 * c / a)
    assert np.abs(y[inside]).max() < PIXEL
    assert inside.sum() > 300
    np.testing.assert_allclose(np.nanmax(np.abs(x)), c / a, rtol=ON_THE_AXIS)
    np.testing.assert_allclose(plane[f"reach_{i}"][0], b * b / a, rtol=PIXEL)
    # The gap at (x, h): distances change by at most h from the two, equal, at (x, 0).
    x, h = np.abs(plane[f"x_{i}"]), np.abs(plane[f"y_{i}"])
    gap = plane[f"gap_{i}"][h.argmin(), x < 0.9 * c / a]
    assert gap.size > 10
    assert (gap <= 2.0 * h.min() + PIXEL).all()


def test_gaps_against_dense_search_and_axis_by_its_feet(plane):
    for i, name in enumerate(plane["name"]):
        nearest, runner_up, missed = plane[f"errors_{i}"]
        assert max(nearest, runner_up) < SEARCH, name
        assert missed <= 1, name  # a point on the evolute, by rounding
        axis = plane[f"axis_{i}"][np.isfinite(plane[f"axis_{i}"][:, 0])]
        distance = np.linalg.norm(axis[:, None] - plane[f"curve_{i}"], axis=2).min(axis=1)
        reach, lower, upper = plane[f"reach_{i}"]
        assert lower <= reach <= upper * (1.0 + PIXEL)
        assert distance.min() > reach * (1.0 - ON_THE_AXIS), name  # Federer: the distance of the axis from M
        point, centre, partner = plane[f"attained_{i}"]
        radii = np.linalg.norm([point - centre, partner - centre], axis=1)
        np.testing.assert_allclose(radii, reach, rtol=1e-3, err_msg=name)  # pairs of 400 samples


def test_remainders_are_as_predicted(rates, made):
    slopes, constants = expansion._fits(rates)
    exponent, constant = rates["predicted"].T
    assert set(exponent) == {0.5, 1.0}
    np.testing.assert_allclose(slopes, exponent, atol=SLOPE)
    np.testing.assert_allclose(constants, constant, rtol=CONSTANT)
    text = (made[0] / "expansion.txt").read_text()
    rows = [line for line in text.splitlines() if line.startswith("    ")][1:]
    printed = np.array([[float(cell) for cell in row[49:].split()] for row in rows])
    np.testing.assert_allclose(printed[:, [0, 2]], np.stack([exponent, constant], axis=1), rtol=1e-6)


def test_predictions_by_hand(rates):
    # At the focal point of the vertex (2, 0), theory: sqrt(2) A^2/(B^2 sqrt(A^2 - B^2)) Gamma(3/4)/Gamma(1/4).
    k = list(rates["detail"]).index("focal point")
    np.testing.assert_allclose(
        rates["predicted"][k], [0.5, math.sqrt(2) * 4 / math.sqrt(3) * gamma(0.75) / gamma(0.25)]
    )
    # Over the end of a curve: sqrt(2/(pi h))/r, h = 1 + r kappa outside of a helix of radius 1 and curvature kappa.
    k = list(rates["detail"]).index("over its end")
    curvature, r = 1.0 / (1.0 + (1.5 / (2.0 * math.pi)) ** 2), 0.5
    np.testing.assert_allclose(rates["predicted"][k], [0.5, math.sqrt(2.0 / (math.pi * (1.0 + r * curvature))) / r])
