"""Offsets of an input topic that hold no record for us: ends of transactions, aborted rows, what compaction removed.

No consumer is ever given them, so an owner that counts offsets must ask Kafka whether something lies there.
"""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

FETCH_MS = 200


class Holes:
    """The holes known of one partition of one input."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}

    def after(self, offset: int) -> int:
        """Return the offset at which a record can follow the one at `offset`."""
        return self._ends.get(offset + 1, offset + 1)

    def learn(self, ends: dict[int, int], src: int) -> None:
        """Take note of holes, by start and end; forget those before `src`, the last offset applied."""
        self._ends = {start: end for start, end in (self._ends | ends).items() if start > src}


async def find(client: dict[str, Any], topic: str, partition: int, start: int, until: int) -> dict[int, int]:
    """Return the holes from offset `start` on, up to offset `until` or the end of what is committed.

    A hole is given by its start and the offset after it. What Kafka removed unread is no hole.

    Raises:
        KafkaError: Kafka cannot be reached.
    """
    tp = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        **client, group_id=None, enable_auto_commit=False, auto_offset_reset="none", isolation_level="read_committed"
    )
    holes: dict[int, int] = {}
    try:
        await consumer.start()
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, start)
        expected = position = start
        while position < end and position <= until:
            fetched = await consumer.getmany(tp, timeout_ms=FETCH_MS)
            for record in fetched.get(tp, ()):
                if record.offset > expected:
                    holes[expected] = record.offset
                expected = record.offset + 1
            position = await consumer.position(tp)
        if position > expected:
            holes[expected] = position
    except OffsetOutOfRangeError:
        return {}
    finally:
        await consumer.stop()
    return holes
