"""Distances from points to the planes of neighbourhoods of a cloud, and spectra of those neighbourhoods."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["local_spectra", "participation", "plane_distances"]


def plane_distances(
    x: np.ndarray, cloud: np.ndarray, neighbours: int, dimension: int, own: np.ndarray | None = None
) -> np.ndarray:
    """Return the distances (n,) from x (n, d) to local PCA planes of the cloud (N, d).

    The plane of a point passes through the mean of its `neighbours` nearest points of the cloud, along the `dimension`
    first principal axes of those.  It has no edges: how far a point lies along it does not count.  Row i leaves out
    row own[i] of the cloud, which it is itself.
    """
    found = np.empty(len(x))
    for i, around in enumerate(_neighbourhoods(x, cloud, neighbours, own)):
        centre = around.mean(axis=0)
        axes = np.linalg.svd(around - centre, full_matrices=False)[2][:dimension]
        apart = x[i] - centre
        found[i] = np.linalg.norm(apart - (apart @ axes.T) @ axes)
    return found


def local_spectra(samples: np.ndarray, neighbours: int) -> np.ndarray:
    """Return the variances (n, min(neighbours - 1, d)) along the principal axes of the neighbourhood of every sample.

    Its neighbourhood: that many of the other samples, the nearest.
    """
    count = min(neighbours - 1, samples.shape[1])
    found = [
        np.linalg.svd(around - around.mean(axis=0), compute_uv=False)[:count] ** 2 / (len(around) - 1)
        for around in _neighbourhoods(samples, samples, neighbours, np.arange(len(samples)))
    ]
    return np.array(found)


def participation(spectra: np.ndarray) -> np.ndarray:
    """Return (sum of variances)^2 / (sum of their squares), (n,): m for m equal ones."""
    return np.asarray(spectra.sum(axis=-1) ** 2 / np.square(spectra).sum(axis=-1))


def _squares(row: np.ndarray, cloud: np.ndarray) -> np.ndarray:
    # Differences, not products: distances between neighbours must not drown in the rounding of |x|^2.
    return np.asarray(np.square(cloud - row).sum(axis=1))


def _neighbourhoods(x: np.ndarray, cloud: np.ndarray, neighbours: int, own: np.ndarray | None) -> Iterator[np.ndarray]:
    for i, row in enumerate(x):
        squares = _squares(row, cloud)
        if own is not None:
            squares[own[i]] = np.inf
        yield cloud[np.argpartition(squares, neighbours - 1)[:neighbours]]
