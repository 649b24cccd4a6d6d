"""Log-densities at the boundary: callables or arrays of values, which may be -inf but neither NaN nor inf."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arrays, callbacks
from ..arrays import FloatArray

__all__ = ["at_nodes", "evaluated", "not_empty", "orders_of", "require_callable", "shaped"]

#: Orders beyond this give the divergence of order inf up to rounding.
LARGEST_ORDER = 1e30


def orders_of(order: Any) -> FloatArray:
    """Return orders in (0, 1e30] or inf as a float64 array of any shape."""
    result = arrays.extended_array("order", order)
    if not result.size:
        raise ValueError("order must not be empty")
    bad = result[~(result > 0.0)]
    if bad.size:
        raise ValueError(f"order must be positive, inf included; got {bad.flat[0]}")
    between = result[(result > LARGEST_ORDER) & (result < math.inf)]
    if between.size:
        raise ValueError(f"order must be at most {LARGEST_ORDER:g} or inf; got {between.flat[0]:g}")
    return result


def require_callable(name: str, value: Any) -> None:
    """Raise TypeError unless value can be called."""
    if not callable(value):
        raise TypeError(
            f"{name} must be a function of points (n, d) where the quadrature chooses them; got {type(value).__name__}"
        )


def evaluated(name: str, log_density: Any, points: FloatArray) -> FloatArray:
    """Return the values (n,) of a log-density at points (n, d)."""
    values = callbacks.call(name, log_density, points.copy())
    return _checked(f"{name}(x)", values, len(points))


def at_nodes(name: str, log_density: Any, points: FloatArray) -> FloatArray:
    """Return the values (n,) of a log-density given as a function or as an array of them."""
    if callable(log_density):
        return evaluated(name, log_density, points)
    return _checked(name, log_density, len(points))


def _checked(name: str, given: Any, size: int) -> FloatArray:
    values = arrays.extended_array(name, given).copy()  # a function may hand out the same buffer every time
    if values.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), one value a point; got {values.shape}")
    bad = values[np.isnan(values) | np.isposinf(values)]
    if bad.size:
        raise ValueError(f"{name} must be finite or -inf; got {bad.size} value(s) that are not, the first is {bad[0]}")
    # Differences of such values, and their sums with those of weights, stay finite.
    arrays.length_scale(name, values[~np.isneginf(values)])
    return values


def not_empty(name: str, values: FloatArray, where: str) -> None:
    """Raise ValueError where a density vanishes at all nodes."""
    if np.isneginf(values).all():
        raise ValueError(f"{name} is -inf at every {where}: the density must not vanish everywhere")


def shaped(values: FloatArray, orders: FloatArray) -> Any:
    """Return the values in the shape of the orders, a float for a single one."""
    return float(values[0]) if orders.ndim == 0 else values.reshape(orders.shape)
