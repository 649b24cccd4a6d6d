"""Figures of the geometric claims, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SHADE, new_figure


def projections(data: dict[str, Any], miss: float) -> Any:
    """Deviation from the dense search, speed, and the uniqueness gap around the wavy circle."""
    figure = new_figure(12.5, 5.2)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 0.8, 1.1])
    rows = np.arange(len(data["names"]))[::-1]
    left.semilogx(
        np.maximum(data["excess"], 1e-17), rows, "o", color=BLUE, ms=6, label="longest excess over the search"
    )
    left.semilogx(
        np.maximum(data["slack"], 1e-17),
        rows,
        "|",
        color=GREY,
        ms=12,
        mew=2,
        label="proven slack of the grid, squared distance",
    )
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


def reaches(data: dict[str, Any], tolerance: float) -> Any:
    """Bounds, reach and known value of every manifold, over the least value of Federer's formula at pairs."""
    figure = new_figure(12.5, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1.0])
    names = data["names"][::-1]
    rows = np.arange(len(names))
    lower, reach, upper, known = data["ratios"][::-1].T
    left.hlines(rows, lower, np.minimum(upper, 1.2), color=BLUE, lw=5, alpha=0.35, label="reach_bounds")
    left.plot(reach, rows, "|", color=BLUE, ms=13, mew=2.2, label="reach")
    left.plot(known, rows, "x", color=ORANGE, ms=6, mew=1.6, label="known in closed form")
    left.axvline(1.0, color=BLACK, ls="--", lw=1.0)
    left.set_yticks(rows, names)
    left.set_ylim(-0.6, len(rows) + 1.6)
    left.set_xlabel("over inf |y - x|²/(2 dist(y - x, Tan_x M)) at pairs of points")
    left.set_title("Certified bounds of the reach")
    left.legend(loc="upper left", ncols=3)
    for row, value in zip(rows, 1.0 - lower, strict=True):
        right.semilogx(max(value, 1e-16), row, "o", color=BLUE, ms=6)
    right.semilogx(np.maximum(np.abs(reach - 1.0), 1e-16), rows, "s", color=GREEN, ms=4.5)
    right.axvline(tolerance, color=RED)
    right.text(
        0.6 * tolerance, len(rows) - 0.4, "tolerance of the reach", color=RED, fontsize=8.5, va="center", ha="right"
    )
    right.plot([], [], "o", color=BLUE, label="1 - lower bound/pairs")
    right.plot([], [], "s", color=GREEN, label="|reach/pairs - 1|")
    right.set_yticks(rows, [])
    right.set_ylim(-0.6, len(rows) + 1.6)
    right.set_xlim(0.5e-16, 3.0)
    right.set_xlabel("deviation (1e-16: none)")
    right.set_title("How tight they are")
    right.legend(loc="upper left", ncols=2)
    return figure


def federer(data: dict[str, Any], wrong: float) -> Any:
    """Pairs of points of four manifolds, and the worst pair of each."""
    figure = new_figure(12.5, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1.0])
    names = list(data["names"])
    shown = ("circle", "ellipse 2 × 1", "wavy circle", "torus")
    for name, colour in zip(shown, (BLACK, BLUE, ORANGE, GREEN), strict=True):
        apart, ratio = data["pairs"][names.index(name)].T
        left.semilogx(apart, ratio, ".", color=colour, ms=4, alpha=0.8, label=name)
    left.axhline(1.0, color=RED)
    left.text(1.2e-3, 1.02, "bound for the reach τ", color=RED, fontsize=8.5, va="bottom")
    left.axhline(1.0 / wrong, color=RED, ls=":")
    left.text(1.2e-3, 1.0 / wrong + 0.02, f"bound for {wrong} τ", color=RED, fontsize=8.5, va="bottom")
    left.set_xlim(1e-3, None)
    left.set_ylim(-0.03, 1.35)
    left.set_xlabel("|x - y| / τ")
    left.set_ylabel("2 τ |P_N(x - y)| / |x - y|²")
    left.set_title("Pairs of points")
    left.legend(loc="upper right", ncols=4, markerscale=2.0, columnspacing=1.0)
    rows = np.arange(len(names))[::-1]
    right.barh(rows, data["worst"], color=SHADE, edgecolor=GREY, height=0.6)
    for row, value in zip(rows, data["worst"], strict=True):
        right.text(0.02, row, f"{value:.6f}", va="center", fontsize=8.5)
    right.axvline(1.0, color=RED)
    right.axvline(1.0 / wrong, color=RED, ls=":")
    right.text(1.0, rows[0] + 0.75, "τ", color=RED, fontsize=8.5, ha="center", va="center")
    right.text(1.0 / wrong, rows[0] + 0.75, f"{wrong} τ", color=RED, fontsize=8.5, ha="center", va="center")
    right.set_yticks(rows, names)
    right.set_ylim(-0.6, len(rows) + 0.2)
    right.set_xlim(0.0, 1.1)
    right.grid(visible=False, axis="y")
    right.set_xlabel("largest ratio found")
    right.set_title("Attained everywhere but where an edge sets τ")
    return figure


def small_balls(data: dict[str, Any]) -> Any:
    """Mass of balls over omega_m r^m, with the bound: one panel per manifold."""
    names = data["names"]
    columns = 4
    rows = -(-len(names) // columns)
    figure = new_figure(12.5, 2.5 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name, scaled, bound in zip(panels, names, data["scaled"], data["bounds"], strict=False):
        limit = scaled[0]
        relative = data["radii"]
        axes.semilogx(relative, scaled / limit, "o-", color=BLUE, ms=4, lw=1.0, label="π(B(x, r)) / (ω_m r^m ρ(x))")
        axes.semilogx(relative, bound / limit, color=RED, lw=1.2, label="bound, ρ_min")
        axes.set_ylim(0.0, 1.45)
        axes.set_title(name, fontsize=9.0)
        axes.set_xlabel("r / τ")
    panels[0].legend(loc="lower left", fontsize=8.0)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    return figure
