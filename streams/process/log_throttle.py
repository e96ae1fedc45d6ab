"""What the libraries log, kept readable: an outage is a line now and then, not a thousand."""

from __future__ import annotations

import logging
import time

REPEAT_S, RARELY_S = 60.0, 300.0
NEVER_HELD_BACK = {"never_held_back": True}
"""The `extra` of errors about rows that are missing or wrong, each of which names others, and of what is said only when
something begins, however soon that is again."""
NOISY = ("aiokafka", "faust", "mode", "streams")
SILENT = ("pika",)
"""Each of its attempts is a page with a traceback; links and pages say what matters."""


class Throttle(logging.Filter):
    """Let a message of one place in the code through, again after `REPEAT_S` seconds, and then each `RARELY_S`.

    It says how many were held back; where none was, it starts over.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is logged."""
        if record.levelno < logging.WARNING or hasattr(record, "never_held_back"):
            return True
        place = (record.pathname, record.lineno)
        now = time.monotonic()
        until, n_held = self._held.get(place, (now, 0))
        if now < until:
            self._held[place] = (until, n_held + 1)
            return False
        if n_held:
            record.msg = f"{record.msg} (and {n_held} more like it)"
        self._held[place] = (now + (RARELY_S if n_held else REPEAT_S), 0)
        return True


def set_up(*more: logging.Filter) -> None:
    """Quieten the libraries' loggers. Handlers get the filters, since those of loggers do not reach their children."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    filters = (*more, Throttle())
    for handler in logging.getLogger().handlers:
        for each in filters:
            handler.addFilter(each)
