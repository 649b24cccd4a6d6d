"""Handwritten digits by name: scikit-learn's bundled 8 x 8 ones, or MNIST from idx files or OpenML."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .idx import read_idx

__all__ = ["DATA", "FOLDER_VARIABLE", "Digits", "Source", "UnusableDataError", "load_digits", "split"]

#: What `--data` takes; the first is the default.
DATA = ("digits", "mnist")

#: Names the folder of idx files where `--data-folder` does not.
FOLDER_VARIABLE = "MANIFOLD_SCORES_DATA"

_IMAGES, _LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
_OPENML_TRAINING = 60_000  # mnist_784 has MNIST's training images first


class UnusableDataError(ValueError):
    """Files that can be read, but that a figure cannot be about."""


@dataclass(frozen=True)
class Digits:
    """Images (N, h, w), float64 in [0, 1], 1 for ink, and their labels (N,), integers 0 to 9."""

    images: np.ndarray
    labels: np.ndarray

    def of(self, label: int) -> np.ndarray:
        """Return the images of one digit."""
        return self.images[self.labels == label]


@dataclass(frozen=True)
class Source:
    """Which handwriting the figures are about: `data` and `folder` of `load_digits`."""

    data: str = DATA[0]
    folder: str | None = None

    def load(self) -> Digits:
        """Return the images, which are read once a process."""
        return _loaded(self)


def load_digits(data: str = "digits", folder: str | os.PathLike[str] | None = None) -> Digits:
    """Return a set of handwritten digits.

    "digits": the 1797 images of 8 x 8 pixels that come with scikit-learn (UCI, Alpaydin and Kaynak 1998), with their 17
    levels divided by 16.  "mnist": the training set, by default 60 000 images of 28 x 28 pixels over 255; from the
    idx files train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz, in `folder`, or else in the folder that
    the environment variable MANIFOLD_SCORES_DATA names, or else by scikit-learn's `fetch_openml`, which downloads it
    once and keeps it in its own cache.

    ValueError for unknown names, folders without the files, and files that are damaged or do not belong together;
    ImportError if scikit-learn is needed and missing.
    """
    if data not in DATA:
        raise ValueError(f"data must be one of {', '.join(map(repr, DATA))}; got {data!r}")
    if data == "digits":
        if folder is not None:
            raise ValueError(f"folder goes with data 'mnist' only; the digits come with scikit-learn; got {folder}")
        return _bundled()
    where = folder if folder is not None else os.environ.get(FOLDER_VARIABLE) or None
    return _openml() if where is None else _from_folder(Path(where))


@functools.cache
def _loaded(source: Source) -> Digits:
    return load_digits(source.data, source.folder)


def split(digits: Digits, share: float, rng: np.random.Generator) -> tuple[Digits, Digits]:
    """Return two disjoint parts in random order, the second with a share of the images, rounded, at least one."""
    order = rng.permutation(len(digits.labels))
    held = max(1, round(share * len(order)))
    rest, last = order[held:], order[:held]
    return Digits(digits.images[rest], digits.labels[rest]), Digits(digits.images[last], digits.labels[last])


def _bundled() -> Digits:
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError('the digits need scikit-learn: pip install "manifold-scores[data]"') from None
    found = datasets.load_digits()
    return Digits(np.asarray(found.images, dtype=np.float64) / 16.0, np.asarray(found.target, dtype=np.int64))


def _openml() -> Digits:
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError(
            f"MNIST needs a folder of idx files, given or named by {FOLDER_VARIABLE}, or scikit-learn: "
            'pip install "manifold-scores[data]"'
        ) from None
    found = datasets.fetch_openml("mnist_784", version=1, as_frame=False, parser="liac-arff")
    images = np.asarray(found.data[:_OPENML_TRAINING], dtype=np.float64).reshape(-1, 28, 28) / 255.0
    return Digits(images, np.asarray(found.target[:_OPENML_TRAINING]).astype(np.int64))


def _from_folder(folder: Path) -> Digits:
    if not folder.is_dir():
        raise ValueError(f"data folder must be a folder that exists; got {folder}")
    image_path, label_path = _existing(folder, _IMAGES), _existing(folder, _LABELS)
    images, labels = read_idx(image_path, 3), read_idx(label_path, 1)
    if len(images) != len(labels):
        raise ValueError(f"{image_path} has {len(images)} images but {label_path} has {len(labels)} labels")
    if labels.max() > 9:
        raise ValueError(f"{label_path} must hold digits 0 to 9; it has a {labels.max()}")
    return Digits(images / 255.0, labels.astype(np.int64))


def _existing(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise ValueError(f"{folder} must hold {name} or {name}.gz")
