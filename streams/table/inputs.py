"""The two inputs of one owned partition, each strictly in the order of its offsets.

What comes ahead of its turn is held back. What is missing is looked for in Kafka: it may be a hole, which no consumer is
ever given, or a record that Faust's consumer dropped in a rebalance.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Sequence

from streams.join.state import PRED, TRUE
from streams.settings import Kind
from streams.table.context import ConsumedRecord, OwnerContext
from streams.table.offset_gaps import Found, Holes

logger = logging.getLogger("hindsight.join")
KINDS: tuple[Kind, Kind] = ("y_true", "y_pred")
MAX_TAKEN_BYTES = 400_000
MAX_QUEUED_BYTES = 4_000_000
"""What may wait for one partition; more, and its reading waits."""
RECORD_BYTES = 400
"""What a Kafka record costs beside its value."""
LOOK_S, LOOK_AT_END_S = 0.1, 1.0
"""How long an input does not go on, in the middle or at its end, before Kafka is asked whether a record lies there."""
TAKE_S = 1.0
"""How long the consumer may owe a record in the middle, before it is taken from Kafka without it."""
MAX_GAP_S = 15.0
MAX_PAUSE_S = 1.0
"""A longer pause between two looks at the inputs does not count as their silence."""


class Inputs:
    """What was delivered of both inputs and not decided yet. `input_offsets` is always the last offset applied, of each."""

    def __init__(self, partition: int, context: OwnerContext):
        self.partition, self.context = partition, context
        self.n_bytes = 0
        self._queue: list[ConsumedRecord] = []
        self._ahead: tuple[dict[int, ConsumedRecord], dict[int, ConsumedRecord]] = ({}, {})
        self._ahead_since = 0.0
        self._holes = (Holes(), Holes())
        now = time.monotonic()
        self._came_at, self._spoke_at, self._listened_at = [now, now], [now, now], now
        self._looked_at = [0.0, 0.0]
        self._came, self._room = asyncio.Event(), asyncio.Event()
        self._is_closed = False

    async def feed(self, records: Sequence[ConsumedRecord]) -> None:
        """Take Kafka records of one input, in order; wait while too much is waiting."""
        self._queue += records
        self.n_bytes += _size(records)
        self._came_at[records[0].side] = time.monotonic()
        self._came.set()
        while self.n_bytes >= MAX_QUEUED_BYTES and not self._is_closed:
            self._room.clear()
            await self._room.wait()

    def close(self) -> None:
        """Keep nobody waiting any more."""
        self._is_closed = True
        self._room.set()
        self._came.set()

    async def wait(self, within_s: float) -> bool:
        """Wait until a record is here, but not longer than `within_s`; tell whether one is."""
        if not self._queue:
            self._came.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._came.wait()
            except TimeoutError:
                return False
        return True

    def take(self, input_offsets: Sequence[int]) -> list[ConsumedRecord]:
        """Take the records that come next, up to MAX_TAKEN_BYTES; hold back what is ahead of its turn."""
        last = list(input_offsets)
        taken: list[ConsumedRecord] = []
        size = n_read = 0
        for record in self._queue:
            if size >= MAX_TAKEN_BYTES:
                break
            n_read += 1
            for ready in self._in_turn(record, last):
                size += len(ready.value)
                taken.append(ready)
        self.n_bytes -= _size(self._queue[:n_read])
        del self._queue[:n_read]
        if self.n_bytes < MAX_QUEUED_BYTES:
            self._room.set()
        return taken

    def _in_turn(self, record: ConsumedRecord, input_offsets: list[int]) -> list[ConsumedRecord]:
        """Return `record` and those it was missing before, if it is its turn; `input_offsets` moves with them."""
        side, offset = record.side, record.offset
        if offset <= input_offsets[side]:
            record.acknowledge()
            return []
        ahead, holes = self._ahead[side], self._holes[side]
        if offset != holes.after(input_offsets[side]):
            ahead[offset] = record
            self._ahead_since = self._ahead_since or time.monotonic()
            return []
        ready = [record]
        while (waiting := ahead.pop(holes.after(ready[-1].offset), None)) is not None:
            ready.append(waiting)
        input_offsets[side] = ready[-1].offset
        self._spoke_at[side] = time.monotonic()
        if not any(self._ahead):
            self._ahead_since = 0.0
        return ready

    async def look_for_holes(self, input_offsets: Sequence[int]) -> None:
        """Where an input does not go on, ask Kafka what comes next: a record, or none ever."""
        for side in (TRUE, PRED):
            ahead, holes, now = self._ahead[side], self._holes[side], time.monotonic()
            if not self._is_time_to_look(side, now):
                continue
            start = holes.after(input_offsets[side])
            if not ahead and self.context.is_caught_up(self.partition, side, start - 1):
                continue
            found = await self.context.look(self.partition, side, input_offsets[side] + 1, max(ahead, default=start))
            self._looked_at[side] = time.monotonic()
            holes.learn(found.holes, input_offsets[side])
            if ahead and now - self._ahead_since >= TAKE_S:
                self._take_from_kafka(side, found)
            if (record := ahead.pop(holes.after(input_offsets[side]), None)) is not None:
                self._queue.insert(0, record)
                self.n_bytes += _size([record])

    def _is_time_to_look(self, side: int, now: float) -> bool:
        """Tell whether what is missing has had its time to come; records that do come, behind it, put nothing off."""
        if now - self._looked_at[side] < LOOK_AT_END_S:
            return False
        if self._ahead[side]:
            return now - self._ahead_since >= LOOK_S
        return not self._queue and now - self._came_at[side] >= LOOK_AT_END_S

    def _take_from_kafka(self, side: int, found: Found) -> None:
        """Take the records that the consumer owes: what Faust drops in a rebalance it does not always read again."""
        owed = [record for record in found.records if record.offset not in self._ahead[side]]
        for record in owed:
            done = functools.partial(self.context.acknowledge, self.partition, side, record.offset)
            self._ahead[side][record.offset] = ConsumedRecord.of(side, record, done)
        if owed:
            logger.warning(
                "partition %d: %d records of %s were not delivered after a rebalance; they are read from Kafka.",
                self.partition,
                len(owed),
                KINDS[side],
            )

    def gap(self, input_offsets: Sequence[int]) -> str:
        """Return what is missing for too long, in a sentence; empty if nothing is."""
        if not self._ahead_since or time.monotonic() - self._ahead_since <= MAX_GAP_S:
            return ""
        held = [min(ahead, default=None) for ahead in self._ahead]
        return (
            f"partition {self.partition}: Kafka delivered y_true up to {input_offsets[0]} and y_pred up to "
            f"{input_offsets[1]}, then "
            f"went on at {held}, and what lies between did not come within {MAX_GAP_S:.0f} s. A restart reads it."
        )

    def idle(self, input_offsets: Sequence[int], max_out_of_orderness_s: float) -> tuple[bool, bool]:
        """Tell of each input whether it is drained and has said nothing for `max_out_of_orderness_s`, while we listened.

        A process that was paused, or that waited for Kafka, did not listen.
        """
        now = time.monotonic()
        if now - self._listened_at > MAX_PAUSE_S:
            self._spoke_at = [now, now]
        self._listened_at = now
        quiet = []
        for side in (TRUE, PRED):
            last = self._holes[side].after(input_offsets[side]) - 1
            drained = not self._queue and self.context.is_caught_up(self.partition, side, last)
            if not drained:
                self._spoke_at[side] = now
            quiet.append(drained and now - self._spoke_at[side] >= max(max_out_of_orderness_s, MAX_PAUSE_S))
        return quiet[0], quiet[1]


def _size(records: Sequence[ConsumedRecord]) -> int:
    return sum(len(record.value) for record in records) + RECORD_BYTES * len(records)
