"""Kafka: records are handed over and confirmed, however long that takes. aiokafka's exceptions end here."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError, KafkaTimeoutError

from bridge import counts
from bridge.gate import Gate
from bridge.sending import TOO_LARGE, Record, Sending
from streams.kafka.client import kafka_producer
from streams.kafka.probe import why_away
from streams.kafka.refusals import CLOCK_S, OF_THE_RECORD, problem_of_topic, sentence
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
MOST_TRIES = 2
"""How often a record is sent alone that Kafka refuses for a reason of its own, before it is given up."""
_AWAY = (KafkaError, OSError, asyncio.TimeoutError)


class Refused(NamedTuple):
    """A record that Kafka will not take, and what it said. It may be too large for it."""

    record: Record
    why: BaseException

    @property
    def is_too_large(self) -> bool:
        """Whether a smaller one might be taken."""
        return isinstance(self.why, TOO_LARGE)


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

    async def produce(self, records: Sequence[Record]) -> list[Refused]:
        """Return when Kafka has confirmed the records; those that it will not take are returned.

        Raises:
            TopicMismatch: a topic was recreated with another number of partitions.
        """
        refused: list[Refused] = []
        suspects: list[Record] = []
        left = list(records)
        while left:
            failed = await self._sent(left)
            refused += [one for one in failed if one.is_too_large]
            suspects += [record for record, exc in failed if isinstance(exc, OF_THE_RECORD)]
            left = [one.record for one in failed if not one.is_too_large and not isinstance(one.why, OF_THE_RECORD)]
        for record in suspects:
            refused += await self._sent_alone(record)
        return refused

    async def _sent(self, records: Sequence[Record]) -> list[Refused]:
        """Send records once; return those that Kafka has not, ready to be sent again."""
        sending = Sending(await self.start(), records)
        await self._watched(sending)
        failed = [Refused(r, exc) for r, exc in zip(records, sending.outcomes, strict=True) if exc is not None]
        if failed:
            await self._recover(sending.producer, failed[0])
        return failed

    async def _sent_alone(self, record: Record) -> list[Refused]:
        """Send a record until Kafka has it, or has refused it `MOST_TRIES` times for what may be its own fault."""
        n_tries = 0
        while True:
            failed = await self._sent([record])
            if not failed or failed[0].is_too_large:
                return failed
            if not isinstance(failed[0].why, OF_THE_RECORD):
                continue
            if problem := await problem_of_topic(self._settings, record.topic):
                self._doubt(problem)
                await asyncio.sleep(CLOCK_S)
                continue
            n_tries += 1
            if n_tries >= MOST_TRIES:
                return failed

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

    def _doubt(self, problem: str) -> None:
        """Say that records are not taken; only a confirmed one takes that back."""
        self._is_in_doubt = True
        self._down(problem)

    async def _watched(self, sending: Sending) -> None:
        """Wait until the records are confirmed or refused, or their producer is replaced."""
        replaced = self._replaced
        try:
            while not sending.task.done() and not replaced.done():
                n_before = sending.n_answered
                await asyncio.wait({sending.task, replaced}, timeout=SILENT_S, return_when=asyncio.FIRST_COMPLETED)
                if sending.is_confirmed():
                    self._up(f"{self._where} confirms again.")
                if not sending.task.done() and not replaced.done() and sending.n_answered == n_before:
                    self._doubt(
                        f"{self._where} does not confirm what it is sent: nothing more is read from RabbitMQ, "
                        "nothing is acknowledged, and both resume when it answers."
                    )
        finally:
            sending.task.cancel()

    async def _recover(self, producer: AIOKafkaProducer, failed: Refused) -> None:
        """Replace a producer that failed: it may have lost count of its sequence numbers."""
        if producer is not self._producer or isinstance(failed.why, KafkaTimeoutError):
            return
        self._producer = None
        is_ours = failed.is_too_large or isinstance(failed.why, OF_THE_RECORD)
        if not is_ours:
            self._doubt(sentence(failed.why, self._where, time.time()))
        replaced, self._replaced = self._replaced, asyncio.get_running_loop().create_future()
        await _discard(producer)
        replaced.set_result(None)
        if isinstance(failed.why, InvalidTimestampError):
            await asyncio.sleep(CLOCK_S)
        elif not is_ours:
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
