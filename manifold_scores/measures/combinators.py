"""Measures built from measures: products, mixtures, isometric embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import arrays
from ..arrays import FloatArray
from ..tilt import Measure, Tilt

__all__ = ["Embedded", "Mixture", "Product"]

IndexArray: TypeAlias = NDArray[np.intp]

_CHUNK_ENTRIES = 2**20  # bounds the workspace of a mixture: components x queries x d at a time


def _measures(name: str, values: Any) -> list[Measure]:
    values = list(values) if isinstance(values, Sequence) else values
    if not isinstance(values, list) or not values:
        given = "none" if isinstance(values, list) else type(values).__name__
        raise TypeError(f"{name} must be a non-empty sequence of measures; got {given}")
    return [_one_measure(f"{name}[{i}]", value) for i, value in enumerate(values)]


def _one_measure(name: str, value: Any) -> Measure:
    """Return value if it is a measure."""
    if not isinstance(value, Measure):
        raise TypeError(f"{name} must be a measure, such as Circle(1.0).uniform(); got {type(value).__name__}")
    return value


def _average(share: FloatArray, values: Sequence[FloatArray]) -> FloatArray:
    """Return sum_j share_j values_j for shares (J, n) and values (n, d)."""
    return np.asarray(sum(p[:, None] * value for p, value in zip(share, values, strict=True)))


def _pick(index: IndexArray, values: Sequence[FloatArray]) -> FloatArray:
    """Return values[index[i]][i] for every row i."""
    return np.asarray(np.stack(list(values))[index, np.arange(len(index))])


class Product(Measure):
    """The law of independent blocks (y_1, ..., y_J) in R^{d_1 + ... + d_J}.

    log Z adds up, mean and displacement are concatenated, the covariance is block diagonal.  Circle x Segment is a
    cylinder, Circle x Circle a flat torus.  Accuracy: that of the factors.

    Parameters
    ----------
    measures : at least one measure.
    """

    def __init__(self, *measures: Measure) -> None:
        self.measures = tuple(_measures("measures", measures))
        self.ambient_dimension = sum(measure.ambient_dimension for measure in self.measures)
        self.dimension = sum(measure.dimension for measure in self.measures)
        ends = np.cumsum([measure.ambient_dimension for measure in self.measures])
        self._blocks = [
            (measure, slice(end - measure.ambient_dimension, end))
            for measure, end in zip(self.measures, ends.tolist(), strict=True)
        ]

    def __repr__(self) -> str:
        return f"Product({', '.join(map(repr, self.measures))})"

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        out = self._empty(centers)
        out.log_mass[:] = 0.0
        out.log_rest[:] = 0.0
        for measure, block in self._blocks:
            part = np.ascontiguousarray(centers[:, block])
            tilt = measure.tilt_rows(part, variances)
            out.log_mass[:] += tilt.log_mass
            out.mean[:, block] = tilt.mean
            out.displacement[:, block] = tilt.displacement
            out.anchor[:, block], log_rest = tilt.anchored(part)
            out.log_rest[:] += log_rest
        return out

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        covariance = np.zeros((*centers.shape, self.ambient_dimension))
        for measure, block in self._blocks:
            part = measure.covariance_rows(np.ascontiguousarray(centers[:, block]), variances)
            covariance[:, block, block] = part
        return covariance

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        trace = np.zeros(len(centers))
        for measure, block in self._blocks:
            trace += measure.covariance_trace_rows(np.ascontiguousarray(centers[:, block]), variances)
        return trace

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        return np.concatenate([measure.sample_rows(n, rng) for measure in self.measures], axis=1)


class Mixture(Measure):
    """The law sum_j w_j pi_j of measures on one space, of any dimensions.

    With p_j the softmax of log w_j + log Z_j: f = sum p_j f_j, delta = sum p_j delta_j and
    Cov = sum p_j (Cov_j + (delta_j - delta)(delta_j - delta)^T).  Accuracy: that of the components, whose log masses
    decide the p_j.  Queries are taken in chunks, so the workspace does not grow with their number.

    Parameters
    ----------
    measures : a non-empty sequence of measures with one ambient dimension.
    weights : shape (J,), non-negative, not all zero, normalised here; default equal.
    """

    def __init__(self, measures: Sequence[Measure], weights: Any = None) -> None:
        given = _measures("measures", measures)
        self.ambient_dimension = given[0].ambient_dimension
        for i, measure in enumerate(given):
            if measure.ambient_dimension != self.ambient_dimension:
                raise ValueError(
                    f"measures must live in one space; measures[0] lives in R^{self.ambient_dimension}, "
                    f"measures[{i}] in R^{measure.ambient_dimension}"
                )
        raw = arrays.weights("weights", weights, len(given))
        kept = np.flatnonzero(raw)
        largest = raw.max()
        log_total = np.log(largest) + np.log((raw / largest).sum())
        self.measures = tuple(given[i] for i in kept)
        self._log_weights = np.log(raw[kept]) - log_total
        self.weights = raw[kept] / largest / (raw / largest).sum()
        self.dimension = max(measure.dimension for measure in self.measures)

    def __repr__(self) -> str:
        return f"Mixture({len(self.measures)} measures on R^{self.ambient_dimension})"

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        out = self._empty(centers)
        for rows in self._chunks(centers, 1):
            share, leader, log_total, tilts = self._components(centers[rows], variances[rows])
            out.mean[rows] = _average(share, [tilt.mean for tilt in tilts])
            out.displacement[rows] = _average(share, [tilt.displacement for tilt in tilts])
            out.log_mass[rows] = log_total + _pick(leader, [tilt.log_mass for tilt in tilts])
            anchors, rests = zip(*(tilt.anchored(centers[rows]) for tilt in tilts), strict=True)
            out.anchor[rows] = _pick(leader, anchors)
            out.log_rest[rows] = log_total + _pick(leader, rests)
        return out

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        covariance = np.zeros((*centers.shape, self.ambient_dimension))
        for rows in self._chunks(centers, self.ambient_dimension):
            z, s = centers[rows], variances[rows]
            share, leader, _, tilts = self._components(z, s)
            for measure, p, off in zip(self.measures, share, self._offsets(share, leader, tilts), strict=True):
                part = measure.covariance_rows(z, s) + off[:, :, None] * off[:, None, :]
                covariance[rows] += p[:, None, None] * part
        return covariance

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        trace = np.zeros(len(centers))
        for rows in self._chunks(centers, 1):
            z, s = centers[rows], variances[rows]
            share, leader, _, tilts = self._components(z, s)
            for measure, p, off in zip(self.measures, share, self._offsets(share, leader, tilts), strict=True):
                trace[rows] += p * (measure.covariance_trace_rows(z, s) + (off * off).sum(axis=1))
        return trace

    def _components(
        self, centers: FloatArray, variances: FloatArray
    ) -> tuple[FloatArray, IndexArray, FloatArray, list[Tilt]]:
        """Return the shares p_j (J, n), the leading component r (n,), log sum_j w_j Z_j / Z_r, and the tilts.

        With p_j = anchor_j and rest_j = log Z_j + |z - p_j|^2/2s,
        log Z_j - log Z_r = rest_j - rest_r - (p_j - p_r).((p_j - z) + (p_r - z))/2s: far from the support log masses
        are dominated by a large common term, whose rounding would decide the shares.
        """
        tilts = [measure.tilt_rows(centers, variances) for measure in self.measures]
        anchors, rests = zip(*(tilt.anchored(centers) for tilt in tilts), strict=True)
        leader = np.argmax([w + tilt.log_mass for w, tilt in zip(self._log_weights, tilts, strict=True)], axis=0)
        while True:
            origin, rest, own_weight = _pick(leader, anchors), _pick(leader, rests), self._log_weights[leader]
            logs = np.empty((len(tilts), len(centers)))
            for log, log_weight, own, p in zip(logs, self._log_weights, rests, anchors, strict=True):
                inner = ((p - origin) * ((p - centers) + (origin - centers))).sum(axis=1)
                log[:] = (log_weight - own_weight) + (own - rest) - inner / (2.0 * variances)
            better = logs.argmax(axis=0)
            rows = np.arange(len(centers))
            # Rounded log masses may have named a leader that is far from the best: then the best one takes over.
            wrong = logs[better, rows] > logs[leader, rows] + 1.0
            if not wrong.any():
                break
            leader = np.where(wrong, better, leader)
        share = np.exp(logs)  # at most e: the leader's is 1, and none is better by more
        total = share.sum(axis=0)
        return share / total, leader, own_weight + np.log(total), tilts

    @staticmethod
    def _offsets(share: FloatArray, leader: IndexArray, tilts: list[Tilt]) -> list[FloatArray]:
        """Return f_j - f.

        Measured from the leading component, so that tiny spreads are not rounded away, as differences of means or of
        displacements, whichever are smaller.
        """
        mean = _pick(leader, [tilt.mean for tilt in tilts])
        displacement = _pick(leader, [tilt.displacement for tilt in tilts])
        far = (np.abs(displacement).max(axis=1) > np.abs(mean).max(axis=1))[:, None]
        apart = [np.where(far, tilt.mean - mean, tilt.displacement - displacement) for tilt in tilts]
        centre = _average(share, apart)
        return [off - centre for off in apart]

    def _chunks(self, centers: FloatArray, factor: int) -> list[slice]:
        size = max(1, _CHUNK_ENTRIES // (len(self.measures) * self.ambient_dimension * factor))
        return [slice(start, start + size) for start in range(0, len(centers), size)]

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        labels = rng.choice(len(self.measures), size=n, p=self.weights)
        points = np.empty((n, self.ambient_dimension))
        for j, measure in enumerate(self.measures):
            chosen = np.flatnonzero(labels == j)
            points[chosen] = measure.sample_rows(chosen.size, rng)
        return points


class Embedded(Measure):
    """The image of a measure on R^m under the isometry u -> origin + basis u into R^d.

    With z - origin = basis c + n, n orthogonal to the range: log Z = log Z_u(c) - |n|^2/2s, delta = basis delta_u - n,
    Cov = basis Cov_u basis^T.  A square basis rotates (or reflects), the identity translates.

    Parameters
    ----------
    measure : a measure on R^m.
    basis : shape (d, m), orthonormal columns (one vector a column), d >= m.
    origin : shape (d,); default 0.
    """

    def __init__(self, measure: Measure, basis: Any, origin: Any = None) -> None:
        self.measure = _one_measure("measure", measure)
        self.basis = arrays.orthonormal("basis", basis)
        if self.basis.shape[1] != measure.ambient_dimension:
            raise ValueError(
                f"basis must have {measure.ambient_dimension} columns, one for each dimension of the measure; "
                f"got shape {self.basis.shape}"
            )
        self.ambient_dimension = self.basis.shape[0]
        self.origin = np.zeros(self.ambient_dimension)
        if origin is not None:
            self.origin = arrays.vector("origin", origin, self.ambient_dimension)
        self.dimension = measure.dimension

    def __repr__(self) -> str:
        return f"Embedded({self.measure!r} in R^{self.ambient_dimension})"

    def tilt_rows(self, centers: FloatArray, variances: FloatArray) -> Tilt:
        offset = centers - self.origin
        coordinates = arrays.multiply(offset, self.basis)
        tilt = self.measure.tilt_rows(coordinates, variances)
        displacement = arrays.multiply(tilt.displacement, self.basis.T)
        log_mass = tilt.log_mass
        if self.basis.shape[1] < self.ambient_dimension:
            normal = offset - arrays.multiply(coordinates, self.basis.T)
            displacement -= normal
            log_mass = log_mass - (normal * (normal / (2.0 * variances[:, None]))).sum(axis=1)
        # f = origin + basis f_u = z + delta: taken from whichever is nearer, so that a far origin costs no digits of f.
        nearer = (tilt.mean**2).sum(axis=1) <= (displacement**2).sum(axis=1)
        mean = np.where(nearer[:, None], self.origin + arrays.multiply(tilt.mean, self.basis.T), centers + displacement)
        anchor, log_rest = tilt.anchored(coordinates)
        return Tilt(log_mass, mean, displacement, self.origin + arrays.multiply(anchor, self.basis.T), log_rest)

    def covariance_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        inner = self.measure.covariance_rows(arrays.multiply(centers - self.origin, self.basis), variances)
        return np.asarray(np.einsum("ki,nij,lj->nkl", self.basis, inner, self.basis))

    def covariance_trace_rows(self, centers: FloatArray, variances: FloatArray) -> FloatArray:
        return self.measure.covariance_trace_rows(arrays.multiply(centers - self.origin, self.basis), variances)

    def sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        return self.origin + arrays.multiply(self.measure.sample_rows(n, rng), self.basis.T)
