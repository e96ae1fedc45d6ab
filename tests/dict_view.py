"""The table `pairs` of one partition as two dicts: what the store must be equal to, without RocksDB."""

from __future__ import annotations

import copy

from streams.join import state as pair
from streams.join.deadlines import EVENT, INDEX, TIMER_KINDS, TOMBSTONE, WAIT_PRED, WAIT_TRUE, bucket_of
from streams.join.decision import Checkpoint, Decision

CHUNK = 250


class DictView:
    """States by key, lists of keys by index key, and the checkpoint."""

    def __init__(self) -> None:
        self.checkpoint = Checkpoint()
        self.packed: dict[bytes, bytes] = {}
        self.index: dict[bytes, list[bytes]] = {}

    def copy(self) -> DictView:
        """Return what a copy of the database directory would hold."""
        return copy.deepcopy(self)

    def states(self, keys: list[bytes]) -> list[bytes | None]:
        """See `join.View`."""
        return [self.packed.get(key) for key in keys]

    def states_after(self, key: bytes, n: int) -> list[tuple[bytes, bytes]]:
        """See `PairsStore.states_after`."""
        return sorted((one, packed) for one, packed in self.packed.items() if one[:1] in b"ij" and one > key)[:n]

    def due(self, start: bytes, last_bucket: int, max_keys: int) -> list[tuple[bytes, list[bytes]]]:
        """See `join.View`."""
        entries: list[tuple[bytes, list[bytes]]] = []
        for index in sorted(self.index):
            timer_kind, bucket, _, _ = INDEX.unpack(index)
            n_keys = sum(len(keys) for _, keys in entries)
            if index >= start and timer_kind == start[:1] and bucket <= last_bucket and n_keys < max_keys:
                entries.append((index, self.index[index]))
        return entries

    def apply(self, offset: int, record: Decision | None) -> None:
        """Apply the record at a log offset, if it is one, and valid."""
        if record is None or record.base != offset - 1:
            self.checkpoint.offset = offset
            return
        self.packed |= record.waiting | record.done | record.updated
        for key in record.deleted:
            del self.packed[key]
        for index in record.unindexed:
            del self.index[index]
        for index, keys in self._new_entries(offset, record).items():
            self.index[index] = keys
        self.checkpoint = copy.deepcopy(record.checkpoint)
        self.checkpoint.offset = offset
        if record.verdicts or record.report:
            self.checkpoint.verdicts_at = offset
        if record.forwards:
            self.checkpoint.forwards_at = offset

    def _new_entries(self, offset: int, record: Decision) -> dict[bytes, list[bytes]]:
        window_s, max_out_of_orderness_s, horizon_s = record.rules
        by_bucket: dict[tuple[bytes, int], list[bytes]] = {}
        for key, packed in (record.waiting | record.done).items():
            state = pair.unpack(packed)
            if key in record.done:
                deadlines = {TOMBSTONE: state[9] + horizon_s}
            else:
                ts, at = state[4], state[5]
                timer_kind = WAIT_PRED if state[0] == pair.WAITING + pair.TRUE else WAIT_TRUE
                deadlines = {EVENT: ts + window_s, timer_kind: at + (window_s + max_out_of_orderness_s)}
            for timer_kind, deadline in deadlines.items():
                cursor = record.checkpoint.timer_cursors[TIMER_KINDS.index(timer_kind)]
                bucket = max(bucket_of(deadline), INDEX.unpack(cursor)[1])
                by_bucket.setdefault((timer_kind, bucket), []).append(key)
        return {
            INDEX.pack(timer_kind, bucket, offset, n): keys[n * CHUNK : (n + 1) * CHUNK]
            for (timer_kind, bucket), keys in by_bucket.items()
            for n in range(-(-len(keys) // CHUNK))
        }
