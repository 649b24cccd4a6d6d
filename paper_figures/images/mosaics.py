"""Small grey images side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["show", "tiled"]


def tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """Return images (n, h, w) row by row in one array, with gaps of NaN, which is drawn as nothing, between them.

    Gaps are a tenth of the height, at least one pixel; what is missing in the last row is NaN, too.
    """
    n, height, width = images.shape
    gap = max(1, round(0.1 * height))
    rows = -(-n // columns)
    found = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for k, image in enumerate(images):
        i, j = (k // columns) * (height + gap), (k % columns) * (width + gap)
        found[i : i + height, j : j + width] = image
    return found


def show(ax: Any, images: np.ndarray, columns: int) -> None:
    """Draw images (n, h, w) with values from 0 to 1 row by row, black ink on white."""
    ax.imshow(tiled(images, columns), cmap="gray_r", vmin=0.0, vmax=1.0, interpolation="nearest")
    ax.axis("off")
