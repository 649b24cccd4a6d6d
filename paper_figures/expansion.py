"""Predicted against measured remainders of [LWB] Theorem 3.5, on sixteen manifolds and measures."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from tqdm.auto import tqdm

import manifold_scores as ms

from . import style
from .expansion_entries import PIXELS, entries

TITLE = "Remainders of the small-time limit of the score, predicted and measured, on sixteen measures"

RATE = 0.5  # [LWB]
TIMES = (-10.0, -1.0)  # exponents of ten
#: Where slope and constant are read off: next order is below 1e-3 there, and so is rounding.
WINDOW = (1e-9, 1e-7)
COLOURS = {"interior": style.BLUE, "end": style.GREEN, "edge": style.VERMILLION, "focal": style.PURPLE}
LABELS = {
    "interior": r"nearest point in the interior of $M$",
    "end": "nearest point an end, $x$ beyond it",
    "edge": r"nearest point on the edge, $x-y_x$ normal to $M$",
    "focal": r"focal point: $x$ the centre of curvature of a vertex",
}


def compute(quick: bool) -> dict[str, np.ndarray]:
    """Predict exponent and constant from the geometry at y_x, and measure e(t) with the exact score."""
    t = np.logspace(*TIMES, 10 if quick else 46)
    window = np.logspace(*np.log10(WINDOW), 5 if quick else 21)
    process = ms.OrnsteinUhlenbeck(rate=RATE)
    data: dict[str, Any] = {"t": t, "window": window, "measured": [], "in_window": [], "predicted": [], "picture": []}
    rows = entries()
    for i, entry in enumerate(tqdm(rows, desc="expansion", unit="panel", disable=None)):
        found = ms.expansion(entry.measure, entry.x)
        noised = ms.NoisedMeasure(entry.measure, process)
        data["measured"].append(_remainder(noised, entry.x, found.v, t))
        data["in_window"].append(_remainder(noised, entry.x, found.v, window))
        data["predicted"].append(found.remainder_rate(process))
        data |= {f"sketch_{i}": entry.sketch, f"situation_{i}": found.situation}
        seen = np.stack([entry.x, found.point])
        data[f"points_{i}"] = seen.reshape(2, PIXELS, PIXELS) if entry.view is None else seen @ entry.view.T
    data |= {key: [getattr(entry, key) for entry in rows] for key in ("name", "detail")}
    del data["picture"]
    return {key: np.asarray(value) for key, value in data.items()}


def _remainder(noised: ms.NoisedMeasure, x: np.ndarray, v: np.ndarray, t: np.ndarray) -> np.ndarray:
    """e(t) = |t (-score) - v| / |v|, v = x - y_x, shape (n,)."""
    left = -t[:, None] * noised.score(x, t) - v
    return np.asarray(np.linalg.norm(left, axis=1) / np.linalg.norm(v))
