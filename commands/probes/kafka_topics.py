"""Kafka's topics as they stand: what is kept, what is unread, and the join's counts from its log."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from commands.probes import Unavailable
from streams.join.decision import Counts, Decision, is_valid
from streams.kafka.client import kafka_client
from streams.kafka.topics import topics
from streams.settings import Settings
from streams.table.decision_log import DecisionLog, LogIsNewer, LogUnavailable

TIMEOUT_MS = 5000
LOOK_BACK = 20
"""How many records before the end of a log are searched for a valid one: void records are rare, and never many."""


class Topic(NamedTuple):
    """A topic: Kafka records that are kept, and those after the consumer group's position. None: it is not there."""

    name: str
    partitions: int | None
    records: int | None
    lag: int | None


class Join(NamedTuple):
    """The counts of all partitions together, and the time of the last decision (None: there was none yet)."""

    counts: Counts
    decided_at: float | None


async def topics_now(settings: Settings) -> list[Topic]:
    """Return every topic, in the order that rows pass through them.

    Raises:
        Away: Kafka cannot be asked.
    """
    wanted = [topic.name for topic in topics(settings)]
    client = _client(settings)
    admin, consumer = AIOKafkaAdminClient(**client), AIOKafkaConsumer(**client, group_id=None)
    try:
        await admin.start()
        await consumer.start()
        existing = set(await admin.list_topics())
        described = await admin.describe_topics([name for name in wanted if name in existing])
        tps = [TopicPartition(t["topic"], p["partition"]) for t in described for p in t["partitions"]]
        first, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        committed = await _committed(admin, settings.app_id)
    except (KafkaError, OSError) as exc:
        raise Unavailable(f"Kafka at {settings.kafka_address} cannot be asked: {type(exc).__name__} {exc}.") from None
    finally:
        await consumer.stop()
        await admin.close()
    unread = {tp: end[tp] - max(committed.get(tp, 0), first[tp]) for tp in tps}
    kept = {tp: end[tp] - first[tp] for tp in tps}
    return [_topic(name, kept, unread if name in _read(settings) else None) for name in wanted]


async def join_now(settings: Settings, n_partitions: int) -> Join:
    """Return the join's counts, from the last valid record of each partition of the decision log.

    Raises:
        Away: Kafka cannot be asked.
    """
    log = DecisionLog(topics(settings).pairs_log.name, _client(settings), {})
    try:
        bounds = await log.bounds(list(range(n_partitions)))
        found = await asyncio.gather(*(_last(log, p, first, end) for p, (first, end) in bounds.items()))
    except LogUnavailable as exc:
        raise Unavailable(f"Kafka does not show the decision log: {exc}.") from None
    except LogIsNewer as exc:
        raise Unavailable(f"{exc}.") from None
    decisions = [decision for decision in found if decision is not None]
    total = {name: sum(getattr(d.checkpoint.counts, name) for d in decisions) for name in Counts.__struct_fields__}
    return Join(Counts(**total), max((d.at for d in decisions), default=None))


def _client(settings: Settings) -> dict[str, Any]:
    return kafka_client(settings) | {"request_timeout_ms": TIMEOUT_MS}


def _read(settings: Settings) -> set[str]:
    """Return the topics that the consumer group reads."""
    names = topics(settings)
    return {names.features.name, names.y_true.name, names.y_pred.name, names.metric.name}


async def _committed(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # no group ever read from this Kafka
        return {}
    return {tp: found.offset for tp, found in offsets.items() if found.offset >= 0}


def _topic(name: str, kept: dict[TopicPartition, int], unread: dict[TopicPartition, int] | None) -> Topic:
    mine = [tp for tp in kept if tp.topic == name]
    if not mine:
        return Topic(name, None, None, None)
    lag = None if unread is None else sum(unread[tp] for tp in mine)
    return Topic(name, len(mine), sum(kept[tp] for tp in mine), lag)


async def _last(log: DecisionLog, partition: int, first: int, end: int) -> Decision | None:
    last = None
    async for records in log.read(partition, max(first, end - LOOK_BACK), end):
        for offset, record in records:
            if is_valid(record, offset):
                last = record
    return last
