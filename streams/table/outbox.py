"""The outbox: verdicts on their way to the topic `metric`, in order, each until Kafka has it.

A record is put in once its decision is in the log. The log says how far `metric` has them (`Checkpoint.confirmed`), so
that after a recovery the rest is sent again; the reader drops what it has seen. `metric` may stall: the join goes on
until the outbox holds MAX_BYTES.

Where the metric log is written in this process, verdicts can be delivered to it locally; Kafka's copy is not urgent then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.kafka import refusals
from streams.wire.verdicts import Tag, record_bytes

logger = logging.getLogger("hindsight.outbox")
MAX_BYTES = 64 << 20
REQUEST_BYTES = 900_000
RETRY_S = 1.0
GATHER_S = 0.1
"""How long entries that nobody waits for may gather, so that a request carries more of them."""


class OutboxEntry(NamedTuple):
    """The verdicts of one decision, as a record of `metric` and with its tag, and whom to tell when `metric` has it."""

    tag: Tag
    value: bytes
    confirm: Callable[[int], None]


def entry(tag: Tag, verdicts: bytes, confirm: Callable[[int], None]) -> OutboxEntry:
    """Return the entry of a decision; its value is a `verdicts.VerdictRecord`."""
    return OutboxEntry(tag, record_bytes(tag, verdicts), confirm)


def _nobody(_: OutboxEntry) -> bool:
    return False


class Outbox:
    """Send entries to one topic of one partition, a request at a time.

    Args:
        topic: the topic's name.
        producer: keyword arguments of an aiokafka producer.
        deliver_locally: is given each entry at once; tells whether it is taken, so that Kafka's copy is not urgent.
    """

    def __init__(self, topic: str, producer: dict[str, Any], deliver_locally: Callable[[OutboxEntry], bool] = _nobody):
        self.topic = topic
        self._deliver_locally = deliver_locally
        self.problem = ""
        self.n_bytes = 0
        self._producer_options = producer
        self._producer: AIOKafkaProducer | None = None
        self._entries: deque[OutboxEntry] = deque()
        self._filled = asyncio.Event()
        self._is_urgent = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, new: OutboxEntry) -> None:
        """Take an entry; wait while the outbox is full."""
        await self._room.wait()
        self._entries.append(new)
        self.n_bytes += len(new.value)
        if self.n_bytes > MAX_BYTES:
            self._room.clear()
        if not self._deliver_locally(new) or self.n_bytes > REQUEST_BYTES:
            self._is_urgent.set()
        self._filled.set()

    async def run(self) -> None:
        """Send entries until cancelled; while Kafka does not take them, try again."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._entries:
                    await self._gather()
                    await self._send_some()
        finally:
            await self._drop_producer()

    async def _gather(self) -> None:
        """Wait until an entry is urgent or a request is full, but not longer than GATHER_S."""
        if self.n_bytes <= REQUEST_BYTES:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._is_urgent.wait()
        self._is_urgent.clear()

    async def _send_some(self) -> None:
        try:
            sent = await self._request()
        except KafkaError as exc:
            said = refusals.sentence(exc, "Kafka", time.time())
            if not self.problem:
                logger.error("Kafka does not accept the verdicts for %r, they wait here: %s", self.topic, said)
            self.problem = f"Kafka does not accept the verdicts for {self.topic!r}: {said}"
            await self._drop_producer()
            await asyncio.sleep(refusals.pause_s(exc, RETRY_S))
            return
        if self.problem:
            logger.info("Kafka accepts the verdicts for %r again.", self.topic)
            self.problem = ""
        for _ in range(sent):
            done = self._entries.popleft()
            self.n_bytes -= len(done.value)
            done.confirm(done.tag.offset)
        if self.n_bytes <= MAX_BYTES:
            self._room.set()

    async def _request(self) -> int:
        """Send the oldest entries as one request; return how many Kafka has."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(**self._producer_options)
            await self._producer.start()
        first = self._entries[0]
        if len(first.value) > REQUEST_BYTES:
            await self._producer.send_and_wait(self.topic, first.value, partition=0)
            return 1
        batch = self._producer.create_batch()
        n = 0
        size = 0
        for waiting in self._entries:
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
