"""Kafka's records, fetched by librdkafka: of the partitions that it is told, each from the offset that it is told.

Who owns which partition is not decided here: Faust's consumer stays the member of the group. A record comes once and in
its order; what holds no record for a reader (ends of transactions, aborted rows, what compaction removed) is passed by.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.kafka.records import TP
from streams.process.fatal import fatal

logger = logging.getLogger("hindsight.fetch")
AT_ONCE = 5_000
"""Most records that are handed over together."""
POLL_S, GATHER_S = 0.1, 0.002
"""How long to wait for a first record, and then for those right behind it."""
LINGER_S, SHORT_LINGER_S = 0.02, 0.005
"""What comes again and again is handed over this far apart, for all partitions at once: so they decide together, and their
decisions share a request and a disk sync. It is shorter for few records, and for those with headers: our bridge gathered them."""
FEW_RECORDS = 5
"""Where fewer come at once, as at 100 rows/s, they would wait for nothing."""
FULL_BYTES = 160_000
"""After so much at once the next records wait for nothing."""
RECORD_BYTES = 400
"""What a record costs beside its value."""
MAX_HANDED_BYTES = 16 << 20
"""What may be handed over and not released yet; when exceeded, librdkafka keeps what comes, up to its own bound."""
MAX_STUCK_BYTES, RESUME_BYTES = 4 << 20, 1 << 20
"""A partition that holds more is paused, so that it does not hold up the others, until it holds less."""
STILL_S = 1.0
"""So is one of which nothing is taken for so long while all is full: many partitions of one stuck reader fill it, too."""
STATISTICS_MS = 1000
HEARD_S = 3.0
"""A broker from which nothing came for so long is not known to answer."""
RENEW_S = 30.0
"""Where nothing came from any broker for so long, a new client takes over.

Defect (librdkafka 2.12 to 2.16, its issue 5301): an answer without brokers, as a Kafka that starts or ends may give, makes it
forget them all and never connect again.
"""
OPTIONS: dict[str, Any] = {
    "log_level": 2,  # critical: twenty lines a second are said of an outage otherwise, and /readyz says it
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    "fetch.queue.backoff.ms": 5,  # 1,000 by default: a full queue would stop fetching for a second
    "fetch.wait.max.ms": 500,
    "queued.max.messages.kbytes": 16 << 10,
    "max.partition.fetch.bytes": 256 << 10,  # a whole fetch of one partition comes before the next: one side runs ahead
    "statistics.interval.ms": STATISTICS_MS,
    "topic.metadata.refresh.interval.ms": 60_000,
}


class Record(Protocol):
    """One Kafka record, as librdkafka's client gives it; its length is that of its value."""

    def __len__(self) -> int: ...
    def offset(self) -> int: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def headers(self) -> list[tuple[str, bytes]] | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]: ...  # noqa: D102


@dataclass(slots=True)
class Held:
    """Bytes of one assigned partition: one thread counts what is delivered, the other what is released."""

    n_delivered: int = 0
    n_released: int = 0

    @property
    def n_bytes(self) -> int:
        """What is delivered and not released yet."""
        return self.n_delivered - self.n_released


@dataclass(slots=True)
class Batch:
    """All that lies in one partition from offset `start` up to, not with, `end`; `is_last` if nothing follows it now.

    Whoever is given it adds to `held.n_released` what it holds no longer.
    """

    tp: TP
    start: int
    end: int
    held: Held = field(default_factory=Held)
    records: list[Record] = field(default_factory=list)
    is_last: bool = False

    @property
    def n_bytes(self) -> int:
        """What the records hold in memory, about."""
        return sum(map(len, self.records)) + RECORD_BYTES * len(self.records)


class Fetcher:
    """One consumer and the thread that polls it; `deliver` is called in the event loop, with each batch once.

    Whoever is given a batch says when its bytes are no longer held (`Batch.held`), and when its records are done with (`done`).
    """

    def __init__(self, options: Mapping[str, Any], deliver: Callable[[Batch], None]) -> None:
        self.positions: dict[TP, int] = {}
        """By partition, the offset up to which its records are done with: what the group is to know."""
        self._options, self._deliver = options, deliver
        self._loop: asyncio.AbstractEventLoop
        self._consumer: Consumer
        self._thread: threading.Thread | None = None
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._next: dict[TP, int] = {}
        self._paused: set[TP] = set()
        self._taken: dict[TP, tuple[int, float]] = {}
        """What was released of each partition, and since when that has not changed (monotonic)."""
        self._held: dict[TP, Held] = {}
        self._brokers = _Brokers()
        self._next_mono = 0.0
        """When the next records may be handed over."""
        self._begun_mono = 0.0
        """Since when this client is to hear of Kafka: since it was made, or had no partition to read."""

    def start(self) -> None:
        """Begin to poll, with no partition yet.

        Raises:
            KafkaException: the options cannot be used, as with a certificate's file that cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        self._connect()
        self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)
        self._thread.start()

    async def assign(self, starts: Mapping[TP, int]) -> None:
        """Fetch these partitions too, each from its offset on."""
        await self._order(lambda: self._assign(starts))

    async def drop(self, tps: Iterable[TP]) -> None:
        """Fetch these partitions no more; once this returns, nothing of them is delivered."""
        gone = list(tps)
        await self._order(lambda: self._drop(gone))

    def done(self, batch: Batch) -> None:
        """Say that a batch is done with: its bytes are released, and the group may know."""
        batch.held.n_released += batch.n_bytes
        self.positions[batch.tp] = batch.end

    def is_heard(self, tp: TP) -> bool:
        """Tell whether the broker that leads a partition answered within the last seconds."""
        return self._brokers.is_heard(tp)

    async def stop(self) -> None:
        """Disconnect."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            await asyncio.to_thread(thread.join)
            await asyncio.to_thread(self._consumer.close)

    def _connect(self) -> None:
        told = {"stats_cb": self._brokers.hear, "error_cb": lambda error: None}  # /readyz says that Kafka is away
        self._consumer = Consumer(dict(self._options) | OPTIONS | told, logger=logger)
        self._begun_mono = time.monotonic()

    # In the thread

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._obey()
                self._pause_and_resume()
                if self._n_held() > MAX_HANDED_BYTES:
                    self._stopping.wait(GATHER_S)
                else:
                    self._poll()
                    self._renew()
        except Exception as exc:
            logger.exception("nothing can be fetched any more")
            fatal(f"the thread that fetches from Kafka cannot continue: {exc!r}.")

    def _obey(self) -> None:
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            order()

    def _poll(self) -> None:
        first = self._consumer.poll(POLL_S)
        if first is None:
            return
        self._stopping.wait(max(GATHER_S, self._next_mono - time.monotonic()))
        batches: dict[TP, Batch] = {}
        for record in [first, *self._consumer.consume(AT_ONCE, 0)]:
            tp = TP(record.topic(), record.partition())
            batch = batches.get(tp)
            if batch is None:
                start = self._next.get(tp)
                if start is None:
                    continue  # it was dropped
                batch = batches[tp] = Batch(tp, start, start, self._held[tp])
            if (error := record.error()) is None:
                batch.records.append(record)
                batch.end = record.offset() + 1
                batch.is_last = False
            elif error.code() == KafkaError._PARTITION_EOF:
                batch.end = max(batch.end, record.offset())
                batch.is_last = True
            else:
                self._say(tp, error)
        if batches:
            self._hand_over(list(batches.values()))

    def _renew(self) -> None:
        """Have a new client go on from where each partition is, where the old one may be cut off for good."""
        now = time.monotonic()
        if self._next.keys() <= self._paused:
            self._begun_mono = now
        elif now - max(self._begun_mono, self._brokers.heard_mono) > RENEW_S:
            self._consumer.close()
            self._connect()
            self._paused.clear()
            self._consumer.incremental_assign([TopicPartition(*tp, offset) for tp, offset in self._next.items()])

    def _hand_over(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._next[batch.tp] = batch.end
            batch.held.n_delivered += batch.n_bytes
        if any(batch.records for batch in batches):
            self._next_mono = time.monotonic() + _linger_s(batches)
        self._loop.call_soon_threadsafe(self._deliver_all, batches)

    def _deliver_all(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._deliver(batch)

    def _say(self, tp: TP, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            fatal(
                f"Kafka does not have offset {self._next[tp]} of partition {tp.partition} of the topic {tp.topic!r} any more: "
                "its retention removed it unread, or the topic was recreated. A restart says which, and resumes if it can."
            )
        logger.error("%s/%d cannot be read: %s", tp.topic, tp.partition, error.str())

    def _assign(self, starts: Mapping[TP, int]) -> None:
        self._drop([tp for tp in starts if tp in self._next])
        self._next |= starts
        self._held |= {tp: Held() for tp in starts}
        self._consumer.incremental_assign([TopicPartition(*tp, offset) for tp, offset in starts.items()])

    def _drop(self, tps: Iterable[TP]) -> None:
        gone = [tp for tp in tps if tp in self._next]
        if gone:
            self._consumer.incremental_unassign([TopicPartition(*tp) for tp in gone])
        for tp in gone:
            del self._next[tp], self._held[tp]
            self._taken.pop(tp, None)
            self._paused.discard(tp)

    def _pause_and_resume(self) -> None:
        """Pause the partitions that hold much (librdkafka throws away what it fetched ahead of them), resume the others."""
        full = [tp for tp in self._next if tp not in self._paused and self._is_stuck(tp)]
        free = [tp for tp in self._paused if self._held[tp].n_bytes < RESUME_BYTES // 4]
        if full:
            self._consumer.pause([TopicPartition(*tp) for tp in full])
            self._paused.update(full)
        if free:
            self._consumer.resume([TopicPartition(*tp) for tp in free])
            self._paused.difference_update(free)

    def _is_stuck(self, tp: TP) -> bool:
        """Tell whether a partition holds much, or holds up the others: all is full, and nobody takes anything of it."""
        held, now = self._held[tp], time.monotonic()
        n_released, since_mono = self._taken.get(tp, (-1, now))
        if held.n_released != n_released:
            since_mono = now
        self._taken[tp] = held.n_released, since_mono
        is_still = held.n_bytes > RESUME_BYTES // 4 and now - since_mono > STILL_S
        return held.n_bytes > MAX_STUCK_BYTES or (is_still and self._n_held() > MAX_HANDED_BYTES)

    def _n_held(self) -> int:
        return sum(self._held[tp].n_bytes for tp in self._next if tp not in self._paused)

    async def _order(self, work: Callable[[], None]) -> None:
        """Have the thread do something; what it delivered before comes before this returns."""
        if self._thread is None:
            return
        answer = self._loop.create_future()

        def order() -> None:
            try:
                work()
            except Exception as exc:
                self._loop.call_soon_threadsafe(_fail, answer, exc)
            else:
                self._loop.call_soon_threadsafe(_settle, answer)

        self._orders.put(order)
        await answer


def _linger_s(batches: Sequence[Batch]) -> float:
    """Return how long after these the next batches are to be handed over."""
    if sum(batch.n_bytes for batch in batches) >= FULL_BYTES:
        return 0.0
    are_few = sum(len(batch.records) for batch in batches) < FEW_RECORDS
    are_gathered = any(batch.records[0].headers() for batch in batches if batch.records)
    return SHORT_LINGER_S if are_few or are_gathered else LINGER_S


class _Partition(msgspec.Struct):
    leader: int = -1


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition] = {}


class _Broker(msgspec.Struct):
    nodeid: int = -1
    rx: int = 0


class _Statistics(msgspec.Struct):
    brokers: dict[str, _Broker] = {}
    topics: dict[str, _Topic] = {}


class _Brokers:
    """When each broker was heard last, from librdkafka's statistics."""

    def __init__(self) -> None:
        self._n_rx: dict[int, int] = {}
        self._heard_mono: dict[int, float] = {}
        self._leaders: dict[TP, int] = {}
        self._decode = msgspec.json.Decoder(_Statistics).decode

    def hear(self, raw: str) -> None:
        """Take the statistics of now."""
        found, now = self._decode(raw), time.monotonic()
        for broker in found.brokers.values():
            if broker.nodeid < 0:
                continue  # it stands for another one, as that of an address to begin with does
            if broker.rx != self._n_rx.get(broker.nodeid, 0):
                self._n_rx[broker.nodeid] = broker.rx
                self._heard_mono[broker.nodeid] = now
        self._leaders = {
            TP(name, int(number)): partition.leader
            for name, topic in found.topics.items()
            for number, partition in topic.partitions.items()
        }

    @property
    def heard_mono(self) -> float:
        """When any broker was heard last; 0 if none was."""
        return max(self._heard_mono.values(), default=0.0)

    def is_heard(self, tp: TP) -> bool:
        """Tell whether the leader of a partition was heard lately."""
        heard_mono = self._heard_mono.get(self._leaders.get(tp, -1))
        return heard_mono is not None and time.monotonic() - heard_mono <= HEARD_S


def _settle(answer: asyncio.Future[None]) -> None:
    if not answer.done():
        answer.set_result(None)


def _fail(answer: asyncio.Future[None], exc: Exception) -> None:
    if not answer.done():
        answer.set_exception(exc)
