"""What importing costs, which names are public, and that every one of them is documented."""

import inspect
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import manifold_scores as ms

ROOT = pathlib.Path(ms.__file__).parents[1]

HEAVY = [
    "numba", "llvmlite", "matplotlib", "sympy", "mpmath", "torch", "dask", "sklearn", "pandas", "cupy", "jax", "typer",
    "rich", "tqdm", "array_api_compat", "scipy.special", "scipy.linalg", "scipy.stats", "scipy.optimize",
    "scipy.sparse", "scipy.integrate", "scipy.spatial", "flint",
]  # fmt: skip
"""Imported on first use only."""

PUBLIC = [
    "AdaptedKernel", "AffineSubspace", "Box", "BoxQuadrature", "BrownianMotion", "Circle", "Curve", "Ellipse",
    "Embedded", "Expansion", "Gaussian", "GaussianKernel", "Helix", "LimaBean", "LinearInterpolant", "Manifold",
    "Measure", "Mixture", "NoisedMeasure", "OrnsteinUhlenbeck", "ParametricLaw", "PointCloud", "Process", "Product",
    "SampledKernel", "Segment", "SmoothedScore", "SmoothingKernel", "Sphere", "Surface", "SwissRoll", "TangentKernel",
    "Tilt", "Torus", "TranslatedManifoldKernel", "TubularQuadrature", "VariancePreserving", "WavyCircle",
    "assert_score_close", "evaluate", "expansion",
    "exponential_times", "geometric_times", "log_likelihood", "probability_flow", "renyi_divergence",
    "renyi_divergence_samples", "reverse_sde", "warmup",
]  # fmt: skip

PARAMETRIC = {
    "derivative", "parameter", "nearest", "metric", "volume_element", "principal_curvatures", "uniform", "measure",
}  # fmt: skip

RECORDS = {"Tilt", "Expansion", "ParametricLaw"}
"""Classes that users get but do not build."""

MEMBERS = {
    "Process": {"signal_scale", "noise_variance", "effective_variance", "drift", "diffusion", "log_signal_rate"},
    "Manifold": {
        "embed", "project", "distance", "tangent_basis", "normal_basis", "second_fundamental_form", "sample", "uniform",
    },
    "Measure": {"tilt", "tilt_covariance", "tilt_covariance_trace", "sample"},
    "NoisedMeasure": {
        "log_density", "score", "posterior_mean", "posterior_covariance", "noise", "score_jacobian", "score_divergence",
        "local_dimension", "sample",
    },
    "Sphere": {"von_mises_fisher", "uniform"},
    "AffineSubspace": {"measure", "uniform"},
    "Curve": PARAMETRIC | {"curvature", "arc_length", "geodesic_distance"},
    "Surface": PARAMETRIC,
    "ParametricLaw": {"density", "error_estimate"},
    "SmoothingKernel": {"sample", "normal_scale", "largest_normal_shift", "fisher_information"},
    "SmoothedScore": {"score", "log_density", "score_divergence", "posterior_mean"},
}  # fmt: skip


def run(code):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env=environment, check=True, timeout=120, capture_output=True, text=True).stdout


def test_importing_the_package_imports_nothing_heavy():
    loaded = set(run("import sys, manifold_scores; print(*sys.modules)").split())
    assert "numpy" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_building_measures_does_not_import_numba():
    code = (
        "import sys, manifold_scores as ms; ms.NoisedMeasure(ms.PointCloud([[1.0]]), ms.OrnsteinUhlenbeck());"
        "ms.Circle().project([3.0, 4.0]); ms.Circle().sample(5, 0); print(*sys.modules)"
    )
    assert "numba" not in run(code).split()


def test_curves_from_functions_do_not_import_sympy():
    code = (
        "import sys, numpy as np, manifold_scores as ms;"
        "c = ms.Curve(lambda u: np.stack([u, u * u], -1), (0.0, 1.0)); c.embed(0.5); c.metric(0.5);"
        "c.derivative(0.5, 1); print(*sys.modules)"
    )
    assert set(run(code).split()).isdisjoint({"sympy", "mpmath"})


def test_public_names():
    assert sorted(ms.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(ms, name).__module__.startswith("manifold_scores.")
    visible = {name for name in vars(ms) if name[0] != "_" and not inspect.ismodule(getattr(ms, name))}
    assert visible == set(PUBLIC)


@pytest.mark.parametrize("name", MEMBERS)
def test_members(name):
    for member in MEMBERS[name]:
        assert callable(getattr(getattr(ms, name), member)), member


def test_the_package_is_marked_as_typed():
    assert (pathlib.Path(ms.__file__).parent / "py.typed").is_file()


# Docstrings


def documented():
    """(function or class, docstring) of everything public, by name; a method belongs to the class that defines it."""
    found = {}
    for name in PUBLIC:
        thing = getattr(ms, name)
        found[name] = thing, inspect.getdoc(thing) or ""
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            inherited = value.__doc__ is None and member.endswith("_rows")  # what the base class says holds
            if inspect.isfunction(value) and member[0] != "_" and not inherited:
                found[f"{name}.{member}"] = value, inspect.getdoc(value) or ""
    return found


DOCUMENTED = documented()


def parameters(thing):
    return [name for name in inspect.signature(thing).parameters if name not in {"self", "args", "kwargs"}]


def listed(doc):
    """Names in the section Parameters of a numpy-style docstring, or None if there is no such section."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", doc, re.MULTILINE | re.DOTALL)
    if section is None:
        return None
    heads = re.findall(r"^(\*{0,2}\w+(?:, \w+)*) :", section[1], re.MULTILINE)
    return [name for head in heads for name in head.split(", ")]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstrings_exist_and_end_their_first_sentence(name):
    _, doc = DOCUMENTED[name]
    assert len(doc) > 20
    assert re.search(r"[.:;]", doc)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_parameters_are_documented_as_they_are(name):
    thing, doc = DOCUMENTED[name]
    if inspect.isclass(thing) and (inspect.isabstract(thing) or name in RECORDS):
        return
    names, section = parameters(thing), listed(doc)
    if section is not None:
        assert section == names
    elif not re.search(r"[Aa]rguments( and results)? as in `", doc):  # a method that says it in a sentence
        owner = DOCUMENTED[name.split(".")[0]][1]
        missing = [each for each in names if not re.search(rf"\b{each}\b", doc + owner)]
        assert missing == []


def test_the_checker_reads_docstrings():
    doc = "Do it.\n\nParameters\n----------\na, b : numbers\n    in metres.\nc : text.\n\nReturns\n-------\nd : it.\n"
    assert listed(doc) == ["a", "b", "c"]
    assert listed("Do it with a.") is None
    assert listed("Do it.\n\nParameters\n----------\nx : last") == ["x"]


def test_without_a_folder_for_the_cache_kernels_compile_in_memory(tmp_path):
    package = tmp_path / "manifold_scores"
    shutil.copytree(ROOT / "manifold_scores", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "compute" / "__pycache__").write_text("a file where the folder of the cache would be")
    (tmp_path / "home").write_text("a file where the home folder would be")
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    environment |= {
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(tmp_path),
    }
    code = "import manifold_scores as ms; print(ms.Segment([0.0], [1.0]).uniform().tilt([0.5], 1.0).mean[0])"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert float(ran.stdout) == pytest.approx(0.5, abs=1e-15)
