"""Where partitions stand in Kafka: what is kept, where they end, and how far the consumer group committed."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from streams.kafka.admin import Admin
from streams.kafka.reader import Reader
from streams.kafka.records import TP
from streams.settings import Settings


class Position(NamedTuple):
    """One partition, in offsets. `committed` is None where the group committed nothing."""

    topic: str
    first: int
    end: int
    committed: int | None

    @property
    def start(self) -> int:
        """Where a group begins to read that knows nothing but what it committed."""
        return max(self.first, self.committed or 0)


async def positions(settings: Settings, tps: Collection[TP]) -> dict[TP, Position]:
    """Return the position of each partition.

    Raises:
        Unavailable: Kafka cannot be reached, or does not know the group yet.
    """
    async with Admin(settings) as admin, Reader(settings) as reader:
        committed = await admin.committed(settings.app_id)
        bounds = await reader.bounds(tps)
    return {tp: Position(tp.topic, *bounds[tp], committed.get(tp)) for tp in tps}
