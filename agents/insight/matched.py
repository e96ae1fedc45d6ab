"""Matched verdicts as columns: read once from the rows, for all that is counted of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from agents.insight.series import Axis, Number, Series
from streams.scores.delay import Clock, Ints, decided, delays
from streams.scores.histogram import Floats
from streams.scores.labels import Labels
from streams.wire.verdicts import Verdict, VerdictRecord


class Models(NamedTuple):
    """The model of each row: names, and which of them."""

    names: Sequence[str | None]
    code: Ints

    @classmethod
    def of(cls, models: Sequence[str | None]) -> Models:
        """Take a name for each row."""
        if models.count(models[0]) == len(models) if models else True:  # mostly: ten times as fast
            return cls(models[:1], np.zeros(len(models), np.int64))
        number = {name: i for i, name in enumerate(dict.fromkeys(models))}
        return cls(list(number), np.array([number[name] for name in models], np.int64))

    def numbers(self, axis: Axis, number: Number) -> Ints:
        """Return the number of each name's series."""
        return np.array([number(Series(name or "", axis=axis)) for name in self.names], np.int64)


class Matched(NamedTuple):
    """Predictions that have their label, by the time of the prediction, and when each pair was decided (UTC epoch seconds)."""

    rows: Sequence[Verdict]
    models: Models
    labels: Labels
    decided: Floats

    @classmethod
    def of(cls, records: Sequence[VerdictRecord], clock: Clock) -> Matched:
        """Take what matched of records; all rows of one were decided at once."""
        rows = list(chain.from_iterable([record.rows for record in records]))
        matched = [row for row in rows if row.verdict == "matched"]
        with_rows = [record.rows for record in records if record.rows]
        at = np.repeat(np.array([rows[0].at for rows in with_rows], np.float64), list(map(len, with_rows)))
        if len(matched) < len(rows):
            at = at[np.array([row.verdict == "matched" for row in rows], np.bool_)]
        ts_pred = np.array([row.ts_pred for row in matched], np.float64)
        ts_true = at if clock == "arrival" else np.array([row.ts_true for row in matched], np.float64)
        times = {"ts_true": ts_true, "ts_pred": ts_pred, "at": at}
        y_true, y_pred = [row.y_true for row in matched], [row.y_pred for row in matched]
        return cls(
            matched,
            Models.of([row.model for row in matched]),
            Labels(
                [row.id for row in matched],
                ts_pred,
                delays(clock, **times),
                np.array(y_true, np.float64),
                np.array(y_pred, np.float64),
            ),
            decided(clock, **times),
        )
