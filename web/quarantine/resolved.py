"""Which quarantined rows were dealt with: the topic `quarantine-resolved`, read on as it grows."""

from __future__ import annotations

import logging

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from streams.wire.resolutions import Resolution, resolutions

logger = logging.getLogger("hindsight.web")


class Resolved:
    """What was done with each row, by its offset in `quarantine`."""

    def __init__(self, topic: str):
        self.found: dict[int, Resolution] = {}
        self._tp = TopicPartition(topic, 0)
        self._next = 0
        self._is_ours = True

    async def read(self, consumer: AIOKafkaConsumer, end: int) -> None:
        """Read what came since the last time; `end` is where the topic ends now."""
        if end < self._next:  # the topic was made anew
            self.found, self._next = {}, 0
        if not self._is_ours or end == self._next:
            return
        consumer.assign([self._tp])
        try:
            consumer.seek(self._tp, self._next)
            while self._next < end:
                records = (await consumer.getmany(self._tp, timeout_ms=500)).get(self._tp, [])
                self.found |= resolutions((record.key or b"", record.value or b"") for record in records)
                reached = await consumer.position(self._tp)
                if reached == self._next:
                    return  # nothing more is sent now; the next look goes on here
                self._next = reached
        except TopicAuthorizationFailedError:
            self._is_ours = False
            logger.warning(
                "The right to read %s is missing: rows that were dealt with count as quarantined.", self._tp.topic
            )
        finally:
            consumer.unsubscribe()
