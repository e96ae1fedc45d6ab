"""The decision log in Kafka: append a record, read a range of them. The changelog topic of the table `pairs`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from streams.join import decision
from streams.join.decision import Decision
from streams.kafka.producer import Producer
from streams.kafka.reader import Bounds, Reader
from streams.kafka.records import TP, Record
from streams.kafka.topics import topics
from streams.process.void_records import step_over
from streams.settings import Settings
from streams.wire.versions import Newer


class LogIsNewer(Exception):
    """A newer program writes the log; the message says what to do."""


def read_record(topic: str, partition: int, offset: int, value: bytes | None) -> Decision | None:
    """Return the record that lies in a log; None if it is none of ours, which is counted and said.

    Raises:
        LogIsNewer: a newer program wrote it.
    """
    found = decision.decode(value)
    if isinstance(found, Newer):
        raise LogIsNewer(f"{topic}/{partition}@{offset}: {found}")
    if found is None:
        step_over(topic, partition, offset, value)
    return found


class DecisionLog:
    """Append to and read from all partitions of one decision log."""

    def __init__(self, settings: Settings, *, timeout_s: float = 20.0):
        self.topic = topics(settings).pairs_log.name
        self._settings, self._timeout_s = settings, timeout_s
        self._producer = Producer(settings)

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def append(self, partition: int, value: bytes) -> int:
        """Append one record, as `decision.encode` makes it; return its log offset.

        Raises:
            Unavailable: it may be in the log, or not; only the log itself can tell.
        """
        return await self._producer.append(Record(self.topic, partition, value))

    async def bounds(self, partitions: list[int]) -> dict[int, Bounds]:
        """Return where partitions begin and end.

        Raises:
            Unavailable: Kafka cannot be reached.
        """
        async with self._reader() as reader:
            found = await reader.bounds([TP(self.topic, p) for p in partitions])
        return {tp.partition: bounds for tp, bounds in found.items()}

    async def read(self, partition: int, start: int, end: int) -> AsyncIterator[list[tuple[int, Decision | None]]]:
        """Yield the records from offset `start` up to, not with, `end`, a fetch at a time; None for what is none of ours.

        Every offset comes, also those that hold nothing, as where a foreign transaction ended.

        Raises:
            Unavailable: Kafka cannot be reached.
            LogIsNewer: a newer program wrote a record.
        """
        async with self._reader() as reader:
            async for records in reader.read(TP(self.topic, partition), start, end):
                held = {r.offset: read_record(self.topic, partition, r.offset, r.value) for r in records}
                if held:
                    first, start = start, max(held) + 1
                    yield [(offset, held.get(offset)) for offset in range(first, start)]
        if start < end:
            yield [(offset, None) for offset in range(start, end)]

    def _reader(self) -> Reader:
        return Reader(self._settings, timeout_s=self._timeout_s)
