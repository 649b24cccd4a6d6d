"""Scripts run by a fresh interpreter, with so many threads: for what a process can be asked once only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from commands.threads import environment

ROOT = Path(__file__).resolve().parent.parent


def answer(script: str, arguments: list[Any], threads: int = 1, **variables: str) -> Any:
    """Return the JSON that a script prints in its last line; its arguments are in `arguments`.

    Raises RuntimeError with the last line of its errors if it fails.
    """
    preamble = (
        "import json, sys, time\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from benchmarks.machine import forget_peak, keep_to, peak, resident\n"
        f"keep_to({threads})\n"
        f"arguments = json.loads({json.dumps(arguments)!r})\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", preamble + script], env=environment(threads) | variables, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise RuntimeError((run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1])
    return json.loads(run.stdout.strip().splitlines()[-1])
