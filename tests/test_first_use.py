"""First calls: kernels on disk that are shared, never stale, and never a reason to fail; and `warmup`."""

import ast
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import manifold_scores as ms
from manifold_scores.compute.kernel_cache import sources

PACKAGE = pathlib.Path(ms.__file__).parent
COMPUTE = PACKAGE / "compute"

# A law whose kernels are few, and how many signatures were compiled and how many loaded.
CALL = """
import sys
import manifold_scores as ms
law = ms.Segment([0.0, 1.0], [1.0, 1.0]).uniform()
print(law.tilt([0.3, 0.4], 0.5).mean.tolist())
kernels = [
    value for name, module in list(sys.modules.items()) if name.startswith("manifold_scores.compute.")
    for value in vars(module).values() if hasattr(value, "stats")
]
print(sum(sum(each.stats.cache_misses.values()) for each in set(kernels)))
print(sum(sum(each.stats.cache_hits.values()) for each in set(kernels)))
"""


def environment(folder, root=PACKAGE.parent):
    return os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(root), "NUMBA_NUM_THREADS": "1"}


def start(folder, code=CALL, root=PACKAGE.parent, **more):
    command = [sys.executable, "-W", "error", "-c", code]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(folder, root) | more, cwd=root, **streams)


def finish(process):
    """(mean, signatures compiled, signatures loaded) of a call."""
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert error == ""
    mean, compiled, loaded = out.splitlines()
    return mean, int(compiled), int(loaded)


def files(folder):
    return sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache that four processes filled at once, and what they returned."""
    folder = tmp_path_factory.mktemp("kernels")
    processes = [start(folder) for _ in range(4)]
    return folder, [finish(process) for process in processes]


@pytest.fixture
def copied(filled, tmp_path):
    shutil.copytree(filled[0], tmp_path / "kernels")
    return tmp_path / "kernels"


def test_processes_that_compile_at_once_do_not_disturb_each_other(filled):
    folder, results = filled
    assert len({mean for mean, _, _ in results}) == 1
    assert {path.suffix for path in files(folder)} == {".kernel"}  # nothing unfinished is left
    mean, compiled, loaded = finish(start(folder))
    assert mean == results[0][0]
    assert compiled == 0
    assert loaded > 0


DAMAGES = [
    lambda content: content[: len(content) // 2],
    lambda content: content[:-1000] + bytes([content[-1000] ^ 1]) + content[-999:],  # in the machine code
    lambda content: b"",
    lambda content: bytes(len(content)),
]


def test_a_damaged_file_is_compiled_anew_and_replaced(filled, copied):
    for i, path in enumerate(files(copied)):
        path.write_bytes(DAMAGES[i % len(DAMAGES)](path.read_bytes()))
    mean, compiled, loaded = finish(start(copied))
    assert mean == filled[1][0][0]
    assert compiled > 0
    assert loaded == 0
    assert finish(start(copied))[1] == 0


def test_a_cache_that_can_no_longer_be_written_or_read_is_done_without(filled, tmp_path):
    # The folder is chosen when a module is imported; it turns into a file before the first call.
    folder = tmp_path / "kernels"
    code = CALL.replace(
        "law = ",
        f"import pathlib, shutil, manifold_scores.compute.cpu_interval\n"
        f"shutil.rmtree({str(folder)!r}); pathlib.Path({str(folder)!r}).write_text('')\nlaw = ",
    )
    mean, compiled, loaded = finish(start(folder, code))
    assert mean == filled[1][0][0]
    assert compiled > 0
    assert loaded == 0


def test_where_the_package_cannot_be_written_the_cache_is_the_users(filled, tmp_path):
    root, home = tmp_path / "site", tmp_path / "home"
    shutil.copytree(PACKAGE, root / "manifold_scores", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "manifold_scores" / "compute" / "__pycache__").write_text("a file where the folder of the cache would be")
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    assert finish(start("", root=root, **places))[0] == filled[1][0][0]
    assert {path.suffix for path in files(home)} == {".kernel"}
    assert finish(start("", root=root, **places))[1] == 0


def test_a_change_of_an_imported_module_is_a_change_of_the_kernel(tmp_path):
    root, folder = tmp_path / "site", tmp_path / "kernels"
    shutil.copytree(PACKAGE, root / "manifold_scores", ignore=shutil.ignore_patterns("__pycache__"))
    before = finish(start(folder, root=root))
    imported = root / "manifold_scores" / "compute" / "formulas.py"
    text = imported.read_text()
    assert "root = math.sqrt(variance)" in text
    imported.write_text(text.replace("root = math.sqrt(variance)", "root = 2.0 * math.sqrt(variance)"))
    mean, compiled, loaded = finish(start(folder, root=root))
    assert mean != before[0]
    assert compiled > 0
    assert loaded > 0  # what does not import formulas.py


def test_every_import_within_compute_is_seen():
    for path in COMPUTE.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("manifold_scores") for name in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or not (node.module or "").startswith("manifold_scores"), path
                if node.level == 1:
                    names = {node.module} if node.module else {name.name for name in node.names}
                    assert names <= set(sources(path.stem)), (path, names)


def test_first_calls_compile_no_texts(tmp_path):
    # Assignments between arrays compile the text of their error message, which takes longer than most kernels.
    code = """
import numpy as np
from numba.core import event
import manifold_scores as ms
modules = set()
class Listener(event.Listener):
    def on_start(self, started): modules.add(started.data["dispatcher"].py_func.__module__)
    def on_end(self, ended): pass
event.register("numba:compile", Listener())
for law in (
    ms.Circle().uniform(), ms.Gaussian([0.0, 1.0], np.eye(2)), ms.Segment([0.0, 1.0], [1.0, 1.0]).uniform(),
    ms.Box([0.0, 0.0], [1.0, 1.0]).uniform(),
):
    law.tilt([0.3, 0.4], 0.5)
print(*sorted(modules))
"""
    process = start(tmp_path, code)
    out, error = process.communicate(timeout=300)
    assert error == ""
    assert "manifold_scores.compute.cpu_sphere" in out.split()
    assert not [module for module in out.split() if "unicode" in module]


# Warming up


def compiled_so_far():
    kernels = {
        value
        for name, module in list(sys.modules.items())
        if name.startswith("manifold_scores.compute.")
        for value in vars(module).values()
        if hasattr(value, "stats")
    }
    return sum(len(kernel.signatures) for kernel in kernels)


def test_after_warming_up_common_calls_compile_nothing(capsys):
    seconds = ms.warmup()
    assert set(seconds) == {
        "point clouds", "spheres", "Gaussians", "segments and boxes", "curves and surfaces", "smoothing",
    }  # fmt: skip
    assert capsys.readouterr().err == ""
    before, rng = compiled_so_far(), np.random.default_rng(1)
    assert before > 0
    patch = ms.Surface(lambda u, v: np.stack([u, v, u * v], -1), (0.0, 1.0), (0.0, 2.0))
    for law in (
        ms.PointCloud(rng.standard_normal((1000, 3)), np.arange(1.0, 1001.0)),
        ms.PointCloud([[1.0]]),
        ms.Sphere(4).von_mises_fisher([1.0, 0.0, 0.0, 0.0], 3.0),
        ms.Gaussian([0.0, 1.0], [[1.0, 1.0], [1.0, 1.0]]),
        ms.Segment([0.0], [1.0]).uniform(),
        ms.Box(np.zeros(3), np.ones(3)).uniform(),
        patch.uniform(),
    ):
        noised, x = ms.NoisedMeasure(law, ms.VariancePreserving()), np.full((3, law.ambient_dimension), 0.2)
        for target in (noised.score, noised.posterior_covariance, noised.score_divergence):
            target(x.astype(np.float32), np.array([0.1, 0.2, 0.3]))
    patch.project([0.0, 1.0, 2.0])
    ms.SmoothedScore(
        ms.NoisedMeasure(ms.PointCloud(rng.standard_normal((9, 5))), ms.OrnsteinUhlenbeck()), ms.GaussianKernel(0.1),
        nodes=256, rng=0,
    ).log_density(np.zeros(5), 0.1)  # fmt: skip
    assert compiled_so_far() == before


def test_warming_up_shows_a_bar_if_asked(capsys):
    ms.warmup(progress=True)
    assert "warming up" in capsys.readouterr().err
