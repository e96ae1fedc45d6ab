"""The features that many ids were predicted from, read from Kafka in one stretch a partition, as far as it still has them.

As for one id (`web.one_id.features`), but the stretch reaches from the oldest `ts` of the ids to the newest arrival of their
predictions. It is bounded: of a long stretch the end is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from streams.kafka.errors import OffsetsRemoved
from streams.kafka.records import TP, StoredRecord
from streams.process.unavailable import Unavailable
from streams.scores.by_feature import Cells
from streams.wire.rows import FeaturesRow
from web.one_id.features import SLACK_S, FeaturesTopic, named
from web.pairs.pair_view import PairView

TIMEOUT_S = 8.0
MOST_BYTES = 16 << 20
"""So much is read of all partitions together."""
MOST_RECORDS = 20_000
"""A stretch is of so many records at the most."""


class FeaturesOfMany(FeaturesTopic):
    """Looks for the features of many ids at once; one who asks after the other."""

    async def of(self, pairs: Sequence[PairView]) -> dict[str, Cells]:
        """Return the features of those ids of which they are found.

        Raises:
            Unavailable: Kafka does not answer, or not in time.
        """
        if problem := self._problems["kafka"]:
            raise Unavailable(problem)
        by_partition: dict[int, list[PairView]] = {}
        for pair in pairs:
            if pair.pred is not None:
                by_partition.setdefault(pair.partition, []).append(pair)
        found: dict[str, Cells] = {}
        most_bytes = MOST_BYTES // max(1, len(by_partition))
        try:
            async with asyncio.timeout(TIMEOUT_S), self._reading:
                for partition, some in by_partition.items():
                    found |= await self._of_partition(TP(self._topic, partition), some, most_bytes)
        except OffsetsRemoved:
            return found  # removed while it was read: what was found is true
        except TimeoutError:
            raise Unavailable("Kafka did not show the topic of features in time.") from None
        return found

    async def _of_partition(self, tp: TP, pairs: Sequence[PairView], most_bytes: int) -> dict[str, Cells]:
        sides = {pair.id: pair.pred for pair in pairs if pair.pred is not None}
        first, end = (await self._reader.bounds([tp]))[tp]
        start = await self._reader.offset_at(tp, min(pred.ts for pred in sides.values()) - SLACK_S)
        stop = min(end, await self._reader.offset_at(tp, max(pred.at for pred in sides.values()) + SLACK_S))
        start = max(first, start, stop - MOST_RECORDS)
        rows: dict[str, FeaturesRow] = {}
        n_bytes = 0
        async for records in self._reader.read(tp, start, stop):
            n_bytes += sum(len(record.value or b"") for record in records)
            for row in await asyncio.to_thread(self._rows, records, sides.keys()):
                if row.id not in rows or row.ts == sides[row.id].ts:
                    rows[row.id] = row
            if n_bytes > most_bytes:
                break
        models = {pair.id: pair.carried.model or "" for pair in pairs}
        return {row_id: dict(named(row, self._names(models[row_id]))) for row_id, row in rows.items()}

    def _rows(self, records: Sequence[StoredRecord], ids: Collection[str]) -> list[FeaturesRow]:
        """Return the rows of some ids among records."""
        found = []
        for record in records:
            rows, _ = self._decoder.record(record.value or b"", record.timestamp / 1000, record.key)
            found += [row for row in rows if isinstance(row, FeaturesRow) and row.id in ids]
        return found
