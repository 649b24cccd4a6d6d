"""Figures of tails, of flattening along M and of the selection of a manifold, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure

COLOURS = (BLUE, SKY, GREEN, ORANGE, PINK, RED)


def tails(data: dict[str, Any]) -> Any:
    """-log P against r^2/2 sigma_eps^2, the rate against kappa, and the shift of the ridge."""
    figure = new_figure(13.0, 4.6)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.15, 1.0, 1.0])
    low, high = data["window"]
    for name, (u, plain, smoothed, _, codimension), colour in zip(data["names"], data["tails"], COLOURS, strict=False):
        shown = u <= high + 4.0
        left.plot(u[shown], (plain - u)[shown], color=colour, lw=1.0, ls=":")
        left.plot(u[shown], (smoothed - u)[shown], color=colour, label=f"{name} (codimension {codimension[0]:g})")
    share = float(data["share"])
    left.plot([], [], color=GREY, ls=":", lw=1.0, label="the same without smoothing")
    left.plot(data["kde_2_2"][0], data["kde_2_2"][1] - data["kde_2_2"][0], color=BLACK, ls="--",
              label=f"KDE, circle: rate {share:g}, slope {share - 1.0:g}")  # fmt: skip
    left.set_xlim(-1.0, high + 5.0)
    left.axvspan(low, high, color="#F4F4F4", zorder=0)
    left.set_xlabel("u = r²/2σ_ε²")
    left.set_ylabel("-log P(dist ≥ r) - u")
    left.set_title("Tails keep the rate 1")
    left.set_ylim(-4.6, 2.8)
    left.legend(loc="lower right", fontsize=7.5)
    kappas, (smoothed, kde) = data["kappas"], data["rates"].T
    middle.semilogx(kappas, smoothed, "o-", color=BLUE, ms=4, label="log-domain smoothing")
    middle.semilogx(kappas, kde, "s-", color=RED, ms=4, label="KDE, σ_ε²/(σ_ε² + σ²)")
    middle.axhline(1.0, color=GREY, lw=0.8)
    middle.set_ylim(0.0, 1.08)
    middle.set_xlabel("κ = σ²/σ_ε R")
    middle.set_ylabel("fitted rate")
    middle.set_title("Rate on the circle")
    middle.legend(loc="center left")
    widths = data["bandwidths"]
    for name, shift, colour in zip(data["names"], data["shifts"], COLOURS, strict=False):
        right.loglog(widths, np.abs(shift - 1.0), "o-", color=colour, ms=4, label=name)
    right.loglog(widths, 1.75 * widths**2, color=BLACK, ls="--", label="7σ²/4R², R = 1")
    right.set_xlabel("σ")
    right.set_ylabel("|shift/(mσ²/2R) - 1|")
    right.set_title("The ridge moves by mσ²/2R")
    right.legend(loc="upper left", fontsize=7.5)
    return figure


def flattening(data: dict[str, Any]) -> Any:
    """Slopes along M against their bound, the decay between equispaced points, and the ellipse."""
    figure = new_figure(13.0, 4.6)
    left, middle, right = figure.subplots(1, 3)
    index, _, _, flat, bound = data["pointwise"].T
    for number, (name, colour) in enumerate(zip(data["names"], (BLUE, ORANGE, GREEN), strict=True)):
        mine = index == number
        left.loglog(bound[mine], np.maximum(flat[mine], 1e-5), ".", color=colour, ms=5, label=name)
    ends = np.array([bound.min(), bound.max()])
    left.loglog(ends, ends, color=RED, lw=1.0, label="bound")
    left.set_ylim(8e-6, 4.0 * ends[1])
    left.set_xlabel("(I_x Var U)^½")
    left.set_ylabel("|∇_M log p̂^k(x)|  (at least 1e-5)")
    left.set_title("Slope along M, pointwise")
    left.legend(loc="lower right", fontsize=8.0)
    widths = data["widths"]
    middle.loglog(widths, data["oscillation"], "o", color=BLUE, ms=5, label="oscillation, 12 points, σ_ε² = 1e-4")
    middle.loglog(widths, data["closed_form"], color=BLUE, lw=1.0, label="closed form, σ_ε → 0")
    heat = data["closed_form"][0] * np.exp(-0.5 * 143.0 * (widths**2 - widths[0] ** 2))
    middle.loglog(widths, heat, color=BLACK, ls="--", lw=1.0, label="exp(-(N² - 1)σ²/2R²)")
    scale = data["fine_closed_form"][0] / data["fine_widths"][0] ** -1.0
    middle.loglog(data["fine_widths"], data["fine_bound"], "s", color=RED, ms=4, label="bound, 96 points, σ_ε² = 1e-5")
    middle.loglog(data["fine_widths"], scale / data["fine_widths"], color=RED, lw=1.0, label="1/σ")
    middle.set_xticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
    middle.minorticks_off()
    middle.set_xlabel("σ (R = 1)")
    middle.set_title("Decay with the bandwidth")
    middle.legend(loc="lower left", fontsize=8.0)
    h, plain, corrected = data["ellipse"].T
    right.plot(h, plain, "o-", color=RED, label="|∇_M log p̂^k|")
    right.plot(h, corrected, "s-", color=GREEN, label="|∇_M (log p̂^k + r²/2σ_ε²)|")
    right.axhline(1.0, color=GREY, lw=0.8)
    right.set_ylim(0.0, None)
    right.set_xlabel("σ")
    right.set_ylabel("over (I_x Var U)^½, the largest")
    right.set_title("Ellipse: E dist² varies along M")
    right.legend(loc="upper left")
    return figure


def selection(data: dict[str, Any]) -> Any:
    """The phase diagram with the crossing, and divergences and waviness against the bandwidth."""
    figure = new_figure(13.0, 4.6)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 1.0, 1.0])
    widths, amplitudes = data["widths"], data["amplitudes"]
    first = data["divergence"][..., 0]
    balance = np.log10(first[..., 0] / first[..., 1])
    limit = float(np.abs(balance).max())
    mesh = left.pcolormesh(
        _edges(widths), _edges(amplitudes), balance, cmap="PuOr", vmin=-limit, vmax=limit, edgecolors="white", lw=0.5
    )
    left.set_xscale("log")
    left.set_yscale("log")
    bar = figure.colorbar(mesh, ax=left, pad=0.02)
    bar.set_label("log₁₀ of D_1, wavy over base circle")
    where, error = data["crossings"].T
    left.errorbar(where, amplitudes, xerr=error, fmt="o", color=BLACK, ms=4, capsize=2, label="equal")
    left.plot(2.4 * data["reach"], amplitudes, color=BLACK, ls=":", lw=1.0, label="2.4 × reach of the wavy circle")
    left.set_yticks(amplitudes, [f"{a:g}" for a in amplitudes])
    left.minorticks_off()
    left.grid(visible=False)
    left.set_xticks(widths, [f"{w:.2g}" for w in widths])
    left.set_xlabel("bandwidth σ")
    left.set_ylabel("amplitude of the waves")
    left.set_title("Orange: the wavy circle is selected")
    left.legend(loc="lower left", fontsize=8.0)
    row = int(np.abs(amplitudes - 0.13).argmin())
    for column, name, colour in ((0, "wavy circle", ORANGE), (1, "base circle", PINK)):
        middle.loglog(widths, first[row, :, column], "o-", color=colour, ms=4, label=f"D_1, {name}")
        middle.loglog(widths, data["right"][row, :, column], ls="--", color=colour, lw=1.0, label=f"right side, {name}")
    middle.axvline(where[row], color=BLACK, lw=0.8)
    for axes in (middle, right):
        axes.set_xscale("log")
        axes.set_xticks(widths, [f"{w:.2g}" for w in widths])
        axes.set_xticks([], minor=True)
    middle.set_xlabel("bandwidth σ")
    middle.set_title(f"Amplitude {amplitudes[row]:g}")
    middle.legend(loc="lower right", fontsize=8.0)
    for number, amplitude in enumerate(amplitudes):
        share = number / max(1, len(amplitudes) - 1)
        right.plot(
            widths,
            data["waviness"][number],
            ".-",
            color=(0.1 + 0.8 * share, 0.35, 0.8 - 0.6 * share),
            label=f"A = {amplitude:g}",
        )
    right.axhline(0.0, color=GREY, lw=0.8)
    right.set_xlabel("bandwidth σ")
    right.set_ylabel("waviness of the ridge over A")
    right.set_title("What is left of the waves")
    right.legend(loc="upper right", fontsize=7.5)
    return figure


def _edges(values: Any) -> Any:
    """Return cell edges around values, half way on a logarithmic axis."""
    logs = np.log(values)
    middle = 0.5 * (logs[1:] + logs[:-1])
    return np.exp(np.concatenate([[2.0 * logs[0] - middle[0]], middle, [2.0 * logs[-1] - middle[-1]]]))
