"""[FPHDP] Figure 11: local PCA of generated fours, of score smoothing and of kernel density estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from . import captions, style
from .images import latent_runs as lr
from .images import panels
from .images.data import Source

TITLE = "[FPHDP] Figure 11: local PCA of fours from smoothed scores and density estimates, against that of the data"

_COLOURS = (style.BLUE, style.VERMILLION)


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Spectra of neighbourhoods (2, 6, S, K), of generated points and of as many real fours (S, K)."""
    found = lr.runs(source, quick)
    kept = panels.kept(found, "spectra", "spectra_real", "local_dimension", "local_dimension_real")
    return kept | {"samples": np.array(min(found["to_data"].shape[-1], int(found["fours"])))}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Spectra of both methods, and the local dimension against the scale."""
    fig = Figure(figsize=(style.WIDTH, 3.9))
    axes = fig.subplots(1, 3)
    fig.subplots_adjust(left=0.065, right=0.99, bottom=0.13, top=0.92, wspace=0.27)
    number = np.arange(data["spectra"].shape[-1]) + 1
    top = np.sqrt(max(data["spectra"].mean(axis=2).max(), data["spectra_real"].mean(axis=0).max()))
    for method, name in enumerate(("score smoothing", "kernel density estimate")):
        ax = axes[method]
        shades = colormaps["viridis"](np.linspace(0.0, 0.88, data["scales"].shape[1]))
        for k, scale in enumerate(data["scales"][method]):
            label = f"$\\sigma={scale:g}$" if method == 0 else f"$h={scale:g}$"
            ax.plot(number, np.sqrt(data["spectra"][method, k].mean(axis=0)), color=shades[k], linewidth=1.3,
                    marker="o", markersize=3, label=label)  # fmt: skip
        ax.plot(number, np.sqrt(data["spectra_real"].mean(axis=0)), color=style.INK, linewidth=2.0, label="real fours",
                linestyle="--")  # fmt: skip
        ax.set(yscale="log", ylim=(0.02, 2.0 * top), title=name, xlabel="principal direction of a neighbourhood")
        ax.set_xticks(number[::3])
        ax.legend(frameon=False, fontsize=8.5, loc="upper right" if method == 0 else "lower left")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("standard deviation")
    _dimensions(axes[2], data)
    return fig


def _dimensions(ax: Any, data: dict[str, np.ndarray]) -> None:
    count = data["scales"].shape[1]
    for method, name in enumerate(("score smoothing", "density estimate")):
        means, errors = panels.over_subsets(data["local_dimension"][method])
        ax.errorbar(np.arange(count), means, errors, color=_COLOURS[method], marker="o", markersize=4, label=name)
    real, error = panels.over_subsets(data["local_dimension_real"])
    ax.axhline(real, color=style.INK, linestyle="--", linewidth=1.2, label="real fours")
    ax.axhspan(real - error, real + error, color=style.INK, alpha=0.12, linewidth=0)
    labels = [f"{a:g}\n{b:g}" for a, b in data["scales"].T]
    ax.set_xticks(np.arange(count), labels)
    ax.text(-0.06, -0.045, "$\\sigma$\n$h$", transform=ax.transAxes, va="top", ha="center", fontsize=8.5)
    ax.set(title="local dimension", ylim=(0.0, None))
    ax.legend(frameon=False, loc="lower left")
    ax.spines[["top", "right"]].set_visible(False)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with local dimensions and variances, and their errors."""
    neighbours = data["spectra"].shape[-1] + 1
    subsets = data["local_dimension"].shape[-1]
    text = (
        f"fphdp-11. Principal components of the {neighbours} nearest among {int(data['samples'])} points, around each "
        f"of these: generated ones, and as many {lr.DIGIT}s drawn from all (dashed), so that neighbourhoods are as "
        "dense. Of the former, small scales hold near-copies of fewer training points than that, which takes away "
        "directions. Curves: square roots of mean variances. Local dimension: participation ratio (sum of the "
        "variances)^2 over the sum of their squares, mean over the points; it lies below the number of directions with "
        f"variance, and {neighbours} neighbours bound it: it compares, and does not count. "
    )
    rows = []
    real = panels.over_subsets(data["local_dimension_real"])
    total = data["spectra_real"].sum(axis=-1).mean()
    for method, name in enumerate(("score", "density")):
        for k, scale in enumerate(data["scales"][method]):
            value, error = panels.over_subsets(data["local_dimension"][method, k])
            spectra = data["spectra"][method, k]
            rows.append(
                [name, f"{scale:g}", panels.mean_error(float(value), float(error)),
                 f"{(value - real[0]) / np.hypot(error, real[1]):+.1f}", f"{spectra.sum(axis=-1).mean() / total:.2f}",
                 f"{_weaker(spectra):.1f}"]
            )  # fmt: skip
    share = _weaker(data["spectra_real"])
    rows.append([f"real {lr.DIGIT}s", "", panels.stated(data["local_dimension_real"]), "", "1", f"{share:.1f}"])
    return captions.filled(
        text + panels.experiment_text(data),
        panels.autoencoder_text(data),
        f"Local dimensions with standard errors over {subsets} random subsets of training points, which overlap; "
        f"their difference from that of real {lr.DIGIT}s in standard errors of the difference; total variance of a "
        f"neighbourhood relative to real {lr.DIGIT}s; percentage of it in the weaker half of the directions:",
        captions.text_table(["smoothed", "scale", "dimension", "difference", "variance", "weaker half, %"], rows),
        _verdict(data),
    )


def _weaker(spectra: np.ndarray) -> float:
    """Return the percentage of the variance in the weaker half of the directions, mean over subsets, of (S, K)."""
    half = spectra.shape[-1] // 2
    return float(100.0 * (spectra[:, half:].sum(axis=-1) / spectra.sum(axis=-1)).mean())


def _verdict(data: dict[str, np.ndarray]) -> str:
    real = data["local_dimension_real"].mean()
    said = []
    for method, name in enumerate(("score smoothing", "the density estimate")):
        value = data["local_dimension"][method].mean(axis=-1)
        a, b = data["scales"][method][[0, -1]]
        said.append(f"for {name} from {value[0]:.2f} (scale {a:g}) to {value[-1]:.2f} (scale {b:g})")
    return f"The local dimension goes {' and '.join(said)}, where real {lr.DIGIT}s have {real:.2f}."
