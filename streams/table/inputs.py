"""The two inputs of one owned partition, each in the order of its offsets, as one fetcher delivers them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from streams.join.state import PRED, TRUE
from streams.kafka.fetcher import RECORD_BYTES, Batch, Held, Record
from streams.kinds import Kind
from streams.table.context import OwnerContext

KINDS: tuple[Kind, Kind] = ("y_true", "y_pred")
MAX_TAKEN_BYTES = 400_000
MAX_PAUSE_S = 1.0
"""A longer pause between two looks at the inputs does not count towards their being idle."""
Taken = tuple[int, list[Record]]
"""Records of one side, in order."""


class Inputs:
    """What was delivered of both inputs and not decided yet.

    Args:
        starts: the offset of each input from which the fetcher was told to read.
    """

    def __init__(self, partition: int, context: OwnerContext, starts: Sequence[int]):
        self.partition, self.context = partition, context
        self._next = list(starts)
        self._queues: tuple[list[Record], list[Record]] = ([], [])
        self._held = [Held(), Held()]
        self._is_at_end = [False, False]
        now = time.monotonic()
        self._spoke_mono, self._listened_mono = [now, now], now
        self._came = asyncio.Event()

    def feed(self, side: int, batch: Batch) -> None:
        """Take what comes next of one input; what does not follow what came before is of another assignment, and is left."""
        if batch.start != self._next[side]:
            batch.held.n_released += batch.n_bytes
            return
        self._next[side], self._held[side] = batch.end, batch.held
        self._is_at_end[side] = batch.is_last
        self._queues[side].extend(batch.records)
        if batch.records:
            self._came.set()

    def are_read_to(self, ends: Sequence[int]) -> bool:
        """Tell whether all that lies before these offsets was delivered and taken."""
        return not any(self._queues) and all(at >= end for at, end in zip(self._next, ends, strict=True))

    def close(self) -> None:
        """Keep nobody waiting any more."""
        self._came.set()

    async def wait(self, within_s: float) -> None:
        """Wait until a record is here, but not longer than `within_s`."""
        if not any(self._queues):
            self._came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._came.wait()

    def take(self, applied: Sequence[int]) -> list[Taken]:
        """Take the records that come next, up to MAX_TAKEN_BYTES: of both inputs alike, so that the sides of an id meet.

        Args:
            applied: the last offset of each input that is applied; what is not behind it is left out, somebody applied it.
        """
        room = [MAX_TAKEN_BYTES // 2] * 2 if all(self._queues) else [MAX_TAKEN_BYTES] * 2
        taken = [(side, self._take_side(side, room[side])) for side in (TRUE, PRED)]
        return [
            (side, new)
            for side, records in taken
            if (new := [record for record in records if record.offset() > applied[side]])
        ]

    def _take_side(self, side: int, room: int) -> list[Record]:
        waiting = self._queues[side]
        n = size = 0
        for record in waiting:
            if size >= room:
                break
            n += 1
            size += len(record)
        taken = waiting[:n]
        del waiting[:n]
        if taken:
            self._spoke_mono[side] = time.monotonic()
        size += RECORD_BYTES * n
        self._held[side].n_released += size
        return taken

    def idle(self, max_out_of_orderness_s: float) -> tuple[bool, bool]:
        """Tell of each input whether all of it was read and nothing came for `max_out_of_orderness_s`, while we listened.

        A process that was paused, or that waited for Kafka, did not listen.
        """
        now = time.monotonic()
        if now - self._listened_mono > MAX_PAUSE_S:
            self._spoke_mono = [now, now]
        self._listened_mono = now
        return self._is_idle(TRUE, now, max_out_of_orderness_s), self._is_idle(PRED, now, max_out_of_orderness_s)

    def _is_idle(self, side: int, now: float, max_out_of_orderness_s: float) -> bool:
        is_caught_up = self._is_at_end[side] and not self._queues[side] and self.context.is_heard(self.partition, side)
        if not is_caught_up:
            self._spoke_mono[side] = now
        return is_caught_up and now - self._spoke_mono[side] >= max(max_out_of_orderness_s, MAX_PAUSE_S)
