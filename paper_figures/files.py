"""Output files that are whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

__all__ = ["load_arrays", "save_arrays", "write_whole"]


@contextmanager
def write_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of path for writing; it takes the name only if the block ends without exception.

    Ctrl-C is an exception too: the temporary file goes, and a file that had the name before stays as it was.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.chmod(0o644)  # mkstemp makes files for their owner only
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def save_arrays(path: Path, data: Mapping[str, np.ndarray]) -> None:
    """Write arrays to a compressed npz file."""
    with write_whole(path) as file:
        np.savez_compressed(file, **data)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read an npz file, without pickle."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
