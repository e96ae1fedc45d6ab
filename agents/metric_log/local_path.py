"""The local path: verdicts from the join to the metric log of the same worker, without a detour through Kafka.

They go to the topic `metric` all the same, for whichever worker writes the metric log; there their tag tells that they
are written. Verdicts of an earlier owner may still be in Kafka, so on the local path a record counts only if it directly
follows the last one written; until then it waits. Nothing depends on it: what is forgotten here comes from Kafka.
"""

from __future__ import annotations

import asyncio
from collections import deque

from streams.table.outbox import OutboxEntry
from streams.wire import verdicts
from streams.wire.verdicts import VerdictRecord

MAX_BYTES = 4 << 20
"""What may wait here: if it is more, all of it comes from Kafka."""
Positions = dict[str, dict[int, int]]
"""The offset of the last decision written, by decision log and partition."""


class LocalPath:
    """Outbox entries on the local path; `is_open` while this worker writes the metric log. `filled` is set by what comes."""

    def __init__(self) -> None:
        self.is_open = False
        self.filled = asyncio.Event()
        self._entries: deque[OutboxEntry] = deque()
        self._n_bytes = 0

    def put(self, entry: OutboxEntry) -> bool:
        """Take an entry, if the path is open; tell whether it is taken."""
        if self.is_open:
            if self._n_bytes > MAX_BYTES:
                self.forget()
            self._entries.append(entry)
            self._n_bytes += len(entry.value)
            self.filled.set()
        return self.is_open

    def following(self, written: Positions) -> list[VerdictRecord]:
        """Return the records that directly follow what is written, which moves on with them; those further ahead stay."""
        following: list[VerdictRecord] = []
        entries = list(self._entries)
        self.forget()
        for entry in entries:
            tag, last = entry.tag, written.setdefault(entry.tag.log, {})
            written_to = last.get(tag.partition, -1)
            if tag.previous == written_to:
                record = verdicts.decode(entry.value)
                if isinstance(record, VerdictRecord):
                    last[tag.partition] = tag.offset
                    following.append(record)
            elif tag.offset > written_to:
                self._entries.append(entry)
                self._n_bytes += len(entry.value)
        return following

    def forget(self) -> None:
        """Forget what has come."""
        self._entries.clear()
        self._n_bytes = 0
