"""The verification claims: they pass on the package and leave complete files only."""

import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from verification import command, output
from verification.record import Claim, Outcome, Tolerance, run
from verification.registry import CLAIMS

ROOT = Path(__file__).resolve().parent.parent

ANY = Tolerance(0.1, "a tenth, for the tests of the framework")


@functools.cache
def quick(name):
    return run(CLAIMS[name], "quick")


@pytest.mark.parametrize("name", list(CLAIMS))
def test_claim_passes_at_quick_size(name):
    outcome = quick(name)
    assert outcome.error is None
    assert [check.name for check in outcome.evidence.checks if not check.passed] == []


@pytest.mark.parametrize("name", list(CLAIMS))
def test_claim_says_what_it_claims_in_its_first_lines(name):
    module = sys.modules[CLAIMS[name].measure.__module__]
    lines = module.__doc__.splitlines()
    assert lines[0].startswith("Claim: ")
    assert any(line.startswith("Hypothesis: ") for line in lines)
    assert any(line.startswith("Source: ") for line in lines)


@pytest.mark.parametrize("name", list(CLAIMS))
def test_names_of_checks_are_unique_and_reasons_are_given(name):
    checks = quick(name).evidence.checks
    assert len({check.name for check in checks}) == len(checks)
    assert all(len(check.tolerance.reason) > 20 for check in checks)


def test_outside_the_theorem_the_limit_is_the_weighted_mean():
    observations = quick("lwb-theorem-3.5").evidence.observations
    assert len(observations) == 3
    for item in observations:
        assert item.measured > 0.5  # where the theorem holds e(t) tends to 0
        # The next order is O(t) with t = 1e-10 and, for the circles, curvature terms of order one.
        assert item.measured == pytest.approx(item.expected, abs=1e-6)


# Framework: files, command line.


def _measured(value):
    def measure(size, noised, evidence):
        evidence.check("one", "is one", value, 1.0, ANY)
        evidence.data["x"] = np.arange(3.0)

    return measure


def _draw(data):
    from verification.style import new_figure

    figure = new_figure(2.0, 2.0)
    figure.subplots().plot(data["x"])
    return figure


def _claim(measure):
    return Claim("made-up", "A made-up claim", "one is <one>", "none", "these tests", measure, _draw)


def _no_constant(name):
    raise AssertionError(f"{name} is not strict JSON")


def test_files_of_a_run_are_strict_and_complete(tmp_path, capsys):
    status = command.main(["lwb-theorem-3.5", "--quick", "--out", str(tmp_path / "deep" / "results")])
    folder = tmp_path / "deep" / "results"
    assert status == 0
    assert {path.name for path in folder.iterdir()} == {
        "lwb-theorem-3.5.json", "lwb-theorem-3.5.npz", "lwb-theorem-3.5.png", "report.html"
    }  # fmt: skip
    text = (folder / "lwb-theorem-3.5.json").read_text(encoding="utf-8")
    record = json.loads(text, parse_constant=_no_constant)
    assert {"claim", "source", "parameters", "measured", "bound", "passed", "seconds"} <= set(record)
    assert record["claim"] == "lwb-theorem-3.5"
    assert record["passed"] is True
    assert set(record["measured"]) == set(record["bound"]) == {check["check"] for check in record["checks"]}
    for check in record["checks"]:
        low, high = check["bound"]
        assert (-np.inf if low is None else low) <= check["measured"] <= high
    assert (folder / "lwb-theorem-3.5.png").read_bytes().startswith(b"\x89PNG")
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in report
    assert "src=" not in report.replace('src="data:', "")
    assert "lwb-theorem-3.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "passed", "stored"), [(1.05, True, 1.05), (1.2, False, 1.2), (float("nan"), False, None)]
)
def test_a_claim_can_fail_and_nan_is_null(monkeypatch, tmp_path, capsys, value, passed, stored):
    monkeypatch.setitem(CLAIMS, "made-up", _claim(_measured(value)))
    assert command.main(["made-up", "--out", str(tmp_path)]) == (0 if passed else 1)
    record = json.loads((tmp_path / "made-up.json").read_text(encoding="utf-8"), parse_constant=_no_constant)
    assert record["passed"] is passed
    assert record["measured"] == {"one": stored}
    assert ("FAIL" in capsys.readouterr().out) is not passed
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ("FAIL" in report) is not passed
    assert "one is &lt;one&gt;" in report


def test_one_sided_check_has_no_lower_end():
    def measure(size, noised, evidence):
        evidence.check("low", "small", -5.0, 0.0, ANY, one_sided=True)

    (check,) = run(_claim(measure)).evidence.checks
    assert check.passed
    assert check.bound == (None, 0.1)


def test_a_claim_that_raises_fails_and_removes_stale_files(monkeypatch, tmp_path, capsys):
    def measure(size, noised, evidence):
        raise ValueError("model [broken]")

    (tmp_path / "made-up.png").write_bytes(b"stale")
    monkeypatch.setitem(CLAIMS, "made-up", _claim(measure))
    assert command.main(["made-up", "--out", str(tmp_path)]) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"made-up.json", "report.html"}
    record = json.loads((tmp_path / "made-up.json").read_text(encoding="utf-8"))
    assert record["error"] == "ValueError: model [broken]"
    assert "model [broken]" in capsys.readouterr().out


def test_a_claim_without_checks_does_not_pass():
    assert not run(_claim(lambda size, noised, evidence: None)).passed


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    error = run(CLAIMS["memorisation"], "quick").error
    assert error == (
        "ImportError: the digits come with scikit-learn, which is not installed; "
        "install the extra: pip install -e '.[data]'"
    )


def test_without_flint_certificates_are_skipped_with_the_reason(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "flint", None)
    assert command.main(["certified", "--quick", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "certified.json").read_text(encoding="utf-8"))
    assert record["passed"] is False
    assert record["skipped"] == (
        "certificates need python-flint, which is not installed; install the extra: pip install -e '.[certify]'"
    )
    assert "skipped" in capsys.readouterr().out
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Skipped: certificates need python-flint" in report


def test_unknown_size_is_refused():
    with pytest.raises(ValueError, match="size must be one of quick, default, full; got 'huge'"):
        run(CLAIMS["identities"], "huge")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nonsense"], "unknown claim 'nonsense'; the claims are " + ", ".join(CLAIMS)),
        (["--quick", "--full"], "--quick and --full exclude each other"),
        (["--bogus"], "No such option: --bogus"),
        (["--out"], "requires an argument"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(capsys, arguments, text):
    assert command.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("verification: ")
    assert text in captured.err


def test_out_must_be_a_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    assert command.main(["--out", str(tmp_path / "file")]) == 2
    assert "--out must be a folder that can be written" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"


def test_list(capsys):
    assert command.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(CLAIMS)


@pytest.mark.parametrize("problem", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_the_old_file(monkeypatch, tmp_path, problem):
    path = tmp_path / "report.html"
    output.write_report([], tmp_path)
    old = path.read_bytes()

    def interrupted(source, target):
        raise problem

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(problem):
        output.write_report([(quick("memorisation"), None)], tmp_path)
    assert [(item.name, item.read_bytes()) for item in tmp_path.iterdir()] == [("report.html", old)]


def test_ctrl_c_ends_with_one_line_and_no_half_written_file(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "verification", "memorisation", "identities", "--out", str(tmp_path)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    first = tmp_path / "memorisation.json"
    deadline = time.monotonic() + 120.0
    while not first.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    # The compiler may have said something of its own before.
    assert error.endswith("verification: interrupted; every file written so far is complete\n")
    assert {path.name for path in tmp_path.iterdir()} == {f"memorisation.{kind}" for kind in ("npz", "png", "json")}
    json.loads(first.read_text(encoding="utf-8"))


def test_figure_is_drawn_from_the_stored_data(tmp_path):
    outcome = run(_claim(_measured(1.0)))
    seen = {}

    def draw(data):
        seen.update(data)
        return _draw(data)

    claim = dataclasses.replace(outcome.claim, draw=draw)
    output.write_outcome(Outcome(claim, "quick", outcome.evidence, 0.0, None), tmp_path)
    with np.load(tmp_path / "made-up.npz") as stored:
        np.testing.assert_array_equal(stored["x"], seen["x"])
    assert seen["x"] is not outcome.evidence.data["x"]
