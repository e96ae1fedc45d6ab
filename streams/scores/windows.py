"""Rolling summaries of the verdicts: the last minute, five minutes, hour, and all since the start. No I/O.

Verdicts are gathered in slices of time, by when they were decided; a window is a merge of slices, so that it costs as
much for a million verdicts as for ten. Narrow slices make the short windows, wide ones the long.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from streams.scores.histogram import Floats, Histogram
from streams.scores.losses import LARGEST
from streams.scores.summary import ErrorSummary
from streams.wire.values import MAX_DIFFERENCE
from streams.wire.verdicts import Verdict, VerdictRecord

N_POINTS = 300
"""Pairs that one slice keeps for the picture of predicted against actual: an even choice of its batches."""
N_WORST = 10
MOST_WAITING = 5000
"""Verdicts that may wait to be summarised."""


class Worst(NamedTuple):
    """A pair with a large error."""

    absolute_error: float
    id: str
    y_true: float
    y_pred: float


class Slice(msgspec.Struct, gc=False):
    """What was decided in one span of time. `after` are the delays of truths behind their predictions, in seconds."""

    summary: ErrorSummary = msgspec.field(default_factory=ErrorSummary)
    after: Histogram = msgspec.field(default_factory=Histogram)
    n_truth_first: int = 0
    n_unmatched_true: int = 0
    n_unmatched_pred: int = 0
    points: Floats = msgspec.field(default_factory=lambda: np.empty((0, 2)))
    """Pairs (y_true, y_pred), shape (n, 2); those that are too large to score are none of them."""
    worst: list[Worst] = []
    """Those with the largest errors; the first may be too large to score."""

    def merge(self, other: Slice) -> None:
        """Add what `other` holds."""
        self.summary.merge(other.summary)
        self.after.merge(other.after)
        self.n_truth_first += other.n_truth_first
        self.n_unmatched_true += other.n_unmatched_true
        self.n_unmatched_pred += other.n_unmatched_pred
        self.points = np.concatenate((self.points, other.points))
        self.worst = heapq.nlargest(N_WORST, self.worst + other.worst)

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Slice:
        """Summarise verdicts."""
        made = cls()
        matched = [v for v in verdicts if v.verdict == "matched"]
        if len(matched) < len(verdicts):
            made.n_unmatched_true = sum(v.verdict == "unmatched_true" for v in verdicts)
            made.n_unmatched_pred = len(verdicts) - len(matched) - made.n_unmatched_true
        if matched:
            y_true, y_pred = _floats([v.y_true for v in matched]), _floats([v.y_pred for v in matched])
            made.summary = ErrorSummary.of(y_true, y_pred)
            made._add_delays(_floats([v.ts_true for v in matched]) - _floats([v.ts_pred for v in matched]))
            step = -(-len(matched) // N_POINTS)
            both = np.column_stack((y_true[::step], y_pred[::step]))
            made.points = both[(np.abs(both) <= LARGEST).all(axis=1)]
            with np.errstate(over="ignore"):
                made._add_worst(matched, np.minimum(np.abs(y_pred - y_true), MAX_DIFFERENCE))
        return made

    def _add_delays(self, delays: Floats) -> None:
        first = delays < 0
        self.n_truth_first = int(np.count_nonzero(first))
        self.after = Histogram.of(np.abs(np.clip(delays[~first], 0, LARGEST)))

    def _add_worst(self, matched: Sequence[Verdict], size: Floats) -> None:
        most = min(N_WORST, len(size))
        self.worst = [
            Worst(float(size[i]), matched[i].id, matched[i].y_true, matched[i].y_pred)
            for i in np.argpartition(-size, most - 1)[:most].tolist()
        ]

    @property
    def n_predictions(self) -> int:
        """Predictions whose end is known: joined, or expired without a truth."""
        return self.summary.n + self.summary.n_left_out + self.n_unmatched_pred


class _Ring:
    """Slices of one width, as many as are kept."""

    def __init__(self, width_s: float, n_kept: int):
        self.width_s, self.n_kept = width_s, n_kept
        self.slices: dict[int, Slice] = {}

    def add(self, at: float, part: Slice) -> None:
        index = int(at // self.width_s)
        kept = self.slices.setdefault(index, Slice())
        kept.merge(part)
        if len(kept.points) > N_POINTS:
            kept.points = kept.points[-N_POINTS:]
        while len(self.slices) > self.n_kept:
            del self.slices[min(self.slices)]


class Windows:
    """The slices of one worker. `take` is given every record once; `total`, `over` and `series` answer.

    A summary costs 0.15 ms, of one verdict or of a thousand: verdicts of one narrow slice wait here until somebody
    looks, or those of another one come.
    """

    def __init__(self) -> None:
        self._total = Slice()
        self._waiting: list[Verdict] = []
        self._waiting_slice = 0
        self._rings = [_Ring(2.0, 64), _Ring(10.0, 64), _Ring(60.0, 122)]

    def take(self, records: Iterable[VerdictRecord]) -> None:
        """Add the verdicts of records."""
        for record in records:
            if record.rows:
                index = int(record.rows[0].at // self._rings[0].width_s)
                if index != self._waiting_slice or len(self._waiting) >= MOST_WAITING:
                    self._summarise()
                self._waiting_slice = index
                self._waiting += record.rows

    @property
    def total(self) -> Slice:
        """What was decided since the start."""
        self._summarise()
        return self._total

    def _summarise(self) -> None:
        if self._waiting:
            part = Slice.of(self._waiting)
            for ring in self._rings:
                ring.add(self._waiting[0].at, part)
            self._total.merge(part)
            self._total.points = self._total.points[-20 * N_POINTS :]
            self._waiting = []

    def over(self, start: float, end: float) -> Slice:
        """Return what was decided between two times, at the width of the slices."""
        self._summarise()
        ring = self._ring(start, end)
        merged = Slice()
        for index in range(int(start // ring.width_s) + 1, int(end // ring.width_s) + 1):
            if index in ring.slices:
                merged.merge(ring.slices[index])
        return merged

    def series(self, start: float, end: float) -> list[tuple[float, Slice]]:
        """Return the slices between two times that hold anything, each with its start."""
        self._summarise()
        ring = self._ring(start, end)
        first, last = int(start // ring.width_s) + 1, int(end // ring.width_s)
        return [(i * ring.width_s, ring.slices[i]) for i in range(first, last + 1) if i in ring.slices]

    def _ring(self, start: float, end: float) -> _Ring:
        """Return the narrowest slices that are kept for so long, the window before included."""
        return next((ring for ring in self._rings if 2 * (end - start) < ring.width_s * ring.n_kept), self._rings[-1])


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array(values, np.float64)
