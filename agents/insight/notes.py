"""What is kept in insight.db beside the figures, under names: by any process, on a connection of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agents.insight.database import InsightError, connect, translated
from streams.scores.figures import Mark


class NoFile(InsightError):
    """There is no insight.db yet: it is created with the first prediction or label."""


class OtherWriter(InsightError):
    """Another worker writes insight.db since."""


class Notes:
    """The table `state`. It waits for the disk: call it in a thread."""

    def __init__(self, path: Path) -> None:
        """Take the path of the file, which need not be there yet."""
        self._path = path

    def read(self, name: str) -> bytes | None:
        """Return what was kept under a name, None if nothing was.

        Raises:
            NoFile: there is no file yet.
            Busy, Damaged, Unwritable: it cannot be read.
        """
        with self._connected() as connection:
            found = connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
            return bytes(found[0]) if found else None

    def writer(self) -> str:
        """Return who writes the file: another name each time that a worker opens it.

        Raises:
            NoFile, Busy, Damaged, Unwritable: as `read`.
        """
        with self._connected() as connection:
            return _writer(connection)

    def write(self, name: str, value: bytes | None, *, writer: str | None = None) -> None:
        """Keep something under a name, or nothing any more.

        Args:
            writer: only if this is still who writes the file.

        Raises:
            OtherWriter: it is not; nothing was written.
            NoFile, Busy, Damaged, Unwritable: as `read`.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if writer is not None and _writer(connection) != writer:
                connection.execute("ROLLBACK")
                raise OtherWriter(OtherWriter.__doc__)
            if value is None:
                connection.execute("DELETE FROM state WHERE name = ?", (name,))
            else:
                connection.execute("REPLACE INTO state VALUES (?, ?)", (name, value))
            connection.execute("COMMIT")

    def mark(self, mark: Mark) -> None:
        """Keep what happened, for charts to show it.

        Raises:
            NoFile, Busy, Damaged, Unwritable: as `read`.
        """
        with self._connected() as connection, connection:
            connection.execute("INSERT INTO marks VALUES (?, ?, ?)", (mark.at, mark.kind, mark.text))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            raise NoFile(NoFile.__doc__)
        with translated(self._path), closing(connect(self._path)) as connection:
            yield connection


def _writer(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT value FROM meta WHERE name = 'writer'").fetchone()
    return str(found[0]) if found else ""
