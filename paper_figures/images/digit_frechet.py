"""Fréchet distances of samples of networks on images to images that are held out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..training_runs import SEED, typical
from .digit_runs import Parts
from .frechet import frechet_distance, frechet_error

DRAWS, QUICK_DRAWS = 25, 5  # of the bootstrap
SPACES = ("features", "pixels")


def _spaces(features: Callable[[np.ndarray], np.ndarray], images: Parts) -> tuple[Callable[..., np.ndarray], ...]:
    """Return the maps of points to the SPACES: features of the images, with pixels cut off at their range; points."""
    return (lambda x: features(images.images(x)), lambda x: x)


def judged(
    samples: np.ndarray,
    memory: np.ndarray,
    images: Parts,
    features: Callable[[np.ndarray], np.ndarray],
    draws: int = DRAWS,
) -> dict[str, np.ndarray]:
    """Return the distances to held-out images, as many of them as samples; the last axis is that of SPACES.

    samples (targets, seeds, 2, n, d) of networks, memory (2, n, d) of the exact score.

    Returns
    -------
    frechet (targets, seeds, 2, 2); frechet_error (targets, 2, 2), the bootstrap error for the seed of the median;
    oracle_frechet, oracle_frechet_error (2, 2); floor, floor_error (2,), of as many training images.
    """
    n = samples.shape[-2]
    found: dict[str, list[np.ndarray]] = {}
    for space in _spaces(features, images):
        real = space(images.held[:n])

        def error(x: np.ndarray, real: np.ndarray = real) -> float:
            return frechet_error(x, real, np.random.default_rng(SEED), draws)

        mapped = [[[space(x) for x in starts] for starts in seeds] for seeds in samples]
        distances = np.array([[[frechet_distance(x, real) for x in starts] for starts in seeds] for seeds in mapped])
        errors = [[error(mapped[j][k][i]) for i, k in enumerate(row)] for j, row in enumerate(typical(distances))]
        exact, training = [space(x) for x in memory], space(images.training[:n])
        row = {
            "frechet": distances,
            "frechet_error": np.array(errors),
            "oracle_frechet": np.array([frechet_distance(x, real) for x in exact]),
            "oracle_frechet_error": np.array([error(x) for x in exact]),
            "floor": np.array(frechet_distance(training, real)),
            "floor_error": np.array(error(training)),
        }
        for key, value in row.items():
            found.setdefault(key, []).append(value)
    return {key: np.stack(values, axis=-1) for key, values in found.items()}
