"""Fours generated in the latent space of the autoencoder, by score smoothing and by kernel density estimates.

Figures 6, 7, 10 and 11 of [FPHDP] share them.  Needs torch; nothing here imports it before a run begins.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

import manifold_scores as ms
from manifold_scores.evaluation.samples import nearest

from .. import smoothing_samples as ss
from .data import Source, UnusableDataError
from .latents import local_spectra, participation, plane_distances
from .trained import parts, trained_classifier, trained_vae

__all__ = ["DIGIT", "METHODS", "SCALES", "Size", "runs", "size_of"]

DIGIT = 4
METHODS = ("score smoothing", "density estimate")
#: Those of the paper.  A smoothed score leaves its training points where the scale nears half their distance, about 1
#: for the bundled digits: 0.4 repeats them, 0.9 averages over many.
SCALES = np.array([[0.4, 0.5, 0.6, 0.7, 0.8, 0.9], [0.07, 0.1, 0.13, 0.16, 0.2, 0.25]])
#: Shares of the way from a training latent to the nearest other one: the simplest new points there are.
WAYS = (0.1, 0.2, 0.3, 0.4, 0.5)
POINTS, T_MAX = 100, 9.0
NEIGHBOURS, DIMENSION = 20, 8  # of local planes
SEED = 7
LEAST = 12  # fours for anything to be measured


@dataclass(frozen=True)
class Size:
    """How much is computed: subsets of training points, samples of each, kernel nodes, steps; samples for checks."""

    subsets: int
    samples: int
    nodes: int
    steps: int
    checked: int


def size_of(quick: bool) -> Size:
    """Return the size."""
    return Size(2, 16, 64, 20, 8) if quick else Size(5, 120, 2048, ss.STEPS, 60)


def score_model(points: np.ndarray, scale: float, nodes: int, seed: int = SEED) -> ms.SmoothedScore:
    """Return the score of the noised points averaged over N(x, scale^2 I), quasi-Monte Carlo."""
    return ms.SmoothedScore(ss.exact(points), ms.GaussianKernel(scale), "qmc", nodes, rng=seed)


@functools.cache
def runs(source: Source, quick: bool) -> dict[str, np.ndarray]:
    """Generate and measure; S subsets of training points, scales as in SCALES, methods as in METHODS, G samples.

    Returns
    -------
    samples (2, 6, S, G, 32); decoded, neighbour (2, 6, 16, h, w) : images of the first samples of the first subset, and
        the training images whose latents are nearest.
    to_data, to_all, to_unseen (2, 6, S, G) : distances to the nearest training latent, and to the local planes of all
        fours and of those that are no training points.  real_* (S, n) and way_* (S, 5, N) : the same for the latter
        fours, each left out of its own plane, and for points on the way from training latents to their neighbours.
    spread (2, 6, S) : total variance over that of all fours.  called (2, 6, S) : share of the decoded samples that the
        classifier calls a four; called_real () : of decoded fours that are no training points.
    spectra (2, 6, S, K - 1), spectra_real (S, K - 1) : variances of neighbourhoods among G points, means;
        local_dimension (2, 6, S), local_dimension_real (S,) : means of their participation ratios.
    """
    images = source.load().of(DIGIT)
    if len(images) < LEAST:
        raise UnusableDataError(f"the data must hold at least {LEAST} images of a {DIGIT}; they hold {len(images)}")
    size, vae, classifier = size_of(quick), trained_vae(source, quick), trained_classifier(source, quick)
    latents = vae.encode(images)
    rows: list[dict[str, np.ndarray]] = []
    with tqdm(total=size.subsets * SCALES.shape[1], desc="latents", unit="scale", disable=None) as bar:
        for subset in range(size.subsets):
            rng = np.random.default_rng([SEED, subset])
            order = rng.permutation(len(latents))
            count = min(POINTS, 2 * len(latents) // 3)
            chosen, unseen = order[:count], order[count:]
            samples = _generate(latents[chosen], size, subset, rng, bar)
            found = _measured(samples, latents, chosen, unseen, rng)
            decoded = vae.decode(samples.reshape(-1, samples.shape[-1]))
            found["called"] = (classifier.predict(decoded) == DIGIT).reshape(samples.shape[:3]).mean(axis=2)
            real = classifier.predict(vae.decode(latents[unseen])) == DIGIT
            rows.append(found | {"samples": samples, "called_real": real.mean()})
            if subset == 0:
                shown = min(16, size.samples)
                pictures = decoded.reshape(*samples.shape[:3], *vae.shape)[:, :, :shown]
                index = nearest(latents[chosen], samples[:, :, :shown].reshape(-1, samples.shape[-1]))[1]
                neighbour = images[chosen][index].reshape(pictures.shape)
                checks = _checks(latents[chosen], size, samples[0])
    data = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    for key in ("samples", "to_data", "to_all", "to_unseen", "spread", "called", "spectra", "local_dimension"):
        data[key] = np.moveaxis(data[key], 0, 2)
    train, held = parts(source)
    from .vae import judge_vae

    quality = {f"vae_{key}": value for key, value in judge_vae(vae, train, held).items()}
    return data | checks | quality | {
        "decoded": pictures,
        "neighbour": neighbour,
        "scales": SCALES,
        "ways": np.array(WAYS),
        "accuracy": np.array(classifier.accuracy(held)),
        "fours": np.array(len(latents)),
        "points": np.array(count),
        "nodes": np.array(size.nodes),
        "steps": np.array(size.steps),
        "plane": np.array(_plane(len(latents) - count)),
        "deviations": latents.std(axis=0, ddof=1),
        "vae_steps": np.array(len(vae.losses)),
        "trials": np.array(vae.trials),
    }  # fmt: skip


def _plane(unseen: int) -> tuple[int, int]:
    """Return neighbours and dimension of local planes, less than usual if there are few fours."""
    neighbours = min(NEIGHBOURS, unseen - 1)
    return neighbours, min(DIMENSION, neighbours // 2)


def _generate(points: np.ndarray, size: Size, subset: int, rng: np.random.Generator, bar: tqdm) -> np.ndarray:
    found = np.empty((2, SCALES.shape[1], size.samples, points.shape[1]))
    for k, (scale, bandwidth) in enumerate(SCALES.T):
        model = score_model(points, float(scale), size.nodes)
        found[0, k] = ss.generate(model, T_MAX, size.samples, 100 * subset + k, steps=size.steps)
        found[1, k] = ss.exact(points).sample(size.samples, float(bandwidth) ** 2, rng)
        bar.update()
    return found


def _measured(
    samples: np.ndarray, latents: np.ndarray, chosen: np.ndarray, unseen: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    points, others = latents[chosen], latents[unseen]
    plane = _plane(len(unseen))
    flat = samples.reshape(-1, samples.shape[-1])
    lengths = points[:, None] - points
    apart = np.sqrt(np.square(lengths).sum(axis=2))
    np.fill_diagonal(apart, np.inf)
    neighbour = points[apart.argmin(axis=1)]
    ways = np.stack([points + share * (neighbour - points) for share in WAYS])
    found = {"gap": np.median(apart.min(axis=1))}
    for name, x in (("", flat), ("way_", ways.reshape(-1, points.shape[1]))):
        shape = samples.shape[:3] if name == "" else ways.shape[:2]
        found[f"{name}to_data"] = nearest(points, x)[0].reshape(shape)
        found[f"{name}to_all"] = plane_distances(x, latents, *plane).reshape(shape)
        found[f"{name}to_unseen"] = plane_distances(x, others, *plane).reshape(shape)
    found["real_to_data"] = nearest(points, others)[0]
    found["real_to_all"] = plane_distances(others, latents, *plane, own=unseen)
    found["real_to_unseen"] = plane_distances(others, others, *plane, own=np.arange(len(others)))
    found["spread"] = samples.var(axis=2, ddof=1).sum(axis=-1) / latents.var(axis=0, ddof=1).sum()
    # As many real fours as samples, so that neighbourhoods are compared at one number of points.
    count = min(samples.shape[2], len(latents))
    some = latents[rng.permutation(len(latents))[:count]]
    neighbours = min(NEIGHBOURS, count - 1)
    spectra = np.stack([[local_spectra(each[:count], neighbours) for each in row] for row in samples])
    real = local_spectra(some, neighbours)
    return found | {
        "spectra": spectra.mean(axis=2),
        "local_dimension": participation(spectra).mean(axis=2),
        "spectra_real": real.mean(axis=0),
        "local_dimension_real": participation(real).mean(),
    }


def _checks(points: np.ndarray, size: Size, samples: np.ndarray) -> dict[str, np.ndarray]:
    """Measure what nodes and steps change, on the first subset.

    kernel_error (6,) : root mean square over samples of |f - f'|, f the point on which the last step ends and f' with
    eight times the nodes, others; other_nodes, finer_steps (6, n) : distances to data of new samples, with other nodes
    or with twice the steps.
    """
    found: dict[str, list[np.ndarray]] = {"kernel_error": [], "other_nodes": [], "finer_steps": []}
    for k, scale in enumerate(SCALES[0]):
        model = score_model(points, float(scale), size.nodes)
        other = score_model(points, float(scale), size.nodes, SEED + 1)
        more = score_model(points, float(scale), 8 * size.nodes, SEED + 2)
        x = samples[k, :16]
        gap = model.posterior_mean(x, ss.LAST_TIME) - more.posterior_mean(x, ss.LAST_TIME)
        found["kernel_error"].append(np.sqrt(np.square(gap).sum(axis=1).mean()))
        seed = 1000 + k
        again = ss.generate(other, T_MAX, size.checked, seed, steps=size.steps)
        finer = ss.generate(model, T_MAX, size.checked, seed + 500, steps=2 * size.steps)
        found["other_nodes"].append(nearest(points, again)[0])
        found["finer_steps"].append(nearest(points, finer)[0])
    return {key: np.array(value) for key, value in found.items()}
