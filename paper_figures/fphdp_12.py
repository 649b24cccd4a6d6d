"""[FPHDP] Figure 12: samples of images of bumps at all scales of both kernels."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from . import bump_panels as panels
from . import captions, style
from .bump_runs import KERNELS, circle_runs
from .bumps import circle

TITLE = "[FPHDP] Figure 12: images of bumps on a circle, samples at all scales of both kernels"

SHOWN = 8
KEYS = (*panels.COMMON, "orbit_error")


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Choose samples, and the nearest images on M, from the runs on the circle."""
    data = circle_runs(quick)
    found = {key: data[key] for key in KEYS}
    pictures, residuals = [], []
    for k in range(2):
        rows = [data["memorising_samples"] if k == 0 else circle().embed(data["memorising_parameters"] + np.pi / 16.0)]
        angles = [data["memorising_parameters"][:, 0]]
        rows += list(data["samples"][k])
        angles += list(data["parameters"][k, :, :, 0])
        chosen = [row[panels.every(angle, SHOWN)] for row, angle in zip(rows, angles, strict=True)]
        pictures.append([circle().lift(x) for x in chosen])
        residuals.append([np.linalg.norm(x - circle().embed(circle().project(x)), axis=1) for x in chosen])
    return found | {"pictures": np.array(pictures, dtype=np.float32), "to_manifold": np.array(residuals)}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """A row of images for every scale; the first rows are what has no scale."""
    rows = data["pictures"].shape[1]
    height = 0.50 + rows * (0.535 * 1.04)
    fig = Figure(figsize=(style.WIDTH, height))
    for k, first in enumerate(("data", "on $M$")):
        x = 0.048 + 0.507 * k
        ax = fig.add_axes((x, 0.01, 0.44, 1.0 - 0.42 / height))
        panels.mosaic(ax, data["pictures"][k], [first, *(f"scale\n{scale:g}" for scale in data["scales"][k])])
        fig.text(x + 0.22, 1.0 - 0.24 / height, f"{KERNELS[k]} kernel", ha="center", fontsize=11)
    return fig


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the distances to M of what is shown."""
    what = (
        f"fphdp-12. 16 images of a Gaussian bump with equispaced centres on the circle of radius 0.5, and {SHOWN} "
        "samples for every scale (left of each row), at equal steps of rank of the angle of the nearest image on M, of "
        "the isotropic (left) and the adapted kernel (right). First rows: samples without smoothing, which are images "
        "of the data (left), and images of M half way between two of the data (right), what a sampler of M could have "
        "drawn. Colours from 0 (black) to 1 (pale) for all."
    )
    table = ["    distances to M of the images shown, from left to right", "    kernel      scale"]
    for k, name in enumerate(KERNELS):
        for i, scale in enumerate(data["scales"][k]):
            cells = " ".join(f"{value:7.4f}" for value in data["to_manifold"][k, 1 + i])
            table.append(f"    {name:10s} {scale:6g} {cells}")
    return captions.filled(
        panels.setting(data, what), panels.kernel_errors(data, panels.on_the_circle(data)), "\n".join(table)
    )
