"""Our own join and metric log without Faust: `streams.table.owner.Owner` and the outbox, fed by aiokafka loops written by hand.

What Faust costs us is the difference. Durable as ours is; one process has all partitions: no group to share them with, no
standbys, no web view, no picture.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Sequence
from itertools import chain, zip_longest

import rocksdict
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.metric_log.local_path import local_path, unwritten
from agents.metric_log.log import MetricLog
from streams.join.deadlines import Rules
from streams.kafka import client as connect
from streams.kafka.caught_up import is_caught_up
from streams.kafka.topics import log_retention_s, topics
from streams.process.linger import Linger
from streams.settings import load
from streams.table import offset_gaps
from streams.table.context import ConsumedRecord
from streams.table.decision_log import DecisionLog
from streams.table.offsets import Position, positions
from streams.table.outbox import Outbox
from streams.table.owner import KINDS, LINGER_S, LONGEST_LINGER_S, Owner
from streams.table.pairs_table import BLOCK_CACHE_BYTES
from streams.table.restore import check_inputs, restore
from streams.table.store import PairsStore
from streams.wire.rows import Unreadable

COMMIT_S = 1.0
READ_MS = 1000
FETCH_BYTES = 4 << 20
RETRY_S = 0.2

settings = load(os.environ)
names = topics(settings)
client, producer = connect.kafka_client(settings), connect.kafka_producer(settings)
inputs = [names.of_kind(kind).name for kind in KINDS]


class Around:
    """What the owners ask about."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    def is_caught_up(self, partition: int, side: int, input_offsets: int) -> bool:
        """Tell whether the consumer knows that an input holds nothing past offset `input_offsets`."""
        return is_caught_up(self._consumer, TopicPartition(inputs[side], partition), input_offsets, time.time())

    async def look(self, partition: int, side: int, start: int, until: int) -> offset_gaps.Found:
        """Return what lies in an input."""
        return await offset_gaps.find(client, inputs[side], partition, start, until)

    def acknowledge(self, partition: int, side: int, offset: int) -> None:
        """Do nothing: `commit` asks the owners how far they are."""

    async def quarantine(self, topic_partition: str, offset: int, rows: Sequence[Unreadable]) -> None:
        """Refuse: the benchmark's rows are all readable."""
        raise ValueError(f"{topic_partition}@{offset} holds unreadable rows: {rows}")


async def main() -> None:
    """Join for ever."""
    consumer = AIOKafkaConsumer(
        **client, group_id=settings.app_id, enable_auto_commit=False, max_partition_fetch_bytes=FETCH_BYTES
    )
    await consumer.start()
    log = DecisionLog(names.pairs_log.name, client, producer)
    outbox = Outbox(names.metric.name, producer, deliver_locally=local_path.put)
    owners = await restored(log, outbox, Around(consumer))
    logging.info("ready")
    async with asyncio.TaskGroup() as tasks:
        for running in (outbox.run(), read(consumer, owners), commit(consumer, owners), write_log()):
            tasks.create_task(running)
        for owner in owners:
            tasks.create_task(owner.run())


async def restored(log: DecisionLog, outbox: Outbox, context: Around) -> list[Owner]:
    """Return the owners of all partitions, each with its state."""
    cache = rocksdict.Cache(BLOCK_CACHE_BYTES)
    rules = Rules(settings.join_window_s, settings.max_out_of_orderness_s, settings.dedupe_horizon_s)
    found = await kept()
    settings.state_path.mkdir(parents=True, exist_ok=True)
    owners, linger = [], Linger(LINGER_S, LONGEST_LINGER_S)
    for partition in range(settings.partitions):
        store = PairsStore(settings.state_path / f"pairs-{partition}", cache)
        store = await restore(partition, store, log, _no_other_log)
        check_inputs(partition, store.checkpoint, (found[inputs[0], partition], found[inputs[1], partition]))
        owner = Owner(
            partition,
            store,
            log,
            outbox,
            rules,
            context,
            linger,
            writer=secrets.token_hex(8),
            idle_record_s=log_retention_s(settings) / 3,
        )
        await owner.resend()
        owners.append(owner)
    return owners


async def kept() -> dict[tuple[str, int], Position]:
    """Return what Kafka has of the inputs, as soon as it answers: on a new Kafka, groups take a moment."""
    while True:
        try:
            return await positions(client, settings.app_id, inputs, names.pairs_log.name, settings.partitions)
        except KafkaError:
            await asyncio.sleep(RETRY_S)


def _no_other_log(partition: int, suffix: str) -> PairsStore:
    raise ValueError(f"the database of partition {partition} belongs to another log")


async def read(consumer: AIOKafkaConsumer, owners: Sequence[Owner]) -> None:
    """Hand each Kafka record to the owner of its partition; from all partitions in turn, so that both sides come together."""
    sides = {topic: side for side, topic in enumerate(inputs)}
    tps = [TopicPartition(topic, owner.partition) for topic in inputs for owner in owners]
    consumer.assign(tps)
    for tp in tps:
        consumer.seek(tp, owners[tp.partition].store.checkpoint.input_offsets[sides[tp.topic]] + 1)
    while True:
        fetched = await consumer.getmany(timeout_ms=READ_MS)
        for record in filter(None, chain.from_iterable(zip_longest(*fetched.values()))):
            side = sides[record.topic]
            await owners[record.partition].feed([ConsumedRecord.of(side, record)])


async def commit(consumer: AIOKafkaConsumer, owners: Sequence[Owner]) -> None:
    """Commit what the logs have, every now and then."""
    while True:
        await asyncio.sleep(COMMIT_S)
        input_offsets = {
            TopicPartition(topic, owner.partition): owner.store.checkpoint.input_offsets[side] + 1
            for owner in owners
            for side, topic in enumerate(inputs)
        }
        await consumer.commit(input_offsets)


async def write_log() -> None:
    """Write the metric log, from the short way and from the topic `metric`, as the worker does."""
    log, one_at_a_time = await asyncio.to_thread(MetricLog.open, settings.logs_dir), asyncio.Lock()
    local_path.is_open = True
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_write_what_is_handed_over(log, one_at_a_time))
        tasks.create_task(_write_what_kafka_has(log, one_at_a_time))


async def _write_what_is_handed_over(log: MetricLog, one_at_a_time: asyncio.Lock) -> None:
    while True:
        await local_path.filled.wait()
        local_path.filled.clear()
        async with one_at_a_time:
            if records := local_path.following(log.state.copy_of_positions()):
                await asyncio.to_thread(log.append, records)


async def _write_what_kafka_has(log: MetricLog, one_at_a_time: asyncio.Lock) -> None:
    tp = TopicPartition(names.metric.name, 0)
    group = f"{settings.app_id}-log"
    consumer = AIOKafkaConsumer(**client, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([tp])
    while True:
        found = (await consumer.getmany(timeout_ms=READ_MS)).get(tp)
        if found:
            async with one_at_a_time:
                if records := unwritten([record.value for record in found], log.state.copy_of_positions()):
                    await asyncio.to_thread(log.append, records)
            await consumer.commit()


if __name__ == "__main__":
    asyncio.run(main())
