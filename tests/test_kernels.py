"""Compiled kernels and the plain functions they are made of."""

import ast
import fractions
import importlib
import os
import pathlib
import pkgutil
import subprocess
import sys
import types

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import manifold_scores as ms
from manifold_scores import compute
from manifold_scores.compute import compilation, cpu_exponential, error_free
from tests import strategies

EPSILON = np.finfo(np.float64).eps

PACKAGE = pathlib.Path(ms.__file__).parent
ROOT = PACKAGE.parent

MODULES = [
    importlib.import_module(f"{compute.__name__}.{info.name}") for info in pkgutil.iter_modules(compute.__path__)
]


# 2**x

EXP2_ULPS = 1.6
"""For results just below a power of two: 0.5 for the last sum, 0.5 and 0.25 for the two before, 0.31 for the
coefficients."""


def exp2(exponents, function=cpu_exponential.exp2_tile):
    scratch = np.empty(len(exponents))
    power = np.empty(len(exponents))
    function(np.asarray(exponents, dtype=float), scratch, scratch.view(np.int64), power)
    return power


def _ulps(exponents, powers):
    with mp.workdps(40):
        return [
            float(abs(mpf(float(power)) - mpf(2) ** mpf(float(x))) / mpf(float(np.spacing(power))))
            for x, power in zip(exponents, powers, strict=True)
        ]


def test_exp2_is_within_its_rounding_bound():
    rng = np.random.default_rng(0)
    exponents = np.concatenate([
        rng.uniform(-900, 1023, 2000), rng.uniform(-60, 1, 2000), rng.uniform(-0.51, 0.51, 4000),
        np.arange(-900.0, 1023.0, 13.0), np.arange(-20, 20) + 0.5, np.nextafter(np.arange(-20, 20) + 0.5, 99.0),
        [0.0, -0.0, 5e-324, -5e-324, 1e-17, -1e-17],
    ])  # fmt: skip
    assert max(_ulps(exponents, exp2(exponents))) <= EXP2_ULPS


def test_exp2_is_exact_at_integers():
    exponents = np.arange(-900.0, 1024.0)
    np.testing.assert_array_equal(exp2(exponents), np.ldexp(1.0, exponents.astype(int)))


def test_exp2_is_zero_below_its_floor():
    np.testing.assert_array_equal(exp2([-900.5, -1100.0, -1e9, -1e290]), np.zeros(4))


def test_exp2_does_not_depend_on_the_place_in_the_tile():
    exponents = np.random.default_rng(1).uniform(-300, 300, 61)
    together = exp2(exponents)
    for j in (0, 7, 30, 60):
        assert exp2(exponents[j:])[0] == together[j]
        assert exp2(exponents[j : j + 1])[0] == together[j]


def test_exp2_in_plain_python_agrees():
    exponents = np.random.default_rng(2).uniform(-300, 300, 60)
    plain = exp2(exponents, cpu_exponential.exp2_tile.py_func)
    # Compiled, multiply and add are fused: one rounding instead of two.
    np.testing.assert_allclose(plain, exp2(exponents), rtol=2 * EPSILON)


def test_the_coefficients_have_the_error_they_claim():
    with mp.workdps(40):
        coefficients = [mpf(c) for c in reversed(cpu_exponential.COEFFICIENTS)]
        points = [mpf(i) / 4000 - mpf(1) / 2 for i in range(4001)]
        worst = max(abs(mp.polyval(coefficients, f) / mpf(2) ** f - 1) for f in points)
    assert worst <= 3.45e-17  # the module claims 3.4e-17; half an ulp of 1 is 1.1e-16


# Error-free transformations

moderate = st.floats(-1e100, 1e100, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-100)


@given(moderate, moderate)
def test_the_error_of_a_product_is_exact(a, b):
    product = a * b
    lost = fractions.Fraction(a) * fractions.Fraction(b) - fractions.Fraction(product)
    assert fractions.Fraction(error_free.product_error(a, b, product)) == lost
    assert fractions.Fraction(_compiled_product_error(a, b, product)) == lost


@given(moderate, moderate)
def test_the_error_of_a_sum_is_exact(a, b):
    total = a + b
    lost = fractions.Fraction(a) + fractions.Fraction(b) - fractions.Fraction(total)
    assert fractions.Fraction(error_free.sum_error(a, b, total)) == lost
    assert fractions.Fraction(error_free.sum_error.py_func(a, b, total)) == lost


@numba.njit
def _compiled_product_error(a, b, product):
    return error_free.product_error(a, b, product)


# One specialisation each


def _dispatchers():
    found = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, numba.core.dispatcher.Dispatcher) and value.py_func.__module__ == module.__name__:
                found[f"{module.__name__}.{name}"] = value
    return found


def test_each_kernel_has_one_signature_whatever_comes_in():
    readonly = np.ones((4, 2))
    readonly.flags.writeable = False
    laws = {law.kind: law for law in strategies.examples().values()}
    for law in laws.values():
        d = law.dimension
        points = np.random.default_rng(0).standard_normal((6, d))
        frozen = points.copy()
        frozen.flags.writeable = False
        t = np.full(6, 0.5)
        t_frozen = t.copy()
        t_frozen.flags.writeable = False
        for x in (
            points,
            frozen,
            points[0],
            points.tolist(),
            points.astype("f4"),
            np.asfortranarray(points),
            points[::2],
        ):
            for s in (0.5, t[: len(x)] if np.ndim(x) == 2 else 0.5, t_frozen[: len(x)] if np.ndim(x) == 2 else 1):
                law.measure.tilt(x, s)
                law.measure.tilt_covariance_trace(x, s)
            for process in (ms.BrownianMotion(), ms.OrnsteinUhlenbeck()):
                ms.NoisedMeasure(law.measure, process).score(x, t[: len(x)] if np.ndim(x) == 2 else 0.5)
    counts = {name: len(kernel.signatures) for name, kernel in _dispatchers().items() if _is_entry(kernel)}
    assert counts
    assert {name: count for name, count in counts.items() if count > 1} == {}
    assert any(counts.values())


def _is_entry(kernel):
    """Entry points take arrays from Python, and hold no lock of Python's."""
    return bool(kernel.targetoptions.get("nogil"))


# Flags are chosen in one place

DECORATORS = {"njit", "jit", "vectorize", "guvectorize", "stencil", "cfunc", "generated_jit", "jit_module"}
CHOSEN_IN = "compute/compilation.py"
CHOSEN_FOR_CARDS = "compute/cuda_compilation.py"


def violations(source, path):
    """Uses of a numba decorator, or of a flag set, outside of the two modules that choose them."""
    if path in (CHOSEN_IN, CHOSEN_FOR_CARDS):
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
        imported = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        for used in [name, *imported]:
            if used in DECORATORS:
                found.append((path, node.lineno, used))
        if isinstance(node, ast.keyword) and node.arg == "fastmath":
            found.append((path, node.lineno, "fastmath"))
    return found


def test_flags_are_chosen_in_one_module():
    for path in PACKAGE.rglob("*.py"):
        assert violations(path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).as_posix()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "from numba import njit\n@njit\ndef f(x): return x",
        "import numba\n@numba.jit(nopython=True)\ndef f(x): return x",
        "from numba import cuda\n@cuda.jit\ndef f(x): return x",
        "import numba as nb\nf = nb.vectorize(abs)",
        "from .compilation import exact\ng = exact.__wrapped__(fastmath=True)",
    ],
)
def test_the_checker_catches_a_planted_violation(planted):
    assert violations(planted, "compute/cpu_point_cloud.py")
    assert not violations(planted, CHOSEN_IN)


def test_flags_are_what_their_names_promise():
    def flags(name):
        options = getattr(compilation, name)(lambda x: x).targetoptions
        return set(options.get("fastmath") or ()), bool(options.get("nogil"))

    assert flags("exact") == (set(), False)
    assert flags("contracted") == ({"contract"}, False)
    assert flags("parallel") == (set(), True)
    assert flags("reduction") == (
        {"reassoc", "contract", "nsz"},
        False,
    )  # infinities, NaN and divisions stay as they are
    chosen = {
        node.targets[0].id
        for node in ast.parse((PACKAGE / CHOSEN_IN).read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    }
    assert chosen == {"exact", "contracted", "parallel", "reduction"}


def test_numba_is_imported_in_compute_only():
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "compute":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not [name for name in modules if name.split(".")[0] == "numba"], path


# Without compilation

UNCOMPILED_TOLERANCE = 1e-12
"""Compiled code fuses and reorders sums of at most a few hundred terms, exponents are up to a few hundred."""

PROBE = """
import sys
import numpy as np
import manifold_scores as ms
from tests import strategies
out = {}
laws = {law.kind: law.measure for law in strategies.examples().values()}
del laws["surface"]  # its kernels are those of curves, and take a minute uncompiled
laws["many tiles"] = ms.PointCloud(np.random.default_rng(0).standard_normal((70, 20)), np.geomspace(1e-250, 1, 70))
for kind, measure in laws.items():
    d = measure.ambient_dimension
    x = np.random.default_rng(1).uniform(-1, 1, (3, d))
    x[2] *= 30
    for s in (1e-3, 1.0, 1e3):
        tilt = measure.tilt(x, s)
        out[f"{kind} {s} log_mass"], out[f"{kind} {s} mean"] = tilt.log_mass, tilt.mean
        out[f"{kind} {s} displacement"] = tilt.displacement
        out[f"{kind} {s} covariance"] = measure.tilt_covariance(x, s)
        out[f"{kind} {s} trace"] = measure.tilt_covariance_trace(x, s)
    out[f"{kind} sample"] = measure.sample(3, 0)
np.savez(sys.argv[1], **out)
"""


def test_the_package_without_compilation_gives_the_same_numbers(tmp_path):
    found = []
    for disable in ("0", "1"):
        path = tmp_path / f"{disable}.npz"
        environment = os.environ | {"NUMBA_DISABLE_JIT": disable, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-W", "error", "-c", PROBE, path], env=environment, check=True, timeout=300)
        with np.load(path) as data:
            found.append(dict(data))
    compiled, plain = found
    assert compiled.keys() == plain.keys()
    for name, wanted in compiled.items():
        # Log masses as sizes of exponents go: up to 1e6 at a distance of 30 and s = 1e-3.
        scale = UNCOMPILED_TOLERANCE * (1 + np.abs(wanted).max())
        np.testing.assert_allclose(plain[name], wanted, rtol=0, atol=scale, err_msg=name)


def test_modules_of_compute_are_plain():
    for module in MODULES:
        assert isinstance(module, types.ModuleType)
        assert module.__doc__
