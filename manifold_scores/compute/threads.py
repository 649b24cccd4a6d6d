"""Kernels called from several Python threads at once, as those of a Dask worker."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numba

_numba: Any = numba  # typed in part

# numba's own layer of threads, `workqueue`, ends the process when two Python threads start kernels at the same time.
_TURN = threading.RLock()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let kernels called by this Python thread run on one thread each, whatever other Python threads do.

    With OpenMP or TBB such threads compute at the same time; with `workqueue`, which cannot, they take turns.
    """
    before = _numba.get_num_threads()
    _numba.set_num_threads(1)
    try:
        with _TURN if _numba.threading_layer() == "workqueue" else contextlib.nullcontext():
            yield
    finally:
        _numba.set_num_threads(before)
