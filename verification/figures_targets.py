"""Figures of the errors and the losses of the three targets, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .planted import NAMES, TEXTS
from .style import BLACK, BLUE, GREEN, ORANGE, RED, new_figure

COLOURS = {"posterior_mean": GREEN, "score": RED, "noise": ORANGE}
MARKERS = {"posterior_mean": "o", "score": "s", "noise": "^"}


def transfer(data: dict[str, Any]) -> Any:
    """Errors over s for each kind of network, what they do to samples, rounding and standard errors."""
    figure = new_figure(12.5, 7.6)
    top, bottom = figure.subplots(2, 3)
    s, kinds = data["s"], [str(kind) for kind in data["kinds"]]
    bean = [str(law) for law in data["laws"]].index("lima bean")
    for b, (axes, kind) in enumerate(zip(top, kinds, strict=True)):
        for c, other in enumerate(kinds):
            axes.loglog(s, data["predicted"][0, b, c], color=BLACK, ls="--", lw=1.0)
            axes.loglog(s, data["error"][bean, 0, b, :, c], MARKERS[other], color=COLOURS[other], ms=4.5,
                        label=f"error of {TEXTS[other]}")  # fmt: skip
        axes.set_xlabel("s = σ²/α²")
        axes.set_title(f"Uniform error of {TEXTS[kind]}: lima bean, OU")
        axes.legend(loc="lower right" if kind == "score" else "best")
    top[0].set_ylabel("error in L2(p_t);  dashed: predicted")
    _moved(bottom[0], data, kinds, bean)
    _rounding(bottom[1], data)
    _normal(bottom[2], data)
    return figure


def _moved(axes: Any, data: dict[str, Any], kinds: list[str], law: int) -> None:
    for b, kind in enumerate(kinds):
        axes.loglog(data["s"], data["predicted"][0, b, 0], color=BLACK, ls="--", lw=1.0)
        axes.loglog(data["s"], data["shift"][law, 0, b], MARKERS[kind], color=COLOURS[kind], ms=4.5,
                    label=f"uniform error of {TEXTS[kind]}")  # fmt: skip
    axes.set_xlabel("s at which the last step starts")
    axes.set_ylabel("distance by which samples move")
    axes.set_title("The last step of the reverse SDE")
    axes.legend()


def _rounding(axes: Any, data: dict[str, Any]) -> None:
    bound = np.broadcast_to(2.0 * data["bound"][..., None], data["ratio"].shape).ravel()
    ratio = np.abs(data["ratio"]).ravel()
    axes.loglog(bound, np.maximum(ratio, 1e-17), ".", color=BLUE, ms=3, alpha=0.5, label="all laws, processes, times")
    ends = np.array([bound.min(), bound.max()])
    axes.loglog(ends, ends, color=RED, lw=1.3, label="bound")
    axes.set_xlabel("rounding bound of the ratio")
    axes.set_ylabel("|ratio / predicted - 1|   (1e-17: none)")
    axes.set_title("Ratios are exact to rounding")
    axes.legend(loc="upper left")


def _normal(axes: Any, data: dict[str, Any]) -> None:
    from scipy.stats import norm

    values = np.sort(data["deviation"][..., 0].ravel())
    expected = norm.ppf((np.arange(values.size) + 0.5) / values.size)
    axes.plot(expected, values, ".", color=BLUE, ms=3.5, label=f"{values.size} evaluations")
    axes.plot(expected[[0, -1]], expected[[0, -1]], color=BLACK, ls="--", lw=1.1, label="standard normal")
    axes.set_xlabel("normal quantile")
    axes.set_ylabel("(reported - planted error) / standard error")
    axes.set_title("Standard errors are what they say")
    axes.legend(loc="upper left")


def conditioning(data: dict[str, Any]) -> Any:
    """Gradient noise for two choices of weights, loss, curvature, sizes of the targets, steps of gradient descent."""
    figure = new_figure(12.5, 7.8)
    (first, second, third), (fourth, fifth, sixth) = figure.subplots(2, 3)
    s, kinds = data["s"], [str(kind) for kind in data["kinds"]]
    names = [str(name) for name in data["weight_names"]]
    law = str(data["law"])
    own = [data["weights"][names.index(str(name))] for name in data["equivalent"]]
    ones = np.ones_like(s)
    _gradients(first, data, [ones] * 3, ("s^½", "s^-½", "1"))
    first.set_ylabel(f"standard deviation, {law}")
    first.set_title("Noise of the gradient, weight 1")
    _gradients(second, data, own, ("s^-½", "s^½", "1"))
    second.set_ylabel("standard deviation")
    second.set_title("Noise of the gradient, weights 1/s, σ², 1")
    _conditions(third, data, kinds)
    for kind, weight, text in zip(kinds, own, ("weight 1/s", "weight σ²", "weight 1"), strict=True):
        fourth.loglog(s, weight * data["hessian"], MARKERS[kind], color=COLOURS[kind], ms=4.5,
                      label=f"{NAMES[kind]}, {text}")  # fmt: skip
        fourth.loglog(s, weight * data["hessian"][0], color=BLACK, ls="--", lw=1.0)
    fourth.set_ylabel("2λ E tr JᵀJ")
    fourth.set_title("Curvature of the loss, weights 1/s, σ², 1")
    _sizes(fifth, data, kinds)
    _steps(sixth, data, kinds)
    for axes in (first, second, fourth, fifth):
        axes.set_xlabel("s = σ²/α²")
    for axes in (first, second, fourth):
        axes.legend()
    return figure


def _gradients(axes: Any, data: dict[str, Any], weights: Any, texts: tuple[str, ...]) -> None:
    """Standard deviations with standard errors, and the prediction from the posterior covariance as a line."""
    for kind, value, error, mean, weight, text in zip(
        data["kinds"], data["gradient"], data["gradient_error"], data["gradient_mean"], weights, texts, strict=True
    ):
        deviation = weight * np.sqrt(value)
        axes.errorbar(data["s"], deviation, 0.5 * deviation * error / value, fmt=MARKERS[str(kind)], ms=4.5, capsize=2,
                      color=COLOURS[str(kind)], label=f"{NAMES[str(kind)]}:  {text}")  # fmt: skip
        axes.plot(data["s"], weight * np.sqrt(mean), color=BLACK, ls="--", lw=1.0)
    axes.set(xscale="log", yscale="log")


def _conditions(axes: Any, data: dict[str, Any], kinds: list[str]) -> None:
    s = data["condition_s"]
    for kind, found, predicted in zip(kinds, data["condition"], data["condition_predicted"], strict=True):
        for values, line, fill, text in zip(
            found, predicted, (COLOURS[kind], "none"), ("own matrices", "one for all"), strict=True
        ):
            axes.loglog(s, values, MARKERS[kind], color=COLOURS[kind], mfc=fill, ms=5, label=f"{NAMES[kind]}, {text}")
            axes.loglog(s, line, color=BLACK, ls="--", lw=1.0)
    axes.set_xlabel("smallest s;  the largest is 1")
    axes.set_ylabel("condition number of the Hessian")
    axes.set_title("Log-uniform times, linear, line in R²")
    axes.legend(fontsize=7.5)


def _sizes(axes: Any, data: dict[str, Any], kinds: list[str]) -> None:
    m, d = data["dimensions"]
    s = data["s"]
    for kind, learned in zip(kinds, data["learned"], strict=True):
        axes.loglog(s, learned, MARKERS[kind], color=COLOURS[kind], ms=4.5, label=f"E|{NAMES[kind]}|²")
    early = s <= 0.01
    axes.loglog(s[early], (d - m) / s[early], color=BLACK, ls="--", lw=1.0)
    axes.loglog(s[early], np.full(early.sum(), float(d - m)), color=BLACK, ls="--", lw=1.0, label="(d - m)/s, d - m")
    axes.set_ylabel("mean square under p_t")
    axes.set_title("What has to be learned")
    axes.legend()


def _steps(axes: Any, data: dict[str, Any], kinds: list[str]) -> None:
    s = data["descent_s"]
    for kind, steps, shift in zip(kinds, data["descent"], (1.0, 0.88, 1.14), strict=True):
        axes.loglog(s * shift, steps, MARKERS[kind], color=COLOURS[kind], ms=5, label=NAMES[kind])
    axes.loglog(s, data["descent_predicted"], color=BLACK, ls="--", lw=1.0, label="predicted ~ 2.3/s")
    axes.set_xlabel("s = σ²/α²  (score and noise moved apart)")
    axes.set_ylabel("steps until 1 % of the excess is left")
    axes.set_title("Gradient descent, line in R²")
    axes.legend()
