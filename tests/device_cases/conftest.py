"""The simulator of cards, made quick and safe: its threads are threads of Python, which can be interrupted anywhere."""

import collections
import contextlib
import sys
import threading

import numpy as np
import pytest

from manifold_scores.compute.cuda_compilation import ON_SIMULATOR

_SWITCH_INTERVAL = 1e-5


@pytest.fixture(autouse=True, scope="session")
def _simulator():
    """Threads take turns often, since they wait for each other; what they share is made and put back under a lock."""
    if not ON_SIMULATOR:
        yield
        return
    from numba.cuda.simulator import kernel, kernelapi

    before = sys.getswitchinterval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernelapi.FakeCUDAShared, "array", _shared_array())
        patch.setattr(kernel, "swapped_cuda_module", _swapping(kernel.swapped_cuda_module))
        sys.setswitchinterval(_SWITCH_INTERVAL)
        yield
        sys.setswitchinterval(before)


def _shared_array():
    """Like the simulator's own, one array for each line; which two threads may otherwise both make."""
    from numba import types
    from numba.np.numpy_support import as_dtype

    lock = threading.Lock()

    def array(self, shape, dtype):
        caller = sys._getframe(1)
        line = caller.f_code.co_filename, caller.f_lineno
        with lock:
            if line not in self._allocations:
                self._allocations[line] = np.empty(shape, as_dtype(dtype) if isinstance(dtype, types.Type) else dtype)
            return self._allocations[line]

    return array


def _swapping(original):
    """Like the simulator's own, but the last function of a module to return puts `cuda` back, not the first."""
    lock, inside, swaps = threading.Lock(), collections.Counter(), {}

    @contextlib.contextmanager
    def swapped(function, module):
        place = id(function.__globals__)
        with lock:
            if inside[place] == 0:
                swaps[place] = original(function, module)
                swaps[place].__enter__()
            inside[place] += 1
        try:
            yield
        finally:
            with lock:
                inside[place] -= 1
                if inside[place] == 0:
                    swaps.pop(place).__exit__(None, None, None)

    return swapped
