"""What the rows of an id carry beside id, ts and value: packed in the id's state, and unpacked for its verdict. Pure.

Which fields there are is said in one place, `streams.wire.verdicts.Carried`; a side carries those that its rows have.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from streams.wire.rows import PredRow, TrueRow
from streams.wire.verdicts import Carried

NOTHING: Final = b""
FIELDS: tuple[str, ...] = Carried.__struct_fields__
OF_SIDE = tuple(tuple(name for name in FIELDS if name in row_type.__struct_fields__) for row_type in (TrueRow, PredRow))
"""The names that a side carries, by side."""
_GETTERS = tuple(attrgetter(*names) if names else None for names in OF_SIDE)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Carried).decode


def of_rows(side: int, rows: Sequence[TrueRow | PredRow]) -> list[bytes]:
    """Return what each row carries, packed; rows that carry the same share it."""
    get = _GETTERS[side]
    if get is None or not rows:
        return [NOTHING] * len(rows)
    found = list(map(get, rows))
    if found.count(found[0]) == len(found):  # mostly: nothing, or one model
        return [_pack(OF_SIDE[side], found[0])] * len(found)
    packed = {values: _pack(OF_SIDE[side], values) for values in set(found)}
    return [packed[values] for values in found]


def _pack(names: tuple[str, ...], values: Any) -> bytes:
    """Pack what is there; what is empty or does not fit its field is left out, and costs nobody the row."""
    given = zip(names, values if len(names) > 1 else (values,), strict=True)
    fitting = {name: value for name, value in given if value and _fits(name, value)}
    return _encode(fitting) if fitting else NOTHING


def _fits(name: str, value: Any) -> bool:
    try:
        return bool(_encode(msgspec.convert({name: value}, Carried)))
    except (msgspec.ValidationError, UnicodeError):
        return False


@lru_cache(maxsize=4096)
def unpack(packed: bytes) -> Carried:
    """Return what was packed; what cannot be read is nothing. Never raises."""
    try:
        return _decode(packed) if packed else Carried()
    except Exception:  # a record of the log that somebody else wrote; msgspec raises more than its own errors
        return Carried()


@lru_cache(maxsize=4096)
def values(packed: bytes) -> tuple[Any, ...]:
    """Return what was packed, in the order of FIELDS: what a `Verdict` ends with."""
    return msgspec.structs.astuple(unpack(packed))
