"""What the bridge says of itself: how fast it moves rows, and how far it is behind. Asked every two seconds.

Where none answers, RabbitMQ is asked now and then whether anybody reads the queues.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, NamedTuple

import aiohttp
import msgspec
from yarl import URL

from agents.worker import Worker
from bridge.ledger import rows_in_kafka
from streams.amqp.queue_depths import queues
from streams.pages.proof import Proofs
from streams.process.own_thread import OwnThread
from streams.process.unavailable import Unavailable
from streams.settings import SettingsError
from streams.wire.checked import Natural
from web import port
from web.state.bridge_state import BridgeState, QueueState, notes_of, problem_of, queues_of, unread

ASK_EVERY_S, TIMEOUT_S = 2.0, 1.0
LOOK_EVERY_S = 10.0
"""Each look at RabbitMQ is a connection of its own."""
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
        self._address = port.of_bridge(worker.settings)
        self._heard: deque[Heard] = deque(maxlen=RATE_OVER)
        self._queues: list[QueueState] = []
        self._thread = OwnThread("queues")
        self._looked_at = float("-inf")
        self._problem = ""
        self._notes: list[str] = []

    async def run(self) -> None:
        """Ask, for as long as the worker runs."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session:
            while True:
                self._hear(await self._ask(session))
                if not self.answers:
                    await self._look_at_queues()
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

    def state(self) -> BridgeState | None:
        """Return the bridge as it is known now; None where Kafka is used without queues."""
        if not self._settings.queues:
            return None
        address = "" if self._settings.has_bridge_inside else self._address
        return BridgeState(address, self.answers, self.rate(), self._queues, self._problem, self._notes)

    @property
    def notices(self) -> list[str]:
        """What somebody should know of the bridge and its queues, in sentences."""
        return [*filter(None, [self._problem]), *self._notes]

    def _hear(self, state: Any) -> None:
        try:
            rows = msgspec.convert([*rows_in_kafka(state, self._settings.namespace).values()], list[Natural])
            behind = msgspec.convert([*state["messages_behind"].values()], list[Natural | None])
            n_behind = None if None in behind else sum(n or 0 for n in behind)
            heard = Heard(time.monotonic(), sum(rows), n_behind)
        except (KeyError, TypeError, ValueError, AttributeError, msgspec.ValidationError):
            self._heard.clear()
            return
        self._looked_at = float("-inf")
        self._queues = queues_of(state)
        self._notes = notes_of(state)
        self._problem = "" if self._settings.has_bridge_inside else problem_of(state, self._address)
        if self._heard and heard.n_rows < self._heard[-1].n_rows:
            self._heard.clear()  # it was started again
        self._heard.append(heard)

    async def _look_at_queues(self) -> None:
        """Ask RabbitMQ who reads the queues, as no bridge tells; not more often than every few seconds."""
        is_known = not self._settings.queues or self._settings.has_bridge_inside
        if is_known or time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        self._notes = []
        try:
            found = await self._thread.do(lambda: queues(self._settings, self._settings.queue_names))
        except (Unavailable, SettingsError) as exc:
            self._queues = [QueueState(name, None, None) for name in self._settings.queue_names]
            self._problem = f"No bridge answers at {self._address}, and whether one runs elsewhere is unknown: {exc}"
            return
        self._queues = [QueueState(*queue) for queue in found]
        self._problem = unread(found)

    async def _ask(self, session: aiohttp.ClientSession) -> Any:
        if self._settings.has_bridge_inside:
            return self._worker.bridge and self._worker.bridge.state()
        try:
            url = URL(f"http://{self._address}").origin() / "readyz"
            headers = self._proof(url)
            async with asyncio.timeout(TIMEOUT_S), session.get(url, headers=headers, allow_redirects=False) as response:
                return msgspec.json.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, msgspec.MsgspecError, RecursionError):
            return None

    def _proof(self, url: URL) -> dict[str, str]:
        """Return the header that shows the bridge that we know the token; whoever else answers there learns nothing."""
        token = self._settings.secret("web_token")
        return {"Authorization": Proofs(token).proof(str(url.origin()), url.path, time.time())} if token else {}
