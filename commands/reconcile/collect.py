"""Gather the facts: what is written first, then what it was made from, so that a running program never looks wrong.

What a decision says of a topic (that it has all verdicts up to some decision) is believed only of decisions that were in
the log before the topic's end was asked for: the topic as it is read cannot have what later ones confirm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from commands.probes import Unavailable
from commands.probes.kafka_ranges import Ranges
from commands.reconcile import csv_files
from commands.reconcile.evaluate import MATCHED
from commands.reconcile.facts import DECIDED, SENT, WAITING, Fact, Facts
from commands.reconcile.log_span import LogPart
from commands.reconcile.row_topics import Inputs
from streams.join import decision
from streams.join.keys import id_of, model_of
from streams.kafka.topics import topics
from streams.kinds import Kind
from streams.process.progress import Progress
from streams.settings import Settings
from streams.wire import verdicts
from streams.wire.verdicts import Verdict
from streams.wire.versions import Newer

T = TypeVar("T")


class Gathered(msgspec.Struct):
    """What was found beside the facts, by log identity and partition.

    `written`: up to which decision the files must be. `metric_from`: the first decision that the topic `metric` holds.
    `delivered`: per queue, rows that the bridge says it delivered since its start, and those that are in Kafka.
    `answered`: whether our model answers features. Quarantine has what was refused since `quarantine_since`. `n_void`:
    records that are none of ours, by topic.
    """

    logs: list[LogPart] = []
    written: dict[str, dict[int, int]] = {}
    metric_from: dict[tuple[str, int], int] = {}
    metric_is_whole: bool = True
    delivered: dict[Kind, tuple[int, int]] = {}
    answered: bool = False
    n_quarantine_removed: int = 0
    quarantine_since: float = float("-inf")
    n_void: Counter[str] = msgspec.field(default_factory=Counter)
    strange: list[str] = []
    unchecked: list[str] = []


class Gatherer:
    """Reads everything once.

    Args:
        start: only decisions from then on are looked at, UTC epoch seconds.
        end: only decisions before.
        delivered: rows of each queue that the bridge says are in Kafka, asked for before.
    """

    def __init__(
        self,
        settings: Settings,
        reader: Ranges,
        facts: Facts,
        *,
        start: float | None,
        end: float | None,
        delivered: Mapping[Kind, int],
    ):
        self._settings, self._reader, self._facts = settings, reader, facts
        self._start, self._end, self._delivered = start, end, delivered
        self._names = topics(settings)
        self._progress = Progress("Reading Kafka", 0)
        self._n_read = 0
        self.found = Gathered()

    async def run(self) -> Gathered:
        """Read files, `metric`, decision logs, inputs and quarantine, in this order, each up to an end taken before.

        Raises:
            Unavailable: Kafka does not answer.
        """
        self._files(self._settings.logs_dir)
        names, n = self._names, self._settings.partitions
        answered_to = await self._reader.committed(self._settings.app_id, names.features.name, n)
        confirming_to = [end for _, end in await self._reader.bounds(names.pairs_log.name, n)]
        wanted = (names.metric, names.pairs_log, names.y_true, names.y_pred, names.features, names.quarantine)
        kept = {topic.name: await self._reader.bounds(topic.name, topic.partitions) for topic in wanted}
        total = sum(end - first for bounds in kept.values() for first, end in bounds)
        with Progress("Reading Kafka", total) as self._progress:
            await self._metric(*kept[names.metric.name][0], [end for _, end in kept[names.pairs_log.name]])
            input_first = [(a[0], b[0]) for a, b in zip(kept[names.y_true.name], kept[names.y_pred.name], strict=True)]
            for p, (first, end) in enumerate(await self._reader.bounds(names.pairs_log.name, n)):
                self.found.logs.append(await self._log(LogPart(p, first, input_first[p], confirming_to[p]), end))
            await self._inputs(answered_to)
        return self.found

    def _files(self, directory: Path) -> None:
        if "plot" not in self._settings.agents:
            self.found.unchecked.append("HINDSIGHT_AGENTS leaves out `plot`: the CSV files are another worker's")
            return
        try:
            self.found.written = csv_files.read_state(directory).positions
            for row in csv_files.rows(directory):
                if isinstance(row, Fact):
                    self._facts.add([row])
                else:
                    self.found.strange.append(row)
        except csv_files.NoLog as exc:
            self.found.unchecked.append(str(exc))

    async def _metric(self, first: int, end: int, log_ends: Sequence[int]) -> None:
        """Read the topic `metric` as its readers do: what is at or before the last one seen came again.

        Args:
            log_ends: where the decision logs end; a decision further on was not made.
        """
        topic = self._names.metric.name
        last: dict[tuple[str, int], int] = {}
        self.found.metric_is_whole = first == 0
        async for record in self._records(topic, 0, first, end):
            sent = _known(verdicts.decode(record.value))
            if sent is None or sent.partition >= len(log_ends) or sent.offset >= log_ends[sent.partition]:
                self.found.n_void[topic] += 1
                continue
            key = (sent.log, sent.partition)
            self.found.metric_from.setdefault(key, sent.offset)
            if sent.offset > last.get(key, -1):
                last[key] = sent.offset
                self._facts.add(_fact(SENT, verdict, sent.partition, sent.offset) for verdict in sent.rows)

    async def _log(self, part: LogPart, end: int) -> LogPart:
        topic, partition = self._names.pairs_log.name, part.partition
        async for record in self._records(topic, partition, part.first, end):
            decided = _known(decision.decode(record.value))
            self.found.n_void[topic] += decided is None
            if not decision.is_valid(decided, record.offset):
                continue
            rows = verdicts.decode_rows(decided.verdicts)
            if rows is None:
                self.found.strange.append(f"{topic}/{partition}@{record.offset} holds verdicts that cannot be read")
                continue
            kinds = Counter[str](row.verdict for row in rows)
            self.found.strange += part.take(record.offset, decided, kinds, self._start, self._end)
            self._facts.add(_fact(DECIDED, verdict, partition, record.offset) for verdict in rows)
            began = ((id_of(key), model_of(key)) for key in decided.waiting)
            self._facts.add(
                Fact(row_id, WAITING, "", 0.0, 0.0, partition, record.offset, model) for row_id, model in began
            )
        return part

    async def _inputs(self, answered_to: Sequence[int]) -> None:
        inputs = Inputs(self._settings, self._reader, self._records, self._facts, start=self._start, end=self._end)
        await inputs.read(self.found.logs, answered_to)
        self.found.answered = inputs.model_is_ours
        self.found.n_quarantine_removed = inputs.n_quarantine_removed
        self.found.quarantine_since = inputs.quarantine_since
        self.found.strange += inputs.strange
        if inputs.all_is_there:
            self.found.delivered = {kind: (n, inputs.n_there[kind]) for kind, n in self._delivered.items()}

    async def _records(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Any]:
        async for records in self._reader.read(topic, partition, start, end):
            for record in records:
                yield record
            self._n_read += len(records)
            self._progress.show(self._n_read)


def _known(found: T | Newer | None) -> T | None:
    if isinstance(found, Newer):
        raise Unavailable(f"{found}.")
    return found


def _fact(kind: int, v: Verdict, partition: int, offset: int) -> Fact:
    given: Sequence[float | None]
    if v.verdict == MATCHED:
        given = (v.y_true, v.y_pred)
    else:
        given = (v.y_true, v.ts_true) if v.verdict == "unmatched_true" else (v.y_pred, v.ts_pred)
    a, b = (0.0 if value is None else value for value in given)
    return Fact(v.id, kind, v.verdict, a, b, partition, offset, v.model or "", not v.challenger)
