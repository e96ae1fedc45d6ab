"""What Kafka says of our topics: where they end, and how far the workers have read them. Asked every few seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

from streams.kafka.admin import Admin
from streams.kafka.errors import reason
from streams.kafka.reader import Reader
from streams.kafka.records import TP
from streams.kafka.topics import Topic, mismatch, topics
from streams.process.fatal import fatal
from streams.process.link import Link
from streams.process.unavailable import Unavailable
from streams.settings import Settings
from streams.wire.resolutions import n_open
from web.quarantine.resolved import Resolved
from web.text import clock

logger = logging.getLogger("hindsight.web")
ASK_EVERY_S, SILENT_S = 1.5, 3.0
"""A Kafka that does not answer for so long is away. Together less than 5 s: so soon it must be seen."""
TIMEOUT_S = 5.0
LOST_TIMES = 3
"""Kafka must show so often in a row that it lost a topic of ours: while it elects a leader, it may look so for a moment."""
RATE_OVER = 6
"""A rate is over so many answers of Kafka."""


class Ends:
    """The ends of the topics, and the group's committed offsets, as last heard; empty until Kafka answered once."""

    def __init__(self, settings: Settings, problems: dict[str, str]):
        self.problem = "Kafka has not answered yet."
        self.heard_at: float | None = None
        self._settings, self._problems = settings, problems
        self._names = topics(settings)
        self._link = Link("kafka", logger, is_up=True)
        self._admin = Admin(settings, timeout_s=TIMEOUT_S)
        self._reader = Reader(settings, timeout_s=TIMEOUT_S)
        self._n_removed = self._n_lost = 0
        self.resolved = Resolved(self._names.resolved.name)
        self._first: dict[TP, int] = {}
        self._end: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}
        self._heard: deque[tuple[float, dict[TP, int]]] = deque(maxlen=RATE_OVER)

    async def run(self) -> None:
        """Ask, for as long as the worker runs."""
        async with self._admin, self._reader:
            while True:
                late = asyncio.get_running_loop().call_later(SILENT_S, self._say_away, f"no answer for {SILENT_S:g} s")
                try:
                    await self._ask()
                except Unavailable as exc:
                    self._say_away(reason(exc.__cause__ or exc))
                    self._admin.drop()
                finally:
                    late.cancel()
                await asyncio.sleep(ASK_EVERY_S)

    def _say_away(self, why: str) -> None:
        said = f"Kafka at {self._settings.kafka_address} does not answer: {why}."
        if self.heard_at is not None:
            said += f" It was last heard at {clock(self.heard_at)} UTC; rows wait, and nothing is lost."
        self._link.down(said, said_elsewhere=self.heard_at is None)
        self.problem = self._problems["kafka"] = said

    async def _ask(self) -> None:
        there = await self._admin.partitions()
        self._say_mismatch(mismatch(self._names, there))
        bounds = await self._reader.bounds(
            [TP(t.name, p) for t in self._names for p in range(min(t.partitions, there.get(t.name, 0)))]
        )
        end = {tp: found.end for tp, found in bounds.items()}
        self._end_if_lost(end)
        if not bounds or self._n_lost:
            return
        self._first, self._end = {tp: found.first for tp, found in bounds.items()}, end
        self._say_what_is_removed()
        if (resolved := TP(self._names.resolved.name, 0)) in bounds:
            await self.resolved.read(self._reader, *bounds[resolved])
        self._committed = await self._admin.committed(self._settings.app_id)
        self._link.up("Kafka answers again.")
        self.problem = self._problems["kafka"] = ""
        self.heard_at = time.time()
        self._heard.append((time.monotonic(), self._end))

    def _end_if_lost(self, end: dict[TP, int]) -> None:
        """End the process where Kafka no longer has what it had: what this process knows of it is of no use any more."""
        lost = sorted({tp.topic for tp, was in self._end.items() if end.get(tp, -1) < was})
        self._n_lost = self._n_lost + 1 if lost else 0
        if self._n_lost >= LOST_TIMES:
            fatal(
                f"Kafka has lost what it had of {', '.join(lost)}: its data or these topics were removed, or another Kafka "
                "answers at its address. Restarted, the worker recreates them; ids that waited in them are gone."
            )

    def _say_mismatch(self, said: str) -> None:
        """Report topics whose partitions do not fit: somebody changed them while we run."""
        if said and said != self._problems.get("partitions"):
            logger.error(said)
        self._problems["partitions"] = said

    def _say_what_is_removed(self) -> None:
        """Warn when Kafka removes records of quarantine, as its cap says."""
        n = self.removed(self._names.quarantine)
        if n > self._n_removed:
            logger.warning(
                "The topic %s is full: Kafka has removed its %d oldest records (HINDSIGHT_MAX_QUARANTINE_BYTES).",
                self._names.quarantine.name,
                n,
            )
        self._n_removed = n

    def kept(self, topic: Topic) -> int | None:
        """Return how many records a topic holds; None while unknown."""
        tps = self._of(topic)
        return sum(self._end[tp] - self._first.get(tp, 0) for tp in tps) if tps else None

    def quarantined(self) -> int | None:
        """Return how many records of quarantine nobody has requeued or dropped; None while unknown."""
        tp = TP(self._names.quarantine.name, 0)
        return n_open(self._first.get(tp, 0), self._end[tp], self.resolved.found) if tp in self._end else None

    def removed(self, topic: Topic) -> int:
        """Return how many records of a topic Kafka has removed."""
        return sum(self._first.get(tp, 0) for tp in self._of(topic))

    def lag(self, topic: Topic) -> int | None:
        """Return how many records of a topic the workers have not committed; None while unknown."""
        tps = self._of(topic)
        if not tps:
            return None
        return sum(max(0, self._end[tp] - max(self._committed.get(tp, 0), self._first.get(tp, 0))) for tp in tps)

    def rate(self, topic: Topic) -> float | None:
        """Return how many records a second came to a topic lately; None while unknown."""
        if len(self._heard) < 2:
            return None
        (then, before), (now, after) = self._heard[0], self._heard[-1]
        grown = sum(after[tp] - before.get(tp, after[tp]) for tp in after if tp.topic == topic.name)
        return round(max(0.0, grown / max(now - then, 1e-9)), 1)

    def end(self, topic: Topic, partition: int) -> int | None:
        """Return the next offset of a partition; None while unknown."""
        return self._end.get(TP(topic.name, partition))

    def _of(self, topic: Topic) -> list[TP]:
        return [tp for tp in self._end if tp.topic == topic.name]
