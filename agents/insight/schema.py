"""The tables of insight.db, documented in docs/insight.md. Whoever changes them raises VERSION and converts."""

from __future__ import annotations

from streams.scores.cells import COUNTS
from streams.scores.losses import LOSSES

VERSION = 3
"""Version 1 had no pairs, and version 2 none by segment."""
APPLICATION_ID = 0x48534954
"""Tells this file from any other SQLite file."""
TOTALS = (*(loss.name for loss in LOSSES), "error", "truth")
"""Sums over all delays that stand in columns of their own, for people."""
FIGURES = ("series", "start", "width", *COUNTS, "error_min", "error_max", "labels", "sums")
DETAILS = ("errors", "worst")
FOR_PEOPLE = ("n_labels", *(f"sum_{name}" for name in TOTALS))
CELL_COLUMNS = FIGURES + DETAILS + FOR_PEOPLE
_INTEGERS = "".join(f"    {name} INTEGER NOT NULL,\n" for name in (*COUNTS, "n_labels"))
_REALS = "".join(f"    sum_{name} REAL,\n" for name in TOTALS)


FRAME_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
    log TEXT NOT NULL, "partition" INTEGER NOT NULL, "offset" INTEGER NOT NULL, PRIMARY KEY (log, "partition")
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gaps (start REAL NOT NULL, "end" REAL NOT NULL, why TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS marks (at REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rolled (kind TEXT NOT NULL, width INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (kind, width));
CREATE TABLE IF NOT EXISTS pairs (
    reference TEXT NOT NULL, model TEXT NOT NULL, segment TEXT NOT NULL,
    start INTEGER NOT NULL, width INTEGER NOT NULL, n INTEGER NOT NULL,
    absolute_of_reference REAL NOT NULL, absolute_of_model REAL NOT NULL,
    squared_of_reference REAL NOT NULL, squared_of_model REAL NOT NULL,
    PRIMARY KEY (reference, model, segment, start)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (
    series INTEGER PRIMARY KEY,
    axis TEXT NOT NULL, model TEXT NOT NULL, segment TEXT NOT NULL,
    UNIQUE (axis, model, segment)
);
"""
FROM_VERSION_2 = """
CREATE TABLE pairs_of_all AS SELECT * FROM pairs;
DROP TABLE pairs;
"""
"""What keeps the pairs of a file of version 2 while FRAME_TABLES makes their table anew; `PAIRS_OF_ALL` puts them back."""
PAIRS_OF_ALL = """
INSERT INTO pairs SELECT reference, model, '', start, width, n, absolute_of_reference, absolute_of_model,
    squared_of_reference, squared_of_model FROM pairs_of_all;
DROP TABLE pairs_of_all;
"""
_CELLS = f"""
CREATE TABLE IF NOT EXISTS cells (
    series INTEGER NOT NULL REFERENCES series, start INTEGER NOT NULL, width INTEGER NOT NULL,
{_INTEGERS}{_REALS}    error_min REAL, error_max REAL,
    labels TEXT NOT NULL, sums BLOB NOT NULL, errors BLOB NOT NULL, worst TEXT NOT NULL,
    PRIMARY KEY (series, start)
);
CREATE INDEX IF NOT EXISTS cell_counts ON cells (series, start, width, n_labels, {", ".join(COUNTS)});
"""
_VIEWS = """
CREATE VIEW IF NOT EXISTS scores AS
    SELECT datetime(start, 'unixepoch') AS "from", width AS seconds, axis, model, segment, n_predictions, n_labels,
        sum_absolute / n_labels AS mae, sum_squared / n_labels AS mean_square, sum_error / n_labels AS bias,
        error_min, error_max
    FROM cells JOIN series USING (series);
CREATE VIEW IF NOT EXISTS delays AS
    SELECT start, model, n_predictions, bin.key AS bin, ends.value AS within_s, bin.value AS n_labels
    FROM cells JOIN series USING (series), json_each(labels) AS bin
        JOIN json_each((SELECT value FROM meta WHERE name = 'delay_ends')) AS ends ON ends.key = bin.key
    WHERE axis = 'predicted' AND segment = '';
CREATE VIEW IF NOT EXISTS worst_errors AS
    SELECT json_extract(label.value, '$[0]') AS id, json_extract(label.value, '$[1]') AS y_true,
        json_extract(label.value, '$[2]') AS y_pred,
        abs(json_extract(label.value, '$[2]') - json_extract(label.value, '$[1]')) AS absolute_error,
        datetime(start, 'unixepoch') AS "from", axis, model, segment
    FROM cells JOIN series USING (series), json_each(worst) AS label;
"""
CELL_TABLES = _CELLS + _VIEWS
CELL_NAMES = ("VIEW scores", "VIEW delays", "VIEW worst_errors", "TABLE cells")
"""What CELL_TABLES makes, in the order in which it can be dropped."""
