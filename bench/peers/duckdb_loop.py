"""The durable loop over DuckDB: a batch is a table, joined to what waits and to what is done already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from bench.peers import given
from bench.peers.durable_loop import Pair, Position, Row, run

_SCHEMA = """
SET threads = 2;
SET memory_limit = '1GB';
CREATE TABLE IF NOT EXISTS waiting (id VARCHAR, ts DOUBLE, y_true DOUBLE, y_pred DOUBLE);
CREATE TABLE IF NOT EXISTS done (id VARCHAR, ts DOUBLE);
CREATE TABLE IF NOT EXISTS positions (topic VARCHAR, part INTEGER, next BIGINT);
CREATE TABLE IF NOT EXISTS csv (size BIGINT);
"""
_STATES = """
CREATE OR REPLACE TEMP TABLE states AS
SELECT id, max(ts) AS ts, any_value(y_true) AS y_true, any_value(y_pred) AS y_pred
FROM (FROM waiting UNION ALL SELECT id, ts, y_true, y_pred FROM batch ANTI JOIN done USING (id))
GROUP BY id
"""
_IS_PAIR = "y_true IS NOT NULL AND y_pred IS NOT NULL"


class DuckStore:
    """The file. What waits is written anew with each batch: while little waits that is the fastest way that was found."""

    def __init__(self) -> None:
        given.STATE.mkdir(exist_ok=True)
        self._db = duckdb.connect(given.STATE / "join.duckdb")
        self._db.execute(_SCHEMA)

    def positions(self) -> dict[Position, int]:
        """Return the offset that each partition goes on at."""
        return {(topic, part): at for topic, part, at in self._db.execute("FROM positions").fetchall()}

    def csv_bytes(self) -> int:
        """Return how long the CSV is."""
        found = self._db.execute("FROM csv").fetchone()
        return found[0] if found else 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep what is done meanwhile, all of it or nothing."""
        self._db.begin()
        yield
        self._db.commit()

    def join(self, rows: list[Row]) -> list[Pair]:
        """Take rows; return the pairs that they complete."""
        columns = {
            "id": pa.array([row.id for row in rows], pa.string()),
            "ts": pa.array([row.ts for row in rows], pa.float64()),
            "y_true": pa.array([row.y_true for row in rows], pa.float64()),
            "y_pred": pa.array([row.y_pred for row in rows], pa.float64()),
        }
        self._db.register("batch", pa.table(columns))
        self._db.execute(_STATES)
        self._db.execute("TRUNCATE waiting")
        self._db.execute(f"INSERT INTO waiting FROM states WHERE NOT ({_IS_PAIR})")
        self._db.execute(f"INSERT INTO done SELECT id, ts FROM states WHERE {_IS_PAIR}")  # noqa: S608
        return self._db.execute(f"SELECT id, y_true, y_pred FROM states WHERE {_IS_PAIR}").fetchall()  # noqa: S608

    def move_on(self, positions: dict[Position, int], csv_bytes: int) -> None:
        """Keep positions and the size of the CSV."""
        self._db.execute("TRUNCATE positions")
        self._db.executemany("INSERT INTO positions VALUES (?, ?, ?)", [(*key, at) for key, at in positions.items()])
        self._db.execute("TRUNCATE csv")
        self._db.execute("INSERT INTO csv VALUES (?)", [csv_bytes])

    def forget(self, before: float) -> None:
        """Forget ids whose newest row is older than that."""
        for table in ("waiting", "done"):
            self._db.execute(f"DELETE FROM {table} WHERE ts < ?", [before])  # noqa: S608


if __name__ == "__main__":
    run(DuckStore())
