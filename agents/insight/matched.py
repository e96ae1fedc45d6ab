"""Matched verdicts as columns, and those without the other side: read once from the rows, for all that is counted of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, compress
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from streams.scores.delay import Clock, Ints, decided, delays
from streams.scores.histogram import Floats
from streams.scores.labels import Labels
from streams.wire.verdicts import Verdict, VerdictRecord

T = TypeVar("T")


class Coded(NamedTuple, Generic[T]):
    """A column: its different values, and which of them each row has."""

    values: Sequence[T]
    code: Ints

    @classmethod
    def of(cls, column: Sequence[T]) -> Coded[T]:
        """Take the values of all rows."""
        if not column or column.count(column[0]) == len(column):  # mostly: ten times as fast
            return cls(column[:1], np.zeros(len(column), np.int64))
        number = {value: i for i, value in enumerate(dict.fromkeys(column))}
        return cls(list(number), np.array([number[value] for value in column], np.int64))


class _Ids(Sequence[str]):
    """The ids of rows, each read where it is asked for: of thousands, the ten of the worst labels are."""

    def __init__(self, rows: Sequence[Verdict]) -> None:
        self._rows = rows

    def __getitem__(self, i: int) -> str:  # type: ignore[override]
        return self._rows[i].id

    def __len__(self) -> int:
        return len(self._rows)


class Matched(NamedTuple):
    """Predictions that have their label, by the time of the prediction, and when each pair was decided (UTC epoch seconds).

    `lone` are the rows beside them that ended without the other side.
    """

    rows: Sequence[Verdict]
    lone: Sequence[Verdict]
    models: Coded[str | None]
    labels: Labels
    decided: Floats

    @classmethod
    def of(cls, records: Sequence[VerdictRecord], clock: Clock) -> Matched:
        """Take the rows of records; all rows of one were decided at once."""
        rows = list(chain.from_iterable([record.rows for record in records]))
        with_rows = [record.rows for record in records if record.rows]
        at = np.repeat(np.array([rows[0].at for rows in with_rows], np.float64), list(map(len, with_rows)))
        verdicts = [row.verdict for row in rows]
        matched, lone = rows, []
        if verdicts.count("matched") < len(rows):
            is_matched = [verdict == "matched" for verdict in verdicts]
            matched, lone = list(compress(rows, is_matched)), [row for row in rows if row.verdict != "matched"]
            at = at[np.array(is_matched, np.bool_)]
        ts_pred = np.array([row.ts_pred for row in matched], np.float64)
        ts_true = at if clock == "arrival" else np.array([row.ts_true for row in matched], np.float64)
        times = {"ts_true": ts_true, "ts_pred": ts_pred, "at": at}
        y_true, y_pred = [row.y_true for row in matched], [row.y_pred for row in matched]
        return cls(
            matched,
            lone,
            Coded.of([row.model for row in matched]),
            Labels(
                _Ids(matched),
                ts_pred,
                delays(clock, **times),
                np.array(y_true, np.float64),
                np.array(y_pred, np.float64),
            ),
            decided(clock, **times),
        )
