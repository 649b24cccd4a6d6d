"""The command line: `python -m verification [CLAIM ...] [--list] [--quick] [--full] [--out results]`."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from commands.arguments import wrong_argument

from .output import write_outcome, write_report
from .record import Outcome, run
from .registry import CLAIMS
from .report import number

INTERRUPTED = 130  # what shells report for Ctrl-C
SKIPPED = "[yellow]skipped[/]"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def verify(
    claims: Annotated[list[str] | None, typer.Argument(metavar="CLAIM", help="claims to check; default: all")] = None,
    list_claims: Annotated[bool, typer.Option("--list", help="list the claims and exit")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="reduced sizes, all claims within a minute")] = False,
    full: Annotated[bool, typer.Option("--full", help="deep sweeps, several minutes")] = False,
    out: Annotated[Path, typer.Option(help="folder for JSON, figures and report.html")] = Path("results"),
) -> None:
    """Check the theorems numerically.  Exit status: 0 all pass, 1 a claim fails, 2 wrong arguments."""
    if list_claims:
        width = max(map(len, CLAIMS))
        for name, claim in CLAIMS.items():
            typer.echo(f"{name:<{width}}  {claim.title}")
        return
    names = list(dict.fromkeys(claims)) if claims else list(CLAIMS)
    unknown = [name for name in names if name not in CLAIMS]
    if unknown:
        raise typer.BadParameter(f"unknown claim {unknown[0]!r}; the claims are {', '.join(CLAIMS)}")
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):  # found out before the work, not after
            pass
    except OSError as problem:
        raise typer.BadParameter(f"--out must be a folder that can be written; {out}: {problem.strerror}") from None
    size = "quick" if quick else "full" if full else "default"
    console = Console()
    outcomes = _run_all(names, size, out, console)
    report = write_report(outcomes, out)
    _print(outcomes, console)
    console.print(f"report: {report}", highlight=False, soft_wrap=True)
    if any(outcome.failed for outcome, _ in outcomes):
        raise typer.Exit(1)


def _run_all(names: list[str], size: str, out: Path, console: Console) -> list[tuple[Outcome, Path | None]]:
    outcomes = []
    interrupted = _remember_interrupts()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            progress.update(task, description=name)

            def tick(text: str, name: str = name) -> None:
                progress.update(task, description=f"{name}: {text}"[:60])
                if interrupted:
                    raise KeyboardInterrupt

            outcome = run(CLAIMS[name], size, tick=tick)
            outcomes.append((outcome, write_outcome(outcome, out)))
            progress.advance(task)
    return outcomes


def _remember_interrupts() -> list[int]:
    """Return a list that Ctrl-C fills: where the compiler swallows the exception, the next tick raises it again."""
    seen: list[int] = []

    def handler(number: int, frame: object) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)
    return seen


def _print(outcomes: list[tuple[Outcome, Path | None]], console: Console) -> None:
    table = Table(title="Verification", title_justify="left", header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("check")
    for name in ("measured", "predicted", "tolerance"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for outcome, _ in outcomes:
        label = outcome.claim.name
        for check in outcome.evidence.checks:
            table.add_row(
                label, check.name, number(check.measured), ("≤ " if check.one_sided else "") + number(check.predicted),
                ("+ " if check.one_sided else "± ") + number(check.tolerance.value), _verdict(check.passed),
                f"{check.seconds:.2f}",
            )  # fmt: skip
            label = ""
        for item in outcome.evidence.observations:
            table.add_row(label, item.name, number(item.measured), number(item.expected), "", "[dim]outside[/]", "")
        if outcome.error is not None:
            table.add_row(label, f"broken off: {outcome.error}".replace("[", r"\["), "", "", "", _verdict(False), "")
        if outcome.skipped is not None:
            table.add_row(label, outcome.skipped.replace("[", r"\["), "", "", "", SKIPPED, "")
        table.add_row(
            f"[bold]{outcome.claim.name}[/]", f"[bold]{len(outcome.evidence.checks)} checks[/]", "", "", "",
            SKIPPED if outcome.skipped is not None else _verdict(outcome.passed), f"{outcome.seconds:.2f}",
            end_section=True,
        )  # fmt: skip
    # Without a terminal there is no width to fit: a table in a log keeps its columns.
    Console(width=None if console.is_terminal else 140, file=console.file).print(table)


def _verdict(passed: bool) -> str:
    return "[green]pass[/]" if passed else "[bold red]FAIL[/]"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status.  A wrong argument is one line on standard error."""
    before = signal.getsignal(signal.SIGINT)
    try:
        status = app(args=arguments, prog_name="python -m verification", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except OSError as problem:
        return _fail(f"cannot write the results: {problem}", 2)
    except Exception as problem:
        text = wrong_argument(problem)
        if text is None:
            raise
        return _fail(text, 2)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
    if status == INTERRUPTED:
        return _fail("interrupted; every file written so far is complete", INTERRUPTED)
    return int(status or 0)


def _fail(text: str, status: int) -> int:
    print(f"verification: {text}", file=sys.stderr)
    return status
