"""Which quarantined rows were dealt with: the topic `quarantine-resolved`, read on as it grows."""

from __future__ import annotations

import logging

from streams.kafka.errors import NotAllowed
from streams.kafka.reader import Reader
from streams.kafka.records import TP, StoredRecord
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.process.void_records import step_over
from streams.wire.resolutions import Resolution, decode_resolution
from streams.wire.versions import Newer

logger = logging.getLogger("hindsight.web")


class Resolved:
    """What was done with each row, by its offset in `quarantine`."""

    def __init__(self, topic: str):
        self.found: dict[int, Resolution] = {}
        self._tp = TP(topic, 0)
        self._next = 0
        self._is_ours, self._is_newer = True, False

    async def read(self, reader: Reader, first: int, end: int) -> None:
        """Read what came since the last time; `first` and `end` are where the topic begins and ends now.

        Raises:
            Unavailable: Kafka does not answer.
        """
        if end < self._next:  # the topic was recreated
            self.found, self._next = {}, 0
        if not self._is_ours:
            return
        try:
            async for records in reader.read(self._tp, max(self._next, first), end):
                for record in records:
                    self._take(record)
        except NotAllowed:
            self._is_ours = False
            logger.warning(
                "The permission to read %s is missing: rows that were dealt with count as quarantined.", self._tp.topic
            )
        self._next = end

    def _take(self, record: StoredRecord) -> None:
        found = decode_resolution(record.key, record.value)
        if isinstance(found, Newer):
            if not self._is_newer:
                logger.error("Rows that were dealt with count as quarantined: %s.", found, extra=NEVER_HELD_BACK)
            self._is_newer = True
        elif found is None:
            step_over(record.topic, record.partition, record.offset, record.value)
        else:
            self.found[found[0]] = found[1]
