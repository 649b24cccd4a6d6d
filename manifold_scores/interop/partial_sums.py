"""What becomes of one chunk of a cloud, and the order in which the results for chunks are merged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from ..measures.cloud_part import CloudPart
from ..measures.partial_moments import PartialCovariances, PartialMoments

__all__ = [
    "FIRST", "SECOND", "TRACE", "Queries", "drawn", "in_one_unit", "merge", "merged_in_order", "partial_sums", "weigh",
]  # fmt: skip

Partial = PartialMoments | PartialCovariances

FIRST, SECOND, TRACE = "first", "second", "trace"
#: Numbers in the points of one chunk that are worked on at a time, 32 MB.
_PIECE_ENTRIES = 2**22


@dataclass(frozen=True, slots=True)
class Queries:
    """Centers (M, d) and variances (M,); not a tuple, which a graph of Dask may take for a task."""

    centers: FloatArray
    variances: FloatArray


def merged_in_order(items: Iterable[Any], merge: Callable[[Any, Any], Any]) -> Any:
    """Return what a binary tree makes of the items: neighbours first, as many at a time as it has levels."""
    waiting: list[tuple[int, Any]] = []
    for item in items:
        level, value = 0, item
        while waiting and waiting[-1][0] == level:
            level, value = level + 1, merge(waiting.pop()[1], value)
        waiting.append((level, value))
    value = waiting.pop()[1]
    while waiting:
        value = merge(waiting.pop()[1], value)
    return value


def weigh(weights: Any) -> tuple[int, float]:
    """Return the largest exponent of the weights and their sum in units of 2**that; (0, 0.0) where there are none."""
    weights = arrays.real_array("weights", weights)
    if (weights < 0.0).any():
        raise ValueError(f"weights must be non-negative; got {weights.min()}")
    mantissa, exponent = np.frexp(weights[weights > 0.0])
    largest = int(exponent.max(initial=-5000))
    return (largest, math.fsum(np.ldexp(mantissa, exponent - largest))) if mantissa.size else (0, 0.0)


def in_one_unit(sums: Iterable[tuple[int, float]]) -> tuple[int, FloatArray]:
    """Return the largest exponent of all weights, and the sums over chunks in units of 2**that."""
    sums = list(sums)
    largest = max((exponent for exponent, total in sums if total > 0.0), default=None)
    if largest is None:
        raise ValueError("weights must not all be zero")
    return largest, np.array([np.ldexp(total, exponent - largest) for exponent, total in sums])


def partial_sums(points: Any, weights: Any, queries: Queries, what: str, largest: int, ordered: bool) -> Partial | None:
    """Return the partial sums of one chunk, None without weight: of its pieces, merged like chunks."""
    size = max(1, _PIECE_ENTRIES // points.shape[1])

    def pieces() -> Iterator[Partial | None]:
        for start in range(0, max(1, len(points)), size):
            piece = slice(start, start + size)
            y = np.ascontiguousarray(arrays.length_scale("points", arrays.real_array("points", points[piece])))
            w = np.ones(len(y)) if weights is None else arrays.real_array("weights", weights[piece])
            yield _sums(y, w, queries, what, largest, ordered)

    found: Partial | None = merged_in_order(pieces(), merge)
    return found


def _sums(
    points: FloatArray,
    weights: FloatArray,
    queries: Queries,
    what: str,
    largest: int,
    ordered: bool,
) -> Partial | None:
    from ..compute.threads import one_thread

    keep = weights > 0.0
    if not keep.any():
        return None
    mantissas, exponents = np.frexp(weights if keep.all() else weights[keep])
    points = points if keep.all() else points[keep]
    z, s = queries.centers, queries.variances
    with one_thread():
        part = CloudPart(points, mantissas, (exponents - largest).astype(np.float64), ordered=ordered)
        return part.first_moments(z, s) if what == FIRST else part.second_moments(z, s, trace_only=what == TRACE)


def merge(first: Partial | None, second: Partial | None) -> Partial | None:
    """Return the partial sums over both parts; None stands for a part without weight."""
    if first is None or second is None:
        return second if first is None else first
    return first.merge(second)  # type: ignore[arg-type] # both are of one kind


def drawn(points: Any, weights: Any, count: int, seed: int) -> FloatArray:
    """Return `count` draws from one chunk."""
    shares = None
    if weights is not None:
        exponent, _ = weigh(weights)
        shares = np.ldexp(np.asarray(weights, dtype=np.float64), -exponent)
        shares /= shares.sum()
    chosen = np.random.default_rng(int(seed)).choice(len(points), size=int(count), p=shares)
    return arrays.length_scale("points", arrays.real_array("points", points[chosen]))
