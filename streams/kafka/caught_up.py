"""Whether an input holds nothing more, as far as its consumer was told lately."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition

HEARD_S = 3.0
"""What Kafka said longer ago about the end of an input is not known any more: it may hold rows by now."""


def is_caught_up(consumer: AIOKafkaConsumer, tp: TopicPartition, input_offsets: int, now: float) -> bool:
    """Tell whether an input is known to end with offset `input_offsets`; it is not while Kafka answers no fetch.

    Args:
        now: UTC epoch seconds.
    """
    if tp not in consumer.assignment():
        return False
    end, heard_ms = consumer.highwater(tp), consumer.last_poll_timestamp(tp)
    return end is not None and input_offsets + 1 >= end and now - heard_ms / 1e3 <= HEARD_S
