"""Arrays on the card: plain allocations, and what goes to it and comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from .cuda_compilation import ON_SIMULATOR

__all__ = [
    "adopt",
    "empty",
    "integers",
    "lift",
    "repeat",
    "spare_bytes",
    "synchronize",
    "to_card",
    "to_host",
    "why_not",
]

#: Bytes that the simulator pretends to have, and the share of free ones that one piece of work may take.
_SIMULATED, _SHARE = 2**28, 0.25


def why_not() -> str | None:
    """Return why nothing can be computed on a card here, or None if it can."""
    if ON_SIMULATOR:
        return None
    if cuda.is_available():
        return None
    try:
        cuda.current_context()
    except (ImportError, RuntimeError, OSError) as error:  # the driver, the toolkit or the card, in numba's words
        return " ".join(str(error).split())
    return "numba finds no usable card"


def spare_bytes() -> int:
    """Return how many bytes of the card one piece of work may take: a share of those that are free."""
    return int(_SHARE * (_SIMULATED if ON_SIMULATOR else cuda.current_context().get_memory_info()[0]))


def empty(shape: Any, real: Any = np.float64) -> Any:
    """Return an array of the card, not initialised."""
    return cuda.device_array(shape, dtype=real)


def integers(shape: Any) -> Any:
    """Return an array of 64-bit integers on the card, not initialised."""
    return cuda.device_array(shape, dtype=np.int64)


def to_card(array: NDArray[Any], real: Any = None) -> Any:
    """Return a C-contiguous copy on the card, rounded to `real` if that is given."""
    return cuda.to_device(np.ascontiguousarray(array, dtype=real))


def to_host(array: Any) -> NDArray[Any]:
    """Return a numpy copy of an array of the card."""
    return np.asarray(array.copy_to_host())


def adopt(array: Any) -> Any:
    """Return an array of any library that lives on the card as one of numba's: the same memory."""
    return array if ON_SIMULATOR or hasattr(array, "copy_to_host") else cuda.as_cuda_array(array)


def synchronize() -> None:
    """Wait until the card has done what it was asked for: other libraries have queues of their own."""
    cuda.synchronize()


def lift(array: Any, real: Any) -> Any:
    """Return a contiguous copy with numbers of the given precision; the array itself if it is one already."""
    if array.dtype == np.dtype(real) and array.is_c_contiguous():
        return array
    copy = empty(array.shape, real)
    if array.size:
        copy[...] = array
    return copy


def repeat(array: Any, shape: tuple[int, ...]) -> Any:
    """Return an array broadcast to a shape, as a contiguous copy; the array itself if it has that shape."""
    if tuple(array.shape) == shape:
        return array
    copy = empty(shape, array.dtype)
    if copy.size:
        copy[...] = array.reshape((1,) * (len(shape) - array.ndim) + tuple(array.shape))
    return copy
