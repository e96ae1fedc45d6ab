"""Kafka read from one offset to another, for commands: what is not as the settings say is a sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from commands.probes import Unavailable
from streams.kafka.admin import Admin
from streams.kafka.errors import NoGroupYet
from streams.kafka.reader import Bounds, Reader
from streams.kafka.records import TP, StoredRecord
from streams.settings import Settings

TIMEOUT_S = 10.0


class Ranges:
    """Reads ranges of topics, over one connection."""

    def __init__(self, reader: Reader, admin: Admin, where: str):
        self._reader, self._admin, self._where = reader, admin, where

    async def bounds(self, topic: str, n_partitions: int) -> list[Bounds]:
        """Return where each partition begins and ends.

        Raises:
            Unavailable: Kafka does not answer, or has no such topic.
        """
        n_there = (await self._admin.partitions()).get(topic, 0)
        if n_there != n_partitions:
            there = f"{n_there} partitions" if n_there else "no such topic"
            raise Unavailable(f"{self._where} has {there} of {topic!r}, and the settings say {n_partitions}.")
        return list((await self._reader.bounds([TP(topic, p) for p in range(n_partitions)])).values())

    async def has(self, topic: str) -> bool:
        """Tell whether Kafka has a topic.

        Raises:
            Unavailable: Kafka does not answer.
        """
        return topic in await self._admin.partitions()

    async def committed(self, group: str, topic: str, n_partitions: int) -> list[int]:
        """Return up to where, not with, a consumer group has done with each partition; 0 if it committed nothing.

        Raises:
            Unavailable: Kafka does not answer.
        """
        try:
            found = await self._admin.committed(group)
        except NoGroupYet:  # no group ever read from this Kafka
            found = {}
        return [found.get(TP(topic, p), 0) for p in range(n_partitions)]

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[StoredRecord]]:
        """Yield the records from `start` up to, not with, `end`, a fetch at a time.

        Raises:
            Unavailable: Kafka does not answer, or has removed records meanwhile.
        """
        return self._reader.read(TP(topic, partition), start, end)


@asynccontextmanager
async def ranges(settings: Settings) -> AsyncIterator[Ranges]:
    """Hold what reads ranges."""
    async with (
        Reader(settings, timeout_s=TIMEOUT_S, committed_only=True) as reader,
        Admin(settings, timeout_s=TIMEOUT_S) as admin,
    ):
        yield Ranges(reader, admin, f"Kafka at {settings.kafka_address}")
