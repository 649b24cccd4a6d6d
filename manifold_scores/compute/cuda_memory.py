"""Arrays on the card: plain allocations, and what goes to it and comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from .cuda_compilation import ON_SIMULATOR

__all__ = ["available_bytes", "empty", "integers", "to_card", "to_host", "why_not"]

#: Bytes that the simulator pretends to have.
_SIMULATED = 2**28


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


def available_bytes() -> int:
    """Return how many bytes of the card are free."""
    return _SIMULATED if ON_SIMULATOR else int(cuda.current_context().get_memory_info()[0])


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
