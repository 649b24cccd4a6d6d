"""Whether a run of hypothesis can be repeated."""

import importlib
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

VALUES = st.one_of(st.floats(), st.integers(), st.text(max_size=3))


def drawn():
    """What a derandomised test gets to see."""
    values = []

    @settings(max_examples=400, derandomize=True, database=None)
    @given(VALUES)
    def collect(value):
        values.append(repr(value))

    collect()
    return values


def test_examples_do_not_depend_on_the_modules_imported_before(tmp_path, monkeypatch):
    before = drawn()
    (tmp_path / "full_of_numbers.py").write_text("NUMBERS = [" + ", ".join(f"{k}.625" for k in range(1, 900)) + "]\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("full_of_numbers")
    try:
        assert 7.625 in module.NUMBERS
        assert drawn() == before
    finally:
        del sys.modules["full_of_numbers"]


def test_the_profile_is_derandomised():
    assert settings.default.derandomize
    assert settings.default.deadline is None
