"""When an input is known to hold nothing more, on a real Kafka behind a link that can fail."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.kafka.caught_up import is_caught_up
from tests.brokers import Brokers
from tests.faults.link import Link
from tests.waiting import wait_until

WAIT_S = 30.0


@pytest.fixture
def link(brokers: Brokers) -> Iterator[Link]:
    """A link to Kafka that can be a black hole."""
    link = Link(brokers.kafka, is_kafka=True)
    yield link
    link.close()


def test_an_input_is_caught_up_only_while_kafka_says_so(brokers: Brokers, link: Link) -> None:
    asyncio.run(watch(brokers, link))


async def watch(brokers: Brokers, link: Link) -> None:
    tp = TopicPartition(f"t{uuid.uuid4().hex[:10]}", 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(tp.topic, 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=brokers.kafka)
    consumer = AIOKafkaConsumer(bootstrap_servers=link.address, auto_offset_reset="earliest", fetch_max_wait_ms=20)
    await producer.start()
    await consumer.start()
    try:
        consumer.assign([tp])
        await producer.send_and_wait(tp.topic, b"row", partition=0)
        assert (await consumer.getone()).offset == 0

        async def becomes(drained: bool, input_offsets: int) -> None:
            what = f"the input is {'' if drained else 'not '}known to end at {input_offsets}"
            await asyncio.to_thread(
                wait_until, lambda: is_caught_up(consumer, tp, input_offsets, time.time()) == drained, WAIT_S, what
            )

        await becomes(True, 0)
        assert not is_caught_up(consumer, tp, -1, time.time())
        link.block()
        await producer.send_and_wait(tp.topic, b"a row that nobody hears of", partition=0)
        await becomes(False, 0)
        link.heal()
        assert (await consumer.getone()).offset == 1
        await becomes(True, 1)
        assert not is_caught_up(consumer, TopicPartition(tp.topic, 1), 0, time.time())
    finally:
        link.heal()
        await consumer.stop()
        await producer.stop()
