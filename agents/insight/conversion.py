"""What becomes of the cells when the window, the width of slices or the losses are other ones than they were made for.

They are rolled up to hours, or to days, and their labels are put to the new bins of delay that hold the old bins' ends.
A sum that was not kept is NaN.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from agents.insight import rows, table
from agents.insight.schema import CELL_NAMES, CELL_TABLES, DETAILS, FIGURES
from agents.insight.series import Kind, Series
from streams.scores.cells import SUMS, Cells
from streams.scores.delay import DelayBins
from streams.scores.levels import Level

_HOUR_S = 3600.0
_QUERY = f"SELECT {', '.join(FIGURES + DETAILS)} FROM cells WHERE series = ? ORDER BY start"  # noqa: S608


class Layout(NamedTuple):
    """What cells were made for: their columns of sums, bins of delay, and the width of a slice."""

    sums: Sequence[str]
    bins: DelayBins
    slice_s: float

    def same(self, other: Layout) -> bool:
        """Return whether cells of both can be added up."""
        ends = np.array_equal(self.bins.ends, other.bins.ends)
        return ends and list(self.sums) == list(other.sums) and self.slice_s == other.slice_s


def convert(
    connection: sqlite3.Connection, old: Layout, new: DelayBins, levels: Mapping[Kind, Sequence[Level]]
) -> None:
    """Make all cells anew for other bins, as part of a transaction.

    Args:
        old: what they were made for.
        levels: the levels that cells of each kind are kept at from now on.
    """
    names = connection.execute("SELECT series, model, segment, axis FROM series").fetchall()
    converted: list[Cells] = []
    for number, *name in names:
        if found := connection.execute(_QUERY, (number,)).fetchall():
            series = Series(*name)
            cells = _rebinned(rows.decode(found, details=True), series, old, new)
            converted.append(_widened(cells, levels[series.kind][1:]))
    for name in CELL_NAMES:
        connection.execute(f"DROP {name}")
    for statement in filter(str.strip, CELL_TABLES.split(";")):
        connection.execute(statement)
    for cells in converted:
        table.add(connection, [cells])
    connection.execute("DELETE FROM rolled")
    for kind, own in levels.items():
        numbers = [number for number, *name in names if Series(*name).kind == kind]
        ends = _ends([cells for cells in converted if cells.series[0] in numbers], own)
        connection.executemany("INSERT INTO rolled VALUES (?, ?, ?)", [(kind, *end) for end in ends])


def _rebinned(cells: Cells, series: Series, old: Layout, new: DelayBins) -> Cells:
    sums = np.full((len(cells.start), len(SUMS), cells.n.shape[1]), np.nan)
    for i, name in enumerate(SUMS):
        if name in old.sums:
            sums[:, i] = cells.sums[:, list(old.sums).index(name)]
    bins = series.bins(new)
    return cells._replace(sums=sums).rebin(bins.of(series.bins(old.bins).ends), len(bins.ends))


def _widened(cells: Cells, wider: Sequence[Level]) -> Cells:
    """Return the cells as wide as the first level from hours on that they fit in."""
    width = np.full(len(cells.start), wider[-1].width_s)
    for level in wider[::-1]:
        if level.width_s >= _HOUR_S:
            width = np.where(cells.width <= level.width_s, level.width_s, width)
    return Cells.merge([cells._replace(start=cells.start // width * width, width=width)])


def _ends(cells: Sequence[Cells], levels: Sequence[Level]) -> list[tuple[int, int]]:
    """Return of each level but the last the width, and until when all cells are wider."""
    ends = []
    for level in levels[:-1]:
        until = [float((part.start + part.width)[part.width > level.width_s].max(initial=0)) for part in cells]
        ends.append((int(level.width_s), int(max(until, default=0))))
    return ends
