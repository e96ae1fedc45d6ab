"""One RabbitMQ queue: how it is declared, and the bounded run of its deliveries that are not acknowledged yet."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from bridge import counts
from bridge.gate import Gate
from bridge.opening import Unsuitable, open_queue
from streams.amqp.channel import NOT_FOUND, Channel, ChannelLost
from streams.amqp.declarations import STREAM, STREAM_HEADER, shared
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

UNSUITABLE_S = 10.0
"""How long it is until a queue that is not suitable is looked at again: each look costs RabbitMQ some lines in its log."""
Delivery = tuple[int, bool, bytes, bytes, float]
"""Tag, redelivered, undecoded properties, body, arrival in UTC epoch seconds. A plain tuple: one is made a message."""


class Queue:
    """One queue that the bridge reads, while `gate` is open. `waiting` holds what has arrived and is in no batch yet."""

    def __init__(self, kind: Kind, settings: Settings, gate: Gate) -> None:
        self.kind: Kind = kind
        self.name = settings.queue_of(kind)
        self.link = Link(f"queue {self.name}", log, counts.link)
        self.waiting: deque[Delivery] = deque()
        self.arrived = asyncio.Event()
        self.channel: Channel | None = None
        self.n_others = 0
        """How many others read the queue, as last heard."""
        self._declared_as = settings.queue_kind
        self._prefetch = min(settings.prefetch, MOST_PREFETCH)
        self._full_at = min(settings.packet_rows * settings.partitions, max(1, self._prefetch // 2))
        self._gate = gate
        self._n_ready: int | None = None
        self._n_unacked = self._waiting_bytes = 0
        self._notes: list[str] = []
        self._acked = asyncio.Event()
        self._filled = asyncio.Event()
        self._is_full = False
        self._said = ""

    def n_unacked(self) -> int:
        """How many deliveries are not acknowledged."""
        return self._n_unacked

    def n_behind(self) -> int | None:
        """How many messages RabbitMQ still holds; None while that is unknown."""
        return None if self._n_ready is None else self._n_ready + self._n_unacked

    def state(self) -> dict[str, str | int | None]:
        """Return how much waits in it and how many read it, for /readyz; None while that is unknown."""
        n_consumers = None if self._n_ready is None else 1 + self.n_others
        return {"name": self.name, "messages": self.n_behind(), "consumers": n_consumers}

    async def look(self, channel: Channel) -> None:
        """Ask over a channel how much waits in RabbitMQ, and who reads, if the queue is open."""
        if self.channel is None:
            return
        n_ready, n_readers = await channel.depth(self.name)
        if self.channel is not None:
            self._n_ready = n_ready
            is_one = self.channel.is_reading or self._n_unacked > 0  # a quorum queue counts who holds a message, too
            self.n_others = max(0, n_readers - is_one)

    def notes(self) -> list[str]:
        """Return what is worth knowing of the queue, in sentences."""
        found = [f"The queue {self.name!r}: {note}." for note in self._notes]
        return [*found, shared(self.name, self.n_others)] if self.n_others else found

    async def read(self, connection: Connection) -> None:
        """Keep reading over one connection, whatever happens to queue and channel; never returns."""
        while True:
            try:
                reason = await self._read_once(connection)
                self.link.down(self._sentence(reason), said_elsewhere=not connection.is_open)
            except ChannelLost as exc:
                self.link.down(self._sentence(exc), said_elsewhere=not connection.is_open)
            except Unsuitable as exc:
                self.link.down(str(exc))
                await asyncio.sleep(UNSUITABLE_S)
            finally:
                self._forget()
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

    def ack(self, tag: int, n: int, channel: Channel | None) -> None:
        """Acknowledge the `n` deliveries of `channel` that were taken up to this tag; does nothing if that channel is gone."""
        if channel is None or channel is not self.channel:
            return
        channel.ack(tag)
        counts.acked.labels(self.kind).inc(n)
        self._n_unacked -= n
        self._acked.set()

    async def _read_once(self, connection: Connection) -> ChannelLost:
        channel, refusal, self._notes = await open_queue(connection, self.name, self._declared_as)
        self._say_how_it_is(refusal)
        self.channel = channel
        await self._read_while_open(channel)
        reason = channel.lost.result()
        if self._gate.shut.is_set():
            self._give_back(channel)
        await self.drained()  # a deleted queue's last deliveries are still good
        channel.close()
        return reason

    async def _read_while_open(self, channel: Channel) -> None:
        """Have rows delivered while the gate is open; return once the channel is lost.

        While it is shut, rows stay in RabbitMQ: what was delivered and is in no batch is given back, once. A queue that
        counts deliveries loses none that way, nor does a bridge grow, or keep rows from another one.
        """
        while not channel.lost.done():
            await _first(self._gate.opened.wait(), channel.lost)
            if channel.lost.done():
                return
            await channel.consume(self.name, self._prefetch, self._arrive)
            self.link.up(f"Reading the queue {self.name!r}.")
            await _first(self._gate.shut.wait(), channel.lost)
            if not channel.lost.done():
                await channel.cancel()
                self._give_back(channel)

    def _give_back(self, channel: Channel) -> None:
        for tag, *_ in self.waiting:
            channel.give_back(tag)
        self._n_unacked -= len(self.waiting)
        self._waiting_bytes = 0
        self.waiting.clear()
        self.arrived.clear()
        self._acked.set()

    def _say_how_it_is(self, refusal: str) -> None:
        """Say once, if RabbitMQ refused our declaration, that the queue is taken as it is, and what that means."""
        sentences = [f"The queue {self.name!r}: {note}." for note in self._notes]
        if refusal:
            sentences.insert(
                0,
                f"The queue {self.name!r} is read as it is: HINDSIGHT_QUEUE_KIND={self._declared_as} was asked for, "
                f"but RabbitMQ says: {refusal}. If that is meant, set HINDSIGHT_QUEUE_KIND to the kind it is, or to "
                "existing.",
            )
        if sentences:
            self._say_once(" ".join(sentences))

    def _arrive(self, tag: int, redelivered: bool, properties: bytes, body: bytes) -> None:
        if self._is_full or self._waiting_bytes > WAITING_BYTES:
            self._fill()
            return
        if tag == 1 and STREAM_HEADER in properties and self.channel is not None:
            self._is_full = True
            self.channel.give_up(STREAM)  # nobody could tell us before
            return
        self.waiting.append((tag, redelivered, properties, body, time.time()))
        self._waiting_bytes += len(properties) + len(body)
        self._n_unacked += 1
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
        self.channel = self._n_ready = None
        self.n_others = 0
        self.waiting.clear()
        self.arrived.clear()
        self._is_full = False
        self._n_unacked = self._waiting_bytes = 0
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


async def _first(*awaited: Awaitable[Any]) -> None:
    """Wait for the first of these; the others are not waited for any more, but futures are left as they are."""
    tasks = {asyncio.ensure_future(one) for one in awaited}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks - set(awaited):
            task.cancel()
