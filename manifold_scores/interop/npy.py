"""Arrays in .npy files as Dask arrays, read slice by slice."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NpyFile", "from_npy", "require_dask"]

_CHUNK_BYTES = 2**26


class NpyFile:
    """The array in an .npy file; slicing reads that part and nothing else.

    It travels as a path: nothing is kept open or in memory, and every process that sees the file can read from it.
    """

    def __init__(self, path: Any) -> None:
        self.path = os.path.abspath(os.fspath(path))
        memory = self._map()
        if memory.dtype.kind not in "fiu" or memory.ndim == 0:
            raise TypeError(
                f"path must lead to an array of real numbers; got shape {memory.shape}, dtype {memory.dtype}"
            )
        self.shape, self.dtype, self.ndim = memory.shape, memory.dtype, memory.ndim
        self.stamp = self._stamp()

    def __getitem__(self, index: Any) -> NDArray[Any]:
        if self._stamp() != self.stamp:
            raise ValueError(f"{self.path} has changed since it was opened; open it again")
        return np.array(self._map()[index])

    def _stamp(self) -> tuple[int, int]:
        status = os.stat(self.path)
        return status.st_size, status.st_mtime_ns

    def _map(self) -> NDArray[Any]:
        try:
            return np.asarray(np.lib.format.open_memmap(self.path, mode="r"))
        except (ValueError, EOFError) as error:
            raise ValueError(f"path must lead to an .npy file of numbers; {self.path}: {error}") from None


def require_dask() -> None:
    """Raise an ImportError that names the extra if dask is missing."""
    try:
        import dask.array  # noqa: F401
    except ImportError:
        raise ImportError('arrays larger than memory need dask: pip install "manifold-scores[dask]"') from None


def from_npy(path: Any, rows: Any = None) -> Any:
    """Return the array in an .npy file as a Dask array in chunks of rows, none of them read yet.

    Nothing is unpickled.  Unlike a memory map, which Dask would send whole, the Dask array sends the path: every worker
    has to see the file under it.

    Parameters
    ----------
    path : of the file.
    rows : how many rows a chunk has, or a tuple with the rows of each; default: as many as have 64 MB.  Weights are
        best read in the chunks of their points, `from_npy(path, rows=points.chunks[0])`.

    Raises
    ------
    ValueError, TypeError : no .npy file, or no numbers in it.
    ImportError : dask is missing.
    """
    require_dask()
    import dask.array

    file = NpyFile(path)
    if rows is None:
        rows = max(1, _CHUNK_BYTES // max(1, file.dtype.itemsize * math.prod(file.shape[1:])))
    chunks = dask.array.core.normalize_chunks((rows, *(-1 for _ in file.shape[1:])), file.shape, dtype=file.dtype)
    name = f"npy-{dask.base.tokenize(file.path, file.stamp, chunks)}"
    return dask.array.from_array(
        file, chunks=chunks, name=name, inline_array=True, meta=np.empty((0,) * file.ndim, file.dtype)
    )
