"""Pairs of two models' predictions of one id, in slices of prediction time: what `compare` reads.

Of all ids together, with an empty segment; and of those of each segment by tags, in wider slices.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from agents.insight.series import Kind
from streams.scores.comparison import Counted
from streams.scores.pair_slices import PairSlices
from streams.wire.verdicts import Pairs, VerdictRecord

Row = tuple[str, str, str, int, int, int, float, float, float, float]
"""A row of the table `pairs`."""
SegmentsOf = Callable[[Pairs], Mapping[str, float]]
"""Tells the segments that pairs are of, and from when on each of them counts (UTC epoch seconds)."""
_N_SUMS: Final = 4
_ADD = """
INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference, model, segment, start) DO UPDATE SET
    width = max(width, excluded.width), n = n + excluded.n,
    absolute_of_reference = absolute_of_reference + excluded.absolute_of_reference,
    absolute_of_model = absolute_of_model + excluded.absolute_of_model,
    squared_of_reference = squared_of_reference + excluded.squared_of_reference,
    squared_of_model = squared_of_model + excluded.squared_of_model
"""
_LEVELS: Mapping[Kind, Sequence[tuple[int, float]]] = {
    "whole": ((3600, 2 * 86_400.0), (86_400, 60 * 86_400.0)),
    "segment": ((3600, 86_400.0), (86_400, 14 * 86_400.0)),
}
"""The widths of older slices, and how old those are, in seconds."""
_OLD = "FROM pairs WHERE width < :width AND start < :until AND (segment = '') = :is_whole"
_GROUPED = f"""
SELECT reference, model, segment, start / :width * :width, :width, sum(n), sum(absolute_of_reference),
    sum(absolute_of_model), sum(squared_of_reference), sum(squared_of_model)
{_OLD} GROUP BY 1, 2, 3, 4
"""
_BOTH_WAYS = """
    SELECT segment, start, width, n, absolute_of_reference AS absolute_1, squared_of_reference AS squared_1,
        absolute_of_model AS absolute_2, squared_of_model AS squared_2
    FROM pairs WHERE reference = :first AND model = :second AND {of}
    UNION ALL
    SELECT segment, start, width, n, absolute_of_model, squared_of_model, absolute_of_reference, squared_of_reference
    FROM pairs WHERE reference = :second AND model = :first AND {of}
"""
_READ = f"""
SELECT segment, start, max(width), sum(n), sum(absolute_1), sum(squared_1), sum(absolute_2), sum(squared_2)
FROM ({_BOTH_WAYS}) WHERE start >= :start AND start < :end GROUP BY segment, start ORDER BY segment, start
"""  # noqa: S608
_WHOLE = _READ.format(of="segment = ''")
_BY_KEY = _READ.format(of="substr(segment, 1, length(:prefix)) = :prefix")
_COUNT = """
SELECT sum(n_predictions), sum(n_labels) FROM cells JOIN series USING (series)
WHERE axis = 'predicted' AND segment = '' AND model = ? AND start >= ? AND start + width <= ?
"""


def of_all(_pairs: Pairs) -> Mapping[str, float]:
    """Return the one segment that all pairs are of."""
    return {"": 0.0}


def rows_of(records: Sequence[VerdictRecord], width_s: float, segments_of: SegmentsOf = of_all) -> list[Row]:
    """Return what records add to slices of that width, in seconds."""
    found: dict[tuple[str, str, str, int], list[float]] = defaultdict(lambda: [0] * (1 + _N_SUMS))
    for one in pairs_of(records):
        segments = segments_of(one)
        for second, *values in zip(one.seconds, one.n, *one.sums, strict=True):
            start = int(second // width_s * width_s)
            for segment, since in segments.items():
                if second >= since:
                    at = found[one.reference, one.model, segment, start]
                    at[:] = [so_far + value for so_far, value in zip(at, values, strict=True)]
    return [(*key, int(width_s), *values) for key, values in found.items()]  # type: ignore[misc]


def pairs_of(records: Iterable[VerdictRecord]) -> Iterable[Pairs]:
    """Yield the pairs that records report."""
    return (one for record in records if record.report for one in record.report.pairs)


def add(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add rows, as part of a transaction."""
    connection.executemany(_ADD, rows)


class Old:
    """Slices that are to be as wide as `width`: those before a time, of all or of segments."""

    def __init__(self, kind: Kind, width: int, until: float) -> None:
        self.where = {"width": width, "until": until, "is_whole": kind == "whole"}

    def exists(self, connection: sqlite3.Connection) -> bool:
        """Tell whether there are any."""
        return connection.execute(f"SELECT 1 {_OLD} LIMIT 1", self.where).fetchone() is not None

    def roll_up(self, connection: sqlite3.Connection) -> None:
        """Make them as wide, as part of a transaction."""
        rows = connection.execute(_GROUPED, self.where).fetchall()
        connection.execute(f"DELETE {_OLD}", self.where)
        add(connection, rows)


def old(connection: sqlite3.Connection, now: float) -> list[Old]:
    """Return what is to be rolled up at a time."""
    found = [Old(kind, width, (now - age_s) // width * width) for kind, of in _LEVELS.items() for width, age_s in of]
    return [one for one in found if one.exists(connection)]


def read(connection: sqlite3.Connection, first: str, second: str, start: float, end: float) -> PairSlices:
    """Return the slices of a span that hold pairs of two models, whichever of them was the reference then."""
    rows = connection.execute(_WHOLE, {"first": first, "second": second, "start": start, "end": end}).fetchall()
    return _slices(rows)


def read_segments(
    connection: sqlite3.Connection, first: str, second: str, key: str, start: float, end: float
) -> dict[str, PairSlices]:
    """Return the same of each segment of a key, by its name."""
    asked = {"first": first, "second": second, "prefix": f"{key}:", "start": start, "end": end}
    found: dict[str, list[tuple[float, ...]]] = {}
    for row in connection.execute(_BY_KEY, asked):
        found.setdefault(row[0], []).append(row)
    return {name: _slices(rows) for name, rows in found.items()}


def _slices(rows: Sequence[tuple[float, ...]]) -> PairSlices:
    table = np.array([row[1:] for row in rows], np.float64).reshape(len(rows), 3 + _N_SUMS)
    return PairSlices(table[:, 0], table[:, 1], table[:, 2].astype(np.int64), table[:, 3:5], table[:, 5:7])


def counted(connection: sqlite3.Connection, model: str, start: float, end: float) -> Counted:
    """Return what came of a model in the slices that lie wholly in a span of prediction time."""
    n_predictions, n_labelled = connection.execute(_COUNT, (model, start, end)).fetchone()
    return Counted(n_predictions or 0, n_labelled or 0)
