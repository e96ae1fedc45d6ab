"""One RabbitMQ queue: how it is declared, and the bounded run of its deliveries that are not acknowledged yet."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress

from bridge import counts
from streams.amqp.channel import ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, Channel, ChannelLost
from streams.amqp.client import queue_declarations
from streams.amqp.frames import Connection
from streams.kinds import Kind
from streams.process.link import Link
from streams.settings import Settings

log = logging.getLogger("bridge")

WAITING_BYTES = 32 << 20
"""Bodies and properties that may wait in memory, of one queue. RabbitMQ counts messages only: large ones get a lower prefetch."""
FULL_BYTES = 64_000
"""Bodies of a batch's worth of rows, for messages of many rows."""
LOWEST_PREFETCH = 32
MOST_PREFETCH = 65_535
"""What AMQP can say."""

Delivery = tuple[int, bool, bytes, bytes, float]
"""Tag, redelivered, undecoded properties, body, arrival in UTC epoch seconds. A plain tuple: one is made a message."""


class Queue:
    """One queue that the bridge reads. `waiting` holds what has arrived on `channel` and is in no batch yet."""

    def __init__(self, kind: Kind, settings: Settings) -> None:
        self.kind: Kind = kind
        self.name = settings.queue_of(kind)
        self.link = Link(f"queue {self.name}", log, counts.link)
        self.waiting: deque[Delivery] = deque()
        self.arrived = asyncio.Event()
        self.channel: Channel | None = None
        self.n_ready: int | None = None
        """Messages in RabbitMQ that were not delivered yet, as last heard."""
        self._declared_as = settings.queue_kind
        self._prefetch = min(settings.prefetch, MOST_PREFETCH)
        self._full_at = min(settings.packet_rows * settings.partitions, max(1, self._prefetch // 2))
        self._last_tag = self._acked_tag = self._waiting_bytes = 0
        self._acked = asyncio.Event()
        self._filled = asyncio.Event()
        self._is_full = False
        self._said = ""

    def n_unacked(self) -> int:
        """How many deliveries are not acknowledged."""
        return self._last_tag - self._acked_tag

    def n_behind(self) -> int | None:
        """How many messages RabbitMQ still holds; None while that is unknown."""
        return None if self.n_ready is None else self.n_ready + self.n_unacked()

    async def read(self, connection: Connection) -> None:
        """Keep reading over one connection, whatever happens to queue and channel; never returns."""
        while True:
            try:
                reason = await self._read_once(connection)
            except ChannelLost as exc:
                reason = exc
            finally:
                self._forget()
            self.link.down(self._sentence(reason), said_elsewhere=not connection.is_open)
            await self.link.pause()

    async def gather(self, within_s: float) -> None:
        """Wait until a batch's worth of deliveries is here, or all that can come, but not longer than `within_s`."""
        if not self._has_a_batch():
            self._filled.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._filled.wait()

    def take(self) -> Delivery:
        """Take the oldest delivery that waits. Raises IndexError if none does."""
        delivery = self.waiting.popleft()
        self._waiting_bytes -= len(delivery[2]) + len(delivery[3])
        if not self.waiting:
            self.arrived.clear()
        return delivery

    async def stop(self) -> None:
        """End the deliveries; those that have come can still be taken and acknowledged."""
        if self.channel is not None:
            try:
                await self.channel.cancel()
            except ChannelLost:
                self._forget()

    async def drained(self) -> None:
        """Wait until every delivery is acknowledged, or cannot be any more."""
        while self.n_unacked() and self.channel is not None and self.channel.is_open:
            self._acked.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._acked.wait(), 0.5)

    def ack(self, tag: int, channel: Channel | None) -> None:
        """Acknowledge all deliveries of `channel` up to this tag; does nothing if that channel is gone."""
        if channel is None or channel is not self.channel:
            return
        channel.ack(tag)
        counts.acked.labels(self.kind).inc(tag - self._acked_tag)
        self._acked_tag = tag
        self._acked.set()

    async def _read_once(self, connection: Connection) -> ChannelLost:
        channel = await self._declared(connection)
        self.channel = channel
        await channel.consume(self.name, self._prefetch, self._arrive)
        self.link.up(f"Reading the queue {self.name!r}.")
        reason = await channel.lost
        await self.drained()  # a deleted queue's last deliveries are still good
        channel.close()
        return reason

    async def _declared(self, connection: Connection) -> Channel:
        """Return a channel on which the queue is known to exist, as we declare it or as it is."""
        channel = await Channel.open(connection)
        try:
            await channel.declare(self.name, **queue_declarations[self._declared_as])
        except ChannelLost as refusal:
            if refusal.code not in (PRECONDITION_FAILED, ACCESS_REFUSED):
                raise
            channel = await Channel.open(connection)
            await channel.declare(self.name, passive=True)
            self._say_once(
                f"The queue {self.name!r} is read as it is: HINDSIGHT_QUEUE_KIND={self._declared_as} was asked for, "
                f"but RabbitMQ says: {refusal}. If that is meant, set HINDSIGHT_QUEUE_KIND to the kind it is, or to "
                "existing."
            )
        return channel

    def _arrive(self, tag: int, redelivered: bool, properties: bytes, body: bytes) -> None:
        if self._is_full or self._waiting_bytes > WAITING_BYTES:
            self._fill()
            return
        self.waiting.append((tag, redelivered, properties, body, time.time()))
        self._waiting_bytes += len(properties) + len(body)
        self._last_tag = tag
        self.arrived.set()
        if self._has_a_batch():
            self._filled.set()

    def _has_a_batch(self) -> bool:
        return len(self.waiting) >= self._full_at or self._waiting_bytes >= FULL_BYTES

    def _fill(self) -> None:
        """Drop what comes from now on, and read again with a prefetch that fits: RabbitMQ delivers the rest again.

        Nothing is kept after the first that was dropped: an acknowledgement means all deliveries up to it.
        """
        if not self._is_full and self.channel is not None:
            self._is_full = True
            self._prefetch = max(LOWEST_PREFETCH, len(self.waiting) // 2)
            self._full_at = min(self._full_at, self._prefetch)
            self.channel.give_up(
                f"its messages are large, so no more than {self._prefetch} are read at once from now on"
            )

    def _forget(self) -> None:
        """Drop what can no longer be acknowledged: RabbitMQ delivers it again."""
        self.channel = self.n_ready = None
        self.waiting.clear()
        self.arrived.clear()
        self._is_full = False
        self._last_tag = self._acked_tag = self._waiting_bytes = 0
        self._acked.set()

    def _sentence(self, reason: ChannelLost) -> str:
        if reason.code == NOT_FOUND and self._declared_as == "existing":
            return (
                f"The queue {self.name!r} does not exist, and HINDSIGHT_QUEUE_KIND=existing declares none: "
                "waiting until somebody declares it."
            )
        return f"The queue {self.name!r} is not being read: {reason}. Trying again."

    def _say_once(self, sentence: str) -> None:
        if sentence != self._said:
            log.warning(sentence)
            self._said = sentence
