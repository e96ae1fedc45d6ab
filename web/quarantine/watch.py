"""Whether rows come that cannot be read: said in the log, on /readyz and on the pages, so that nobody takes them for none."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from streams.process.log_throttle import NEVER_HELD_BACK
from streams.wire.refusals import RECENT_S, Refusals
from web.quarantine.newest import Quarantine, QuarantineUnavailable
from web.quarantine.resolved import Resolved

logger = logging.getLogger("hindsight.quarantine")
LOOK_EVERY_S, REMIND_S = 3.0, 300.0
HOW = "`faust -A streams quarantine list` and the page /quarantine show them."


class Ends(Protocol):
    """What is known of the topic `quarantine`."""

    resolved: Resolved

    def quarantined(self) -> int | None:
        """Return how many records nobody has dealt with; None while unknown."""


class Watch:
    """Keeps `sentences`, one for each kind of rows that cannot be read, and logs what is new in them."""

    def __init__(self, quarantine: Quarantine, ends: Ends, sentences: list[str]):
        self._quarantine, self._ends = quarantine, ends
        self._sentences = sentences
        self._said: dict[str, tuple[float, float]] = {}

    async def run(self) -> None:
        """Look, for as long as the worker runs."""
        while True:
            with suppress(QuarantineUnavailable):  # that Kafka is away is said elsewhere, and what is known stays true
                self.take(await self._refusals(), time.time())
            await asyncio.sleep(LOOK_EVERY_S)

    async def _refusals(self) -> list[Refusals]:
        """Return what nobody has dealt with; the topic is read only where it holds any."""
        return await self._quarantine.refusals(self._ends.resolved.found) if self._ends.quarantined() else []

    def take(self, refusals: Sequence[Refusals], now: float) -> None:
        """Say what came lately: in the log at once where it is new, and every few minutes for as long as more come."""
        recent = [one for one in refusals if now - one.at < RECENT_S]
        self._sentences[:] = [f"{one.sentence()}." for one in recent]
        for one, sentence in zip(recent, self._sentences, strict=True):
            said_at, newest_at = self._said.get(one.kind, (float("-inf"), float("-inf")))
            if one.at > newest_at and now - said_at >= REMIND_S:
                logger.warning("%s %s", sentence, HOW, extra=NEVER_HELD_BACK)
                self._said[one.kind] = (now, one.at)
