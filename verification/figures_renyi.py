"""Figures of the claims on Renyi divergences, drawn from stored data alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure

#: Sweeps in which K/tau varies, and how they are shown.
SWEEPS = (
    ("radius, sparse", "circle, sparse: R grows", BLUE, "o"),
    ("radius, dense", "circle, dense: R grows", GREEN, "o"),
    ("radius, S²", "S², N = ∞: R grows", PINK, "o"),
    ("bandwidth, sparse", "circle, sparse: h grows", SKY, "s"),
    ("bandwidth, dense", "circle, dense: h grows", ORANGE, "s"),
)
#: Cases whose chain is shown: the first of each of these families.
CHAINS = (
    ("radius, sparse", BLUE), ("radius, dense", GREEN), ("N, random", ORANGE), ("sphere S²", PINK),
    ("ellipse 1.5 × 1.2", SKY), ("ball kernel", BLACK),
)  # fmt: skip


def theorem(data: dict[str, Any]) -> Any:
    """D_2 and the bounds against K/tau, the chain case by case, the ratio to the bound, and the medial axis."""
    figure = new_figure(12.5, 9.0)
    (first, second), (third, fourth) = figure.subplots(2, 2, width_ratios=[1.0, 1.05], height_ratios=[1.0, 1.15])
    _against_curvature(first, data)
    _chains(second, data)
    _ratio(third, data)
    _medial(fourth, data)
    return figure


def _swept(data: dict[str, Any]) -> Iterator[tuple[str, str, str, str, Any]]:
    """Family, label, colour and marker of the sweeps there are, and their rows in the order of K/tau."""
    for family, label, colour, marker in SWEEPS:
        rows = np.flatnonzero(data["families"] == family)
        if len(rows):
            yield family, label, colour, marker, rows[np.argsort(data["curvature"][rows])]


def _slope_two(axes: Any) -> None:
    x = np.array([4e-3, 2.5e-2])
    axes.loglog(x, 6e-10 * (x / x[0]) ** 2, color=BLACK, lw=1.0)
    axes.text(x[1], 6e-10 * (x[1] / x[0]) ** 2, " slope 2", fontsize=8.5, va="center")


def _against_curvature(axes: Any, data: dict[str, Any]) -> None:
    two = list(data["orders"]).index(2.0)
    for family, label, colour, marker, rows in _swept(data):
        x = data["curvature"][rows]
        axes.loglog(x, data["divergences"][rows, two], marker + "-", color=colour, ms=4.5, label=label)
        if "sparse" in family or "dense" in family:
            axes.loglog(x, data["closed"][rows], ":", color=colour)
            axes.loglog(x, data["right_side"][rows], "--", color=colour, lw=0.9)
    axes.plot([], [], "--", color=GREY, lw=0.9, label="(K/τ)(m + δ²/σ²)")
    axes.plot([], [], ":", color=GREY, label="explicit bound (β < 1)")
    _slope_two(axes)
    axes.set_ylim(1e-10, 3e4)
    axes.set_xlabel("K / τ")
    axes.set_ylabel("D₂ and bounds")
    axes.set_title("D₂ is quadratic in K/τ, the bounds are linear")
    axes.legend(loc="upper left", ncols=2, fontsize=8.0)


def _chains(axes: Any, data: dict[str, Any]) -> None:
    names = ["D₁", "D₂", "D₄", "D_∞\ntube", "osc\nΔLSE", "softmax\nmean", "Gibbs", "closed\nform", "max_i\n(aside)"]
    orders = list(data["orders"])
    for family, colour in CHAINS:
        rows = np.flatnonzero(data["families"] == family)
        if not len(rows):
            continue
        row = rows[0]
        finite = [data["tube"][row, orders.index(q)] for q in (1.0, 2.0, 4.0)]
        averaged, gibbs, largest = data["links"][row]
        values = [*finite, data["tube"][row, -1], data["oscillation"][row], averaged, gibbs, data["closed"][row]]
        axes.semilogy(range(len(values)), values, "o-", color=colour, ms=4.5, lw=1.0, label=data["names"][row])
        axes.semilogy(len(values), largest, "d", color=colour, ms=5.0)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(None, 3e3)
    axes.set_ylabel("value")
    axes.set_title("The chain (softmax, Gibbs, max_i: sums at both extremes)")
    axes.legend(loc="upper left", ncols=2, fontsize=8.0)


def _ratio(axes: Any, data: dict[str, Any]) -> None:
    families = list(dict.fromkeys(data["families"].tolist()))
    place = {family: row for row, family in enumerate(families[::-1])}
    rows = np.array([place[family] for family in data["families"]])
    ratio = data["divergences"] / data["right_side"][:, None]
    for index, (q, colour) in enumerate(zip(data["orders"], (SKY, None, None, BLUE, GREEN), strict=True)):
        if colour is not None:
            axes.semilogx(ratio[:, index], rows + 0.12 * (index - 2), "o", color=colour, ms=3.5, label=f"q = {q:g}")
    axes.semilogx(data["tube"][:, -1] / data["right_side"], rows, "|", color=ORANGE, ms=8, mew=1.6, label="q = ∞, tube")
    axes.semilogx(data["constant"], rows, "|", color=RED, ms=8, mew=1.6, label="sup ψ h/K")
    axes.set_yticks(range(len(families)), families[::-1], fontsize=8.0)
    axes.set_ylim(-0.7, len(families) + 0.6)
    axes.set_xlim(None, 1.0)
    axes.set_xlabel("D_q / ((K/τ)(m + δ²/σ²))")
    axes.set_title("The ratio to the bound stays bounded")
    axes.legend(loc="upper left", ncols=5, fontsize=8.0, columnspacing=0.8, handletextpad=0.2)


def _medial(axes: Any, data: dict[str, Any]) -> None:
    h, value = data["medial"].T
    limit = 0.25 * (float(np.euler_gamma) + np.log(np.pi / 4.0))
    axes.plot(h, value, "o-", color=RED, label="ΔLSE at the centre of a circle, σ = h/20")
    axes.axhline(limit, color=BLACK, ls="--", lw=1.0)
    axes.text(0.205, limit + 0.002, "¼(γ + log(π/4))", ha="right", fontsize=8.5)
    rows = np.flatnonzero(data["families"] == "bandwidth, dense")
    if len(rows):
        rows = rows[np.argsort(data["x"][rows])]
        axes.plot(data["x"][rows], data["tube"][rows, -1], "s-", color=ORANGE, ms=4.5, label="D_∞ in the tube, dense")
    axes.set_xlim(0.0, 0.21)
    axes.set_ylim(0.0, 0.105)
    axes.set_xlabel("h / R")
    axes.set_title("Outside: the medial axis")
    axes.legend(loc="center right")


def sharp(data: dict[str, Any]) -> Any:
    """The cumulants' law against q, D_2 against K/tau, and the law of Delta LSE against the bandwidth."""
    figure = new_figure(12.5, 8.6)
    (first, second), (third, fourth) = figure.subplots(2, 2)
    two = list(data["orders"]).index(2.0)
    _collapse(first, data, two)
    for name, row, colour in zip(data["large_names"], data["large_ratios"], (GREEN, BLUE, SKY, ORANGE), strict=True):
        second.semilogx(data["large"], row, color=colour, label=name)
    second.axhspan(0.99, 1.01, color=GREY, alpha=0.25, lw=0)
    second.set_ylim(0.0, 1.6)
    second.set_xlabel("q")
    second.set_ylabel("D_q / ((q/2) Var ΔLSE)")
    second.set_title("Linear in q until q ΔLSE is large (band: 1 %)")
    second.legend(loc="lower left")
    for name, row, colour in zip(("sparse, N = 12", "dense, N = 40"), data["range"], (BLUE, GREEN), strict=True):
        third.semilogx(data["bandwidths"], row[:, 0], "--", color=colour, label=f"D₂ / Var ΔLSE, {name}")
        third.semilogx(data["bandwidths"], row.prod(axis=1), "o-", color=colour, ms=4.0, label=f"D₂ / Var law, {name}")
    third.axhspan(0.9, 1.1, color=GREY, alpha=0.15, lw=0)
    third.axhspan(0.99, 1.01, color=GREY, alpha=0.3, lw=0)
    third.set_xlabel("h / R")
    third.set_title("Range of the law of ΔLSE (bands: 1 % and 10 %)")
    third.legend(loc="upper left")
    _next(fourth, data)
    return figure


def _collapse(axes: Any, data: dict[str, Any], two: int) -> None:
    for _, label, colour, marker, rows in _swept(data):
        x = data["curvature"][rows]
        axes.loglog(x, data["divergences"][rows, two], marker, color=colour, ms=5, label=label)
        axes.loglog(x, data["variances"][rows, 1], "-", color=colour, lw=0.9)
    axes.plot([], [], "-", color=GREY, lw=0.9, label="(q/2) Var of the law")
    _slope_two(axes)
    axes.set_xlabel("K / τ")
    axes.set_ylabel("D₂")
    axes.set_title("D₂ and the law")
    axes.legend(loc="lower right", fontsize=8.0)


def _next(axes: Any, data: dict[str, Any]) -> None:
    q = data["orders"]
    second, third, fourth = data["cumulants"].T[:, :, None]
    found = np.abs(data["divergences"] / (0.5 * q * data["variances"][:, :1]) - 1.0)
    predicted = np.abs((q + 1.0) * third / (3.0 * second) + (q * q + q + 1.0) * fourth / (12.0 * second))
    for index, (order, colour) in enumerate(zip(q, (SKY, None, None, BLUE, GREEN), strict=True)):
        if colour is not None:
            axes.loglog(predicted[:, index], found[:, index], "o", color=colour, ms=4.5, label=f"q = {order:g}")
    ends = np.array([1e-7, 3e-2])
    axes.loglog(ends, ends, color=BLACK, lw=1.0, label="equal")
    axes.set_xlabel("|(q+1)κ₃/3κ₂ + (q²+q+1)κ₄/12κ₂|")
    axes.set_ylabel("|D_q / ((q/2) Var ΔLSE) - 1|")
    axes.set_title("How far off (q/2) Var is: the next cumulants, every case")
    axes.legend(loc="lower right")
