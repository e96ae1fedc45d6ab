"""Rows on their way to the partition that they belong to: in order, each until Kafka has it.

They are put in once their decision is in the log, which says how far they have come (`Checkpoint.forwarded`); after a
recovery the rest is sent again, and whoever reads it drops what was seen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.kafka.producer import Producer
from streams.wire.forwarding import Forward, forwarded_by, origin_of

MAX_BYTES = 16 << 20


class Forwarding(NamedTuple):
    """What the decision at `offset` of a log sends on, and whom to tell when Kafka has all of it."""

    log: str
    offset: int
    forwards: Sequence[Forward]
    confirm: Callable[[int], None]

    @property
    def n_bytes(self) -> int:
        """What the packets hold."""
        return sum(len(forward.packet) for forward in self.forwards)


class Forwarder:
    """Sends rows on, a decision at a time: of one log they come to each partition in order. `topics`: by side."""

    def __init__(self, topics: Sequence[str], producer: Producer):
        self._topics, self._producer = topics, producer
        self._waiting: deque[Forwarding] = deque()
        self._n_bytes = 0
        self._filled, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()

    async def put(self, forwarding: Forwarding) -> None:
        """Take what a decision sends on; wait while too much is waiting."""
        await self._room.wait()
        self._waiting.append(forwarding)
        self._n_bytes += forwarding.n_bytes
        if self._n_bytes > MAX_BYTES:
            self._room.clear()
        self._filled.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                await self._send(self._waiting[0])
                done = self._waiting.popleft()
                self._n_bytes -= done.n_bytes
                if self._n_bytes <= MAX_BYTES:
                    self._room.set()
                done.confirm(done.offset)

    async def _send(self, one: Forwarding) -> None:
        by_target: dict[tuple[int, int], list[tuple[bytes, list[tuple[str, bytes]]]]] = {}
        for i, forward in enumerate(one.forwards):
            record = forward.packet, [forwarded_by(origin_of(one.log, one.offset, i))]
            by_target.setdefault((forward.side, forward.partition), []).append(record)
        await asyncio.gather(
            *(
                self._producer.write(self._topics[side], partition, records)
                for (side, partition), records in by_target.items()
            )
        )
