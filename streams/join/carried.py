"""What the rows of an id carry beside id, ts and value: packed in the id's state, and unpacked for its verdict. Pure.

Which fields there are is said in one place, `streams.wire.verdicts.Carried`: of a prediction its model and tags, of a truth
its tags. A row's tags are looked at only if some count; the same ones are packed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from streams.join.state import PRED
from streams.wire.rows import PredRow, TrueRow
from streams.wire.tags import MAX_BYTES, NO_TAGS, kept
from streams.wire.verdicts import Carried

NOTHING: Final = b""
FIELDS: tuple[str, ...] = Carried.__struct_fields__
MAX_KNOWN = 4096
"""Different carried things of one side that are remembered, so that memory does not grow with the number of tags."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Carried).decode


def of_rows(side: int, rows: Sequence[TrueRow | PredRow], keys: tuple[str, ...] = ()) -> tuple[list[bytes], int]:
    """Return what each row carries, packed, and how many tags were left out; rows that carry the same share it.

    Args:
        keys: the tags that count.
    """
    models: list[str | None] = [None] * len(rows)
    if side == PRED:
        models = [row.model for row in cast(Sequence[PredRow], rows)]
    tags = [row.tags for row in rows] if keys else []
    if tags.count(NO_TAGS) < len(tags):
        known = _known(side, keys)
        carries, n_left_out = zip(*map(known.__getitem__, zip(models, map(bytes, tags), strict=True)), strict=True)
        return list(carries), sum(n_left_out)
    if not models or models.count(models[0]) == len(models):  # mostly: nothing, or one model
        return [_packed(models[0] if models else None)] * len(models), 0
    packed = {model: _packed(model) for model in set(models)}
    return [packed[model] for model in models], 0


class _Known(dict[tuple[Any, bytes], tuple[bytes, int]]):
    """By model and tags as they came: what is packed of them, and how many tags are left out."""

    def __init__(self, side: int, keys: tuple[str, ...]) -> None:
        self._name, self._keys = "tags" if side == PRED else "true_tags", keys

    def __missing__(self, key: tuple[Any, bytes]) -> tuple[bytes, int]:
        model, raw = key
        found = kept(raw, self._keys)
        made = (_packed(model, **{self._name: found.text}), found.n_left_out)
        if len(raw) + len(model or "") <= MAX_BYTES:  # anybody may send longer ones, and ever others
            if len(self) >= MAX_KNOWN:
                self.clear()
            self[key] = made
        return made


_known = lru_cache(maxsize=8)(_Known)


def _packed(model: Any, **tags: str | None) -> bytes:
    """Pack what is there; what is empty or does not fit its field is left out, and costs nobody the row."""
    given = {"model": model, **tags}
    fitting = {name: value for name, value in given.items() if value and _fits(name, value)}
    return _encode(fitting) if fitting else NOTHING


def _fits(name: str, value: Any) -> bool:
    try:
        return bool(_encode(msgspec.convert({name: value}, Carried)))
    except (msgspec.ValidationError, UnicodeError):
        return False


@lru_cache(maxsize=4096)
def merged(one: bytes, other: bytes) -> bytes:
    """Return what two rows of an id carry together, a prediction and a truth: they have no field in common."""
    return _encode(_given(one) | _given(other))


@lru_cache(maxsize=4096)
def named(packed: bytes, model: str) -> bytes:
    """Return what was packed, with a model if it has none."""
    given = _given(packed)
    return packed if "model" in given else _encode({"model": model} | given)


def _given(packed: bytes) -> dict[str, Any]:
    return {name: value for name, value in zip(FIELDS, values(packed), strict=True) if value}


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


@lru_cache(maxsize=4096)
def values_of_model(model: str, is_challenger: bool, packed: bytes) -> tuple[Any, ...]:
    """Return the same of an id of one of several models, whatever name its rows gave, and whether that is a challenger."""
    found = msgspec.structs.astuple(msgspec.structs.replace(unpack(packed), model=model))
    return (*found, True) if is_challenger else found
