"""What aiokafka logs of a Kafka that nobody has used yet."""

from __future__ import annotations

import logging
import time

from aiokafka.errors import GroupCoordinatorNotAvailableError

NEW_KAFKA_S = 15.0


class NewKafka(logging.Filter):
    """Hold back what a Kafka without any consumer group yet answers to the first one: it makes a topic of its own for it.

    That takes a second or two, aiokafka 0.14 logs it as an error and asks again. It is said if it lasts longer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._since: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is logged."""
        if not any(isinstance(arg, GroupCoordinatorNotAvailableError) for arg in record.args or ()):
            return True
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > NEW_KAFKA_S
