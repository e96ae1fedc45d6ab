"""All facts of all ids, in a temporary file: gathered in any order, given back id by id, in bounded memory."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

TRUE: Final = 0
"""A row of y_true in Kafka: `a` is its value."""
PRED: Final = 1
"""A row of y_pred in Kafka: `a` is its value."""
WAITING: Final = 2
"""The decision log says that the id began to wait."""
DECIDED: Final = 3
"""A verdict in the decision log. `a`, `b`: y_true and y_pred of a matched one, value and ts of an unmatched one."""
SENT: Final = 4
"""A verdict in the topic `metric`, as DECIDED."""
WRITTEN: Final = 5
"""A row of a CSV file, as DECIDED."""
FEATURES: Final = 6
"""A row of features in Kafka that our model must have answered."""
ANSWERED: Final = 7
"""What our model may have made of a row of features: a prediction that is no PRED, or a refusal in quarantine."""

CACHE_KB = 64_000
BATCH = 20_000


class Fact(NamedTuple):
    """One thing that is known of an id. `offset` is of the decision log, or of the input; -1 where there is none."""

    id: str
    kind: int
    verdict: str
    a: float
    b: float
    partition: int
    offset: int
    model: str = ""
    """Whose state of the id it is of (see `listings`): of a verdict, the model that it names; else empty for the base."""
    in_files: bool = True
    """Of a verdict: whether the CSV files are to have it."""


class Facts:
    """The facts. The file has no name and vanishes with the process (TMPDIR says where it is)."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.executescript(
            f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{CACHE_KB};"
            "CREATE TABLE fact(id TEXT, kind INTEGER, verdict TEXT, a REAL, b REAL, part INTEGER, at INTEGER,"
            "model TEXT, in_files INTEGER);"
            "CREATE TABLE unread(source TEXT, digest BLOB, at REAL, n INTEGER);"
        )
        self._new: list[Fact] = []

    def add(self, facts: Iterable[Fact]) -> None:
        """Keep facts."""
        self._new += facts
        if len(self._new) >= BATCH:
            self._flush()

    def count(self) -> int:
        """Return how many facts there are."""
        self._flush()
        n: int = self._db.execute("SELECT count(*) FROM fact").fetchone()[0]
        return n

    def by_id(self) -> Iterator[tuple[str, list[Fact]]]:
        """Yield each id with all its facts, in the order of their kinds."""
        self._flush()
        found = map(Fact._make, self._db.execute("SELECT * FROM fact ORDER BY id, kind"))
        for row_id, facts in groupby(found, key=attrgetter("id")):
            yield row_id, list(facts)

    def expect_in_quarantine(self, source: str, raw: bytes, at: float) -> None:
        """Keep that an unreadable row, which came `at` (UTC epoch seconds), must be in quarantine."""
        self._db.execute("INSERT INTO unread VALUES (?, ?, ?, 1)", (source, _digest(raw), at))

    def is_in_quarantine(self, source: str, raw: bytes) -> None:
        """Keep that an unreadable row is in quarantine."""
        self._db.execute("INSERT INTO unread VALUES (?, ?, NULL, -1)", (source, _digest(raw)))

    def n_expected(self, since: float) -> int:
        """Return how many unreadable rows that came since then must be in quarantine."""
        n: int = self._db.execute("SELECT count(*) FROM unread WHERE at >= ?", (since,)).fetchone()[0]
        return n

    def not_in_quarantine(self, since: float) -> list[tuple[str, int]]:
        """Return the sources of unreadable rows that came since then and are not there, each with how many are missing."""
        found = self._db.execute(
            "SELECT source, sum(n) FROM unread GROUP BY source, digest HAVING sum(n) > 0 AND max(at) >= ?", (since,)
        )
        return [(source, n) for source, n in found]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._new)
        self._new.clear()


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
