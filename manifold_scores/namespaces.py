"""Array namespaces in and out: numpy, torch, jax and others through array-api-compat and DLPack, without copies.

What the CPU can read is read where it lies.  Results are handed over as they are too, where the other library can take
them: torch always, jax where the memory is aligned as it needs (to 64 bytes), else by one copy.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FloatArray",
    "extended_array",
    "is_dask",
    "lives_on_card",
    "real_array",
    "restore",
    "restore_on_card",
    "to_numpy",
]

FloatArray: TypeAlias = NDArray[np.float64]

# Kinds of memory in DLPack that the CPU reads: its own, and what CUDA or ROCm pinned there.
_HOST_MEMORY = (1, 3, 11)


def _is_numpy_like(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, int, float, list, tuple)) or value is None


def is_dask(value: Any) -> bool:
    """Say whether value is a Dask array, without importing Dask."""
    return type(value).__module__.startswith("dask.array.") and hasattr(value, "__dask_graph__")


def lives_on_card(value: Any) -> bool:
    """Say whether value is an array on an NVIDIA card that kernels can work on: of numba, cupy or torch."""
    home = type(value).__module__
    if home.startswith("numba.cuda.simulator."):
        return True
    if _is_numpy_like(value) or home.startswith(("jax", "dask")) or getattr(value, "requires_grad", False):
        return False  # jax takes no arrays of other libraries' memory; what requires grad is refused with a reason
    return hasattr(value, "__cuda_array_interface__")


def restore_on_card(array: Any, like: Any) -> Any:
    """Return one of numba's arrays of the card in the library of `like`: the same memory."""
    home = type(like).__module__.partition(".")[0]
    if home == "torch":
        import torch

        return torch.as_tensor(array, device=like.device)
    if home == "cupy":
        import cupy

        return cupy.asarray(array)
    return array


def _elsewhere(value: Any) -> Any:
    """Return the device whose memory the CPU cannot read, or None."""
    device = getattr(value, "device", "cpu")
    if str(getattr(device, "type", device)).lower().startswith(("cuda", "gpu")):
        return device
    if lives_on_card(value) or hasattr(value, "__cuda_array_interface__"):
        return getattr(value, "device", "a GPU")
    try:
        kind, _ = value.__dlpack_device__()
    except Exception:  # no DLPack, or an array without memory that any could read: numpy says what is wrong
        return None
    return None if int(kind) in _HOST_MEMORY else device


def to_numpy(name: str, value: Any) -> NDArray[Any]:
    """View any array as numpy, or copy it where that is impossible; TypeError unless an array of numbers on the CPU."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array; fill it or leave the masked entries out")
    if not _is_numpy_like(value):
        if getattr(value, "requires_grad", False):
            raise TypeError(f"{name} requires grad, which the exact oracle does not track; pass {name}.detach()")
        device = _elsewhere(value)
        if device is not None:
            raise TypeError(f"{name} lives on {device}; arrays are read on the CPU: move {name} there first")
    try:
        only_dlpack = hasattr(value, "__dlpack__") and not hasattr(value, "__array__")
        return np.from_dlpack(value) if only_dlpack else np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        if type(error).__name__ == "TracerArrayConversionError":
            raise TypeError(
                f"{name} is traced by jax (jit, grad or vmap), which the exact oracle cannot follow; "
                "call it through jax.pure_callback"
            ) from None
        raise TypeError(f"{name} must be an array of real numbers; got {type(value).__name__} ({error})") from None


def extended_array(name: str, value: Any) -> FloatArray:
    """Return value as a float64 array that may hold infinities and NaN; TypeError unless real numbers."""
    array = to_numpy(name, value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be an array of real numbers; got dtype {array.dtype}")
    with np.errstate(over="ignore"):  # a longdouble beyond float64 becomes inf
        return np.asarray(array, dtype=np.float64)


def real_array(name: str, value: Any) -> FloatArray:
    """Return value as a finite float64 array; TypeError unless real numbers, ValueError unless finite."""
    result = extended_array(name, value)
    with np.errstate(invalid="ignore"):
        lowest, highest = result.min(initial=0.0), result.max(initial=0.0)  # NaN survives both: no array is made
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        bad = result[~np.isfinite(result)]
        raise ValueError(f"{name} must be finite; got {bad.size} value(s) that are not, the first is {bad.flat[0]}")
    return result


def restore(value: Any, like: Any) -> Any:
    """Return a numpy result in the array namespace of `like`, on the CPU (a float for a plain number).

    Results are float64, without a copy where the library can share the memory.  jax has no float64 unless
    `jax_enable_x64` is set: then they are rounded to float32, once, with a warning.
    """
    if not _is_numpy_like(like):
        from array_api_compat import array_namespace, device, is_array_api_obj, is_jax_array

        if is_array_api_obj(like):
            namespace = array_namespace(like)
            array = np.asarray(value)
            if is_jax_array(like):
                return _to_jax(array)
            dtype = namespace.bool if array.dtype == bool else namespace.float64
            where = None if is_dask(like) else device(like)
            return namespace.asarray(array, dtype=dtype, device=where)
    return value[()] if isinstance(value, np.ndarray) else value


def _to_jax(array: NDArray[Any]) -> Any:
    import jax

    if array.dtype == np.float64 and jax.dtypes.canonicalize_dtype(np.float64) != np.float64:
        warnings.warn(
            "jax_enable_x64 is off, so jax has no float64: the result, computed in float64, is rounded to float32",
            stacklevel=4,
        )
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    return jax.dlpack.from_dlpack(np.require(array, requirements=["C", "W"]))
