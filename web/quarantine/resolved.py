"""Which quarantined rows were dealt with: the topic `quarantine-resolved`, read on as it grows."""

from __future__ import annotations

import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from streams.process.log_throttle import NEVER_HELD_BACK
from streams.process.void_records import step_over
from streams.wire.resolutions import Resolution, decode_resolution
from streams.wire.versions import Newer

logger = logging.getLogger("hindsight.web")


class Resolved:
    """What was done with each row, by its offset in `quarantine`."""

    def __init__(self, topic: str):
        self.found: dict[int, Resolution] = {}
        self._tp = TopicPartition(topic, 0)
        self._next = 0
        self._is_ours, self._is_newer = True, False

    async def read(self, consumer: AIOKafkaConsumer, end: int) -> None:
        """Read what came since the last time; `end` is where the topic ends now."""
        if end < self._next:  # the topic was recreated
            self.found, self._next = {}, 0
        if not self._is_ours or end == self._next:
            return
        consumer.assign([self._tp])
        try:
            consumer.seek(self._tp, self._next)
            while self._next < end:
                records = (await consumer.getmany(self._tp, timeout_ms=500)).get(self._tp, [])
                for record in records:
                    self._take(record)
                reached = await consumer.position(self._tp)
                if reached == self._next:
                    return  # nothing more is sent now; the next look goes on here
                self._next = reached
        except TopicAuthorizationFailedError:
            self._is_ours = False
            logger.warning(
                "The permission to read %s is missing: rows that were dealt with count as quarantined.", self._tp.topic
            )
        finally:
            consumer.unsubscribe()

    def _take(self, record: ConsumerRecord[Any, Any]) -> None:
        found = decode_resolution(record.key, record.value)
        if isinstance(found, Newer):
            if not self._is_newer:
                logger.error("Rows that were dealt with count as quarantined: %s.", found, extra=NEVER_HELD_BACK)
            self._is_newer = True
        elif found is None:
            step_over(record.topic, record.partition, record.offset, record.value)
        else:
            self.found[found[0]] = found[1]
