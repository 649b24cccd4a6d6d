"""The networks of the figures about handwriting, trained once a process.  torch is imported when one is asked for."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .data import Digits, Source, split

__all__ = ["parts", "trained_classifier", "trained_vae"]

SEED = 20260518
HELD = 0.1  # share of the images that no network sees
#: Steps of the autoencoder and the classifier.
STEPS = {"digits": (4000, 1500), "mnist": (20_000, 5000)}
QUICK_STEPS = (150, 150)
#: Binary pixels in a grey: the bundled digits count those of 4 x 4 blocks; for MNIST the usual Bernoulli likelihood.
TRIALS = {"digits": 16, "mnist": 1}


@functools.cache
def parts(source: Source) -> tuple[Digits, Digits]:
    """Return the images that networks are trained on and those they never see, nine tenths and one tenth."""
    return split(source.load(), HELD, np.random.default_rng(SEED))


@functools.cache
def trained_vae(source: Source, quick: bool) -> Any:
    """Return the `vae.VAE` of all digits of the first part."""
    from .vae import train_vae

    steps = QUICK_STEPS[0] if quick else STEPS[source.data][0]
    return train_vae(parts(source)[0], trials=TRIALS[source.data], seed=SEED, steps=steps)


@functools.cache
def trained_classifier(source: Source, quick: bool) -> Any:
    """Return the `classifier.Classifier` of the first part."""
    from .classifier import train_classifier

    return train_classifier(parts(source)[0], seed=SEED, steps=QUICK_STEPS[1] if quick else STEPS[source.data][1])
