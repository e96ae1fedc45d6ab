"""What is read of insight.db: by its owner, by the pages of any process, beside whoever writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec
import numpy as np

from agents.insight import histograms, pairs, rows
from agents.insight.database import Damaged, connect, require_version, translated
from agents.insight.schema import DETAILS, FIGURES
from agents.insight.series import Series
from streams.scores.cells import COUNTS, N_WORST, Cells, Worst
from streams.scores.comparison import Counted
from streams.scores.delay import DelayBins
from streams.scores.figures import Gap, Mark
from streams.scores.histogram import Histogram
from streams.scores.pair_slices import PairSlices

LISTED: Final = "models"
"""Under which name the store keeps the models that are listed, as JSON."""

T = TypeVar("T")
_SELECT = "SELECT {columns} FROM cells WHERE series = ? AND start + width > ? AND start < ? AND start > ?"
_FIGURES = _SELECT.format(columns=", ".join(FIGURES)) + " ORDER BY start"
_ALL = _SELECT.format(columns=", ".join(FIGURES + DETAILS)) + " ORDER BY start"
_ERRORS = _SELECT.format(columns="error_min, error_max, errors") + " AND n_labels > 0"
_WORST = _SELECT.format(columns="worst") + f" AND n_labels > 0 ORDER BY max(-error_min, error_max) DESC LIMIT {N_WORST}"
_N_ROWS = (
    _SELECT.format(columns=f"start / {{chunk_s}}, sum({' + '.join(COUNTS)} + n_labels)") + " GROUP BY 1 ORDER BY 1"
)
_LABELS = _SELECT.format(columns="start / {width_s}, sum(n_labels)") + " GROUP BY 1"
_WIDEST_S = 86_400.0
MOST_MARKS = 200
"""No chart has room for more, and drawing thousands would take seconds: a worker that dies again and again makes them."""


class Reader:
    """A view of the file as it was last committed. One thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, bins: DelayBins) -> None:
        """Take a connection; `open` is what callers use."""
        self._path, self._connection, self.bins = path, connection, bins

    @classmethod
    def open(cls, path: Path, bins: DelayBins) -> Self:
        """Open the file for reading.

        Raises:
            Unwritable: there is no such file, or it cannot be read.
        """
        with translated(path):
            return cls(path, connect(path, read_only=True), bins)

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Open the file for reading, with the bins of delay that it was made for.

        Raises:
            Unwritable: as `open`.
            WrittenByNewer, WrittenByOlder: it is of another version.
            Damaged: it does not say what it was made for.
        """
        reader = cls.open(path, DelayBins(np.zeros(0)))
        try:
            with translated(path):
                require_version(path, reader._connection)
            reader.bins = DelayBins(np.array(reader.meta_as("delay_ends", list[float])))
        except BaseException:
            reader.close()
            raise
        return reader

    def meta_as(self, name: str, kind: type[T]) -> T:
        """Return a value of the table `meta`.

        Raises:
            Damaged: it is missing, or of another type.
        """
        try:
            return msgspec.convert(self.meta(name), kind)
        except msgspec.ValidationError as exc:
            raise Damaged(f"{self._path} does not say what it was made for: {exc}") from exc

    def series(self) -> dict[Series, int]:
        """Return what there are cells of, with the numbers of `Cells.series`."""
        with translated(self._path):
            found = self._connection.execute("SELECT series, model, segment, axis FROM series")
            return {Series(model, segment, axis): number for number, model, segment, axis in found}

    def cells(self, series: Series, start: float, end: float, *, details: bool = False) -> Cells:
        """Return the cells of a series that hold anything of a span, as wide as they are kept.

        Args:
            start: UTC epoch seconds; `end`: likewise, not included.
            details: also read histograms and worst labels, which take several times as long.
        """
        found = self._rows(_ALL if details else _FIGURES, series, start, end)
        with translated(self._path):
            return rows.decode(found, details=details) if found else Cells.none(len(series.bins(self.bins).ends))

    def errors(self, series: Series, start: float, end: float) -> tuple[Histogram, Histogram]:
        """Return histograms of the errors of 0 and more, and of the sizes of those below, of the cells of a span."""
        found = self._rows(_ERRORS, series, start, end)
        if not found:
            return Histogram(), Histogram()
        least, largest, errors = zip(*found, strict=True)
        with translated(self._path), rows.readable():
            return histograms.decode(errors).histograms(least=min(least), largest=max(largest))

    def worst(self, series: Series, start: float, end: float) -> list[Worst]:
        """Return the labels with the largest errors of the cells of a span, the largest first."""
        found = self._rows(_WORST, series, start, end)
        with translated(self._path):
            return sorted((label for row in found for label in rows.decode_worst(row[0])), reverse=True)[:N_WORST]

    def n_rows(self, series: Series, chunk_s: float, start: float, end: float) -> dict[int, int]:
        """Return how many rows the cells of a span count, by the number of the chunk that they begin in, in order."""
        return {int(chunk): n for chunk, n in self._rows(_N_ROWS.format(chunk_s=int(chunk_s)), series, start, end)}

    def labels(self, series: Series, width_s: float, start: float, end: float) -> dict[int, int]:
        """Return how many labels the cells of a span hold, by the number of the slice of this width that they begin in."""
        return {int(slice_): n for slice_, n in self._rows(_LABELS.format(width_s=int(width_s)), series, start, end)}

    def _rows(self, query: str, series: Series, start: float, end: float) -> list[rows.Row]:
        key = "SELECT series FROM series WHERE axis = ? AND model = ? AND segment = ?"
        with translated(self._path):
            number = self._connection.execute(key, (series.axis, series.model, series.segment)).fetchone()
            span = (number[0] if number else -1, start, end, start - _WIDEST_S)
            return self._connection.execute(query, span).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all that is read meanwhile be of one moment."""
        with translated(self._path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def gaps(self, start: float, end: float) -> list[Gap]:
        """Return the gaps that touch a span."""
        with translated(self._path):
            query = 'SELECT start, "end", why FROM gaps WHERE start < ? AND "end" > ? ORDER BY start'
            return [Gap(*row) for row in self._connection.execute(query, (end, start))]

    def marks(self, start: float, end: float) -> list[Mark]:
        """Return what happened in a span, in order: the last MOST_MARKS."""
        with translated(self._path):
            query = "SELECT at, kind, text FROM marks WHERE at >= ? AND at < ? ORDER BY at DESC LIMIT ?"
            return [Mark(*row) for row in self._connection.execute(query, (start, end, MOST_MARKS))][::-1]

    def pairs(self, first: str, second: str, start: float, end: float) -> PairSlices:
        """Return the slices of a span that hold pairs of two models."""
        with translated(self._path):
            return pairs.read(self._connection, first, second, start, end)

    def pairs_by_segment(self, first: str, second: str, key: str, start: float, end: float) -> dict[str, PairSlices]:
        """Return the same of each segment of a key of tags, by its name."""
        with translated(self._path):
            return pairs.read_segments(self._connection, first, second, key, start, end)

    def counted(self, model: str, start: float, end: float) -> Counted:
        """Return what came of a model in the slices that lie wholly in a span of prediction time."""
        with translated(self._path):
            return pairs.counted(self._connection, model, start, end)

    def positions(self) -> dict[str, dict[int, int]]:
        """Return up to which offset each partition of each decision log is counted."""
        found: dict[str, dict[int, int]] = {}
        with translated(self._path):
            for log, partition, offset in self._connection.execute('SELECT log, "partition", "offset" FROM positions'):
                found.setdefault(log, {})[partition] = offset
        return found

    def state(self, name: str) -> bytes | None:
        """Return what was kept under a name, None if nothing was."""
        with translated(self._path):
            found = self._connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
            return bytes(found[0]) if found else None

    def named(self, name: str) -> dict[str, bytes]:
        """Return what was kept under a name, and under those that go on with a slash after it."""
        with translated(self._path):
            found = self._connection.execute(
                "SELECT name, value FROM state WHERE name = ? OR name GLOB ?", (name, f"{name}/*")
            )
            return {key: bytes(value) for key, value in found}

    def listed(self) -> list[str]:
        """Return the models whose predictions are each joined, the reference first; none if an id has one prediction."""
        return msgspec.json.decode(self.state(LISTED) or b"[]", type=list[str])

    def meta(self, name: str) -> object:
        """Return a value of the table `meta`, None if there is none; it holds JSON where it is text."""
        with translated(self._path):
            found = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
            with rows.readable():
                return None if found is None else json.loads(found[0])

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
