"""What the decision log tells after a run: when the join began and ended, and what it counted. Reading costs no worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.join.decision import Counts
from streams.settings import Settings
from streams.table.decision_log import DecisionLog


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


def ends(settings: Settings) -> dict[int, int]:
    """Return the offset at which each partition of the log ends."""
    return asyncio.run(_ends(settings))


def read(settings: Settings, start: Mapping[int, int] | None = None) -> list[Decided]:
    """Return the decisions of a run by time: all, or those from an offset on in each partition."""
    return asyncio.run(_read(settings, start or {}))


def last_total(settings: Settings) -> Total:
    """Return what is counted so far; reads one record a partition."""
    return total(read(settings, {partition: end - 1 for partition, end in ends(settings).items()}))


def total(decided: Sequence[Decided]) -> Total:
    """Return what the last of some decisions count."""
    last = [one.counts for one in {one.partition: one for one in decided}.values()]
    return Total(
        sum(counts.rows_true + counts.rows_pred for counts in last),
        sum(counts.matched for counts in last),
        sum(counts.waiting for counts in last),
    )


async def _ends(settings: Settings) -> dict[int, int]:
    bounds = await DecisionLog(settings).bounds(list(range(settings.partitions)))
    return {partition: end for partition, (_, end) in bounds.items()}


async def _read(settings: Settings, start: Mapping[int, int]) -> list[Decided]:
    log = DecisionLog(settings)
    decided: list[Decided] = []
    for partition, (first, end) in (await log.bounds(list(range(settings.partitions)))).items():
        async for records in log.read(partition, max(first, start.get(partition, 0)), end):
            decided += [Decided(partition, record.at, record.checkpoint.counts) for _, record in records]
    return sorted(decided, key=lambda one: one.at)
