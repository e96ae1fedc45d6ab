"""Some records on their way through one producer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class Record(NamedTuple):
    """One record to produce."""

    topic: str
    partition: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class GivenUp(Exception):
    """The producer was replaced before Kafka confirmed the record."""


class Sending:
    """Some records on their way through one producer, and what became of each: confirmed (None), or an exception."""

    def __init__(self, producer: AIOKafkaProducer, records: Sequence[Record]) -> None:
        self.producer = producer
        self.outcomes: list[BaseException | None] = [GivenUp()] * len(records)
        self.n_answered = 0
        self.task = asyncio.create_task(self._send(records))

    def is_confirmed(self) -> bool:
        """Whether Kafka has confirmed all of the records that are not too large for it, and there are any."""
        left = [outcome for outcome in self.outcomes if not isinstance(outcome, TOO_LARGE)]
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
