"""The figures by name, and what is done with one."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from commands.files import load_arrays, save_arrays, write_whole

from . import (
    expansion,
    fphdp_1,
    fphdp_2,
    fphdp_3,
    fphdp_4,
    fphdp_5,
    fphdp_6,
    fphdp_7,
    fphdp_8,
    fphdp_9,
    fphdp_10,
    fphdp_11,
    fphdp_12,
    fphdp_13,
    fphdp_14,
    fphdp_15,
    fphdp_16,
    lwb_1,
    lwb_2,
    lwb_3,
    lwb_4,
    lwb_5,
    lwb_ablation,
    lwb_digits,
    medial_axis,
    oracle_atlas,
    style,
)
from .images.data import Source

__all__ = ["FIGURES", "PaperFigure", "make"]

_PACKAGES = {"torch": "torch", "data": "sklearn"}  # what an extra is there for


@dataclass(frozen=True)
class PaperFigure:
    """A figure: `compute(quick)` gives arrays by name; `draw` and `caption` see nothing but those arrays.

    `needs` : extras that it cannot do without.
    `handwriting` : whether it is about handwritten digits: then `compute(quick, source)` is told which.
    """

    title: str
    compute: Callable[..., dict[str, np.ndarray]]
    draw: Callable[[dict[str, np.ndarray]], Figure]
    caption: Callable[[dict[str, np.ndarray]], str]
    needs: tuple[str, ...] = ()
    handwriting: bool = False

    def missing(self) -> list[str]:
        """Return the extras that are not installed."""
        return [extra for extra in self.needs if importlib.util.find_spec(_PACKAGES[extra]) is None]


FIGURES = {
    "lwb-5": PaperFigure(lwb_5.TITLE, lwb_5.compute, lwb_5.draw, lwb_5.caption),
    "oracle-atlas": PaperFigure(oracle_atlas.TITLE, oracle_atlas.compute, oracle_atlas.draw, oracle_atlas.caption),
    "medial-axis": PaperFigure(medial_axis.TITLE, medial_axis.compute, medial_axis.draw, medial_axis.caption),
    "expansion": PaperFigure(expansion.TITLE, expansion.compute, expansion.draw, expansion.caption),
    "fphdp-1": PaperFigure(fphdp_1.TITLE, fphdp_1.compute, fphdp_1.draw, fphdp_1.caption),
    "fphdp-2": PaperFigure(fphdp_2.TITLE, fphdp_2.compute, fphdp_2.draw, fphdp_2.caption),
    "fphdp-3": PaperFigure(fphdp_3.TITLE, fphdp_3.compute, fphdp_3.draw, fphdp_3.caption),
    "fphdp-4": PaperFigure(fphdp_4.TITLE, fphdp_4.compute, fphdp_4.draw, fphdp_4.caption),
    "fphdp-5": PaperFigure(fphdp_5.TITLE, fphdp_5.compute, fphdp_5.draw, fphdp_5.caption),
    "fphdp-8": PaperFigure(fphdp_8.TITLE, fphdp_8.compute, fphdp_8.draw, fphdp_8.caption),
    "fphdp-12": PaperFigure(fphdp_12.TITLE, fphdp_12.compute, fphdp_12.draw, fphdp_12.caption),
    "fphdp-13": PaperFigure(fphdp_13.TITLE, fphdp_13.compute, fphdp_13.draw, fphdp_13.caption),
    "fphdp-14": PaperFigure(fphdp_14.TITLE, fphdp_14.compute, fphdp_14.draw, fphdp_14.caption),
    "fphdp-15": PaperFigure(fphdp_15.TITLE, fphdp_15.compute, fphdp_15.draw, fphdp_15.caption),
    "lwb-1": PaperFigure(lwb_1.TITLE, lwb_1.compute, lwb_1.draw, lwb_1.caption, ("torch",)),
    "lwb-2": PaperFigure(lwb_2.TITLE, lwb_2.compute, lwb_2.draw, lwb_2.caption, ("torch",)),
    "lwb-3": PaperFigure(lwb_3.TITLE, lwb_3.compute, lwb_3.draw, lwb_3.caption, ("torch",)),
    "lwb-4": PaperFigure(lwb_4.TITLE, lwb_4.compute, lwb_4.draw, lwb_4.caption, ("torch",)),
    "lwb-ablation": PaperFigure(
        lwb_ablation.TITLE, lwb_ablation.compute, lwb_ablation.draw, lwb_ablation.caption, ("torch",)
    ),
    "lwb-digits": PaperFigure(
        lwb_digits.TITLE, lwb_digits.compute, lwb_digits.draw, lwb_digits.caption, ("torch", "data"), handwriting=True
    ),
    "fphdp-6": PaperFigure(
        fphdp_6.TITLE, fphdp_6.compute, fphdp_6.draw, fphdp_6.caption, ("torch", "data"), handwriting=True
    ),
    "fphdp-7": PaperFigure(
        fphdp_7.TITLE, fphdp_7.compute, fphdp_7.draw, fphdp_7.caption, ("torch", "data"), handwriting=True
    ),
    "fphdp-10": PaperFigure(
        fphdp_10.TITLE, fphdp_10.compute, fphdp_10.draw, fphdp_10.caption, ("torch", "data"), handwriting=True
    ),
    "fphdp-11": PaperFigure(
        fphdp_11.TITLE, fphdp_11.compute, fphdp_11.draw, fphdp_11.caption, ("torch", "data"), handwriting=True
    ),
    "fphdp-9": PaperFigure(
        fphdp_9.TITLE, fphdp_9.compute, fphdp_9.draw, fphdp_9.caption, ("torch", "data"), handwriting=True
    ),
    "fphdp-16": PaperFigure(
        fphdp_16.TITLE, fphdp_16.compute, fphdp_16.draw, fphdp_16.caption, ("torch", "data"), handwriting=True
    ),
}


def make(name: str, out: Path, quick: bool, source: Source | None = None) -> list[Path]:
    """Write NAME.npz, NAME.png (drawn from that file) and NAME.txt (its caption) into the folder out.

    `source` : the handwriting for figures that are about some; the bundled digits if left out.
    """
    figure = FIGURES[name]
    paths = [out / f"{name}{suffix}" for suffix in (".npz", ".png", ".txt")]
    data_path, picture_path, caption_path = paths
    save_arrays(data_path, _computed(figure, quick, source))
    data = load_arrays(data_path)
    with mpl.rc_context():
        mpl.rcdefaults()  # nothing of the reader's own matplotlibrc
        mpl.rcParams.update(style.RC)
        picture = figure.draw(data)
        drawn = io.BytesIO()
        picture.savefig(drawn, format="png")
    with write_whole(picture_path) as file:
        # 256 colours: a quarter of the size, and no difference to be seen.
        Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, format="png", optimize=True)
    with write_whole(caption_path) as file:
        file.write(figure.caption(data).encode())
    return paths


def _computed(figure: PaperFigure, quick: bool, source: Source | None) -> dict[str, np.ndarray]:
    return figure.compute(quick, source or Source()) if figure.handwriting else figure.compute(quick)
