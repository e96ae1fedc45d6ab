"""One id of the table `pairs`, as it is kept: waiting for its other side, or done and remembered for a while.

A state is a plain tuple, packed with struct: the join reads and writes hundreds of thousands of them a second.

waiting: (kind, flags, n_repeats, y, ts, at, offset, carried)
done:    (kind, flags, n_repeats, y_true, y_pred, ts_true, ts_pred, at_true, at_pred, at, offset_true, offset_pred, carried)

`kind` is WAITING + side, MATCHED, or UNMATCHED + side, with TRUE or PRED, the side that is there. `ts` is when it happened, `at`
when the join read it (of a done id: when it was decided), both UTC epoch seconds; `offset` is the input's Kafka offset.
What never came is NaN, or -1 for an offset. `flags` say what else was seen; `n_repeats` counts the rows of an id beyond
its first true and first pred, and stops at MAX_REPEATS. `carried` is what its rows carry, packed (see `carried`).

The upper half of a packed state's first byte, which is its kind, is its version: 1; what is carried lies behind the rest. In
version 0, kinds began at 0, and nothing was carried.

A row with another value, or one that came too late, changes nothing of that; the last one of an id is kept beside it, as
an `Other`, so that people can see both values. It goes when the id's tombstone goes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

TRUE: Final = 0
PRED: Final = 1
WAITING: Final = 0x10
MATCHED: Final = 0x12
UNMATCHED: Final = 0x13

DUPLICATE: Final = 1
CONFLICT: Final = 2
LATE: Final = 4
REDELIVERED: Final = (8, 16)
MAX_REPEATS: Final = 0xFFFF

NAN: Final = float("nan")
State = tuple[Any, ...]


class Layout(NamedTuple):
    """How states that carry so many bytes are packed and unpacked."""

    pack_waiting: Callable[..., bytes]
    pack_done: Callable[..., bytes]
    unpack_waiting: Callable[[bytes], State]
    unpack_done: Callable[[bytes], State]


@lru_cache(maxsize=1024)
def layout(n_carried: int) -> Layout:
    """Return the layout of states that carry so many bytes."""
    waiting, done = struct.Struct(f"<BBHdddq{n_carried}s"), struct.Struct(f"<BBHdddddddqq{n_carried}s")
    return Layout(waiting.pack, done.pack, waiting.unpack, done.unpack)


pack_waiting, pack_done, unpack_waiting, unpack_done = layout(0)
"""Of states that carry nothing; `pack` and `unpack` take all."""
WAITING_BYTES, DONE_BYTES = struct.calcsize("<BBHdddq"), struct.calcsize("<BBHdddddddqq")
_other = struct.Struct("<Bdddq")
pack_other = _other.pack
OTHER_BYTES = _other.size
times_waiting = struct.Struct("<B11xdd").unpack_from
"""The first byte, ts and at of a packed waiting state: between them flags, n_repeats (3 bytes) and y (8 bytes)."""
DECIDED_AT = slice(52, 60)
"""Where a packed done state has its `at`: after kind, flags, n_repeats (4 bytes) and six doubles."""
_time = struct.Struct("<d")


def unpack(packed: bytes) -> State:
    """Return the state that `packed` holds; its first byte tells which of the two it is."""
    kind = packed[0]
    if kind < WAITING:
        return unpack(bytes((kind + WAITING,)) + packed[1:])
    if kind < MATCHED:
        n_carried = len(packed) - WAITING_BYTES
        return layout(n_carried).unpack_waiting(packed) if n_carried else unpack_waiting(packed)
    n_carried = len(packed) - DONE_BYTES
    return layout(n_carried).unpack_done(packed) if n_carried else unpack_done(packed)


def unpack_time(packed: bytes) -> float:
    """Return the time that the bytes at `DECIDED_AT` hold."""
    found: float = _time.unpack(packed)[0]
    return found


def pack(state: State) -> bytes:
    """Pack a state of either form."""
    found = layout(len(state[-1]))
    return (found.pack_waiting if state[0] < MATCHED else found.pack_done)(*state)


def kind_of(packed: bytes) -> int:
    """Return the kind of the state that `packed` holds: below MATCHED while it waits."""
    return packed[0] | WAITING


class Other(NamedTuple):
    """The last row of an id that conflicted or came late: `side` is TRUE or PRED, the rest as in a waiting state."""

    side: int
    y: float
    ts: float
    at: float
    offset: int


def other(packed: bytes) -> Other:
    """Return the row that `pack_other` packed."""
    return Other(*_other.unpack(packed))
