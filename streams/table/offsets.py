"""Where the input topics stand in Kafka: what is kept, where they end, and how far the consumer group committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient


class Position(NamedTuple):
    """One partition of an input topic, in offsets. `committed` is None where the group committed nothing."""

    topic: str
    log_topic: str
    first: int
    end: int
    committed: int | None

    @property
    def start(self) -> int:
        """Where a group without any state begins to read."""
        return max(self.first, self.committed or 0)


async def positions(
    client: dict[str, Any], group: str, topics: Sequence[str], log_topic: str, n_partitions: int
) -> dict[tuple[str, int], Position]:
    """Return the position of each partition of each topic.

    Raises:
        KafkaError: Kafka cannot be reached.
    """
    tps = [TopicPartition(topic, p) for topic in topics for p in range(n_partitions)]
    admin = AIOKafkaAdminClient(**client)
    consumer = AIOKafkaConsumer(**client, group_id=None)
    try:
        await admin.start()
        await consumer.start()
        committed = await admin.list_consumer_group_offsets(group)
        first, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    finally:
        await consumer.stop()
        await admin.close()
    found = {tp: committed[tp].offset if tp in committed and committed[tp].offset >= 0 else None for tp in tps}
    return {(tp.topic, tp.partition): Position(tp.topic, log_topic, first[tp], end[tp], found[tp]) for tp in tps}
