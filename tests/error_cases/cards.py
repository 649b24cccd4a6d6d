"""Clouds on cards; what is checked before anything reaches one needs none."""

from unittest import mock

import numpy as np

import manifold_scores as ms
from manifold_scores.measures.cloud_on_card import CloudOnCard

CLOUD = ms.PointCloud([[0.0], [1e16]])


def without_a_card():
    with mock.patch("manifold_scores.compute.cuda_memory.why_not", return_value="no driver"):
        CLOUD.to("cuda")


def checked(longest, center, variance):
    """Check one query of a cloud in single precision."""
    cloud = CloudOnCard.__new__(CloudOnCard)
    cloud._longest = longest
    cloud.real = np.float32
    cloud.check_range(np.array([[center]]), np.array([variance]))


def smoothed():
    cloud = ms.PointCloud([[0.0], [1.0]])
    cloud.device = "cuda"
    ms.SmoothedScore(ms.NoisedMeasure(cloud, ms.BrownianMotion()), ms.GaussianKernel(0.1))


CASES = [
    (
        "no card",
        without_a_card,
        RuntimeError,
        r"device 'cuda' needs an NVIDIA card, its driver and numba-cuda \(extra manifold-scores\[cuda\]\): no driver",
    ),
    ("device", lambda: CLOUD.to("gpu"), ValueError, r"device must be one of \['cpu', 'cuda'\]; got 'gpu'"),
    (
        "precision",
        lambda: CLOUD.to("cpu", precision="half"),
        ValueError,
        r"precision must be one of \['double', 'single'\]; got 'half'",
    ),
    (
        "single precision on the CPU",
        lambda: CLOUD.to("cpu", precision="single"),
        ValueError,
        "precision must be 'double' on the CPU; got 'single'",
    ),
    (
        "points in single precision",
        lambda: CloudOnCard(CLOUD.part, 0.0, 1e-17, "single"),
        ValueError,
        r"points must not exceed 1e\+15 in single precision; got 1e\+16",
    ),
    (
        "center in single precision",
        lambda: checked(1.0, 1e16, 1.0),
        ValueError,
        r"center must not exceed 1e\+15 in single precision; got 1e\+16",
    ),
    (
        "variance in single precision",
        lambda: checked(1.0, 0.0, 1e-31),
        ValueError,
        r"variance must lie between 1e-30 and 1e30 in single precision, and lengths within 1e\+15 times its root; "
        "got 1e-31",
    ),
    (
        "smoothing on a card",
        smoothed,
        TypeError,
        r"noised must have a measure on the CPU, where smoothed scores are computed; pass measure\.to\('cpu'\)",
    ),
]
