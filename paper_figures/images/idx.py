"""The idx format of MNIST: a header, big-endian, and the bytes of an array; nothing of it is executed.

Bytes 0 and 1 are zero, byte 2 is the type (8: unsigned bytes), byte 3 the number of dimensions k, then k sizes of
four bytes and the elements in C order (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["LARGEST", "read_idx"]

#: Bytes of elements a file may announce: twenty times MNIST.
LARGEST = 1 << 30

_UNSIGNED_BYTES = 8


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the uint8 array, with `dimensions` axes, of an idx file; a name that ends in .gz is decompressed.

    The header is checked before anything is allocated: a plain file has to have exactly the size it announces, and of a
    compressed one no more than that is unpacked.  ValueError names the file and what is wrong with it.
    """
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path, "rb") if packed else open(path, "rb") as file:
            shape = _shape(path, file, dimensions)
            size = math.prod(shape)
            if not packed:
                _same_size(path, path.stat().st_size - 4 - 4 * dimensions, size, shape)
            content = file.read(size)
            # Of a longer file one more byte is enough to know; at the end gzip compares its check sum.
            found = len(content) + len(file.read(1))
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}") from None
    except EOFError:
        raise ValueError(f"{path} is not a whole gzip file: it ends too early") from None
    _same_size(path, found, size, shape)
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _shape(path: Path, file: Any, dimensions: int) -> tuple[int, ...]:
    length = 4 + 4 * dimensions
    head = file.read(length)
    if len(head) < 4:
        raise ValueError(f"{path} is no idx file: {len(head)} bytes, shorter than any header")
    if head[:2] != b"\0\0":
        raise ValueError(f"{path} is no idx file: it starts with {head[:4].hex()}, not with 0000")
    if head[2] != _UNSIGNED_BYTES:
        raise ValueError(f"{path} must hold unsigned bytes (type 08); its type is {head[2]:02x}")
    if head[3] != dimensions:
        raise ValueError(f"{path} must have {dimensions} dimensions; it has {head[3]}")
    if len(head) < length:
        raise ValueError(f"{path} ends within its header, after {len(head)} of {length} bytes")
    shape = struct.unpack(f">{dimensions}I", head[4:])
    if not all(shape):
        raise ValueError(f"{path} is empty: its shape is {shape}")
    if math.prod(shape) > LARGEST:
        raise ValueError(f"{path} announces {math.prod(shape)} bytes, more than {LARGEST}: its shape is {shape}")
    return shape


def _same_size(path: Path, found: int, size: int, shape: tuple[int, ...]) -> None:
    if found != size:
        relation = "fewer" if found < size else "more"
        raise ValueError(f"{path} holds {relation} bytes than the {size} of its shape {shape}")
