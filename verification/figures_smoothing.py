"""Figures of the claims on log-domain smoothing, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure

#: What is below this is rounding that happens to vanish; drawn here.
FLOOR = 1e-4


def affine(data: dict[str, Any]) -> Any:
    """Deviations of all cases in units of rounding, and the oscillation of the deviation for normal noise."""
    figure = new_figure(12.5, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
    kernels, kernel = data["kernels"], data["kernel"]
    rng = np.random.default_rng(0)
    series = ((0, BLUE, "log-density, ξ against Pξ"), (1, ORANGE, "score, ξ against Pξ"),
              (2, GREEN, "log-density, hull"), (3, PINK, "score, hull"))  # fmt: skip
    for column, colour, label in series:
        values = np.maximum(data["units"][:, column], FLOOR)
        rows = len(kernels) - 1 - kernel + 0.3 - 0.2 * column + rng.uniform(-0.07, 0.07, len(kernel))
        left.semilogx(values, rows, ".", color=colour, ms=2.5, alpha=0.6, label=label)
    _limit(left, float(data["tolerance"]), len(kernels) - 0.45)
    left.set_yticks(np.arange(len(kernels)), list(kernels)[::-1])
    left.set_ylim(-0.6, len(kernels) + 0.9)
    left.set_xlim(0.7 * FLOOR, 200.0)
    left.set_xlabel(f"deviation in units of rounding (drawn at {FLOOR:g} or above)")
    left.set_title(f"{len(kernel)} random cases: an identity")
    left.legend(loc="upper left", ncols=2, markerscale=4.0)
    colours = (BLUE, RED, ORANGE, GREEN)
    for name, curve, law, colour in zip(data["situations"], data["curves"], data["expected"], colours, strict=True):
        right.loglog(data["scales"], np.maximum(curve, 1e-17), "o", color=colour, ms=4.5, label=name)
        if law.max() > 0.0:
            right.loglog(data["scales"], law, color=colour, lw=1.2)
    right.set_ylim(1e-16, 30.0)
    right.set_xlabel("scale h of the noise normal to the support")
    right.set_ylabel("osc over x of E log p(x+ξ) - E log p(x+Pξ)")
    right.set_title("Without the hypotheses; lines: predicted")
    right.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
    return figure


def _limit(axes: Any, value: float, height: float) -> None:
    axes.axvline(value, color=RED)
    axes.text(1.15 * value, height, "tolerance", color=RED, fontsize=8.5, va="center")


def stability(data: dict[str, Any]) -> Any:
    """Where the difference lies in its interval, the deviation from the integral, and the Gibbs inequality."""
    figure = new_figure(12.5, 4.4)
    left, middle, right = figure.subplots(1, 3)
    table = data["pairs"]
    deviation, place, largest = table[:, 0], table[:, 3], table[:, 4]
    left.semilogx(largest, place, ".", color=BLUE, ms=3.5, alpha=0.5)
    for end in (0.0, 1.0):
        left.axhline(end, color=RED)
    left.set_ylim(-0.08, 1.08)
    left.set_xlabel("max |ε_i|")
    left.set_ylabel("(LSE(r+ε) - LSE(r) - min ε) / (max ε - min ε)")
    left.set_title("Within [min ε, max ε]")
    middle.loglog(largest, np.maximum(deviation, FLOOR), ".", color=BLUE, ms=3.5, alpha=0.5)
    limit = float(data["identity_tolerance"])
    middle.axhline(limit, color=RED)
    middle.text(2e-9, 1.3 * limit, "tolerance", color=RED, fontsize=8.5)
    middle.set_ylim(0.7 * FLOOR, 100.0)
    middle.set_xlabel("max |ε_i|")
    middle.set_ylabel("deviation over rounding and quadrature error")
    middle.set_title("The difference is the integral")
    n = np.geomspace(2.0, 1000.0, 200)
    right.semilogx(data["gibbs_n"], data["gibbs"], ".", color=BLUE, ms=3.0, alpha=0.4, label="random spectra")
    right.semilogx(n, _sharp(n), color=BLACK, label="sharp: W((N-1)/e) / log N")
    right.axhline(1.0, color=RED)
    right.text(2.2, 1.015, "min E + T log N", color=RED, fontsize=8.5, va="bottom")
    right.set_ylim(-0.03, 1.15)
    right.set_xlabel("N")
    right.set_ylabel("(mean E - min E) / (T log N)")
    right.set_title("Gibbs inequality")
    right.legend(loc="lower right", bbox_to_anchor=(1.0, 0.68), markerscale=3.0)
    return figure


def _sharp(n: Any) -> Any:
    """Return W((n-1)/e)/log n, W e^W = (n-1)/e by Newton's method."""
    target = (n - 1.0) / np.e
    w = np.log1p(target)
    for _ in range(20):
        w = w - (w * np.exp(w) - target) / (np.exp(w) * (1.0 + w))
    return w / np.log(n)


def decomposition(data: dict[str, Any]) -> Any:
    """Deviations of all points x in units of rounding, and both sides along a ray through a circle."""
    figure = new_figure(12.5, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
    names, kinds, rows = data["manifolds"], data["kinds"], data["rows"]
    colours = (BLUE, SKY, ORANGE, GREEN)
    rng = np.random.default_rng(0)
    for kind, colour in enumerate(colours):
        some = rows[rows[:, 1] == kind]
        height = len(names) - 1 - some[:, 0] + 0.3 - 0.2 * kind + rng.uniform(-0.07, 0.07, len(some))
        left.semilogx(np.maximum(some[:, 2], FLOOR), height, ".", color=colour, ms=4.0, alpha=0.8, label=kinds[kind])
    _limit(left, float(data["tolerance"]), len(names) - 0.6)
    left.set_yticks(np.arange(len(names)), list(names)[::-1])
    left.set_ylim(-0.6, len(names) + 0.3)
    left.set_xlim(0.7 * FLOOR, 200.0)
    left.set_xlabel(f"deviation in units of rounding (drawn at {FLOOR:g} or above)")
    left.set_title("Left side less right side, by SmoothedScore and by hand")
    left.legend(loc="upper left", ncols=4, markerscale=2.5, columnspacing=1.0)
    right.plot(data["ray"], data["right"], color=ORANGE, label="right side, quadrature by hand")
    right.errorbar(
        data["ray_points"], data["left"], yerr=1.96 * data["error"], fmt="o", color=BLUE, ms=4.5, lw=1.0, capsize=2.5,
        label="left side, SmoothedScore, ±1.96 errors",
    )  # fmt: skip
    right.axvline(1.0, color=GREY, ls=":")
    right.text(1.02, right.get_ylim()[1], "M", color=GREY, va="top")
    right.set_xlabel("|x|")
    right.set_ylabel("log p̂ᵏ(x) - log p̂ᵏᴹ(x)")
    right.set_title(f"Circle of radius 1, N(x, h² I), h = {float(data['bandwidth']):g}")
    right.legend(loc="upper right", bbox_to_anchor=(1.0, 0.9))
    return figure


def commutation(data: dict[str, Any]) -> Any:
    """The gap against the bandwidth, and its values in the layer around M."""
    figure = new_figure(12.5, 4.6)
    left, right = figure.subplots(1, 2)
    h = data["bandwidths"]
    for name, (found, law), colour in zip(data["names"], data["curves"], (BLUE, GREEN, ORANGE, PINK), strict=True):
        left.loglog(h, found, "o", color=colour, ms=5.0, label=name)
        left.loglog(h, law, color=colour, lw=1.1)
    left.loglog(h, np.maximum(data["commuting"], 1e-16), "s", color=BLACK, ms=4.0, label="N(x, h² I): commutes")
    left.set_ylim(1e-15, 1e2)
    left.set_xlabel("bandwidth h")
    left.set_ylabel("|∇E log p̂(Y) - E ∇log p̂(Y)|")
    left.set_title("Off M: h² times fields derived by hand (lines)")
    left.legend(loc="center right", bbox_to_anchor=(1.0, 0.45))
    right.plot(data["layer_fine"], data["layer_curve"], color=ORANGE, label="ψ'(v), and a term of order h")
    right.plot(data["layer"], data["layer_found"], "o", color=BLUE, ms=5.0, label="gap of the adapted kernel")
    right.axhline(0.0, color=GREY, lw=0.8)
    right.set_xlabel("v = (|x| - R)/h")
    right.set_ylabel("gap along the normal / ∂ₙ log p̂")
    right.set_title("Near M, h = 1e-4: it does not vanish")
    right.legend(loc="lower right")
    return figure
