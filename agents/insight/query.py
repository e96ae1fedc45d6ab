"""Questions about the figures, answered from insight.db."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import numpy as np

from agents.insight.chunks import Chunks, Part
from agents.insight.database import Damaged
from agents.insight.reader import Reader
from agents.insight.series import Series
from streams.scores.answer import Came, Kept, figures
from streams.scores.cells import Cells
from streams.scores.delay import Clock, DelayBins
from streams.scores.figures import SPANS, Axis, Figures, Gap

NOW = "now"
"""Under which name the store's state holds what time it is by the clock `event`: a JSON number, UTC epoch seconds."""


_NONE = np.zeros(0)


class Asked(NamedTuple):
    """What is asked: a span by its name in SPANS, or by its ends (None: open), and of what; empty: of all together."""

    last: str = "1h"
    start: float | None = None
    end: float | None = None
    axis: Axis = "predicted"
    model: str = ""
    segment: str = ""

    def span(self, now: float) -> tuple[float, float]:
        """Return the span's ends, UTC epoch seconds."""
        if self.start is None and self.end is None:
            return now - SPANS[self.last], now
        return self.start or 0.0, now if self.end is None else self.end


class Query:
    """Answers questions from one file, and remembers what does not change. One thread at a time."""

    def __init__(self, reader: Reader, bins: DelayBins, slice_s: float, clock: Clock) -> None:
        """Take a reader; `open` is what callers use."""
        self._reader, self._bins, self._clock = reader, bins, clock
        self._chunks = Chunks(reader, slice_s)
        self._slice_s = slice_s

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file for the settings that it was made for.

        Raises:
            Unwritable: there is no such file, or it cannot be read.
            Damaged: it is none of ours.
        """
        reader = Reader.open(path, DelayBins(_NONE))
        try:
            ends, slice_s, clock = (reader.meta(name) for name in ("delay_ends", "slice_s", "clock"))
            bins = DelayBins(np.array(msgspec.convert(ends, list[float])))
            return cls(Reader.open(path, bins), bins, msgspec.convert(slice_s, float), msgspec.convert(clock, Clock))
        except msgspec.ValidationError as exc:
            raise Damaged(f"{path} does not say what it was made for: {exc}") from exc
        finally:
            reader.close()

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def figures(self, asked: Asked, wall_now: float) -> Figures:
        """Answer one question.

        Args:
            wall_now: what time it is, UTC epoch seconds.

        Raises:
            Busy, Damaged, Unwritable: the file cannot be read.
        """
        with self._reader.snapshot():
            return figures(self._kept(asked, wall_now))

    def _kept(self, asked: Asked, wall_now: float) -> Kept:
        known = list(self._reader.series())
        wanted = [one for one in known if one[1:] == (asked.segment, asked.axis) and asked.model in ("", one.model)]
        now = wall_now if self._clock == "arrival" else self._event_now()
        asked_start, asked_end = asked.span(wall_now if now is None else now)
        start = asked_start // self._slice_s * self._slice_s if asked_start > 0 else 0.0
        part = self._part(wanted, start, asked_end, now)
        cells = part.cells
        if asked_start <= 0:
            start = float(cells.start.min(initial=asked_end))
        over, under = part.errors.histograms(
            least=float(cells.error_min.min(initial=np.inf)), largest=float(cells.error_max.max(initial=-np.inf))
        )
        return Kept(
            axis=asked.axis,
            model=asked.model,
            segment=asked.segment,
            models=sorted({one.model for one in known}),
            segments=sorted({one.segment for one in known if one.segment}),
            clock=self._clock,
            bins=Series("", asked.segment, asked.axis).bins(self._bins),
            start=start,
            end=asked_end,
            now=now,
            cells=cells,
            over=over,
            under=under,
            worst=part.worst,
            came=self._came(wanted, cells, start, asked_end),
            gaps=[Gap(max(gap.start, 0.0), gap.end, gap.why) for gap in self._reader.gaps(start, asked_end)],
            marks=[],
        )

    def _part(self, wanted: list[Series], start: float, end: float, now: float | None) -> Part:
        closed_at = -np.inf if now is None else now - float(self._bins.ends[-1])
        found = [self._chunks.cells(one, start, end, closed_at) for one in wanted]
        if len(found) == 1:
            return found[0]
        cells = [part.cells._replace(series=np.zeros_like(part.cells.series)) for part in found]
        none = Part.of(Cells.none(len(Series("", *wanted[0][1:]).bins(self._bins).ends if wanted else self._bins.ends)))
        return Part.joined([none, *found])._replace(cells=Cells.merge([none.cells, *cells]))

    def _came(self, wanted: list[Series], cells: Cells, start: float, end: float) -> Came:
        width_s = float(cells.width.max(initial=self._slice_s))
        found: Counter[int] = Counter()
        for one in wanted:
            found.update(self._reader.labels(one._replace(axis="decided"), width_s, start, end))
        return Came(width_s, found)

    def _event_now(self) -> float | None:
        kept = self._reader.state(NOW)
        return None if kept is None else msgspec.json.decode(kept, type=float)
