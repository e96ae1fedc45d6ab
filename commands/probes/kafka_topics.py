"""Kafka's topics as they stand: what is kept, what is unread, and the join's counts from its log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from commands.probes import Unavailable
from streams.join.decision import Counts, Decision, is_valid
from streams.kafka.admin import Admin
from streams.kafka.errors import NoGroupYet
from streams.kafka.reader import Reader
from streams.kafka.records import TP
from streams.kafka.topics import topics
from streams.settings import Settings
from streams.table.decision_log import DecisionLog, LogIsNewer

TIMEOUT_S = 5.0
LOOK_BACK = 20
"""How many records before the end of a log are searched for a valid one: void records are rare, and never many."""


class Topic(NamedTuple):
    """A topic: Kafka records that are kept, and those after the consumer group's position. None: it is not there."""

    name: str
    partitions: int | None
    records: int | None
    lag: int | None


class Join(NamedTuple):
    """The counts of all partitions together, and the time of the last decision (None: there was none yet).

    `by_model`: the same of each listed model; empty if none are.
    """

    counts: Counts
    decided_at: float | None
    by_model: Mapping[str, Counts] = {}


async def topics_now(settings: Settings) -> list[Topic]:
    """Return every topic, in the order that rows pass through them.

    Raises:
        Unavailable: Kafka cannot be asked.
    """
    wanted = [topic.name for topic in topics(settings)]
    async with Admin(settings, timeout_s=TIMEOUT_S) as admin, Reader(settings, timeout_s=TIMEOUT_S) as reader:
        there = await admin.partitions()
        bounds = await reader.bounds([TP(name, p) for name in wanted for p in range(there.get(name, 0))])
        committed = await _committed(admin, settings.app_id)
    unread = {tp: end - max(committed.get(tp, 0), first) for tp, (first, end) in bounds.items()}
    kept = {tp: end - first for tp, (first, end) in bounds.items()}
    return [_topic(name, kept, unread if name in _read(settings) else None) for name in wanted]


async def join_now(settings: Settings, n_partitions: int) -> Join:
    """Return the join's counts, from the last valid record of each partition of the decision log.

    Raises:
        Unavailable: Kafka cannot be asked.
    """
    decisions = await last_decisions(settings, n_partitions)
    models = dict.fromkeys(name for d in decisions for name in (*d.checkpoint.listed, *d.checkpoint.by_model))
    by_model = {name: Counts.together(d.checkpoint.by_model.get(name, Counts()) for d in decisions) for name in models}
    total = Counts.together(d.checkpoint.counts for d in decisions)
    return Join(total, max((d.at for d in decisions), default=None), by_model)


async def last_decisions(settings: Settings, n_partitions: int) -> list[Decision]:
    """Return the last valid record of each partition of the decision log that has one.

    Raises:
        Unavailable: Kafka cannot be asked.
    """
    log = DecisionLog(settings, timeout_s=TIMEOUT_S)
    try:
        bounds = await log.bounds(list(range(n_partitions)))
        found = await asyncio.gather(*(_last(log, p, first, end) for p, (first, end) in bounds.items()))
    except LogIsNewer as exc:
        raise Unavailable(f"{exc}.") from None
    return [decision for decision in found if decision is not None]


def _read(settings: Settings) -> set[str]:
    """Return the topics that the consumer group reads."""
    names = topics(settings)
    return {names.features.name, names.y_true.name, names.y_pred.name, names.metric.name}


async def _committed(admin: Admin, group: str) -> dict[TP, int]:
    try:
        return await admin.committed(group)
    except NoGroupYet:  # no group ever read from this Kafka
        return {}


def _topic(name: str, kept: dict[TP, int], unread: dict[TP, int] | None) -> Topic:
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
