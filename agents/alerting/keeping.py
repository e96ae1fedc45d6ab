"""The book of alerts, kept in insight.db by the worker that writes it."""

from __future__ import annotations

from agents.alerting.alerting import CannotKeep, NotOurs, NotYet
from agents.insight.database import InsightError
from agents.insight.notes import NoFile, Notes, OtherWriter
from agents.insight.query import ALERTS
from streams.process.own_thread import OwnThread


class InInsight:
    """A Keeper: what one worker wrote, no other overwrites without having read it."""

    def __init__(self, notes: Notes, thread: OwnThread) -> None:
        """Take a thread in which the disk is waited for."""
        self._notes, self._thread = notes, thread
        self._writer: str | None = None

    async def load(self) -> bytes | None:
        """Return what was saved last, and take the book over."""
        return await self._thread.do(self._load)

    async def save(self, book: bytes) -> None:
        """Keep the book, if nobody has taken it over since it was loaded."""
        await self._thread.do(lambda: self._save(book))

    def _load(self) -> bytes | None:
        try:
            self._writer = self._notes.writer()
            return self._notes.read(ALERTS)
        except NoFile as exc:
            raise NotYet(str(exc)) from exc
        except InsightError as exc:
            raise CannotKeep(str(exc)) from exc

    def _save(self, book: bytes) -> None:
        try:
            self._notes.write(ALERTS, book, writer=self._writer)
        except OtherWriter as exc:
            raise NotOurs(str(exc)) from exc
        except InsightError as exc:
            raise CannotKeep(str(exc)) from exc
