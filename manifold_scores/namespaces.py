"""Array namespaces in and out: numpy, torch and others through array-api-compat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["restore", "to_numpy"]


def _is_numpy_like(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, int, float, list, tuple)) or value is None


def to_numpy(name: str, value: Any) -> NDArray[Any]:
    """View or copy any array as numpy; TypeError for what is not an array of numbers on the CPU."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array; fill it or leave the masked entries out")
    if not _is_numpy_like(value):
        if getattr(value, "requires_grad", False):
            raise TypeError(f"{name} requires grad, which the exact oracle does not track; pass {name}.detach()")
        device = getattr(value, "device", "cpu")
        if str(getattr(device, "type", device)).lower().startswith(("cuda", "gpu")):
            raise TypeError(f"{name} lives on {device}; this version computes on the CPU only: move {name} there first")
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be an array of real numbers; got {type(value).__name__} ({error})") from None


def restore(value: Any, like: Any) -> Any:
    """Return a numpy result in the array namespace of `like` (a float for a plain number)."""
    if not _is_numpy_like(like):
        from array_api_compat import array_namespace, is_array_api_obj

        if is_array_api_obj(like):
            namespace = array_namespace(like)
            array = np.asarray(value)
            return namespace.asarray(array, dtype=namespace.bool if array.dtype == bool else namespace.float64)
    return value[()] if isinstance(value, np.ndarray) else value
