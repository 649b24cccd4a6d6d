"""The machine a race was run on, and what a process holds in memory."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

_CORES = "BENCHMARKS_CORES"
PACKAGES = ("manifold-scores", "numpy", "scipy", "numba", "torch", "jax", "pykeops", "scikit-learn")


def describe() -> dict[str, Any]:
    """Return machine, processor, versions and date."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "machine": platform.machine(), "system": platform.system(), "processor": processor(), "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(), "versions": versions,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def processor() -> str:
    """Return the name of the processor, with what says whether it has AVX-512 where that is known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    values = {key.strip(): value.strip() for key, value in fields.items()}
    wide = "avx512f" in values.get("flags", "").split()
    return f"{values.get('model name', platform.processor())}{', AVX-512' if wide else ''}"


def resident() -> int:
    """Return the bytes that this process holds in memory."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak()


def forget_peak() -> None:
    """Let `peak` start again from what is held now, where the system can do that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the most bytes that this process has held in memory, since `forget_peak` on Linux."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest


def keep_to(threads: int) -> None:
    """Restrict this process to so many cores: some libraries take no other limit.

    Processes that it starts choose from the same cores as it did, and not from those that it keeps to.
    """
    if hasattr(os, "sched_setaffinity"):
        allowed = os.environ.get(_CORES) or " ".join(map(str, sorted(os.sched_getaffinity(0))))
        os.environ[_CORES] = allowed
        os.sched_setaffinity(0, [int(core) for core in allowed.split()][-threads:])
