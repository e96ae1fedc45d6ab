"""From the records of the topic `metric` to cells: what came, and how each id ended, by prediction time and decision time.

Each row is counted in the cells of its model. By prediction time, predictions count when they come; by decision time, when
they end, so that there each has its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, get_args

import numpy as np
from msgspec.structs import astuple

from agents.insight.series import Axis, Series
from agents.insight.store import Frame
from streams.scores.cells import Cells
from streams.scores.delay import Clock, Ints, decided, delays
from streams.scores.histogram import Floats
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels
from streams.wire.verdicts import Verdict, VerdictRecord

Number = Callable[[Series], int]
_LONE = (("unmatched_pred", "ts_pred"), ("unmatched_true", "ts_true"))


class _Matched(NamedTuple):
    """Columns of matched verdicts."""

    ids: list[str]
    models: list[str | None]
    at: Floats
    ts_true: Floats
    ts_pred: Floats
    y_true: Floats
    y_pred: Floats


class _Count(NamedTuple):
    """Rows to count under a name of COUNTS: the model and the time of each."""

    name: str
    models: Sequence[str | None]
    times: Floats


def cells_of(records: Sequence[VerdictRecord], frame: Frame, number: Number) -> list[Cells]:
    """Return the cells that records add to, those of each axis together.

    Args:
        number: tells the number of a series.
    """
    rows = list(chain.from_iterable(record.rows for record in records))
    matched = [row for row in rows if row.verdict == "matched"]
    lone = [row for row in rows if row.verdict != "matched"] if len(matched) < len(rows) else []
    columns = _columns(matched)
    cells = []
    for axis in get_args(Axis):
        counts = [*_reported(records, axis, frame.clock), *_lone(lone, axis, frame)]
        if axis == "decided":
            counts.append(_Count("n_predictions", columns.models, _decided(columns, frame.clock)))
        else:
            counts.append(_unreported(records))
        cells += _cells(axis, columns, counts, frame, number)
    return cells


def time_of(record: VerdictRecord, clock: Clock) -> float | None:
    """Return what time it was by a clock at a decision; None if the record does not say."""
    if record.report is None:
        return max((row.at for row in record.rows), default=None)
    return record.report.at if clock == "arrival" else record.report.newest_true


def _columns(matched: Sequence[Verdict]) -> _Matched:
    columns = (
        [row.at for row in matched],
        [row.ts_true for row in matched],
        [row.ts_pred for row in matched],
        [row.y_true for row in matched],
        [row.y_pred for row in matched],
    )
    models = [row.model for row in matched]
    return _Matched([row.id for row in matched], models, *(np.array(column, np.float64) for column in columns))


def _decided(matched: _Matched, clock: Clock) -> Floats:
    return decided(clock, ts_true=matched.ts_true, ts_pred=matched.ts_pred, at=matched.at)


def _cells(axis: Axis, matched: _Matched, counts: Sequence[_Count], frame: Frame, number: Number) -> list[Cells]:
    width_s, bins = frame.slice_s, Series("", axis=axis).bins(frame.bins)

    def numbers(models: Sequence[str | None]) -> Ints:
        found = {model: number(Series(model or "", axis=axis)) for model in dict.fromkeys(models)}
        return np.array([found[model] for model in models], np.int64)

    parts = [
        cells_of_counts(name, times, numbers(models), width_s=width_s, bins=bins)
        for name, models, times in counts
        if len(times)
    ]
    if matched.ids:
        time = matched.ts_pred if axis == "predicted" else _decided(matched, frame.clock)
        delay = delays(frame.clock, ts_true=matched.ts_true, ts_pred=matched.ts_pred, at=matched.at)
        labels = Labels(matched.ids, time, delay, matched.y_true, matched.y_pred)
        parts.append(cells_of_labels(labels, numbers(matched.models), width_s=width_s, bins=bins))
    return [Cells.merge(parts)] if parts else []


def _reported(records: Sequence[VerdictRecord], axis: Axis, clock: Clock) -> Iterator[_Count]:
    """Yield what decisions report; rows that could not be read count at the time of the decision, of no model."""
    for record in records:
        if record.report is None:
            continue
        at = time_of(record, clock)
        for model, seconds, n_predictions, n_late in map(astuple, record.report.arrivals):
            times = np.array(seconds, np.float64)
            if axis == "predicted":
                yield _repeated("n_predictions", model, times, n_predictions)
            late_at = times if axis == "predicted" or clock == "event" else np.full_like(times, record.report.at)
            yield _repeated("n_late", model, late_at, n_late)
        if record.report.n_unreadable:
            times = np.array([record.report.at if at is None else at])
            yield _repeated("n_refused", None, times, [record.report.n_unreadable])


def _repeated(name: str, model: str | None, times: Floats, counts: list[int]) -> _Count:
    repeated = np.repeat(times, counts)
    return _Count(name, [model] * len(repeated), repeated)


def _unreported(records: Sequence[VerdictRecord]) -> _Count:
    """Return the predictions of records that have no report: only their ends are known."""
    rows = [row for record in records if record.report is None for row in record.rows if row.ts_pred is not None]
    return _Count("n_predictions", [row.model for row in rows], np.array([row.ts_pred for row in rows], np.float64))


def _lone(lone: Sequence[Verdict], axis: Axis, frame: Frame) -> Iterator[_Count]:
    """Yield rows without another side: by decision time when they were given up, by the clock `event` after the window."""
    for verdict, name in _LONE:
        rows = [row for row in lone if row.verdict == verdict]
        models, times = [row.model for row in rows], np.array([getattr(row, name) for row in rows], np.float64)
        if axis == "decided":
            times = np.array([row.at for row in rows]) if frame.clock == "arrival" else times + frame.window_s
            if verdict == "unmatched_pred":
                yield _Count("n_predictions", models, times)
        yield _Count(f"n_{verdict}", models, times)
