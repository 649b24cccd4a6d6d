"""The command that races: its list, its errors, strict JSON, and contenders that compute what they are timed for."""

import json
import math
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

from benchmarks import clouds, covariances, log_densities, peers, plots, reference, registry, smoothing_peers, tables
from benchmarks.command import main
from benchmarks.record import OURS, Case, Goal, Lane, Setting
from benchmarks.workloads import Workload, workload
from commands.files import strict

ROOT = Path(__file__).resolve().parent.parent
NAMES = (
    "low-dimension", "middle", "high-dense", "high-sparse", "scale", "growth", "shapes", "covariance", "log-density",
    "threads", "memory", "first-use", "smoothing-figure-1", "smoothing-bump",
)  # fmt: skip

#: Peers lose digits in expanded norms: |y|^2/s roundings, with sizes here below 1e3 of them.
PEERS = 1e-10
#: A radius that leaves out 1e-9 of the sum, whose points may be some times farther away than the mean is.
NEIGHBOURS = 1e-7


@pytest.fixture(autouse=True)
def _precision_of_jax():
    """Races choose float64 for their whole process, which here is that of other tests too."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_x64", False)


def installed(module):
    return pytest.importorskip(module, exc_type=ImportError)


class TestCommand:
    def test_every_race_in_the_list(self, capsys):
        assert main(["--list"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(NAMES)

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (["middel"], f"unknown race 'middel'; the races are {', '.join(NAMES)}"),
            (["--frobnicate"], "No such option: --frobnicate"),
            (["middle", "--repeats", "0"], "Invalid value for '--repeats': "),
            (["middle", "--threads", "two"], "Invalid value for '--threads': "),
        ],
    )
    def test_a_wrong_argument_is_one_line_and_status_2(self, arguments, text, capsys, tmp_path):
        assert main([*arguments, "--out", str(tmp_path / "nothing")]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"benchmarks: {text}")
        assert error.count("\n") == 1
        assert not (tmp_path / "nothing").exists()

    def test_a_folder_that_is_a_file(self, capsys, tmp_path):
        (tmp_path / "taken").write_text("")
        assert main(["middle", "--out", str(tmp_path / "taken")]) == 2
        assert capsys.readouterr().err.startswith("benchmarks: --out must be a folder that can be written")

    def test_json_on_standard_output_and_in_a_file(self, tmp_path):
        command = [sys.executable, "-m", "benchmarks", "middle", "--quick", "--json", "--repeats", "3"]
        run = subprocess.run(
            [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
        )
        (printed,) = json.loads(run.stdout, parse_constant=_refuse)
        stored = json.loads((tmp_path / "middle.json").read_text(), parse_constant=_refuse)
        assert printed == stored
        assert printed["race"] == "middle"
        assert printed["threads"] == 1
        assert set(printed["machine"]) >= {"processor", "cores", "versions", "date", "python"}
        for case in printed["cases"]:
            assert case["lanes"][0]["name"] == OURS
            assert len(case["lanes"][0]["seconds"]) == 3
            assert case["ratio_to_best_peer"] > 0.0
        assert {path.name for path in tmp_path.iterdir()} == {"middle.json", "middle.png", "middle-error.png"}

    def test_a_race_that_breaks_off_is_said_and_the_status_is_1(self, tmp_path):
        # With such a seed no interpreter starts, so that the worker of the race fails.
        code = "import os, sys; os.environ['PYTHONHASHSEED'] = 'nonsense'; from benchmarks.command import main"
        command = [sys.executable, "-c", f"{code}; sys.exit(main(sys.argv[1:]))", "middle", "--out", str(tmp_path)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
        assert run.returncode == 1
        assert "benchmarks: middle broke off" in run.stderr
        assert list(tmp_path.iterdir()) == []


def _refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("threads", "memory", "first-use")])
def test_every_race_runs_and_ours_is_right(name, tmp_path):
    race = registry.RACES[name]
    cases = race.run(Setting("tiny", 1))
    assert cases
    for case in cases:
        ours = case.lane(OURS)
        assert ours.seconds
        assert all(seconds > 0.0 for seconds in ours.seconds)
        assert all(lane.seconds or lane.absent for lane in case.lanes)
        assert all(goal.text for goal in case.goals)
        if not name.startswith("smoothing"):
            assert ours.error < 1e-12  # relative to a reference in extended precision, at 200 to 1000 points
        json.dumps(case.as_json())


@pytest.mark.parametrize("name", ["threads", "memory", "first-use"])
def test_races_in_processes_of_their_own_run(name):
    cases = registry.RACES[name].run(Setting("tiny", 1))
    goals = [goal for case in cases for goal in case.goals]
    assert goals
    assert all(goal.measured >= 0.0 for goal in goals if goal.met is not None)
    if name == "threads":
        same = [goal for goal in goals if goal.text == "different answers"]
        assert [goal.measured for goal in same] == [1.0] * len(same)


class TestContenders:
    @pytest.mark.parametrize("s", [1e-3, 1e-1, 10.0])
    @pytest.mark.parametrize("d", [2, 3, 8, 40])
    @pytest.mark.parametrize(
        ("prepare", "module", "tolerance"),
        [
            (peers.numpy_expanded, "numpy", PEERS),
            (peers.numpy_differences, "numpy", PEERS),
            (peers.torch_softmax, "torch", PEERS),
            (peers.torch_attention, "torch", PEERS),
            (peers.jax_softmax, "jax", PEERS),
            (peers.tree_neighbours, "scipy", NEIGHBOURS),
        ],
    )
    def test_displacements_against_extended_precision(self, prepare, module, tolerance, d, s):
        installed(module)
        work = workload(d, 700, 33, s)
        assert reference.relative_errors(prepare(work)(), reference.displacements(work)).max() < tolerance

    @pytest.mark.parametrize("prepare", [covariances.numpy_products, covariances.numpy_one_by_one])
    def test_covariances(self, prepare):
        work = workload(3, 300, 20, 0.1)
        found = reference.relative_errors(prepare(work)(), reference.covariances(work))
        assert found.max() < PEERS
        traces = covariances.numpy_traces(work)()
        expected = np.trace(reference.covariances(work), axis1=1, axis2=2)
        assert reference.relative_errors(traces, expected).max() < PEERS

    @pytest.mark.parametrize("s", [1e-3, 1e-1, 10.0])
    def test_log_densities(self, s):
        work = workload(2, 300, 20, s)
        expected = reference.log_masses(work)
        for name, prepare in (("sklearn", log_densities.sklearn_density), ("torch", log_densities.torch_logsumexp)):
            installed(name)
            found = reference.relative_errors(prepare(work)(), expected)
            # scikit-learn stops where it believes the sum to be known to 1e-10.
            assert np.median(found) < (1e-8 if name == "sklearn" else PEERS)

    def test_covariances_by_jax(self):
        installed("jax")
        work = workload(2, 300, 20, 0.1)
        found = covariances.jax_hessian(work)()
        assert reference.relative_errors(found, reference.covariances(work)).max() < PEERS

    def test_the_smoothed_score_of_the_public_recipe(self):
        jax = installed("jax")
        points, x, h, t = np.array([[0.0, 0.0], [1.0, 0.5], [0.2, 1.0]]), np.array([[0.3, 0.4]]), 0.3, 0.2
        nodes = h * smoothing_peers.normals(2, 2**14, 0)
        truth, spread = smoothing_peers.posterior_means(points, x, t, nodes)
        n = 40_000
        for chunk in (None, 1000):
            score = smoothing_peers.jax_smoothed(points, h, n, chunk)(x[0].astype(np.float32), t, jax.random.PRNGKey(3))
            # Five standard errors of n displacements; x + t score = f - the mean of the displacements.
            assert np.linalg.norm(x[0] + t * np.asarray(score) - truth[0]) < 5.0 * (spread[0] + h * 2**0.5) / n**0.5

    def test_missing_peers_are_said_to_be_missing(self):
        missing = clouds.Contender("nobody", peers.numpy_expanded, "no_such_module")
        case = clouds.race(
            "case", workload(2, 50, 10, 0.1), [*clouds.contenders(names=(OURS,)), missing], Setting(repeats=1)
        )
        assert case.lane("nobody").absent == "not installed"
        assert case.best_peer() is None
        case.beat(2.0)
        assert case.goals[0].met is None

    def test_dense_peers_do_some_of_the_queries_and_are_timed_by_the_query(self):
        lanes = clouds.contenders(50 * 30.0, (OURS, clouds.NUMPY))
        case = clouds.race("case", workload(2, 50, 100, 0.1), lanes, Setting(repeats=3))
        assert (case.lane(OURS).work, case.lane(clouds.NUMPY).work) == (100, 30)
        lane = case.lane(clouds.NUMPY)
        assert lane.median == np.median(lane.seconds) / 30


class TestReference:
    def test_against_fifty_digits(self):
        work = workload(3, 40, 5, 1e-2)
        found = reference.displacements(work)
        with mpmath.workdps(50):
            for z, row in zip(work.queries, found, strict=True):
                inverse = 1 / (2 * mpmath.mpf(work.variance))
                apart = [[mpmath.mpf(a) - b for a, b in zip(y, z, strict=True)] for y in work.points]
                weights = [mpmath.exp(-inverse * sum(a * a for a in y)) for y in apart]
                for k in range(3):
                    exact = sum(w * y[k] for w, y in zip(weights, apart, strict=True)) / sum(weights)
                    # Sixty-four bits of mantissa, exponents up to some hundreds.
                    assert abs(float(row[k]) - exact) < 1e-15 * abs(exact) + 1e-17

    def test_points_far_away_are_left_out_without_a_trace(self):
        near = workload(2, 60, 5, 1e-2)
        far = Workload("far", np.concatenate([near.points, near.points + 1e3]), near.queries, near.variance)
        np.testing.assert_array_equal(reference.displacements(near), reference.displacements(far))

    def test_queries_come_from_the_noised_law(self):
        work = workload(2, 1000, 20_000, 1e-2)
        nearest = np.min(np.hypot(*(work.queries[:2000, None] - work.points[None]).transpose(2, 0, 1)), axis=1)
        assert np.quantile(nearest, 0.99) < 4.0 * math.sqrt(work.variance)
        assert np.quantile(nearest, 0.5) > 0.1 * math.sqrt(work.variance)


class TestRecord:
    def case(self):
        lanes = [
            Lane(OURS, [1.0, 2.0, 3.0], 2.0, error=1e-15),
            Lane("fast", [0.5], error=1e-3),
            Lane("right", [4.0], error=1e-12),
        ]
        return Case("case", {"N": 3, "d": 2, "s": 0.1}, [*lanes, Lane("none", absent="not installed")])

    def test_ratios_count_peers_that_are_right(self):
        case = self.case()
        assert case.lane(OURS).median == 1.0
        assert case.lane(OURS).spread == 1.0
        assert case.best_peer().name == "fast"
        assert case.best_peer(1e-9).name == "right"
        case.beat(1.0)
        case.beat(4.0, 1e-9)
        case.beat(4.5, 1e-9)
        assert [(goal.measured, goal.met) for goal in case.goals] == [(0.5, False), (4.0, True), (4.0, False)]

    def test_goals_in_both_directions(self):
        assert Goal("", 1.0, 2.0, at_most=True).met
        assert not Goal("", 3.0, 2.0, at_most=True).met
        assert Goal("", math.nan, 2.0).met is None

    def test_tables_show_what_lost_and_what_is_missing(self, capsys):
        case = self.case()
        case.beat(1.0)
        result = {
            "race": "name", "title": "title [of d]", "threads": 1, "unit": "s", "scale": 1.0, "error": "of E[y]",
            "repeats": 3, "size": "default", "cases": [strict(case.as_json())],
        }  # fmt: skip
        from rich.console import Console

        tables.print_race(result, Console())
        printed = capsys.readouterr().out
        for text in ("0.5 x", "not installed", "missed", "of E[y]", "title [of d]"):
            assert text in printed

    def test_plots_need_no_peer(self, tmp_path):
        result = {
            "race": "name", "title": "title", "unit": "s", "scale": 1.0, "error": "error", "axis": "s",
            "work_precision": True, "machine": {"processor": "any"},
            "cases": [{**strict(self.case().as_json()), "sizes": {"N": 3, "d": 2, "s": s}} for s in (0.1, 1.0)],
        }  # fmt: skip
        assert [path.name for path in plots.draw(result, tmp_path)] == ["name.png", "name-error.png"]
        assert plots.draw({**result, "axis": None, "work_precision": False}, tmp_path) == []
