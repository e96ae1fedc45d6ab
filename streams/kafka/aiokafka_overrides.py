"""What we override of aiokafka's internals, each with the defect it cures. Written against aiokafka 0.14."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import errors
from aiokafka.client import AIOKafkaClient

asked = AIOKafkaClient._metadata_update


async def rested(self: Any, *args: Any) -> Any:
    """Ask for metadata, but rest between two questions as between any two attempts (`retry_backoff_ms`).

    Defect: a consumer whose partition has no leader that is known asks again as soon as it has an answer, or none: 500 to
    1,300 times a second behind a proxy that accepts connections and closes them, and as often for a missing topic.
    """
    rest_s = getattr(self, "_rests_until", 0.0) - time.monotonic()
    if rest_s > 0:
        await asyncio.sleep(rest_s)
    try:
        return await asked(self, *args)
    finally:
        self._rests_until = time.monotonic() + self._retry_backoff


class InvalidRecordError(errors.BrokerResponseError):  # type: ignore[misc]
    """Kafka refuses a record for what it is, such as one without a key in a compacted topic.

    Defect: this error is unknown, and looks like one of the broker itself.
    """

    errno = 87
    message = "INVALID_RECORD"


AIOKafkaClient._metadata_update = rested
errors.kafka_errors[InvalidRecordError.errno] = InvalidRecordError
