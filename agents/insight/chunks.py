"""Cells of long spans, read again only where they changed: a month is 6,400 cells, of which an hour's change each second.

A chunk is some twenty slices. Beside it is kept how many rows its cells count, which any addition changes and no roll-up
does; one query tells that of all chunks of a span. Chunks that will hardly change are kept together, a day's part each.
"""

from __future__ import annotations

import math
from heapq import nlargest
from itertools import chain, groupby
from typing import NamedTuple, Self

import numpy as np

from agents.insight.reader import Reader
from agents.insight.series import Series
from streams.scores.cells import N_WORST, Cells, Worst
from streams.scores.delay import CLEAN_SPANS_S
from streams.scores.error_bins import ErrorBins, ExactHistogram

_SLICES = 20
_TOGETHER = 36
"""So many chunks are kept together once they are closed: six hours at slices of 30 s."""
_MAX_CELLS = 30_000
"""Cells that are remembered: about 60 MB. A month of one model by both axes is 10,000."""


class Part(NamedTuple):
    """Cells in order, and what is kept of all of them together: the bins of their errors, all of owner 0, and the largest."""

    cells: Cells
    errors: ErrorBins
    worst: list[Worst]

    @classmethod
    def of(cls, cells: Cells) -> Self:
        """Take cells with details."""
        worst = nlargest(N_WORST, chain.from_iterable(cells.worst))
        none: list[list[Worst]] = [[] for _ in cells.worst]
        return cls(cells._replace(errors=ErrorBins.merge([], []), worst=none), cells.errors.whole(), worst)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return parts, at least one, behind each other."""
        worst = nlargest(N_WORST, chain.from_iterable([part.worst for part in parts]))
        errors = ErrorBins.joined([part.errors for part in parts], [1] * len(parts))
        errors = errors._replace(owner=np.zeros_like(errors.owner))
        return cls(Cells.joined([part.cells for part in parts]), errors, worst)

    def histograms(self) -> tuple[ExactHistogram, ExactHistogram]:
        """Return histograms of the errors of 0 and more, and of the sizes of those below."""
        low, high = self.cells.error_min.min(initial=np.inf), self.cells.error_max.max(initial=-np.inf)
        return self.errors.histograms(least=float(low), largest=float(high))


class _Kept(NamedTuple):
    n_rows: int
    part: Part


_Key = tuple[Series, int, bool]
"""Series, number, and whether closed chunks are one cell each."""


class _Memory:
    """Parts by key; those that were put in first are forgotten when they hold too many cells."""

    def __init__(self) -> None:
        self._kept: dict[_Key, _Kept] = {}
        self._n_cells = 0

    def get(self, key: _Key, n_rows: int) -> Part | None:
        """Return what is kept of so many rows, None if it is of another number."""
        kept = self._kept.get(key)
        return kept.part if kept is not None and kept.n_rows == n_rows else None

    def put(self, key: _Key, n_rows: int, part: Part) -> None:
        """Keep a part in place of what was there."""
        self._forget(key)
        while self._kept and self._n_cells + len(part.cells.start) > _MAX_CELLS:
            self._forget(next(iter(self._kept)))
        self._kept[key] = _Kept(n_rows, part)
        self._n_cells += len(part.cells.start)

    def _forget(self, key: _Key) -> None:
        if key in self._kept:
            self._n_cells -= len(self._kept.pop(key).part.cells.start)


class Chunks:
    """Reads cells with their details, and remembers them. One thread at a time."""

    def __init__(self, reader: Reader, slice_s: float) -> None:
        self._reader = reader
        self.width_s = float(next((w for w in CLEAN_SPANS_S if w >= _SLICES * slice_s), CLEAN_SPANS_S[-1]))
        self._fresh, self._closed = _Memory(), _Memory()

    def cells(self, series: Series, start: float, end: float, closed_at: float, *, n_bars: int = 0) -> Part:
        """Return the cells of a series that hold anything of a span; call it within a snapshot.

        Args:
            closed_at: chunks that end by then may come as one cell, if they are wholly in the span.
            n_bars: but not where what is there is fewer chunks long.
        """
        n_rows = self._reader.n_rows(series, self.width_s, start, end)
        if n_rows and max(n_rows) - min(n_rows) < n_bars:
            closed_at = -math.inf
        whole = {i: n for i, n in n_rows.items() if start <= i * self.width_s and (i + 1) * self.width_s <= end}
        if not whole:
            return Part.of(self._reader.cells(series, start, end, details=True))
        first, last = min(whole) * self.width_s, (max(whole) + 1) * self.width_s
        before = self._reader.cells(series, start, first, details=True)
        after = self._reader.cells(series, last, end, details=True)
        inner = self._whole(series, whole, start, min(end, closed_at), closed_at)
        return Part.joined([Part.of(before), *inner, Part.of(after.take(after.start >= last))])

    def _whole(self, series: Series, n_rows: dict[int, int], start: float, end: float, closed_at: float) -> list[Part]:
        """Return chunks; those that are kept together and lie wholly between `start` and `end` as one part."""
        parts, together_s = [], _TOGETHER * self.width_s
        for number, group in groupby(n_rows.items(), lambda item: item[0] // _TOGETHER):
            found = dict(group)
            if number * together_s < start or (number + 1) * together_s > end:
                parts += self._chunks(series, found, closed_at)
                continue
            n = sum(found.values())
            part = self._closed.get((series, number, True), n)
            if part is None:
                part = self._closed_to(Part.of(self._read(series, found)), closed_at)
                self._closed.put((series, number, True), n, part)
            parts.append(part)
        return parts

    def _chunks(self, series: Series, n_rows: dict[int, int], closed_at: float) -> list[Part]:
        is_one = {i: (i + 1) * self.width_s <= closed_at for i in n_rows}
        known = {i: self._fresh.get((series, i, is_one[i]), n) for i, n in n_rows.items()}
        stale = {i: n_rows[i] for i, part in known.items() if part is None}
        if stale:
            cells = self._read(series, stale)
            number = cells.start // self.width_s
            for i, n in stale.items():
                known[i] = part = self._closed_to(Part.of(cells.take(number == i)), closed_at)
                self._fresh.put((series, i, is_one[i]), n, part)
        return [part for part in known.values() if part is not None]

    def _read(self, series: Series, n_rows: dict[int, int]) -> Cells:
        """Return the cells from the first to the last of some chunks."""
        return self._reader.cells(series, min(n_rows) * self.width_s, (max(n_rows) + 1) * self.width_s, details=True)

    def _closed_to(self, part: Part, closed_at: float) -> Part:
        """Return a part in which the slices of each chunk that is closed by then are one cell."""
        cells = part.cells
        chunk = cells.start // self.width_s * self.width_s
        is_closed = (chunk + self.width_s <= closed_at) & (cells.width < self.width_s)
        start, width = np.where(is_closed, chunk, cells.start), np.where(is_closed, self.width_s, cells.width)
        return part._replace(cells=Cells.merge([cells._replace(start=start, width=width)]))
