"""From the records of the topic `metric` to cells: what came, and how each id ended, by prediction time and decision time.

Each row is counted in the cells of its model. By prediction time, predictions count when they come; by decision time, when
they end, so that there each has its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, get_args

import numpy as np

from agents.insight.matched import Coded, Matched
from agents.insight.series import Axis, Number, Series
from agents.insight.store import Frame
from streams.scores.cells import COUNTS, Cells
from streams.scores.delay import Clock, Ints
from streams.scores.labels import cells_of_counts, cells_of_labels
from streams.scores.numbering import numbered
from streams.wire.verdicts import Report, Verdict, VerdictRecord

_PREDICTIONS = COUNTS.index("n_predictions")
FEW_SLICES = 8
_LONE = (("unmatched_pred", "ts_pred"), ("unmatched_true", "ts_true"))


class Of(NamedTuple):
    """What a row is of: its model, the tags of its prediction and those of its truth."""

    model: str | None
    tags: str | None = None
    true_tags: str | None = None


class Tally:
    """Rows of one name of COUNTS, as columns: `n` of the same kind at a time."""

    def __init__(self) -> None:
        self.of: list[Of] = []
        self.times: list[float] = []
        self.n: list[int] = []

    def add(self, of: Of, times: Sequence[float], n: Sequence[int]) -> None:
        """Add rows of one kind: so many at each time."""
        self.of += [of] * len(times)
        self.times += times
        self.n += n


Tallies = defaultdict[str, Tally]


def cells_of(records: Sequence[VerdictRecord], matched: Matched, frame: Frame, number: Number) -> list[Cells]:
    """Return the cells of whole models that records add to; there may be several of one series and start.

    Args:
        matched: how their rows ended.
    """
    labels = _labels(matched, frame, number) if len(matched.decided) else []
    counts = (_counts(axis, tallies(records, matched.lone, axis, frame), frame, number) for axis in get_args(Axis))
    return [*chain.from_iterable(counts), *labels]


def of_row(row: Verdict) -> Of:
    """Return what a verdict is of."""
    return Of(row.model, row.tags, row.true_tags)


def time_of(record: VerdictRecord, clock: Clock) -> float | None:
    """Return what time it was by a clock at a decision; None if the record does not say."""
    if record.report is None:
        return max((row.at for row in record.rows), default=None)
    return record.report.at if clock == "arrival" else record.report.newest_true


def _counts(axis: Axis, found: Tallies, frame: Frame, number: Number) -> Iterator[Cells]:
    width_s, bins = frame.slice_s, Series("", axis=axis).bins(frame.bins)
    for name, tally in found.items():
        if tally.times:
            models = Coded.of([of.model for of in tally.of])
            times, n = np.array(tally.times), np.array(tally.n)
            series = _numbers(models.values, axis, number)[models.code]
            yield cells_of_counts(name, times, series, n, width_s=width_s, bins=bins)


def _numbers(models: Sequence[str | None], axis: Axis, number: Number) -> Ints:
    """Return the number of each model's series."""
    return np.array([number(Series(name or "", axis=axis)) for name in models], np.int64)


def _labels(matched: Matched, frame: Frame, number: Number) -> list[Cells]:
    """Return the cells of labels. Rows of few slices of decision time, as there are but in history, are summed up once."""
    width_s, fine, coarse = frame.slice_s, frame.bins, frame.bins.coarse()
    models, (slices, slice_of) = matched.models, numbered(np.floor(matched.decided / width_s).astype(np.int64))
    of_predicted, of_decided = (_numbers(models.values, axis, number) for axis in ("predicted", "decided"))
    if len(slices) > FEW_SLICES:
        labels = matched.labels
        predicted = cells_of_labels(labels, of_predicted[models.code], width_s=width_s, bins=fine)
        later = labels._replace(time=matched.decided)
        decided = cells_of_labels(later, of_decided[models.code], width_s=width_s, bins=coarse)
    else:
        both = cells_of_labels(matched.labels, models.code * len(slices) + slice_of, width_s=width_s, bins=fine)
        model, slice_of_both = np.divmod(both.series, len(slices))
        predicted = both._replace(series=of_predicted[model])
        decided = both._replace(series=of_decided[model], start=slices.astype(np.float64)[slice_of_both] * width_s)
        decided = decided._replace(counts=both.counts.copy()).rebin(coarse.of(fine.ends), len(coarse.ends))
    decided.counts[:, _PREDICTIONS] += decided.n.sum(axis=1) + decided.count_of("n_left_out")
    return [predicted, decided]


def tallies(records: Sequence[VerdictRecord], lone: Sequence[Verdict], axis: Axis, frame: Frame) -> Tallies:
    """Count what is no label."""
    found = Tallies(Tally)
    for record in records:
        if record.report is not None:
            _add_report(found, record.report, axis, frame.clock)
        elif axis == "predicted":  # of before there were reports: predictions are known by their ends alone
            for row in record.rows:
                if row.ts_pred is not None:
                    found["n_predictions"].add(of_row(row), [row.ts_pred], [1])
    for verdict, ts_name in _LONE:
        for row in (row for row in lone if row.verdict == verdict):
            at = _given_up(row.at, getattr(row, ts_name), axis, frame)
            found[f"n_{verdict}"].add(of_row(row), [at], [1])
            if axis == "decided" and verdict == "unmatched_pred":
                found["n_predictions"].add(of_row(row), [at], [1])
    return found


def _add_report(found: Tallies, report: Report, axis: Axis, clock: Clock) -> None:
    """Add what a decision reports. Rows that could not be read are of no model, and of the time of the decision."""
    for one in report.arrivals:
        of_one = Of(one.model, one.tags)
        if axis == "predicted":
            found["n_predictions"].add(of_one, one.seconds, one.n_predictions)
        if any(one.n_late):
            at_once = axis == "decided" and clock == "arrival"
            found["n_late"].add(of_one, [report.at] * len(one.seconds) if at_once else one.seconds, one.n_late)
    if report.n_unreadable:
        at = report.at if clock == "arrival" or report.newest_true is None else report.newest_true
        found["n_refused"].add(Of(None), [at], [report.n_unreadable])


def _given_up(at: float, ts: float, axis: Axis, frame: Frame) -> float:
    """Return at what time of an axis a row without another side counts: by the clock `event` it ends with its window."""
    if axis == "predicted":
        return ts
    return at if frame.clock == "arrival" else ts + frame.window_s
