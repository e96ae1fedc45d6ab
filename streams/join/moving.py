"""States on their way to the partition that their ids belong to, once the topics have more partitions. Pure.

A state is first put into the log of its new partition, then deleted from that of its old one, each with its counts in one
record. Whoever dies in between leaves it in both, byte for byte the same: to go on is to put what is missing there, and to
delete what is there. So nothing else has to be kept of how far a move has come.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import gcd

import msgspec

from streams.join import state as pair
from streams.join.deadlines import Rules
from streams.join.decision import NOWHERE_TS, Checkpoint, Counts, Decision, empty
from streams.join.keys import id_of, key_of, model_of, other_key
from streams.join.lanes import Lanes, base_of
from streams.join.state import MATCHED


def key_there(key: bytes, base: str, base_there: str) -> bytes:
    """Return the key of a state in another partition, where the base may be another model; `base`: here."""
    if base == base_there:
        return key
    model = model_of(key) or base
    return key_of(id_of(key), "" if model == base_there else model)


def sources(partition: int, n_before: int, n_partitions: int) -> list[int]:
    """Return which of `n_before` partitions the ids of one of `n_partitions` may come from."""
    common = gcd(n_before, n_partitions)
    return [p for p in range(n_before) if (p - partition) % common == 0]


def newest_ts(checkpoints: Sequence[Checkpoint]) -> list[float]:
    """Return the largest ts of both inputs that a new partition begins with: none of its sources was behind them."""
    seen = [[one.ts[side] for one in checkpoints if one.ts[side] > NOWHERE_TS] for side in (0, 1)]
    return [min(ts, default=NOWHERE_TS) for ts in seen]


def taken_in(
    target: Checkpoint,
    states: Mapping[bytes, bytes],
    others: Mapping[bytes, bytes],
    rules: Rules,
    *,
    source: Checkpoint,
    models: Sequence[str],
    now: float,
    writer: str,
) -> Decision:
    """Return the record that puts states into the partition that they belong to.

    Args:
        states: packed, under the keys that they have there (`key_there`); none is there yet.
        others: the rows kept beside them (`pair.Other`), under their keys there.
        source: where they come from: what it knows of models, a partition without a model takes over.
        now: the wall clock, UTC epoch seconds.
    """
    if not target.base:
        target = msgspec.structs.replace(target, base=base_of(source, models), listed=source.listed)
    waiting = {key: packed for key, packed in states.items() if pair.kind_of(packed) < MATCHED}
    done = {key: packed for key, packed in states.items() if key not in waiting}
    after = _counted(target, waiting, models, 1)
    return Decision(target.offset, writer, now, rules, after, waiting, done, dict(others), [], [], b"")


def given_up(
    source: Checkpoint,
    waiting: Collection[bytes],
    deleted: Sequence[bytes],
    rules: Rules,
    *,
    models: Sequence[str],
    now: float,
    writer: str,
) -> Decision:
    """Return the record that deletes states which their own partition has now.

    Args:
        waiting: the keys of those that wait.
        deleted: the keys of all, and of the rows kept beside them.
        now: the wall clock, UTC epoch seconds.
    """
    after = _counted(source, waiting, models, -1)
    return Decision(source.offset, writer, now, rules, after, {}, {}, {}, list(deleted), [], b"")


def placed_by(checkpoint: Checkpoint, n_partitions: int, rules: Rules, *, now: float, writer: str) -> Decision:
    """Return a record that changes nothing but by how many partitions the ids are placed from now on."""
    return empty(msgspec.structs.replace(checkpoint, partitions=n_partitions), writer, now, rules)


def kept_beside(key: bytes, packed: bytes) -> list[bytes]:
    """Return the key of the row that may be kept beside a state, if there may be one."""
    return [other_key(key)] if packed[1] & (pair.CONFLICT | pair.LATE) else []


def _counted(checkpoint: Checkpoint, waiting: Collection[bytes], models: Sequence[str], sign: int) -> Checkpoint:
    """Return where a partition stands once it has (1), or has no longer (-1), the states that wait under these keys."""
    counts: Counts = msgspec.structs.replace(checkpoint.counts)
    lanes = Lanes(checkpoint, models, counts)
    for key in waiting:
        lane = lanes.of_key(key)
        lane.counts.waiting += sign
        lane.counts.moved -= sign
    lanes.sum_up()
    return msgspec.structs.replace(checkpoint, offset=-1, counts=counts, base=lanes.base, by_model=lanes.by_model)
