"""Fréchet distances between normal laws fitted to features of images, with their sampling error."""

from __future__ import annotations

import numpy as np

__all__ = ["frechet_distance", "frechet_error"]


def frechet_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Squared 2-Wasserstein distance of the normal laws with the means and covariances of two samples (n, p), (m, p).

    |mu_a - mu_b|^2 + tr A + tr B - 2 tr (A^{1/2} B A^{1/2})^{1/2} with covariances A and B that divide by n - 1 (Dowson
    and Landau 1982; the "FID" of Heusel et al. 2017 in whatever space the features live).  The root is that of a
    symmetric matrix, by eigenvalues, where those that rounding makes negative count as zero: no complex numbers and no
    failure for singular covariances, unlike a square root of A B.  Rounding: at most p sqrt(eps) (|A| |B|)^{1/2} for
    singular covariances, less for regular ones.  Finite samples bias it upwards, most for small
    ones: compare samples of equal sizes.
    """
    return _distance(*_pair(features_a, features_b))


def frechet_error(features_a: np.ndarray, features_b: np.ndarray, rng: np.random.Generator, draws: int = 100) -> float:
    """Bootstrap standard error of `frechet_distance`: its spread when rows of both samples are drawn anew.

    It says how far the distance would move for other samples, not its bias.
    """
    a, b = _pair(features_a, features_b)
    if draws < 2:
        raise ValueError(f"draws must be at least 2; got {draws}")
    found = [
        _distance(a[rng.integers(len(a), size=len(a))], b[rng.integers(len(b), size=len(b))]) for _ in range(draws)
    ]
    return float(np.std(found, ddof=1))


def _pair(features_a: np.ndarray, features_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = _features("features_a", features_a), _features("features_b", features_b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features_a and features_b must have as many columns; got {a.shape[1]} and {b.shape[1]}")
    return a, b


def _features(name: str, value: np.ndarray) -> np.ndarray:
    found = np.asarray(value, dtype=np.float64)
    if found.ndim != 2 or len(found) < 2 or found.shape[1] < 1:
        raise ValueError(f"{name} must have shape (n, p) with n >= 2 and p >= 1; got {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite")
    return found


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    difference = a.mean(axis=0) - b.mean(axis=0)
    covariance_a, covariance_b = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (a, b))
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    product = root @ covariance_b @ root
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(0.5 * (product + product.T)), 0.0)).sum()
    total = difference @ difference + np.trace(covariance_a) + np.trace(covariance_b) - 2.0 * shared
    return max(float(total), 0.0)
