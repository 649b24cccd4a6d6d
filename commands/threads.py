"""How many threads numerical libraries may use: read from the environment when they are loaded, never after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


def environment(threads: int) -> dict[str, str]:
    """Return the environment for a process of so many threads."""
    return os.environ | dict.fromkeys(LIMITS, str(threads))


@contextmanager
def one_thread() -> Iterator[None]:
    """Let processes that start within the block have one thread each."""
    before = {name: os.environ.get(name) for name in LIMITS}
    os.environ.update(dict.fromkeys(LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
