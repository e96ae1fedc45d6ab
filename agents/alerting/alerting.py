"""Alerts: at each look all rules are held against the figures; what follows is written down, then sent."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import aiohttp
import msgspec

from agents.alerting import receivers
from agents.alerting.couriers import AlertmanagerCourier, Courier, WebhookCourier
from agents.alerting.post import TIMEOUT_S
from streams.alerts import words
from streams.alerts.book import Book, Event, Notice, Undelivered
from streams.alerts.readings import Reading
from streams.alerts.rules import Alerts, Rule
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.scores.verdict import Verdict

logger = logging.getLogger("hindsight.alerts")
EVERY_S = 10.0
"""How often the rules are looked at."""
LONG_S = 60.0
"""What was found longer ago is not what is so now."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Book).decode


class CannotKeep(Exception):
    """The book cannot be read or written now; the message is a sentence."""


class NotYet(CannotKeep):
    """There is nothing to keep it in before the first row has come."""


class NotOurs(CannotKeep):
    """Another worker keeps the book now."""


class Keeper(Protocol):
    """Where the book lasts. Both raise CannotKeep, and NotOurs once another worker has it."""

    async def load(self) -> bytes | None:
        """Return what was saved last, None if nothing was."""

    async def save(self, book: bytes) -> None:
        """Keep it, whatever dies afterwards."""


class Reads(Protocol):
    """Who knows what rules are held against. `verdict` is on the model, as of the last look."""

    verdict: Verdict | None

    async def refresh(self) -> None:
        """Do what is to be done at each look, rules or no rules; raises nothing."""

    async def readings(self, rules: Sequence[Rule]) -> Mapping[str, Reading]:
        """Return what each rule is held against now, by its name; raises nothing."""


class Alerting:
    """The rules of a file, looked at by the one worker that owns the figures.

    `book` is how all alerts stand, None while this worker does not own them.
    """

    def __init__(
        self,
        alerts: Alerts,
        keeper: Keeper,
        looking: Reads,
        *,
        source: str,
        is_mine: Callable[[], bool],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.alerts, self._problem, self._looked_mono = alerts, "", time.monotonic()
        self.book: Book | None = None
        self._kept: Book | None = None
        """What is on disk: only that is sent."""
        self._last_told: dict[str, Notice] = {}
        self._keeper, self.looking, self._source, self._is_mine = keeper, looking, source, is_mine
        self.readings: Mapping[str, Reading] = {}
        """What the rules were held against at the last look, by their names."""
        self._webhooks = [WebhookCourier(each, timeout_s) for each in alerts.webhooks]
        self._alertmanagers = [AlertmanagerCourier(each, timeout_s) for each in alerts.alertmanagers]
        self._saving = asyncio.Lock()

    @property
    def couriers(self) -> Sequence[Courier]:
        """Those who carry notices, one for each receiver."""
        return (*self._webhooks, *self._alertmanagers)

    @property
    def problem(self) -> str:
        """Why the rules are not looked at now, or what follows is not kept; empty if all is well."""
        since_s = time.monotonic() - self._looked_mono
        if since_s > LONG_S:
            return (
                f"The rules have not been looked at for {since_s:.0f} s: the disk is at work, or the worker is held up."
            )
        return self._problem

    @property
    def verdict(self) -> Verdict | None:
        """How the model does, as of the last look; None where another worker looks, or before the first."""
        if self.looking.verdict is not None and self.problem:
            return Verdict("cannot tell", f"Nothing can be said of the error now. {self.problem}")
        return self.looking.verdict

    def firing(self) -> list[str]:
        """Return a sentence for each alert that has fired and is not resolved; none where another worker looks at them."""
        book = self.book
        if book is None or not self._is_mine():
            return []
        return [
            words.standing(name, state, book.latest[name].sentence)
            for name, state in book.states.items()
            if state.is_active and name in book.latest
        ]

    async def run(self, every_s: float = EVERY_S) -> None:
        """Look and send, for as long as the worker runs."""
        client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        async with client as session, asyncio.TaskGroup() as tasks:
            for webhook in self._webhooks:
                tasks.create_task(webhook.run(session, self._first, self._settle))
            for alertmanager in self._alertmanagers:
                tasks.create_task(alertmanager.run(session, self._told))
            while True:
                await asyncio.sleep(every_s)  # at first nobody knows yet whether the bridge answers
                await self.look()

    async def look(self) -> None:
        """Look at all rules once, if this worker owns the figures."""
        if not self._is_mine():
            self.let_go()
            self._looked_mono = time.monotonic()
            return
        await self.looking.refresh()
        try:
            before = self.book or await self._loaded()
            self.readings, now = await self.looking.readings(self.alerts.rules), time.time()
            self.book = (self.book or before).looked(
                self.alerts.rules,
                self.readings,
                now,
                source=self._source,
                receivers=[receivers.key(webhook.receiver) for webhook in self._webhooks],
            )
            _log([event for event in self.book.events if event.at == now])
            await self._save()
        except (NotOurs, NotYet):
            self.let_go()
        except CannotKeep as exc:
            self._say(str(exc))
        else:
            self._problem = ""
            self._wake_couriers()
        self._looked_mono = time.monotonic()

    def _wake_couriers(self) -> None:
        """Let webhooks see what waits; an Alertmanager is told each minute, and at once what is new."""
        told = self._kept.latest if self._kept else {}
        awake: list[Courier] = [*self._webhooks, *(self._alertmanagers if told != self._last_told else [])]
        self._last_told = told
        for courier in awake:
            courier.wake.set()

    def let_go(self) -> None:
        """Forget the book: it is another worker's now, who sends what is still to be sent."""
        self.book = self._kept = self.looking.verdict = None
        self._last_told, self._problem = {}, ""

    async def _loaded(self) -> Book:
        kept = await self._keeper.load()
        try:
            self._kept = Book() if kept is None else _decode(kept)
        except msgspec.MsgspecError as exc:
            logger.error("What was kept of alerts cannot be read, and begins anew: %s", exc, extra=NEVER_HELD_BACK)
            self._kept = Book()
        return self._kept

    async def _save(self) -> None:
        async with self._saving:
            book = self.book
            if book is not None:
                await self._keeper.save(_encode(book))
                self._kept = book if self.book is not None else None

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            logger.warning("Alerts are not looked at: %s", problem, extra=NEVER_HELD_BACK)
        self._problem = problem

    def _first(self, receiver: str) -> Undelivered | None:
        waiting = self._kept.undelivered if self._kept and self._is_mine() else []
        return next((each for each in waiting if each.receiver == receiver), None)

    async def _settle(self, settled: Undelivered) -> None:
        if self.book is None or self._kept is None:
            return
        self.book, self._kept = self.book.without(settled), self._kept.without(settled)
        try:
            await self._save()
        except CannotKeep as exc:
            self._say(str(exc))

    def _told(self) -> list[Notice]:
        return self._kept.told(time.time()) if self._kept and self._is_mine() else []


def _log(events: Sequence[Event]) -> None:
    """Log what happened at one look: alerts of one cause that stand alike are one line."""
    alike: dict[tuple[str, str, bool], list[Event]] = {}
    for event in events:
        alike.setdefault((event.cause or event.rule, event.name, event.is_loud), []).append(event)
    for first, *others in alike.values():
        said = " ".join([first.sentence, *(f"Of the same cause, {each.rule}: {each.sentence}" for each in others)])
        level = logging.WARNING if first.is_loud else logging.INFO
        logger.log(level, "Alert %s: %s. %s", first.rule, first.name, said, extra=NEVER_HELD_BACK)
