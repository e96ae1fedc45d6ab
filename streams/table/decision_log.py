"""The decision log in Kafka: append a record, read a range of them. The changelog topic of the table `pairs`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams.join import decision
from streams.join.decision import Decision
from streams.kafka import refusals
from streams.process.void_records import step_over
from streams.wire.versions import Newer


class LogUnavailable(Exception):
    """Kafka did not confirm a record: it may be in the log, or not. The next attempt has to wait `pause_s`."""

    def __init__(self, problem: str, pause_s: float = 0.0) -> None:
        super().__init__(problem)
        self.pause_s = pause_s


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
    """Append to and read from all partitions of one decision log.

    Args:
        topic: name of the log's topic.
        client: keyword arguments of an aiokafka client.
        producer: keyword arguments of an aiokafka producer.
    """

    def __init__(self, topic: str, client: dict[str, Any], producer: dict[str, Any]):
        self.topic = topic
        self._client = client
        self._producer_options = producer
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def append(self, partition: int, record: Decision) -> int:
        """Append one record; return its log offset.

        Raises:
            LogUnavailable: it may have been appended, or not; only the log itself can tell.
        """
        try:
            producer = await self._started()
            appended_at = await producer.send_and_wait(self.topic, decision.encode(record), partition=partition)
        except KafkaError as exc:
            await self.stop()  # an idempotent producer that failed once can be stuck: the next append makes a new one
            said = refusals.sentence(exc, "Kafka", time.time())
            raise LogUnavailable(said, refusals.pause_s(exc, 0.0)) from exc
        return int(appended_at.offset)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._producer_options)
                try:
                    await producer.start()
                except KafkaError:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def bounds(self, partitions: list[int]) -> dict[int, tuple[int, int]]:
        """Return the first offset kept, and the next to be written, of each partition.

        Raises:
            LogUnavailable: Kafka cannot be reached.
        """
        tps = {TopicPartition(self.topic, p): p for p in partitions}
        consumer = await self._consumer()
        try:
            first = await consumer.beginning_offsets(list(tps))
            end = await consumer.end_offsets(list(tps))
        except KafkaError as exc:
            raise LogUnavailable(f"{type(exc).__name__}: {exc}") from exc
        finally:
            await consumer.stop()
        return {p: (first[tp], end[tp]) for tp, p in tps.items()}

    async def read(self, partition: int, start: int, end: int) -> AsyncIterator[list[tuple[int, Decision | None]]]:
        """Yield the records from offset `start` up to, not with, `end`, a fetch at a time; None for what is none of ours.

        Every offset comes, also those that hold nothing, as where a foreign transaction ended.

        Raises:
            LogUnavailable: Kafka cannot be reached.
            LogIsNewer: a newer program wrote a record.
        """
        if start >= end:
            return
        tp = TopicPartition(self.topic, partition)
        consumer = await self._consumer()
        try:
            consumer.assign([tp])
            consumer.seek(tp, start)
            while start < end:
                fetched = await consumer.getmany(tp, timeout_ms=1000)
                found = {r.offset: r.value for r in fetched.get(tp, ()) if r.offset < end}
                held = {offset: read_record(self.topic, partition, offset, value) for offset, value in found.items()}
                first, start = start, await consumer.position(tp)
                if records := [(offset, held.get(offset)) for offset in range(first, min(start, end))]:
                    yield records
        except KafkaError as exc:
            raise LogUnavailable(f"{type(exc).__name__}: {exc}") from exc
        finally:
            await consumer.stop()

    async def _consumer(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=8 << 20,
            fetch_max_bytes=64 << 20,
        )
        try:
            await consumer.start()
        except KafkaError as exc:
            await consumer.stop()
            raise LogUnavailable(f"{type(exc).__name__}: {exc}") from exc
        return consumer
