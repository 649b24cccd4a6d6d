"""Files of a run: data, figure and JSON of each claim, and one report; each appears complete or not at all."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from .record import Outcome
from .report import page


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name in the same folder, then rename; an interruption leaves no part of the file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too
        Path(temporary).unlink(missing_ok=True)
        raise


def write_outcome(outcome: Outcome, folder: Path) -> Path | None:
    """Write NAME.npz, then draw NAME.png from it, then NAME.json.  Return the figure, None if there is none."""
    name = outcome.claim.name
    figure_path = folder / f"{name}.png"
    for suffix in ("npz", "png"):  # what an earlier run left would contradict the JSON
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    if outcome.error is None:
        data_path = folder / f"{name}.npz"
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **outcome.evidence.data)
        write_atomically(data_path, buffer.getvalue())
        try:
            with np.load(data_path, allow_pickle=False) as stored:
                figure = outcome.claim.draw(dict(stored))
            picture = io.BytesIO()
            figure.savefig(picture, format="png", metadata={"Software": None})
        except (ValueError, ArithmeticError):
            if outcome.passed:
                raise
            # The numbers of a failed claim may be such that nothing can be drawn: the report says so.
        else:
            write_atomically(figure_path, picture.getvalue())
    text = json.dumps(outcome.as_json(), allow_nan=False, ensure_ascii=False, indent=1)
    write_atomically(folder / f"{name}.json", text.encode() + b"\n")
    return figure_path if figure_path.exists() else None


def write_report(outcomes: list[tuple[Outcome, Path | None]], folder: Path) -> Path:
    """Write report.html over the claims of this run."""
    path = folder / "report.html"
    write_atomically(path, page(outcomes).encode())
    return path
