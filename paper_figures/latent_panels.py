"""What figures 9 and 16 of [FPHDP] share: the setting, the table and the conclusion in words."""

from __future__ import annotations

import math

import numpy as np

from . import captions, style
from .images.latent_curve import ARCS, KERNELS, LATEST, POINTS
from .smoothing_samples import LAST_TIME, STEPS

COLOURS = {"isotropic": style.BLUE, "adapted": style.GREEN}

#: What captions need of the runs.
COMMON = (
    "scales", "nodes", "checked", "radius", "latents", "corner_labels", "corner_angles", "space", "spread", "frechet",
    "frechet_error", "floor", "pixel_frechet", "pixel_frechet_error", "pixel_floor", "to_manifold", "to_data",
    "covered", "other_to_manifold", "other_to_data", "other_covered", "true_to_data", "true_covered",
)  # fmt: skip

Data = dict[str, np.ndarray]


def what(data: Data) -> str:
    """Return what the curve is."""
    names = ", ".join(
        f"{label} at {round(math.degrees(angle)) % 360} degrees"
        for label, angle in zip(data["corner_labels"], data["corner_angles"], strict=True)
    )
    return (
        f"The circle through the latents of three digits ({names}) in the {int(data['latents'])}-dimensional latent "
        f"space of a VAE trained here, of radius R = {float(data['radius']):.3f}. That it is a circle is our choice; "
        "the digits are those of the three classes whose mean latents are farthest apart, the nearest to the mean. "
        f"Data: {POINTS} equispaced points of the circle. Scales and distances are in units of R."
    )


def setting(data: Data) -> str:
    """Return how samples were made and compared, and the errors of the averages over the kernels."""
    count, nodes = data["to_manifold"].shape[-1], data["nodes"]
    true, spread = data["true_covered"].mean(), float(data["spread"])
    changes = []
    for k, kernel in enumerate(KERNELS):
        apart = [
            np.abs(data[key][k, data["checked"]].mean(axis=-1) - data[f"other_{key}"][k].mean(axis=-1)).max()
            for key in ("to_manifold", "to_data")
        ]
        cover = np.abs(data["covered"][k, data["checked"]] - data["other_covered"][k]).max()
        changes.append(f"{kernel} {apart[0]:.4f}, {apart[1]:.4f} and {cover:.3f}")
    return (
        f"{count} samples a scale: Brownian process, Euler-Maruyama on {STEPS} geometric times from {LATEST:g} R^2 to "
        f"{LAST_TIME:g} R^2 and then 0, no noise in the last step, the same noise for all scales, in the plane of the "
        "circle: noise orthogonal to it changes nothing that is shown. Isotropic kernel: N(x, scale^2 I). Adapted "
        "kernel (translated manifold): with p the nearest point of the circle to x and p' that to p + N(0, scale^2 I), "
        f"the law of x + p' - p. Averages over {nodes[0]} nodes of a spiral for the isotropic kernel, {nodes[1]} for "
        "the adapted one; half of them, at every third scale, change mean distances to the curve and to the data, and "
        f"the covered share, by at most {'; '.join(changes)}. Every sample enters what follows with its {POINTS} "
        "rotations to the other data, which have the same law and leave no chance in how many samples a datum gets. "
        f"Covered: e^entropy of the shares of {ARCS} equal arcs, over {ARCS} (uniform samples: {true:.3f}). Fréchet "
        f"distances of the {count * POINTS} decoded samples to as many decoded even points of the curve, in "
        f"{data['space']} (variance along the curve {spread:.3g}) and in pixels, with bootstrap standard errors; "
        f"floor: those of {len(data['floor'])} sets of uniform samples of the curve, with their rotations, median "
        "[least, largest], which are bias and chance."
    )


def table(data: Data, rows: np.ndarray | None = None) -> str:
    """Return what was measured at the scales of these indices (2, k), by default all, as lines."""
    places = rows if rows is not None else [range(len(row)) for row in data["scales"]]
    lines = []
    for k, kernel in enumerate(KERNELS):
        for i in places[k]:
            cells = [f"{data[n][k, i]:.4g} ({data[n + '_error'][k, i]:.2g})" for n in ("frechet", "pixel_frechet")]
            cells += [_mean(data[n][k, i]) for n in ("to_manifold", "to_data")]
            lines.append([kernel, f"{data['scales'][k, i]:g}", *cells, f"{data['covered'][k, i]:.3f}"])
    cells = [floor(data[name]) for name in ("floor", "pixel_floor")]
    true = ["0", f"{data['true_to_data'].mean():.4f}", f"{data['true_covered'].mean():.3f}"]
    lines.append(["uniform", "", *cells, *true])
    head = ["kernel", "scale", "Fréchet (s.e.)", "in pixels (s.e.)", "to curve (s.e.)", "to data (s.e.)", "covered"]
    return captions.text_table(head, lines)


def floor(values: np.ndarray) -> str:
    """Return median and range of a floor."""
    return f"{np.median(values):.3g} [{values.min():.2g}, {values.max():.2g}]"


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.4f} ({values.std(ddof=1) / math.sqrt(len(values)):.4f})"


def best(data: Data, name: str) -> list[tuple[float, float, float]]:
    """Return for either kernel the least distance over its scales, its standard error, and the scale."""
    found = []
    for k in range(len(KERNELS)):
        i = int(np.argmin(data[name][k]))
        found.append((float(data[name][k, i]), float(data[name + "_error"][k, i]), float(data["scales"][k, i])))
    return found


def conclusion(data: Data) -> str:
    """Return what the Fréchet distances say, in numbers."""
    parts = []
    for name, space, low in (("frechet", "the features", "floor"), ("pixel_frechet", "pixels", "pixel_floor")):
        (one, one_error, one_scale), (two, two_error, two_scale) = best(data, name)
        gap, error = one - two, math.hypot(one_error, two_error)
        if abs(gap) <= 2.0 * error:
            verdict = "no difference beyond two standard errors"
        else:
            verdict = f"the {KERNELS[1] if gap > 0.0 else KERNELS[0]} kernel is lower"
        parts.append(
            f"Least Fréchet distance over the scales, in {space}: isotropic {one:.4g} ({one_error:.2g}) at "
            f"{one_scale:g} R, adapted {two:.4g} ({two_error:.2g}) at {two_scale:g} R, floor {floor(data[low])}; "
            f"difference {gap:.3g} ({error:.2g}): {verdict}."
        )
    count = data["scales"].shape[1]
    parts.append(
        f"Each is the least of {count} scales, which biases it downwards, as many for either kernel. At large scales "
        "the adapted kernel tends to an average over the whole circle, with p' uniform, so that no scale is too large "
        "for it here; that is special to the circle."
    )
    return " ".join(parts)
