"""What cannot be used of one queue's messages goes to the topic `quarantine`, with all that came with it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence

from bridge.batch import Refused
from bridge.kafka import Kafka
from bridge.ledger import Ledger
from bridge.queues import Queue
from streams.amqp import properties
from streams.kafka.records import Record
from streams.wire import dead_letters
from streams.wire.rows import Unreadable

log = logging.getLogger("bridge")

REMIND_S = 300.0
WARNED = {
    "oversize": "holds bodies that are too large; they go to quarantine",
    "refused": "holds rows that Kafka does not take; they go to quarantine",
}
"""What is said of rows that are refused for another reason than their form."""


class Quarantine:
    """Keeps refused rows of one queue."""

    def __init__(self, queue: Queue, kafka: Kafka, topic: str, ledger: Ledger) -> None:
        self._queue = queue
        self._kafka = kafka
        self._topic = topic
        self._ledger = ledger
        self._said_at = float("-inf")
        self._n_unsaid = 0
        self.newest = ""
        """Why the newest rows were refused; empty if none were."""

    async def put(self, refused: Sequence[Refused]) -> None:
        """Return when Kafka has these rows; wait for as long as it does not take them."""
        now, source = time.time(), f"queue {self._queue.kind}"
        records = [
            Record(self._topic, 0, part.value, part.headers)
            for unreadable, raw in refused
            for part in dead_letters.records(unreadable, source=source, at=now, properties=properties.shown(raw))
        ]
        while failed := await self._kafka.produce(records):
            records = [one.record for one in failed]
            self._queue.link.down(
                f"{failed[0].why} The queue {self._queue.name!r} waits until then, so that nothing is lost."
            )
            await self._queue.link.pause()
        if not self._queue.link.is_up and self._queue.channel is not None:
            self._queue.link.up(f"Reading the queue {self._queue.name!r} again.")
        n_rows = Counter[str]()
        for unreadable, _ in refused:
            n_rows[unreadable.reason] += unreadable.n_rows
        self._ledger.quarantine(n_rows)
        self._n_unsaid += n_rows.total()
        self._say(refused[-1][0])

    def _say(self, newest: Unreadable) -> None:
        """Say at once that rows are refused, and then now and then, with how many they were meanwhile."""
        self.newest = newest.detail
        if time.monotonic() - self._said_at > REMIND_S:
            self._said_at = time.monotonic()
            what = WARNED.get(newest.reason, "holds rows that cannot be read; they go to quarantine")
            log.warning(f"The queue {self._queue.name!r} {what} ({self._n_unsaid:,} now). Newest: {newest.detail}.")
            self._n_unsaid = 0
