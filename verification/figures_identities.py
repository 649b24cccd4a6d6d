"""Figure of the identities, drawn from stored data alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLACK, new_figure


def deviations(data: dict[str, Any]) -> Any:
    """Largest deviation in units of its bound, identity by law."""
    units = data["units"]
    figure = new_figure(12.5, 6.6)
    axes = figure.subplots()
    image = axes.imshow(
        np.log10(np.maximum(units, 1e-4)), cmap="Blues", vmin=-4.0, vmax=0.0, aspect="auto", interpolation="none"
    )
    for row, column in np.argwhere(~np.isnan(units)):
        value = units[row, column]
        text = f"{value:.0e}".replace("e-0", "e-") if value > 0.0 else "0"
        axes.text(column, row, text, ha="center", va="center", fontsize=8.0, color="white" if value > 0.05 else BLACK)
    axes.set_xticks(range(len(data["laws"])), data["laws"], rotation=30, ha="right")
    axes.set_yticks(range(len(data["identities"])), data["identities"])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Largest deviation over its bound (1 is allowed), all processes; blank: not applicable")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01)
    bar.set_label("log₁₀(deviation / bound)")
    bar.outline.set_visible(False)
    return figure
