"""Whether a record that could be decoded can be applied, too: no record of a log ends a process. Pure.

Our own always can. Checked is what later steps rely on: keys that are keys, states that can be unpacked, times that have a
place in the index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import numpy as np

from streams.join import state
from streams.join.deadlines import INDEX, TIMER_KINDS
from streams.join.keys import OF_MODELS, OTHERS, STATES
from streams.join.state import MATCHED, PRED, UNMATCHED, WAITING

LIMIT: Final = 1e18
"""No time and no span is beyond it, in seconds: three of them together still have a bucket in the index."""
_MOST: Final = 1 << 62
_WAITING = np.dtype([("kind", "u1"), ("rest", "V11"), ("ts", "<f8"), ("at", "<f8"), ("offset", "<i8")])
_DONE = np.dtype([("kind", "u1"), ("rest", "V51"), ("at", "<f8"), ("offsets", "V16")])


def are_times(values: Iterable[float]) -> bool:
    """Tell whether each is finite, and small enough for the index."""
    return all(-LIMIT <= value <= LIMIT for value in values)


def are_spans(values: Iterable[float]) -> bool:
    """Tell whether each can be added to a time."""
    return all(0 <= value <= LIMIT for value in values)


def are_offsets(values: Iterable[int]) -> bool:
    """Tell whether each is an offset, or -1 for none."""
    return all(-1 <= value < _MOST for value in values)


def are_counts(values: Iterable[int]) -> bool:
    """Tell whether each can go on counting."""
    return all(-_MOST < value < _MOST for value in values)


def are_index_keys(keys: Iterable[bytes]) -> bool:
    """Tell whether each is a key of the index."""
    return all(len(key) == INDEX.size and key[:1] in TIMER_KINDS for key in keys)


def are_cursors(keys: Sequence[bytes]) -> bool:
    """Tell whether there is an index key for each timer kind, in their order."""
    return are_index_keys(keys) and tuple(key[:1] for key in keys) == TIMER_KINDS


def are_keys(keys: Collection[bytes], firsts: Collection[bytes] = STATES) -> bool:
    """Tell whether each begins with one of `firsts`, is UTF-8, and names its model if it has one."""
    try:
        b"\n".join(keys).decode()
    except UnicodeDecodeError:
        return False
    found = {key[:1] for key in keys}
    of_models = [key for key in keys if key[:1] in OF_MODELS] if found.intersection(OF_MODELS) else ()
    return found <= set(firsts) and all(0 < key.rfind(b"\0") < len(key) - 1 for key in of_models)


def are_waiting(states: Collection[bytes]) -> bool:
    """Tell whether each is the packed state of an id that waits, since times that have a deadline."""
    if not states:
        return True
    columns = _columns(states, _WAITING)
    return (
        columns is not None and bool((_kinds(columns) < MATCHED).all()) and _are_in_range(columns["ts"], columns["at"])
    )


def are_done(states: Collection[bytes]) -> bool:
    """Tell whether each is the packed state of an id that was decided, at a time whose tombstone has a deadline."""
    if not states:
        return True
    columns = _columns(states, _DONE)
    if columns is None or not _are_in_range(columns["at"]):
        return False
    kinds = _kinds(columns)
    return bool(((kinds >= MATCHED) & (kinds <= UNMATCHED + PRED)).all())


def _columns(states: Collection[bytes], layout: np.dtype[Any]) -> np.ndarray[Any, Any] | None:
    """Return the fixed part of packed states; None if one is shorter, or longer and of the version that carries nothing."""
    n_bytes = layout.itemsize
    if set(map(len, states)) != {n_bytes}:
        if any(len(packed) < n_bytes or (len(packed) > n_bytes and packed[0] < WAITING) for packed in states):
            return None
        states = [packed[:n_bytes] for packed in states]
    return np.frombuffer(b"".join(states), layout)


def _kinds(columns: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the kind of each state, as the present version has it."""
    first: np.ndarray[Any, Any] = columns["kind"]
    return np.where(first < WAITING, first + WAITING, first)


def _are_in_range(*columns: np.ndarray[Any, Any]) -> bool:
    return all(bool((np.abs(column) <= LIMIT).all()) for column in columns)


def are_updated(puts: Collection[tuple[bytes, bytes]]) -> bool:
    """Tell whether each state fits its key: an id's own, or the row that is kept beside it."""
    states = [packed for key, packed in puts if key[:1] in STATES]
    beside = [packed for key, packed in puts if key[:1] in OTHERS]
    waiting = [packed for packed in states if packed and state.kind_of(packed) < MATCHED]
    done = [packed for packed in states if not packed or state.kind_of(packed) >= MATCHED]
    fits = all(len(packed) == state.OTHER_BYTES and packed[0] <= PRED for packed in beside)
    return fits and are_waiting(waiting) and are_done(done)
