"""The data of the charts as tables, a line a slice of time or a cell, in words that a template only has to set. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streams.scores.figures import Figures, Slice
from streams.scores.numbers import number
from web.dashboard.triangle import Cell
from web.text import clock, count, long_span


class SliceLine(NamedTuple):
    """A slice of time in words; `to` is the address of its labels' ids, empty where there is none."""

    from_: str
    predictions: str
    labels: str
    to: str
    so_far: str
    expected: str
    bias: str
    mean_pred: str
    mean_true: str
    state: str


class CellLine(NamedTuple):
    """A cell of the triangle in words; `to` is the address of its labels' ids, empty where there is none."""

    from_: str
    within: str
    labels: str
    to: str
    error: str
    ratio: str


def slice_lines(figures: Figures, to: dict[float, str]) -> list[SliceLine]:
    """Return a line for each slice that holds anything; `to` has addresses by the start of a slice."""
    return [
        SliceLine(
            clock(part.start),
            count(part.n_predictions),
            count(part.n_labelled),
            to.get(part.start, ""),
            number(part.mae_so_far),
            _expected(part),
            number(part.bias, signed=True),
            number(part.mean_pred),
            number(part.mean_true),
            part.why if not part.complete else "" if part.is_mature else "still arriving",
        )
        for part in figures.slices
        if part.n_predictions or part.n_labelled
    ]


def _expected(part: Slice) -> str:
    said = number(part.mae_expected)
    if part.mae_low is None or part.mae_high is None:
        return said
    return f"{said} ({number(part.mae_low)} to {number(part.mae_high)})"


def cell_lines(figures: Figures, cells: Sequence[Cell], to: Sequence[str]) -> list[CellLine]:
    """Return a line for each cell; `to` has their addresses."""
    grid = figures.triangle
    if grid is None:
        return []
    starts, ends = [clock(start) for start in grid.starts], [long_span(end) for end in grid.ends]
    return [
        CellLine(starts[cell.slice], ends[cell.row], count(cell.n), one, number(cell.error), number(cell.ratio))
        for cell, one in zip(cells, to, strict=True)
    ]
