"""The command line: `python -m benchmarks [NAME ...] [--list] [--json] [--quick] [--threads N] [--out races]`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from commands.arguments import wrong_argument
from commands.files import save_json, strict_json
from commands.threads import environment

from .plots import draw
from .registry import RACES
from .tables import print_race

INTERRUPTED = 130  # what shells report for Ctrl-C
ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def races(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="races to run; default: all")] = None,
    list_races: Annotated[bool, typer.Option("--list", help="list the races and exit")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print results as JSON instead of tables")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="tiny sizes: whether it works, not how fast")] = False,
    repeats: Annotated[int, typer.Option(min=1, help="times that every contender runs, in turn")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="threads of every contender, and cores")] = 1,
    out: Annotated[Path, typer.Option(help="folder for NAME.json and plots")] = Path("races"),
) -> None:
    """Race the package against the libraries that are installed.  Exit status: 0, or 2 for wrong arguments."""
    if list_races:
        width = max(map(len, RACES))
        for name, race in RACES.items():
            typer.echo(f"{name:<{width}}  {race.title}")
        return
    chosen = list(dict.fromkeys(names or RACES))
    unknown = [name for name in chosen if name not in RACES]
    if unknown:
        raise typer.BadParameter(f"unknown race {unknown[0]!r}; the races are {', '.join(RACES)}")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):  # found out before the work, not after
            pass
    except OSError as problem:
        raise typer.BadParameter(f"--out must be a folder that can be written; {out}: {problem.strerror}") from None
    console, notes = Console(), Console(stderr=True)
    size = "tiny" if quick else "default"
    results, broken = [], []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task("", total=len(chosen))
        for name in chosen:
            progress.update(task, description=name)
            result = _run(name, [size, str(repeats), str(threads)], threads, progress, task)
            progress.advance(task)
            if isinstance(result, str):
                broken.append(name)
                notes.print(f"benchmarks: {name} broke off: {result}", highlight=False, soft_wrap=True, markup=False)
                continue
            results.append(result)
            save_json(out / f"{name}.json", result)
            draw(result, out)
            if not as_json:
                print_race(result, console)
    if as_json:
        print(strict_json(results))
    else:
        console.print(f"results: {out}", highlight=False, soft_wrap=True)
    if broken:
        raise typer.Exit(1)


def _run(name: str, arguments: list[str], threads: int, progress: Progress, task: Any) -> dict[str, Any] | str:
    """Run a race in a process of its own; return its result, or the last line of its errors."""
    with tempfile.TemporaryDirectory() as folder:
        path, errors = Path(folder) / "result.json", Path(folder) / "errors"
        command = [sys.executable, "-m", "benchmarks.worker", name, *arguments, str(path)]
        with errors.open("w") as sink:
            worker = subprocess.Popen(
                command, cwd=ROOT, env=environment(threads), stdout=subprocess.PIPE, stderr=sink, text=True
            )
            try:
                for line in worker.stdout or ():
                    progress.update(task, description=f"{name}: {line.strip()}"[:70])
                worker.wait()
            except BaseException:
                worker.terminate()
                worker.wait()
                raise
        if worker.returncode or not path.exists():
            lines = errors.read_text().strip().splitlines()
            return lines[-1] if lines else f"exit status {worker.returncode}"
        return dict(json.loads(path.read_text()))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status.  A wrong argument is one line on standard error."""
    try:
        return int(app(args=arguments, prog_name="python -m benchmarks", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; every file written so far is complete", INTERRUPTED)
    except OSError as problem:
        return _fail(f"cannot write the results: {problem}", 2)
    except Exception as problem:
        text = wrong_argument(problem)
        if text is None:
            raise
        return _fail(text, 2)


def _fail(text: str, status: int) -> int:
    print(f"benchmarks: {text}", file=sys.stderr)
    return status
