"""Kafka's consumer group and topics that come late, on a real Kafka, with aiokafka and Faust's assignor."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faust.transport.drivers.aiokafka import ConsumerRebalanceListener

from streams.faust_app import app as worker
from streams.faust_overrides import App, PartitionAssignor, RebalanceListener
from tests.brokers import Brokers
from tests.waiting import wait_until

WAIT_S = 30.0
MEMBER = "worker-1"


class Member:
    """What a rebalance listener sees of a worker: its thread, its app and its consumer, which is always the same member."""

    def __init__(self, kafka: str, name: str, listener: type[ConsumerRebalanceListener]) -> None:
        self.app = App(name, broker=f"kafka://{kafka}", PartitionAssignor=PartitionAssignor)
        self.name, self.listener, self.n_assigned = name, listener(self), 0
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka,
            group_id=name,
            group_instance_id=MEMBER,
            partition_assignment_strategy=[self.app.assignor],
            metadata_max_age_ms=worker.conf.consumer_metadata_max_age_ms,
        )

    async def start(self) -> None:
        """Start its consumer, which subscribes after that, as Faust's does."""
        await self.consumer.start()
        self.consumer.subscribe({self.name}, listener=self.listener)

    def _ensure_consumer(self) -> AIOKafkaConsumer:
        return self.consumer

    def pause_active_changelogs(self, assigned: Iterable[Any]) -> None: ...

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None: ...

    async def on_partitions_assigned(self, assigned: Iterable[Any], generation: int) -> None:
        self.n_assigned += 1

    async def becomes(self, partitions: set[int]) -> None:
        """Wait until it was given partitions, and has these."""

        def has_them() -> bool:
            return self.n_assigned > 0 and {tp.partition for tp in self.consumer.assignment()} == partitions

        await asyncio.to_thread(wait_until, has_them, WAIT_S, f"the member has the partitions {partitions}")


@asynccontextmanager
async def member(kafka: str, name: str, listener: type[ConsumerRebalanceListener]) -> AsyncIterator[Member]:
    """Have a member of a group that reads the topic of the same name."""
    made = Member(kafka, name, listener)
    try:
        await made.start()
        yield made
    finally:
        await made.consumer.stop()


@asynccontextmanager
async def back_to_a_recreated_topic(kafka: str, listener: type[ConsumerRebalanceListener]) -> AsyncIterator[Member]:
    """Have a member come back that was there while its topic was missing; it has two partitions now."""
    name = f"t{uuid.uuid4().hex[:10]}"
    async with member(kafka, name, listener) as before:
        await before.becomes(set())
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()
    async with member(kafka, name, listener) as after:
        yield after


def test_a_worker_that_comes_back_to_recreated_topics_gets_their_partitions(brokers: Brokers) -> None:
    async def watch() -> None:
        async with back_to_a_recreated_topic(brokers.kafka, RebalanceListener) as back:
            await back.becomes({0, 1})

    asyncio.run(watch())


def test_without_our_listener_it_gets_none_and_watches_for_none(brokers: Brokers) -> None:
    async def watch() -> None:
        async with back_to_a_recreated_topic(brokers.kafka, ConsumerRebalanceListener) as back:
            await back.becomes(set())
            assert back.consumer._coordinator._group_subscription is None, "aiokafka watches topics in every member now"

    asyncio.run(watch())
