"""A whole run without brokers: topics as lists, decisions by the real join, CSV files by the real metric log."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.metric_log.log import MetricLog
from agents.predict import predict
from commands.reconcile.collect import Gatherer
from commands.reconcile.facts import Facts
from commands.reconcile.sums import Result, compute
from models.columns import NUMBER
from models.model import Model
from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.input import Input
from streams.kinds import Kind
from streams.settings import Settings
from streams.table.outbox import entry
from streams.wire import dead_letters, forwarding, verdicts
from streams.wire.decoder import Decoder
from streams.wire.rows import PredRow, Unreadable, encode_packet
from streams.wire.verdicts import Tag
from tests.dict_view import DictView

KINDS: tuple[Kind, Kind] = ("y_true", "y_pred")
LOG = "hindsight-pairs-changelog"
RULES = Rules(10.0, 1.0, 100.0)


class Record(NamedTuple):
    """One Kafka record."""

    offset: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes = b""
    timestamp: float = 0.0


class Reading:
    """What `commands.probes.kafka_ranges.Ranges` does, over lists. `first` is where a topic begins, `done` what is committed.

    `meanwhile` happens before each answer, and between two parts of one.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.meanwhile: Callable[[], None] = lambda: None
        self.topics: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.first: dict[tuple[str, int], int] = defaultdict(int)
        self.done: dict[tuple[str, int], int] = defaultdict(int)

    def put(self, topic: str, partition: int, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> int:
        """Append a record; return its offset."""
        held = self.topics[topic, partition]
        held.append(Record(len(held), value, headers, timestamp=self.now * 1000))
        return len(held) - 1

    async def bounds(self, topic: str, n_partitions: int) -> list[tuple[int, int]]:
        self.meanwhile()
        return [(self.first[topic, p], len(self.topics[topic, p])) for p in range(n_partitions)]

    async def committed(self, group: str, topic: str, n_partitions: int) -> list[int]:
        self.meanwhile()
        assert group == "hindsight"
        return [self.done[topic, p] for p in range(n_partitions)]

    async def has(self, topic: str) -> bool:
        return any(name == topic for name, _ in self.topics)

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        assert start >= self.first[topic, partition], "a consumer would get OffsetOutOfRange"
        for at in range(start, end, 3):
            self.meanwhile()
            yield self.topics[topic, partition][at : min(at + 3, end)]


class Summing:
    """Adds up the numbers of each row."""

    def predict(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        return table.sum(axis=1)


SUMMING = Model(Summing(), name="sum", version="1", columns=[NUMBER] * 2)


class World:
    """One partition's run, in `directory`; `kafka` may be damaged between `happen` and `reconcile`."""

    def __init__(self, directory: Path) -> None:
        self.settings = Settings(partitions=1, logs_dir=directory)
        self.kafka = Reading()
        self.csv = directory / "metric_log.csv"
        self.unmatched = directory / "unmatched_log.csv"
        self._view = DictView()
        self._log = MetricLog.open(directory)

    def happen(
        self, *records: tuple[int, bytes], later_s: float = 1.0, idle: bool = False, written: bool = True
    ) -> None:
        """Let Kafka records (side, value) come, and be decided as one batch `later_s` after the last."""
        self.kafka.now += later_s
        inputs = []
        for side, value in records:
            offset = self.kafka.put(KINDS[side], 0, value)
            rows, unreadable = Decoder(KINDS[side]).record(value, self.kafka.now)
            inputs.append(Input(side, offset, rows, sum(one.n_rows for one in unreadable)))  # type: ignore[arg-type]
            for row in unreadable:
                kept = dead_letters.records(
                    row, source=f"topic {KINDS[side]}/0@{offset}", at=self.kafka.now, properties={}
                )
                for part in kept:
                    self.kafka.put("quarantine", 0, part.value, part.headers)
        self._decide(inputs, idle, written)

    def happen_in_halves(self, side: int, value: bytes) -> None:
        """Let a Kafka record come whose second half is sent on to its own partition, and be decided there."""
        self.kafka.now += 1.0
        given, _ = Decoder(KINDS[side]).record(value, self.kafka.now)
        whole = Input(side, self.kafka.put(KINDS[side], 0, value), given)  # type: ignore[arg-type]
        at, sent_on = self._decide([whole.with_half_sent_on(0)])
        for i, one in enumerate(sent_on):
            origin = forwarding.origin_of("log", at, i)
            offset = self.kafka.put(KINDS[side], 0, one.packet, [forwarding.forwarded_by(origin)])
            copies, _ = Decoder(KINDS[side]).record(one.packet, self.kafka.now)
            self._decide([Input(side, offset, copies, 0, origin)])  # type: ignore[arg-type]

    def _decide(
        self, inputs: Sequence[Input], idle: bool = False, written: bool = True
    ) -> tuple[int, list[forwarding.Forward]]:
        """Decide one batch; return its offset in the log, and what it sends on."""
        checkpoint = self._view.checkpoint
        decided = decide(checkpoint, inputs, self._view, RULES, now=self.kafka.now, idle=(idle, idle))
        assert decided is not None
        record = decided.record
        record.checkpoint.log = "log"
        record.checkpoint.confirmed = self._view.checkpoint.verdicts_at
        offset = self.kafka.put(LOG, 0, decision.encode(record))
        if decision.is_reported(record):
            tag = Tag("log", 0, offset, record.checkpoint.verdicts_at)
            value = entry(tag, record.verdicts, int, record.report).value
            self.kafka.put("metric", 0, value)
            if written:
                self._log.append([verdicts.decode(value)])
        self._view.apply(offset, record)
        return offset, forwarding.decode(record.forwards)

    def ask(self, value: bytes) -> None:
        """Let a Kafka record of features come, and our model answer it."""
        offset = self.kafka.put("features", 0, value)
        given, unreadable = Decoder("features").record(value, self.kafka.now)
        answers = predict(given, SUMMING)  # type: ignore[arg-type]
        predicted = [answer for answer in answers if isinstance(answer, PredRow)]
        refused = [answer for answer in answers if isinstance(answer, Unreadable)]
        sources = [
            *((row, f"topic features/0@{offset}") for row in unreadable),
            *((r, "topic features/0") for r in dead_letters.together(refused)),
        ]
        for row, source in sources:
            for part in dead_letters.records(row, source=source, at=self.kafka.now, properties={}):
                self.kafka.put("quarantine", 0, part.value, part.headers)
        if predicted:
            self.happen((1, encode_packet(predicted)))
        self.kafka.done["features", 0] = offset + 1

    def rewrite(self, topic: str, at: int, **fields: Any) -> None:
        """Replace fields of a JSON record."""
        held = self.kafka.topics[topic, 0]
        held[at] = held[at]._replace(value=msgspec.json.encode(msgspec.json.decode(held[at].value) | fields))

    def reconcile(
        self, *, start: float | None = None, end: float | None = None, delivered: dict[Kind, int] | None = None
    ) -> Result:
        """Gather and reckon."""
        facts = Facts()
        gatherer = Gatherer(
            self.settings,
            self.kafka,
            facts,
            start=start,
            end=end,
            delivered=delivered or {},  # type: ignore[arg-type]
        )
        result = compute(asyncio.run(gatherer.run()), facts)
        facts.close()
        return result


def rows(kind: str, **values: float) -> bytes:
    """Return a packet; ids by keyword."""
    return msgspec.json.encode([{"id": name, "ts": 1000.0, kind: value} for name, value in values.items()])
