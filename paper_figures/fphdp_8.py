"""[FPHDP] Figure 8: images of bumps generated with two kernels, and how far they are from the data and from M."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from . import bump_panels as panels
from . import captions, style
from .bump_runs import KERNELS, circle_runs
from .bumps import circle

TITLE = "[FPHDP] Figure 8: images of bumps on a circle, generated with isotropic and adapted kernels"

SHOWN = 6
KEYS = (
    *panels.COMMON, "to_manifold", "to_data", "memorising_to_manifold", "memorising_to_data", "true_to_data",
    "orbit_error",
)  # fmt: skip


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the runs on the circle, and the pictures of some samples at the smallest, middle and largest scale."""
    data = circle_runs(quick)
    found = {key: data[key] for key in KEYS}
    rows = [0, data["scales"].shape[1] // 2, data["scales"].shape[1] - 1]
    pictures = [
        [circle().lift(data["samples"][k, i, panels.every(data["parameters"][k, i, :, 0], SHOWN)]) for i in rows]
        for k in range(2)
    ]
    return found | {"pictures": np.array(pictures, dtype=np.float32), "rows": np.array(rows)}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Images above, distances below; the isotropic kernel on the left, the adapted one on the right."""
    fig = Figure(figsize=(style.WIDTH, 7.0))
    axes = [fig.add_axes((0.065 + 0.475 * k, 0.125, 0.445, 0.455)) for k in range(2)]
    panels.distance_panels(axes, data)
    for k in range(2):
        ax = fig.add_axes((0.075 + 0.495 * k, 0.675, 0.422, 0.31))
        panels.mosaic(ax, data["pictures"][k], [f"scale\n{scale:g}" for scale in data["scales"][k, data["rows"]]])
    panels.distance_legend(fig)
    return fig


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption: what is shown, its errors, and the means."""
    what = (
        "fphdp-8. 16 images of a Gaussian bump with equispaced centres on the circle of radius 0.5; M: the images of "
        f"all bumps with centres there. Above: {SHOWN} of the samples at three scales of either kernel (left: "
        f"{KERNELS[0]}, right: {KERNELS[1]}; scale at the left of each row), at equal steps of rank of the angle of "
        "the nearest image on M. Below: distances of every sample to the nearest of the 16 images and to M (exact "
        "projection); large dots are means with one standard error. Crosses: samples without smoothing, all on the "
        "data. Red: the uniform law of M, which has distance 0 to M, with the range and the mean (diamond) of its "
        "distance to the data."
    )
    return captions.filled(
        panels.setting(data, what),
        panels.kernel_errors(data, panels.on_the_circle(data)),
        "Means and standard errors over the samples:",
        panels.distance_table(data),
    )
