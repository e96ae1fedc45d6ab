"""Kafka read from one offset to another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka.client import CLOSE_S, OnDemand, close_within, kafka_client
from streams.kafka.errors import translating
from streams.kafka.records import TP, StoredRecord
from streams.process.unavailable import Unavailable
from streams.settings import Settings

FETCH_MS = 1000
FETCH_BYTES = 8 << 20
"""What is asked for at once; half of it waits while the other half is worked on."""
STALLED_S = 20.0
"""Kafka that sends nothing for so long of what it says it has is taken to be away."""


class Bounds(NamedTuple):
    """The first offset that Kafka keeps of a partition, and the next to be written."""

    first: int
    end: int


class Reader(OnDemand[AIOKafkaConsumer]):
    """Reads ranges over one connection, made when it is first needed and made anew after a failure.

    One range at a time; who reads several at once has several readers.

    Args:
        timeout_s: how long Kafka has for each answer.
        fetch_bytes: what is asked for at once.
        committed_only: leave out what a transaction took back; a partition ends before one that has not ended.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        timeout_s: float = 20.0,
        fetch_bytes: int = FETCH_BYTES,
        committed_only: bool = False,
    ) -> None:
        super().__init__()
        self._settings, self._timeout_s, self._fetch_bytes = settings, timeout_s, fetch_bytes
        self._committed_only = committed_only
        self._where = f"Kafka at {settings.kafka_address}"

    async def bounds(self, partitions: Collection[TP]) -> dict[TP, Bounds]:
        """Return where partitions begin and end; they must be there.

        Raises:
            Unavailable: Kafka does not answer.
        """
        if not partitions:
            return {}
        topics = ", ".join(sorted({repr(tp.topic) for tp in partitions}))
        try:
            with translating(f"{self._where} does not say where {topics} ends"):
                consumer, asked = await self._started(), [TopicPartition(*tp) for tp in partitions]
                first, end = await consumer.beginning_offsets(asked), await consumer.end_offsets(asked)
        except (Unavailable, asyncio.CancelledError):
            self.drop()
            raise
        return {tp: Bounds(first[tp], end[tp]) for tp in partitions}

    async def offset_at(self, tp: TP, ts: float) -> int:
        """Return the offset of the first record that Kafka dates at `ts` (UTC epoch seconds) or later; the end if none is.

        Raises:
            Unavailable: Kafka does not answer.
        """
        asked = TopicPartition(*tp)
        try:
            with translating(f"{self._where} does not say what {tp.topic}/{tp.partition} held at a time"):
                consumer = await self._started()
                found = (await consumer.offsets_for_times({asked: max(0, round(ts * 1000))}))[asked]
                end = (await consumer.end_offsets([asked]))[asked]
        except (Unavailable, asyncio.CancelledError):
            self.drop()
            raise
        return int(end if found is None else found.offset)

    async def read(self, tp: TP, start: int, end: int) -> AsyncIterator[Sequence[StoredRecord]]:
        """Yield the records from offset `start` up to, not with, `end`, a fetch at a time.

        Raises:
            OffsetsRemoved: Kafka does not hold `start`, or the topic was recreated.
            Unavailable: Kafka does not answer, or stops sending what it says it has.
        """
        if start >= end:
            return
        try:
            consumer = await self._assigned(tp, start)
            while start < end:
                records, start = await self._fetch(consumer, tp, start)
                yield [record for record in records if record.offset < end]
            consumer.unsubscribe()
        except (Unavailable, asyncio.CancelledError):
            self.drop()  # it may be stuck
            raise

    async def _assigned(self, tp: TP, start: int) -> AIOKafkaConsumer:
        with translating(f"{self._where} does not show {_at(tp, start)}"):
            consumer = await self._started()
            consumer.assign([TopicPartition(*tp)])
            consumer.seek(TopicPartition(*tp), start)
            return consumer

    async def _fetch(self, consumer: AIOKafkaConsumer, tp: TP, start: int) -> tuple[Sequence[StoredRecord], int]:
        """Return what comes next, and where that ends: some offsets hold nothing for us."""
        give_up_at = time.monotonic() + STALLED_S
        with translating(f"{self._where} does not show {_at(tp, start)}"):
            while time.monotonic() < give_up_at:
                fetched = (await consumer.getmany(TopicPartition(*tp), timeout_ms=FETCH_MS)).get(tp, ())
                position = await asyncio.wait_for(consumer.position(TopicPartition(*tp)), self._timeout_s)
                if position > start:
                    return fetched, position
        raise Unavailable(f"{self._where} does not send {_at(tp, start)}, which it says it has.")

    def _new(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **kafka_client(self._settings) | {"request_timeout_ms": round(self._timeout_s * 1000)},
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed" if self._committed_only else "read_uncommitted",
            max_partition_fetch_bytes=self._fetch_bytes,
            fetch_max_wait_ms=20,
        )

    async def _end(self, client: AIOKafkaConsumer) -> None:
        await close_within(CLOSE_S, client.stop())


def _at(tp: TP, offset: int) -> str:
    return f"{tp.topic}/{tp.partition}@{offset}"
