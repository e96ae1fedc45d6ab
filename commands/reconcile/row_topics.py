"""The facts of the three row topics and of quarantine, read after the decision log, which was made from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from commands.probes.kafka_ranges import Ranges
from commands.reconcile.facts import ANSWERED, FEATURES, PRED, TRUE, Fact, Facts
from commands.reconcile.log_span import LogPart
from streams.kafka.reader import Bounds
from streams.kafka.topics import topics
from streams.kinds import KINDS, Kind
from streams.settings import Settings
from streams.table.reading import unlisted
from streams.wire import forwarding
from streams.wire.decoder import Decoder
from streams.wire.forwarding import Marks, Origin
from streams.wire.kept import Assembler, Kept
from streams.wire.rows import PredRow, Row

CLOCKS_S = 60.0
"""How far the clocks of those who write to Kafka may lie apart, where its oldest records tell what was removed."""
ALWAYS, NEVER = float("-inf"), float("inf")
Records = Callable[[str, int, int, int], AsyncIterator[Any]]


class _Refused(msgspec.Struct):
    """What is looked at in a row of features that the model refused."""

    id: str


_decode_refused = msgspec.json.Decoder(_Refused | list[_Refused]).decode


class Inputs:
    """Reads them once. `records`: what yields the records of a topic's partition from one offset to another.

    `n_there`: rows by queue that are in their topic, or that a bridge refused. `all_is_there`: they are all that ever
    came. Quarantine has what was refused since `quarantine_since`, UTC epoch seconds.
    """

    def __init__(
        self,
        settings: Settings,
        reader: Ranges,
        records: Records,
        facts: Facts,
        *,
        start: float | None,
        end: float | None,
    ):
        self._settings, self._reader, self._records, self._facts = settings, reader, records, facts
        self._names = topics(settings)
        self._decoders: dict[Kind, Decoder] = {kind: Decoder(kind, settings.fields) for kind in KINDS}
        self._is_all = start is None and end is None
        self._start = ALWAYS if start is None else start
        self._end = NEVER if end is None else end
        self._answers_from = [ALWAYS] * settings.partitions
        self.model_is_ours = "model" in settings.agents
        self.all_is_there = self._is_all
        self.n_there = Counter[Kind]()
        self.n_quarantine_removed = 0
        self.quarantine_since = ALWAYS
        self.strange: list[str] = []

    async def read(self, logs: Sequence[LogPart], answered_to: Sequence[int]) -> None:
        """Read all of them.

        Args:
            logs: the decision logs, which say up to where the join has come.
            answered_to: per partition, up to which offset of features the model has come, asked for before.

        Raises:
            Unavailable: Kafka does not answer.
        """
        for side in (TRUE, PRED):
            kind: Kind = "y_true" if side == TRUE else "y_pred"
            for part, kept in zip(logs, await self._bounds(kind), strict=True):
                await self._side(side, kind, part, kept)
        await self._quarantine()
        for p, (first, end) in enumerate(await self._bounds("features")):
            await self._features(p, first, end, answered_to[p])

    async def _bounds(self, kind: Kind) -> list[Bounds]:
        bounds = await self._reader.bounds(self._names.of_kind(kind).name, self._settings.partitions)
        self.all_is_there &= not any(first for first, _ in bounds)
        return bounds

    async def _side(self, side: int, kind: Kind, part: LogPart, kept: tuple[int, int]) -> None:
        """Read one partition of y_true or y_pred: what the join has taken, and what else the other sums need."""
        p = part.partition
        first, end = part.inputs(side)
        if side == PRED and kept[0]:
            self._answers_from[p] = NEVER
        everything = self._is_all or (side == PRED and self.model_is_ours)
        read_from, read_to = kept if everything else (first, min(end, kept[1]))
        seen = _Seen(side, part.start.origins if part.start else {})
        async for record in self._records(self._names.of_kind(kind).name, p, read_from, read_to):
            if side == PRED and self._answers_from[p] == NEVER:
                self._answers_from[p] = record.timestamp / 1000 + CLOCKS_S
            found, unreadable = self._decoders[kind].record(record.value or b"", record.timestamp / 1000, record.key)
            rows: Sequence[Row] = found
            if side == PRED:
                rows, refused = unlisted(kind, found, part.listings.at_prediction(record.offset))
                unreadable = [*unreadable, *refused]
            marks, in_span = forwarding.marks(record.headers), first <= record.offset < end
            self.n_there[kind] += len(found) if marks.origin is None else 0
            here = self._joined_here(seen, part, record.offset, marks, rows, len(found), in_span=in_span)
            if here is None:
                continue
            rows = here
            if not in_span:
                if side == PRED and self.model_is_ours:
                    self._facts.add(Fact(row.id, ANSWERED, "", 0.0, 0.0, p, -1) for row in rows)
                continue
            part.n_rows[side] += len(rows)
            part.n_unreadable += sum(one.n_rows for one in unreadable)
            self._facts.add(
                Fact(row.id, side, "", getattr(row, kind), 0.0, p, record.offset, model)
                for row in rows
                for model in self._lanes(side, part, record.offset, row)
            )
            for row in unreadable:
                self._expect(f"{kind}/{p}@{record.offset}", row.raw, record.timestamp)

    async def _features(self, partition: int, first: int, end: int, answered_to: int) -> None:
        """Read one partition of features: what the model has taken must be answered, if quarantine and y_pred tell."""
        since = max(self._start, self._answers_from[partition], self.quarantine_since)
        async for record in self._records(self._names.features.name, partition, first, end):
            rows, unreadable = self._decoders["features"].record(
                record.value or b"", record.timestamp / 1000, record.key
            )
            self.n_there["features"] += len(rows)
            at = record.timestamp / 1000
            if not self.model_is_ours or record.offset >= answered_to or not self._start <= at < self._end:
                continue
            if at >= since:
                self._facts.add(Fact(row.id, FEATURES, "", 0.0, 0.0, partition, record.offset) for row in rows)
            for row in unreadable:
                self._expect(f"features/{partition}@{record.offset}", row.raw, record.timestamp)

    def _lanes(self, side: int, part: LogPart, offset: int, row: Row) -> Sequence[str]:
        if side == TRUE:
            return part.listings.of_truth(offset)
        return [part.listings.of_prediction(offset, cast(PredRow, row).model)]

    def _joined_here(
        self, seen: _Seen, part: LogPart, offset: int, marks: Marks, rows: Sequence[Row], n_rows: int, *, in_span: bool
    ) -> Sequence[Row] | None:
        """Return which rows, of `n_rows` of a record, are joined where they lie, and count the others: their copies are.

        None if it is a second copy, which the join drops, too; or if all were sent on from here to here, being too many for one
        decision: they were counted where they lay, and those that have another partition since then are counted there.
        """
        if marks.origin is not None and not seen.is_new(marks.origin):
            return None
        n_partitions = part.placings.at_input(seen.side, offset) or self._settings.partitions
        mine = rows if marks.n_partitions == n_partitions else forwarding.parted(rows, part.partition, n_partitions)[0]
        n_foreign = len(rows) - len(mine)
        is_again = part.end is not None and marks.origin is not None and marks.origin.log == part.end.log
        if in_span:
            part.n_foreign += n_foreign + (n_rows if is_again else 0)
            part.n_rows[seen.side] -= n_foreign if is_again else 0
        return None if is_again else mine

    def _expect(self, where: str, raw: bytes, timestamp: int) -> None:
        self._facts.expect_in_quarantine(f"topic {where}", raw, timestamp / 1000)

    async def _quarantine(self) -> None:
        topic = self._names.quarantine.name
        first, end = (await self._reader.bounds(topic, 1))[0]
        self.n_quarantine_removed = first
        self.all_is_there &= not first
        if first:
            self.quarantine_since = NEVER
        assembling = Assembler()
        async for record in self._records(topic, 0, first, end):
            if self.quarantine_since == NEVER:
                self.quarantine_since = record.timestamp / 1000 + CLOCKS_S
            for row in assembling.add(record.offset, record.value or b"", record.headers):
                self._quarantined(topic, row)
        for row in assembling.rest():
            self._quarantined(topic, row)

    def _quarantined(self, topic: str, row: Kept) -> None:
        if not row.whole:
            self.strange.append(f"{topic}@{row.offset} (of {row.source}) lacks some of its parts")
        came_by, _, name = row.source.partition(" ")
        if came_by == "queue":
            self.n_there[name] += row.n_rows  # type: ignore[index]  # whatever it is called: only our queues are asked for
        elif row.reason in ("bad_features", "bad_prediction"):
            self._refused(row)
        else:
            self._facts.is_in_quarantine(row.source, row.raw)

    def _refused(self, row: Kept) -> None:
        try:
            refused = _decode_refused(row.raw)
            rows = refused if isinstance(refused, list) else [refused]
            self._facts.add(Fact(one.id, ANSWERED, "", 0.0, 0.0, -1, -1) for one in rows)
        except Exception:  # foreign bytes: msgspec raises more than its own errors
            self.strange.append(f"quarantine@{row.offset} ({row.reason}) holds no row that a model was given")


class _Seen:
    """Which records of those that were sent on a partition has seen, as its owner keeps it."""

    def __init__(self, side: int, origins: Mapping[str, int]):
        self.side, self._last = side, dict(origins)

    def is_new(self, origin: Origin) -> bool:
        """Tell whether a record is no second copy, and keep it."""
        source = f"{origin.log}/{self.side}"
        is_new = origin.number > self._last.get(source, -1)
        self._last[source] = max(origin.number, self._last.get(source, -1))
        return is_new
