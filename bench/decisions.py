"""What the decision log tells after a run: when the join began and ended, and what it counted. Reading costs no worker."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from streams.connect import kafka_client
from streams.decision import Counts
from streams.decision_log import DecisionLog
from streams.settings import Settings
from streams.topics import topics


class Decided(NamedTuple):
    """One decision: its partition, when it was made (epoch seconds), the counts of its partition after it."""

    partition: int
    at: float
    counts: Counts


class Total(NamedTuple):
    """Sums over all partitions."""

    n_rows: int
    n_matched: int
    n_waiting: int


def read(settings: Settings) -> list[Decided]:
    """Return all decisions of a run, by time."""
    return asyncio.run(_read(settings))


def total(decided: list[Decided]) -> Total:
    """Return what was counted in the end."""
    last = [one.counts for one in {one.partition: one for one in decided}.values()]
    return Total(
        sum(counts.rows_true + counts.rows_pred for counts in last),
        sum(counts.matched for counts in last),
        sum(counts.waiting for counts in last),
    )


async def _read(settings: Settings) -> list[Decided]:
    log = DecisionLog(topics(settings).pairs_log.name, kafka_client(settings), {})
    decided: list[Decided] = []
    for partition, (first, end) in (await log.bounds(list(range(settings.partitions)))).items():
        async for records in log.read(partition, first, end):
            decided += [Decided(partition, record.at, record.head.counts) for _, record in records]
    return sorted(decided, key=lambda one: one.at)
