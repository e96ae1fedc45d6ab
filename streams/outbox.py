"""The outbox: verdicts on their way to the topic `metric`, in order, each until Kafka has it.

A record is put in once its decision is in the log. The log says how far `metric` has them (`Head.confirmed`), so
that after a recovery the rest is sent again; the reader drops what it has seen. `metric` may stall: the join goes on
until the outbox holds MAX_BYTES.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

logger = logging.getLogger("hindsight.outbox")
MAX_BYTES = 64 << 20
REQUEST_BYTES = 900_000
RETRY_S = 1.0


class Letter(NamedTuple):
    """The verdicts of one decision, and whom to tell when `metric` has them."""

    offset: int
    value: bytes
    confirm: Callable[[int], None]


def letter(log: str, partition: int, offset: int, previous: int, verdicts: bytes) -> bytes:
    """Return the value of a record of the topic `metric` (see `verdicts.VerdictRecord`)."""
    return b'{"log":"%s","partition":%d,"offset":%d,"previous":%d,"rows":%s}' % (
        log.encode(),
        partition,
        offset,
        previous,
        verdicts,
    )


class Outbox:
    """Send letters to one topic of one partition, a request at a time."""

    def __init__(self, topic: str, producer: dict[str, Any]):
        self.topic = topic
        self.problem = ""
        self.n_bytes = 0
        self._producer_options = producer
        self._producer: AIOKafkaProducer | None = None
        self._letters: deque[Letter] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, new: Letter) -> None:
        """Take a letter; wait while the outbox is full."""
        await self._room.wait()
        self._letters.append(new)
        self.n_bytes += len(new.value)
        if self.n_bytes > MAX_BYTES:
            self._room.clear()
        self._filled.set()

    async def run(self) -> None:
        """Send letters until cancelled; while Kafka does not take them, try again."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._letters:
                    await self._send_some()
        finally:
            await self._drop_producer()

    async def _send_some(self) -> None:
        try:
            sent = await self._request()
        except KafkaError as exc:
            if not self.problem:
                logger.error("Kafka does not take the verdicts for %r, they wait here: %r", self.topic, exc)
            self.problem = f"Kafka does not take the verdicts for {self.topic!r}: {exc!r}"
            await self._drop_producer()
            await asyncio.sleep(RETRY_S)
            return
        if self.problem:
            logger.info("Kafka takes the verdicts for %r again.", self.topic)
            self.problem = ""
        for _ in range(sent):
            done = self._letters.popleft()
            self.n_bytes -= len(done.value)
            done.confirm(done.offset)
        if self.n_bytes <= MAX_BYTES:
            self._room.set()

    async def _request(self) -> int:
        """Send the oldest letters as one request; return how many Kafka has."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(**self._producer_options)
            await self._producer.start()
        first = self._letters[0]
        if len(first.value) > REQUEST_BYTES:
            await self._producer.send_and_wait(self.topic, first.value, partition=0)
            return 1
        batch = self._producer.create_batch()
        n = 0
        size = 0
        for waiting in self._letters:
            size += len(waiting.value) + 100
            if size > REQUEST_BYTES or batch.append(key=None, value=waiting.value, timestamp=None) is None:
                break
            n += 1
        batch.close()
        await (await self._producer.send_batch(batch, self.topic, partition=0))
        return n

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()
