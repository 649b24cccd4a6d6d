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

__all__ = ["ON_SIMULATOR", "device", "kernel", "of_arrays"]

#: Whether kernels run as threads of Python, which needs no card: for tests.
ON_SIMULATOR = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that is launched as kernel[blocks, threads](arrays)."""
    return cuda.jit(function)


def device(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call."""
    return cuda.jit(function, device=True)


def of_arrays(function: Callable[..., Any]) -> Any:
    """Return a function of arrays that was compiled for the CPU in a form that kernels can call.

    It is compiled for the card as it is; the simulator's arrays, or tuples of them, are unwrapped for it.
    """
    return (lambda *arguments: function(*map(_unwrapped, arguments))) if ON_SIMULATOR else function


def _unwrapped(value: Any) -> Any:
    if isinstance(value, tuple):
        parts = map(_unwrapped, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if type(value).__name__ == "FakeWithinKernelCUDAArray":
        value = value._item
    return value._ary if type(value).__name__ == "FakeCUDAArray" else value
