"""The public boundary: validation and broadcasting.

Everything a user hands over passes through here once, before any compiled code.  Arithmetic is float64 whatever comes
in; results go back in the array namespace of the array that came in, as float64 (namespaces.py).
"""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .namespaces import FloatArray, extended_array, real_array, restore

__all__ = [
    "FloatArray",
    "Rows",
    "broadcast_shape",
    "choice",
    "count",
    "extended_array",
    "flag",
    "generator",
    "length_scale",
    "matrix",
    "multiply",
    "non_negative",
    "number",
    "orthonormal",
    "positive",
    "real_array",
    "restore",
    "symmetric",
    "times",
    "unit_vector",
    "variances",
    "vector",
    "weights",
]

# Squares of lengths over variances must stay far inside the float64 range.
LARGEST_LENGTH = 1e50
SMALLEST_LENGTH = 1e-50
LARGEST_COUNT = 2**40
LARGEST_TIME = 1e100
LARGEST_CENTER = 1e150
SMALLEST_VARIANCE = 1e-100
LARGEST_VARIANCE = 1e290
LARGEST_CONCENTRATION = 1e300


def _bounded(name: str, array: FloatArray, bound: float) -> FloatArray:
    largest = max(array.max(initial=0.0), -array.min(initial=0.0))  # without an array of absolute values
    if largest > bound:
        raise ValueError(f"{name} must not exceed {bound:g} in absolute value; got {largest:g}")
    return array


def number(name: str, value: Any) -> float:
    """Return value as a finite float; ValueError for an array with more than one entry."""
    array = real_array(name, value)
    if array.ndim != 0:
        raise ValueError(f"{name} must be a single number; got an array of shape {array.shape}")
    return float(array)


def positive(name: str, value: Any) -> float:
    """Return value as a positive finite float between 1e-50 and 1e50."""
    result = number(name, value)
    if result <= 0.0:
        raise ValueError(f"{name} must be positive and finite; got {result!r}")
    if not SMALLEST_LENGTH <= result <= LARGEST_LENGTH:
        raise ValueError(f"{name} must lie between {SMALLEST_LENGTH:g} and {LARGEST_LENGTH:g}; got {result!r}")
    return result


def non_negative(name: str, value: Any) -> float:
    """Return value as a float between 0 and 1e300."""
    result = number(name, value)
    if result < 0.0:
        raise ValueError(f"{name} must not be negative; got {result!r}")
    if result > LARGEST_CONCENTRATION:
        raise ValueError(f"{name} must not exceed {LARGEST_CONCENTRATION:g}; got {result!r}")
    return result


def count(name: str, value: Any, least: int = 0) -> int:
    """Return value as an integer >= least; TypeError for anything that is not an integer."""
    try:
        number = operator.index(value)
    except TypeError:
        given = f"{value!r} (float)" if isinstance(value, float) else type(value).__name__
        raise TypeError(f"{name} must be an integer; got {given}") from None
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer; got {value!r}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}; got {number}")
    if number > LARGEST_COUNT:
        raise ValueError(f"{name} must be at most {LARGEST_COUNT}; got {number}")
    return number


def _shown(value: Any) -> str:
    """Return a short text for what was given: never an array, which has many lines and no truth value."""
    return reprlib.repr(value) if value is None or isinstance(value, (str, int, float)) else type(value).__name__


def choice(name: str, value: Any, options: Iterable[str]) -> str:
    """Return value, one of the options; ValueError for anything else, hashable and comparable or not."""
    known = list(options)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {known}; got {_shown(value)}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return value as a bool; TypeError for anything else, whose truth may be ambiguous or accidental."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {_shown(value)}")
    return bool(value)


def generator(rng: Any) -> np.random.Generator:
    """Return a numpy Generator from None, a non-negative integer seed, or a Generator (returned as it is)."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    try:
        return np.random.default_rng(count("rng", rng))
    except TypeError:
        raise TypeError(f"rng must be None, an integer seed or a numpy Generator; got {type(rng).__name__}") from None


def vector(name: str, value: Any, size: int | None = None) -> FloatArray:
    """Return a copy as a float64 vector, of the given size if one is given."""
    array = real_array(name, value)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a non-empty vector; got shape {array.shape}")
    if size is not None and array.size != size:
        raise ValueError(f"{name} must have {size} entries; got {array.size}")
    return _bounded(name, array.copy(), LARGEST_LENGTH)


def unit_vector(name: str, value: Any, size: int) -> FloatArray:
    """Return value / |value|."""
    array = vector(name, value, size)
    largest = np.abs(array).max()
    if largest == 0.0:
        raise ValueError(f"{name} must not be the zero vector")
    array = array / largest
    return np.asarray(array / math.sqrt(math.fsum(array * array)))


def matrix(name: str, value: Any) -> FloatArray:
    """Return a copy as a C-contiguous float64 matrix with at least one row and column."""
    array = real_array(name, value)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be a non-empty matrix; got shape {array.shape}")
    return _bounded(name, np.array(array, order="C"), LARGEST_LENGTH)


def symmetric(name: str, value: Any, size: int) -> FloatArray:
    """Return a copy of a symmetric size x size matrix (asymmetry up to rounding is averaged away)."""
    array = real_array(name, value)
    if array.shape != (size, size):
        raise ValueError(f"{name} must have shape ({size}, {size}); got {array.shape}")
    _bounded(name, array, LARGEST_LENGTH**2)
    scale = np.sqrt(np.abs(np.outer(array.diagonal(), array.diagonal())))
    if (np.abs(array - array.T) > 1e-12 * scale).any():
        raise ValueError(f"{name} must be symmetric; the largest asymmetry is {np.abs(array - array.T).max():g}")
    return np.ascontiguousarray(0.5 * array + 0.5 * array.T)


def orthonormal(name: str, value: Any) -> FloatArray:
    """Return a copy of a d x m matrix whose columns are orthonormal to 1e-12."""
    array = matrix(name, value)
    if array.shape[1] > array.shape[0]:
        raise ValueError(f"{name} has one vector a column, so at most as many columns as rows; got shape {array.shape}")
    defect = np.abs(array.T @ array - np.eye(array.shape[1])).max()
    if defect > 1e-12:
        raise ValueError(
            f"{name} must have orthonormal columns; its Gram matrix is off the identity by {defect:g} "
            f"(numpy.linalg.qr gives an orthonormal basis)"
        )
    return array


def length_scale(name: str, array: FloatArray) -> FloatArray:
    """Return array if its entries stay within the lengths the package computes with."""
    return _bounded(name, array, LARGEST_LENGTH)


def weights(name: str, value: Any, size: int) -> FloatArray:
    """Return `size` non-negative weights, not all zero (one each for None), not normalised."""
    if value is None:
        return np.ones(size)
    array = real_array(name, value)
    if array.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},); got {array.shape}")
    if (array < 0.0).any():
        raise ValueError(f"{name} must be non-negative; got {array.min()}")
    if not (array > 0.0).any():
        raise ValueError(f"{name} must not all be zero")
    return array.copy()


def times(name: str, value: Any, end: float = math.inf, largest: float = LARGEST_TIME) -> FloatArray:
    """Return times as float64; ValueError unless all lie in (0, end) and below `largest`."""
    array = real_array(name, value)
    if array.size and array.min() <= 0.0:
        raise ValueError(f"{name} must be positive and finite; got {array.min()}")
    if array.size and array.max() > largest:
        raise ValueError(f"{name} must not exceed {largest:g}; got {array.max():g}")
    if array.size and array.max() >= end:
        raise ValueError(f"{name} must be below {end:g}, where this process ends; got {array.max()}")
    return array


def variances(name: str, value: Any) -> FloatArray:
    """Return positive variances within [1e-100, 1e290]."""
    array = times(name, value, largest=math.inf)
    if array.size and not SMALLEST_VARIANCE <= array.min() <= array.max() <= LARGEST_VARIANCE:
        raise ValueError(
            f"{name} must lie between {SMALLEST_VARIANCE:g} and {LARGEST_VARIANCE:g}; "
            f"got {array.min():g} to {array.max():g}"
        )
    return array


def multiply(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return rows @ matrix by einsum, whose bits, unlike those of a threaded BLAS, do not depend on threads."""
    return np.ascontiguousarray(np.einsum("ni,ij->nj", rows, matrix))


def broadcast_shape(
    x_name: str, x_shape: tuple[int, ...], scalar_name: str, scalar_shape: tuple[int, ...],
    dimension: int | None = None, owner: str = "measure",
) -> tuple[int, ...]:  # fmt: skip
    """Return the shape of one answer each for points of shape (..., d) and scalars that broadcast against (...)."""
    if not x_shape:
        raise ValueError(f"{x_name} must have shape (..., d); got a single number")
    if x_shape[-1] == 0:
        raise ValueError(f"{x_name} must have at least one coordinate; got shape {x_shape}")
    if dimension is not None and x_shape[-1] != dimension:
        raise ValueError(f"{x_name} has last dimension {x_shape[-1]} but the {owner} lives in R^{dimension}")
    try:
        return np.broadcast_shapes(x_shape[:-1], scalar_shape)
    except ValueError:
        raise ValueError(
            f"{scalar_name} of shape {scalar_shape} does not broadcast against {x_name}.shape[:-1] = {x_shape[:-1]}"
        ) from None


class Rows:
    """Points of shape (..., d) and one scalar each, flattened to (n, d) and (n,), and the way back.

    Attributes
    ----------
    points : C-contiguous float64 array (n, d): a copy, always writable, so that each kernel is compiled for one type
        only and measures may work in it; or with read_only=True the memory of x itself wherever it can be used.
    scalars : C-contiguous float64 array (n,): the scalar argument broadcast against x.shape[:-1].
    """

    def __init__(
        self, x_name: str, x: Any, scalar_name: str, scalar: Any, dimension: int | None = None,
        bound: float = LARGEST_LENGTH, owner: str = "measure", *, read_only: bool = False,
    ) -> None:  # fmt: skip
        points = _bounded(x_name, real_array(x_name, x), bound)
        scalar = np.asarray(scalar, dtype=np.float64)
        self.shape = broadcast_shape(x_name, points.shape, scalar_name, scalar.shape, dimension, owner)
        size = points.shape[-1]
        spread = np.broadcast_to(points, (*self.shape, size))
        if read_only:
            self.points = np.ascontiguousarray(spread.reshape(-1, size))
        else:
            self.points = np.array(spread, order="C").reshape(-1, size)
        self.scalars = np.array(np.broadcast_to(scalar, self.shape), order="C").reshape(-1)
        self._like = x

    def restore(self, rows: NDArray[Any]) -> Any:
        """Return an array (n, ...) in the shape (..., ...) and namespace of x."""
        return restore(rows.reshape(self.shape + rows.shape[1:]), self._like)
