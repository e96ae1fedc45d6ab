"""Where partitions stand in Kafka: what is kept, where they end, and how far the consumer group committed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka.fetcher import TP


class Position(NamedTuple):
    """One partition, in offsets. `committed` is None where the group committed nothing."""

    topic: str
    first: int
    end: int
    committed: int | None

    @property
    def start(self) -> int:
        """Where a group begins to read that knows nothing but what it committed."""
        return max(self.first, self.committed or 0)


async def positions(client: dict[str, Any], group: str, tps: Iterable[TP]) -> dict[TP, Position]:
    """Return the position of each partition.

    Raises:
        KafkaError: Kafka cannot be reached.
    """
    asked = [TopicPartition(*tp) for tp in tps]
    admin = AIOKafkaAdminClient(**client)
    consumer = AIOKafkaConsumer(**client, group_id=None)
    try:
        await admin.start()
        await consumer.start()
        committed = await admin.list_consumer_group_offsets(group)
        first, end = await consumer.beginning_offsets(asked), await consumer.end_offsets(asked)
    finally:
        await consumer.stop()
        await admin.close()
    found = {tp: committed[tp].offset if tp in committed and committed[tp].offset >= 0 else None for tp in asked}
    return {TP(*tp): Position(tp.topic, first[tp], end[tp], found[tp]) for tp in asked}
