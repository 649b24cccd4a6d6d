"""[FPHDP] Figure 13: anisotropy of the generated images of bumps."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import bump_panels as panels
from . import captions, style
from .bump_runs import KERNELS, circle_runs
from .bumps import THRESHOLD, circle

TITLE = "[FPHDP] Figure 13: anisotropy of images of bumps on a circle against the scale of both kernels"

KEYS = (*panels.COMMON, "anisotropy", "memorising_anisotropy", "true_anisotropy", "orbit_error")


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the anisotropies from the runs on the circle, and the sample with the median one for every scale."""
    data = circle_runs(quick)
    middle = np.argsort(data["anisotropy"], axis=2)[:, :, data["anisotropy"].shape[2] // 2]
    chosen = np.take_along_axis(data["samples"], middle[:, :, None, None], axis=2)[:, :, 0]
    pictures = np.stack([circle().lift(x) for x in chosen]).astype(np.float32)
    return {key: data[key] for key in KEYS} | {"pictures": pictures}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """All samples and their means against the scale; below, the sample with the median anisotropy."""
    fig = Figure(figsize=(style.WIDTH, 5.3))
    top = float(np.nanmax(data["anisotropy"]))
    count = data["scales"].shape[1]
    for k, name in enumerate(KERNELS):
        left, width = 0.07 + 0.475 * k, 0.445
        ax = fig.add_axes((left, 0.355, width, 0.585))
        place = np.arange(count)
        true = data["true_anisotropy"]
        ax.axhspan(true.min(), true.max(), color=style.VERMILLION, alpha=0.35, linewidth=0.0)
        ax.axhline(data["memorising_anisotropy"].mean(), color=style.INK, linewidth=1.1, linestyle=(0, (5, 3)))
        for i, values in enumerate(data["anisotropy"][k]):
            jitter = np.random.default_rng(i).uniform(-0.28, 0.28, len(values))
            ax.plot(i + jitter, values, linestyle="", marker="o", markersize=2.6, color=style.SKY, markeredgewidth=0.0)
        mean, error = _mean(data["anisotropy"][k])
        ax.errorbar(
            place, mean, yerr=error, color=style.BLUE, marker="o", markersize=6, markeredgecolor="white", linewidth=1.4,
            elinewidth=1.6, zorder=5,
        )  # fmt: skip
        ax.set(xlim=(-0.5, count - 0.5), ylim=(0.99, 1.0 + 1.04 * (top - 1.0)), title=f"{name} kernel")
        ax.set_xticks(place, [f"{scale:g}" for scale in data["scales"][k]])
        ax.set_xlabel("scale")
        ax.grid(visible=True, axis="y", color="#e8e8e8", linewidth=0.6)
        ax.set_axisbelow(True)
        if k:
            ax.tick_params(labelleft=False)
        else:
            ax.set_ylabel(r"anisotropy $\lambda_{\max}/\lambda_{\min}$")
        strip = fig.add_axes((left, 0.10, width, 0.15))
        panels.mosaic(strip, data["pictures"][k][None], [""])
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=4, color=style.SKY, markeredgewidth=0.0),
        Line2D([], [], color=style.BLUE, marker="o", markersize=6, markeredgecolor="white"),
        Patch(color=style.VERMILLION, alpha=0.35, linewidth=0.0),
        Line2D([], [], color=style.INK, linewidth=1.1, linestyle=(0, (5, 3))),
    ]
    labels = ["samples", "mean, one standard error", "range over $M$", "mean without smoothing"]
    fig.legend(handles, labels, loc="lower center", ncols=4, frameon=False, fontsize=9.5)
    return fig


def _mean(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (S,) and standard errors of values (S, n), without those that are not defined."""
    counts = np.isfinite(values).sum(axis=1)
    return np.nanmean(values, axis=1), np.nanstd(values, axis=1, ddof=1) / np.sqrt(counts)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the means and standard errors."""
    true = data["true_anisotropy"]
    what = (
        "fphdp-13. 16 images of a Gaussian bump with equispaced centres on the circle of radius 0.5: anisotropy of the "
        "samples, the ratio of the eigenvalues of the covariance of the image read as a density, values below "
        f"{THRESHOLD:g} set to 0. A bump that is smeared along the circle has a larger one. Below the axes: the sample "
        "with the median anisotropy at that scale. Red band: the range over M, "
        f"{true.min():.5f} to {true.max():.5f}: not 1, for the threshold cuts pixels."
    )
    rows = ["    kernel      scale   anisotropy (s.e.)       largest"]
    for k, name in enumerate(KERNELS):
        for scale, mean, error, values in zip(
            data["scales"][k], *_mean(data["anisotropy"][k]), data["anisotropy"][k], strict=True
        ):
            rows.append(f"    {name:10s} {scale:6g}    {mean:.4f} ({error:.4f})   {np.nanmax(values):10.4f}")
    rows.append(f"    no smoothing         {data['memorising_anisotropy'].mean():.4f}")
    undefined = int(np.isnan(data["anisotropy"]).sum())
    note = f"Images without any value above the threshold, which have no anisotropy and are left out: {undefined}."
    return captions.filled(
        panels.setting(data, what), panels.kernel_errors(data, panels.on_the_circle(data)),
        f"Means over the samples, standard errors by {int(data['count'])} samples each. " + note,
        "\n".join(rows),
    )  # fmt: skip
