"""Who carries notices: a task for each receiver, so that one that is slow or away holds up nobody else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

import aiohttp

from agents.alerting import receivers
from agents.alerting.post import TIMEOUT_S, Outcome, post
from streams.alerts import messages
from streams.alerts.book import Notice, Undelivered
from streams.alerts.rules import Webhook
from streams.process.backoff import Backoff
from streams.process.log_throttle import NEVER_HELD_BACK

logger = logging.getLogger("hindsight.alerts")
GIVE_UP_S = 3600.0
"""A notice that a webhook has not taken for so long is of the past; it is given up, and said."""
TOLD_EVERY_S = 60.0


class Courier:
    """Posts to one receiver. `said` is for people: what became of the last attempt; empty before the first."""

    def __init__(self, receiver: Webhook, timeout_s: float = TIMEOUT_S) -> None:
        self.receiver, self.said, self.wake = receiver, "", asyncio.Event()
        self.is_up = True
        self._timeout_s, self._backoff = timeout_s, Backoff()

    async def _attempt(
        self, session: aiohttp.ClientSession, path: str, body: bytes, headers: dict[str, str]
    ) -> Outcome:
        outcome = await post(session, self.receiver, path, body, headers, self._timeout_s)
        if outcome.problem and self.is_up:
            logger.warning("Alerts are not delivered: %s.", outcome.problem, extra=NEVER_HELD_BACK)
        elif not outcome.problem:
            self._backoff.reset()
        self.is_up = not outcome.problem
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        self.said = f"{outcome.problem}, {at}" if outcome.problem else f"took the last one at {at}"
        return outcome


class WebhookCourier(Courier):
    """Posts to a webhook each notice that it has not taken, in order, until it takes it."""

    async def run(
        self,
        session: aiohttp.ClientSession,
        first: Callable[[str], Undelivered | None],
        settle: Callable[[Undelivered], Awaitable[None]],
    ) -> None:
        """Post, as long as the worker runs.

        Args:
            first: returns the oldest notice that a receiver has not taken; `settle` is told of one that is done with.
        """
        while True:
            await self.wake.wait()
            self.wake.clear()
            while (waiting := first(receivers.key(self.receiver))) is not None:
                headers = {"Idempotency-Key": waiting.notice.key}
                outcome = await self._attempt(session, "", messages.webhook(waiting.notice), headers)
                if not outcome.problem or outcome.is_final or _age_s(waiting.notice) > GIVE_UP_S:
                    if outcome.problem:
                        logger.error("%s is given up: %s.", waiting.notice.key, outcome.problem, extra=NEVER_HELD_BACK)
                    await settle(waiting)
                else:
                    await self._backoff.pause()


class AlertmanagerCourier(Courier):
    """Tells an Alertmanager again each minute what fires, since it takes what it is not told again for resolved."""

    async def run(
        self, session: aiohttp.ClientSession, told: Callable[[], Sequence[Notice]], every_s: float = TOLD_EVERY_S
    ) -> None:
        """Post, as long as the worker runs: `told` returns what is to be said."""
        while True:
            notices = told()
            outcome = Outcome()
            if notices:
                outcome = await self._attempt(session, "/api/v2/alerts", messages.alertmanager(notices), {})
            if outcome.problem:
                await self._backoff.pause()
                continue
            try:
                async with asyncio.timeout(every_s):
                    await self.wake.wait()
            except TimeoutError:
                pass
            self.wake.clear()


def _age_s(notice: Notice) -> float:
    return time.time() - (notice.resolved_at or notice.fired_at)
