"""Arrays without an owner, of which rows are taken without counting references.

A view of an array that came from Python counts one more owner, by an atomic operation on one place of memory that all
threads share: some 10 ns a row, which is what a few points cost.  Kernels that take rows in their loops begin with

    a, b = borrowed((a, b))

which is sound because the caller holds the arrays until the kernel returns.
"""

from __future__ import annotations

from typing import Any

from numba import config
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["borrowed"]


def _borrowed(_context: Any, arrays: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (kinds,), (given,) = signature.args, arguments
        taken = []
        for i, kind in enumerate(kinds):
            array = context.make_array(kind)(context, builder, builder.extract_value(given, i))
            for owner in ("meminfo", "parent"):
                setattr(array, owner, cgutils.get_null_value(getattr(array, owner).type))
            taken.append(array._getvalue())
        return context.make_tuple(builder, signature.return_type, taken)

    return arrays(arrays), generate


def _itself(arrays: Any) -> Any:
    return arrays


borrowed: Any = _itself if config.DISABLE_JIT else intrinsic(_borrowed)  # type: ignore[attr-defined]
