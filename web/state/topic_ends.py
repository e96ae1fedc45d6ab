"""What Kafka says of our topics: where they end, and how far the workers have read them. Asked every few seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.kafka import client as connect
from streams.kafka.topics import Topic, mismatch, numbers, topics
from streams.process import log_throttle
from streams.process.fatal import fatal
from streams.settings import Settings
from streams.wire.resolutions import n_open
from web.quarantine.resolved import Resolved
from web.text import clock

logger = logging.getLogger("hindsight.web")
ASK_EVERY_S, SILENT_S = 1.5, 3.0
"""A Kafka that does not answer for so long is away. Together less than 5 s: so soon it must be seen."""
TIMEOUT_MS, CLOSE_S = 5000, 2.0
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
        self._n_removed = self._n_lost = 0
        self.resolved = Resolved(self._names.resolved.name)
        self._first: dict[TopicPartition, int] = {}
        self._end: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._heard: deque[tuple[float, dict[TopicPartition, int]]] = deque(maxlen=RATE_OVER)

    async def run(self) -> None:
        """Ask, for as long as the worker runs."""
        while True:
            try:
                await self._ask_until_it_fails()
            except (KafkaError, OSError) as exc:
                self._say_away(type(exc).__name__)
            await asyncio.sleep(ASK_EVERY_S)

    async def _ask_until_it_fails(self) -> None:
        client = connect.kafka_client(self._settings) | {"request_timeout_ms": TIMEOUT_MS}
        consumer, admin = AIOKafkaConsumer(**client, group_id=None), AIOKafkaAdminClient(**client)
        try:
            await admin.start()
            await consumer.start()
            while True:
                late = asyncio.get_running_loop().call_later(SILENT_S, self._say_away, f"no answer for {SILENT_S:g} s")
                try:
                    await self._ask(consumer, admin)
                except (KafkaError, OSError) as exc:
                    self._say_away(type(exc).__name__)  # at once: to disconnect can take long
                    raise
                finally:
                    late.cancel()
                await asyncio.sleep(ASK_EVERY_S)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await consumer.stop()
                    await admin.close()

    def _say_away(self, why: str) -> None:
        said = f"Kafka at {self._settings.kafka_address} does not answer: {why}."
        if self.heard_at is not None:
            said += f" It was last heard at {clock(self.heard_at)} UTC; rows wait, and nothing is lost."
        if not self.problem:
            logger.warning(said, extra=log_throttle.NEVER_HELD_BACK)
        self.problem = self._problems["kafka"] = said

    async def _ask(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        existing = await consumer.topics()
        tps = [TopicPartition(t.name, p) for t in self._names if t.name in existing for p in range(t.partitions)]
        first = await consumer.beginning_offsets(tps) if tps else {}
        end = await consumer.end_offsets(tps) if tps else {}
        self._end_if_lost(end)
        there = [topic.name for topic in self._names if topic.name in existing]
        self._say_mismatch(mismatch(self._names, await numbers(admin, there)))
        if not tps or self._n_lost:
            return
        self._first, self._end = first, end
        self._say_what_is_removed()
        await self.resolved.read(consumer, self.end(self._names.resolved, 0) or 0)
        committed = await admin.list_consumer_group_offsets(self._settings.app_id)
        self._committed = {tp: found.offset for tp, found in committed.items() if found.offset >= 0}
        if self._problems["kafka"]:
            logger.info("Kafka answers again.")
        self.problem = self._problems["kafka"] = ""
        self.heard_at = time.time()
        self._heard.append((time.monotonic(), self._end))

    def _end_if_lost(self, end: dict[TopicPartition, int]) -> None:
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
        tp = TopicPartition(self._names.quarantine.name, 0)
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
        return self._end.get(TopicPartition(topic.name, partition))

    def _of(self, topic: Topic) -> list[TopicPartition]:
        return [tp for tp in self._end if tp.topic == topic.name]
