"""What the worker that owns the topic `metric` makes of it beside the metric log: figures in insight.db, Parquet files.

The records come from the metric log as they are written, and are counted once a second. What is missing between two of them,
after a crash, a full disk or with a new file, is read from Kafka, from where the files say they were counted to.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from agents.insight import store
from agents.insight.database import Damaged, InsightError
from agents.insight.store import Frame
from agents.metric_log import log
from agents.metric_log.files import LogError
from agents.metric_log.incoming import Incoming
from streams.kafka.reader import Reader
from streams.kafka.records import TP, StoredRecord
from streams.process.link import Link
from streams.process.own_thread import OwnThread
from streams.process.unavailable import Unavailable
from streams.scores.delay import clean_span, slice_width
from streams.settings import Settings
from streams.wire.verdicts import Tag, VerdictRecord

COUNT_EVERY_S = 1.0
ROLL_UP_EVERY_S = 60.0
FENCED_S = 3.0
"""After another worker opened the file: time for Kafka to tell whether the topic is still ours."""
MAX_ROWS = 200_000
"""Records and verdicts that may wait here; if they are more, all of them come from Kafka."""
FETCH_BYTES = 1 << 20
"""What is read of Kafka at once: it is decoded in the event loop, in about 10 ms."""
LONG_S = LATE_S = 10.0
"""A commit that takes so long is a problem; figures that are so far behind what was decided are said to be."""


def frame_of(settings: Settings) -> Frame:
    """Return how time is cut, as the settings ask for."""
    slice_s = clean_span(settings.slice_s) if settings.slice_s else slice_width(settings.join_window_s)
    return Frame(settings.join_window_s, slice_s, settings.waiting_s, settings.clock)


class Counting(Protocol):
    """What is fed: it counts each record once, and knows how far it has come. It waits for the disk, in one thread."""

    @property
    def read_to(self) -> int:
        """Up to which offset of the topic all is counted."""

    def positions(self) -> dict[str, dict[int, int]]:
        """Return the last decision counted, by decision log and partition."""

    def count(self, records: Sequence[VerdictRecord], read_to: int, *, is_all: bool = False) -> bool:
        """Count the records that were not counted before; False if one did not follow. See `agents.insight.counting`."""

    def roll_up(self, now: float) -> None:
        """Do what is to be done from time to time."""

    def close(self) -> None:
        """Let go of the files."""


class Fed(NamedTuple):
    """What is fed, as sentences have it: a short name, what is made, and what the disk holds of it."""

    name: str
    made: str
    kept: str


FIGURES = Fed("insight", "the figures", "insight.db")
FILES = Fed("parquet", "the Parquet files", "the Parquet files")


class Feeding:
    """Has counted what `take` is given, for as long as the topic `metric` is ours.

    Args:
        topic: its name.
        confirms: as `Incoming` asks it.
        opens: opens what counts.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        confirms: Callable[[Tag], Awaitable[bool]],
        opens: Callable[[], Counting],
        fed: Fed = FIGURES,
    ) -> None:
        self._settings, self._tp, self._opens, self._fed = settings, TP(topic, 0), opens, fed
        self._incoming = Incoming(confirms, says=False)  # the metric log says what is none of ours
        self.is_mine = False
        """Whether this worker owns the topic now."""
        self._logger = logging.getLogger(f"hindsight.{fed.name}")
        self.link = self._new_link()
        self._thread = OwnThread(fed.name)
        self._counting: Counting | None = None
        self._waiting: list[VerdictRecord] = []
        self._n_rows = self._read_to = 0
        self._is_behind = True
        """Whether Kafka has to be read before what is waiting can be counted."""
        self._last: dict[tuple[str, int], int] = {}
        """By decision log and partition: the last offset that waits, or was counted."""
        self._rolled_up_mono = self._counted_mono = float("-inf")
        self._last_lag_s = 0.0

    @property
    def problem(self) -> str:
        """Why nothing is counted now; empty if it is."""
        if self._thread.busy_s > LONG_S:
            busy = f"The disk has been at work on {self._fed.kept} for {self._thread.busy_s:.0f} s"
            return f"{busy}: {self._fed.made} stand still."
        return self.link.problem

    @property
    def behind(self) -> str:
        """Why the file does not hold all that was decided, though nothing is wrong; empty if it does."""
        if self._is_behind:
            return "What was decided before is read from Kafka first."
        lag_s = self._lag_s()
        return f"Counting is {lag_s:.0f} s behind." if lag_s > LATE_S else ""

    @property
    def late(self) -> str:
        """Why the file does not hold all that was decided, as a clause; empty if it does."""
        if self.problem:
            return "the figures cannot be counted now"
        return self.behind[:1].lower() + self.behind[1:].rstrip(".")

    def _lag_s(self) -> float:
        """Return how long ago that was decided which is counted next, or was counted last, if that was just now."""
        if self._waiting:
            return time.time() - _decided_at(self._waiting[0])
        return self._last_lag_s if time.monotonic() - self._counted_mono < 3 * COUNT_EVERY_S else 0.0

    @property
    def _made(self) -> str:
        return f"T{self._fed.made[1:]}"

    def _new_link(self) -> Link:
        return Link(self._fed.name, self._logger, is_up=True)

    def take(self, records: Sequence[VerdictRecord]) -> None:
        """Take records that the metric log has written, now or before, in the order of their partitions."""
        self._waiting += records
        self._last |= {(record.log, record.partition): record.offset for record in records}
        self._n_rows += _n_rows(records)
        if self._n_rows > MAX_ROWS:
            self._forget()

    def read_to(self, offset: int, again: Sequence[Tag] = ()) -> None:
        """Note that all of the topic before this offset was taken, now or before.

        Args:
            again: what of it the metric log had written before. What of that was lost here is in Kafka now, at last.
        """
        self._read_to = offset
        self._is_behind |= any(tag.offset > self._last.get((tag.log, tag.partition), -1) for tag in again)

    async def run(self) -> None:
        """Count, for as long as the worker runs; a disk that fails holds up the figures, and nothing else."""
        while True:
            await asyncio.sleep(COUNT_EVERY_S)
            if not self.is_mine:
                await self.let_go()
                continue
            try:
                await self._step()
                self.link.up(f"{self._made} go on again.")
            except (InsightError, LogError, Unavailable) as exc:
                self._forget()
                self.link.down(f"{self._made} stand still; they are caught up on later: {exc}")
                await self._wait_after(exc)

    async def _wait_after(self, exc: Exception) -> None:
        if isinstance(exc, store.Fenced | log.Fenced | Damaged):
            await self.close()
        if isinstance(exc, store.Fenced | log.Fenced):
            await asyncio.sleep(FENCED_S)
        else:
            await self.link.pause()

    async def _step(self) -> None:
        counting = await self._opened()
        if self._is_behind:
            self._is_behind = False
            await self._catch_up(counting)
        if not self._is_behind:
            await self._count(counting)
        if time.monotonic() - self._rolled_up_mono > ROLL_UP_EVERY_S:
            await self._thread.do(partial(counting.roll_up, time.time()))
            self._rolled_up_mono = time.monotonic()

    async def _count(self, counting: Counting) -> None:
        """Count what waits."""
        waiting, n = self._waiting, len(self._waiting)
        if not await self._thread.do(partial(counting.count, waiting[:n], self._read_to)):
            self._forget()
        elif self._waiting is waiting:
            if n:
                self._last_lag_s, self._counted_mono = time.time() - _decided_at(waiting[n - 1]), time.monotonic()
            del waiting[:n]
            self._n_rows = _n_rows(waiting)

    async def _opened(self) -> Counting:
        if self._counting is None:
            self._counting = await self._thread.do(self._opens)
            self._is_behind = True
        return self._counting

    async def _catch_up(self, counting: Counting) -> None:
        """Count what Kafka has of the topic and the file does not, up to the topic's end of now."""
        async with Reader(self._settings, fetch_bytes=FETCH_BYTES) as reader:
            first, end = (await reader.bounds([self._tp]))[self._tp]
            start = counting.read_to if first <= counting.read_to <= end else first
            written = counting.positions()
            async for records in reader.read(self._tp, start, end):
                came = _Came(self._tp, [_Sent(record) for record in records])
                fresh = await self._incoming.unwritten([came], written)
                read_to = records[-1].offset + 1 if records else start
                await self._thread.do(partial(counting.count, fresh, read_to, is_all=True))
        self._read_to = max(self._read_to, end)
        self._note(counting)

    def _note(self, counting: Counting) -> None:
        """Note how far it is counted; what waits is further on."""
        counted = {(log, p): offset for log, offsets in counting.positions().items() for p, offset in offsets.items()}
        self._last = counted | {(record.log, record.partition): record.offset for record in self._waiting}

    def _forget(self) -> None:
        """Forget what waits: it comes from Kafka."""
        self._last = {}
        self._waiting, self._n_rows, self._is_behind = [], 0, True

    async def let_go(self) -> None:
        """Forget what was not counted, and what was wrong: the file is another worker's now."""
        if self._counting is not None or self.link.problem:
            self.link = self._new_link()
        self._forget()
        await self.close()

    async def close(self) -> None:
        """Let go of the file."""
        counting, self._counting = self._counting, None
        if counting is not None:
            await self._thread.do(counting.close)


def _decided_at(record: VerdictRecord) -> float:
    return record.report.at if record.report else max((row.at for row in record.rows), default=time.time())


def _n_rows(records: Sequence[VerdictRecord]) -> int:
    """Return how many records and verdicts these are: there are records that only report what came."""
    return len(records) + sum(len(record.rows) for record in records)


class _Sent:
    """A record of the topic as `Incoming` takes it."""

    def __init__(self, stored: StoredRecord) -> None:
        self._stored = stored

    def offset(self) -> int:
        return self._stored.offset

    def value(self) -> bytes | None:
        return self._stored.value


class _Came(NamedTuple):
    tp: TP
    records: Sequence[_Sent]
