"""`python -m paper_figures [NAME ...] [--list] [--out figures] [--quick]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from commands.arguments import wrong_argument

from .images.data import DATA, FOLDER_VARIABLE, Source, UnusableDataError
from .images.inception import weight_file
from .registry import FIGURES, make

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Figures to make; all if left out.")] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the figures and stop.")] = False,
    out: Annotated[Path, typer.Option(help="Folder to write NAME.png, NAME.npz and NAME.txt into.")] = Path("figures"),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer samples and coarser grids.")] = False,
    data: Annotated[
        str, typer.Option(metavar="|".join(DATA), help="Handwriting, for the figures about digits.")
    ] = DATA[0],
    data_folder: Annotated[
        str | None,
        typer.Option(help=f"Folder of MNIST's idx files; if left out, ${FOLDER_VARIABLE}, or else OpenML."),
    ] = None,
) -> None:
    """Make the figures: a picture, the numbers it is drawn from, and a caption with their errors."""
    chosen = list(dict.fromkeys(names or FIGURES))
    unknown = [name for name in chosen if name not in FIGURES]
    if unknown:
        _fail(f"unknown figure {', '.join(map(repr, unknown))}; known figures: {', '.join(FIGURES)}", 2)
    console = Console()
    if show_list:
        table = Table("figure", "what it shows", box=None, pad_edge=False)
        for name, figure in FIGURES.items():
            table.add_row(name, figure.title)
        console.print(table)
        return
    source = Source(data, data_folder)
    chosen = _possible(chosen, bool(names), source)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in chosen:
            start = time.perf_counter()
            paths = make(name, out, quick, source)
            files = " ".join(path.name for path in paths)
            console.print(f"{name}: wrote {files} to {out} in {time.perf_counter() - start:.1f} s", soft_wrap=True)
    except (UnusableDataError, ImportError) as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"cannot write to {out}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        _fail("interrupted; every file written is whole", 130)  # 128 + SIGINT


def _possible(chosen: list[str], asked: bool, source: Source) -> list[str]:
    """Return the figures whose extras are there; end if one that was asked for by name is not, or its data are not."""
    if source.data not in DATA:
        _fail(f"--data must be one of {', '.join(map(repr, DATA))}; got {source.data!r}", 2)
    missing = [name for name in chosen if FIGURES[name].missing()]
    if missing:
        extras = ",".join(sorted({extra for name in missing for extra in FIGURES[name].missing()}))
        message = f'{", ".join(missing)} need an extra: pip install "manifold-scores[{extras}]"'
        if asked:
            _fail(message, 1)
        typer.echo(f"paper_figures: left out: {message}", err=True)
    possible = [name for name in chosen if name not in missing]
    if any(FIGURES[name].handwriting for name in possible):
        try:
            source.load()
            weight_file()
        except (ValueError, ImportError, OSError) as error:
            _fail(str(error), 2)
    return possible


def _fail(message: str, status: int) -> None:
    typer.echo(f"paper_figures: {message}", err=True)
    raise typer.Exit(status)


def command(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status.  A wrong argument is one line on standard error."""
    try:
        return int(app(args=arguments, prog_name="python -m paper_figures", standalone_mode=False) or 0)
    except Exception as problem:
        text = wrong_argument(problem)
        if text is None:
            raise
        typer.echo(f"paper_figures: {text}", err=True)
        return 2


if __name__ == "__main__":
    sys.exit(command())
