"""From the records of the topic `metric` to cells: what came, and how each id ended, by prediction time and decision time.

Each row is counted in the cells of its model. By prediction time, predictions count when they come; by decision time, when
they end, so that there each has its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple, get_args

import numpy as np

from agents.insight.series import Axis, Series
from agents.insight.store import Frame
from streams.scores.cells import COUNTS, Cells
from streams.scores.delay import Clock, Ints, decided, delays
from streams.scores.histogram import Floats
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels
from streams.wire.verdicts import Report, Verdict, VerdictRecord

Number = Callable[[Series], int]
_PREDICTIONS = COUNTS.index("n_predictions")
_LONE = (("unmatched_pred", "ts_pred"), ("unmatched_true", "ts_true"))


class _Models(NamedTuple):
    """The model of each row: names, and which of them."""

    names: Sequence[str | None]
    code: Ints

    @classmethod
    def of(cls, models: Sequence[str | None]) -> _Models:
        if models.count(models[0]) == len(models):  # mostly: ten times as fast
            return cls(models[:1], np.zeros(len(models), np.int64))
        number = {name: i for i, name in enumerate(dict.fromkeys(models))}
        return cls(list(number), np.array([number[name] for name in models], np.int64))

    def series(self, axis: Axis, number: Number) -> Ints:
        return np.array([number(Series(name or "", axis=axis)) for name in self.names], np.int64)[self.code]


class _Matched(NamedTuple):
    """Columns of matched verdicts."""

    ids: list[str]
    models: _Models
    at: Floats
    ts_true: Floats
    ts_pred: Floats
    y_true: Floats
    y_pred: Floats

    @classmethod
    def of(cls, rows: Sequence[Verdict]) -> _Matched:
        columns = (
            [row.at for row in rows],
            [row.ts_true for row in rows],
            [row.ts_pred for row in rows],
            [row.y_true for row in rows],
            [row.y_pred for row in rows],
        )
        models = _Models.of([row.model for row in rows])
        return cls([row.id for row in rows], models, *(np.array(column, np.float64) for column in columns))

    def labels(self, axis: Axis, clock: Clock) -> Labels:
        times = {"ts_true": self.ts_true, "ts_pred": self.ts_pred, "at": self.at}
        at = self.ts_pred if axis == "predicted" else decided(clock, **times)
        return Labels(self.ids, at, delays(clock, **times), self.y_true, self.y_pred)


class _Tally:
    """Rows of one name of COUNTS, as columns: `n` of a model at a time."""

    def __init__(self) -> None:
        self.models: list[str | None] = []
        self.times: list[float] = []
        self.n: list[int] = []

    def add(self, model: str | None, times: Sequence[float], n: Sequence[int]) -> None:
        self.models += [model] * len(times)
        self.times += times
        self.n += n


_Tallies = defaultdict[str, _Tally]


def cells_of(records: Sequence[VerdictRecord], frame: Frame, number: Number) -> list[Cells]:
    """Return the cells that records add to, those of each axis together.

    Args:
        number: tells the number of a series.
    """
    rows = list(chain.from_iterable(record.rows for record in records))
    matched = [row for row in rows if row.verdict == "matched"]
    lone = [row for row in rows if row.verdict != "matched"] if len(matched) < len(rows) else []
    columns = _Matched.of(matched) if matched else None
    return [
        cells
        for axis in get_args(Axis)
        for cells in _cells(axis, columns, _tallies(records, lone, axis, frame), frame, number)
    ]


def time_of(record: VerdictRecord, clock: Clock) -> float | None:
    """Return what time it was by a clock at a decision; None if the record does not say."""
    if record.report is None:
        return max((row.at for row in record.rows), default=None)
    return record.report.at if clock == "arrival" else record.report.newest_true


def _cells(axis: Axis, matched: _Matched | None, tallies: _Tallies, frame: Frame, number: Number) -> list[Cells]:
    width_s, bins = frame.slice_s, Series("", axis=axis).bins(frame.bins)
    parts = []
    for name, tally in tallies.items():
        if not tally.times:
            continue
        series, times, n = _Models.of(tally.models).series(axis, number), np.array(tally.times), np.array(tally.n)
        parts.append(cells_of_counts(name, times, series, n, width_s=width_s, bins=bins))
    if matched:
        series = matched.models.series(axis, number)
        labels = cells_of_labels(matched.labels(axis, frame.clock), series, width_s=width_s, bins=bins)
        if axis == "decided":
            labels.counts[:, _PREDICTIONS] += labels.n.sum(axis=1) + labels.count_of("n_left_out")
        parts.append(labels)
    return [Cells.merge(parts)] if parts else []


def _tallies(records: Sequence[VerdictRecord], lone: Sequence[Verdict], axis: Axis, frame: Frame) -> _Tallies:
    """Count what is no label."""
    tallies = _Tallies(_Tally)
    for record in records:
        if record.report is not None:
            _add_report(tallies, record.report, axis, frame.clock)
        elif axis == "predicted":  # of before there were reports: predictions are known by their ends alone
            for row in record.rows:
                if row.ts_pred is not None:
                    tallies["n_predictions"].add(row.model, [row.ts_pred], [1])
    for verdict, ts_name in _LONE:
        for row in (row for row in lone if row.verdict == verdict):
            at = _given_up(row.at, getattr(row, ts_name), axis, frame)
            tallies[f"n_{verdict}"].add(row.model, [at], [1])
            if axis == "decided" and verdict == "unmatched_pred":
                tallies["n_predictions"].add(row.model, [at], [1])
    return tallies


def _add_report(tallies: _Tallies, report: Report, axis: Axis, clock: Clock) -> None:
    """Add what a decision reports. Rows that could not be read are of no model, and of the time of the decision."""
    for one in report.arrivals:
        if axis == "predicted":
            tallies["n_predictions"].add(one.model, one.seconds, one.n_predictions)
        if any(one.n_late):
            at_once = axis == "decided" and clock == "arrival"
            tallies["n_late"].add(one.model, [report.at] * len(one.seconds) if at_once else one.seconds, one.n_late)
    if report.n_unreadable:
        at = report.at if clock == "arrival" or report.newest_true is None else report.newest_true
        tallies["n_refused"].add(None, [at], [report.n_unreadable])


def _given_up(at: float, ts: float, axis: Axis, frame: Frame) -> float:
    """Return at what time of an axis a row without another side counts: by the clock `event` it ends with its window."""
    if axis == "predicted":
        return ts
    return at if frame.clock == "arrival" else ts + frame.window_s
