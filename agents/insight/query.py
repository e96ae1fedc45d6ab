"""Questions about the figures, answered from insight.db."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec
import numpy as np

from agents.insight import by_segment
from agents.insight.chunks import Chunks, Part
from agents.insight.counting import COUNTING, NOW, counted_to
from agents.insight.reader import MOST_MARKS, Reader
from agents.insight.references import referred
from agents.insight.series import Series
from streams.alerts.book import Book
from streams.scores.answer import Came, Kept, figures
from streams.scores.breakdown import Breakdown, Span, change, segments
from streams.scores.cells import Cells
from streams.scores.compared_segments import ComparedSegments, compare_segments
from streams.scores.comparison import Comparison, compare
from streams.scores.comparison import Kept as Pair
from streams.scores.delay import Clock, DelayBins, segment_width
from streams.scores.error_bins import ExactHistogram
from streams.scores.figures import Axis, Figures, Gap, Mark, length_s
from streams.scores.losses import LOSSES
from streams.scores.rank import Rank
from streams.scores.slices import MAX_SLICES
from streams.settings import SIZES

_FOR_EVER = 1e11
ENDED = "by size, predictions count when they end: nothing tells how many labels are still to come"
OF_TRUTHS = (
    "truths brought tags of this key that their predictions did not have: nothing tells how many are still to come"
)
SINCE = "segments by this key are counted since then"
ALERTS: Final = "alerts"
"""Under which name the book of alerts is kept."""


def fired_in(book: bytes | None) -> list[Mark]:
    """Return when alerts fired, as they are kept; none where that cannot be read."""
    try:
        events = [] if book is None else msgspec.json.decode(book, type=Book).events
    except msgspec.MsgspecError:
        return []
    return [Mark(event.at, "alert", f"alert {event.rule}") for event in events if event.name == "firing"]


class Asked(NamedTuple):
    """What is asked: a span as `length_s` reads it, or by its ends (None: open), and of what.

    An empty model is the reference, or where no models are listed all together.
    """

    last: str = "1h"
    start: float | None = None
    end: float | None = None
    axis: Axis = "predicted"
    model: str = ""
    segment: str = ""

    def span(self, now: float) -> tuple[float, float]:
        """Return the span's ends, UTC epoch seconds."""
        if self.start is None and self.end is None:
            return now - (length_s(self.last) or 0.0), now
        return self.start or 0.0, now if self.end is None else self.end

    def read_to(self, end: float) -> float:
        """Return up to when a span is read that ends now, at `end`: an open one on, since the clock `event` may lag behind."""
        is_open = self.end is None and (self.start is not None or self.last == "all")
        return _FOR_EVER if is_open else end


class AskedSegments(NamedTuple):
    """What is asked about segments: their key (empty: the first), and against which span before (None: the one just before)."""

    asked: Asked
    key: str = ""
    before: tuple[float, float] | None = None


class AskedPair(NamedTuple):
    """Which models are to be compared, over the predictions of how long up to now, in seconds, and by which key of tags.

    An empty key is none; an unknown one is the first.
    """

    first: str
    second: str
    last_s: float = math.inf
    key: str = ""


class Total(NamedTuple):
    """All that is kept of a model: counts, the sum of each loss and of the error, errors' sizes, labels by bin of delay.

    `n_left_out` labels more are too large for any sum.
    """

    model: str
    n_predictions: int
    n_labels: int
    n_left_out: int
    sums: dict[str, float]
    absolute: ExactHistogram
    delays: list[tuple[float, int]]
    """The end of each bin in seconds, and the labels in it."""

    @classmethod
    def of(cls, model: str, part: Part, bins: DelayBins) -> Self:
        """Add up the cells of a model."""
        cells = part.cells
        absolute, under = part.histograms()
        absolute.merge(under)
        sums = {name: float(cells.sum_of(name).sum()) for name in (*(loss.name for loss in LOSSES), "error")}
        delays = list(zip(bins.ends.tolist(), cells.n.sum(axis=0).tolist(), strict=True))
        n_predictions, n_left_out = (int(cells.count_of(name).sum()) for name in ("n_predictions", "n_left_out"))
        return cls(model, n_predictions, int(cells.n.sum()), n_left_out, sums, absolute, delays)


def of_nothing(asked: Asked, window_s: float, wall_now: float) -> Figures:
    """Return the figures while nothing has come yet."""
    bins = DelayBins.of_window(window_s)
    nothing, no_errors = Cells.none(len(bins.ends)), ExactHistogram()
    start, end = asked.span(wall_now)
    return figures(
        Kept(
            axis=asked.axis,
            model=asked.model,
            segment=asked.segment,
            models=[],
            segments=[],
            clock="arrival",
            bins=bins,
            start=end if start <= 0 else start,
            end=end,
            now=wall_now,
            cells=nothing,
            over=no_errors,
            under=no_errors,
            worst=[],
            came=Came(1.0, {}),
            gaps=[],
            marks=[],
        )
    )


class Query:
    """Answers questions from one file, and remembers what does not change. One thread at a time."""

    def __init__(self, reader: Reader, bins: DelayBins, slice_s: float, clock: Clock) -> None:
        """Take a reader; `open` is what callers use."""
        self._writer = reader.meta("writer")
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
        reader = Reader.of_file(path)
        try:
            clock: Clock = reader.meta_as("clock", Clock)  # type: ignore[arg-type]
            return cls(reader, reader.bins, reader.meta_as("slice_s", float), clock)
        except BaseException:
            reader.close()
            raise

    def is_current(self) -> bool:
        """Tell whether the file still has the writer that it had: another one may have other settings, and new bins."""
        return self._reader.meta("writer") == self._writer

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def figures(self, asked: Asked, wall_now: float, late: str = "") -> Figures:
        """Answer one question.

        Args:
            wall_now: what time it is, UTC epoch seconds.
            late: why not all that was decided is counted; the figures are of the moment up to which it is, and say so.

        Raises:
            Busy, Damaged, Unwritable: the file cannot be read.
        """
        with self._reader.snapshot():
            found = figures(self._kept(asked, wall_now, late))
            return msgspec.structs.replace(found, reference=referred(self._reader.state, found))

    def totals(self, wall_now: float, most: int) -> list[Total]:
        """Return what is counted and summed of each model by prediction time, of the first `most` in the order they came.

        Raises:
            Busy, Damaged, Unwritable: the file cannot be read.
        """
        with self._reader.snapshot():
            known = sorted(self._reader.series().items(), key=lambda item: item[1])
            wanted = [one for one, _ in known if one[1:] == ("", "predicted")][:most]
            parts = [self._chunks.cells(one, 0.0, _FOR_EVER, self._closed_at(self.now(wall_now))) for one in wanted]
            return [Total.of(one.model, part, self._bins) for one, part in zip(wanted, parts, strict=True)]

    def comparison(self, asked: AskedPair, wall_now: float) -> Comparison:
        """Compare two models.

        Raises:
            Busy, Damaged, Unwritable: the file cannot be read.
        """
        with self._reader.snapshot():
            return compare(self._pair(asked, wall_now))

    def _pair(self, asked: AskedPair, wall_now: float) -> Pair:
        now, known = self.now(wall_now), {one.model for one in self._reader.series() if one.model}
        since = max(0.0, (wall_now if now is None else now) - asked.last_s)
        slices = self._reader.pairs(asked.first, asked.second, since, _FOR_EVER)
        mature_to = None if now is None else now - self._reader.meta_as("closed_s", float)
        start, end = float(slices.start.min(initial=_FOR_EVER)), mature_to or 0.0
        counted = (self._reader.counted(asked.first, start, end), self._reader.counted(asked.second, start, end))
        gaps = self._reader.gaps(start, end) if start < end else []
        by_segment = self._pair_by_segment(asked, since, mature_to) if asked.key else None
        return Pair(asked.first, asked.second, sorted(known), slices, now, mature_to, counted, gaps, by_segment)

    def _pair_by_segment(self, asked: AskedPair, since: float, mature_to: float | None) -> ComparedSegments | None:
        kept = by_segment.read(self._reader)
        keys = list(kept.pairs_since)
        if not keys:
            return None
        key = asked.key if asked.key in keys else keys[0]
        width_s = segment_width(self._slice_s)
        start = since // width_s * width_s
        found = self._reader.pairs_by_segment(asked.first, asked.second, key, start, _FOR_EVER)
        mature = {name: slices.before(mature_to) for name, slices in found.items()}
        return compare_segments(mature, key, keys, kept.pairs_since[key])

    def rank(self, asked: Asked, size: float, row_id: str, wall_now: float) -> Rank:
        """Return how an error of some size, that of an id, stands among the errors of a span.

        Raises:
            Busy, Damaged, Unwritable: the file cannot be read.
        """
        with self._reader.snapshot():
            now, bins = self.now(wall_now), Series("", asked.segment, asked.axis).bins(self._bins)
            start, end = asked.span(wall_now)
            wanted = self._wanted(asked, list(self._reader.series()))
            part = self._part(wanted, len(bins.ends), start, asked.read_to(end), now)
            absolute, under = part.histograms()
            absolute.merge(under)
            place = next((i for i, label in enumerate(part.worst, 1) if label.id == row_id), None)
            return Rank(start, _reached(end, [part.cells]), asked.model, absolute.n, absolute.n_below(size), place)

    def _wanted(self, asked: Asked, known: list[Series]) -> list[Series]:
        listed = self._reader.listed()
        return [one for one in known if one[1:] == (asked.segment, asked.axis) and one.is_of(asked.model, listed)]

    def breakdown(self, asked: AskedSegments, wall_now: float, late: str = "") -> Breakdown:
        """Return the segments of one key; an unknown key is the first one. `late`: as in `figures`.

        Raises:
            Busy, Damaged, Unwritable: the file cannot be read.
        """
        with self._reader.snapshot():
            return self._breakdown(asked, by_segment.read(self._reader), wall_now, late)

    def _breakdown(self, wanted: AskedSegments, kept: by_segment.Kept, wall_now: float, late: str) -> Breakdown:
        asked, known = wanted.asked, list(self._reader.series())
        keys = [*(key for key in kept.since if key not in SIZES), *SIZES]
        key = wanted.key if wanted.key in keys else keys[0]
        bins, now = Series("", f"{key}:").bins(self._bins), self.now(wall_now)
        start, end = asked.span(wall_now if now is None else now)
        end = end if now is None else min(end, now)
        now, late_since = self._counted_to(now, end, late)
        listed = self._reader.listed()
        of_key = [one for one in known if one.key == key and one.is_of(asked.model, listed)]
        span = self._segments(of_key, len(bins.ends), start, asked.read_to(end))
        span = span._replace(end=_reached(end, list(span.cells.values())))
        ends = wanted.before or (max(0.0, 2 * span.start - span.end), span.start)
        before = self._segments(of_key, len(bins.ends), *ends)._replace(start=ends[0], end=ends[1])
        why = self._why(key, kept)
        found, total = segments(span, bins, now, why)
        return Breakdown(
            key=key,
            keys=keys,
            from_=span.start,
            to=max(span.start, span.end),
            now=now,
            clock=self._clock,
            model=asked.model or (listed[0] if listed else ""),
            models=sorted({one.model for one in known if one.model}, key=lambda name: (name not in listed[:1], name)),
            segments=found,
            total=total,
            change=change(before, span, bins, now, why),
            since=kept.since.get(key, 0.0),
            of_truths=key in kept.of_truths,
            n_other=kept.n_other,
            n_bad_tags=kept.n_bad_tags,
            n_sampled=kept.n_sampled if key in SIZES else 0,
            n_needed=by_segment.N_SAMPLE,
            gaps=[*self._gaps(span.start, span.end, key, kept), *late_since],
        )

    def _segments(self, series: list[Series], n_bins: int, start: float, end: float) -> Span:
        """Return the cells of each segment; the span begins with the slice that its start is in."""
        width_s = segment_width(self._slice_s)
        start = start // width_s * width_s if start > 0 else 0.0
        parts: dict[str, list[Cells]] = {}
        for one in series:
            parts.setdefault(one.segment, []).append(self._reader.cells(one, start, end))
        found = {name: Cells.together(each, n_bins) for name, each in parts.items()}
        starts = [float(cells.start.min()) for cells in found.values() if len(cells.start)]
        return Span(found, min([start, *starts]) if start else min(starts, default=end), end)

    @staticmethod
    def _why(key: str, kept: by_segment.Kept) -> str:
        """Return why nothing can be expected of the segments of a key; empty if it can."""
        return ENDED if key in SIZES else OF_TRUTHS if key in kept.of_truths else ""

    def _gaps(self, start: float, end: float, key: str, kept: by_segment.Kept) -> list[Gap]:
        found = [Gap(max(gap.start, start), min(gap.end, end), gap.why) for gap in self._reader.gaps(start, end)]
        since = kept.since.get(key, 0.0) if key else 0.0
        return [*found, Gap(start, min(since, end), SINCE)] if since > start else found

    def _kept(self, asked: Asked, wall_now: float, late: str) -> Kept:
        known = list(self._reader.series())
        listed, wanted = self._reader.listed(), self._wanted(asked, known)
        now = self.now(wall_now)
        asked_start, asked_end = asked.span(wall_now if now is None else now)
        now, since = self._counted_to(now, asked_end, late)
        start = asked_start // self._slice_s * self._slice_s if asked_start > 0 else 0.0
        of = Series("", asked.segment, asked.axis)
        bins, split = of.bins(self._bins), by_segment.read(self._reader)
        part = self._part(wanted, len(bins.ends), start, asked.read_to(asked_end), now)
        cells = part.cells
        asked_end = _reached(asked_end, [cells])
        if asked_start <= 0:
            start = float(cells.start.min(initial=asked_end))
        over, under = part.histograms()
        return Kept(
            axis=asked.axis,
            model=asked.model or (listed[0] if listed else ""),
            segment=asked.segment,
            models=sorted({one.model for one in known if one.model}, key=lambda name: (name not in listed[:1], name)),
            segments=sorted({one.segment for one in known if one.segment}),
            clock=self._clock,
            bins=bins,
            start=start,
            end=asked_end,
            now=now,
            cells=cells,
            over=over,
            under=under,
            worst=part.worst,
            came=self._came(wanted, cells, start, asked_end),
            gaps=[*self._gaps(start, asked_end, of.key, split), *since],
            marks=self._marks(start, asked_end),
            why=self._why(of.key, split) if of.key else "",
        )

    def _part(self, wanted: list[Series], n_bins: int, start: float, end: float, now: float | None) -> Part:
        closed_at = self._closed_at(now)
        found = [self._chunks.cells(one, start, end, closed_at, n_bars=MAX_SLICES) for one in wanted]
        if len(found) == 1:
            return found[0]
        cells = Cells.together([part.cells for part in found], n_bins)
        return Part.joined([Part.of(Cells.none(n_bins)), *found])._replace(cells=cells)

    def _marks(self, start: float, end: float) -> list[Mark]:
        """Return what happened in a span; by the clock `event` nothing stands where it happened."""
        if self._clock != "arrival":
            return []
        fired = [mark for mark in fired_in(self._reader.state(ALERTS)) if start <= mark.at < end]
        return sorted([*self._reader.marks(start, end), *fired], key=lambda mark: mark.at)[-MOST_MARKS:]

    def _closed_at(self, now: float | None) -> float:
        """Return until when all slices are old enough for all labels."""
        return -np.inf if now is None else now - float(self._bins.ends[-1])

    def _came(self, wanted: list[Series], cells: Cells, start: float, end: float) -> Came:
        width_s = float(cells.width.max(initial=self._slice_s))
        found: Counter[int] = Counter()
        for one in wanted:
            found.update(self._reader.labels(one._replace(axis="decided"), width_s, start, end))
        return Came(width_s, found)

    def _counted_to(self, now: float | None, end: float, late: str) -> tuple[float | None, list[Gap]]:
        """Return what time it was when all was counted, by the clock of the delays, and the gap since then up to an end."""
        if not late:
            return now, []
        at = counted_to(self._reader.state(COUNTING)) if self._clock == "arrival" else now or 0.0
        return (now, []) if at > end else (None if now is None else min(now, at), [Gap(at, end, late)])

    def now(self, wall_now: float) -> float | None:
        """Return what time it is by the clock of the delays; None while the clock `event` has seen no truth.

        Raises:
            Busy, Damaged, Unwritable: the file cannot be read.
        """
        if self._clock == "arrival":
            return wall_now
        kept = self._reader.state(NOW)
        return None if kept is None else msgspec.json.decode(kept, type=float)


def _reached(end: float, found: Sequence[Cells]) -> float:
    """Return where a span ends: with the last of its cells if that begins after `end`."""
    last = [(float(cells.start[-1]), float(cells.width[-1])) for cells in found if len(cells.start)]
    start, width_s = max(last, default=(-math.inf, 0.0))
    return start + width_s if start >= end else end
