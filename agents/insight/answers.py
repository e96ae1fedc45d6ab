"""The figures of the worker that writes insight.db: one question after the other, in a thread of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from agents.insight.database import NAME, InsightError, translated
from agents.insight.query import Asked, AskedPair, AskedSegments, Query, Total, of_nothing
from streams.process.own_thread import OwnThread
from streams.scores.breakdown import Breakdown
from streams.scores.comparison import Comparison, nothing
from streams.scores.figures import Figures
from streams.scores.rank import Rank

T = TypeVar("T")


class Answers:
    """Answers questions from the file of a directory, whoever writes it; a file that was replaced is opened again."""

    def __init__(self, directory: Path, window_s: float, late: Callable[[], str] = lambda: "") -> None:
        """Take the directory, and the join's window for as long as there is no file that says it.

        `late` says why not all that was decided is counted in the file; an empty string if it is.
        """
        self._window_s, self._late = window_s, late
        self._path = directory / NAME
        self._thread = OwnThread("figures")
        self._query: Query | None = None
        self._inode: tuple[int, int] | None = None

    async def figures(self, asked: Asked) -> Figures:
        """Answer one question; nothing has come yet while there is no file.

        Raises:
            InsightError: the file cannot be read; the message says why.
        """
        return await self._thread.do(lambda: self.look(asked))

    async def rank(self, asked: Asked, size: float, row_id: str) -> Rank | None:
        """Return how an error of some size, that of an id, stands among the errors of a span; None if there is no file.

        Raises:
            InsightError: as `figures`.
        """
        now = time.time()
        return await self._thread.do(
            lambda: self._asked(lambda query: query.rank(asked, size, row_id, now), lambda: None)
        )

    async def breakdown(self, asked: AskedSegments) -> Breakdown | None:
        """Return the segments of a key; None while there is no file.

        Raises:
            InsightError: as `figures`.
        """
        return await self._thread.do(lambda: self.look_at_segments(asked))

    def look_at_segments(self, asked: AskedSegments) -> Breakdown | None:
        """Return the segments of a key, and wait for the disk. One thread at a time.

        Raises:
            InsightError: as `figures`.
        """
        late, now = self._late(), time.time()
        return self._asked(lambda query: query.breakdown(asked, now, late), lambda: None)

    async def comparison(self, asked: AskedPair) -> Comparison:
        """Compare two models.

        Raises:
            InsightError: as `figures`.
        """
        return await self._thread.do(lambda: self.look_at_pair(asked))

    def look_at_pair(self, asked: AskedPair) -> Comparison:
        """Compare two models, and wait for the disk. One thread at a time.

        Raises:
            InsightError: as `figures`.
        """
        now = time.time()
        return self._asked(lambda query: query.comparison(asked, now), lambda: nothing(asked.first, asked.second))

    async def totals(self, most: int) -> list[Total]:
        """Return what is kept of each model, of so many at the most: those that came first.

        Raises:
            InsightError: as `figures`.
        """
        return await self._thread.do(lambda: self._asked(lambda query: query.totals(time.time(), most), list))

    async def do(self, work: Callable[[], T]) -> T:
        """Return what `work` does in the thread of the answers, where it may `look`.

        Raises:
            what `work` raises.
        """
        return await self._thread.do(work)

    def look(self, asked: Asked) -> Figures:
        """Answer one question, and wait for the disk. One thread at a time.

        Raises:
            InsightError: as `figures`.
        """
        late, now = self._late(), time.time()
        return self._asked(
            lambda query: query.figures(asked, now, late), lambda: of_nothing(asked, self._window_s, now)
        )

    def now(self, wall_now: float) -> float | None:
        """Return what time it is by the clock of the delays, None if it is not known; waits for the disk, as `look`.

        Raises:
            InsightError: as `figures`.
        """
        return self._asked(lambda query: query.now(wall_now), lambda: wall_now)

    def _asked(self, ask: Callable[[Query], T], nothing: Callable[[], T]) -> T:
        query = self._opened()
        if query is None:
            return nothing()
        try:
            return ask(query)
        except InsightError:
            self.close()
            raise

    def _opened(self) -> Query | None:
        """Return what answers, None if there is no file: nothing has come yet."""
        with translated(self._path):
            if not self._path.exists():
                self.close()
                return None
            found = self._path.stat()
        inode = (found.st_dev, found.st_ino)
        if self._query is None or inode != self._inode or not self._query.is_current():
            self.close()
            self._query, self._inode = Query.open(self._path), inode
        return self._query

    def close(self) -> None:
        """Let go of the file."""
        if self._query is not None:
            self._query.close()
            self._query = None
