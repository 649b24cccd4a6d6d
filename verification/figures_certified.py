"""Figure of the certificates, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLUE, GREEN, GREY, ORANGE, PINK, RED, new_figure


def certificates(data: dict[str, Any]) -> Any:
    """Distance of every value from its enclosure in units of the bound; width and time of enclosures."""
    figure = new_figure(12.5, 0.29 * len(data["names"]) + 1.6)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.7, 0.8, 0.8])
    names = data["names"][::-1]
    rows = np.arange(len(names))
    for column, (target, colour) in enumerate(zip(data["targets"], (BLUE, ORANGE, GREEN, PINK), strict=True)):
        units = np.maximum(data["units"][::-1, :, column], 1e-7)
        heights = np.broadcast_to(rows[:, None] + 0.17 * (1.5 - column), units.shape)
        left.semilogx(units.ravel(), heights.ravel(), ".", color=colour, ms=2.5, alpha=0.6, rasterized=True)
        left.plot([], [], "o", color=colour, ms=5, label=str(target).replace("_", " "))
    left.axvline(1.0, color=RED)
    left.text(1.3, len(names) + 0.1, "escape", color=RED, fontsize=8.5, va="center")
    left.set_xlim(0.5e-7, 30.0)
    left.set_xlabel("distance from the enclosure / bound (1e-7: less, or inside)")
    left.set_title("Every value and its enclosure")
    left.legend(loc="upper left", ncols=4, columnspacing=1.0)
    _spread(middle, data["widths"][::-1], rows, "relative width", "Width of the enclosures")
    middle.axvline(1e-30, color=RED)
    _spread(right, data["seconds"][::-1], rows, "seconds", "Time per enclosure")
    for axes in (left, middle, right):
        axes.set_yticks(rows, names if axes is left else [])
        axes.set_ylim(-0.6, len(names) + 1.0)
    return figure


def _spread(axes: Any, values: Any, rows: Any, label: str, title: str) -> None:
    """Median and range."""
    values = np.maximum(values, 1e-99)
    axes.hlines(rows, values.min(axis=1), values.max(axis=1), color=GREY, lw=2.5, alpha=0.5)
    axes.semilogx(np.median(values, axis=1), rows, "o", color=BLUE, ms=5)
    axes.set_xlabel(label)
    axes.set_title(title)
