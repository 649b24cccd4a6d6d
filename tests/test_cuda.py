"""What runs on cards: on a real one where there is one, else on numba's simulator, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import cuda

CASES = Path(__file__).parent / "device_cases"


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.py") if path.stem != "conftest"))
def test_device_cases(name):
    """Whether kernels are simulated is decided when numba is imported."""
    simulated = {} if cuda.is_available() else {"NUMBA_ENABLE_CUDASIM": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        str(CASES / f"{name}.py"),
    ]
    result = subprocess.run(
        command, cwd=CASES.parents[1], env=os.environ | simulated, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert "passed" in result.stdout
