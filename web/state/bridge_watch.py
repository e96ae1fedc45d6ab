"""What the bridge says of itself: how fast it moves rows, and how far it is behind. Asked every two seconds."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, NamedTuple

import aiohttp
import msgspec

from agents.worker import Worker
from bridge.ledger import rows_in_kafka
from web import port

ASK_EVERY_S, TIMEOUT_S = 2.0, 1.0
RATE_OVER = 6
"""A rate is over so many answers."""


class Heard(NamedTuple):
    """One answer: when it came (monotonic), rows that the bridge has delivered, and messages that RabbitMQ still holds."""

    at: float
    n_rows: int
    n_behind: int | None


class BridgeWatch:
    """The answers of the last seconds; none where no bridge of our namespace answers."""

    def __init__(self, worker: Worker):
        self._worker, self._settings = worker, worker.settings
        self._url = f"http://{port.of_bridge(worker.settings)}/readyz"
        self._heard: deque[Heard] = deque(maxlen=RATE_OVER)

    async def run(self) -> None:
        """Ask, for as long as the worker runs."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session:
            while True:
                self._hear(await self._ask(session))
                await asyncio.sleep(ASK_EVERY_S)

    @property
    def answers(self) -> bool:
        """Whether a bridge answered the last time."""
        return bool(self._heard)

    def rate(self) -> float | None:
        """Return how many rows a second went to Kafka or to quarantine lately; None while unknown."""
        if len(self._heard) < 2:
            return None
        then, now = self._heard[0], self._heard[-1]
        return round((now.n_rows - then.n_rows) / (now.at - then.at), 1)

    def n_behind(self) -> int | None:
        """Return how many messages RabbitMQ still holds; None while unknown."""
        return self._heard[-1].n_behind if self._heard else None

    def _hear(self, state: Any) -> None:
        try:
            n_rows = sum(rows_in_kafka(state, self._settings.namespace).values())
            behind = list(state["messages_behind"].values())
            heard = Heard(time.monotonic(), n_rows, None if None in behind else sum(behind))
        except (KeyError, TypeError, ValueError, AttributeError):
            self._heard.clear()
            return
        if self._heard and heard.n_rows < self._heard[-1].n_rows:
            self._heard.clear()  # it was started again
        self._heard.append(heard)

    async def _ask(self, session: aiohttp.ClientSession) -> Any:
        if self._settings.bridge_in_worker and self._settings.queues:
            return self._worker.bridge and self._worker.bridge.state()
        token = self._settings.secret("web_token")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                session.get(self._url, headers=headers, allow_redirects=False) as response,
            ):
                return msgspec.json.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError):
            return None
