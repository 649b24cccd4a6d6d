"""One race in this process: `python -m benchmarks.worker NAME SIZE REPEATS THREADS FILE`; the command starts it.

Numbers of threads are read from the environment when libraries are loaded, so every race has a process of its own.
Lines on standard output say how far it is; FILE gets the result.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

from commands.files import save_json

from .machine import describe, keep_to


def main(arguments: list[str]) -> None:
    """Run the race and write what came out of it."""
    name, size, repeats, threads, path = arguments
    keep_to(int(threads))  # before any library asks how many cores there are
    warnings.filterwarnings("ignore", module=r"(torch|jax|pykeops|keopscore)")
    from .record import Setting
    from .registry import RACES

    race, start = RACES[name], time.perf_counter()
    setting = Setting(size, int(repeats), int(threads), lambda text: print(text, flush=True))
    cases = race.run(setting)
    result = {
        "race": race.name, "title": race.title, "size": size, "repeats": int(repeats), "threads": int(threads),
        "unit": race.unit, "scale": race.scale, "error": race.error, "axis": race.axis,
        "work_precision": race.work_precision, "seconds": time.perf_counter() - start, "machine": describe(),
        "cases": [case.as_json() for case in cases],
    }  # fmt: skip
    save_json(Path(path), result)


if __name__ == "__main__":
    main(sys.argv[1:])
