"""The figures of the worker that writes insight.db: one question after the other, in a thread of their own."""

from __future__ import annotations

import time
from pathlib import Path

from agents.insight.database import NAME, InsightError
from agents.insight.query import Asked, Query
from streams.process.own_thread import OwnThread
from streams.scores.figures import Figures


class NoFigures(InsightError):
    """There is no insight.db yet: it is created with the first prediction or label."""


class Answers:
    """Answers questions from the file of a directory, whoever writes it; a file that was replaced is opened again."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._thread = OwnThread("figures")
        self._query: Query | None = None
        self._inode: tuple[int, int] | None = None

    async def figures(self, asked: Asked) -> Figures:
        """Answer one question.

        Raises:
            NoFigures: there is no file yet.
            InsightError: it cannot be read; the message says why.
        """
        return await self._thread.do(lambda: self.look(asked))

    def look(self, asked: Asked) -> Figures:
        """Answer one question, and wait for the disk. One thread at a time.

        Raises:
            InsightError: as `figures`.
        """
        query = self._opened()
        try:
            return query.figures(asked, time.time())
        except InsightError:
            self.close()
            raise

    def _opened(self) -> Query:
        try:
            found = self._path.stat()
        except OSError:
            self.close()
            raise NoFigures(NoFigures.__doc__) from None
        inode = (found.st_dev, found.st_ino)
        if self._query is None or inode != self._inode:
            self.close()
            self._query, self._inode = Query.open(self._path), inode
        return self._query

    def close(self) -> None:
        """Let go of the file."""
        if self._query is not None:
            self._query.close()
            self._query = None
