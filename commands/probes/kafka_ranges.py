"""Kafka read from one offset to another, as plain records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from commands.probes import Unavailable
from streams.kafka.client import kafka_client
from streams.settings import Settings

TIMEOUT_MS = 10_000
FETCH_MS = 1000
STALLED_S = 20.0
CLOSE_S = 5.0


class Reader:
    """Reads ranges of topics, over one connection."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, where: str):
        self._consumer, self._admin = consumer, admin
        self._where = where

    async def bounds(self, topic: str, n_partitions: int) -> list[tuple[int, int]]:
        """Return the first offset kept, and the next to be written, of each partition.

        Raises:
            Away: Kafka does not answer, or has no such topic.
        """
        tps = [TopicPartition(topic, p) for p in range(n_partitions)]
        n_there = await self._n_partitions(topic)
        if n_there != n_partitions:
            there = f"{n_there} partitions" if n_there else "no such topic"
            raise Unavailable(f"{self._where} has {there} of {topic!r}, and the settings say {n_partitions}.")
        try:
            first, end = await self._consumer.beginning_offsets(tps), await self._consumer.end_offsets(tps)
        except KafkaError as exc:
            raise Unavailable(f"{self._where} does not say where {topic!r} ends: {exc!r}.") from None
        return [(first[tp], end[tp]) for tp in tps]

    async def has(self, topic: str) -> bool:
        """Tell whether Kafka has a topic.

        Raises:
            Away: Kafka does not answer.
        """
        return bool(await self._n_partitions(topic))

    async def committed(self, group: str, topic: str, n_partitions: int) -> list[int]:
        """Return up to where, not with, a consumer group has done with each partition; 0 if it committed nothing.

        Raises:
            Away: Kafka does not answer.
        """
        try:
            found = await self._admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:  # no group ever read from this Kafka
            return [0] * n_partitions
        except KafkaError as exc:
            raise Unavailable(f"{self._where} does not say how far {group!r} has read: {exc!r}.") from None
        offsets = (found.get(TopicPartition(topic, p)) for p in range(n_partitions))
        return [max(0, at.offset) if at else 0 for at in offsets]

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Any]]:
        """Yield the records from `start` up to, not with, `end`, a fetch at a time.

        Raises:
            Away: Kafka does not answer, or has removed records meanwhile.
        """
        if start >= end:
            return
        tp = TopicPartition(topic, partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, start)
        moved_at = time.monotonic()
        while start < end:
            try:
                fetched = (await self._consumer.getmany(tp, timeout_ms=FETCH_MS)).get(tp, ())
                now_at = await asyncio.wait_for(self._consumer.position(tp), TIMEOUT_MS / 1000)
            except (KafkaError, TimeoutError) as exc:
                raise Unavailable(f"{self._where} stopped answering at {topic}/{partition}@{start}: {exc!r}.") from None
            if now_at > start:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > STALLED_S:
                raise Unavailable(f"{self._where} does not send {topic}/{partition}@{start}, which it says it has.")
            start = now_at
            yield [record for record in fetched if record.offset < end]

    async def _n_partitions(self, topic: str) -> int:
        try:
            if topic not in await self._admin.list_topics():
                return 0
            return len((await self._admin.describe_topics([topic]))[0]["partitions"])
        except KafkaError as exc:
            raise Unavailable(f"{self._where} does not list its topics: {exc!r}.") from None


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[Reader]:
    """Hold a connection to read over.

    Raises:
        Away: Kafka cannot be reached.
    """
    where = f"Kafka at {settings.kafka_address}"
    client = kafka_client(settings) | {"request_timeout_ms": TIMEOUT_MS}
    admin = AIOKafkaAdminClient(**client)
    consumer = AIOKafkaConsumer(
        **client,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=20,
    )
    try:
        await admin.start()
        await consumer.start()
        yield Reader(consumer, admin, where)
    except KafkaError as exc:
        raise Unavailable(f"{where} cannot be used: {exc!r}.") from None
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await consumer.stop()
                await admin.close()
