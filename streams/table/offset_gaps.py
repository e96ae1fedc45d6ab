"""Offsets of an input topic that hold no record for us: ends of transactions, aborted rows, what compaction removed.

No consumer is ever given them, so an owner that counts offsets must ask Kafka whether something lies there. It may be a
record, too, that Faust's consumer dropped in a rebalance.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

FETCH_MS = 200


class Holes:
    """The holes known of one partition of one input."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}

    def after(self, offset: int) -> int:
        """Return the offset at which a record can follow the one at `offset`."""
        return self._ends.get(offset + 1, offset + 1)

    def learn(self, ends: dict[int, int], input_offsets: int) -> None:
        """Take note of holes, by start and end; forget those before `input_offsets`, the last offset applied."""
        self._ends = {start: end for start, end in (self._ends | ends).items() if start > input_offsets}


class Found(NamedTuple):
    """What lies in a part of an input: `holes`, each by its start and the offset after it, and `records`."""

    holes: dict[int, int]
    records: list[ConsumerRecord[Any, Any]]


NOTHING = Found({}, [])


async def find(client: dict[str, Any], topic: str, partition: int, start: int, until: int) -> Found:
    """Return what lies from offset `start` on, before offset `until`, and the hole there if it is one.

    What Kafka removed unread is no hole.

    Raises:
        KafkaError: Kafka cannot be reached.
    """
    tp = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        **client, group_id=None, enable_auto_commit=False, auto_offset_reset="none", isolation_level="read_committed"
    )
    found = Found({}, [])
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
                    found.holes[expected] = record.offset
                expected = record.offset + 1
                if record.offset < until:
                    found.records.append(record)
            position = await consumer.position(tp)
        if position > expected:
            found.holes[expected] = position
    except OffsetOutOfRangeError:
        return NOTHING
    finally:
        await consumer.stop()
    return found
