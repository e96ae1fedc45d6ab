"""One owned partition of the table `pairs`: from its Kafka records to decisions in the log, the store and the outbox.

The loop takes what has come, decides it as one batch, appends the decision to the log, and applies it once the log has
it. If it was appended elsewhere than right after its base, or not confirmed, somebody else may have written: the log is read
up to its end, and what is still undecided is decided again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decide import NO_CAP, Decided, decide
from streams.join.decision import Checkpoint, Decision
from streams.join.input import Input
from streams.kafka.errors import KafkaRefused
from streams.process.fatal import fatal
from streams.process.link import Link, Said
from streams.process.unavailable import Unavailable
from streams.table.context import OwnerContext
from streams.table.decision_log import DecisionLog, LogIsNewer
from streams.table.forwarder import Forwarding
from streams.table.inputs import KINDS, Inputs, Taken
from streams.table.outbox import Outbox, entry
from streams.table.reading import read
from streams.table.store import PairsStore, StoreFailed
from streams.wire import forwarding
from streams.wire.decoder import Decoder
from streams.wire.verdicts import Tag, VerdictRecord

logger = logging.getLogger("hindsight.join")
T = TypeVar("T")
TICK_S = 0.2
MAX_DECISION_BYTES = 900_000
LARGEST_DECISION_BYTES = 7 << 20
"""What one Kafka record makes a decision of may be more than the former, and no more than this, or Kafka would refuse it."""
TELLING_ROWS, FADING = 500, 0.9
"""A decision of so many rows says how many bytes a row takes; one that takes less is believed by and by."""
MAX_FENCED = 5
SILENT_S = 3.0
"""A decision that Kafka does not confirm for so long means that it is away; it is still being sent."""


class Made(NamedTuple):
    """A decision to be appended: how many inputs it takes, what was decided, and its record as the log will have it."""

    n_inputs: int
    decided: Decided
    value: bytes


def placed_otherwise(checkpoint: Checkpoint, n_partitions: int) -> str:
    """Return why a partition must not be joined by so many partitions, as the end of a sentence; empty if it may."""
    n = checkpoint.partitions
    if n in (0, n_partitions):
        return ""
    cure = f"run `faust -A streams repartition {n_partitions}`" if n < n_partitions else f"set HINDSIGHT_PARTITIONS={n}"
    return f"its ids are placed by {n} partitions, and HINDSIGHT_PARTITIONS is {n_partitions}: {cure}"


class Owner:
    """The single writer of one partition, as long as the log agrees."""

    def __init__(
        self,
        partition: int,
        store: PairsStore,
        log: DecisionLog,
        outbox: Outbox,
        rules: Rules,
        context: OwnerContext,
        *,
        writer: str,
        idle_record_s: float,
        max_waiting: int = NO_CAP,
        n_partitions: int = 1,
        segments: tuple[str, ...] = (),
        decoders: Sequence[Decoder] = (),
        models: Sequence[str] = (),
        said: Said | None = None,
    ):
        self.partition, self.store, self.log, self.outbox, self.rules = partition, store, log, outbox, rules
        self.context, self.writer, self.idle_record_s = context, writer, idle_record_s
        self.max_waiting, self.n_partitions = max_waiting, n_partitions
        self.segments, self.models = segments, models
        self.decoders = decoders or [Decoder(kind) for kind in KINDS]
        self.confirmed, self.forwarded = store.checkpoint.confirmed, store.checkpoint.forwarded
        self.n_fenced, self.last_commit_at = 0, 0.0
        self._link = Link(f"partition {partition}", logger, is_up=True, said=said)
        self.inputs = Inputs(partition, context, [offset + 1 for offset in store.checkpoint.input_offsets])
        self._row_bytes = 0.0
        self._stopping = self._more_is_due = False

    @property
    def problem(self) -> str:
        """Why this partition waits for Kafka; empty while it does not."""
        return self._link.problem

    async def run(self) -> None:
        """Decide until stopped. A disk that fails, or a defect, ends the process with a sentence."""
        try:
            while not self._stopping:
                if not self._more_is_due:
                    await self.inputs.wait(TICK_S)
                await self._commit(self.inputs.take(self.store.checkpoint.input_offsets))
        except asyncio.CancelledError:
            raise
        except (StoreFailed, LogIsNewer) as exc:
            fatal(f"partition {self.partition} of the table `pairs` cannot continue: {exc}.")
        except Exception as exc:
            logger.exception("partition %d cannot continue", self.partition)
            fatal(f"partition {self.partition} of the table `pairs` cannot continue: {exc!r}.")

    def stop(self) -> None:
        """Let the batch in flight end, and take no further one."""
        self._stopping = True
        self.inputs.close()

    # Decisions

    async def _commit(self, batch: list[Taken]) -> None:
        inputs = await self._decoded(batch)
        while True:
            made = self._decide(inputs)
            self._more_is_due = made is not None and bool(made.decided.record.unindexed)
            if made is None:
                break
            if await self._append(made):
                inputs = inputs[made.n_inputs :]
            input_offsets = self.store.checkpoint.input_offsets
            behind = (given.behind(input_offsets[given.side]) for given in inputs)
            inputs = [given for given in behind if given is not None]
            if not inputs:
                break
        if batch:
            self.context.applied(self.partition, self.store.checkpoint.input_offsets)
        await self._make_room()

    async def _decoded(self, batch: Sequence[Taken]) -> list[Input]:
        """Return the rows of records; what cannot be read is in quarantine before anything is decided."""
        partition, n, models = self.partition, self.n_partitions, self.models
        found = [read(self.decoders[side], partition, n, records, models) for side, records in batch]
        if refused := [one for each in found for one in each.refused]:
            await self.context.quarantine(refused)
        return [given for each in found for given in each.inputs]

    async def _make_room(self) -> None:
        """Take no further rows while more ids wait than may: those with the nearest deadlines end unmatched."""
        n_before = self.store.checkpoint.counts.evicted
        while self.store.checkpoint.counts.waiting > self.max_waiting:
            made = self._decide([])
            if made is None or not await self._append(made):
                break
        if self.store.checkpoint.counts.evicted > n_before:
            logger.warning(
                "partition %d: more than %d ids wait for their other side (HINDSIGHT_MAX_WAITING_IDS): the oldest end "
                "unmatched before their time, %d so far.",
                self.partition,
                self.max_waiting,
                self.store.checkpoint.counts.evicted,
            )

    def _decide(self, inputs: list[Input]) -> Made | None:
        """Decide as many of the inputs as one record may hold; None if nothing changed.

        Of one that alone makes more than Kafka takes, as many rows against several models can, the last rows are sent on to
        this partition itself.
        """
        checkpoint, now = self.store.checkpoint, time.time()
        if said := placed_otherwise(checkpoint, self.n_partitions):
            fatal(f"partition {self.partition} of the table `pairs` cannot continue: {said}.")
        idle = self.inputs.idle(self.rules.max_out_of_orderness_s)
        n = self._n_fitting(inputs)
        while True:
            decided = decide(
                checkpoint,
                inputs[:n],
                self.store,
                self.rules,
                now=now,
                idle=idle,
                writer=self.writer,
                max_waiting=self.max_waiting,
                segments=self.segments,
                models=self.models,
            )
            if decided is None:
                if now - self.last_commit_at <= self.idle_record_s:
                    return None
                decided = Decided(decision.empty(checkpoint, self.writer, now, self.rules), [])
            after = decided.record.checkpoint
            after.log = checkpoint.log or secrets.token_hex(8)
            after.confirmed, after.forwarded = self.confirmed, self.forwarded
            after.partitions = self.n_partitions
            value = decision.encode(decided.record)
            self._learn(len(value), sum(len(given.rows) for given in inputs[:n]))
            if len(value) <= MAX_DECISION_BYTES and decided.n_forwards <= forwarding.MAX_CHUNKS:
                return Made(n, decided, value)
            if n > 1:
                n //= 2
            elif len(value) > LARGEST_DECISION_BYTES and inputs and len(inputs[0].rows) > 1:
                inputs = [inputs[0].with_half_sent_on(self.partition)]
            else:
                return Made(n, decided, value)

    def _n_fitting(self, inputs: Sequence[Input]) -> int:
        """Return how many of the inputs are likely to fit one record: one that does not is decided for nothing."""
        n_rows = accumulate(len(given.rows) for given in inputs)
        return sum(n * self._row_bytes <= MAX_DECISION_BYTES for n in n_rows) or min(1, len(inputs))

    def _learn(self, n_bytes: int, n_rows: int) -> None:
        if n_rows >= TELLING_ROWS:
            self._row_bytes = max(n_bytes / n_rows, FADING * self._row_bytes)

    async def _append(self, made: Made) -> bool:
        """Append and apply one decision; False if the log was read instead, and the batch must be decided again."""
        record = made.decided.record
        try:
            with self._link.answers_within(SILENT_S, self._away(f"no answer for {SILENT_S:g} s")):
                offset = await self.log.append(self.partition, made.value)
        except Unavailable as exc:
            self._link.down(self._away(str(exc)))
            await asyncio.sleep(exc.pause_s)
            await self._when_possible(self.catch_up)
            if not isinstance(exc, KafkaRefused):  # what it refuses it answers, too
                self._say_back()
            return False
        if offset != record.base + 1:
            if await self._when_possible(self.catch_up):
                self._fenced(record.base, offset)
            self._say_back()
            return False
        self.n_fenced = 0
        self._say_back()
        self.store.apply(offset, record)
        self.last_commit_at = record.at
        await self._send(offset, record, made.decided)
        return True

    def _fenced(self, base: int, offset: int) -> None:
        """Count that another worker was faster. Records of somebody else are no worker's, however many there are."""
        self.n_fenced += 1
        logger.warning(
            "partition %d: another worker wrote to the log (our record on %d was appended at %d)",
            self.partition,
            base,
            offset,
        )
        if self.n_fenced > MAX_FENCED:
            fatal(f"another worker owns partition {self.partition} and keeps writing its log.")

    async def _send(self, offset: int, record: Decision, decided: Decided | None = None) -> None:
        """Send on what a decision says, as far as the log does not know that it has come.

        Args:
            decided: what the record is of; None if it was read from the log.
        """
        checkpoint = record.checkpoint
        if decision.is_reported(record) and offset > self.confirmed:
            tag = Tag(checkpoint.log, self.partition, offset, checkpoint.verdicts_at)
            told = None
            if decided is not None:
                at = (tag.log, tag.partition, tag.offset, tag.previous)
                told = VerdictRecord(*at, decided.verdicts, decided.report)
            await self.outbox.put(entry(tag, record.verdicts, self._confirm, record.report), told)
        if record.forwards and offset > self.forwarded:
            forwards = forwarding.decode(record.forwards)
            await self.context.forward(Forwarding(checkpoint.log, offset, forwards, self._confirm_forwards))

    def _confirm(self, offset: int) -> None:
        self.confirmed = max(self.confirmed, offset)

    def _confirm_forwards(self, offset: int) -> None:
        self.forwarded = max(self.forwarded, offset)

    # The log's word

    async def _when_possible(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return what is read of the log, as soon as Kafka lets us."""
        while True:
            try:
                return await read()
            except Unavailable as exc:
                self._link.down(self._away(str(exc)))
                await self._link.pause()

    def _away(self, problem: str) -> str:
        return f"partition {self.partition} waits for Kafka: {problem}"

    def _say_back(self) -> None:
        self._link.up(f"partition {self.partition}: Kafka answers again.")

    async def resend(self) -> None:
        """Send what the log does not say is confirmed, as soon as Kafka lets us; after a recovery."""
        await self._when_possible(self._resend)
        self._say_back()

    async def _resend(self) -> None:
        checkpoint = self.store.checkpoint
        owed = [(checkpoint.confirmed, checkpoint.verdicts_at), (checkpoint.forwarded, checkpoint.forwards_at)]
        spans = [(confirmed, last) for confirmed, last in owed if last > confirmed]
        if not spans:
            return
        start, end = min(confirmed for confirmed, _ in spans) + 1, max(last for _, last in spans) + 1
        first, _ = (await self.log.bounds([self.partition]))[self.partition]
        if start < first:
            logger.warning(
                "partition %d: Kafka removed the decisions %d to %d, and nothing tells whether all that they say was sent on.",
                self.partition,
                start,
                min(first, end) - 1,
            )
        async for records in self.log.read(self.partition, max(start, first), end):
            for offset, record in records:
                if decision.is_valid(record, offset):
                    await self._send(offset, record)

    async def catch_up(self) -> bool:
        """Apply the log's records past our own last one, and send on the verdicts and rows that we have not sent.

        Returns:
            Whether any of them is another worker's.

        Raises:
            Unavailable: Kafka cannot be reached.
        """
        is_of_another = False
        bounds = await self.log.bounds([self.partition])
        async for records in self.log.read(self.partition, self.store.checkpoint.offset + 1, bounds[self.partition][1]):
            for offset, record in records:
                self.store.apply(offset, record)
                is_of_another |= record is not None and record.writer != self.writer
                if decision.is_valid(record, offset):
                    await self._send(offset, record)
        return is_of_another
