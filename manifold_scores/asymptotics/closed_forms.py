"""Leading terms where geometry and density are known in closed form."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..arrays import FloatArray
from ..measures import Embedded, Gaussian, PointCloud
from ..measures.box import BoxLaw, SegmentLaw
from ..measures.sphere import SphereLaw
from .laplace import EDGE, Terms

__all__ = ["Located", "box", "cloud", "embedded", "gaussian", "segment", "sphere"]

#: Points of a cloud whose squared distances agree to this share are as near, and those that agree to it in y are one.
AS_NEAR = 1e-14


class Located(NamedTuple):
    """Terms at every nearest point, the gap to the next minimum, and for clouds the points there with w_j/w_1."""

    terms: list[Terms]
    gap: float
    runners_up: FloatArray
    shares: FloatArray


def alone(term: Terms) -> Located:
    """Return the only minimum there is."""
    return Located([term], math.inf, np.empty((0, term.point.size)), np.empty(0))


def sphere(measure: SphereLaw, x: FloatArray) -> Located:
    """H = (r/R) I, b = -(k-1) n/2r + c P m/r with n = x/r, P the tangential projection.

    At the centre f is the mean of the law: two opposite points carry it, whose shares have that mean.
    """
    k, radius = measure.ambient_dimension, measure.radius
    largest = np.abs(x).max()
    if largest == 0.0:
        mean = measure.tilt_rows(x[None], np.ones(1)).mean[0] @ measure.mean_direction / radius
        poles = [_on_sphere(measure, x, sign * measure.mean_direction) for sign in (1.0, -1.0)]
        shares = [0.5 * (1.0 + mean), 0.5 * (1.0 - mean)]
        found = [replace(pole, mass=share) for pole, share in zip(poles, shares, strict=True)]
        return Located(found, 0.0, np.empty((0, k)), np.empty(0))
    normal = x / largest
    return alone(_on_sphere(measure, x, normal / np.linalg.norm(normal)))


def _on_sphere(measure: SphereLaw, x: FloatArray, normal: FloatArray) -> Terms:
    k, radius = measure.ambient_dimension, measure.radius
    r = float(normal @ x)
    tangent = np.linalg.qr(normal[:, None], mode="complete").Q[:, 1:]
    m = measure.mean_direction - (measure.mean_direction @ normal) * normal
    identity = np.eye(k - 1)
    b = np.full(k, np.nan)
    inverse = np.full_like(identity, np.nan)
    if r > 0.0:
        b = (measure.concentration * m - 0.5 * (k - 1) * normal) / r
        inverse = (radius / r) * identity
    y = radius * normal
    parameter = math.atan2(normal[1], normal[0]) if k == 2 else None
    nothing = np.zeros(k)
    return Terms(
        "interior", y, (r - radius) * normal, parameter, tangent, (r / radius) * identity, inverse, inverse, b, nothing,
        nothing, 0.5 * (k - 1), 1.0,
    )  # fmt: skip


def segment(measure: SegmentLaw, x: FloatArray) -> Located:
    """As `box`, along the segment."""
    return alone(_flat(x, measure.start, measure.direction[:, None], np.zeros(1), np.array([measure.length])))


def box(measure: BoxLaw, x: FloatArray) -> Located:
    """H = I; every coordinate beyond its side adds tau/D to b, every one at its side sqrt(2/pi) tau to `root`."""
    d = measure.ambient_dimension
    return alone(_flat(x, np.zeros(d), np.eye(d), measure.lower, measure.upper))


def _flat(x: FloatArray, origin: FloatArray, basis: FloatArray, lower: FloatArray, upper: FloatArray) -> Terms:
    at = (x - origin) @ basis
    near = EDGE * (np.abs(x).max() + np.maximum(np.abs(lower), np.abs(upper)).max())
    inward = np.where(at <= lower + near, 1.0, np.where(at >= upper - near, -1.0, 0.0))
    u = np.where(inward > 0.0, lower, np.where(inward < 0.0, upper, at))
    depth = inward * (u - at)
    beyond = (inward != 0.0) & (depth > near)
    edge = (inward != 0.0) & ~beyond
    m, sides = len(u), int(beyond.sum())
    b = basis @ np.where(beyond, inward / np.where(beyond, depth, 1.0), 0.0)
    y = origin + basis @ u
    situation = "edge" if edge.any() else "interior" if not sides else "end" if m == 1 else "side"
    if m > 1 and sides == m:
        situation = "corner"
    return Terms(
        situation, y, x - y, float(u[0] / upper[0]) if m == 1 else u, basis, np.eye(m),
        np.diag(np.where(beyond, 0.0, np.nan if edge.any() else 1.0)),
        np.diag(np.where(beyond, 0.0, np.where(edge, 1.0 - 2.0 / math.pi, 1.0))),
        np.full_like(b, np.nan) if edge.any() else b, math.sqrt(2.0 / math.pi) * (basis @ (inward * edge)),
        np.zeros_like(b), 0.5 * m, 1.0,
    )  # fmt: skip


def gaussian(measure: Gaussian, x: FloatArray) -> Located:
    """H = I on the support; b = -C^+ (y - mu)."""
    axes, mean = measure._axes, measure._mean
    u = axes @ (x - mean)
    y = mean + u @ axes
    nothing, identity = np.zeros_like(x), np.eye(len(u))
    b = -(u / measure._eigenvalues) @ axes
    return alone(
        Terms("interior", y, x - y, u, axes.T, identity, identity, identity, b, nothing, nothing, 0.5 * len(u), 1.0)
    )


def cloud(measure: PointCloud, x: FloatArray) -> Located:
    """Point clouds: f - y_1 ~ sum_j (w_j/w_1) (y_j - y_1) exp(-gap/s), j the second nearest; equal points are one."""
    points, weights = measure.points, measure.weights
    points, weights = points[weights > 0.0], weights[weights > 0.0]
    squares = ((points - x) ** 2).sum(axis=1)
    groups = _groups(squares, AS_NEAR * (np.abs(points).max() + np.abs(x).max()) ** 2)
    nearest, second = groups[0], groups[1] if len(groups) > 1 else np.empty(0, dtype=np.int64)
    found: list[Terms] = []
    nothing, none = np.zeros_like(x), np.empty((0, 0))
    for i in nearest:
        equal = [k for k, term in enumerate(found) if (term.point == points[i]).all()]
        if equal:
            found[equal[0]] = replace(found[equal[0]], mass=found[equal[0]].mass + weights[i])
            continue
        found.append(
            Terms(
                "point cloud", points[i], x - points[i], None, np.empty((x.size, 0)), none, none, none, nothing,
                nothing, nothing, 0.0, float(weights[i]),
            )
        )  # fmt: skip
    if len(found) > 1:
        return Located(found, 0.0, np.empty((0, x.size)), np.empty(0))
    first = found[0]
    # Half the difference of two squares, without their cancellation.
    gaps = -0.5 * ((points[second] - first.point) * (first.offset + x - points[second])).sum(axis=1)
    gap = float(gaps.min(initial=math.inf))
    return Located(found, gap, points[second], weights[second] / first.mass)


def _groups(squares: FloatArray, tolerance: float) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the indices of the least squared distance, and those of the second."""
    nearest = np.flatnonzero(squares <= squares.min() + tolerance)
    rest = np.setdiff1d(np.arange(len(squares)), nearest)
    if not len(rest):
        return [nearest]
    return [nearest, rest[squares[rest] <= squares[rest].min() + tolerance]]


def embedded(measure: Embedded, inner: Located, x: FloatArray) -> Located:
    """Carry the terms of the inner law over by the isometry."""
    if isinstance(measure.measure, SphereLaw) and len(inner.terms) > 1:
        raise ValueError("x is the centre of an embedded sphere, where every point is nearest; that is not covered")
    basis, origin = measure.basis, measure.origin

    def carried(term: Terms) -> Terms:
        point = origin + basis @ term.point
        tangent, b, root, sway = (basis @ value for value in (term.tangent, term.b, term.root, term.sway))
        return replace(term, point=point, offset=x - point, tangent=tangent, b=b, root=root, sway=sway)

    runners_up = origin + inner.runners_up @ basis.T
    return Located([carried(term) for term in inner.terms], inner.gap, runners_up, inner.shares)
