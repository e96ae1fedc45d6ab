"""Write to Kafka until Kafka has it: for rows that may come twice, but not be lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

logger = logging.getLogger("hindsight.writer")
RETRY_S = 1.0


class Writer:
    """A producer that tries again until Kafka has confirmed; `producer` are aiokafka's keyword arguments."""

    def __init__(self, producer: dict[str, Any]):
        self.problem = ""
        self._options = producer
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def write(
        self, topic: str, value: bytes, *, partition: int, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Write one record; return once Kafka has it."""
        while True:
            try:
                producer = await self._started()
                await producer.send_and_wait(topic, value, partition=partition, headers=list(headers))
            except KafkaError as exc:
                if not self.problem:
                    logger.error("Kafka does not take a record of %r, trying again: %r", topic, exc)
                self.problem = f"Kafka does not take a record of {topic!r}: {exc!r}"
                await self.stop()
                await asyncio.sleep(RETRY_S)
                continue
            self.problem = ""
            return

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._options)
                try:
                    await producer.start()
                except KafkaError:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer
