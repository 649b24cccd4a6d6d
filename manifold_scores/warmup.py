"""Compiling ahead of the first call."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from . import arrays
from .manifolds import Box, Circle, Curve, Segment
from .measures import Gaussian, PointCloud
from .noised import NoisedMeasure
from .processes import OrnsteinUhlenbeck
from .smoothing import GaussianKernel, SmoothedScore
from .tilt import Measure

__all__ = ["warmup"]


def warmup(*, progress: bool = False) -> dict[str, float]:
    """Compile the kernels of the common calls, or load them from the disk, so that no call after it has to.

    Kernels are compiled when they are first called, and kept on the disk: in NUMBA_CACHE_DIR, in `__pycache__` beside
    the package, or in a folder of the user's, the first that can be written.  This does it for scores, densities and
    covariances of point clouds, spheres, Gaussians, segments, boxes and curves (surfaces use the same kernels),
    projections onto curves, and smoothed scores of clouds; in an image of a container, say, by
    `RUN python -c "import manifold_scores; manifold_scores.warmup()"`.

    Measured on one core of a busy two-core machine (Zen 4): about 90 s of processor time from nothing, two thirds of it
    for curves and surfaces, and 2.7 s from the disk; the files take 20 MB.

    Parameters
    ----------
    progress : show a progress bar over the groups.

    Returns
    -------
    seconds taken, by group.
    """
    groups: dict[str, Callable[[], object]] = {
        "point clouds": _point_clouds,
        "spheres": lambda: _ask(Circle().uniform()),
        "Gaussians": lambda: _ask(Gaussian([0.0, 1.0], np.eye(2))),
        "segments and boxes": _segments_and_boxes,
        "curves and surfaces": _curves,
        "smoothing": _smoothing,
    }
    names = iter(groups)
    if arrays.flag("progress", progress):
        from tqdm.auto import tqdm

        names = iter(tqdm(groups, desc="warming up", unit="group"))
    seconds = {}
    for name in names:
        start = time.perf_counter()
        groups[name]()
        seconds[name] = time.perf_counter() - start
    return seconds


def _ask(law: Measure) -> None:
    noised, x = NoisedMeasure(law, OrnsteinUhlenbeck()), np.full((2, law.ambient_dimension), 0.25)
    for target in (noised.score, noised.posterior_covariance, noised.score_divergence):
        target(x, 0.5)


def _cloud(dimension: int, size: int = 300) -> PointCloud:
    return PointCloud(np.random.default_rng(0).standard_normal((size, dimension)))


def _point_clouds() -> None:
    _ask(_cloud(2))
    _ask(_cloud(40))


def _segments_and_boxes() -> None:
    _ask(Segment([0.0, 0.0], [1.0, 1.0]).uniform())
    _ask(Box([0.0, 0.0], [1.0, 1.0]).uniform())


def _curves() -> None:
    curve = Curve(lambda u: np.stack([u, u * u], axis=-1), (-1.0, 1.0))
    _ask(curve.uniform())
    curve.project([0.0, 1.0], return_unique=True)


def _smoothing() -> None:
    for dimension in (2, 4):  # quadrature, and nodes
        noised, x = NoisedMeasure(_cloud(dimension, 8), OrnsteinUhlenbeck()), np.full((2, dimension), 0.25)
        SmoothedScore(noised, GaussianKernel(0.5), nodes=None if dimension == 2 else 64, rng=0).score(x, 0.5)
