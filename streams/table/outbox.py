"""The outbox: verdicts on their way to the topic `metric`, in order, each until Kafka has it.

A record is put in once its decision is in the log. The log says how far `metric` has them (`Checkpoint.confirmed`), so
that after a recovery the rest is sent again; the reader drops what it has seen. `metric` may stall: the join goes on
until the outbox holds MAX_BYTES.

Where the metric log is written in this process, verdicts can be delivered to it locally; Kafka's copy is not urgent then.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from streams.kafka.producer import Producer
from streams.kafka.topics import topics
from streams.process.link import Link
from streams.settings import Settings
from streams.wire.verdicts import Tag, VerdictRecord, record_bytes

logger = logging.getLogger("hindsight.outbox")
MAX_BYTES = 64 << 20
REQUEST_BYTES = 900_000
RECORD_BYTES = 100
"""What a record costs in a request beside its value, at most."""
GATHER_S = 0.1
"""How long entries that nobody waits for may gather, so that a request carries more of them."""


class OutboxEntry(NamedTuple):
    """What one decision says to `metric`, as a record and with its tag, and whom to tell when `metric` has it."""

    tag: Tag
    value: bytes
    confirm: Callable[[int], None]


def entry(tag: Tag, verdicts: bytes, confirm: Callable[[int], None], report: bytes = b"") -> OutboxEntry:
    """Return the entry of a decision; its value is a `verdicts.VerdictRecord`."""
    return OutboxEntry(tag, record_bytes(tag, verdicts, report), confirm)


def _nobody(_record: VerdictRecord, _n_bytes: int) -> bool:
    return False


class Outbox:
    """Send the entries to the topic `metric`, a request at a time.

    Args:
        deliver_locally: is given the verdicts of each entry at once, and their size in bytes; tells whether they are
            taken, so that Kafka's copy is not urgent.
    """

    def __init__(self, settings: Settings, deliver_locally: Callable[[VerdictRecord, int], bool] = _nobody):
        self.n_bytes = 0
        self._topic = topics(settings).metric.name
        self._producer = Producer(settings, Link("verdicts", logger, is_up=True), waiting="the verdicts wait")
        self._deliver_locally = deliver_locally
        self._entries: deque[OutboxEntry] = deque()
        self._filled = asyncio.Event()
        self._is_urgent = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def problem(self) -> str:
        """Why Kafka does not take the verdicts now; empty while it does."""
        return self._producer.problem

    async def put(self, new: OutboxEntry, told: VerdictRecord | None = None) -> None:
        """Take an entry; wait while the outbox is full.

        Args:
            told: what its value says, to be delivered locally. None if it was read from the log: then it comes from Kafka.
        """
        await self._room.wait()
        self._entries.append(new)
        self.n_bytes += len(new.value)
        if self.n_bytes > MAX_BYTES:
            self._room.clear()
        is_delivered = told is not None and self._deliver_locally(told, len(new.value))
        if not is_delivered or self.n_bytes > REQUEST_BYTES:
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
            await self._producer.stop()

    async def _gather(self) -> None:
        """Wait until an entry is urgent or a request is full, but not longer than GATHER_S."""
        if self.n_bytes <= REQUEST_BYTES:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._is_urgent.wait()
        self._is_urgent.clear()

    async def _send_some(self) -> None:
        """Send the oldest entries as one request: together they are in Kafka, or none of them."""
        some = self._request()
        await self._producer.write(self._topic, 0, [(one.value, ()) for one in some])
        for done in some:
            self._entries.popleft()
            self.n_bytes -= len(done.value)
            done.confirm(done.tag.offset)
        if self.n_bytes <= MAX_BYTES:
            self._room.set()

    def _request(self) -> list[OutboxEntry]:
        sizes = itertools.accumulate(len(waiting.value) + RECORD_BYTES for waiting in self._entries)
        n = sum(1 for _ in itertools.takewhile(lambda size: size <= REQUEST_BYTES, sizes))
        return list(itertools.islice(self._entries, max(1, n)))
