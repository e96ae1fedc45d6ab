"""The bridge, put together: queues, relays and the two brokers, started and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from bridge import counts
from bridge.kafka import Kafka
from bridge.ledger import Ledger
from bridge.queues import Queue
from bridge.rabbitmq import RabbitMQ
from bridge.relay import Relay
from streams.process.linger import Linger
from streams.process.link import Link
from streams.settings import Settings

LONGEST_LINGER_S = 0.16
"""How long rows may wait for company where they come fast."""
DRAIN_S = 3.0
"""How long a bridge that is told to stop goes on delivering what it has read."""


class Bridge:
    """One bridge. `links` tell whether it works."""

    def __init__(self, settings: Settings) -> None:
        self._namespace = settings.namespace
        self._kafka = Kafka(settings)
        self._queues = [Queue(kind, settings, self._kafka.gate) for kind in settings.queues]
        self._rabbitmq = RabbitMQ(settings, self._queues)
        linger = Linger(settings.linger_s, LONGEST_LINGER_S)
        self._relays = [Relay(queue, self._kafka, settings, linger) for queue in self._queues]
        for queue in self._queues:
            counts.unacked.labels(queue.kind).set_function(queue.n_unacked)
            counts.behind.labels(queue.kind).set_function(partial(_or_nan, queue.n_behind))
        for relay in self._relays:
            counts.under_way.labels(relay.kind).set_function(partial(getattr, relay.ledger, "n_under_way"))

    @property
    def links(self) -> list[Link]:
        """Every link to a broker, with its state."""
        return [self._rabbitmq.link, self._kafka.link, *(queue.link for queue in self._queues)]

    @property
    def ledgers(self) -> dict[str, Ledger]:
        """What became of the rows of each queue."""
        return {relay.kind: relay.ledger for relay in self._relays}

    def state(self) -> dict[str, Any]:
        """Return how each link and queue stands, what became of the rows, and how many messages RabbitMQ still holds."""
        return {
            "ready": all(link.is_up for link in self.links) and not any(one.problem for one in self.ledgers.values()),
            "namespace": self._namespace,
            "links": {link.name: link.state() for link in self.links},
            "rows": {kind: ledger.state() for kind, ledger in self.ledgers.items()},
            "notes": [
                *(note for queue in self._queues for note in queue.notes()),
                *(note for relay in self._relays for note in relay.notes()),
            ],
            "unreadable": [sentence for relay in self._relays for sentence in relay.unreadable()],
            "queues": [queue.state() for queue in self._queues],
            "messages_behind": {queue.kind: queue.n_behind() for queue in self._queues},
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Move rows until `stop` is set; then deliver what was read, acknowledge it and close, within seconds.

        Raises:
            TopicError: a topic is not there as the settings ask for it.
            SettingsError: an address or a certificate cannot be used.
        """
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs every attempt; the links say what matters
        stopping = asyncio.create_task(stop.wait())
        parts: list[RabbitMQ | Relay] = [self._rabbitmq, *self._relays]
        working = [asyncio.create_task(part.run()) for part in parts]
        try:
            done, _ = await asyncio.wait([stopping, *working], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
            await self._drain()
        finally:
            for task in (stopping, *working):
                task.cancel()
            await asyncio.wait([stopping, *working])
            await asyncio.gather(self._rabbitmq.close(), self._kafka.close())

    async def _drain(self) -> None:
        """Read no more, and deliver what was read, if Kafka takes it."""
        await self._rabbitmq.stop()
        if self._kafka.link.is_up:
            await asyncio.wait([asyncio.create_task(queue.drained()) for queue in self._queues], timeout=DRAIN_S)


def _or_nan(ask: Callable[[], int | None]) -> float:
    found = ask()
    return math.nan if found is None else found
