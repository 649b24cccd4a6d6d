"""Output files that are whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

__all__ = ["load_arrays", "save_arrays", "save_json", "strict", "strict_json", "write_whole"]


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


def save_json(path: Path, value: Any) -> None:
    """Write strict JSON."""
    with write_whole(path) as file:
        file.write(strict_json(value).encode() + b"\n")


def strict_json(value: Any) -> str:
    """Return value as strict JSON."""
    return json.dumps(strict(value), allow_nan=False, ensure_ascii=False, indent=1)


def strict(value: Any) -> Any:
    """Return value in terms that JSON has: None for NaN and infinities, lists for arrays, at any depth."""
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
