"""Kafka: records are handed over and confirmed, however long that takes. aiokafka's exceptions end here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RecordListTooLargeError

from bridge import counts
from bridge.gate import Gate
from streams.kafka.client import kafka_producer
from streams.kafka.probe import why_away
from streams.kafka.topics import declare
from streams.process.link import Link
from streams.settings import Settings

log = logging.getLogger("bridge")

RECORD_BYTES, SMALLEST_RECORD_BYTES = 900_000, 16_000
"""What a record may hold. Kafka's default limit is 1,048,588 bytes, a few of its own included; less is learned."""
START_S = 20.0
SILENT_S = 3.0
"""A record that is not confirmed for so long means that Kafka is away; it is still being sent."""
STOP_S = 2.0
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_AWAY = (KafkaError, OSError, asyncio.TimeoutError)


class Record(NamedTuple):
    """One record to produce."""

    topic: str
    partition: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class _GivenUp(Exception):
    """The producer was replaced before Kafka confirmed the record."""


class _Sending:
    """Some records on their way through one producer, and what became of each: confirmed (None), or an exception."""

    def __init__(self, producer: AIOKafkaProducer, records: Sequence[Record]) -> None:
        self.producer = producer
        self.outcomes: list[BaseException | None] = [_GivenUp()] * len(records)
        self.n_answered = 0
        self.task = asyncio.create_task(self._send(records))

    def is_confirmed(self) -> bool:
        """Whether Kafka has confirmed all of the records that are not too large for it, and there are any."""
        left = [outcome for outcome in self.outcomes if not isinstance(outcome, _TOO_LARGE)]
        return bool(left) and not any(left)

    def _count(self, _answer: asyncio.Future[Any]) -> None:
        self.n_answered += 1

    async def _send(self, records: Sequence[Record]) -> None:
        confirmed: list[asyncio.Future[Any]] = []
        try:
            for topic, partition, value, headers in records:
                sent = await self.producer.send(topic, value, partition=partition, headers=headers)
                sent.add_done_callback(self._count)
                confirmed.append(sent)
        except Exception as exc:  # aiokafka raises more than its own errors, such as AssertionError on its metadata
            self.outcomes[len(confirmed) :] = [exc] * (len(records) - len(confirmed))
        for i, future in enumerate(confirmed):
            try:
                await future
                self.outcomes[i] = None
            except Exception as exc:  # as above
                self.outcomes[i] = exc


class Kafka:
    """A producer that neither loses nor gives up. A producer that is stuck is replaced by a new one.

    `gate` is open while Kafka takes records: once one was refused or is not confirmed, until one is confirmed.
    """

    def __init__(self, settings: Settings) -> None:
        self.link = Link("kafka", log, counts.link)
        self.gate = Gate()
        self._is_in_doubt = False
        self.record_bytes = RECORD_BYTES
        self._settings = settings
        self._where = f"Kafka at {settings.kafka_address}"
        self._producer: AIOKafkaProducer | None = None
        self._replaced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._starting = asyncio.Lock()

    async def start(self) -> AIOKafkaProducer:
        """Return the producer, once Kafka answers and the topics are there.

        Raises:
            TopicMismatch: a topic exists with another number of partitions.
            SettingsError: a certificate cannot be used.
        """
        async with self._starting:
            while self._producer is None:
                try:
                    self._producer = await self._started()
                except _AWAY as exc:
                    self._down(f"{await why_away(self._settings, exc)} Trying again until it answers.")
                    await self.link.pause()
            return self._producer

    async def produce(self, records: Sequence[Record]) -> list[Record]:
        """Return when Kafka has confirmed the records; those that are too large for it are returned.

        Raises:
            TopicMismatch: a topic was made anew, with another number of partitions.
        """
        too_large: list[Record] = []
        left = list(records)
        while left:
            sending = _Sending(await self.start(), left)
            await self._watched(sending)
            failed = [(r, exc) for r, exc in zip(left, sending.outcomes, strict=True) if exc is not None]
            too_large += [r for r, exc in failed if isinstance(exc, _TOO_LARGE)]
            left = [r for r, exc in failed if not isinstance(exc, _TOO_LARGE)]
            for _, exc in failed[:1]:
                await self._recover(sending.producer, exc)
        return too_large

    def learn_limit(self, refused_bytes: int) -> None:
        """Keep records to half of one that Kafka found too large."""
        self.record_bytes = max(SMALLEST_RECORD_BYTES, min(self.record_bytes, refused_bytes // 2))
        log.warning(
            f"{self._where} refused a record of {refused_bytes} bytes (see max.message.bytes of its topics): "
            f"from now on they hold {self.record_bytes}."
        )

    async def close(self) -> None:
        """Close the producer; what is not confirmed is given up."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await _discard(producer)

    async def _started(self) -> AIOKafkaProducer:
        await declare(self._settings)
        producer = AIOKafkaProducer(**kafka_producer(self._settings) | {"max_batch_size": self.record_bytes})
        try:
            await asyncio.wait_for(producer.start(), START_S)
        except BaseException:
            await _discard(producer)
            raise
        if not self._is_in_doubt:
            self._up(f"Connected to {self._where}.")
        return producer

    def _up(self, sentence: str) -> None:
        self._is_in_doubt = False
        self.link.up(sentence)
        self.gate.open()

    def _down(self, problem: str) -> None:
        self.gate.close()
        self.link.down(problem)

    async def _watched(self, sending: _Sending) -> None:
        """Wait until the records are confirmed or refused, or their producer is replaced."""
        replaced = self._replaced
        try:
            while not sending.task.done() and not replaced.done():
                n_before = sending.n_answered
                await asyncio.wait({sending.task, replaced}, timeout=SILENT_S, return_when=asyncio.FIRST_COMPLETED)
                if sending.is_confirmed():
                    self._up(f"{self._where} confirms again.")
                if not sending.task.done() and not replaced.done() and sending.n_answered == n_before:
                    self._is_in_doubt = True
                    self._down(
                        f"{self._where} does not confirm what it is sent: nothing more is read from RabbitMQ, "
                        "nothing is acknowledged, and both go on when it answers."
                    )
        finally:
            sending.task.cancel()

    async def _recover(self, producer: AIOKafkaProducer, exc: BaseException) -> None:
        """Replace a producer that failed: it may have lost count of its sequence numbers."""
        if producer is not self._producer or isinstance(exc, KafkaTimeoutError):
            return
        self._producer = None
        if not isinstance(exc, _TOO_LARGE):
            self._is_in_doubt = True
            self._down(f"{self._where} refused a record: {_text(exc)}. Sending again over a new connection.")
        replaced, self._replaced = self._replaced, asyncio.get_running_loop().create_future()
        await _discard(producer)
        replaced.set_result(None)
        if not isinstance(exc, _TOO_LARGE):
            await self.link.pause()


async def _discard(producer: AIOKafkaProducer) -> None:
    """Stop a producer within STOP_S, also one whose records cannot be delivered."""
    with suppress(*_AWAY):
        await asyncio.wait_for(producer.stop(), STOP_S)
        return
    task = producer._sender.sender_task  # aiokafka 0.14: `stop` waits for ever for records that cannot be delivered
    if task is not None:
        task.cancel()
    with suppress(*_AWAY):
        await asyncio.wait_for(producer.client.close(), STOP_S)


def _text(exc: BaseException) -> str:
    return f"{type(exc).__name__} {exc}".rstrip() if isinstance(exc, KafkaError) else str(exc) or type(exc).__name__
