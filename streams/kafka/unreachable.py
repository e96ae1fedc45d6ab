"""What aiokafka logs of a Kafka that does not answer."""

from __future__ import annotations

import logging

UNREACHABLE = (
    "Unable connect to",
    "Unable to update metadata",
    "Unable to request metadata",
    "Got error produce response",
)
"""How aiokafka begins what it says, for each of its clients and attempts, where no broker answers: links say it in a sentence."""


class Unreachable(logging.Filter):
    """Hold back what aiokafka says of a broker that does not answer."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is logged."""
        return not (record.name.startswith("aiokafka") and str(record.msg).startswith(UNREACHABLE))
