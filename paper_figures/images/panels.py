"""What the figures about latents of fours share: the arrays they keep, and pieces of their captions."""

from __future__ import annotations

import numpy as np

from . import latent_runs as lr

__all__ = ["autoencoder_text", "experiment_text", "kept", "mean_error", "over_subsets", "paired_rows", "stated"]


#: What captions need of the runs, beside the quality of the autoencoder.
COMMON = ("points", "fours", "nodes", "steps", "gap", "deviations", "scales", "trials")


def kept(found: dict[str, np.ndarray], *more: str) -> dict[str, np.ndarray]:
    """Return the arrays that every caption needs, and those of the names given."""
    return {key: found[key] for key in found if key in (*COMMON, *more) or key.startswith("vae_")}


def over_subsets(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard errors over the last axis, the subsets of training points."""
    return values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])


def mean_error(value: float, error: float, digits: int = 2) -> str:
    """Return a value with its standard error."""
    return f"{value:.{digits}f} +- {error:.{digits}f}"


def stated(values: np.ndarray, digits: int = 2) -> str:
    """Return the mean over subsets (S,) with its standard error."""
    value, error = over_subsets(values)
    return mean_error(float(value), float(error), digits)


def paired_rows(scales: np.ndarray, values: np.ndarray, called: np.ndarray) -> list[list[str]]:
    """Return lines with both methods side by side: scale (2, k), value and share that is called a four (2, k, S)."""
    rows = []
    for k in range(scales.shape[1]):
        pairs = [(f"{scales[m, k]:g}", stated(values[m, k]), stated(100.0 * called[m, k], 1)) for m in range(2)]
        rows.append([cell for pair in pairs for cell in pair])
    return rows


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
