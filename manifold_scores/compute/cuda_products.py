"""Products of matrices on the card, for whatever is dense: the one thing that a library does better.

cuBLAS drives the units for matrices, in true double or single precision, and is reached through cupy without a copy.
Where cupy is not installed, and on the simulator, a kernel of our own takes its place: tiles in shared memory, some
entries a thread.  Which one is decided here, once, when this module is imported; `LIBRARY` says which.  Where
CUPY_TF32 asks for products of fewer bits than float32 has, ours is used too.  Either adds up in a fixed order.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from typing import Any

from numba import cuda

from .cuda_compilation import ON_SIMULATOR, kernel

__all__ = ["LIBRARY", "multiply"]

# Threads along a side of a tile, entries of each along a side, and depth of what a tile holds of the factors.
_SIDE, _EACH, _DEPTH = (2, 8, 16) if ON_SIMULATOR else (16, 4, 16)
_WIDTH = _SIDE * _EACH
_STEPS = _WIDTH * _DEPTH // (_SIDE * _SIDE)


def _library() -> Any:
    """Return cupy, or None where it is not installed or would give away bits."""
    if ON_SIMULATOR or os.environ.get("CUPY_TF32", "0") not in ("", "0") or importlib.util.find_spec("cupy") is None:
        return None
    return importlib.import_module("cupy")


_cupy = _library()
#: What multiplies matrices in this process: "cuBLAS" or "numba".
LIBRARY = "numba" if _cupy is None else "cuBLAS"


@functools.cache
def _tiled(transposed: bool, real: Any) -> Any:
    """Return the kernel that fills out (m, n) with a (m, k) times b (k, n), or times the transpose of b (n, k)."""
    nothing, shape, entries = real(0.0), (_DEPTH, _WIDTH + 1), (_EACH, _EACH)

    @kernel
    def fill(a: Any, b: Any, out: Any) -> None:
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        left = cuda.shared.array(shape, real)
        right = cuda.shared.array(shape, real)
        sums = cuda.local.array(entries, real)
        column, row = cuda.local.array(_EACH, real), cuda.local.array(_EACH, real)
        rows, columns, depth = out.shape[0], out.shape[1], a.shape[1]
        first_row, first_column = cuda.blockIdx.y * _WIDTH, cuda.blockIdx.x * _WIDTH
        thread = y * _SIDE + x
        for i in range(_EACH):
            for j in range(_EACH):
                sums[i, j] = nothing
        for start in range(0, depth, _DEPTH):
            for step in range(_STEPS):
                place = step * _SIDE * _SIDE + thread
                # Neighbouring threads read neighbouring numbers.
                i, k = place // _DEPTH, place % _DEPTH
                inside = first_row + i < rows and start + k < depth
                left[k, i] = a[first_row + i, start + k] if inside else nothing
                if transposed:
                    inside = first_column + i < columns and start + k < depth
                    right[k, i] = b[first_column + i, start + k] if inside else nothing
                else:
                    k, j = place // _WIDTH, place % _WIDTH
                    inside = first_column + j < columns and start + k < depth
                    right[k, j] = b[start + k, first_column + j] if inside else nothing
            cuda.syncthreads()
            for k in range(_DEPTH):
                for i in range(_EACH):
                    column[i], row[i] = left[k, y + i * _SIDE], right[k, x + i * _SIDE]
                for i in range(_EACH):
                    for j in range(_EACH):
                        sums[i, j] += column[i] * row[j]
            cuda.syncthreads()
        for i in range(_EACH):
            for j in range(_EACH):
                m, n = first_row + y + i * _SIDE, first_column + x + j * _SIDE
                if m < rows and n < columns:
                    out[m, n] = sums[i, j]

    return fill


def multiply(a: Any, b: Any, out: Any, *, transposed: bool = False) -> None:
    """Fill out (m, n) with a (m, k) times b (k, n), or times the transpose of b (n, k).

    Arrays of the card, C-contiguous, of one precision, in which each entry is added up.
    """
    if _cupy is not None:
        factor = _cupy.asarray(b)
        _cupy.dot(_cupy.asarray(a), factor.T if transposed else factor, out=_cupy.asarray(out))
        return
    rows, columns = out.shape
    grid = (-(-columns // _WIDTH), -(-rows // _WIDTH))
    _tiled(transposed, out.dtype.type)[grid, (_SIDE, _SIDE)](a, b, out)
