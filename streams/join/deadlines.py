"""Every deadline of the join, and the buckets of the expiry index: nothing else adds a window to a time. Pure.

An id that waits has two deadlines: by event time, its ts + window, which ends it once the watermark has passed it; and by
the wall clock, its arrival + window + out-of-orderness, which ends it while the input that it waits for is idle. An id
that ended has a tombstone, which is forgotten a horizon after the verdict.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from streams.join import state as pair
from streams.join.state import MATCHED, PRED, TRUE, WAITING, State

EVENT, WAIT_PRED, WAIT_TRUE, TOMBSTONE = b"e", b"t", b"p", b"m"
TIMER_KINDS = (EVENT, WAIT_PRED, WAIT_TRUE, TOMBSTONE)
"""The kinds of timers in the expiry index, in the order of `Checkpoint.timer_cursors`.

By event time; by the wall clock, waiting for the prediction or for the truth; tombstones.
"""
WAITS_FOR = (WAIT_PRED, WAIT_TRUE)
"""By the side that is there: the timer of those that wait for the other."""

MAX_DELAY_S: Final = 24 * 3600.0
"""An input that is not idle, but this much slower than the clock, no longer holds up the ids that wait for it."""
BUCKET_S: Final = 0.25
LAST_BUCKET: Final = 1 << 62
INDEX = struct.Struct(">cQQH")
"""Index key: timer kind, bucket, log offset, chunk."""
CHUNK: Final = 250
"""Most keys in one index entry: what one decision expires is bounded by whole entries."""


class Rules(NamedTuple):
    """What decides: the largest |ts difference| that joins, how late rows may be, how long tombstones stay. Seconds."""

    window_s: float
    max_out_of_orderness_s: float
    horizon_s: float


def watermark(newest_ts: Sequence[float], rules: Rules) -> float:
    """Return what event time has passed, from the largest ts of both inputs."""
    return min(newest_ts) - rules.max_out_of_orderness_s


def wait_s(rules: Rules) -> float:
    """Return how long an id waits at the longest by the wall clock, while the input that it waits for is idle."""
    return rules.window_s + rules.max_out_of_orderness_s


def is_within(ts: float, other_ts: float, rules: Rules) -> bool:
    """Tell whether two rows of one id are near enough to join."""
    return abs(ts - other_ts) <= rules.window_s


def is_over(ts: float, watermark: float, rules: Rules) -> bool:
    """Tell whether event time has passed an id that waits since `ts`, whether or not its index entry was looked at."""
    return ts + rules.window_s < watermark


def joins(waiting_ts: float, ts: float, watermark: float, rules: Rules) -> bool:
    """Tell whether a row at `ts` still meets the one that waits: `is_within`, and not `is_over`; the join's hot path."""
    window_s = rules[0]
    return waiting_ts + window_s >= watermark and abs(ts - waiting_ts) <= window_s


def span_s(timer_kind: bytes, rules: Rules) -> float:
    """Return how long after its time an id is due: after its ts, its arrival, or its verdict."""
    if timer_kind == EVENT:
        return rules.window_s
    return rules.horizon_s if timer_kind == TOMBSTONE else wait_s(rules)


def deadline(timer_kind: bytes, state: State, rules: Rules) -> float:
    """Return when a state is due by one kind of timer."""
    time = state[4] if timer_kind == EVENT else state[9] if timer_kind == TOMBSTONE else state[5]
    return float(time + span_s(timer_kind, rules))


def concerns(timer_kind: bytes, kind: int) -> bool:
    """Tell whether an index entry still speaks of an id whose state is `kind`: entries stay until their deadline.

    The id may have got its verdict since, and then has a tombstone of its own; or it waited for the other side in an
    earlier life.
    """
    return timer_kind == TOMBSTONE if kind >= MATCHED else timer_kind in (EVENT, WAITS_FOR[kind - WAITING])


def clocks(watermark: float, now: float, idle: tuple[bool, bool]) -> tuple[float, float, float, float]:
    """Return what time it is for each of TIMER_KINDS; what is due before that has ended.

    Args:
        now: the wall clock, UTC epoch seconds.
        idle: whether y_true, and y_pred, have nothing to read and had nothing for the max out-of-orderness.
    """
    slow = now - MAX_DELAY_S
    return watermark, now if idle[PRED] else slow, now if idle[TRUE] else slow, now


# The index


def bucket_of(deadline: float) -> int:
    """Return the index bucket of a deadline: all of a bucket is past once `last_bucket` reaches it."""
    return int(deadline // BUCKET_S) + 1


def last_bucket(now: float) -> int:
    """Return the last bucket whose deadlines are all before `now`."""
    return int(now // BUCKET_S)


def index_entries(
    waiting: Mapping[bytes, bytes],
    done: Mapping[bytes, bytes],
    rules: Rules,
    timer_cursors: Sequence[bytes],
    offset: int,
) -> dict[bytes, list[bytes]]:
    """Return the index entries of the ids that a decision put: index key, keys of ids.

    Args:
        waiting: packed states of the ids that began to wait.
        done: packed states of the ids that got their verdict.
        timer_cursors: none lies before these, or nobody would find it again.
        offset: the decision's log offset.

    Raises:
        ValueError, OverflowError, struct.error: a time that no row can have, or no packed state.
    """
    window_s, waiting_s, horizon_s = rules.window_s, wait_s(rules), rules.horizon_s
    due: defaultdict[tuple[bytes, float], list[bytes]] = defaultdict(list)
    for key, packed in waiting.items():
        kind, ts, at = pair.times_waiting(packed)
        due[EVENT, (ts + window_s) // BUCKET_S].append(key)
        due[WAITS_FOR[kind & 1], (at + waiting_s) // BUCKET_S].append(key)
    done_at: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for key, packed in done.items():
        done_at[packed[pair.DECIDED_AT]].append(key)  # most were decided at the same moment
    for packed_at, keys in done_at.items():
        due[TOMBSTONE, (pair.unpack_time(packed_at) + horizon_s) // BUCKET_S] += keys
    return _chunked(due, timer_cursors, offset)


def _chunked(
    due: Mapping[tuple[bytes, float], list[bytes]], timer_cursors: Sequence[bytes], offset: int
) -> dict[bytes, list[bytes]]:
    lowest = {kind: INDEX.unpack(cursor)[1] for kind, cursor in zip(TIMER_KINDS, timer_cursors, strict=True)}
    by_bucket: defaultdict[tuple[bytes, int], list[bytes]] = defaultdict(list)
    for (timer_kind, n_buckets), keys in due.items():
        by_bucket[timer_kind, max(bucket_of(n_buckets * BUCKET_S), lowest[timer_kind])] += keys
    return {
        INDEX.pack(timer_kind, bucket, offset, start // CHUNK): keys[start : start + CHUNK]
        for (timer_kind, bucket), keys in by_bucket.items()
        for start in range(0, len(keys), CHUNK)
    }
