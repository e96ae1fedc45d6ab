"""The alarm run over labels as they come: bets of the slice that is being filled, and the evidence of those that are closed."""

from __future__ import annotations

from typing import NamedTuple, Self

import msgspec
import numpy as np

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
    """Labels as they come, in the order in which they did; `at` is when, `delay` how long after the prediction."""

    at: Floats
    ts_pred: Floats
    delay: Floats
    loss: Floats


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One series held against one reference. Kept between batches; times are UTC epoch seconds.

    `reference` is its span, `by_hour` whether it holds errors against their hour of the day. `evidence`, `gain`, `since` are
    of `Detector`; `bets` and `n_labels` of the slice that is being filled, `number` counted from 1970. `came` are the last
    slices: number, predictions made, labels that came. `n_active` slices with labels were closed. `n_series` share one
    budget of false alarms, this one and others.
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

    @property
    def detector(self) -> Detector:
        """The evidence of the closed slices."""
        return Detector(*(np.array(column) for column in (self.evidence, self.gain, self.since)))

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
        usual = reference.usual(bins.of(labels.delay), labels.ts_pred)
        kept = (usual > 0) & (labels.ts_pred >= reference.end)  # not NaN, and something to hold a loss against
        number = np.floor(labels.at / self.slice_s).astype(np.int64)
        number = np.maximum.accumulate(np.maximum(number, self.number))
        for each in np.unique(number).tolist():
            mine = number == each
            of_slice = mine & kept
            group = np.zeros(int(of_slice.sum()), np.int64)
            (bets,) = log_bets(labels.loss[of_slice], usual[of_slice], reference.cap, group, 1)
            watch = watch._at(each)._filled(bets, int(mine.sum()), len(group))
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
        return msgspec.structs.replace(closed, number=number, bets=_NOTHING, n_labels=0)

    def _closed(self) -> Watch:
        if self._is_held_back():
            return self
        stepped = self.detector.step(np.array(self.bets), self.number * self.slice_s)
        columns = {name: tuple(column.tolist()) for name, column in stepped._asdict().items()}
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
        added = tuple((np.array(self.bets) + bets).tolist())
        return msgspec.structs.replace(self._replaced(came), bets=added, n_labels=self.n_labels + n_labels)
