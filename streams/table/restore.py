"""How a partition gets its state back: from its database as far as that goes, then from the decision log.

A database is used only if it belongs to the log: the record at its offset carries its identity. One of another log, or
one that is older than the log's first record, is set aside; the log holds all live state.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import rocksdict

from streams.join.decision import Checkpoint, Decision
from streams.kafka.offsets import Position
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.table.decision_log import DecisionLog, LogIsNewer
from streams.table.store import PairsStore

logger = logging.getLogger("hindsight.restore")
WRITE_BYTES = 4 << 20
KINDS = ("y_true", "y_pred")


class Progress(NamedTuple):
    """How far a partition's restoring has come, in log records."""

    n_done: int
    n_all: int

    def share(self) -> float:
        """Return the part that is done, from 0 to 1."""
        return self.n_done / max(self.n_all, 1)


restoring: dict[int, Progress] = {}
"""The partitions that this process is restoring now."""


class CannotRestore(Exception):
    """The state cannot be brought in line with Kafka; the message says why, and what to do."""


async def restore(
    partition: int, store: PairsStore, log: DecisionLog, set_aside: Callable[[int, str], PairsStore]
) -> PairsStore:
    """Bring a partition's store to the end of the log; return it, or the empty one that took its place.

    Args:
        set_aside: puts the partition's database aside for a reason, and opens an empty one.

    Raises:
        Unavailable: Kafka cannot be reached.
        CannotRestore: a newer program writes the log.
    """
    try:
        return await _restore(partition, store, log, set_aside)
    except LogIsNewer as exc:
        raise CannotRestore(str(exc)) from exc


async def _restore(
    partition: int, store: PairsStore, log: DecisionLog, set_aside: Callable[[int, str], PairsStore]
) -> PairsStore:
    first, end = (await log.bounds([partition]))[partition]
    reason = await _unusable(partition, store.checkpoint, log, first, end)
    if reason:
        store = set_aside(partition, reason)
    started = time.monotonic()
    n = await _replay(partition, store, log, max(first, store.checkpoint.offset + 1), end)
    if n:
        logger.info("partition %d: %d log records restored in %.1f s", partition, n, time.monotonic() - started)
    if not store.checkpoint.log and end > 0:
        store.checkpoint.offset = end - 1
    return store


async def _replay(partition: int, store: PairsStore, log: DecisionLog, start: int, end: int) -> int:
    try:
        return await _replay_all(partition, store, log, start, end)
    finally:
        restoring.pop(partition, None)


async def _replay_all(partition: int, store: PairsStore, log: DecisionLog, start: int, end: int) -> int:
    n = 0
    async for records in log.read(partition, start, end):
        restoring[partition] = Progress(n, end - start)
        batch = rocksdict.WriteBatch(raw_mode=True)
        for offset, record in records:
            store.add(batch, offset, record)
            if batch.size_in_bytes() > WRITE_BYTES:
                store.write(batch)
                batch = rocksdict.WriteBatch(raw_mode=True)
        store.write(batch)
        n += len(records)
    return n


async def _unusable(partition: int, checkpoint: Checkpoint, log: DecisionLog, first: int, end: int) -> str:
    """Return why a database cannot be used with the log, or an empty string."""
    if checkpoint.offset < 0 and not checkpoint.log:
        return ""
    if checkpoint.offset >= end:
        return f"is at {checkpoint.offset}, but the log ends before {end} (another Kafka, or its topic was recreated)"
    if checkpoint.offset + 1 < first:
        return f"is at {checkpoint.offset}, but the log begins at {first} (it was not used for longer than the log is kept)"
    if checkpoint.offset < first:
        return ""
    record = await _first_record(partition, log, checkpoint.offset, end)
    if record is not None and record.checkpoint.log != checkpoint.log:
        return f"belongs to the log {checkpoint.log}, not to {record.checkpoint.log}"
    return ""


async def _first_record(partition: int, log: DecisionLog, start: int, end: int) -> Decision | None:
    """Return the first record of ours from `start` on: mostly the one that lies there."""
    for begin, until in ((start, start + 1), (start + 1, end)):
        async for records in log.read(partition, begin, until):
            for _, record in records:
                if record is not None:
                    return record
    return None


def check_inputs(partition: int, checkpoint: Checkpoint, positions: Sequence[Position], log_topic: str) -> None:
    """Set where the inputs of a new partition begin; hold those of an old one against what Kafka has.

    Raises:
        CannotRestore: an input topic ends before what was applied of it.
    """
    for side, (kind, position) in enumerate(zip(KINDS, positions, strict=True)):
        if not checkpoint.log:
            checkpoint.input_offsets[side] = position.start - 1
        elif position.end < checkpoint.input_offsets[side] + 1:
            raise CannotRestore(
                f"the topic {position.topic!r} ends at {position.end} in partition {partition}, but "
                f"{checkpoint.input_offsets[side] + 1} of its records were joined: it was deleted and recreated. "
                f"To start over, delete the topic {log_topic!r} too; "
                "to keep what was joined, set another HINDSIGHT_NAMESPACE"
            )
        elif position.first > checkpoint.input_offsets[side] + 1:
            n = position.first - checkpoint.input_offsets[side] - 1
            logger.error(
                "partition %d: Kafka removed %d records of %s before they were read (its retention is too short)",
                partition,
                n,
                kind,
                extra=NEVER_HELD_BACK,
            )
            checkpoint.counts.skipped += n
            checkpoint.input_offsets[side] = position.first - 1
