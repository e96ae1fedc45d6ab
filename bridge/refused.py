"""What cannot be used of one queue's messages goes to the topic `quarantine`, with all that came with it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence

from bridge.batch import Refused
from bridge.kafka import Kafka, Record
from bridge.ledger import Ledger
from bridge.queues import Queue
from streams.amqp import properties
from streams.wire import dead_letters

log = logging.getLogger("bridge")

RETRY_S, REMIND_S = 5.0, 300.0


class Quarantine:
    """Keeps refused rows of one queue."""

    def __init__(self, queue: Queue, kafka: Kafka, topic: str, ledger: Ledger) -> None:
        self._queue = queue
        self._kafka = kafka
        self._topic = topic
        self._ledger = ledger
        self._said_at = float("-inf")

    async def put(self, refused: Sequence[Refused]) -> None:
        """Return when Kafka has these rows; wait for as long as it does not take them."""
        now, source = time.time(), f"queue {self._queue.kind}"
        records = [
            Record(self._topic, 0, part.value, part.headers)
            for unreadable, raw in refused
            for part in dead_letters.records(unreadable, source=source, at=now, properties=properties.shown(raw))
        ]
        while records := await self._kafka.produce(records):
            self._queue.link.down(
                f"Kafka refuses a record of {len(records[0].value)} bytes in the topic {self._topic!r}: raise its "
                f"max.message.bytes. The queue {self._queue.name!r} waits until then, so that nothing is lost."
            )
            await asyncio.sleep(RETRY_S)
        if not self._queue.link.is_up and self._queue.channel is not None:
            self._queue.link.up(f"Reading the queue {self._queue.name!r} again.")
        n_rows = Counter[str]()
        for unreadable, _ in refused:
            n_rows[unreadable.reason] += unreadable.n_rows
        self._ledger.quarantine(n_rows)
        if n_rows["oversize"] and time.monotonic() - self._said_at > REMIND_S:
            self._said_at = time.monotonic()
            detail = next(unreadable.detail for unreadable, _ in refused if unreadable.reason == "oversize")
            log.warning(
                f"The queue {self._queue.name!r} holds bodies that are too large; they go to quarantine: {detail}."
            )
