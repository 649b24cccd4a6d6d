"""Files of a run: data, figure and JSON of each claim, and one report; each appears complete or not at all."""

from __future__ import annotations

from pathlib import Path

from commands.files import load_arrays, save_arrays, save_json, write_whole

from .record import Outcome
from .report import page


def write_outcome(outcome: Outcome, folder: Path) -> Path | None:
    """Write NAME.npz, then draw NAME.png from it, then NAME.json.  Return the figure, None if there is none."""
    name = outcome.claim.name
    figure_path = folder / f"{name}.png"
    for suffix in ("npz", "png"):  # what an earlier run left would contradict the JSON
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    if outcome.error is None and outcome.skipped is None:
        data_path = folder / f"{name}.npz"
        save_arrays(data_path, outcome.evidence.data)
        try:
            figure = outcome.claim.draw(load_arrays(data_path))
            with write_whole(figure_path) as file:
                figure.savefig(file, format="png", metadata={"Software": None})
        except (ValueError, ArithmeticError):
            if outcome.passed:
                raise
            # The numbers of a failed claim may be such that nothing can be drawn: the report says so.
    save_json(folder / f"{name}.json", outcome.as_json())
    return figure_path if figure_path.exists() else None


def write_report(outcomes: list[tuple[Outcome, Path | None]], folder: Path) -> Path:
    """Write report.html over the claims of this run."""
    path = folder / "report.html"
    with write_whole(path) as file:
        file.write(page(outcomes).encode())
    return path
