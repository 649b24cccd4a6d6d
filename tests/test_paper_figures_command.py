"""The command that draws figures: its list, its errors, and files that are whole or absent."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from commands.files import load_arrays, write_whole
from paper_figures import registry
from paper_figures.__main__ import app, command
from paper_figures.images.data import UnusableDataError

NAMES = (
    "lwb-5", "oracle-atlas", "medial-axis", "expansion", "fphdp-1", "fphdp-2", "fphdp-3", "fphdp-4", "fphdp-5",
    "fphdp-8", "fphdp-12", "fphdp-13", "fphdp-14", "fphdp-15", "lwb-1", "lwb-2", "lwb-3", "lwb-4", "lwb-ablation",
    "lwb-digits", "fphdp-6", "fphdp-7", "fphdp-10", "fphdp-11", "fphdp-9", "fphdp-16",
)  # fmt: skip


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_every_figure_in_the_list(tmp_path):
    result = run("--list", "--out", tmp_path / "nothing")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()[1:] if not line.startswith(" ")] == list(NAMES)
    assert not (tmp_path / "nothing").exists()


def test_wrong_name_is_one_line_and_status_2(tmp_path):
    result = run("lwb-5", "lwb-55", "--out", tmp_path / "nothing")
    assert result.exit_code == 2
    assert result.output == f"paper_figures: unknown figure 'lwb-55'; known figures: {', '.join(NAMES)}\n"
    assert not (tmp_path / "nothing").exists()


def test_folder_that_is_a_file_is_one_line_and_status_1(tmp_path):
    (tmp_path / "taken").write_text("")
    result = run("lwb-5", "--quick", "--out", tmp_path / "taken")
    assert result.exit_code == 1
    assert result.output == f"paper_figures: cannot write to {tmp_path / 'taken'}: File exists\n"


def test_interrupted_figure_leaves_whole_files_only(tmp_path, monkeypatch):
    def interrupted(data):
        raise KeyboardInterrupt

    small = registry.PaperFigure("", lambda quick: {"x": np.arange(3.0)}, interrupted, lambda data: "")
    monkeypatch.setitem(registry.FIGURES, "lwb-5", small)
    result = run("lwb-5", "--out", tmp_path)
    assert result.exit_code == 130  # 128 + SIGINT, as shells expect
    assert result.output == "paper_figures: interrupted; every file written is whole\n"
    assert [path.name for path in tmp_path.iterdir()] == ["lwb-5.npz"]
    np.testing.assert_array_equal(load_arrays(tmp_path / "lwb-5.npz")["x"], np.arange(3.0))


def test_interrupted_write_keeps_the_file_before(tmp_path):
    target = tmp_path / "caption.txt"
    target.write_text("before")

    def interrupted():
        with write_whole(target) as file:
            file.write(b"half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["caption.txt"]
    assert target.read_text() == "before"


def test_pickled_data_are_refused(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.array([{"code": "anything"}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_arrays(tmp_path / "data.npz")


def test_an_unknown_option_is_one_line(capsys):
    assert command(["--frobnicate"]) == 2
    assert capsys.readouterr().err == "paper_figures: No such option: --frobnicate\n"


def test_exit_status_of_the_command(capsys):
    assert command(["--list"]) == 0
    assert command(["nope"]) == 2
    assert "unknown figure 'nope'" in capsys.readouterr().err


@pytest.fixture
def written(monkeypatch):
    """A figure about handwriting that keeps the images' shape."""
    figure = registry.PaperFigure(
        "", lambda quick, source: {"shape": np.array(source.load().images.shape)}, lambda data: Figure(),
        lambda data: f"{data['shape']}", needs=("data",), handwriting=True,
    )  # fmt: skip
    monkeypatch.setitem(registry.FIGURES, "lwb-5", figure)


def test_handwriting_is_the_one_that_is_asked_for(tmp_path, written):
    assert run("lwb-5", "--out", tmp_path / "a").exit_code == 0
    assert (tmp_path / "a" / "lwb-5.txt").read_text() == "[1797    8    8]"
    for name, array in (("images-idx3", np.zeros((3, 4, 5))), ("labels-idx1", np.zeros(3))):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
        (tmp_path / f"train-{name}-ubyte").write_bytes(head + array.astype(np.uint8).tobytes())
    assert run("lwb-5", "--out", tmp_path / "b", "--data", "mnist", "--data-folder", tmp_path).exit_code == 0
    assert (tmp_path / "b" / "lwb-5.txt").read_text() == "[3 4 5]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "letters"], "--data must be one of 'digits', 'mnist'; got 'letters'"),
        (
            ["--data", "mnist", "--data-folder", "no/such/folder"],
            "data folder must be a folder that exists; got no/such/folder",
        ),
        (
            ["--data-folder", "somewhere"],
            "folder goes with data 'mnist' only; the digits come with scikit-learn; got somewhere",
        ),
    ],
)
def test_wrong_handwriting_is_one_line_and_status_2(tmp_path, written, arguments, message):
    result = run("lwb-5", "--out", tmp_path / "nothing", *arguments)
    assert result.exit_code == 2
    assert result.output == f"paper_figures: {message}\n"
    assert not (tmp_path / "nothing").exists()


def test_a_weight_file_that_is_missing_is_one_line_and_status_2(tmp_path, written, monkeypatch):
    monkeypatch.setenv("MANIFOLD_SCORES_INCEPTION", "no/such/file")
    result = run("lwb-5", "--out", tmp_path / "nothing")
    assert result.exit_code == 2
    assert result.output == "paper_figures: Inception's weights must be a file that exists; got no/such/file\n"
    assert not (tmp_path / "nothing").exists()


def test_images_that_a_figure_cannot_use_are_one_line_and_status_2(tmp_path, monkeypatch):
    def unusable(quick, source):
        raise UnusableDataError("no fours")

    figure = registry.PaperFigure("", unusable, lambda data: Figure(), lambda data: "", handwriting=True)
    monkeypatch.setitem(registry.FIGURES, "lwb-5", figure)
    result = run("lwb-5", "--out", tmp_path)
    assert (result.exit_code, result.output) == (2, "paper_figures: no fours\n")
    assert list(tmp_path.iterdir()) == []
