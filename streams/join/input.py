"""What a decision reads: the rows of a Kafka record, or of a run of them, with their offsets. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.wire.forwarding import Origin
from streams.wire.rows import PredRow, TrueRow


class Input(NamedTuple):
    """The rows of one Kafka record, or a run of records of one row each; `side` is pair.TRUE or pair.PRED.

    `offset` is that of the (last) record. `offsets`: of a run, that of each row.
    `origin`: which decision of another partition sent the record on. `foreign`: rows of it that belong to other partitions,
    and `foreign_offsets`: of a run, that of each of them.
    """

    side: int
    offset: int
    rows: Sequence[TrueRow | PredRow]
    n_unreadable: int = 0
    origin: Origin | None = None
    foreign: Mapping[int, Sequence[TrueRow | PredRow]] = {}
    offsets: Sequence[int] = ()
    foreign_offsets: Mapping[int, Sequence[int]] = {}

    def behind(self, applied: int) -> Input | None:
        """Return what of it lies behind the offset `applied`: all, nothing, or of a run its last rows."""
        if self.offset <= applied:
            return None
        n = bisect_right(self.offsets, applied)
        ns = {partition: bisect_right(offsets, applied) for partition, offsets in self.foreign_offsets.items()}
        if not n and not any(ns.values()):
            return self
        return self._replace(
            rows=self.rows[n:],
            offsets=self.offsets[n:],
            foreign={partition: rows[ns[partition] :] for partition, rows in self.foreign.items()},
            foreign_offsets={
                partition: offsets[ns[partition] :] for partition, offsets in self.foreign_offsets.items()
            },
        )

    def with_half_sent_on(self, partition: int) -> Input:
        """Return it with the second half of its rows to be sent on to a partition."""
        n = len(self.rows) // 2
        foreign = {**self.foreign, partition: [*self.rows[n:], *self.foreign.get(partition, ())]}
        return self._replace(rows=self.rows[:n], offsets=self.offsets[:n], foreign=foreign)
