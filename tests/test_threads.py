"""Ranges of tasks on threads: all done once, whatever the number of threads, after a fork and after an interrupt."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from manifold_scores.compute import threads
from tests.test_determinism import ROOT


@pytest.fixture(params=[1, 2, 5])
def count(request, monkeypatch):
    threads._pool.cache_clear()
    monkeypatch.setattr(threads, "_THREADS", request.param)
    yield request.param
    threads._pool.cache_clear()


@pytest.mark.parametrize("grain", [1, 3, 1000])
@pytest.mark.parametrize("tasks", [0, 1, 2, 7, 100])
def test_every_task_is_done_once(count, tasks, grain):
    done = np.zeros(tasks, dtype=int)
    sizes = []

    def kernel(first, last, out):
        assert first < last
        sizes.append(last - first)
        out[first:last] += 1

    threads.spread(kernel, tasks, done, grain=grain)
    assert (done == 1).all()
    assert len(sizes) <= max(1, threads._RANGES * count)
    assert sum(size < grain for size in sizes) <= 1


def test_one_thread_is_this_one(count):
    seen = []
    with threads.one_thread():
        with threads.one_thread():
            pass
        threads.spread(lambda first, last: seen.append((first, last, threading.get_ident())), 10)
    assert seen == [(0, 10, threading.get_ident())]


def test_other_threads_are_used(count):
    seen = set()

    def kernel(_first, _last):
        seen.add(threading.get_ident())
        time.sleep(0.01)

    threads.spread(kernel, 100)
    assert len(seen) == count


def test_an_interrupt_leaves_nothing_running(count):
    begun = []

    def kernel(first, _last):
        begun.append(first)
        time.sleep(0.05)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        threads.spread(kernel, 10_000)
    after = len(begun)
    time.sleep(0.1)
    assert len(begun) == after < threads._RANGES * count


@pytest.mark.parametrize("error", [ArithmeticError, IndexError])
def test_an_error_in_another_thread_arrives(count, error):
    def kernel(_first, _last):
        time.sleep(0.05)
        if count == 1 or threading.current_thread() is not threading.main_thread():
            raise error("in a kernel")

    with pytest.raises(error, match="in a kernel"):
        threads.spread(kernel, 1000)


# In a process of its own: other libraries that are loaded here have threads that a fork does not agree with.
FORKED = """
import multiprocessing
import numpy as np
import manifold_scores as ms

def score(queue):
    queue.put(noised.score(x, 0.1))

rng = np.random.default_rng(0)
noised = ms.NoisedMeasure(ms.PointCloud(rng.standard_normal((20_000, 2))), ms.BrownianMotion())
x = rng.standard_normal((2000, 2))
wanted = noised.score(x, 0.1)  # by threads, which the child does not have
context = multiprocessing.get_context("fork")
queue = context.Queue()
child = context.Process(target=score, args=(queue,))
child.start()
assert (queue.get(timeout=100) == wanted).all()
child.join(100)
assert child.exitcode == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_a_forked_process_may_call():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", FORKED], env=environment, check=False, timeout=300, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


INTERRUPTED = """
import signal, sys, threading, time
import numpy as np
import manifold_scores as ms

noised = ms.NoisedMeasure(ms.PointCloud(np.random.default_rng(0).standard_normal((100_000, 2))), ms.BrownianMotion())
x = np.random.default_rng(1).standard_normal((200_000, 2))
noised.score(x[:100], 10.0)
threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
start = time.perf_counter()
try:
    noised.score(x, 10.0)
except KeyboardInterrupt:
    print("interrupted", time.perf_counter() - start)
"""


def test_a_long_call_can_be_interrupted():
    """It would take 10 s or more; ranges of a thirty-second of it are finished first."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], env=environment, check=True, timeout=300, capture_output=True, text=True
    )
    assert run.stdout.startswith("interrupted")
