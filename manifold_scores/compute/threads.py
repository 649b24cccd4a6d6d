"""Kernels over ranges of independent tasks, run by the threads of this process.

A `parallel` kernel does tasks first .. last - 1 and holds no lock of Python's meanwhile, so threads of Python suffice:
they may be called from any number of other threads, an interrupt arrives between two ranges, and a forked process
starts its own.  There are NUMBA_NUM_THREADS of them, or as many as the process may use cores.  Every task owns what it
writes and sums in an order of its own: results do not depend on the number of threads.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba

__all__ = ["available", "one_thread", "spread"]

_THREADS: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined] # defined when it is imported
#: Ranges per thread: what may be left to do when the first thread finds nothing more is a part of one of them.
_RANGES = 16

_here = threading.local()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS - 1, "manifold_scores")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let kernels called by this thread run in it alone, as those of a Dask worker, whatever other threads do."""
    before = getattr(_here, "alone", False)
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = before


def available() -> int:
    """Return how many threads `spread` uses at most."""
    return 1 if getattr(_here, "alone", False) else _THREADS


def spread(kernel: Callable[..., None], tasks: int, *arguments: Any, grain: int = 1) -> None:
    """Call kernel(first, last, *arguments) for ranges that cover the tasks 0 .. tasks - 1, on all threads.

    `grain` tasks at least are one range: some 50 us of work, which is what it takes to wake a thread.
    """
    threads = min(available(), -(-tasks // grain))
    if threads <= 1:
        if tasks > 0:
            kernel(0, tasks, *arguments)
        return
    size = max(grain, -(-tasks // (_RANGES * threads)))
    ranges = deque((first, min(first + size, tasks)) for first in range(0, tasks, size))

    def work() -> None:
        try:
            while True:
                try:
                    first, last = ranges.popleft()
                except IndexError:  # none is left
                    return
                kernel(first, last, *arguments)
        finally:
            ranges.clear()  # after an error, or an interrupt: the other threads end too

    helpers = [_pool().submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for helper in helpers:
            if not helper.cancel():  # it has begun
                helper.result()
