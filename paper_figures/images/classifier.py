"""A classifier of digits, whose last hidden layer is a feature space for Fréchet distances.  Needs torch."""

from __future__ import annotations

import numpy as np
import torch

from .data import Digits
from .training import as_rows, minimise, one_torch_thread, perceptron

__all__ = ["FEATURES", "Classifier", "train_classifier"]

FEATURES = 64
HIDDEN = 256
STEPS, BATCH, RATE = 1500, 128, 1e-3


class Classifier:
    """A perceptron: pixels, 256 ReLU, 64 ReLU, 10 classes; float32.

    Attributes
    ----------
    shape : (h, w) of the images.
    losses : cross entropies of the training, in nats, (steps,).
    """

    def __init__(self, shape: tuple[int, int], *, seed: int = 0) -> None:
        self.shape = shape
        sizes = (shape[0] * shape[1], HIDDEN, FEATURES, 10)
        self.layers = perceptron(sizes, torch.Generator().manual_seed(seed))
        self.losses = np.zeros(0)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the values of the last hidden layer, (n, 64) float64, non-negative, of images (n, h, w)."""
        with torch.no_grad(), one_torch_thread():
            return np.asarray(self.layers[:-1](as_rows(images, self.shape)).double().numpy())

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the most probable labels (n,) of images (n, h, w)."""
        with torch.no_grad(), one_torch_thread():
            return np.asarray(self.layers(as_rows(images, self.shape)).argmax(dim=1).numpy())

    def accuracy(self, digits: Digits) -> float:
        """Return the share of images whose label is predicted."""
        return float((self.predict(digits.images) == digits.labels).mean())


def train_classifier(digits: Digits, *, seed: int = 0, steps: int = STEPS) -> Classifier:
    """Train on all images given, by cross entropy; the same seed gives the same bits on one machine."""
    with one_torch_thread():
        classifier = Classifier(digits.images.shape[1:], seed=seed)
        rows, labels = as_rows(digits.images, classifier.shape), torch.from_numpy(digits.labels.astype(np.int64))
        generator = torch.Generator().manual_seed(seed + 1)

        def loss(batch: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(classifier.layers(rows[batch]), labels[batch])

        parameters = list(classifier.layers.parameters())
        classifier.losses = minimise(loss, parameters, len(rows), steps, BATCH, RATE, generator, "classifier")
    return classifier
