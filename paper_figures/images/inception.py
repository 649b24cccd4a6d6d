"""The feature space of Fréchet distances: a classifier trained here, or Inception from a local weight file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .data import Source, UnusableDataError
from .trained import trained_classifier

__all__ = ["WEIGHTS_VARIABLE", "feature_space", "inception_features", "weight_file"]

#: Names a file with the state dict of torchvision's inception_v3.
WEIGHTS_VARIABLE = "MANIFOLD_SCORES_INCEPTION"
_SIDE, _BATCH = 299, 32


def weight_file() -> Path | None:
    """Return the file that MANIFOLD_SCORES_INCEPTION names, or None; ValueError if there is none of that name."""
    name = os.environ.get(WEIGHTS_VARIABLE)
    return _existing(Path(name)) if name else None


def _existing(weights: Path) -> Path:
    if not weights.is_file():
        raise ValueError(f"Inception's weights must be a file that exists; got {weights}")
    return weights


def feature_space(source: Source, quick: bool = False) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    """Return a name for captions and a function from images (n, h, w) to features (n, p).

    The 64 features of the classifier, or Inception's 2048 if MANIFOLD_SCORES_INCEPTION names a weight file.
    """
    weights = weight_file()
    if weights is not None:
        return "the 2048 pooled features of Inception v3", lambda images: inception_features(images, weights)
    classifier = trained_classifier(source, quick)
    return "the 64 features of a classifier trained on these digits", classifier.features


def inception_features(images: np.ndarray, weights: Path) -> np.ndarray:
    """Return the 2048 pooled features (n, 2048) of torchvision's inception_v3 of images (n, h, w) in [0, 1].

    `weights` is a file with its state dict; only tensors are read from it (weights_only), nothing in it is executed.
    Images are repeated to three channels and resized to 299 x 299 (bilinear).  Published FIDs use another conversion of
    the network: distances in this space are not comparable with them.

    ValueError for a file that is missing, UnusableDataError for one that holds something else, ImportError without
    torchvision.
    """
    import torch

    _existing(weights)
    try:
        from torchvision.models import inception_v3
    except ImportError:
        raise ImportError("Inception features need torchvision: pip install torchvision") from None
    network = inception_v3(weights=None, init_weights=False, transform_input=False)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever the readers of archives and pickles make of other files
        raise UnusableDataError(
            f"{weights} is no state dict of torchvision's inception_v3 ({type(error).__name__})"
        ) from None
    network.fc = torch.nn.Identity()
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(np.asarray(images[start : start + _BATCH], dtype=np.float32))[:, None]
            large = torch.nn.functional.interpolate(batch, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)
            found.append(network(2.0 * large.expand(-1, 3, -1, -1) - 1.0).double().numpy())
    return np.concatenate(found)
