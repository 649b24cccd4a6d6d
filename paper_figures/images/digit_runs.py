"""Networks trained on images with the three targets of [LWB], against the exact answer for the training images.

The exact answer is the law of the training images, a point cloud: it knows nothing else, and at small times it answers
with the nearest of them.  A network that generalises has to differ from it, which is why both are judged on images that
are held out, too.  Needs torch; nothing here imports it before a run begins.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms
from manifold_scores.evaluation.samples import nearest

from ..training_runs import FINAL, SEED, T_MAX, T_MIN, TARGETS, error_times, sampling_times, stacked, trained
from ..workers import in_processes
from .data import Digits, Source, split

SHARE = 0.25  # held out
LATE = 1.0  # a second start of the sampler, from the exact law there
BATCH = 128
WIDTHS = (256, 256, 256)
FAR, COPIED = 0.95, 0.05  # quantiles of the distances from held-out images to the training images


@dataclass(frozen=True)
class Size:
    """How much is computed: images at most, seeds, steps of training, points a time, samples, steps of the sampler."""

    images: int
    seeds: int
    steps: int
    points: int
    samples: int
    sampler_steps: int


def size_of(quick: bool) -> Size:
    """Return the size of a run; it is the same for all images."""
    return Size(300, 2, 60, 50, 60, 20) if quick else Size(5000, 5, 6000, 500, 500, 200)


@dataclass(frozen=True)
class Parts:
    """Images as points (n, h w), pixels from -1 to 1, in random order; `shape` is (h, w)."""

    training: np.ndarray
    held: np.ndarray
    shape: tuple[int, int]

    def images(self, points: np.ndarray) -> np.ndarray:
        """Return points as images (n, h, w) with pixels from 0 to 1: what is beyond is cut off, as in any picture."""
        return np.clip(0.5 * (points + 1.0), 0.0, 1.0).reshape(-1, *self.shape)


def points_of(digits: Digits) -> np.ndarray:
    """Return images with pixels from 0 to 1 as points (n, h w) of [-1, 1]^{h w}."""
    return 2.0 * digits.images.reshape(len(digits.images), -1) - 1.0


@functools.cache
def parts(source: Source, most: int) -> Parts:
    """Return the training and the held-out part of at most so many images, drawn at random."""
    digits, rng = source.load(), np.random.default_rng(SEED)
    if len(digits.labels) > most:
        _, digits = split(digits, most / len(digits.labels), rng)
    training, held = split(digits, SHARE, rng)
    height, width = digits.images.shape[1:]
    return Parts(points_of(training), points_of(held), (height, width))


def memorising(points: np.ndarray) -> ms.NoisedMeasure:
    """Return the exact answer for the law of the training images."""
    return ms.NoisedMeasure(ms.PointCloud(points), ms.OrnsteinUhlenbeck(rate=0.5))


def linear(points: np.ndarray) -> ms.NoisedMeasure:
    """Return the exact answer for the normal law with their mean and covariance: the best linear denoiser."""
    law = ms.Gaussian(points.mean(axis=0), np.cov(points, rowvar=False))
    return ms.NoisedMeasure(law, ms.OrnsteinUhlenbeck(rate=0.5))


def denoising(model: Any, points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return (E|f(X_t, t) - X_0|^2)^{1/2} for X_0 the points, one each, and its standard error, (2, T).

    The loss at time t of all three targets is its square, times alpha^2/sigma^2 with the default weights.  The noise
    is the same for all models.
    """
    process, rng = ms.OrnsteinUhlenbeck(rate=0.5), np.random.default_rng(SEED + 1)
    found = []
    for t in times.tolist():
        noise = rng.standard_normal(points.shape)
        x = process.signal_scale(t) * points + np.sqrt(process.noise_variance(t)) * noise
        squares = ((model.posterior_mean(x, t) - points) ** 2).sum(axis=1)
        root = np.sqrt(squares.mean())
        error = squares.std(ddof=1) / np.sqrt(len(squares)) / 2.0
        found.append([root, error / root if root > 0.0 else 0.0])
    return np.array(found).T


def sampled(model: Any, images: Parts, size: Size) -> dict[str, np.ndarray]:
    """Return samples of the reverse SDE, (2, n, h w), and their distances (2, n) to the training images.

    First from N(0, sigma^2 I) at T_MAX; then from noisy training images, the exact law, at LATE.
    """
    count = min(size.samples, len(images.held))
    grid = sampling_times(size.sampler_steps)
    late = np.append(ms.geometric_times(T_MIN, LATE, size.sampler_steps), 0.0)
    noisy = memorising(images.training).sample(count, LATE, SEED)
    runs: list[Any] = [
        ms.reverse_sde(model, grid, count, SEED), ms.reverse_sde(model, late, rng=SEED, initial=noisy),
    ]  # fmt: skip
    return {"samples": np.stack(runs), "distance": np.stack([nearest(images.training, x)[0] for x in runs])}


def one_run(source: Source, target: str, seed: int, size: Size) -> dict[str, np.ndarray]:
    """Train one network and judge it.

    Returns
    -------
    loss (20,) : means over twentieths of the training.
    l2 (3, T) : distances of f, S and eps from the exact ones of the training images, in L2(p_t).
    denoising, denoising_error (2, T) : `denoising` on the training and on the held-out images.
    samples (2, n, h w), distance (2, n) : of the reverse SDE from T_MAX, and from LATE.
    seconds () : processor time of the training.
    """
    import torch

    from manifold_scores import networks

    images = parts(source, size.images)
    noised = memorising(images.training)
    dimension = images.training.shape[1]
    module = networks.MLP(dimension, WIDTHS, time_input="log", dtype=torch.float32, seed=seed)
    network = networks.ScoreNetwork(module, noised.process, target)
    found = trained(network, images.training, networks.LogUniformTimes(T_MIN, T_MAX), size.steps, BATCH, seed)
    judged = ms.evaluate(network, noised, error_times(), n=size.points, rng=SEED)
    found["l2"] = np.stack([each.absolute for each in (judged.posterior_mean, judged.score, judged.noise)])
    return found | on_both(network, images) | sampled(network, images, size)


def on_both(model: Any, images: Parts) -> dict[str, np.ndarray]:
    """Return denoising and denoising_error of `one_run` for any model."""
    both = np.stack([denoising(model, points, error_times()) for points in (images.training, images.held)])
    return {"denoising": both[:, 0], "denoising_error": both[:, 1]}


def exact(source: Source, size: Size) -> dict[str, np.ndarray]:
    """Return what there is of `one_run` for the exact score of the training images."""
    images = parts(source, size.images)
    model = memorising(images.training)
    return on_both(model, images) | sampled(model, images, size)


@functools.cache
def target_runs(source: Source, quick: bool) -> dict[str, np.ndarray]:
    """Train all targets with all seeds; arrays of `one_run` with (target, seed) in front.

    Those of the exact score are oracle_..., denoising of the best linear denoiser is linear_denoising; held_distance
    are the distances of held-out images to the training images.
    """
    size = size_of(quick)
    tasks: list[tuple[Any, ...]] = [
        (one_run, source, target, seed, size) for target in TARGETS for seed in range(size.seeds)
    ]
    *rows, memory = in_processes([*tasks, (exact, source, size)], "networks, images")
    data = stacked(rows, (len(TARGETS), size.seeds))
    data |= {f"oracle_{key}": value for key, value in memory.items()}
    images = parts(source, size.images)
    return data | {
        "linear_denoising": on_both(linear(images.training), images)["denoising"],
        "held_distance": nearest(images.training, images.held)[0],
        "image_counts": np.array([len(images.training), len(images.held)]),
        "image_shape": np.array(images.shape),
        "times": error_times(),
        "final_times": np.array(FINAL),
        "steps": np.array(size.steps),
        "points": np.array(size.points),
        "sampler_steps": np.array(size.sampler_steps),
        "hidden": np.array(WIDTHS),
    }
