"""The three ways this package compiles a function; no other module names numba flags.

Floating-point flags are a promise about accuracy, so they are chosen here, once:

* `exact`: no flags.  Error-free transformations survive only without them (`reassoc` deletes a compensated sum).
* `contracted`: fused multiply-add allowed; the order of operations stays as written.
* `reduction`: sums may be reordered, which is what lets them vectorise.  The order is fixed by the compiled code, so
  results stay deterministic.  Infinities and NaN keep their meaning.

`parallel` kernels run one `prange` over blocks of queries; every query owns its outputs and sums in a fixed order, so
the result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


def _compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, error_model="numpy", **options)(function)
        except RuntimeError:  # no folder for a cache can be written: compile in every process
            return njit(error_model="numpy", **options)(function)

    return decorate


exact = _compiler()
contracted = _compiler(fastmath={"contract"})
reduction = _compiler(fastmath={"reassoc", "contract", "nsz"})
parallel = _compiler(parallel=True)
