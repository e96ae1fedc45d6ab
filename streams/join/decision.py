"""The decision record: everything that one batch changed in one partition of the table `pairs`.

The changelog of `pairs` is a log of these records. One at log offset o is valid if and only if its `base` is o - 1:
whoever wrote in between made it void. Writer, recovery, standbys and audits all judge by `is_valid`.
"""

from __future__ import annotations

import msgspec

from streams.join.deadlines import INDEX, TIMER_KINDS, Rules

NOWHERE_TS = -1e18
"""The largest ts seen on an input that has not been seen."""


class Counts(msgspec.Struct, array_like=True, gc=False):
    """Running counts of one partition, in rows but for `waiting` (ids) and `skipped` (Kafka records).

    The law: rows_true + rows_pred == 2 * matched + unmatched_true + unmatched_pred + duplicates + conflicts + late
    + waiting. `unreadable` rows came in a Kafka record, not from the bridge; they are in quarantine. `evicted` ids ended
    unmatched before their time, since too many waited; they are in unmatched_true and unmatched_pred too.
    """

    rows_true: int = 0
    rows_pred: int = 0
    matched: int = 0
    unmatched_true: int = 0
    unmatched_pred: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    waiting: int = 0
    unreadable: int = 0
    skipped: int = 0
    evicted: int = 0

    def difference(self) -> int:
        """Return rows in less the rows accounted for: 0, or the law is broken."""
        ended = 2 * self.matched + self.unmatched_true + self.unmatched_pred
        return self.rows_true + self.rows_pred - ended - self.duplicates - self.conflicts - self.late - self.waiting


class Checkpoint(msgspec.Struct, array_like=True):
    """Where one partition stands after a decision: what the next one is computed on."""

    offset: int = -1
    """Log offset of the last record seen, valid or void."""
    log: str = ""
    """Identity of this partition's log, made with its first record."""
    input_offsets: list[int] = msgspec.field(default_factory=lambda: [-1, -1])
    """Last applied offset of y_true and y_pred."""
    ts: list[float] = msgspec.field(default_factory=lambda: [NOWHERE_TS, NOWHERE_TS])
    """Largest ts seen of y_true and y_pred."""
    timer_cursors: list[bytes] = msgspec.field(
        default_factory=lambda: [INDEX.pack(timer_kind, 0, 0, 0) for timer_kind in TIMER_KINDS]
    )
    """Per family: index keys below this one are done."""
    counts: Counts = msgspec.field(default_factory=Counts)
    verdicts_at: int = -1
    """Log offset of the last valid record with verdicts."""
    confirmed: int = -1
    """The topic `metric` has the verdicts of all records up to this log offset."""


class Decision(msgspec.Struct, array_like=True):
    """One record of the log. `checkpoint` is the state after it, but for `offset` (its own) and `verdicts_at`."""

    base: int
    writer: str
    at: float
    rules: Rules
    """What the index entries of this record follow."""
    checkpoint: Checkpoint
    waiting: dict[bytes, bytes]
    """Ids that began to wait, with their packed state: to be indexed by event time and by wall clock."""
    done: dict[bytes, bytes]
    """Ids that got their verdict: to be indexed as markers."""
    updated: dict[bytes, bytes]
    """Ids whose state changed, but not their deadline; and rows kept beside an id (`pair.Other`)."""
    deleted: list[bytes]
    """Ids whose marker ended."""
    unindexed: list[bytes]
    """Index keys that are done with."""
    verdicts: bytes
    """JSON array of `Verdict`, or empty."""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Decision).decode
encode_checkpoint = msgspec.msgpack.Encoder().encode
decode_checkpoint = msgspec.msgpack.Decoder(Checkpoint).decode


def is_valid(decision: Decision, offset: int) -> bool:
    """Tell whether the record at log offset `offset` counts."""
    return decision.base == offset - 1


def checkpoint_after(decision: Decision, offset: int) -> Checkpoint:
    """Return where the partition stands once the valid record at `offset` is applied."""
    checkpoint = decision.checkpoint
    return Checkpoint(
        offset,
        checkpoint.log,
        checkpoint.input_offsets,
        checkpoint.ts,
        checkpoint.timer_cursors,
        checkpoint.counts,
        offset if decision.verdicts else checkpoint.verdicts_at,
        checkpoint.confirmed,
    )


def empty(checkpoint: Checkpoint, writer: str, now: float, rules: Rules) -> Decision:
    """Return a record that changes nothing: it keeps the state alive in a log whose old records are removed."""
    after = Checkpoint(
        -1,
        checkpoint.log,
        checkpoint.input_offsets,
        checkpoint.ts,
        checkpoint.timer_cursors,
        checkpoint.counts,
        checkpoint.verdicts_at,
        checkpoint.confirmed,
    )
    return Decision(checkpoint.offset, writer, now, rules, after, {}, {}, {}, [], [], b"")
