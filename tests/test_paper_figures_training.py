"""The figures of trained networks: their arrays, tables and errors, and what happens without torch."""

import importlib.util

import numpy as np
import pytest

import manifold_scores as ms
from paper_figures import lwb_1, lwb_2, lwb_3, lwb_4, lwb_ablation, registry, training_panels, training_runs
from tests.test_paper_figures_command import run

TRAINED = ("lwb-1", "lwb-2", "lwb-3", "lwb-4", "lwb-ablation")
SMALL = training_runs.Size(2, 40, 200, 100, 20)


class Planted:
    """The exact answer with errors planted in f: so much along a fixed direction."""

    def __init__(self, noised, error):
        self.noised, self.error, self.process = noised, np.asarray(error), noised.process
        self.ambient_dimension = noised.ambient_dimension

    def posterior_mean(self, x, t):
        return self.noised.posterior_mean(x, t) + self.error

    def score(self, x, t):
        scale = np.asarray(self.process.signal_scale(t) / self.process.noise_variance(t))
        return self.noised.score(x, t) + scale[..., None] * self.error


def planted(name, error):
    noised = training_runs.law(name)
    return training_runs.errors(Planted(noised, error), name, SMALL.points)


def test_planted_errors_are_found_in_every_quantity_and_component():
    found = planted("line", [0.03, 0.04])
    t = training_runs.error_times()
    growth = np.stack([np.ones_like(t), 1.0 / (2.0 * np.sinh(0.5 * t)), 1.0 / np.sqrt(np.expm1(t))])
    # Cancellation in f = (x + sigma^2 S)/alpha: eps (1 + |x|/alpha) over 0.03, at alpha = e^-5.
    np.testing.assert_allclose(found["l2"], 0.05 * growth, rtol=1e-11)
    np.testing.assert_allclose(found["components"], growth[..., None] * [0.03, 0.04], rtol=1e-11)
    signs = np.array([1.0, 1.0, -1.0])[:, None, None]
    np.testing.assert_allclose(found["at_point"], signs * growth[..., None] * [0.03, 0.04], rtol=1e-10)


def test_components_on_the_curve_turn_with_it():
    found = planted("curve", [0.03, 0.04])
    np.testing.assert_allclose(np.linalg.norm(found["components"], axis=-1), found["l2"], rtol=1e-10)

    class Normal(Planted):
        def posterior_mean(self, x, t):
            curve = training_runs.curve()
            foot = curve.project(x / self.process.signal_scale(t))
            normal = np.asarray(curve.normal_basis(foot)).reshape(x.shape)
            return self.noised.posterior_mean(x, t) + 0.05 * normal

    noised = training_runs.law("curve")
    along = training_runs._along(Normal(noised, [0.0, 0.0]), noised, 0.01, 50, np.random.default_rng(3))
    np.testing.assert_allclose(along, [0.0, 0.05], atol=1e-12)


def test_pollution_counts_what_is_far():
    x = np.array([[0.0, 0.0], [1.0, 0.09], [1.0, -0.1], [0.0, 0.2]])  # 3 sigma_min = 0.0949
    assert training_runs.sigma_min() == pytest.approx(np.sqrt(-np.expm1(-1e-3)))
    assert float(training_runs.polluted(x, "line")["pollution"]) == 0.5


def test_times_hold_the_final_ones():
    t = training_runs.error_times()
    assert all(np.abs(t / final - 1.0).min() < 1e-12 for final in training_runs.FINAL)


def test_rate_falls_from_the_first_to_the_last():
    rate = training_runs.Decay(100)
    assert rate(0) == 3e-3
    assert rate(100) == pytest.approx(3e-5)
    assert rate(50) == pytest.approx(3e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_without_torch_the_extra_is_named(name, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None if module == "torch" else found(module))
    result = run(name, "--quick", "--out", tmp_path / "nothing")
    assert result.exit_code == 1
    assert result.output == f'paper_figures: {name} need an extra: pip install "manifold-scores[torch]"\n'
    assert not (tmp_path / "nothing").exists()


def test_without_torch_the_others_are_made(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None if module == "torch" else found(module))
    kept = {name: registry.FIGURES[name] for name in TRAINED}
    monkeypatch.setattr("paper_figures.__main__.FIGURES", kept)
    result = run("--quick", "--out", tmp_path)
    assert result.exit_code == 0
    assert result.output == (
        f'paper_figures: left out: {", ".join(TRAINED)} need an extra: pip install "manifold-scores[torch]"\n'
    )


@pytest.fixture(scope="module")
def trained():
    """Both laws, two seeds, few steps, in this process."""
    pytest.importorskip("torch", reason="torch is not installed")
    found = {}
    for name in ("line", "curve"):
        rows = [
            training_runs.one_run(name, target, seed, SMALL, training_runs.Setting())
            for target in training_runs.TARGETS for seed in range(SMALL.seeds)
        ]  # fmt: skip
        data = training_runs.stacked(rows, (3, SMALL.seeds)) | training_runs.described(name, SMALL)
        data |= {f"oracle_{key}": value for key, value in training_runs.oracle(name, SMALL).items()}
        found[name] = data | training_runs.truth(name, SMALL.points)
    outline = np.asarray(training_runs.curve().embed(np.linspace(0.0, 6.0, 50)))
    found["curve"]["outline"] = outline
    return found


def test_errors_of_one_network_are_tied_by_the_algebra(trained):
    # |Delta S| = alpha/sigma^2 |Delta f|, |Delta eps| = alpha/sigma |Delta f|, whatever the network predicts.
    for data in trained.values():
        process, t = ms.OrnsteinUhlenbeck(0.5), data["times"]
        alpha, variance = process.signal_scale(t), process.noise_variance(t)
        np.testing.assert_allclose(data["l2"][:, :, 1], data["l2"][:, :, 0] * alpha / variance, rtol=1e-9)
        np.testing.assert_allclose(data["l2"][:, :, 2], data["l2"][:, :, 0] * alpha / np.sqrt(variance), rtol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(data["components"], axis=-1), data["l2"], rtol=1e-9)


def test_exact_sizes_follow_from_the_closed_form(trained):
    # On the line p_t is N(0, 1) x N(0, sigma^2): |f|^2 = alpha^2, |S|^2 = 1 + 1/sigma^2, |eps|^2 = sigma^2 + 1.
    t = trained["line"]["times"]
    wanted = np.sqrt([np.exp(-t), 1.0 - 1.0 / np.expm1(-t), 1.0 - np.expm1(-t)])
    # 200 points: a standard error of at most 5 %.
    np.testing.assert_allclose(trained["line"]["truth"], wanted, rtol=0.2)


def test_tables_repeat_the_arrays(trained):
    for data in trained.values():
        values = training_panels.final_errors(data)
        assert values.shape == (3, SMALL.seeds, 3, 4)
        lines = training_panels.final_table(data).splitlines()[1:]
        assert len(lines) == 12
        for number, line in enumerate(lines):
            quantity, place = divmod(number, 4)
            cells = line.replace("[", "").replace("]", "").replace(",", "").split()
            assert cells[:2] == [training_runs.QUANTITIES[quantity], f"{training_runs.FINAL[place]:g}"]
            at = int(np.argmin(np.abs(np.log(data["times"] / training_runs.FINAL[place]))))
            for target in range(3):
                seeds = data["l2"][target, :, quantity, at]
                median, least, largest = (float(cell) for cell in cells[2 + 3 * target : 5 + 3 * target])
                assert median == pytest.approx(np.median(seeds), rel=6e-3)  # three digits
                assert (least, largest) == pytest.approx((seeds.min(), seeds.max()), rel=6e-2)  # two


def test_figures_are_drawn_from_the_arrays(trained, tmp_path):
    for name, module in (("line", lwb_1), ("line", lwb_2), ("curve", lwb_3), ("curve", lwb_4)):
        module.draw(trained[name]).savefig(tmp_path / "figure.png", dpi=40)
        assert "learning rate" in module.caption(trained[name])
    one = trained["line"]
    settings = lwb_ablation.SETTINGS
    data = {key: np.stack([one[key]] * len(settings)) for key in ("l2", "pollution", "seconds")} | {
        "times": one["times"], "final_times": one["final_times"], "steps": one["steps"],
        "schedules": np.array([s.schedule for s in settings]),
        "weights": np.array([s.weight or "default" for s in settings]),
        "time_inputs": np.array([s.time_input for s in settings]),
    }  # fmt: skip
    lwb_ablation.draw(data).savefig(tmp_path / "figure.png", dpi=40)
    text = lwb_ablation.caption(data)
    assert all(text.count(f"    {row} ") == 3 for row in lwb_ablation.rows(data))
