"""Pairs of two models' predictions of one id, in slices of prediction time: what `compare` reads."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from streams.scores.comparison import Counted, PairSlices
from streams.wire.verdicts import VerdictRecord

Row = tuple[str, str, int, int, int, float, float, float, float]
"""A row of the table `pairs`."""
_N_SUMS: Final = 4
_ADD = """
INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference, model, start) DO UPDATE SET
    width = max(width, excluded.width), n = n + excluded.n,
    absolute_of_reference = absolute_of_reference + excluded.absolute_of_reference,
    absolute_of_model = absolute_of_model + excluded.absolute_of_model,
    squared_of_reference = squared_of_reference + excluded.squared_of_reference,
    squared_of_model = squared_of_model + excluded.squared_of_model
"""
_LEVELS = ((3600, 2 * 86_400.0), (86_400, 60 * 86_400.0))
"""The widths of older slices, and how old those are, in seconds."""
_IS_OLD = "SELECT 1 FROM pairs WHERE width < ? AND start < ? LIMIT 1"
_GROUPED = """
SELECT reference, model, start / :width * :width, :width, sum(n), sum(absolute_of_reference), sum(absolute_of_model),
    sum(squared_of_reference), sum(squared_of_model)
FROM pairs WHERE width < :width AND start < :until GROUP BY 1, 2, 3
"""
_READ = """
SELECT start, max(width), sum(n), sum(absolute_1), sum(squared_1), sum(absolute_2), sum(squared_2) FROM (
    SELECT start, width, n, absolute_of_reference AS absolute_1, squared_of_reference AS squared_1,
        absolute_of_model AS absolute_2, squared_of_model AS squared_2
    FROM pairs WHERE reference = :first AND model = :second
    UNION ALL
    SELECT start, width, n, absolute_of_model, squared_of_model, absolute_of_reference, squared_of_reference
    FROM pairs WHERE reference = :second AND model = :first
) WHERE start >= :start AND start < :end GROUP BY start ORDER BY start
"""
_COUNT = """
SELECT sum(n_predictions), sum(n_labels) FROM cells JOIN series USING (series)
WHERE axis = 'predicted' AND segment = '' AND model = ? AND start >= ? AND start + width <= ?
"""


def rows_of(records: Sequence[VerdictRecord], width_s: float) -> list[Row]:
    """Return what records add to slices of that width, in seconds."""
    found: dict[tuple[str, str, int], list[float]] = defaultdict(lambda: [0] * (1 + _N_SUMS))
    for one in (one for record in records if record.report for one in record.report.pairs):
        for second, *values in zip(one.seconds, one.n, *one.sums, strict=True):
            at = found[one.reference, one.model, int(second // width_s * width_s)]
            at[:] = [so_far + value for so_far, value in zip(at, values, strict=True)]
    return [(*key, int(width_s), *values) for key, values in found.items()]  # type: ignore[misc]


def add(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add rows, as part of a transaction."""
    connection.executemany(_ADD, rows)


def old(connection: sqlite3.Connection, now: float) -> list[tuple[int, float]]:
    """Return what is to be rolled up at a time: the width that slices then have, and until when, in seconds."""
    levels = [(width, (now - age_s) // width * width) for width, age_s in _LEVELS]
    return [level for level in levels if connection.execute(_IS_OLD, level).fetchone()]


def roll_up(connection: sqlite3.Connection, width: int, until: float) -> None:
    """Make slices before a time as wide as that, as part of a transaction."""
    rows = connection.execute(_GROUPED, {"width": width, "until": until}).fetchall()
    connection.execute("DELETE FROM pairs WHERE width < ? AND start < ?", (width, until))
    add(connection, rows)


def read(connection: sqlite3.Connection, first: str, second: str, start: float, end: float) -> PairSlices:
    """Return the slices of a span that hold pairs of two models, whichever of them was the reference then."""
    rows = connection.execute(_READ, {"first": first, "second": second, "start": start, "end": end}).fetchall()
    table = np.array(rows, np.float64).reshape(len(rows), 3 + _N_SUMS)
    return PairSlices(table[:, 0], table[:, 1], table[:, 2].astype(np.int64), table[:, 3:5], table[:, 5:7])


def counted(connection: sqlite3.Connection, model: str, start: float, end: float) -> Counted:
    """Return what came of a model in the slices that lie wholly in a span of prediction time."""
    n_predictions, n_labelled = connection.execute(_COUNT, (model, start, end)).fetchone()
    return Counted(n_predictions or 0, n_labelled or 0)
