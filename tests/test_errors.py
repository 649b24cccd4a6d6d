"""Every error message, word by word; a last test finds the `raise` statements that no case reaches."""

import ast
import importlib.util
import pathlib
import re
import traceback
import types

import numpy as np
import pytest

import manifold_scores as ms
from tests.error_cases import CASES

PACKAGE = pathlib.Path(ms.__file__).parent

ROOMS = {"networks/": "torch"}
"""Rooms that cannot be entered without an optional package."""

OU = ms.OrnsteinUhlenbeck()
NOISED = ms.NoisedMeasure(ms.Circle().uniform(), OU)


@pytest.mark.parametrize(
    ("call", "exception", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_message(call, exception, message):
    with pytest.raises(exception) as caught:
        call()
    assert type(caught.value) is exception
    assert re.fullmatch(message, str(caught.value)), str(caught.value)


def _raises():
    """(file, line) of every `raise` of the package with a message, compute/ excepted: it validates nothing."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found |= {(path.relative_to(PACKAGE).as_posix(), node.lineno) for node in nodes if isinstance(node, ast.Raise)}
    return found


def _raised_by(call):
    try:
        call()
    except Exception as error:
        last = [
            frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(PACKAGE))
        ][-1]
        return pathlib.Path(last.filename).relative_to(PACKAGE).as_posix(), last.lineno
    return None


def test_every_raise_of_the_package_has_a_case():
    reached = {_raised_by(case[1]) for case in CASES}
    closed = tuple(room for room, package in ROOMS.items() if importlib.util.find_spec(package) is None)
    missing = {place for place in _raises() - reached if not place[0].startswith(closed)}
    assert not missing, f"no case of this file reaches {sorted(missing)}"


def test_compute_raises_nothing():
    assert not {place for place in _raises() if place[0].startswith("compute/")}


def test_subclasses_must_be_complete():
    for base in (ms.Measure, ms.Process, ms.Manifold):
        with pytest.raises(TypeError, match="abstract"):
            base()


def test_errors_stop_before_any_compiled_code():
    # The arguments are refused although the measure could not compute at all.
    class Broken(ms.PointCloud):
        def tilt_rows(self, centers, variances):
            raise AssertionError("computed")

    noised = ms.NoisedMeasure(Broken([[0.0, 0.0]]), OU)
    for x, t in ([1.0], 1.0), ([1.0, np.nan], 1.0), ([1.0, 2.0], 0.0), ([1.0, 2.0], [[1.0], [np.inf]]):
        with pytest.raises(ValueError, match=r"^[xt] "):
            noised.score(x, t)


def test_messages_never_print_arrays():
    big = np.full((300, 300), np.nan)
    for call in (lambda: NOISED.score(big, 1.0), lambda: ms.PointCloud(big), lambda: ms.Gaussian(np.zeros(300), big)):
        with pytest.raises(ValueError, match="finite") as caught:
            call()
        assert len(str(caught.value)) < 200
        assert isinstance(caught.value.__traceback__, types.TracebackType)
