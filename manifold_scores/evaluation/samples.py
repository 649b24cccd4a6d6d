"""Where samples lie: off the manifold, along it, and next to the training points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrays, callbacks
from ..arrays import FloatArray
from ..manifolds import Box, Manifold, Segment, Sphere
from ..measures import BoxLaw, ParametricLaw, PointCloud, SegmentLaw, SphereLaw
from ..noised import NoisedMeasure
from ..tilt import Measure
from .errors import finite

__all__ = ["SampleErrors", "Spread", "judge", "manifold_of"]

#: The ball around a point of the law reaches to so many of its neighbours.
NEIGHBOURS = 5
# A k-d tree prunes next to nothing in more dimensions than this; then all distances are computed, 64 MB at a time.
_TREE_DIMENSIONS = 16
_ENTRIES = 2**23


@dataclass(frozen=True)
class Spread:
    """Mean over samples with its standard error, median and largest value of a distance."""

    mean: float
    mean_error: float
    median: float
    largest: float

    @classmethod
    def of(cls, values: FloatArray) -> Spread:
        """Return that of distances (n,)."""
        error = float(values.std(ddof=1)) / math.sqrt(values.size)
        return cls(float(values.mean()), error, float(np.median(values)), float(values.max()))


@dataclass(frozen=True)
class SampleErrors:
    """How n samples compare with the law they should follow; None where a quantity is not known.

    Attributes
    ----------
    n : the number of samples.
    sigma_min, pollution_factor : what "far" is measured by: more than pollution_factor sigma_min.
    distance : distance of samples to M.
    pollution, pollution_error : the share of samples far from M ([LWB] section 4), and its binomial standard error
        (p(1 - p)/n)^(1/2) with p = (far + 1)/(n + 2), which is not 0 where none or all were met.
    coverage, coverage_error, coverage_expected : of a law without atoms: the share of n independent points of it that
        have a sample, or its projection to M, no farther away than their fifth neighbour among these points (Naeem et
        al. 2020, arXiv:2002.09797); for exact samples 1 - (n-1)...(n-5)/((2n-1)...(2n-5)) is expected, 0.97
        for large n.  Of a point cloud: the weight of the points that are the nearest one to some sample; expected is
        sum w_i (1 - (1 - w_i)^n).  The standard error takes points for independent.  Near full coverage missed points
        come in groups, and the deviation is 1.6 to 1.9 times as large (measured on a circle and a torus, 200 and 1000
        exact samples); at half coverage it is as stated.
    training_distance : distance of samples to the nearest training point.
    """

    n: int
    sigma_min: float
    pollution_factor: float
    distance: Spread | None
    pollution: float | None
    pollution_error: float | None
    coverage: float
    coverage_error: float
    coverage_expected: float
    training_distance: Spread | None

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as numbers and dictionaries of them."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: {key: finite(each) for key, each in vars(value).items()}
            if isinstance(value, Spread)
            else finite(value)
            for name, value in found.items()
        }


def manifold_of(measure: Measure) -> Manifold | None:
    """Return M for a law that knows it, None for others."""
    if isinstance(measure, ParametricLaw):
        found = measure.manifold
        return found if isinstance(found, Manifold) else None
    if isinstance(measure, SphereLaw):
        return Sphere(measure.ambient_dimension, measure.radius)
    if isinstance(measure, SegmentLaw):
        return Segment(measure.start, measure.end)
    return Box(measure.lower, measure.upper) if isinstance(measure, BoxLaw) else None


def judge(
    noised: NoisedMeasure, samples: FloatArray, manifold: Any, training: FloatArray | None, sigma_min: float,
    factor: float, rng: np.random.Generator,
) -> SampleErrors:  # fmt: skip
    """Return the record for samples (n, d); arguments as in `evaluate`, validated but for `manifold`."""
    measure, n = noised.measure, len(samples)
    cloud = measure.points if isinstance(measure, PointCloud) else None
    manifold = manifold_of(measure) if manifold is None else manifold
    distances, projected = _to_manifold(manifold, samples)
    if manifold is None and cloud is not None:
        distances = nearest(cloud, samples)[0]
    training = cloud if training is None else training
    pollution = error = None
    if distances is not None:
        far = int((distances > factor * sigma_min).sum())
        guess = (far + 1) / (n + 2)
        pollution, error = far / n, math.sqrt(guess * (1.0 - guess) / n)
    if isinstance(measure, PointCloud):
        covered = _cloud_coverage(measure, samples)
    else:
        covered = _coverage(measure.sample(n, rng), projected)
    return SampleErrors(
        n, sigma_min, factor, None if distances is None else Spread.of(distances), pollution, error, *covered,
        None if training is None else Spread.of(nearest(training, samples)[0]),
    )  # fmt: skip


def nearest(points: FloatArray, samples: FloatArray, rank: int = 1) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return the distance of every sample to its nearest point, or the one of that rank, and which point it is."""
    if points.shape[1] <= _TREE_DIMENSIONS:
        from scipy.spatial import KDTree

        distance, index = (np.asarray(found)[:, 0] for found in KDTree(points).query(samples, k=[rank]))
        return distance, index
    from scipy.spatial.distance import cdist

    distances, indices = np.empty(len(samples)), np.empty(len(samples), dtype=np.intp)
    step = max(1, _ENTRIES // len(points))
    for start in range(0, len(samples), step):
        part = slice(start, start + step)
        matrix = cdist(samples[part], points)
        indices[part] = np.argpartition(matrix, rank - 1, axis=1)[:, rank - 1]
        distances[part] = np.take_along_axis(matrix, indices[part, None], axis=1)[:, 0]
    return distances, indices


def _to_manifold(manifold: Any, samples: FloatArray) -> tuple[FloatArray | None, FloatArray]:
    """Return the distances of samples to M, if they are known, and the projections, or the samples themselves."""
    if isinstance(manifold, Manifold):
        if manifold.ambient_dimension != samples.shape[1]:
            raise ValueError(
                f"manifold lives in R^{manifold.ambient_dimension} but the measure lives in R^{samples.shape[1]}"
            )
        return np.asarray(manifold.distance(samples)), np.asarray(manifold.project(samples))
    if manifold is None:
        return None, samples
    if not callable(manifold) or isinstance(manifold, type):
        raise TypeError(
            f"manifold must be a manifold, such as Circle(), or a function of points that returns their distances to "
            f"it; got {type(manifold).__name__}"
        )
    ask: Callable[..., Any] = manifold
    distances = arrays.real_array("manifold", callbacks.call("manifold", ask, samples))
    if distances.shape != samples.shape[:1]:
        raise ValueError(
            f"manifold must return one distance for each sample, shape {samples.shape[:1]}; got {distances.shape}"
        )
    return distances, samples


def _coverage(points: FloatArray, samples: FloatArray) -> tuple[float, float, float]:
    """Return the share of points that have a sample in their balls, its standard error, and what is expected of it."""
    n, m = len(points), len(samples)
    rank = min(NEIGHBOURS, n - 1)
    radius = nearest(points, points, rank + 1)[0]  # the nearest point of all is the point itself
    met = int((nearest(samples, points)[0] <= radius).sum())
    missed = math.prod((n - i) / (m + n - i) for i in range(1, rank + 1))
    guess = (met + 1) / (n + 2)
    return met / n, math.sqrt(guess * (1.0 - guess) / n), 1.0 - missed


def _cloud_coverage(cloud: PointCloud, samples: FloatArray) -> tuple[float, float, float]:
    """Return the weight of the points that are nearest to a sample, its standard error, and what is expected of it."""
    weights = cloud.weights
    met = np.unique(nearest(cloud.points, samples)[1])
    found = -np.expm1(len(samples) * np.log1p(-np.minimum(weights, 1.0 - 1e-16)))
    error = math.sqrt(float((weights**2 * found * (1.0 - found)).sum()))
    return float(weights[met].sum()), error, float((weights * found).sum())
