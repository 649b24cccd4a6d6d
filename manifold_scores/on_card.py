"""Questions asked as arrays of an NVIDIA card: their rows, and answers that stay there.

Entries of x never reach the host; t does, one number for all queries or one each.  What is wrong with an argument is
found on the card and put in words by the checks of the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import arrays
from .arrays import FloatArray
from .namespaces import lives_on_card, restore_on_card

__all__ = ["CardRows", "Scales", "moments_at", "on_host", "targets_at"]


class Scales(NamedTuple):
    """alpha, sigma^2 and s at every time, on the host."""

    alpha: FloatArray
    sigma2: FloatArray
    s: FloatArray


def on_host(scalar: Any) -> Any:
    """Return a scalar argument as it is, or as a numpy array if it lives on the card."""
    from .compute.cuda_memory import adopt, to_host

    return to_host(adopt(scalar)) if lives_on_card(scalar) else scalar


class CardRows:
    """Points of shape (..., d) on the card, flattened to (n, d), one scalar each on the host, and the way back.

    Parameters
    ----------
    scalar : a validated array of the host.
    check : the checks of the host for (points, scalars), which raise what is wrong with the points.

    Attributes
    ----------
    points : (n, d) array of the card, with numbers of the type they came in; scalars : (1,) or (n,) on the host.
    largest : the largest absolute value of an entry of the points.
    """

    def __init__(
        self, x_name: str, x: Any, scalar_name: str, scalar: FloatArray, dimension: int,
        check: Callable[[Any, Any], Any],
    ) -> None:  # fmt: skip
        from .compute.cuda_memory import adopt, lift, repeat, to_host
        from .compute.cuda_targets import largest

        array = adopt(x)
        self.shape = arrays.broadcast_shape(x_name, tuple(array.shape), scalar_name, scalar.shape, dimension)
        if array.dtype.kind not in "fiu":
            check(to_host(array), scalar)
        array = lift(array, array.dtype)
        self.largest = largest(array)
        if self.largest > arrays.LARGEST_LENGTH:
            check(to_host(array), scalar)
        self.points = repeat(array, (*self.shape, dimension)).reshape(math.prod(self.shape), dimension)
        each = scalar.ndim > 0
        self.scalars = np.broadcast_to(scalar, self.shape).reshape(-1) if each else scalar.reshape(1)
        self._like = x

    def __len__(self) -> int:
        return int(self.points.shape[0])

    def restore(self, rows: Any) -> Any:
        """Return an array (n, ...) of the card in the shape (..., ...) and library of x."""
        from .compute.cuda_memory import synchronize

        synchronize()
        return restore_on_card(rows.reshape((*self.shape, *rows.shape[1:])), self._like)


def moments_at(rows: CardRows, cloud: Any, method: str) -> Any:
    """Return what `Measure._moments`, `tilt_covariance` or `tilt_covariance_trace` return, on the card."""
    from .compute.cuda_memory import lift, repeat, to_card

    cloud.check_range(np.array([[rows.largest]]), rows.scalars)
    z = lift(rows.points, cloud.real)
    s = repeat(to_card(rows.scalars, cloud.real), (len(rows),))
    if method == "_moments":
        return tuple(rows.restore(part) for part in cloud.engine.first(z, s)[:3])
    if method == "tilt_covariance":
        return rows.restore(cloud.covariances.covariance(z, s))
    return rows.restore(cloud.engine.trace(z, s))


def targets_at(rows: CardRows, cloud: Any, method: str, scales: Scales, smallest_ratio: float) -> Any:
    """Return what the method of `NoisedMeasure` of that name returns, on the card.

    The limit law is taken where alpha < smallest_ratio sigma.
    """
    from .compute import cuda_targets as kernels
    from .compute.cuda_finish import launch
    from .compute.cuda_memory import empty, lift, to_card

    real, (n, d) = cloud.real, rows.points.shape
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # alpha may underflow
        cloud.check_range(rows.largest / scales.alpha[:, None], scales.s)
    x = lift(rows.points, real)
    alpha, sigma, s = (to_card(part, real) for part in (scales.alpha, np.sqrt(scales.sigma2), scales.s))
    sigma2 = to_card(scales.sigma2, real)
    z, variances, resolved = empty((n, d), real), empty(n, real), empty(n, real)
    fill = kernels.centers_and_variances(real, smallest_ratio, arrays.LARGEST_CENTER, arrays.LARGEST_LENGTH)
    launch(fill, n * d, x, alpha, sigma, s, z, variances, resolved)
    if method in ("posterior_covariance", "score_jacobian"):
        matrices = cloud.covariances.covariance(z, variances)
        if method == "score_jacobian":
            launch(kernels.jacobians, n * d * d, variances, sigma2, matrices)
        return rows.restore(matrices)
    trace = cloud.engine.trace(z, variances) if method in ("score_divergence", "local_dimension") else None
    if method == "score_divergence":
        result = empty(n, real)
        launch(kernels.divergences, n, trace, variances, sigma2, real(d), result)
        return rows.restore(result)
    found = cloud.engine.first(z, variances)
    if method == "posterior_mean":
        return rows.restore(found.mean)
    if method in ("score", "noise"):
        divisor = sigma2 if method == "score" else to_card(-np.sqrt(scales.sigma2), real)
        launch(kernels.pulls, n * d, x, found.mean, found.displacement, alpha, resolved, divisor, z)
        return rows.restore(z)
    result = empty(n, real)
    if method == "local_dimension":
        launch(kernels.dimensions(real), n, trace, found.displacement, variances, result)
    else:
        constant = to_card(0.5 * d * np.log(2.0 * math.pi * scales.sigma2), real)
        launch(kernels.log_densities, n, found.log_mass, constant, result)
    return rows.restore(result)
