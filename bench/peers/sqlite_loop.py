"""The durable loop over SQLite, Python's own: an upsert a row, and one update that returns the pairs."""

from __future__ import annotations

import sqlite3

from bench.peers import given
from bench.peers.durable_loop import Pair, Position, Row, run

_COMPLETE = "y_true IS NOT NULL AND y_pred IS NOT NULL AND NOT is_done"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS ids (
    id TEXT PRIMARY KEY, ts REAL, y_true REAL, y_pred REAL, is_done INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS complete ON ids (id) WHERE {_COMPLETE};
CREATE TABLE IF NOT EXISTS positions (topic TEXT, part INTEGER, next INTEGER, PRIMARY KEY (topic, part));
CREATE TABLE IF NOT EXISTS csv (one INTEGER PRIMARY KEY, size INTEGER);
"""
_UPSERT = """
INSERT INTO ids (id, ts, y_true, y_pred) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    ts = max(ts, excluded.ts), y_true = coalesce(y_true, excluded.y_true), y_pred = coalesce(y_pred, excluded.y_pred)
    WHERE NOT is_done
"""
_PAIRS = f"UPDATE ids SET is_done = 1 WHERE {_COMPLETE} RETURNING id, y_true, y_pred"  # noqa: S608


class SqliteStore:
    """The file, each commit of which waits for the disk."""

    def __init__(self) -> None:
        given.STATE.mkdir(exist_ok=True)
        self._db = sqlite3.connect(given.STATE / "join.sqlite")
        for pragma in ("journal_mode = wal", "synchronous = full", "cache_size = -65536"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)

    def positions(self) -> dict[Position, int]:
        """Return the offset that each partition goes on at."""
        return {(topic, part): at for topic, part, at in self._db.execute("SELECT * FROM positions")}

    def csv_bytes(self) -> int:
        """Return how long the CSV is."""
        found = self._db.execute("SELECT size FROM csv").fetchone()
        return found[0] if found else 0

    def transaction(self) -> sqlite3.Connection:
        """Keep what is done meanwhile, all of it or nothing."""
        return self._db

    def join(self, rows: list[Row]) -> list[Pair]:
        """Take rows; return the pairs that they complete."""
        self._db.executemany(_UPSERT, [(row.id, row.ts, row.y_true, row.y_pred) for row in rows])
        return self._db.execute(_PAIRS).fetchall()

    def move_on(self, positions: dict[Position, int], csv_bytes: int) -> None:
        """Keep positions and the size of the CSV."""
        moved = [(*key, at) for key, at in positions.items()]
        self._db.executemany("REPLACE INTO positions VALUES (?, ?, ?)", moved)
        self._db.execute("REPLACE INTO csv VALUES (1, ?)", (csv_bytes,))

    def forget(self, before: float) -> None:
        """Forget ids whose newest row is older than that."""
        self._db.execute("DELETE FROM ids WHERE ts < ?", (before,))


if __name__ == "__main__":
    run(SqliteStore())
