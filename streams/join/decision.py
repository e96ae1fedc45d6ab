"""The decision record: everything that one batch changed in one partition of the table `pairs`.

The changelog of `pairs` is a log of these records. One at log offset o is valid if and only if its `base` is o - 1:
whoever wrote in between made it void. What is no record at all is void, too. Writer, recovery, standbys and audits all
decide by `decode` and `is_valid`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self, TypeGuard

import msgspec

from streams.join import soundness
from streams.join.deadlines import INDEX, TIMER_KINDS, Rules
from streams.join.keys import OTHERS, STATES
from streams.wire import versions
from streams.wire.versions import Newer

VERSION: Final = 5
"""Of records and checkpoints. Version 1 had no mark before it, and none of its states carried anything (see `state`); up
to version 2, a record had no report; up to version 3, all models shared an id's state; up to version 4, no state moved to
another partition."""

NOWHERE_TS = -1e18
"""The largest ts seen on an input that has not been seen."""


class Counts(msgspec.Struct, array_like=True, gc=False):
    """Running counts of one partition, in rows but for `waiting` (ids) and `skipped` (Kafka records).

    The invariant: rows_true + rows_pred + fanned_out == 2 * matched + unmatched_true + unmatched_pred + duplicates +
    conflicts + late + waiting + moved. `unreadable` rows came in a Kafka record, not from the bridge; they are in quarantine.
    `evicted` ids ended unmatched before their time, since too many waited; they are in unmatched_true and unmatched_pred
    too. `forwarded` rows belong to other partitions, or were too many for one record, and were sent on; they are counted as rows
    where they came.
    `fanned_out` counts each truth once for each model beyond the first that it is held against.
    `moved` rows waited here, and wait in another partition since the topics have more of them (see `moving`), less those that
    came so: 0 over all partitions.
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
    forwarded: int = 0
    fanned_out: int = 0
    moved: int = 0

    @classmethod
    def together(cls, each: Iterable[Counts]) -> Self:
        """Return the sum of several counts."""
        some = list(each)
        return cls(**{name: sum(getattr(counts, name) for counts in some) for name in cls.__struct_fields__})

    @property
    def rows_in(self) -> int:
        """Rows that were read, a truth once for each model that it is held against."""
        return self.rows_true + self.rows_pred + self.fanned_out

    def difference(self) -> int:
        """Return rows in less the rows accounted for: 0, or the invariant is broken."""
        ended = 2 * self.matched + self.unmatched_true + self.unmatched_pred
        return self.rows_in - ended - self.duplicates - self.conflicts - self.late - self.waiting - self.moved

    def match_rate(self) -> float | None:
        """Return the share of ids that ended matched, of all that ended; None before the first did."""
        ended = self.matched + self.unmatched_true + self.unmatched_pred
        return self.matched / ended if ended else None


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
    """Per timer kind: index keys below this one are done."""
    counts: Counts = msgspec.field(default_factory=Counts)
    verdicts_at: int = -1
    """Log offset of the last valid record that is reported (`is_reported`)."""
    confirmed: int = -1
    """The topic `metric` has what is reported of all records up to this log offset."""
    forwards_at: int = -1
    """Log offset of the last valid record that sends rows on."""
    forwarded: int = -1
    """Their partitions have the rows that all records up to this log offset send on."""
    origins: dict[str, int] = {}
    """By the log and side that sent rows here: the number of the last record of it that was seen (`Origin`)."""
    base: str = ""
    """The model whose states have the keys of the base (see `keys`); empty until models are listed for the first time."""
    by_model: dict[str, Counts] = {}
    """What of the counts is whose, of each model that was ever listed; empty until then. The invariant holds for each."""
    listed: list[str] = []
    """The models that were listed when the decision was made, the reference first."""
    partitions: int = 0
    """By how many partitions the ids were placed; 0 where a program of version 4 or before wrote it."""

    def differences(self) -> dict[str, int]:
        """Return how the invariant is broken: by model, or in all under an empty name."""
        found = {"": self.counts.difference()} | {name: one.difference() for name, one in self.by_model.items()}
        return {name: n for name, n in found.items() if n}


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
    """Ids that got their verdict: to be indexed as tombstones."""
    updated: dict[bytes, bytes]
    """Ids whose state changed, but not their deadline; and rows kept beside an id (`pair.Other`)."""
    deleted: list[bytes]
    """Ids whose tombstone ended."""
    unindexed: list[bytes]
    """Index keys that are done with."""
    verdicts: bytes
    """JSON array of `Verdict`, or empty."""
    forwards: bytes = b""
    """Rows that belong to other partitions: a list of `Forward` (`forwarding.encode`), or empty."""
    report: bytes = b""
    """JSON of a `Report`, or empty where nothing came and nothing ended."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Decision).decode
_decode_checkpoint = msgspec.msgpack.Decoder(Checkpoint).decode


def encode(decision: Decision) -> bytes:
    """Return a record as the log has it."""
    return versions.marked(VERSION, _encode(decision))


def decode(value: bytes | None) -> Decision | Newer | None:
    """Return the record that a value of the log holds; None if it holds none, and is void. Never raises."""
    version, content = versions.parted(value or b"")
    if version > VERSION:
        return Newer("the decision log", version, VERSION)
    try:
        decision = _decode(content)
    except Exception:  # anybody may have written it; msgspec raises more than its own errors
        return None
    return decision if _is_sound(decision) else None


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as the database has it."""
    return versions.marked(VERSION, _encode(checkpoint))


def decode_checkpoint(value: bytes) -> Checkpoint | Newer | None:
    """Return the checkpoint that a database holds; None if it cannot be read. Never raises."""
    version, content = versions.parted(value)
    if version > VERSION:
        return Newer("the database", version, VERSION)
    try:
        checkpoint = _decode_checkpoint(content)
    except Exception:  # a damaged file
        return None
    return checkpoint if _is_sound_checkpoint(checkpoint) else None


def _is_sound(decision: Decision) -> bool:
    """Tell whether the record can be applied; our own always can."""
    return (
        _is_sound_checkpoint(decision.checkpoint)
        and soundness.are_offsets((decision.base,))
        and soundness.are_times((decision.at,))
        and soundness.are_spans(decision.rules)
        and soundness.are_keys(decision.waiting)
        and soundness.are_keys(decision.done)
        and soundness.are_keys(decision.updated, STATES + OTHERS)
        and soundness.are_keys(decision.deleted, STATES + OTHERS)
        and soundness.are_index_keys(decision.unindexed)
        and soundness.are_waiting(decision.waiting.values())
        and soundness.are_done(decision.done.values())
        and soundness.are_updated(decision.updated.items())
    )


def _is_sound_checkpoint(checkpoint: Checkpoint) -> bool:
    return (
        len(checkpoint.input_offsets) == len(checkpoint.ts) == 2
        and soundness.are_offsets(
            (
                *checkpoint.input_offsets,
                checkpoint.offset,
                checkpoint.verdicts_at,
                checkpoint.confirmed,
                checkpoint.forwards_at,
                checkpoint.forwarded,
                *checkpoint.origins.values(),
            )
        )
        and soundness.are_times(checkpoint.ts)
        and soundness.are_cursors(checkpoint.timer_cursors)
        and all(map(_are_sound_counts, (checkpoint.counts, *checkpoint.by_model.values())))
        and (not checkpoint.log or (checkpoint.log.isascii() and checkpoint.log.isalnum()))
    )


def _are_sound_counts(counts: Counts) -> bool:
    return soundness.are_counts(msgspec.structs.astuple(counts))


def is_reported(decision: Decision) -> bool:
    """Tell whether the topic `metric` is to have a record of it."""
    return bool(decision.verdicts or decision.report)


def is_valid(decision: Decision | None, offset: int) -> TypeGuard[Decision]:
    """Tell whether the record at log offset `offset` counts; what is no record does not."""
    return decision is not None and decision.base == offset - 1


def checkpoint_after(decision: Decision, offset: int) -> Checkpoint:
    """Return where the partition stands once the valid record at `offset` is applied."""
    checkpoint = decision.checkpoint
    return msgspec.structs.replace(
        checkpoint,
        offset=offset,
        verdicts_at=offset if is_reported(decision) else checkpoint.verdicts_at,
        forwards_at=offset if decision.forwards else checkpoint.forwards_at,
    )


def empty(checkpoint: Checkpoint, writer: str, now: float, rules: Rules) -> Decision:
    """Return a record that changes nothing: it keeps the state alive in a log whose old records are removed."""
    after = msgspec.structs.replace(checkpoint, offset=-1)
    return Decision(checkpoint.offset, writer, now, rules, after, {}, {}, {}, [], [], b"")
