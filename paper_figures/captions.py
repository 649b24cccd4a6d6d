"""Captions as text: paragraphs, and tables that are aligned."""

from __future__ import annotations

import textwrap

__all__ = ["filled", "text_table"]


def filled(*blocks: str) -> str:
    """Return the blocks as paragraphs of at most 110 columns; tables, which are indented, as they are."""
    parts = [block if block.startswith("    ") else textwrap.fill(block, 110) for block in blocks]
    return "\n\n".join(parts) + "\n"


def text_table(head: list[str], rows: list[list[str]]) -> str:
    """Columns, aligned to the right, indented by four."""
    lines = [head, *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    return "\n".join("    " + "   ".join(cell.rjust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)
