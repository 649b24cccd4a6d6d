"""The figures of [FPHDP] in the plane in their --quick size: their tools, and their numbers computed another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad, quad, solve_ivp
from scipy.optimize import brentq
from scipy.special import ive, ndtr

import manifold_scores as ms
from commands.files import load_arrays
from paper_figures import captions, chosen_kernels, fphdp_1, fphdp_2, fphdp_3, fphdp_4, fphdp_5, registry
from paper_figures import smoothing_samples as ss

STANDARD_ERRORS = 5.0
"""The seeds are fixed; for a fresh one a correct program fails one such comparison in 2 million."""

ROUNDING = 1e-9
"""Sums of at most some thousand terms of size one, and logarithms of densities of size 10."""

SPIRAL_STEP = 2.0
"""Error of n spiral nodes for a half plane, times n^{3/4}: the worst of 20 000 had 1.26, with 89 to 4096 nodes."""

SPIRAL_WAVE = 5e-3
"""Error of 1024 spiral nodes for cos kx, k < 3: the worst of 5000 had 3.3e-3, half of them less than 7e-4."""

RIDGE = 1e-3
"""Of a radius: 128 nodes leave 1.1e-3 at a bandwidth of 0.2, 512 a quarter of that; 200 points 3e-5."""

NAMES = ("fphdp-1", "fphdp-2", "fphdp-3", "fphdp-4", "fphdp-5")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The five figures in their --quick size: arrays and captions by name."""
    out = tmp_path_factory.mktemp("plane")
    found = {}
    for name in NAMES:
        data, _, text = registry.make(name, out, quick=True)
        found[name] = load_arrays(data), text.read_text()
    return found


def softmax_score(x, points, t):
    """Score and its divergence of points noised for a time t, at x (n, 2)."""
    apart = points - x[:, None]
    exponents = -(apart**2).sum(axis=2) / (2.0 * t)
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean = np.einsum("ni,nik->nk", weights, apart)
    trace = np.einsum("ni,nik->n", weights, apart**2) - (mean**2).sum(axis=1)
    return mean / t, trace / t**2 - 2.0 / t


class TestTools:
    """What the figures share."""

    def test_spiral_has_the_moments_of_a_normal_law(self):
        nodes = ss.spiral(1024)
        np.testing.assert_allclose(nodes.mean(axis=0), 0.0, atol=ROUNDING)
        np.testing.assert_allclose(nodes.T @ nodes / 1024, np.eye(2), atol=ROUNDING)

    @pytest.mark.parametrize("seed", range(20))
    def test_spiral_averages_steps_and_waves(self, seed):
        rng = np.random.default_rng(seed)
        nodes, angle, offset = ss.spiral(1024), rng.uniform(0.0, 2.0 * np.pi), rng.normal()
        along = nodes @ [np.cos(angle), np.sin(angle)]
        assert abs((along < offset).mean() - ndtr(offset)) < SPIRAL_STEP * 1024**-0.75
        k = rng.uniform(0.0, 3.0)
        assert abs(np.cos(k * along).mean() - np.exp(-0.5 * k * k)) < SPIRAL_WAVE

    def test_kernel_errors_are_distances_to_the_integral(self):
        points, h, t = np.array([[0.0, 0.0], [1.0, 0.2], [0.3, 0.8]]), 0.3, 0.05
        x = np.array([[0.4, 0.3], [0.7, -0.1]])
        rules = {"spiral": ss.smoothed(points, h, 89), "half": ss.smoothed(points, 0.5 * h, 89)}

        def f(a, b, row, k):
            y = x[row] + h * np.array([a, b])
            weight = np.exp(-0.5 * (a * a + b * b)) / (2.0 * np.pi)
            return weight * (y + t * softmax_score(y[None], points, t)[0][0])[k]

        exact = np.array(
            [[dblquad(f, -8, 8, -8, 8, args=(row, k), epsabs=1e-6)[0] for k in range(2)] for row in range(2)]
        )
        found = ss.kernel_errors(points, h, x, rules, 2**16, t)
        for name, rule in rules.items():
            distance = np.sqrt(((rule.posterior_mean(x, t) - exact) ** 2).sum(axis=1).mean())
            # The reference has its own error, and the quadrature 1e-6.
            assert abs(found[name] - distance) < STANDARD_ERRORS * found["reference"] + 1e-5
        assert found["reference"] < 1e-4 < found["half"]

    def test_sampler_ends_on_a_single_point(self):
        point = np.array([[0.3, -0.4]])
        model = ss.exact(point)
        np.testing.assert_allclose(
            ss.generate(model, 4.0, 50, 1, final_noise=False), np.repeat(point, 50, 0), atol=ROUNDING
        )
        noisy = ss.generate(model, 4.0, 20_000, 1) - point
        np.testing.assert_allclose(noisy.std(), np.sqrt(ss.LAST_TIME), rtol=0.02)  # of 40 000 numbers: 0.35 %

    def test_quantiles_have_their_standard_errors(self):
        rng = np.random.default_rng(3)
        draws = rng.standard_normal((2000, 400))
        found = np.array([ss.quantile(row, 0.95) for row in draws])
        np.testing.assert_allclose(found[:, 0].mean(), 1.644854, atol=0.02)  # the bias of a quantile, 1/n
        np.testing.assert_allclose(found[:, 1].mean(), found[:, 0].std(), rtol=0.1)

    def test_shares_of_arcs_are_by_length(self):
        curve = ms.WavyCircle()

        def speed(u):
            r, slope = 1.0 + 0.13 * np.sin(8.0 * u), 1.04 * np.cos(8.0 * u)
            return np.hypot(r, slope)

        half = quad(speed, 0.0, 1.0, epsabs=1e-12)[0] / quad(speed, 0.0, 2.0 * np.pi, limit=200)[0]
        arcs = 40
        shares = ss.arc_shares(curve, np.asarray(curve.embed(np.array([1.0, 1e-3]))), arcs)
        expected = np.zeros(arcs)
        expected[[int(half * arcs), 0]] = 0.5
        np.testing.assert_array_equal(shares, expected)

    def test_coverage_of_uniform_and_of_few(self):
        assert ss.coverage(np.full(8, 0.125)) == pytest.approx((1.0, 1.0))
        assert ss.coverage(np.array([0.5, 0.0, 0.5, 0.0])) == pytest.approx((0.5, 0.5))

    def test_tables_are_aligned(self):
        assert captions.text_table(["a", "bb"], [["100", "2"]]) == "      a   bb\n    100    2"


class TestFigure1:
    """Thirty points of the lima bean."""

    def test_distances_are_to_the_curve(self, made):
        data, _ = made["fphdp-1"]
        u = np.linspace(0.5 * np.pi, 1.5 * np.pi, 20_001)  # theory: w = (u - pi)/2 + pi
        r = np.sin(u) ** 3 + np.cos(u) ** 3
        dense = np.stack([-r * np.sin(u), r * np.cos(u)], axis=1)  # turned by a quarter
        for samples, distance in zip(data["samples"], data["distance"], strict=True):
            near = np.sqrt(((samples[:50, None] - dense) ** 2).sum(axis=2).min(axis=1))
            np.testing.assert_allclose(distance[:50], near, atol=1e-4)  # half the spacing of the dense points

    def test_memorises_without_smoothing_and_covers_with_it(self, made):
        data, _ = made["fphdp-1"]
        apart = np.linalg.norm(data["samples"][0][:, None] - data["points"], axis=2).min(axis=1)
        assert apart.max() < STANDARD_ERRORS * np.sqrt(ss.LAST_TIME)
        effective = [ss.coverage(shares)[1] for shares in data["shares"]]
        assert effective[-1] > (np.bincount((data["points_at"] * fphdp_1.ARCS).astype(int)) > 0).sum() / fphdp_1.ARCS
        assert (data["kernel_error"][:, 0] < data["kernel_error"][:, 1]).all()

    def test_caption_repeats_the_quantiles(self, made):
        data, text = made["fphdp-1"]
        for h, distance in zip(data["bandwidths"], data["distance"], strict=True):
            (line,) = [s for s in text.splitlines() if s.split()[:1] == [f"{h:g}"] and len(s.split()) == 9]
            np.testing.assert_allclose(float(line.split()[1]), np.median(distance), atol=1e-5)

    def test_largest_gap_goes_round(self):
        assert fphdp_1._gap(np.array([0.9, 0.2, 0.4])) == pytest.approx(0.5)


class TestFigure2:
    """Density and log-density."""

    def test_closed_forms_in_one_dimension(self):
        data = fphdp_2.in_one_dimension()
        x = data["x"]
        np.testing.assert_allclose(data["original"], -0.5 * x**2 - 0.5 * np.log(2.0 * np.pi), atol=ROUNDING)
        np.testing.assert_allclose(data["density_smoothed"], -0.25 * x**2 - 0.5 * np.log(4.0 * np.pi), atol=ROUNDING)
        assert (
            np.abs(data["log_smoothed"] - data["original"] + 0.5) < STANDARD_ERRORS * data["log_smoothed_error"]
        ).all()
        assert data["log_smoothed_error"].max() < 5e-3
        assert fphdp_2.variance(x, data["density_smoothed"] + 3.0) == pytest.approx(2.0, abs=1e-5)  # tails beyond 8

    def test_density_estimates_have_the_spread_of_the_kernel(self, made):
        data, text = made["fphdp-2"]
        for h, (kde, score) in zip(data["bandwidths"], data["samples"], strict=True):
            near = ((kde[:, None] - data["points"]) ** 2).sum(axis=2).min(axis=1)
            assert near.mean() < 2.0 * h**2  # the nearest point is no further than the own one
            assert np.median(data["distance"][list(data["bandwidths"]).index(h), 0]) > 3.0 * np.median(
                ms.LimaBean(np.pi / 4).distance(score)
            )
        assert "step/2" in text


class TestFigure3:
    """Chosen kernels."""

    X = np.array([[1.05, 0.0], [0.0, -0.9], [-1.6, 1.2], [0.01, 0.0]])

    def draws(self, kernel, n=4000):
        y = kernel(self.X, n, np.random.default_rng(1))
        assert y.shape == (4, n, 2)
        return np.linalg.norm(y, axis=2), np.arctan2(y[..., 1], y[..., 0])

    def test_lattice_is_uniform(self):
        u, v = chosen_kernels.lattice(1000, np.random.default_rng(0))
        inside = ((u[:, None] < np.linspace(0, 1, 11)) & (v[:, None] < 0.37)).mean(axis=0)
        np.testing.assert_allclose(inside, 0.37 * np.linspace(0, 1, 11), atol=0.01)  # discrepancy log(n)/n

    def test_band_is_the_same_for_all_radii_within(self):
        radius, angle = self.draws(chosen_kernels.band(1.0, 0.2, 0.5))
        np.testing.assert_allclose(radius[0], radius[1], atol=ROUNDING)
        np.testing.assert_allclose([radius[0].min(), radius[0].mean(), radius[0].max()], [0.8, 1.0, 1.2], atol=1e-3)
        np.testing.assert_allclose(radius[2].mean(), 1.0 + (2.0 - 1.2), atol=1e-3)  # |x| = 2
        np.testing.assert_allclose(radius[3].mean(), 1.0 - (0.8 - 0.01), atol=1e-3)
        np.testing.assert_allclose(angle[0].std(), 0.5, rtol=0.01)

    def test_arcs_are_not_left(self):
        cuts = np.array([0.3, 2.0, 4.0])
        radius, angle = self.draws(chosen_kernels.arcs(cuts, 0.7, 0.1))
        np.testing.assert_allclose(radius, np.linalg.norm(self.X, axis=1)[:, None] * np.ones((1, 4000)), atol=ROUNDING)
        at = np.searchsorted(cuts, angle % (2.0 * np.pi))
        own = np.searchsorted(cuts, np.arctan2(self.X[:, 1], self.X[:, 0]) % (2.0 * np.pi))
        wrapped = {0: {0, 3}, 3: {0, 3}}  # the last arc goes through 0
        for row, home in zip(at, own, strict=True):
            assert set(row) <= wrapped.get(home, {home})
        assert angle[2].std() > 0.3  # far from the cuts it is turned in earnest

    def test_two_circles_go_to_crests_and_troughs(self):
        radius, angle = self.draws(chosen_kernels.two_circles(8, 0.5, np.pi / 40.0))
        np.testing.assert_allclose(radius, np.linalg.norm(self.X, axis=1)[:, None] * np.ones((1, 4000)), atol=ROUNDING)
        wave = np.sin(8.0 * angle)
        assert (wave[[0, 2]] > np.cos(np.pi / 5.0) - ROUNDING).all()
        assert (wave[[1, 3]] < -np.cos(np.pi / 5.0) + ROUNDING).all()

    def test_dimensions_of_known_sets(self):
        rng = np.random.default_rng(5)
        circle = ms.Circle().sample(1500, rng)
        disc = np.sqrt(rng.random(1500))[:, None] * ms.Circle().sample(1500, rng)
        clusters = np.repeat(fphdp_3.data_points(), 40, axis=0) + 1e-4 * rng.standard_normal((1280, 2))
        # Chords of a circle are shorter than arcs by r^2/24; near its rim a disc loses 4 r/3 pi of its neighbours.
        assert abs(fphdp_3.dimension(circle) - 1.0) < STANDARD_ERRORS * fphdp_3.dimension_error(circle) + 1e-3
        assert abs(fphdp_3.dimension(disc) - 2.0) < STANDARD_ERRORS * fphdp_3.dimension_error(disc) + 0.06
        assert fphdp_3.dimension(clusters) < 0.01
        assert fphdp_3.dimension_error(circle) < 0.03

    def test_filled_band_is_uniform(self):
        radius = np.linalg.norm(fphdp_3.filled_band(100_000), axis=1)
        edges = np.array([0.8, 0.9, 1.0, 1.1, 1.2])
        expected = np.diff(edges**2) / (edges[-1] ** 2 - edges[0] ** 2)
        shares = np.histogram(radius, edges)[0] / 1e5
        assert (np.abs(shares - expected) < STANDARD_ERRORS * np.sqrt(expected * (1.0 - expected) / 1e5)).all()

    def test_pieces_are_counted(self):
        circle = ms.Circle().sample(1000, 2)
        crumbs = np.array([[5.0, 5.0], [7.0, 7.0]])  # below 2 % of the samples
        assert fphdp_3.pieces(circle) == 1
        assert fphdp_3.pieces(np.concatenate([0.7 * circle, circle, crumbs])) == 2

    def test_geometry_follows_the_kernel(self, made):
        data, text = made["fphdp-3"]
        wave = dict(zip(data["name"], data["waves"], strict=True))
        assert abs(wave["waves"][0] - 0.13) < STANDARD_ERRORS * wave["waves"][1] + 0.01
        assert abs(wave["circle"][0]) < STANDARD_ERRORS * wave["circle"][1] + 0.01  # 0.01: 16 nodes
        for name, (_, spread) in zip(data["name"], data["radius"], strict=True):
            if name in ("circle", "arcs"):
                assert spread < 0.07
            elif name in ("band", "two"):
                assert spread > 0.09  # uniform in the band: 0.115
        assert "no public code" in text


class TestFigure4:
    """Likelihoods of the circle."""

    def test_sector_is_exact_for_the_symmetries_of_the_data(self):
        coefficients = np.array([0.7, -1.3, 0.4, 2.0, 0.1, -0.6, 0.2])  # frequencies 12 k, k <= 6 < 2 n
        x = fphdp_4.sector(4)
        angle = np.arctan2(x[:, 1], x[:, 0])
        values = sum(c * np.cos(12 * k * angle) for k, c in enumerate(coefficients))
        assert values.mean() == pytest.approx(0.7)
        assert fphdp_4.rule_error(values) > 0.1
        smooth = 3.0 + 0.5 * np.cos(12 * angle)
        assert fphdp_4.rule_error(smooth) < ROUNDING

    def test_turned_nodes_are_of_the_same_law(self):
        x = np.array([[0.9, 0.1], [-0.2, 0.6]])
        smooth = ms.SmoothedScore(ss.exact(fphdp_4.data_points()), ms.GaussianKernel(0.2))
        assert smooth.rule == "quadrature"
        for angle in (0.0, 1.0):
            found = fphdp_4.turned(0.2, 4096, angle).posterior_mean(x, 0.01)
            np.testing.assert_allclose(found, smooth.posterior_mean(x, 0.01), atol=5e-4)

    def test_likelihoods_against_another_integrator(self):
        nodes, h = 64, 0.2
        found = fphdp_4.likelihoods(h, nodes, 4)
        angle = np.random.default_rng(fphdp_4.SEED).uniform(0.0, 2.0 * np.pi, fphdp_4.ROTATIONS)[0]
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        displacements, points = h * ss.spiral(nodes) @ turn, fphdp_4.data_points()

        def velocity(log_t, state):
            t = np.exp(log_t)
            score, divergence = softmax_score(state[:2] + displacements, points, t)
            return -0.5 * t * np.append(score.mean(axis=0), divergence.mean())

        for row, t_max in enumerate((9.0, 5.0)):
            start = np.append(fphdp_4.sector(4)[2], 0.0)
            span = np.log([fphdp_4.T_MIN, t_max])
            end = solve_ivp(velocity, span, start, method="LSODA", rtol=1e-8, atol=1e-10).y[:, -1]
            value = 0.5 * (end[:2] ** 2).sum() / t_max + np.log(2.0 * np.pi * t_max) - end[2]
            assert found["values"][0, 2] + row * found["change"][2] == pytest.approx(value, abs=1e-3)

    def test_minimum_of_a_cubic(self):
        h = np.linspace(0.1, 0.3, 9)
        value = (h - 0.19) ** 2 - 0.8 * (h - 0.19) ** 3 + 1.5
        found = fphdp_4.minimum(h, value, np.full(9, 1e-6))
        assert found["place"] == pytest.approx(0.19, abs=1e-4)  # the grid of the search
        assert found["height"] == pytest.approx(1.5, abs=1e-6)
        coarse = fphdp_4.minimum(h, value, np.full(9, 1e-4))
        assert coarse["place_error"] > 10.0 * found["place_error"]
        assert 3e-5 < coarse["height_error"] < 2e-4

    def test_minimum_at_the_end_is_refused(self):
        h = np.linspace(0.1, 0.3, 9)
        with pytest.raises(ValueError, match="two neighbours on either side; it is number 1"):
            fphdp_4.minimum(h, (h - 0.13) ** 2, np.ones(9))

    def test_references_and_u_shape(self, made):
        data, text = made["fphdp-4"]
        t = fphdp_4.T_MIN
        # A circle of radius 1: log p = log(e^{-(|x|-1)^2/2t} ive(0, |x|/t)/(2 pi t)).
        circle = -np.log(ive(0, 1.0 / t) / (2.0 * np.pi * t))
        assert data["circle_exact"][0] == pytest.approx(circle, abs=ROUNDING)
        x = fphdp_4.sector(64)
        for h, kde in zip(data["scales"], data["kde"], strict=True):
            square = ((x[:, None] - fphdp_4.data_points()) ** 2).sum(axis=2)
            density = np.exp(-square / (2.0 * (t + h * h))).mean(axis=1) / (2.0 * np.pi * (t + h * h))
            np.testing.assert_allclose(kde, -np.log(density), atol=ROUNDING)
        value, _ = fphdp_4.curve(data)
        assert 1 < value.argmin() < len(value) - 2
        assert value.min() < data["kde"].mean(axis=1).min()
        found = fphdp_4.minimum(data["scales"], *fphdp_4.curve(data))
        assert f"Minimum for T = 9: h = {found['place']:.4f}" in text


class TestFigure5:
    """Waves left at every bandwidth."""

    def test_waves_and_their_error(self):
        rng = np.random.default_rng(8)
        found = []
        for _ in range(300):
            theta = rng.uniform(-np.pi, np.pi, 400)
            # Louder where the wave is high: the plain formula of least squares would be wrong.
            noise = rng.standard_normal(400) * (0.01 + 0.04 * (np.sin(8.0 * theta) > 0.5))
            radius = 1.0 + 0.05 * np.sin(8.0 * theta) - 0.02 * np.cos(8.0 * theta) + noise
            found.append(fphdp_5.waves(radius[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=1)))
        values, errors = np.array(found).T
        assert abs(values.mean() - 0.05) < STANDARD_ERRORS * values.std() / np.sqrt(300.0)
        np.testing.assert_allclose(errors.mean(), values.std(), rtol=0.15)  # of 300 values: 4 %
        assert fphdp_5.waves(fphdp_5.data_points())[0] == pytest.approx(0.13)

    def test_ridge_of_a_dense_circle(self):
        h, n = 0.2, 200
        angle = 2.0 * np.pi * np.arange(n) / n
        points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        found = np.linalg.norm(fphdp_5.ridge(ss.smoothed(points, h, 512)), axis=1)

        # As t -> 0 f is the nearest point of the circle: the ridge has |x| = E cos of the angle of x + h xi.
        def pull(r):
            def cosine(b, a):
                return (r + h * a) / np.hypot(r + h * a, h * b) * np.exp(-0.5 * (a * a + b * b)) / (2.0 * np.pi)

            return dblquad(cosine, -7, 7, -7, 7, epsabs=1e-5)[0] - r

        np.testing.assert_allclose(found, brentq(pull, 0.7, 1.0, xtol=1e-5), atol=RIDGE)

    def test_waves_decay_with_the_bandwidth(self, made):
        data, text = made["fphdp-5"]
        wide = data["scales"] >= 0.1
        assert (np.diff(data["ridge_waves"]) < 0.0).all()
        gap = np.abs(data["waves"][:, 0] - data["ridge_waves"])
        # Samples do not weigh angles evenly; 0.01 is a tenth of the waves.
        assert (gap[wide] < 0.01).all()
        assert data["radius"][-1, 1] < 0.2 < data["radius"][0, 1]
        assert "0.1300" in text


def test_seeds_of_data_are_those_of_the_captions(made):
    for name, module in (("fphdp-1", fphdp_1), ("fphdp-2", fphdp_2)):
        curve = ms.LimaBean(np.pi / 2 if name == "fphdp-1" else np.pi / 4)
        np.testing.assert_array_equal(made[name][0]["points"], curve.sample(module.POINTS, module.SEED))
        assert f"seed {module.SEED}" in made[name][1].replace("\n", " ")
