"""How this package compiles code for NVIDIA cards; `compilation` is its counterpart for the CPU.

`kernel` is launched over a grid of threads, `device` is called by kernels.  Scalar formulas are the CPU's own: a
function compiled by `compilation.exact` is compiled again for the card where a kernel calls it, and on the simulator
it is the CPU's.  The compiler fuses products and sums where it likes, so a product that an error-free transformation
needs rounded is taken by `rounded_product`.

No kernel uses atomic operations on floating-point numbers: every sum has a fixed order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from numba import cuda

__all__ = ["ON_SIMULATOR", "device", "kernel"]

#: Whether kernels run as threads of Python, which needs no card: for tests.
ON_SIMULATOR = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that is launched as kernel[blocks, threads](arrays)."""
    return cuda.jit(function)


def device(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call."""
    return cuda.jit(function, device=True)
