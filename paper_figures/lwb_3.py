"""[LWB] Figure 3: a law on a curve; samples of the reverse SDE with networks for the three targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from . import captions, style
from . import training_panels as panels
from .training_runs import FAR, TARGETS, curve, target_runs, typical

TITLE = "[LWB] Figure 3: law on a curve, samples of CEM, SGM and DDPM networks, and their pollution"


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the runs on the curve, and an outline of it."""
    outline = np.asarray(curve().embed(np.linspace(0.0, 2.0 * np.pi, 721)))
    return target_runs("curve", quick) | {"outline": outline}


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Samples of the seed of median pollution for each target, those of the exact score, and all pollutions."""
    fig = Figure(figsize=(style.WIDTH, 7.4))
    axes = fig.subplots(2, 3)
    fig.subplots_adjust(left=0.06, right=0.99, bottom=0.07, top=0.95, wspace=0.22, hspace=0.22)
    far = FAR * float(data["sigma_min"])
    shown = [(t.upper(), data["samples"][j, k], data["distance"][j, k], panels.COLOURS[t])
             for j, (t, k) in enumerate(zip(TARGETS, typical(data["pollution"]), strict=True))]  # fmt: skip
    shown.append(("exact score", data["oracle_samples"], data["oracle_distance"], style.INK))
    low, high = data["outline"].min(axis=0) - 0.3, data["outline"].max(axis=0) + 0.3
    for ax, (name, x, distance, colour) in zip((*axes[0], axes[1, 0]), shown, strict=True):
        ax.plot(*data["outline"].T, color=style.FAINT, linewidth=0.8)
        ax.scatter(*x[distance <= far].T, s=2.5, color=colour, linewidths=0.0, alpha=0.7)
        ax.scatter(*x[distance > far].T, s=7.0, color=style.PURPLE, linewidths=0.0)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        ax.set_title(f"{name}: {100.0 * (distance > far).mean():.1f} % far", pad=5)
    _pollutions(axes[1, 1], data)
    _distances(axes[1, 2], data, far)
    return fig


def _pollutions(ax: Any, data: dict[str, np.ndarray]) -> None:
    for j, target in enumerate(TARGETS):
        shares = 100.0 * data["pollution"][j]
        ax.scatter(np.full(len(shares), j), shares, s=26, color=panels.COLOURS[target], alpha=0.7)
        ax.hlines(np.median(shares), j - 0.25, j + 0.25, color=panels.COLOURS[target], linewidth=2.0)
    ax.axhline(100.0 * float(data["oracle_pollution"]), color=style.INK, linewidth=0.8)
    ax.set(xticks=range(3), xticklabels=[t.upper() for t in TARGETS], xlim=(-0.6, 2.6))
    ax.set_title("pollution in %: seeds, median", pad=5)


def _distances(ax: Any, data: dict[str, np.ndarray], far: float) -> None:
    for j, target in enumerate(TARGETS):
        ordered = np.sort(np.maximum(data["distance"][j], 1e-6).ravel())
        ax.plot(ordered, 1.0 - np.arange(ordered.size) / ordered.size, color=panels.COLOURS[target], linewidth=1.6)
    ax.axvline(far, color=style.PURPLE, linewidth=0.9)
    ax.set(xscale="log", yscale="log", xlabel=r"distance to $M$ (line: $3\,\sigma_{\min}$)", xlim=(1e-4, None))
    ax.set_title("share of samples farther away", pad=5)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the pollution of all seeds."""
    return captions.filled(
        "lwb-3. Uniform law on the lima bean of [FPHDP] (the curve is our choice): samples of the reverse SDE with "
        "the networks of the seed of median pollution for each target, and with the exact score, from the same noise "
        f"(geometric times from 10 to 0.001, then 0, {int(data['sampler_steps'])} steps, "
        f"{data['distance'].shape[-1]} samples a network). Purple: farther than 3 sigma_min = "
        f"{3.0 * float(data['sigma_min']):.4f} from M.",
        panels.setting(data),
        "Pollution, the share of such samples:",
        panels.pollution_table(data),
        f"One share alone has a binomial standard error of at most {0.5 / np.sqrt(data['distance'].shape[-1]):.4f}.",
    )
