"""From one queue to one topic, a batch at a time: decode, pack, produce, and only then acknowledge."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from bridge.batch import NO_PROPERTIES, Batch, decoder, giant
from bridge.kafka import Kafka
from bridge.ledger import Ledger
from bridge.packets import Packet, halves, pack
from bridge.queues import Queue
from bridge.refused import Quarantine
from streams.kafka.producer import MOST_TRIES, Refused
from streams.kafka.records import Record
from streams.kafka.topics import topics
from streams.process.linger import Linger
from streams.settings import Settings
from streams.wire.forwarding import packed_for
from streams.wire.refusals import Refusals
from streams.wire.rows import Row, Unreadable

log = logging.getLogger("bridge")

BATCH_BYTES = 4 << 20
"""What one batch may cost in memory; the message that reaches it may be larger alone."""


class Relay:
    """Moves one queue's rows to their topic. One batch is in flight; more wait in the queue's prefetch."""

    def __init__(self, queue: Queue, kafka: Kafka, settings: Settings, linger: Linger) -> None:
        self.kind = queue.kind
        self._beat = linger
        self._queue = queue
        self._decoder = decoder(queue.kind, settings)
        self._kafka = kafka
        self._settings = settings
        self._topic = topics(settings).of_kind(queue.kind).name
        self._marks = [packed_for(settings.partitions)]
        self.ledger = Ledger(queue.kind)
        self._quarantine = Quarantine(queue, kafka, topics(settings).quarantine.name, self.ledger)
        self._sent_at = 0.0
        self._n_said = 0

    async def run(self) -> None:
        """Relay until cancelled.

        Raises:
            TopicMismatch: see `Kafka.produce`.
        """
        await self._kafka.start()
        while True:
            await self._queue.arrived.wait()
            await self._linger()
            channel, batch = self._queue.channel, self._take()
            if batch.n_messages:
                await self._deliver(batch)
                self.ledger.close()
                self._queue.ack(batch.tag, batch.n_messages, channel)

    async def _linger(self) -> None:
        """Let rows gather until the linger ends, or until they fill a batch."""
        rest = self._beat.rest_s(self._sent_at)
        if rest > 0:
            await self._queue.gather(rest)
        self._sent_at = time.monotonic()

    def _take(self) -> Batch:
        """Take and decode what waits: rows for a packet a partition, and half the prefetch, so that the rest can come."""
        n_rows, n_messages = self._settings.packet_rows * self._settings.partitions, -(-self._settings.prefetch // 2)
        batch, waiting = Batch(self._decoder, self._settings.max_body_bytes), self._queue.waiting
        while waiting and batch.n_messages < n_messages and len(batch.rows) < n_rows and batch.n_bytes < BATCH_BYTES:
            batch.add(self._queue.take())
        self._beat.count(len(batch.rows))
        self._say_notes()
        self.ledger.deliver(batch.n_messages, batch.n_rows)
        return batch

    def notes(self) -> list[str]:
        """Return what was read otherwise than it was sent."""
        return [f"The queue {self._queue.name!r}: {note} ({n:,} so far)." for note, n in self._decoder.notes.items()]

    def unreadable(self) -> list[str]:
        """Return how many rows were refused, and why the newest were, in one sentence; nothing if none were."""
        newest, n = self._quarantine.newest, self.ledger.n_quarantined
        return [f"{Refusals(self.kind, n, self._sent_at, newest).sentence()}."] if newest else []

    def _say_notes(self) -> None:
        """Say once what is read otherwise than it is sent."""
        for note in [*self._decoder.notes][self._n_said :]:
            log.info(f"The queue {self._queue.name!r}: {note}.")
        self._n_said = len(self._decoder.notes)

    async def _deliver(self, batch: Batch) -> None:
        """Return when Kafka has every row of the batch, in its topic or in quarantine."""
        if batch.refused:
            await asyncio.gather(self._deliver_rows(batch.rows), self._quarantine.put(batch.refused))
        else:
            await self._deliver_rows(batch.rows)

    async def _deliver_rows(self, rows: Sequence[Row]) -> None:
        settings = self._settings
        packets = pack(rows, settings.partitions, settings.packet_rows, self._kafka.record_bytes)
        for packet, refused in await self._produce(list(packets)):
            if refused.is_too_large:
                await self._deliver_alone(packet)
            else:
                await self._give_up(packet, refused)

    async def _deliver_alone(self, packet: Packet) -> None:
        """Produce what Kafka found too large by itself, then in halves; a row that is too large alone is refused."""
        failed = await self._produce([packet])
        if not failed:
            return
        if not failed[0][1].is_too_large or len(packet.rows) == 1:
            await self._give_up(*failed[0])
            return
        self._kafka.learn_limit(len(packet.value))
        for half in halves(packet):
            await self._deliver_alone(half)

    async def _give_up(self, packet: Packet, refused: Refused) -> None:
        """Put rows into quarantine that Kafka will not take in their topic."""
        if refused.is_too_large:
            unreadable = giant(packet.rows[0], packet.value)
        else:
            detail = f"Kafka refused it {MOST_TRIES} times: {refused.why}"
            unreadable = Unreadable(packet.value, "refused", detail, len(packet.rows))
        await self._quarantine.put([(unreadable, NO_PROPERTIES)])

    async def _produce(self, packets: Sequence[Packet]) -> list[tuple[Packet, Refused]]:
        """Return when Kafka has the packets; those that it will not take are returned."""
        refused = await self._kafka.produce([Record(self._topic, p.partition, p.value, self._marks) for p in packets])
        by_value = {id(one.record.value): one for one in refused}
        left = [(packet, by_value[id(packet.value)]) for packet in packets if id(packet.value) in by_value]
        n_left = sum(len(packet.rows) for packet, _ in left)
        self.ledger.keep(len(packets) - len(left), sum(len(packet.rows) for packet in packets) - n_left)
        return left
