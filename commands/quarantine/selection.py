"""The rows of the topic `quarantine`, with what was done with them, and which of them are meant."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Collection
from typing import Any, NamedTuple

from commands.probes import Unavailable
from commands.probes.kafka_ranges import Ranges
from streams.kafka.topics import topics
from streams.kinds import KINDS, Kind
from streams.settings import Settings
from streams.wire.kept import Assembler, Kept
from streams.wire.refusals import Refusals, Refused, kind_of, summed_up
from streams.wire.resolutions import Resolution, decode_resolution
from streams.wire.resolutions import n_open as n_unresolved
from streams.wire.versions import Newer

NEWEST = 500
"""So many records are summed up: who looks wants to know what is wrong now."""


class Row(NamedTuple):
    """A row in quarantine. `kind`: the queue it belongs to, None if its source names none of ours."""

    kept: Kept
    kind: Kind | None
    resolution: Resolution | None


class Filter(NamedTuple):
    """Which rows are meant; what is empty or None says nothing. Times are UTC epoch seconds."""

    numbers: Collection[int] = ()
    reason: str = ""
    queue: str = ""
    start: float | None = None
    end: float | None = None
    resolved: bool = False

    def takes(self, row: Row) -> bool:
        """Tell whether a row is meant."""
        kept = row.kept
        return (
            (not self.numbers or kept.offset in self.numbers)
            and self.reason in ("", kept.reason)
            and self.queue in ("", row.kind)
            and (self.start is None or kept.at >= self.start)
            and (self.end is None or kept.at < self.end)
            and (self.resolved or row.resolution is None)
        )


async def rows(reader: Ranges, settings: Settings, wanted: Filter, *, newest: int = sys.maxsize) -> AsyncIterator[Row]:
    """Yield the rows that are meant, the oldest first, one at a time; only those of the `newest` records.

    Raises:
        Unavailable: Kafka does not answer, or has no such topic.
    """
    names = topics(settings)
    done = await resolutions(reader, names.resolved.name)
    assembling = Assembler()
    first, end = (await reader.bounds(names.quarantine.name, 1))[0]
    async for records in reader.read(names.quarantine.name, 0, max(first, end - newest), end):
        for record in records:
            for kept in assembling.add(record.offset, record.value or b"", record.headers):
                if wanted.takes(row := _row(kept, done, settings)):
                    yield row
    for kept in assembling.rest():
        if wanted.takes(row := _row(kept, done, settings)):
            yield row


async def refusals(reader: Ranges, settings: Settings) -> list[Refusals]:
    """Return what the newest records of quarantine hold that nobody has dealt with, summed up by kind.

    Raises:
        Unavailable: Kafka does not answer, or has no such topic.
    """
    first, end = (await reader.bounds(topics(settings).quarantine.name, 1))[0]
    found = [row async for row in rows(reader, settings, Filter(), newest=NEWEST) if row.kept.whole]
    return summed_up(
        (Refused(row.kind or row.kept.source, row.kept.n_rows, row.kept.at, row.kept.detail) for row in found),
        is_least=end - first > NEWEST,
    )


async def n_open(reader: Ranges, settings: Settings) -> int:
    """Return how many records of quarantine nobody has dealt with.

    Raises:
        Unavailable: Kafka does not answer, or has no such topic.
    """
    names = topics(settings)
    first, end = (await reader.bounds(names.quarantine.name, 1))[0]
    return n_unresolved(first, end, await resolutions(reader, names.resolved.name))


async def resolutions(reader: Ranges, topic: str) -> dict[int, Resolution]:
    """Return what was done last with each row, by its offset; records that are none of ours are left out.

    Raises:
        Unavailable: Kafka does not answer, or a newer program wrote one.
    """
    if not await reader.has(topic):
        return {}
    known: dict[int, Resolution] = {}
    async for records in reader.read(topic, 0, *(await reader.bounds(topic, 1))[0]):
        for record in records:
            found = decode_resolution(record.key, record.value)
            if isinstance(found, Newer):
                raise Unavailable(f"{found}.")
            if found is not None:
                known[found[0]] = found[1]
    return known


def _row(kept: Kept, done: dict[int, Resolution], settings: Settings) -> Row:
    resolution = done.get(kept.offset)
    if resolution is not None and resolution.row_at != kept.at:
        resolution = None
    return Row(kept, kind_of(kept.source, settings.namespace), resolution)


def kind_named(name: str, settings: Settings) -> str:
    """Return the kind of rows that a kind, a queue or a topic of this name holds; the name itself if there is none."""
    named = {kind: (kind, settings.queue_of(kind), settings.topic_of(kind)) for kind in KINDS}
    return next((kind for kind in KINDS if name in named[kind]), name)


def shown(row: Row) -> dict[str, Any]:
    """Return what is known of a row, but for its bytes."""
    kept = row.kept
    return {
        "number": kept.offset,
        "at": kept.at,
        "queue": row.kind,
        "source": kept.source,
        "reason": kept.reason,
        "detail": kept.detail,
        "n_rows": kept.n_rows,
        "n_bytes": len(kept.raw),
        "whole": kept.whole,
        "resolved": row.resolution.what if row.resolution else None,
    }
