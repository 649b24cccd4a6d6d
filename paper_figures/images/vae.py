"""A variational autoencoder of small grey images: 32 latents, independent binomial pixels.  Needs torch."""

from __future__ import annotations

import math

import numpy as np
import torch

from .data import Digits
from .training import as_rows, minimise, one_torch_thread, perceptron

__all__ = ["LATENTS", "VAE", "judge_vae", "kl_divergence", "train_vae"]

LATENTS = 32
HIDDEN = 512
STEPS, BATCH, RATE = 4000, 128, 1e-3
#: A latent is called active if its Kullback-Leibler divergence is above this many nats.
ACTIVE = 0.1
JUDGED, COMPONENTS = 2000, 10_000


class VAE:
    """Encoder q(z|x) = N(mean(x), diag std(x)^2), prior N(0, I), decoder p(x|z): pixels independent, means decode(z).

    Both are perceptrons with two hidden layers of ReLU, float32.  A grey x in [0, 1] counts as n x of n = `trials`
    binary pixels that are set: -log p(x|z) = sum n CE(x, p) - log C(n, n x), CE the cross entropy
    -x log p - (1 - x) log(1 - p).  That is exact for the bundled digits, whose 17 levels count the black pixels of
    4 x 4 blocks (n = 16); n = 1 is the Bernoulli likelihood usual for MNIST, which is a law for black and white only.

    Attributes
    ----------
    shape : (h, w) of the images.
    trials : n.
    beta : weight of the Kullback-Leibler divergence in the training loss; 1 is the evidence lower bound.
    losses : of the training, in nats an image, (steps,).
    """

    def __init__(
        self, shape: tuple[int, int], *, trials: int = 1, latents: int = LATENTS, hidden: int = HIDDEN,
        beta: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        generator = torch.Generator().manual_seed(seed)
        pixels = shape[0] * shape[1]
        self.shape, self.trials, self.latents, self.beta = shape, trials, latents, beta
        self.encoder = perceptron((pixels, hidden, hidden, 2 * latents), generator)
        self.decoder = perceptron((latents, hidden, hidden, pixels), generator)
        self.losses = np.zeros(0)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return the means of q(z|x), (n, latents) float64, of images (n, h, w)."""
        return self.posterior(images)[0]

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return means and standard deviations of q(z|x), both (n, latents) float64."""
        with torch.no_grad(), one_torch_thread():
            mean, log_variance = self.encoder(as_rows(images, self.shape)).chunk(2, dim=1)
            return mean.double().numpy(), (0.5 * log_variance.double()).exp().numpy()

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Return images (n, h, w), float64 in [0, 1], the means of p(x|z) at latents (n, latents)."""
        z = np.asarray(latents)
        if z.ndim != 2 or z.shape[1] != self.latents:
            raise ValueError(f"latents must have shape (n, {self.latents}); got {z.shape}")
        with torch.no_grad(), one_torch_thread():
            logits = self.decoder(torch.from_numpy(np.ascontiguousarray(z, dtype=np.float32)))
            return logits.double().sigmoid().numpy().reshape(-1, *self.shape)

    def loss(self, rows: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return -log p(x|z) (n,) at the z of this noise (n, latents), and divergences (n, latents), in nats."""
        mean, log_variance = self.encoder(rows).chunk(2, dim=1)
        logits = self.decoder(mean + (0.5 * log_variance).exp() * noise)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, rows, reduction="none").sum(dim=1)
        n, hits = float(self.trials), self.trials * rows
        ways = math.lgamma(n + 1.0) - torch.lgamma(hits + 1.0) - torch.lgamma(n - hits + 1.0)
        return n * entropy - ways.sum(dim=1), kl_divergence(mean, log_variance)


def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return KL(N(mean, variance) | N(0, 1)) for every latent, (mean^2 + variance - 1 - log variance)/2."""
    return 0.5 * (mean**2 + torch.expm1(log_variance) - log_variance)


def train_vae(
    digits: Digits, *, trials: int = 1, seed: int = 0, steps: int = STEPS, beta: float = 1.0, hidden: int = HIDDEN
) -> VAE:
    """Train on all images given: -log p(x|z) + beta KL, one draw of z an image and step (Kingma and Welling 2014).

    The number of steps is fixed, so 60 000 large images take longer than 1800 small ones by the size of their layers
    only.  One thread and one generator: the same seed gives the same bits on one machine.
    """
    with one_torch_thread():
        vae = VAE(digits.images.shape[1:], trials=trials, hidden=hidden, beta=beta, seed=seed)
        rows = as_rows(digits.images, vae.shape)
        generator = torch.Generator().manual_seed(seed + 1)

        def loss(batch: torch.Tensor) -> torch.Tensor:
            noise = torch.empty(len(batch), vae.latents).normal_(generator=generator)
            entropy, divergence = vae.loss(rows[batch], noise)
            return entropy.mean() + beta * divergence.sum(dim=1).mean()

        parameters = [*vae.encoder.parameters(), *vae.decoder.parameters()]
        vae.losses = minimise(loss, parameters, len(rows), steps, BATCH, RATE, generator, "autoencoder")
    return vae


def judge_vae(vae: VAE, train: Digits, held: Digits, *, seed: int = 0, draws: int = 16) -> dict[str, np.ndarray]:
    """Measure how good an autoencoder is on images it has not seen.

    Of many images the first JUDGED are taken, of either part; principal components are those of the first COMPONENTS
    training images.

    Returns
    -------
    elbo, elbo_error : of held-out images, nats an image, with the standard error over images; elbo_train.
    divergence (latents,) : KL of each latent, mean over held-out images; active () : how many are above ACTIVE.
    squared, squared_pca, squared_pca_active, squared_mean : squared errors a pixel of held-out images: of
        decode(encode(x)), of the projections to as many principal components of the training images as there are
        latents, or active ones, and of their mean.
    """
    generator = torch.Generator().manual_seed(seed)
    bounds, divergences = {}, {}
    with torch.no_grad(), one_torch_thread():
        for name, part in (("train", train), ("held", held)):
            rows = as_rows(part.images[:JUDGED], vae.shape)
            noises = (torch.empty(len(rows), vae.latents).normal_(generator=generator) for _ in range(draws))
            found = [vae.loss(rows, noise) for noise in noises]
            divergences[name] = found[0][1].double().numpy()
            entropy = torch.stack([each[0] for each in found]).double().mean(dim=0).numpy()
            bounds[name] = -entropy - divergences[name].sum(axis=1)
    unseen = held.images[:JUDGED]
    flat = unseen.reshape(len(unseen), -1)
    decoded = vae.decode(vae.encode(unseen)).reshape(flat.shape)
    principal = _principal_errors(train.images[:COMPONENTS], flat)
    divergence = divergences["held"].mean(axis=0)
    active = int((divergence > ACTIVE).sum())
    found = {
        "elbo": bounds["held"].mean(),
        "elbo_error": bounds["held"].std(ddof=1) / math.sqrt(len(flat)) if len(flat) > 1 else math.nan,
        "elbo_train": bounds["train"].mean(),
        "divergence": divergence,
        "active": active,
        "squared": ((decoded - flat) ** 2).mean(),
        "squared_pca": principal[min(vae.latents, flat.shape[1])],
        "squared_pca_active": principal[min(active, flat.shape[1])],
        "squared_mean": principal[0],
    }
    return {name: np.asarray(value) for name, value in found.items()}


def _principal_errors(images: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Return the squared errors an entry of rows (n, p) projected to 0, 1, ..., p principal components of images."""
    training = images.reshape(len(images), -1)
    axes = np.linalg.eigh(np.cov(training, rowvar=False))[1][:, ::-1]
    kept = np.square((flat - training.mean(axis=0)) @ axes).mean(axis=0)
    return (kept.sum() - np.concatenate([[0.0], np.cumsum(kept)])) / flat.shape[1]
