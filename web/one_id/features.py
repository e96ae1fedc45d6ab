"""The features that an id was predicted from, looked up in Kafka when somebody asks: nothing of ours keeps them.

A prediction carries the `ts` of its features, and comes after them. So the row lies in the topic `features` between that
`ts` and the prediction's arrival, most often right behind the one or before the other: two short stretches are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from streams.kafka.errors import OffsetsRemoved
from streams.kafka.reader import Reader
from streams.kafka.records import TP, StoredRecord
from streams.kafka.topics import topics
from streams.process.unavailable import Unavailable
from streams.settings import Settings
from streams.wire.decoder import Decoder
from streams.wire.rows import FeaturesRow
from streams.wire.values import Cell
from web.one_id.payloads import pieces
from web.pairs.pair_view import PairView, Side

TIMEOUT_S = 2.0
MOST_RECORDS = 500
"""A stretch of so many records is read at the most, and of so many bytes both together."""
MOST_BYTES = 8 << 20
FETCH_BYTES = 1 << 20
SLACK_S = 1.0
"""Clocks of brokers and services differ a little."""
Named = list[tuple[str, Cell]]


class Features(msgspec.Struct, frozen=True):
    """What an id was predicted from, by name, and where it lies in Kafka; or a sentence why it is not known."""

    values: Named
    topic: str = ""
    partition: int | None = None
    offset: int | None = None
    ts: float | None = None
    problem: str = ""


class _Found(NamedTuple):
    """A row of features, and the offset of its record."""

    row: FeaturesRow
    offset: int


class FeaturesTopic:
    """The topic of features, for those who look for rows in it: one after the other."""

    def __init__(
        self, settings: Settings, problems: Mapping[str, str], names: Callable[[str], Sequence[str] | None]
    ) -> None:
        """Take the settings, and what returns the names of a model's features in its order, where they are known."""
        self._settings, self._problems, self._names = settings, problems, names
        self._topic = topics(settings).features.name
        self._decoder = Decoder("features", settings.fields)
        self._reader = Reader(settings, fetch_bytes=FETCH_BYTES)
        self._reading = asyncio.Lock()

    async def stop(self) -> None:
        """Leave Kafka."""
        await self._reader.stop()


class FeaturesOf(FeaturesTopic):
    """Looks for the features of one id after the other."""

    async def of(self, pair: PairView) -> Features:
        """Return the features that an id was predicted from."""
        if pair.pred is None:
            return Features([], problem="No prediction came, so that there are no features that led to one.")
        if self._problems["kafka"]:
            return Features([], problem=self._problems["kafka"])
        try:
            async with asyncio.timeout(TIMEOUT_S), self._reading:
                return await self._look(pair, pair.pred)
        except (Unavailable, OffsetsRemoved) as exc:
            return Features([], problem=str(exc))
        except TimeoutError:
            return Features([], problem="Kafka did not show the topic of features in time. Reload the page.")

    async def _look(self, pair: PairView, pred: Side) -> Features:
        tp = TP(self._topic, pair.partition)
        first, end = (await self._reader.bounds([tp]))[tp]
        if first >= end:
            return Features([], problem=f"Partition {tp.partition} of {tp.topic} holds no features now.")
        behind = await self._reader.offset_at(tp, pred.ts - SLACK_S)
        before = min(end, await self._reader.offset_at(tp, pred.at + SLACK_S))
        found, n_bytes = None, 0
        for start, stop in stretches(behind, before):
            async for records in self._reader.read(tp, max(start, first), stop):
                n_bytes += sum(len(record.value or b"") for record in records)
                found = self._best([found, *self._rows(records, pair.id)], pred.ts)
                if n_bytes > MOST_BYTES:
                    break
            if found is not None and found.row.ts == pred.ts:
                break
        if found is not None:
            return Features(named(found.row, self._names(pair.carried.model or "")), *tp, found.offset, found.row.ts)
        if behind <= first and first > 0:
            return Features([], problem="Kafka has removed the features of that time: their retention has ended.")
        return Features(
            [], problem=f"Partition {tp.partition} of {tp.topic} holds none of this id around its prediction."
        )

    def _rows(self, records: Sequence[StoredRecord], row_id: str) -> list[_Found]:
        """Return the rows of an id among records."""
        found = []
        for record in records:
            for piece in pieces(record.value or b"", row_id, self._settings.fields, record.key or b""):
                rows, _ = self._decoder.record(piece.encode(), record.timestamp / 1000, record.key)
                found += [_Found(row, record.offset) for row in rows if isinstance(row, FeaturesRow)]
        return found

    @staticmethod
    def _best(found: Sequence[_Found | None], ts: float) -> _Found | None:
        """Return the row that has the very `ts` of a prediction, else the last one."""
        rows = [one for one in found if one is not None]
        return next((one for one in rows if one.row.ts == ts), rows[-1] if rows else None)


def named(row: FeaturesRow, names: Sequence[str] | None) -> Named:
    """Return the features of a row by name: their own, a model's in its order, or their places."""
    if isinstance(row.features, dict):
        return list(row.features.items())
    if names is None or len(names) != len(row.features):
        names = [str(n) for n in range(1, len(row.features) + 1)]
    return list(zip(names, row.features, strict=True))


def stretches(behind: int, before: int) -> list[tuple[int, int]]:
    """Return what is read, from one offset up to, not with, another: all between both ends if that is short."""
    if before - behind <= 2 * MOST_RECORDS:
        return [(behind, before)] if before > behind else []
    return [(behind, behind + MOST_RECORDS), (before - MOST_RECORDS, before)]
