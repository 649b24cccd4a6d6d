"""The three ways this package compiles a function; no other module names numba flags.

Floating-point flags are a promise about accuracy, so they are chosen here, once:

* `exact`: no flags.  Error-free transformations survive only without them (`reassoc` deletes a compensated sum).
* `contracted`: fused multiply-add allowed; the order of operations stays as written.
* `reduction`: sums may be reordered, which is what lets them vectorise.  The order is fixed by the compiled code, so
  results stay deterministic.  Infinities and NaN keep their meaning.

`parallel` kernels do the tasks first .. last - 1, their first two arguments, for `threads.spread`; every task owns its
outputs and sums in a fixed order, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .kernel_cache import KernelCache

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]


# Nothing in C calls a kernel back; that takes a tenth of the time of compilation.
_COMMON: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}


def _compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    def decorate(function: Callable[..., Any]) -> Any:
        kernel = njit(**_COMMON, **options)(function)
        with contextlib.suppress(RuntimeError, OSError):  # no folder can be written: compile in every process
            kernel._cache = KernelCache(function, options)
        return kernel

    return decorate


exact = _compiler()
contracted = _compiler(fastmath={"contract"})
reduction = _compiler(fastmath={"reassoc", "contract", "nsz"})
parallel = _compiler(nogil=True)
