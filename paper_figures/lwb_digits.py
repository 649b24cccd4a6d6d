"""[LWB]'s experiment on images: networks for the three targets, trained on handwritten digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import manifold_scores as ms

from . import captions, style
from . import training_panels as panels
from .images.data import Source
from .images.digit_runs import COPIED, FAR, LATE, parts, size_of, target_runs
from .images.mosaics import show
from .training_runs import QUANTITIES, T_MAX, TARGETS, typical

TITLE = "[LWB] image experiment: CEM, SGM and DDPM networks trained on handwritten digits"

SHOWN = (5, 4)  # rows and columns of images of every kind
SHOWN_TIMES = (10.0, 1.0, 0.1, 0.01, 0.001)
STARTS = ("10", f"{LATE:g}")
_TRAINING, _HELD = 0, 1


def compute(quick: bool, source: Source) -> dict[str, np.ndarray]:
    """Train, judge, and keep some images of every kind."""
    from .images.digit_frechet import DRAWS, QUICK_DRAWS, judged
    from .images.inception import feature_space

    data = dict(target_runs(source, quick))
    images = parts(source, size_of(quick).images)
    space, features = feature_space(source, quick)
    samples, memory = data.pop("samples"), data.pop("oracle_samples")
    data |= judged(samples, memory, images, features, QUICK_DRAWS if quick else DRAWS)
    count = SHOWN[0] * SHOWN[1]
    kinds = [samples[j, k, 0] for j, k in enumerate(typical(data["frechet"][:, :, 0, 0]))]
    pictures = [images.images(x[:count]) for x in (*kinds, memory[0], images.held)]
    return data | {
        "pictures": np.array(pictures, dtype=np.float32),
        "samples": np.array(samples.shape[-2]),
        "space": np.array(space),
    }


def shares(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the shares of samples that are far and copied, (targets, seeds, starts), and of the exact score's."""
    far, copied = np.quantile(data["held_distance"], [FAR, COPIED])
    return {
        "far": (data["distance"] > far).mean(axis=-1),
        "copied": (data["distance"] < copied).mean(axis=-1),
        "oracle_far": (data["oracle_distance"] > far).mean(axis=-1),
        "oracle_copied": (data["oracle_distance"] < copied).mean(axis=-1),
    }


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Images above; errors against the exact answer; what they do on held-out images, and the samples, below."""
    fig = Figure(figsize=(style.WIDTH, 9.6))
    names = [*(target.upper() for target in TARGETS), "exact score of the training law", "held-out images"]
    for i, (name, pictures) in enumerate(zip(names, data["pictures"], strict=True)):
        ax = fig.add_axes((0.01 + 0.198 * i, 0.70, 0.188, 0.265))
        show(ax, pictures, SHOWN[1])
        ax.set_title(name, pad=5, fontsize=9.5, color=panels.COLOURS[TARGETS[i]] if i < len(TARGETS) else style.INK)
    for k, quantity in enumerate(QUANTITIES):
        ax = _axes(fig, 0.415, k)
        for j, target in enumerate(TARGETS):
            panels.band(ax, data["times"], data["l2"][j, :, k], target)
        ax.set_title(f"$e({panels.SYMBOLS[quantity]})$ in $L^2(p_t)$, training law", pad=5)
        ax.set(xscale="log", yscale="log")
        ax.grid(color="#e6e6e6", linewidth=0.5)
        ax.set_xlabel("$t$")
    _denoising(_axes(fig, 0.115, 0), data)
    _frechet(_axes(fig, 0.115, 1), data)
    _far(_axes(fig, 0.115, 2), data)
    panels.legend(fig)
    return fig


def _axes(fig: Figure, bottom: float, column: int) -> Any:
    return fig.add_axes((0.055 + 0.33 * column, bottom, 0.275, 0.215))


def _denoising(ax: Any, data: dict[str, np.ndarray]) -> None:
    base = data["linear_denoising"][_HELD]
    for j, target in enumerate(TARGETS):
        panels.band(ax, data["times"], data["denoising"][j, :, _HELD] / base, target)
    ax.plot(data["times"], data["oracle_denoising"][_HELD] / base, color=style.INK, linewidth=1.4)
    ax.axhline(1.0, color=style.INK, linewidth=0.8, linestyle="--")
    ax.set(xscale="log", yscale="log", xlabel="$t$")
    ax.grid(color="#e6e6e6", linewidth=0.5)
    ax.set_title("held-out denoising error / linear", pad=5)
    handles = [Line2D([], [], color=style.INK, linewidth=1.4)]
    ax.legend(handles, ["exact, training law"], frameon=False, fontsize=8.5, loc="upper center")


def _frechet(ax: Any, data: dict[str, np.ndarray]) -> None:
    _dots(ax, data["frechet"][..., 0], data["oracle_frechet"][:, 0])
    ax.axhline(float(data["floor"][0]), color=style.PURPLE, linewidth=1.2)
    ax.set(yscale="log", ylim=(None, 4.0 * data["frechet"][..., 0].max()))  # room for the legend
    ax.set_title("Fréchet distance in features (line: floor)", pad=5, fontsize=10)


def _far(ax: Any, data: dict[str, np.ndarray]) -> None:
    found = shares(data)
    _dots(ax, 100.0 * found["far"], 100.0 * found["oracle_far"])
    ax.axhline(100.0 * (1.0 - FAR), color=style.PURPLE, linewidth=1.2)
    ax.set(ylim=(-4.0, 122.0), yticks=range(0, 101, 20))
    ax.set_title("far from training, % (line: held out)", pad=5, fontsize=10)


def _dots(ax: Any, values: np.ndarray, exact: np.ndarray) -> None:
    """Draw values (targets, seeds, starts) of every seed: full dots from t = 10, empty ones from LATE."""
    colours = [*(panels.COLOURS[target] for target in TARGETS), style.INK]
    for j, (colour, rows) in enumerate(zip(colours, [*values, exact[None]], strict=True)):
        for i, side in enumerate((-0.16, 0.16)):
            face = colour if i == 0 else "white"
            ax.scatter(np.full(len(rows), j + side), rows[:, i], s=26, facecolors=face, edgecolors=colour, zorder=3)
    ax.set(xticks=range(4), xticklabels=[*(t.upper() for t in TARGETS), "exact"], xlim=(-0.6, 3.6))
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.5)
    handles = [
        Line2D([], [], linestyle="", marker="o", color=style.MUTED, markerfacecolor=f) for f in (style.MUTED, "white")
    ]
    ax.legend(
        handles,
        [f"from $t$ = {start}" for start in STARTS],
        frameon=False,
        fontsize=8.5,
        handletextpad=0.1,
        ncols=2,
        loc="upper left",
    )


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption: the tables, and what they say."""
    return captions.filled(
        _what(data),
        _training(data),
        "Errors against the exact answer for the training images, in L2(p_t), median over seeds [least, largest]:",
        panels.final_table(data),
        "The exact answer memorises: below t = 0.1 it is the nearest training image. A network that generalises should "
        "differ from it there, so these errors are no ranking at small t. Hence the denoising error (E|f(X_t, t) - "
        "X_0|^2)^(1/2) on images, median over seeds; held out, with the one on training images in brackets. Exact: for "
        "the training law; linear: the best linear denoiser, that of the normal law with the mean and covariance of "
        "the training images. The loss at time t, the same for all targets, is its square times alpha^2/sigma^2.",
        denoising_table(data),
        f"One standard error over the {int(data['image_counts'][1])} held-out images is at most "
        f"{100.0 * _relative_error(data):.1f} % of the networks' numbers.",
        _sample_text(data),
        sample_table(data),
        _conclusion(data),
    )


def _what(data: dict[str, np.ndarray]) -> str:
    (height, width), (training, held) = data["image_shape"], data["image_counts"]
    return (
        f"lwb-digits. Handwritten digits, {height} x {width}: {training} training and {held} held-out images, drawn at "
        f"random, as points of R^{height * width} with pixels from -1 (paper) to 1 (ink). Above: samples of the "
        "reverse SDE with the networks of the seed of median Fréchet distance, cut off at -1 and 1; with the exact "
        "score of the training images, which returns training images, some of them repeatedly; held-out images. "
        "Middle: distance of f, S and eps from the exact answer for the training images. Below: denoising error of "
        "held-out images over that of the best linear denoiser (dashed), Fréchet distance of samples to held-out "
        "images, share of samples that are farther from the training images than 95 % of the held-out images are."
    )


def _training(data: dict[str, np.ndarray]) -> str:
    hidden = " x ".join(str(width) for width in data["hidden"])
    return (
        f"Networks: tanh, hidden layers {hidden}, input (x, log t), single precision, no skip connections; "
        f"{int(data['steps'])} steps of Adam on batches of 128, learning rate falling geometrically from 3e-3 to 3e-5, "
        f"times log-uniform on [0.001, 10], default weights, for which the three losses are the same number for one "
        f"network converted; {data['seconds'].shape[1]} seeds each, for weights and batches together. Training took "
        f"{data['seconds'].sum():.0f} s of one core. {int(data['points'])} points x ~ p_t a time, the same for all "
        "networks. Ornstein-Uhlenbeck process, a = 1/2."
    )


def _relative_error(data: dict[str, np.ndarray]) -> float:
    return float((data["denoising_error"] / data["denoising"])[:, :, _HELD].max())


def denoising_table(data: dict[str, np.ndarray]) -> str:
    """Return denoising errors on held-out (and training) images as lines."""
    rows = []
    for t, i in zip(SHOWN_TIMES, panels.places(data, SHOWN_TIMES), strict=True):
        known = [np.median(data["denoising"][j, :, :, i], axis=0) for j in range(len(TARGETS))]
        known += [data["oracle_denoising"][:, i], data["linear_denoising"][:, i]]
        rows.append([f"{t:g}", *(f"{pair[_HELD]:.3g} ({pair[_TRAINING]:.3g})" for pair in known)])
    return captions.text_table(["t", *(target.upper() for target in TARGETS), "exact", "linear"], rows)


def _sample_text(data: dict[str, np.ndarray]) -> str:
    return (
        f"Samples: {int(data['samples'])} a network, {int(data['sampler_steps'])} geometric times from 10 to 0.001, "
        f"then 0, from N(0, sigma^2 I); and, apart from what networks do at large t, from noisy training images at "
        f"t = {STARTS[1]}, the exact law there. Far: farther from the training images than 95 % of the held-out images "
        f"are ({np.quantile(data['held_distance'], FAR):.3g}; their median is {np.median(data['held_distance']):.3g}); "
        "it takes the place of the distance to M, which is not known. Copied: nearer than 95 % of them. Fréchet "
        f"distances to as many held-out images, in {data['space']} (samples cut off at -1 and 1; a classifier trained "
        "here has seen nine tenths of all digits, of both parts) and in pixels; as many training images: the floor, "
        "whose distance is bias and chance. Median over seeds [least, largest] (bootstrap standard error for that one)."
    )


def sample_table(data: dict[str, np.ndarray]) -> str:
    """Return what is known of the samples as lines."""
    found, rows = shares(data), []
    for i, start in enumerate(STARTS):
        for j, target in enumerate(TARGETS):
            cells = [f"{_range(data['frechet'][j, :, i, s])} ({data['frechet_error'][j, i, s]:.2g})" for s in range(2)]
            rows.append(
                [target.upper(), start, *cells, _range(100.0 * found["far"][j, :, i]),
                 f"{100.0 * np.median(found['copied'][j, :, i]):.3g}"]
            )  # fmt: skip
        cells = [f"{data['oracle_frechet'][i, s]:.3g} ({data['oracle_frechet_error'][i, s]:.2g})" for s in range(2)]
        rows.append(
            ["exact score", start, *cells, *(f"{100.0 * found[k][i]:.3g}" for k in ("oracle_far", "oracle_copied"))]
        )
    cells = [f"{data['floor'][s]:.3g} ({data['floor_error'][s]:.2g})" for s in range(2)]
    rows.append(["floor", "", *cells, "", ""])
    return captions.text_table(["", "from t", "Fréchet, features", "Fréchet, pixels", "far, %", "copied, %"], rows)


def _range(values: np.ndarray) -> str:
    return f"{np.median(values):.3g} [{values.min():.3g}, {values.max():.3g}]"


def best(values: np.ndarray) -> str:
    """Return who has the least median over seeds of values (targets, seeds), and whether all of its seeds are less."""
    order = np.argsort(np.median(values, axis=1), kind="stable")
    first, second = (np.median(values[j]) for j in order[:2])
    others = values[order[1:]].min()
    sure = "every seed of it below every other" if values[order[0]].max() < others else "the ranges over seeds overlap"
    names = [TARGETS[j].upper() for j in order]
    return f"{names[0]} (next: {names[1]}, {_factor(second, first)}; {sure})"


def _factor(larger: float, smaller: float) -> str:
    return f"{larger / smaller:.3g} times as much" if smaller > 0.0 else f"{larger:.3g} against 0"


def _conclusion(data: dict[str, np.ndarray]) -> str:
    losses = "; ".join(
        f"t = {t:g}: {best(data['denoising'][:, :, _HELD, i])}"
        for t, i in zip(SHOWN_TIMES, panels.places(data, SHOWN_TIMES), strict=True)
    )
    starts = "; ".join(
        f"from t = {start}: in features {best(data['frechet'][:, :, i, 0])}, in pixels "
        f"{best(data['frechet'][:, :, i, 1])}"
        for i, start in enumerate(STARTS)
    )
    process = ms.OrnsteinUhlenbeck(rate=0.5)
    factor = float(np.sqrt(process.noise_variance(T_MAX)) / process.signal_scale(T_MAX))
    return (
        "At large t S and eps are nearly x, which their networks have to reproduce: an error of eps is one of f, times "
        f"sigma/alpha, {factor:.0f} at t = {T_MAX:g}. Least denoising error of held-out images. {losses}. Against the "
        f"best linear denoiser: {_against(data)}. Least Fréchet distance of samples {starts}."
    )


def _against(data: dict[str, np.ndarray]) -> str:
    """Return where every target is best relative to the linear denoiser, medians over seeds."""
    found = []
    for j, target in enumerate(TARGETS):
        ratio = np.median(data["denoising"][j, :, _HELD], axis=0) / data["linear_denoising"][_HELD]
        found.append(
            f"{target.upper()} at best {ratio.min():.3g} of its error, at t = {data['times'][ratio.argmin()]:.2g}"
        )
    return ", ".join(found)
