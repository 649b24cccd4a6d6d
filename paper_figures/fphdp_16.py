"""[FPHDP] Figure 16: Fréchet distance to a closed curve of latents against the scale, isotropic and adapted kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from . import captions, style
from . import latent_panels as panels
from .images.data import Source
from .images.latent_curve import KERNELS, decoded_runs

TITLE = "[FPHDP] Figure 16: Fréchet distance of decoded samples to a curve of latents, against the kernel's scale"


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Take the runs."""
    data = decoded_runs(source, quick)
    return {key: data[key] for key in panels.COMMON}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Fréchet distance, distances and covered share against the scale; a column for either kernel."""
    fig = Figure(figsize=(style.WIDTH, 8.2))
    axes = fig.subplots(3, 2, sharex="col", sharey="row")
    fig.subplots_adjust(left=0.075, right=0.985, bottom=0.065, top=0.955, wspace=0.06, hspace=0.12)
    for k, kernel in enumerate(KERNELS):
        scales = data["scales"][k]
        _frechet(axes[0, k], data, k)
        axes[0, k].set_title(f"{kernel} kernel", pad=6)
        _distances(axes[1, k], data, k)
        axes[2, k].plot(scales, data["covered"][k], color=panels.COLOURS[kernel], marker="o", markersize=4.5)
        axes[2, k].axhline(data["true_covered"].mean(), color=style.VERMILLION, linewidth=1.2)
        axes[2, k].set(ylim=(0.0, 1.05), xlabel="scale of the kernel, in radii of the curve")
    axes[0, 0].set_ylabel("Fréchet distance to the curve")
    axes[1, 0].set_ylabel("mean distance, in radii")
    axes[2, 0].set_ylabel("covered share of the curve")
    axes[2, 1].text(
        0.98, 0.06, "line: uniform law of the curve", transform=axes[2, 1].transAxes, ha="right",
        color=style.VERMILLION, fontsize=9.0,
    )  # fmt: skip
    for ax in axes.flat:
        ax.grid(color="#e6e6e6", linewidth=0.5)
        ax.set_axisbelow(True)
    return fig


def _frechet(ax: Any, data: dict[str, np.ndarray], k: int) -> None:
    for name, floor, colour, label in (
        ("frechet", "floor", panels.COLOURS[KERNELS[k]], "in features"),
        ("pixel_frechet", "pixel_floor", style.MUTED, "in pixels"),
    ):
        ax.errorbar(
            data["scales"][k], data[name][k], yerr=data[name + "_error"][k], color=colour, marker="o", markersize=4.5,
            elinewidth=1.2, label=label,
        )  # fmt: skip
        ax.axhline(np.median(data[floor]), color=colour, linewidth=1.0, linestyle="--", label=f"floor {label}")
        ax.axhspan(data[floor].min(), data[floor].max(), color=colour, alpha=0.12, linewidth=0.0)
    ax.set(yscale="log", ylim=(None, 12.0 * max(data["frechet"].max(), data["floor"].max())))  # room for the legend
    ax.legend(frameon=False, fontsize=9.0, ncols=2, loc="upper center")


def _distances(ax: Any, data: dict[str, np.ndarray], k: int) -> None:
    for key, marker, label in (("to_manifold", "o", "to the curve"), ("to_data", "s", "to the data")):
        values = data[key][k]
        error = values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])
        face = panels.COLOURS[KERNELS[k]] if marker == "o" else "white"
        ax.errorbar(
            data["scales"][k], values.mean(axis=-1), yerr=error, color=panels.COLOURS[KERNELS[k]], marker=marker,
            markersize=4.5, markerfacecolor=face, elinewidth=1.2, label=label,
        )  # fmt: skip
    true = float(data["true_to_data"].mean())
    ax.axhline(true, color=style.VERMILLION, linewidth=1.2, label="uniform law, to the data")
    ax.set(ylim=(-0.02, None))
    ax.legend(frameon=False, fontsize=9.0, loc="upper left")


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the table of all scales."""
    what = (
        f"fphdp-16. {panels.what(data)} Above: Fréchet distance of decoded samples to the decoded uniform law of the "
        "curve, with bootstrap standard errors. Middle: mean distances of samples to the curve and to the data, in "
        "latent space. Below: how evenly samples cover the curve."
    )
    return captions.filled(what, panels.setting(data), panels.table(data), panels.conclusion(data))
