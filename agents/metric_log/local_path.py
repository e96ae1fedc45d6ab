"""The local path: verdicts from the join to the metric log of the same worker, without a detour through Kafka.

They go to the topic `metric` all the same, for whichever worker writes the metric log; there their tag tells that they
are written. Verdicts of an earlier owner may still be in Kafka, so on the local path a record counts only if it directly
follows the last one written; until then it waits. Nothing depends on it: what is forgotten here comes from Kafka.
"""

from __future__ import annotations

import asyncio

from streams.wire.verdicts import VerdictRecord

MAX_BYTES = 4 << 20
"""What may wait here, in bytes as Kafka has them: if it is more, all of it comes from Kafka."""
Positions = dict[str, dict[int, int]]
"""The offset of the last decision written, by decision log and partition."""


class LocalPath:
    """Records on the local path; `is_open` while this worker writes the metric log. `filled` is set by what comes."""

    def __init__(self) -> None:
        self.is_open = False
        self.filled = asyncio.Event()
        self._waiting: list[tuple[VerdictRecord, int]] = []
        self._n_bytes = 0

    def put(self, record: VerdictRecord, n_bytes: int) -> bool:
        """Take a record, which has `n_bytes` in Kafka, if the path is open; tell whether it is taken."""
        if self.is_open:
            if self._n_bytes > MAX_BYTES:
                self.forget()
            self._keep(record, n_bytes)
            self.filled.set()
        return self.is_open

    def following(self, written: Positions) -> list[VerdictRecord]:
        """Return the records that directly follow what is written, which moves on with them; those further ahead stay."""
        following: list[VerdictRecord] = []
        waiting = self._waiting
        self.forget()
        for record, n_bytes in waiting:
            last = written.setdefault(record.log, {})
            written_to = last.get(record.partition, -1)
            if record.previous == written_to:
                last[record.partition] = record.offset
                following.append(record)
            elif record.offset > written_to:
                self._keep(record, n_bytes)
        return following

    def forget(self) -> None:
        """Forget what has come."""
        self._waiting, self._n_bytes = [], 0

    def _keep(self, record: VerdictRecord, n_bytes: int) -> None:
        self._waiting.append((record, n_bytes))
        self._n_bytes += n_bytes
