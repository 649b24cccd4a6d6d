"""Figures of the two small-time theorems, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SHADE, SKY, new_figure

COLOURS = {"interior": BLUE, "boundary": ORANGE, "cloud": GREEN, "root": RED}
LABELS = {
    "interior": "interior points",
    "boundary": "boundary, inside the normal cone",
    "cloud": "point clouds",
    "root": "next order √τ (edge of M, focal point, or x fixed and α = 1 - t)",
}


def blow_up(data: dict[str, Any], tolerance: float, windows: dict[float, tuple[float, float]]) -> Any:
    """Theorem 3.5: collapsed remainders, the gap exponent, every deviation, the medial axis."""
    rows = 0.17 * len(data["names"])
    figure = new_figure(12.5, 4.8 + rows)
    top, bottom = figure.subfigures(2, 1, height_ratios=[4.1, 0.7 + rows])
    left, middle, right = top.subplots(1, 3)
    _collapsed(left, data, ("interior", "boundary", "cloud"), 1.0, windows[1.0])
    _collapsed(middle, data, ("root",), 0.5, windows[0.5])
    _gap(right, data)
    wide, narrow = bottom.subplots(1, 2, width_ratios=[2.0, 1.0])
    _deviations(wide, data, tolerance)
    _medial_axis(narrow, data)
    return figure


def _collapsed(
    axes: Any, data: dict[str, Any], shown: tuple[str, ...], power: float, window: tuple[float, float]
) -> None:
    tau = data["curve_tau"]
    axes.axvspan(*window, color=SHADE, zorder=0)
    for group in shown:
        label = LABELS[group] if len(shown) > 1 else None
        for curve in data["curves"][data["groups"] == group]:
            axes.loglog(tau, np.maximum(curve, 1e-18), color=COLOURS[group], lw=0.9, alpha=0.65, label=label)
            label = None
    name = "τ" if power == 1.0 else "√τ"
    axes.loglog(tau, tau**power, color=BLACK, ls="--", lw=1.3, label=f"prediction: {name}")
    axes.set_ylim(tau[0] ** power * 0.1, 1e6 if power == 1.0 else 1e2)
    axes.set_xlim(tau[0], tau[-1])
    axes.set_xlabel("τ (t, or s = σ²/α²)")
    axes.set_ylabel("e(τ) / predicted constant")
    axes.set_title("Slope 1: all remainders collapse" if power == 1.0 else "Slope ½: all remainders collapse")
    middle, floor = np.sqrt(window[0] * window[1]), axes.get_ylim()[0]
    axes.text(middle, 10.0 * floor, "window\nof the fit", ha="center", va="bottom", color=GREY, fontsize=8.5)
    axes.legend(loc="upper left")


def _gap(axes: Any, data: dict[str, Any]) -> None:
    for abscissa, ordinate in zip(data["gap_over_s"], data["log_scaled_distance"], strict=True):
        axes.plot(abscissa, ordinate, ".", color=GREEN, ms=4)
    line = np.array([0.0, data["gap_over_s"].max()])
    axes.plot(line, -line, color=BLACK, ls="--", lw=1.3, label="prediction: -g/s")
    axes.set_xlabel("g / s,  g = ½(d₂² - d₁²)")
    axes.set_ylabel("ln( |f - y₁| w₁ / (w₂ |y₂ - y₁|) )")
    axes.set_title("Clouds: |f - y₁| falls like exp(-g/s)")
    axes.legend(loc="upper right")


def _deviations(axes: Any, data: dict[str, Any], tolerance: float) -> None:
    names = data["names"][::-1]
    rows = np.arange(len(names))
    for column, (label, marker, colour) in enumerate(
        [("slope", "o", BLUE), ("constant", "s", ORANGE), ("constant as a vector", "^", GREEN)]
    ):
        deviation = np.maximum(data["deviations"][::-1, column], 1e-9)
        axes.semilogx(deviation, rows, marker, color=colour, ms=4.5, label=label)
    axes.axvline(tolerance, color=RED, lw=1.2)
    axes.text(tolerance * 1.15, len(names) - 0.9, "tolerance", color=RED, fontsize=8.5, va="center", ha="left")
    axes.set_yticks(rows, names, fontsize=8.0)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_xlim(0.7e-9, 0.05)
    axes.set_xlabel("worst deviation from the prediction (the constant's is relative)")
    axes.set_title("Every situation, worst of its points x and of the window")
    axes.legend(loc="upper left")


def _medial_axis(axes: Any, data: dict[str, Any]) -> None:
    for name, curve, colour in zip(data["outside_names"], data["outside_curves"], (BLUE, ORANGE, PINK), strict=True):
        axes.semilogx(data["outside_t"], curve, color=colour)
        axes.text(data["outside_t"][2], curve[0] + 0.035, name, color=colour, fontsize=8.5)
    axes.axhline(0.0, color=BLACK, ls="--", lw=1.2)
    axes.text(data["outside_t"][2], 0.035, "limit in the theorem", fontsize=8.5)
    axes.set_ylim(-0.05, 2.0)
    axes.set_xlabel("t")
    axes.set_ylabel("e(t)")
    axes.set_title("Outside the theorem: medial axis")


def bounded_target(data: dict[str, Any]) -> Any:
    """Theorem 3.7: the three targets at one point, sup |f|, mean squares, the cost of a segment's ends."""
    figure = new_figure(12.5, 8.8)
    (first, second), (third, fourth) = figure.subplots(2, 2)
    _three_targets(first, data)
    _bounds(second, data)
    _mean_squares(third, data)
    _ends(fourth, data)
    return figure


def _three_targets(axes: Any, data: dict[str, Any]) -> None:
    t = data["curve_t"]
    distance, coefficient = float(data["curve_distance"]), float(data["curve_coefficient"])
    for key, label, colour, line in (
        ("curve_score", "|score|,  prediction |x - y|/t", RED, distance / t),
        ("curve_noise", "|noise|,  prediction |x - y|/√t", ORANGE, distance / np.sqrt(t)),
        ("curve_mean", "|f|,  bounded", GREEN, None),
        ("curve_error", "|f - y|,  prediction of slope 1", BLUE, coefficient * t),
    ):
        axes.loglog(t, data[key], color=colour, lw=2.2, label=label)
        if line is not None:
            axes.loglog(t, line, color=BLACK, ls="--", lw=1.0)
    axes.set_xlim(t[0], t[-1])
    axes.set_ylim(1e-14, 1e20)
    axes.set_xlabel("t")
    axes.set_title(f"One point x: {data['curve_name']}")
    axes.legend(loc="upper right")


def _bounds(axes: Any, data: dict[str, Any]) -> None:
    rows = np.arange(len(data["bounded_names"]))[::-1]
    axes.barh(rows, data["bounded_sup"], color=SHADE, edgecolor=GREY, height=0.6)
    for row, value in zip(rows, data["bounded_sup"], strict=True):
        axes.text(0.02, row, f"{value:.6f}", va="center", fontsize=8.5, color=BLACK)
    axes.axvline(1.0, color=RED)
    axes.text(1.01, rows[0] + 0.75, "bound", color=RED, fontsize=8.5, va="center")
    axes.set_yticks(rows, data["bounded_names"])
    axes.set_ylim(-0.6, len(rows) + 0.1)
    axes.set_xlim(0.0, 1.12)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("sup |f| / max |y|  over random x and t, five processes")
    axes.set_title("f is bounded")


def _mean_squares(axes: Any, data: dict[str, Any]) -> None:
    colours = (BLUE, ORANGE, GREEN, PINK, RED, GREY, SKY, BLACK)
    markers = "os^Dv<>p"
    for name, curve, mean, colour, marker in zip(
        data["closed_names"], data["closed_score"], data["closed_mean"], colours, markers, strict=True
    ):
        axes.semilogx(data["closed_s"], curve, color=colour, marker=marker, ms=4, lw=1.0, label=name)
        axes.semilogx(data["closed_s"], mean, color=colour, ls=":", lw=1.0)
    axes.axhline(1.0, color=BLACK, ls="--", lw=1.0)
    axes.set_ylim(0.0, 2.9)
    axes.set_xlabel("s = σ²/α²")
    axes.set_ylabel("E|score|²σ² / (d - m);  dotted: E|f|² / E|X₀|²")
    axes.set_title("Closed manifolds: E|score|²σ² → d - m")
    axes.legend(loc="upper left")


def _ends(axes: Any, data: dict[str, Any]) -> None:
    ratio = np.sqrt(data["segment_t"]) / float(data["segment_length"])
    limit = float(data["segment_limit"])
    axes.semilogx(ratio, data["segment_cost"], "o", color=BLUE, ms=5, label="measured")
    axes.axhline(limit, color=BLACK, ls="--", lw=1.2, label=f"prediction 2∫φ²/Φ = {limit:.6f}")
    axes.set_ylim(0.0, 2.2)
    axes.set_xlabel("√t / L")
    axes.set_ylabel("(E|score|² - (d-1)/t) L√t")
    axes.set_title("Segment: what its two ends cost")
    axes.legend(loc="lower left")
