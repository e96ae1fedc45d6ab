"""Kafka as the bridge writes to it: however long that takes, no larger than it is taken, and only while it is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from bridge import counts
from bridge.gate import Gate
from streams.kafka.producer import Producer, Refused
from streams.kafka.records import Record
from streams.kafka.topics import declare
from streams.process.link import Event, Link
from streams.settings import Settings

log = logging.getLogger("bridge")

RECORD_BYTES, SMALLEST_RECORD_BYTES = 900_000, 16_000
"""What a record may hold. Kafka's default limit is 1,048,588 bytes, a few of its own included; less is learned."""


class Kafka:
    """A producer that neither loses nor gives up.

    `gate` is open while Kafka takes records: once one was refused or is not confirmed, it is shut until one is confirmed.
    """

    def __init__(self, settings: Settings) -> None:
        self.gate = Gate()
        self.link = Link("kafka", log, self._changed)
        self.record_bytes = RECORD_BYTES
        self._where = f"Kafka at {settings.kafka_address}"
        self._producer = Producer(
            settings,
            self.link,
            waiting="nothing more is read from RabbitMQ and nothing is acknowledged",
            prepare=partial(declare, settings),
        )
        self._producer.batch_bytes = RECORD_BYTES

    async def start(self) -> Any:
        """Return aiokafka's producer, once Kafka answers and the topics are there.

        Raises:
            TopicError: a topic is not there as the settings ask for it.
            SettingsError: a certificate cannot be used.
        """
        return await self._producer.start()

    async def produce(self, records: Sequence[Record]) -> list[Refused]:
        """Return when Kafka has confirmed the records; those that it will not take are returned.

        Raises:
            TopicError: a topic was recreated otherwise, or Kafka does not create one.
        """
        return await self._producer.produce(records)

    def learn_limit(self, refused_bytes: int) -> None:
        """Keep records to half of one that Kafka found too large."""
        self.record_bytes = max(SMALLEST_RECORD_BYTES, min(self.record_bytes, refused_bytes // 2))
        self._producer.batch_bytes = self.record_bytes
        log.warning(
            f"{self._where} refused a record of {refused_bytes} bytes (see max.message.bytes of its topics): "
            f"from now on they hold {self.record_bytes}."
        )

    async def close(self) -> None:
        """Close the producer; what is not confirmed is given up."""
        await self._producer.stop()

    def _changed(self, name: str, event: Event) -> None:
        counts.link(name, event)
        if event == "up":
            self.gate.open()
        elif event == "lost":
            self.gate.close()
