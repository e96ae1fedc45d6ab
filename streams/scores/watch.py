"""The alarm run over labels as they come: bets of the slice that is being filled, and the evidence of those that are closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.scores.alarm import STAKES, Detector, log_bets
from streams.scores.delay import DelayBins, Ints
from streams.scores.histogram import Floats
from streams.scores.outage import backlogs, outages
from streams.scores.reference import Reference

ALARM_DAYS = 30
"""The promise: not more than one false alarm in so many days of active slices, on average, over all series."""
_N_CAME, _N_SILENT, _MOST_SLICES = 130, 20, 20_000
"""Slices that are kept to tell label outages: with labels, as far as `outages` looks back; without; and how far apart."""
_NOTHING = (0.0,) * len(STAKES)


class Came(NamedTuple):
    """Labels as they come, in the order in which they did; `at` is when, `delay` how long after the prediction.

    `segments` are those that each is in by key, by their number in `Watch.segments`, -1 for none; shape (n, keys).
    """

    at: Floats
    ts_pred: Floats
    delay: Floats
    loss: Floats
    segments: Ints = np.zeros((0, 0), np.int64)

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return those labels for which `kept` is true."""
        segments = self.segments[kept] if self.segments.size else self.segments
        return type(self)(self.at[kept], self.ts_pred[kept], self.delay[kept], self.loss[kept], segments)


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One series held against one reference. Kept between batches; times are UTC epoch seconds.

    `reference` is its span, `by_hour` whether it holds errors against their hour of the day. `evidence`, `gain`, `since` are
    of `Detector`; `bets` and `n_labels` of the slice that is being filled, `number` counted from 1970. `came` are the last
    slices: number, predictions made, labels that came. `n_active` slices with labels were closed. `n_series` share one
    budget of false alarms, this one and others.

    `segments` are watched with it: after the numbers of all labels, `evidence`, `gain`, `since` and `bets` hold those of each.
    One of which no label came in a slice stays as it was.
    """

    reference: tuple[float, float]
    by_hour: bool = False
    slice_s: float
    evidence: tuple[float, ...] = _NOTHING
    gain: tuple[float, ...] = _NOTHING
    since: tuple[float, ...] = _NOTHING
    number: int = -1
    bets: tuple[float, ...] = _NOTHING
    n_labels: int = 0
    came: tuple[tuple[int, int, int], ...] = ()
    n_active: int = 0
    n_series: int = 1
    segments: tuple[str, ...] = ()

    @property
    def detector(self) -> Detector:
        """The evidence of the closed slices, of all labels."""
        return Detector(*(column[0] for column in self._detectors))

    @property
    def _detectors(self) -> Detector:
        """That of all labels, and of each segment; shape (1 + segments, stakes)."""
        return Detector(*(_rows(column) for column in (self.evidence, self.gain, self.since)))

    @property
    def needed(self) -> float:
        """The level at which there is an alarm: slices in ALARM_DAYS, times the series, so that it is false no oftener in all.

        Each series then is false once in that many slices at the most (Bonferroni).
        """
        return self.n_series * ALARM_DAYS * 86_400 / self.slice_s

    @property
    def share(self) -> float:
        """The evidence by what an alarm takes: an alarm from 1 on."""
        return float(self.detector.level) / self.needed

    def share_of(self, key: str) -> tuple[float, str] | None:
        """Return the evidence of the segments of a key by what an alarm takes, and the one that most of it is of.

        What is held against the level is the mean over them, so that they are one series of the budget, however many they
        are. None if none is watched.
        """
        mine = [i for i, name in enumerate(self.segments) if name.partition(":")[0] == key]
        if not mine:
            return None
        levels = self._detectors.level[1:][mine]
        return float(levels.mean()) / self.needed, self.segments[mine[int(np.argmax(levels))]]

    def with_segments(self, names: Sequence[str]) -> Self:
        """Return the watch of these segments: what is known of one that was watched before is kept."""
        if tuple(names) == self.segments:
            return self
        at = {name: row for row, name in enumerate(self.segments, 1)}

        def chosen(column: tuple[float, ...]) -> tuple[float, ...]:
            rows = _rows(column)
            known = [rows[at[name]] if name in at else np.zeros(len(STAKES)) for name in names]
            return tuple(np.concatenate([rows[0], *known]).tolist())

        columns = {name: chosen(getattr(self, name)) for name in ("evidence", "gain", "since", "bets")}
        return msgspec.structs.replace(self, **columns, segments=tuple(names))

    @property
    def onset(self) -> float:
        """When labels of larger errors most likely began to come."""
        return float(self.detector.onset)

    @classmethod
    def new(cls, reference: Reference, slice_s: float) -> Self:
        """Return a watch that has seen nothing."""
        return cls(reference=(reference.start, reference.end), by_hour=reference.hours is not None, slice_s=slice_s)

    def is_of(self, reference: Reference, slice_s: float) -> bool:
        """Tell whether it is of this reference, in slices of this width."""
        new = self.new(reference, slice_s)
        return (self.reference, self.by_hour, self.slice_s) == (new.reference, new.by_hour, new.slice_s)

    def take(self, labels: Came, made: Floats, reference: Reference, bins: DelayBins) -> Watch:
        """Return the watch after some labels, and predictions made at times `made`; slices that are over are closed."""
        watch = self._with_predictions(np.floor(made / self.slice_s).astype(np.int64)) if self.number >= 0 else self
        number = np.floor(labels.at / self.slice_s).astype(np.int64)
        number = np.maximum.accumulate(np.maximum(number, self.number))
        held, n_rows = _held(labels, reference, bins, self.segments), 1 + len(self.segments)
        of_slice = number[held.label]
        for each in np.unique(number).tolist():
            mine = held.take(of_slice == each)
            bets = log_bets(labels.loss[mine.label], mine.usual, mine.cap, mine.row, n_rows)
            watch = watch._at(each)._filled(bets, int((number == each).sum()), int((mine.row == 0).sum()))
        return watch

    def _with_predictions(self, numbers: Ints) -> Watch:
        came = {number: (n_made, n_labels) for number, n_made, n_labels in self.came}
        for number, n in zip(*(part.tolist() for part in np.unique(numbers, return_counts=True)), strict=True):
            n_made, n_labels = came.get(number, (0, 0))
            came[number] = (n_made + n, n_labels)
        return self._replaced(came)

    def _replaced(self, came: dict[int, tuple[int, int]]) -> Watch:
        known = sorted((n, *counts) for n, counts in came.items() if abs(n - self.number) <= _MOST_SLICES)
        with_labels, silent = ([one for one in known if (one[2] > 0) is has] for has in (True, False))
        return msgspec.structs.replace(self, came=tuple(sorted(with_labels[-_N_CAME:] + silent[-_N_SILENT:])))

    def _at(self, number: int) -> Watch:
        """Return the watch with this slice being filled; the one before it is closed."""
        if number == self.number:
            return self
        closed = self._closed() if self.n_labels else self
        nothing = _NOTHING * (1 + len(self.segments))
        return msgspec.structs.replace(closed, number=number, bets=nothing, n_labels=0)

    def _closed(self) -> Watch:
        if self._is_held_back():
            return self
        bets, before = _rows(self.bets), self._detectors
        has_labels = np.append(True, bets[1:].any(axis=1))[:, None]
        after = before.step(bets, self.number * self.slice_s)
        columns = {
            name: tuple(np.where(has_labels, new, old).ravel().tolist())
            for name, new, old in zip(after._fields, after, before, strict=True)
        }
        return msgspec.structs.replace(self, **columns, n_active=self.n_active + 1)

    def _is_held_back(self) -> bool:
        """Tell whether what came in this slice is what an outage held back: that says nothing at equal delays."""
        first = self.came[0][0]
        n = self.number + 1 - first
        made, labels = np.zeros(n, np.int64), np.zeros(n, np.int64)
        for number, n_made, n_labels in self.came:
            if number <= self.number:
                made[number - first], labels[number - first] = n_made, n_labels
        start = np.asarray((first + np.arange(n)) * self.slice_s, np.float64)
        return bool(backlogs(outages(start, self.slice_s, made, labels), labels)[-1])

    def _filled(self, bets: Floats, n_came: int, n_labels: int) -> Watch:
        came = {number: (n_made, n) for number, n_made, n in self.came}
        n_made, n_before = came.get(self.number, (0, 0))
        came[self.number] = (n_made, n_before + n_came)
        added = tuple((np.array(self.bets) + bets.ravel()).tolist())
        return msgspec.structs.replace(self._replaced(came), bets=added, n_labels=self.n_labels + n_labels)


class _Held(NamedTuple):
    """Labels, by their number, and what each is held against; `row` is 0 for all labels, else that of a segment."""

    label: Ints
    row: Ints
    usual: Floats
    cap: Floats

    def take(self, kept: NDArray[np.bool_]) -> Self:
        return type(self)(self.label[kept], self.row[kept], self.usual[kept], self.cap[kept])


def _held(labels: Came, reference: Reference, bins: DelayBins, segments: Sequence[str]) -> _Held:
    """Return what labels are held against: once all together, and once more for each segment that they are in."""
    n = len(labels.loss)
    usual, cap = reference.usual(bins.of(labels.delay), labels.ts_pred), np.full(n, reference.cap)
    parts = [_Held(np.arange(n), np.zeros(n, np.int64), usual, cap)]
    if segments and labels.segments.size:
        yardsticks = [reference.segments[name] for name in segments]
        of_bin, caps = np.array([each.usual for each in yardsticks]), np.array([each.cap for each in yardsticks])
        label, key = np.nonzero(labels.segments >= 0)
        of = labels.segments[label, key]
        usual = of_bin[of, bins.coarse().of(labels.delay[label])]
        if reference.hours is not None:
            usual = usual * reference.hours.usual(labels.ts_pred[label])
        parts.append(_Held(label, 1 + of, usual, caps[of]))
    held = _Held(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.usual for part in parts]),
        np.concatenate([part.cap for part in parts]),
    )
    is_later = labels.ts_pred[held.label] >= reference.end
    return held.take((held.usual > 0) & is_later)  # not NaN, and something to hold a loss against


def _rows(column: tuple[float, ...]) -> Floats:
    return np.array(column).reshape(-1, len(STAKES))
