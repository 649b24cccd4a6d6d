"""Rows of small images, and what captions about latents of fours share."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import latent_runs as lr

__all__ = ["autoencoder_text", "experiment_text", "mean_error", "montage", "over_subsets", "show"]


def montage(images: np.ndarray, gap: int = 1) -> np.ndarray:
    """Return rows and columns of images (r, c, h, w) as one image, NaN between them."""
    rows, columns, height, width = images.shape
    found = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for i in range(rows):
        for j in range(columns):
            top, left = i * (height + gap), j * (width + gap)
            found[top : top + height, left : left + width] = images[i, j]
    return found


def show(ax: Any, images: np.ndarray) -> None:
    """Draw rows and columns of images (r, c, h, w), black ink on white."""
    ax.imshow(montage(images), cmap="gray_r", vmin=0.0, vmax=1.0, interpolation="nearest")
    ax.set_axis_off()


def over_subsets(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard errors over the last axis, the subsets of training points."""
    return values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])


def mean_error(value: float, error: float, digits: int = 2) -> str:
    """Return a value with its standard error."""
    return f"{value:.{digits}f} +- {error:.{digits}f}"


def autoencoder_text(data: dict[str, np.ndarray]) -> str:
    """Say what the autoencoder is and how good it is."""
    return (
        f"Autoencoder: {len(data['vae_divergence'])} latents, binomial pixels of {int(data['trials'])} trials, "
        f"{int(data['vae_steps'])} steps on nine tenths of all digits. On the other tenth: ELBO "
        f"{data['vae_elbo']:.1f} +- {data['vae_elbo_error']:.1f} nats an image ({data['vae_elbo_train']:.1f} on the "
        f"training images), {int(data['vae_active'])} latents with a Kullback-Leibler divergence above 0.1 nats (the "
        f"others have collapsed to the prior), squared error a pixel {data['vae_squared']:.4f}, against "
        f"{data['vae_squared_pca_active']:.4f} for as many principal components as active latents, "
        f"{data['vae_squared_pca']:.4f} for {len(data['vae_divergence'])} and {data['vae_squared_mean']:.4f} for the "
        "mean image."
    )


def experiment_text(data: dict[str, np.ndarray]) -> str:
    """Say what is generated, and from what."""
    deviations = np.sort(data["deviations"])[::-1]
    return (
        f"Latents of {lr.DIGIT}s: {int(data['points'])} of {int(data['fours'])} are training points, Brownian process; "
        f"score smoothing by a Gaussian kernel, {int(data['nodes'])} quasi-Monte Carlo nodes, Euler-Maruyama from "
        f"N(0, {lr.T_MAX:g} I) on {int(data['steps'])} geometric times to 1e-6 and then 0; the kernel density estimate "
        "is sampled exactly (a training point plus N(0, h^2 I)). Scales are those of the paper, whose latents have a "
        f"scale it does not state; here the median distance between neighbouring training latents is "
        f"{data['gap'].mean():.2f}, and the standard deviations of the latents of {lr.DIGIT}s run from "
        f"{deviations[0]:.2f} to {deviations[-1]:.2f}."
    )
