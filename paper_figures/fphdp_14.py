"""[FPHDP] Figure 14: histograms of the angle of the nearest image on M."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import bump_panels as panels
from . import captions, style
from .bump_runs import DATA, KERNELS, SEED, circle_runs

TITLE = "[FPHDP] Figure 14: angles of images of bumps on a circle, histograms for all scales of both kernels"

BINS = 2 * DATA  # every other one is centred at an image of the data
CONFIDENCE = 0.95
KEYS = (*panels.COMMON, "orbit_error")


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Take the angles from the runs on the circle, and as many from the uniform law."""
    from scipy.stats import poisson

    data = circle_runs(quick)
    angles = data["parameters"][..., 0]
    n = angles.shape[2]
    expected = n / BINS
    return {key: data[key] for key in KEYS} | {
        "angles": angles,
        "memorising_angles": data["memorising_parameters"][:, 0],
        "uniform_angles": np.random.default_rng(SEED).uniform(0.0, 2.0 * math.pi, n),
        "band": np.array(poisson.interval(CONFIDENCE, expected)),
    }


def counts(angles: np.ndarray) -> np.ndarray:
    """Return the number of angles in BINS equal bins, the first centred at 0."""
    return np.bincount(np.rint(angles * BINS / (2.0 * math.pi)).astype(int) % BINS, minlength=BINS)


def comb(angles: np.ndarray) -> float:
    """Return |mean e^{16 i u}|: 1 if all angles are those of data, about n^-1/2 for a uniform law."""
    return float(np.abs(np.exp(1j * DATA * angles).mean()))


def level(n: int) -> float:
    """Return what `comb` exceeds with probability 1 - CONFIDENCE for n uniform angles (Rayleigh's law)."""
    return math.sqrt(-math.log(1.0 - CONFIDENCE) / n)


def draw(data: dict[str, np.ndarray]) -> Figure:
    """Two blocks of two rows: the isotropic and the adapted kernel."""
    fig = Figure(figsize=(style.WIDTH, 7.4))
    axes = fig.subplots(4, 4, sharex=True, sharey=True)
    fig.subplots_adjust(left=0.06, right=0.99, bottom=0.125, top=0.955, wspace=0.06, hspace=0.36)
    entries = [[("no smoothing", data["memorising_angles"])], [("uniform law of $M$", data["uniform_angles"])]]
    for k, name in enumerate(KERNELS):
        entries[k] += [(f"{name} {s:g}", a) for s, a in zip(data["scales"][k], data["angles"][k], strict=True)]
    top = max(counts(angles).max() for block in entries for _, angles in block)
    for k, block in enumerate(entries):
        for ax, (title, angles) in zip(axes[2 * k : 2 * k + 2].flat, block, strict=False):
            _panel(ax, title, angles, data["band"])
        for ax in axes[2 * k : 2 * k + 2].flat[len(block) :]:
            ax.axis("off")
    axes[0, 0].set_ylim(0.0, 1.28 * top)
    for ax in axes[-1]:
        ax.set_xlabel("angle")
    for ax in axes[:, 0]:
        ax.set_ylabel("samples")
    handles = [
        Patch(color=style.VERMILLION), Patch(color=style.BLUE), Patch(color=style.FAINT, alpha=0.3, linewidth=0.0),
        Line2D([], [], color=style.INK, linewidth=1.0, linestyle=(0, (5, 3))),
    ]  # fmt: skip
    labels = ["bin around an image of the data", "bin between two", "95 % of uniform counts", "uniform mean"]
    fig.legend(handles, labels, loc="lower center", ncols=4, frameon=False, fontsize=9.5)
    return fig


def _panel(ax: Any, title: str, angles: np.ndarray, band: np.ndarray) -> None:
    width = 2.0 * math.pi / BINS
    colours = [style.VERMILLION, style.BLUE] * DATA
    ax.axhspan(*band, color=style.FAINT, alpha=0.3, linewidth=0.0, zorder=0)
    ax.bar(width * np.arange(BINS), counts(angles), width=0.86 * width, color=colours, linewidth=0.0)
    ax.axhline(len(angles) / BINS, color=style.INK, linewidth=1.0, linestyle=(0, (5, 3)))
    ax.set_title(title, fontsize=10, pad=4)
    ax.set(xlim=(-0.5 * width, 2.0 * math.pi - 0.5 * width))
    ax.set_xticks(0.5 * math.pi * np.arange(4), ["0", r"$\pi/2$", r"$\pi$", r"$3\pi/2$"])
    ax.text(0.97, 0.96, f"$R_{{{DATA}}}={comb(angles):.2f}$", transform=ax.transAxes, ha="right", va="top", fontsize=9)


def caption(data: dict[str, np.ndarray]) -> str:
    """The caption, with the statistic of every panel."""
    n = data["angles"].shape[2]
    low, high = data["band"]
    what = (
        f"fphdp-14. {DATA} images of a Gaussian bump with equispaced centres on the circle of radius 0.5: angles of "
        f"the images of M nearest to the samples (exact projection), in {BINS} bins, every other one of them centred "
        "at an image of the data. First panels: no smoothing, and as many draws of the uniform law of M. Grey band: "
        f"{low:.0f} to {high:.0f} counts, which hold at least {100 * CONFIDENCE:.0f} % of a Poisson law of mean "
        f"{n / BINS:.3f}. R_16 = |mean of exp(16 i angle)| is 1 if all angles are those of the data, 0 for a uniform "
        f"law; n = {n} uniform angles exceed {level(n):.3f} in {100 * (1.0 - CONFIDENCE):.0f} % of all cases."
    )
    rows = ["    kernel      scale     R_16 (s.e.)       bins outside of the band"]
    entries = [("no smoothing", "", data["memorising_angles"]), ("uniform", "", data["uniform_angles"])]
    for k, name in enumerate(KERNELS):
        entries += [(name, f"{s:g}", a) for s, a in zip(data["scales"][k], data["angles"][k], strict=True)]
    for name, scale, angles in entries:
        phases = np.cos(DATA * angles)  # the mean points to 0 by the symmetry of the data
        outside = int(((counts(angles) < low) | (counts(angles) > high)).sum())
        error = phases.std(ddof=1) / math.sqrt(n)
        rows.append(f"    {name:12s} {scale:>4s}     {comb(angles):.3f} ({error:.3f})   {outside:10d} of {BINS}")
    return captions.filled(
        panels.setting(data, what), panels.kernel_errors(data, panels.on_the_circle(data)), "\n".join(rows)
    )
