"""Gather the facts: what is written first, then what it was made from, so that a running program never looks wrong."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agents.probes.reading import Reader, retention_s
from agents.progress import Progress
from agents.reconcile import files
from agents.reconcile.facts import DECIDED, PRED, SENT, TRUE, WAITING, Fact, Facts
from agents.reconcile.judge import MATCHED
from agents.reconcile.log import LogPart
from streams import decision, quarantine, verdicts
from streams.records import decode_record
from streams.settings import Kind, Settings
from streams.topics import topics
from streams.verdicts import Verdict

SIDES: tuple[Kind, Kind] = ("y_true", "y_pred")
MINE = tuple(f"topic {kind}/" for kind in SIDES)


class Gathered(msgspec.Struct):
    """What was found beside the facts, by log identity and partition.

    `written`: up to which decision the files must be. `metric_from`: the first decision that the topic `metric` holds.
    """

    logs: list[LogPart] = []
    written: dict[str, dict[int, int]] = {}
    metric_from: dict[tuple[str, int], int] = {}
    metric_is_whole: bool = True
    quarantine_from: int = 0
    strange: list[str] = []
    unchecked: list[str] = []


class Gatherer:
    """Reads everything once. `start` and `end`: the span of decisions that is looked at, UTC epoch seconds."""

    def __init__(self, settings: Settings, reader: Reader, facts: Facts, *, start: float | None, end: float | None):
        self._settings, self._reader, self._facts = settings, reader, facts
        self._start, self._end = start, end
        self._names = topics(settings)
        self.found = Gathered()

    async def run(self) -> Gathered:
        """Read files, `metric`, decision logs, inputs and quarantine, in this order.

        Raises:
            Away: Kafka does not answer.
        """
        self._files(self._settings.logs_dir)
        await self._metric()
        n = self._settings.partitions
        inputs = [await self._reader.bounds(self._names.of_kind(kind).name, n) for kind in SIDES]
        for p, (first, end) in enumerate(await self._reader.bounds(self._names.pairs_log.name, n)):
            self.found.logs.append(await self._log(p, first, end, (inputs[TRUE][p][0], inputs[PRED][p][0])))
        expected_from = time.time() - await retention_s(self._settings, self._names.quarantine.name)
        for side in (TRUE, PRED):
            for part in self.found.logs:
                await self._input(side, part, expected_from)
        await self._quarantine()
        return self.found

    def _files(self, directory: Path) -> None:
        if "plot" not in self._settings.agents:
            self.found.unchecked.append("HINDSIGHT_AGENTS leaves out `plot`: the CSV files are another worker's")
            return
        try:
            self.found.written = files.state(directory).positions
            for row in files.rows(directory):
                if isinstance(row, Fact):
                    self._facts.add([row])
                else:
                    self.found.strange.append(row)
        except files.NoLog as exc:
            self.found.unchecked.append(str(exc))

    async def _metric(self) -> None:
        """Read the topic `metric` as its readers do: what is at or before the last one seen came again."""
        topic = self._names.metric.name
        last: dict[tuple[str, int], int] = {}
        first, end = (await self._reader.bounds(topic, 1))[0]
        self.found.metric_is_whole = first == 0
        async for record in self._records(topic, 0, first, end):
            try:
                sent = verdicts.decode(record.value or b"")
            except msgspec.MsgspecError as exc:
                self.found.strange.append(f"{topic}@{record.offset} is no record of ours: {exc}")
                continue
            key = (sent.log, sent.partition)
            self.found.metric_from.setdefault(key, sent.offset)
            if sent.offset > last.get(key, -1):
                last[key] = sent.offset
                self._facts.add(_fact(SENT, verdict, sent.partition, sent.offset) for verdict in sent.rows)

    async def _log(self, partition: int, first: int, end: int, input_first: tuple[int, int]) -> LogPart:
        topic = self._names.pairs_log.name
        part = LogPart(partition, first, input_first)
        async for record in self._records(topic, partition, first, end):
            try:
                decided = decision.decode(record.value or b"")
                rows = msgspec.json.decode(decided.verdicts, type=list[Verdict]) if decided.verdicts else []
            except msgspec.MsgspecError as exc:
                self.found.strange.append(f"{topic}/{partition}@{record.offset} is no record of ours: {exc}")
                continue
            if not decision.is_valid(decided, record.offset):
                continue
            kinds = Counter[str](row.verdict for row in rows)
            self.found.strange += part.take(record.offset, decided, kinds, self._start, self._end)
            self._facts.add(_fact(DECIDED, verdict, partition, record.offset) for verdict in rows)
            began = (key[1:].decode("utf-8", "replace") for key in decided.waiting)
            self._facts.add(Fact(row_id, WAITING, "", 0.0, 0.0, partition, record.offset) for row_id in began)
        return part

    async def _input(self, side: int, part: LogPart, expected_from: float) -> None:
        kind = SIDES[side]
        topic = self._names.of_kind(kind).name
        first, end = part.inputs(side)
        kept = (await self._reader.bounds(topic, self._settings.partitions))[part.partition]
        async for record in self._records(topic, part.partition, first, min(end, kept[1])):
            rows, unreadable = decode_record(kind, record.value or b"", ts=record.timestamp)
            part.n_rows[side] += len(rows)
            part.n_unreadable += len(unreadable)
            self._facts.add(
                Fact(row.id, side, "", getattr(row, kind), 0.0, part.partition, record.offset) for row in rows
            )
            if record.timestamp / 1000 >= expected_from:
                for row in unreadable:
                    self._facts.expect_in_quarantine(
                        f"topic {kind}/{part.partition}@{record.offset}", hashlib.sha256(row.raw).digest()
                    )

    async def _quarantine(self) -> None:
        topic = self._names.quarantine.name
        first, end = (await self._reader.bounds(topic, 1))[0]
        self.found.quarantine_from = first
        assembling = quarantine.Assembler()
        async for record in self._records(topic, 0, first, end):
            for row in assembling.add(record.offset, record.value or b"", record.headers):
                self._quarantined(topic, row)
        for row in assembling.rest():
            self._quarantined(topic, row)

    def _quarantined(self, topic: str, row: quarantine.Kept) -> None:
        if not row.whole:
            self.found.strange.append(f"{topic}@{row.offset} (of {row.source}) lacks some of its parts")
        if row.source.startswith(MINE):
            self._facts.is_in_quarantine(row.source, hashlib.sha256(row.raw).digest())

    async def _records(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Any]:
        with Progress(f"Reading {topic}/{partition}", end - start) as progress:
            async for records in self._reader.read(topic, partition, start, end):
                for record in records:
                    yield record
                if records:
                    progress.show(records[-1].offset - start)


def _fact(kind: int, v: Verdict, partition: int, offset: int) -> Fact:
    given: Sequence[float | None]
    if v.verdict == MATCHED:
        given = (v.y_true, v.y_pred)
    else:
        given = (v.y_true, v.ts_true) if v.verdict == "unmatched_true" else (v.y_pred, v.ts_pred)
    a, b = (0.0 if value is None else value for value in given)
    return Fact(v.id, kind, v.verdict, a, b, partition, offset)
