"""Figures of the geometric claims, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, new_figure


def projections(data: dict[str, Any], miss: float) -> Any:
    """Deviation from the dense search, speed, and the uniqueness gap around the wavy circle."""
    figure = new_figure(12.5, 5.2)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 0.8, 1.1])
    rows = np.arange(len(data["names"]))[::-1]
    left.semilogx(np.maximum(data["excess"], 1e-17), rows, "o", color=BLUE, ms=6, label="longest excess over the search")
    left.semilogx(np.maximum(data["slack"], 1e-17), rows, "|", color=GREY, ms=12, mew=2, label="proven slack of the grid, squared distance")
    left.axvline(miss, color=RED)
    left.text(miss * 1.4, len(rows) - 0.45, "a miss", color=RED, fontsize=8.5, va="center")
    left.set_yticks(rows, data["names"])
    left.set_ylim(-0.6, len(rows) + 1.0)
    left.set_xlim(5e-18, 1e-2)
    left.set_xlabel("relative to 1 + |x| (squared for the slack)")
    left.set_title("Global nearest points")
    left.legend(loc="upper left")
    middle.barh(rows, data["per_second"], color=GREEN, alpha=0.75, height=0.6)
    middle.set_xscale("log")
    middle.set_xlim(1e1, 1e8)
    for row, value in zip(rows, data["per_second"], strict=True):
        middle.text(value * 1.3, row, f"{value:.1e}".replace("e+0", "e"), va="center", fontsize=8.5)
    middle.set_yticks(rows, [])
    middle.set_ylim(-0.6, len(rows) + 1.0)
    middle.grid(visible=False, axis="y")
    middle.set_xlabel("projections per second")
    middle.set_title("Speed (not judged)")
    _gap_map(figure, right, data)
    return figure


def _gap_map(figure: Any, axes: Any, data: dict[str, Any]) -> None:
    line = data["map_line"]
    gap = np.log10(np.clip(data["map_gap"], 1e-3, 2.0))
    image = axes.imshow(
        gap, origin="lower", extent=(line[0], line[-1], line[0], line[-1]), cmap="Blues", interpolation="bilinear"
    )
    axes.plot(*data["map_curve"].T, color=ORANGE, lw=2.0)
    axes.grid(visible=False)
    axes.set_title("Runner-up less nearest distance")
    bar = figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    bar.set_label("log₁₀ of the gap; light: medial axis")
    bar.outline.set_visible(False)
