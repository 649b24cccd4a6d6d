"""Figure of the memorisation claim, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLACK, BLUE, GREY, ORANGE, new_figure


def memorised(data: dict[str, Any]) -> Any:
    """Samples above their nearest training digits; distance from the nearest digit over time; hits per digit."""
    figure = new_figure(12.5, 7.4)
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.15, 1.0])
    top.suptitle("Samples, each above its nearest training digit (and the relative distance)", size=10.5, weight="bold")
    axes = top.subplots(4, 10)
    for k in range(20):
        row, column = 2 * (k // 10), k % 10
        _digit(axes[row, column], data["samples"][k])
        _digit(axes[row + 1, column], data["training"][k])
        axes[row + 1, column].set_xlabel(f"{data['relative'][k]:.0e}", fontsize=8, labelpad=2)
        for offset, label in enumerate(("sample", "training")):
            if column == 0:
                axes[row + offset, column].set_ylabel(label, fontsize=8.5)
    left, right = bottom.subplots(1, 2, width_ratios=[1.6, 1.0])
    _distance(left, data)
    _hits(right, data)
    return figure


def _digit(axes: Any, pixels: Any) -> None:
    axes.imshow(pixels.reshape(8, 8), cmap="gray_r", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)


def _distance(axes: Any, data: dict[str, Any]) -> None:
    floor = 1e-18  # a distance of exactly 0 has no place on a logarithmic axis
    for kind, (label, colour) in enumerate((("z = x/α", BLUE), ("posterior mean f", ORANGE))):
        low, middle, high = np.maximum(data["distances"][:, kind], floor).T
        axes.fill_between(data["s"], low, high, color=colour, alpha=0.2, lw=0)
        axes.loglog(data["s"], middle, color=colour, lw=2.0, label=f"{label}: median, 10 % to 90 %")
    noise = np.sqrt(64.0 * data["s"])
    axes.loglog(data["s"], noise, color=BLACK, ls="--", lw=1.2, label="one digit and noise: √(64 s)")
    axes.invert_xaxis()
    axes.set_xlabel("s = σ²/α², in the order of sampling")
    axes.set_ylabel("distance from the nearest digit")
    axes.set_title("f commits to one digit long before the noise is gone")
    axes.legend(loc="lower left")


def _hits(axes: Any, data: dict[str, Any]) -> None:
    counts = data["counts"]
    n, total = int(counts.sum()), len(counts)
    hits = np.arange(1, max(3, int(counts.max())) + 1)
    found = np.array([(counts == k).sum() for k in hits])
    # Each digit is hit Binomial(n, 1/N) times.
    expected, current = [], (1.0 - 1.0 / total) ** n * total
    for k in hits:
        current *= (n - k + 1) / k / (total - 1.0)
        expected.append(current)
    axes.bar(hits, found, color=BLUE, alpha=0.8, width=0.6, label=f"{n} samples")
    axes.plot(hits, expected, "o", color=BLACK, ms=5, label="uniform draws, expected")
    for k, value in zip(hits, found, strict=True):
        axes.text(k - 0.35, value, f"{value}", ha="right", va="bottom", fontsize=8.5, color=GREY)
    axes.set_xticks(hits)
    axes.set_xlim(0.2, hits[-1] + 0.6)
    axes.set_xlabel("times a training digit was reached")
    axes.set_ylabel("number of training digits")
    axes.set_title("Every digit equally often")
    axes.legend(loc="upper right")
