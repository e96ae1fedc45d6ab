"""One owned partition of the table `pairs`: from its Kafka records to decisions in the log, the store and the outbox.

The loop takes what has come, decides it as one batch, appends the decision to the log, and applies it once the log has
it. Landed elsewhere than right after its base, or not confirmed: somebody else may have written. Then the log is read
up to its end, and what is still undecided is decided again.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import time
from collections.abc import Sequence

from streams import decision
from streams.around import Arrival, Surroundings
from streams.beat import Beat
from streams.decision import Decision
from streams.decision_log import DecisionLog, LogUnavailable
from streams.end import end_process
from streams.holes import Found, Holes
from streams.join import NO_CAP, Input, Rules, decide
from streams.outbox import Outbox, letter
from streams.pair import PRED, TRUE
from streams.records import Unreadable, decode_record
from streams.settings import Kind
from streams.store import PairsStore, StoreFailed
from streams.verdicts import Tag

logger = logging.getLogger("hindsight.join")
TICK_S = 0.2
BEAT_S, LONGEST_BEAT_S = 0.005, 0.02
"""Owners that decide again and again do so on one beat: many rows share a decision, decisions a request and a disk sync."""
COMPANY_S = 0.002
"""One that has rested waits for the other side and for the other owners, who are often given theirs right behind."""
FULL_BYTES = 40_000
"""With so much in hand an owner waits for nothing."""
DEAF_S = 1.0
"""A longer pause between two looks at the inputs does not count as their silence."""
MAX_INPUT_BYTES = 400_000
MAX_DECISION_BYTES = 900_000
MAX_QUEUED_BYTES = 4_000_000
"""What may wait for one partition; more, and its reading waits."""
RECORD_BYTES = 400
"""What a Kafka record costs beside its value."""
MAX_GAP_S = 15.0
LOOK_S, LOOK_AT_END_S = 0.1, 1.0
"""How long an input does not go on, in the middle or at its end, before Kafka is asked whether a record lies there."""
TAKE_S = 1.0
"""How long the consumer may owe a record in the middle, before it is taken from Kafka without it."""
MAX_FENCED = 5
RETRY_S = 1.0
SILENT_S = 3.0
"""A decision that Kafka does not confirm for so long means that it is away; it is still being sent."""
KINDS: tuple[Kind, Kind] = ("y_true", "y_pred")


class Owner:
    """The single writer of one partition, as long as the log agrees."""

    def __init__(
        self,
        partition: int,
        store: PairsStore,
        log: DecisionLog,
        outbox: Outbox,
        rules: Rules,
        around: Surroundings,
        beat: Beat,
        *,
        writer: str,
        idle_record_s: float,
        max_waiting: int = NO_CAP,
    ):
        self.partition, self.store, self.log, self.outbox, self.rules = partition, store, log, outbox, rules
        self.around, self.beat, self.writer, self.idle_record_s = around, beat, writer, idle_record_s
        self.max_waiting = max_waiting
        self.confirmed = store.head.confirmed
        self.problem, self.n_fenced, self.last_commit_at = "", 0, 0.0
        self._queue: list[Arrival] = []
        self._n_queued_bytes = 0
        self._ahead: tuple[dict[int, Arrival], dict[int, Arrival]] = ({}, {})
        self._ahead_since = 0.0
        self._holes = (Holes(), Holes())
        now = time.monotonic()
        self._came_at, self._spoke_at, self._listened_at, self._taken_at = [now, now], [now, now], now, 0.0
        self._looked_at = [0.0, 0.0]
        self._unreadable: list[tuple[Arrival, list[Unreadable]]] = []
        self._woken, self._room = asyncio.Event(), asyncio.Event()
        self._stopping = self._more_is_due = False

    # What the agent calls

    async def feed(self, arrivals: Sequence[Arrival]) -> None:
        """Take Kafka records of one input, in order; wait while too much is waiting."""
        self._queue += arrivals
        self._n_queued_bytes += _size(arrivals)
        self._came_at[arrivals[0].side] = time.monotonic()
        self._woken.set()
        while self._n_queued_bytes >= MAX_QUEUED_BYTES and not self._stopping:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Decide until stopped. A disk that fails, or a defect, ends the process with a sentence."""
        try:
            while not self._stopping:
                await self._wait()
                await self._commit(self._next_inputs())
                await self._look_for_holes()
                self._check_gap()
        except asyncio.CancelledError:
            raise
        except StoreFailed as exc:
            end_process(f"partition {self.partition} of the table `pairs` cannot go on: {exc}.")
        except Exception as exc:
            logger.exception("partition %d cannot go on", self.partition)
            end_process(f"partition {self.partition} of the table `pairs` cannot go on: {exc!r}.")

    def stop(self) -> None:
        """Let the batch in flight end, and take no further one."""
        self._stopping = True
        self._room.set()
        self._woken.set()

    async def _wait(self) -> None:
        if self._more_is_due:
            return
        if not self._queue:
            self._woken.clear()
            try:
                async with asyncio.timeout(TICK_S):
                    await self._woken.wait()
            except TimeoutError:
                return
        if self._n_queued_bytes < FULL_BYTES and not self._stopping:
            await asyncio.sleep(self.beat.rest_s(self._taken_at) or self.beat.company_s(COMPANY_S))
        self._taken_at = time.monotonic()

    # Input, strictly in order

    def _next_inputs(self) -> list[tuple[Arrival, Input]]:
        """Take the queued records that come next, up to MAX_INPUT_BYTES; hold back what is ahead of its turn."""
        src = list(self.store.head.src)
        taken: list[tuple[Arrival, Input]] = []
        size = n_read = 0
        for arrival in self._queue:
            if size >= MAX_INPUT_BYTES:
                break
            n_read += 1
            for ready in self._in_turn(arrival, src):
                size += len(ready.value)
                taken.append((ready, self._decode(ready)))
        self._n_queued_bytes -= _size(self._queue[:n_read])
        del self._queue[:n_read]
        if self._n_queued_bytes < MAX_QUEUED_BYTES:
            self._room.set()
        return taken

    def _in_turn(self, arrival: Arrival, src: list[int]) -> list[Arrival]:
        """Return `arrival` and those it was missing before, if it is its turn; `src` moves with them."""
        side, offset = arrival.side, arrival.offset
        if offset <= src[side]:
            arrival.acknowledge()
            return []
        ahead = self._ahead[side]
        holes = self._holes[side]
        if offset != holes.after(src[side]):
            ahead[offset] = arrival
            self._ahead_since = self._ahead_since or time.monotonic()
            return []
        ready = [arrival]
        while (waiting := ahead.pop(holes.after(ready[-1].offset), None)) is not None:
            ready.append(waiting)
        src[side] = ready[-1].offset
        if not any(self._ahead):
            self._ahead_since = 0.0
        return ready

    def _decode(self, arrival: Arrival) -> Input:
        self._spoke_at[arrival.side] = time.monotonic()
        rows, unreadable = decode_record(KINDS[arrival.side], arrival.value, ts=arrival.ts)
        if unreadable:
            self._unreadable.append((arrival, unreadable))
        return Input(arrival.side, arrival.offset, rows, len(unreadable))  # type: ignore[arg-type]

    async def _look_for_holes(self) -> None:
        """Where an input does not go on, ask Kafka what comes next: a record, or none ever."""
        for side in (TRUE, PRED):
            src, ahead, now = self.store.head.src[side], self._ahead[side], time.monotonic()
            if not self._is_time_to_look(side, now):
                continue
            holes = self._holes[side]
            start = holes.after(src)
            if not ahead and self.around.is_drained(self.partition, side, start - 1):
                continue
            found = await self.around.look(self.partition, side, src + 1, max(ahead, default=start))
            self._looked_at[side] = time.monotonic()
            holes.learn(found.holes, src)
            if ahead and now - self._ahead_since >= TAKE_S:
                self._take(side, found)
            if (arrival := ahead.pop(holes.after(src), None)) is not None:
                self._queue.insert(0, arrival)
                self._n_queued_bytes += _size([arrival])

    def _take(self, side: int, found: Found) -> None:
        """Take the records that the consumer owes: what Faust drops in a rebalance it does not always read again."""
        owed = [record for record in found.records if record.offset not in self._ahead[side]]
        for record in owed:
            done = functools.partial(self.around.acknowledge, self.partition, side, record.offset)
            self._ahead[side][record.offset] = Arrival.of(side, record, done)
        if owed:
            logger.warning(
                "partition %d: %d records of %s were not delivered after a rebalance; they are read from Kafka.",
                self.partition, len(owed), KINDS[side],
            )  # fmt: skip

    def _is_time_to_look(self, side: int, now: float) -> bool:
        """Tell whether what is missing has had its time to come; records that do come, behind it, put nothing off."""
        if now - self._looked_at[side] < LOOK_AT_END_S:
            return False
        if self._ahead[side]:
            return now - self._ahead_since >= LOOK_S
        return not self._queue and now - self._came_at[side] >= LOOK_AT_END_S

    def _check_gap(self) -> None:
        if self._ahead_since and time.monotonic() - self._ahead_since > MAX_GAP_S:
            src = self.store.head.src
            held = [min(ahead, default=None) for ahead in self._ahead]
            end_process(
                f"partition {self.partition}: Kafka delivered y_true up to {src[0]} and y_pred up to {src[1]}, then "
                f"went on at {held}, and what lies between did not come within {MAX_GAP_S:.0f} s. A restart reads it."
            )

    # Decisions

    async def _commit(self, batch: list[tuple[Arrival, Input]]) -> None:
        for arrival, rows in self._unreadable:
            await self.around.quarantine(f"{KINDS[arrival.side]}/{self.partition}", arrival.offset, rows)
        self._unreadable.clear()
        inputs = [given for _, given in batch]
        self.beat.count(sum(len(given.rows) for given in inputs))
        while True:
            n, record = self._decide(inputs)
            self._more_is_due = record is not None and bool(record.unindexed)
            if record is None:
                break
            if await self._append(record):
                inputs = inputs[n:]
            src = self.store.head.src
            inputs = [given for given in inputs if given.offset > src[given.side]]
            if not inputs:
                break
        for arrival, _ in batch:
            arrival.acknowledge()
        await self._make_room()

    async def _make_room(self) -> None:
        """Take no further rows while more ids wait than may: those with the nearest deadlines end unmatched."""
        n_before = self.store.head.counts.hurried
        while self.store.head.counts.waiting > self.max_waiting:
            _, record = self._decide([])
            if record is None or not await self._append(record):
                break
        if self.store.head.counts.hurried > n_before:
            logger.warning(
                "partition %d: more than %d ids wait for their other side (HINDSIGHT_MAX_WAITING_IDS): the oldest end "
                "unmatched before their time, %d so far.",
                self.partition, self.max_waiting, self.store.head.counts.hurried,
            )  # fmt: skip

    def _decide(self, inputs: list[Input]) -> tuple[int, Decision | None]:
        """Decide as many of the inputs as one record may hold; return how many, and the record."""
        head, now = self.store.head, time.time()
        n = len(inputs)
        while True:
            record = decide(
                head, inputs[:n], self.store, self.rules, now=now, silent=self._silent(), writer=self.writer,
                max_waiting=self.max_waiting,
            )  # fmt: skip
            if record is None:
                idle = now - self.last_commit_at > self.idle_record_s
                record = decision.empty(head, self.writer, now, self.rules) if idle else None
            if record is None or n <= 1 or len(decision.encode(record)) <= MAX_DECISION_BYTES:
                break
            n //= 2
        if record is not None:
            record.head.log = head.log or secrets.token_hex(8)
            record.head.confirmed = self.confirmed
        return n, record

    def _silent(self) -> tuple[bool, bool]:
        """Tell of each input whether it is drained and has said nothing for `lateness_s`, while we listened.

        A process that was paused, or that waited for Kafka, did not listen.
        """
        now, src = time.monotonic(), self.store.head.src
        if now - self._listened_at > DEAF_S:
            self._spoke_at = [now, now]
        self._listened_at = now
        quiet = []
        for side in (TRUE, PRED):
            last = self._holes[side].after(src[side]) - 1
            drained = not self._queue and self.around.is_drained(self.partition, side, last)
            if not drained:
                self._spoke_at[side] = now
            quiet.append(drained and now - self._spoke_at[side] >= max(self.rules.lateness_s, DEAF_S))
        return quiet[0], quiet[1]

    async def _append(self, record: Decision) -> bool:
        """Append and apply one record; False if the log was read instead, and the batch must be decided again."""
        late = asyncio.get_running_loop().call_later(SILENT_S, self._say_away, f"no answer for {SILENT_S:g} s")
        try:
            offset = await self.log.append(self.partition, record)
        except LogUnavailable as exc:
            await self._catch_up_when_possible(str(exc))
            return False
        finally:
            late.cancel()
        if offset != record.base + 1:
            self.n_fenced += 1
            logger.warning(
                "partition %d: another worker wrote to the log (our record on %d landed at %d); catching up",
                self.partition, record.base, offset,
            )  # fmt: skip
            if self.n_fenced > MAX_FENCED:
                end_process(f"another worker owns partition {self.partition} and keeps writing its log.")
            await self._catch_up_when_possible("")
            return False
        self.n_fenced = 0
        self._say_back()
        self.store.apply(offset, record)
        self.last_commit_at = record.at
        await self._send_verdicts(offset, record)
        return True

    async def _send_verdicts(self, offset: int, record: Decision) -> None:
        head = record.head
        if record.verdicts:
            tag = Tag(head.log, self.partition, offset, head.verdicts_at)
            await self.outbox.put(letter(tag, record.verdicts, self._confirm))

    def _confirm(self, offset: int) -> None:
        self.confirmed = max(self.confirmed, offset)

    # The log's word

    async def _catch_up_when_possible(self, problem: str) -> None:
        """Read the log to its end, as soon as Kafka lets us."""
        while True:
            self._say_away(problem)
            try:
                await self.catch_up()
            except LogUnavailable as exc:
                problem = str(exc)
                await asyncio.sleep(RETRY_S)
                continue
            self._say_back()
            return

    def _say_away(self, problem: str) -> None:
        if problem and not self.problem:
            logger.error("partition %d: Kafka does not answer, waiting for it: %s", self.partition, problem)
        self.problem = problem

    def _say_back(self) -> None:
        if self.problem:
            logger.info("partition %d: Kafka answers again.", self.partition)
        self.problem = ""

    async def resend(self) -> None:
        """Send the verdicts that the log does not say are confirmed; after a recovery.

        Raises:
            LogUnavailable: Kafka cannot be reached.
        """
        head = self.store.head
        if head.verdicts_at <= head.confirmed:
            return
        async for records in self.log.read(self.partition, head.confirmed + 1, head.verdicts_at + 1):
            for offset, record in records:
                if decision.is_valid(record, offset):
                    await self._send_verdicts(offset, record)

    async def catch_up(self) -> None:
        """Apply the log's records past our own last one, and send on the verdicts that we have not sent.

        Raises:
            LogUnavailable: Kafka cannot be reached.
        """
        bounds = await self.log.bounds([self.partition])
        async for records in self.log.read(self.partition, self.store.head.offset + 1, bounds[self.partition][1]):
            for offset, record in records:
                self.store.apply(offset, record)
                if decision.is_valid(record, offset):
                    await self._send_verdicts(offset, record)


def _size(arrivals: Sequence[Arrival]) -> int:
    return sum(len(arrival.value) for arrival in arrivals) + RECORD_BYTES * len(arrivals)
