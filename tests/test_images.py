"""Handwritten digits: idx files written here and read back, damaged ones refused with a word on what is wrong."""

from __future__ import annotations

import gzip
import re
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.linalg import sqrtm

from paper_figures.images.data import FOLDER_VARIABLE, load_digits, split
from paper_figures.images.frechet import frechet_distance, frechet_error
from paper_figures.images.idx import read_idx

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array, kind=8):
    """The bytes of an idx file."""
    head = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def sample(n=7, side=5):
    rng = np.random.default_rng(3)
    return rng.integers(256, size=(n, side, side + 1)), rng.integers(10, size=n)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read_back(tmp_path, monkeypatch, packed):
    images, labels = sample()
    for name, array in ((IMAGES, images), (LABELS, labels)):
        content = idx(array)
        (tmp_path / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    for found in (load_digits("mnist", tmp_path), load_digits("mnist")):
        assert found.images.dtype == np.float64
        np.testing.assert_array_equal(found.images, images / 255.0)
        np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.of(labels[0]), images[labels == labels[0]] / 255.0)


WHOLE = idx(np.arange(12).reshape(3, 2, 2))
DAMAGED = {
    "nothing": (b"", "is no idx file: 0 bytes, shorter than any header"),
    "magic": (b"\x01" + WHOLE[1:], "is no idx file: it starts with 01000803, not with 0000"),
    "type": (idx(np.arange(12).reshape(3, 2, 2), kind=13), "must hold unsigned bytes (type 08); its type is 0d"),
    "dimensions": (idx(np.arange(12)), "must have 3 dimensions; it has 1"),
    "header": (WHOLE[:10], "ends within its header, after 10 of 16 bytes"),
    "truncated": (WHOLE[:-1], "holds fewer bytes than the 12 of its shape (3, 2, 2)"),
    "too long": (WHOLE + b"\0", "holds more bytes than the 12 of its shape (3, 2, 2)"),
    "empty": (idx(np.zeros((0, 2, 2))), "is empty: its shape is (0, 2, 2)"),
    "huge": (b"\0\0\x08\x03" + b"\xff" * 12, f"announces {(2**32 - 1) ** 3} bytes, more than {1 << 30}"),
    "counts": (b"\0\0\x08\x03" + struct.pack(">3I", 1000, 500, 500) + bytes(4), "holds fewer bytes than the 250000000"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_files_are_refused(tmp_path, damage, packed):
    content, message = DAMAGED[damage]
    path = tmp_path / ("images" + ".gz" * packed)
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=re.escape(f"{path} {message}")):
        read_idx(path, 3)


def test_damaged_gzip_files_are_refused(tmp_path):
    path = tmp_path / "images.gz"
    packed = gzip.compress(WHOLE)
    for content in (b"no gzip", packed[:-9], packed[:12], packed[:-8] + b"\0\0\0\0" + packed[-4:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=re.escape(f"{path} is not a whole gzip file: ")):
            read_idx(path, 3)


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    images, labels = sample()
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path} must hold {IMAGES} or {IMAGES}.gz")):
        load_digits("mnist", tmp_path)
    (tmp_path / IMAGES).write_bytes(idx(images))
    (tmp_path / LABELS).write_bytes(idx(labels[:-1]))
    with pytest.raises(ValueError, match=r"has 7 images but .* has 6 labels"):
        load_digits("mnist", tmp_path)
    (tmp_path / LABELS).write_bytes(idx(labels + 10))
    with pytest.raises(ValueError, match=rf"must hold digits 0 to 9; it has a {labels.max() + 10}"):
        load_digits("mnist", tmp_path)
    with pytest.raises(ValueError, match=r"data folder must be a folder that exists; got .*nowhere"):
        load_digits("mnist", tmp_path / "nowhere")


def test_names_are_checked(tmp_path):
    with pytest.raises(ValueError, match="data must be one of 'digits', 'mnist'; got 'cifar'"):
        load_digits("cifar")
    with pytest.raises(ValueError, match="folder goes with data 'mnist' only"):
        load_digits("digits", tmp_path)


def test_bundled_digits():
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    found = load_digits()
    assert found.images.shape == (1797, 8, 8)
    np.testing.assert_array_equal(16.0 * found.images.reshape(-1, 64), datasets.load_digits().data)
    assert found.images.min() == 0.0
    assert found.images.max() == 1.0
    first, second = split(found, 0.2, np.random.default_rng(0))
    assert len(second.labels) == 359
    together = np.concatenate([first.images, second.images]).reshape(-1, 64)
    np.testing.assert_array_equal(np.sort(together @ np.arange(64)), np.sort(found.images.reshape(-1, 64) @ range(64)))


def test_openml_without_a_folder(monkeypatch):
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    asked = {}

    def fetch(name, **options):
        asked[name] = options
        return SimpleNamespace(data=np.tile(np.arange(784) % 256, (3, 1)), target=np.array(["5", "0", "9"], object))

    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    found = load_digits("mnist")
    assert list(asked) == ["mnist_784"]
    assert found.images.shape == (3, 28, 28)
    assert found.images[0, 1, 0] == 28 / 255
    np.testing.assert_array_equal(found.labels, [5, 0, 9])


ROUNDING = 1e-12
"""Relative, for covariances with condition numbers of at most 1e3: a few hundred eps."""

SINGULAR = 1e-6
"""Zero eigenvalues come out as eps, their roots as 1.5e-8; twelve of them, of size 4 at most."""


def test_frechet_distance_is_that_of_the_general_square_root():
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 4)), 2.0 + rng.standard_normal((50, 4))
    A, B = np.cov(a.T), np.cov(b.T)
    gap = a.mean(axis=0) - b.mean(axis=0)
    wanted = gap @ gap + np.trace(A + B - 2.0 * sqrtm(A @ B).real)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=ROUNDING * 1e3)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=ROUNDING * 1e3)


def test_frechet_distance_in_closed_form():
    rng = np.random.default_rng(6)
    a = rng.standard_normal((40, 12))
    # Shifted: |shift|^2.  Scaled by c about its mean: (c - 1)^2 tr A.
    centred = a - a.mean(axis=0)
    assert frechet_distance(a, a + 0.5) == pytest.approx(12 * 0.25, rel=ROUNDING)
    assert frechet_distance(centred, 3.0 * centred) == pytest.approx(4.0 * np.trace(np.cov(a.T)), rel=ROUNDING)
    # One column is one-dimensional: (mu - nu)^2 + (s - r)^2.
    x, y = a[:, :1], 2.0 * a[:, 1:2] + 1.0
    wanted = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet_distance(x, y) == pytest.approx(wanted, rel=ROUNDING)
    # Fewer samples than features: singular covariances.
    assert frechet_distance(a[:5], a[:5] + 0.5) == pytest.approx(3.0, abs=SINGULAR)


def test_bootstrap_error_of_the_mean_term():
    # One feature, means far apart: the distance is about D^2, whose standard error is 2 D (1/n + 1/m)^{1/2}.
    rng = np.random.default_rng(7)
    a, b = rng.standard_normal((400, 1)), 50.0 + rng.standard_normal((400, 1))
    wanted = 100.0 * np.sqrt((a.var() + b.var()) / 400)
    draws = 400
    found = frechet_error(a, b, np.random.default_rng(8), draws)
    # A standard deviation of 400 normal draws has a relative standard error of 1/sqrt(800); four of them.
    assert found == pytest.approx(wanted, rel=4.0 / np.sqrt(2.0 * draws))


def test_features_are_checked():
    good = np.eye(3)
    with pytest.raises(ValueError, match=r"features_a must have shape \(n, p\) .*; got \(3,\)"):
        frechet_distance(np.zeros(3), good)
    with pytest.raises(ValueError, match="features_b must be finite"):
        frechet_distance(good, np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="as many columns; got 3 and 2"):
        frechet_distance(good, good[:, :2])
    with pytest.raises(ValueError, match="draws must be at least 2; got 1"):
        frechet_error(good, good, np.random.default_rng(0), 1)
