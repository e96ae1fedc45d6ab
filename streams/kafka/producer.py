"""Write to Kafka until Kafka has it: for rows that may come twice, but not be lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.kafka import refusals

logger = logging.getLogger("hindsight.writer")
RETRY_S = 1.0
Record = tuple[bytes, list[tuple[str, bytes]]]
"""Its value, and its headers."""


class Producer:
    """A producer that tries again until Kafka has confirmed; `producer` are aiokafka's keyword arguments."""

    def __init__(self, producer: dict[str, Any]):
        self.problem = ""
        self._options = producer
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def write(self, topic: str, partition: int, records: Iterable[Record]) -> None:
        """Write records in this order; return once Kafka has them all."""
        left = list(records)
        while left:
            left, problem = await self._tried(topic, partition, left)
            if problem is None:
                self.problem = ""
                continue
            said = refusals.sentence(problem, "Kafka", time.time())
            if not self.problem:
                logger.error("Kafka does not accept a record of %r, trying again: %s", topic, said)
            self.problem = f"Kafka does not accept a record of {topic!r}: {said}"
            await self.stop()
            await asyncio.sleep(refusals.pause_s(problem, RETRY_S))

    async def _tried(
        self, topic: str, partition: int, records: list[Record]
    ) -> tuple[list[Record], BaseException | None]:
        """Write records once; return those that Kafka did not take, and why."""
        sent: list[asyncio.Future[Any]] = []
        problem: BaseException | None = None
        try:
            producer = await self._started()
            for value, headers in records:
                sent.append(await producer.send(topic, value, partition=partition, headers=headers))
        except KafkaError as exc:
            problem = exc
        answers = await asyncio.gather(*sent, return_exceptions=True)
        problem = problem or next((answer for answer in answers if isinstance(answer, BaseException)), None)
        if problem is not None and not isinstance(problem, KafkaError):
            raise problem
        left = [record for record, answer in zip(records, answers, strict=False) if isinstance(answer, BaseException)]
        return left + records[len(sent) :], problem

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
