"""Wrong arguments as one line on standard error."""

from __future__ import annotations


def wrong_argument(problem: Exception) -> str | None:
    """Return the text of what typer raises for wrong arguments, on one line; None for any other exception."""
    text = getattr(problem, "format_message", None)  # its class depends on the version of click behind typer
    return None if text is None else " ".join(text().split()).removeprefix("Invalid value: ")
