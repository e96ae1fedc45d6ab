"""The results as text: tables for a terminal, tables in Markdown, and one line of progress while they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Sequence

from bench.results import Goal, Section

_began = time.monotonic()


def progress(sentence: str) -> None:
    """Say what is being done: on a terminal in one moving line, elsewhere in a line each."""
    text = f"[{time.monotonic() - _began:4.0f} s] {sentence}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
    else:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


def end_progress() -> None:
    """Take the moving line away."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def number(value: float | None) -> str:
    """Return a figure to three digits, whole from 100 on: `0.712`, `34.1`, `138,000`."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def text(section: Section) -> str:
    """Return a section for a terminal."""
    rows = _cells(section)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [f"{section.title}", f"  {section.how}", ""]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  " + "   ".join(cells))
    lines += ["", *(f"  {'✓' if goal.is_reached else '✗'} {_goal(goal)}" for goal in section.goals)]
    return "\n".join(lines) + "\n"


def markdown(section: Section) -> str:
    """Return a section in Markdown; its goals stand elsewhere."""
    header, *rows = _cells(section)
    return f"## {section.title}\n\n{section.how}\n\n" + table(header, rows, numbers=range(1, len(header)))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[int]) -> str:
    """Return a table in Markdown. `numbers`: the columns that hold some."""
    marks = ["---:" if i in numbers else "---" for i in range(len(header))]
    return "\n".join(map(_row, [header, marks, *rows])) + "\n"


def _cells(section: Section) -> list[list[str]]:
    columns = section.columns
    return [["", *columns], *([line.what, *(number(line.figures.get(c)) for c in columns)] for line in section.lines)]


def goal_cells(goal: Goal) -> list[str]:
    """Return what is to be reached, its target, what was measured, and whether that is enough."""
    bound = f"{'≥' if goal.at_least else '≤'} {number(goal.target)} {goal.unit}".rstrip()
    return [goal.what, bound, f"{number(goal.value)} {goal.unit}".rstrip(), "reached" if goal.is_reached else "not yet"]


def _goal(goal: Goal) -> str:
    what, bound, value, _ = goal_cells(goal)
    return f"{what}: {value} (target {bound})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
