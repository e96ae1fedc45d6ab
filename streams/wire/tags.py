"""The tags of a row, as `{"country": "DE"}`: of the keys that count one text, the same for the same tags. Pure.

On the wire a row's tags are any JSON value, and stay undecoded bytes until somebody asks; a bad one costs the row nothing
but its tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from streams.fields import MAX_CHARS

MAX_BYTES: Final = 8192
"""Tags that take more are not read."""
NO_TAGS: Final = msgspec.Raw(b"")
"""What a row has that has none."""
_NO_OBJECT: Final = msgspec.Raw(b'""')
"""Stands for tags that are left out, and are counted as that."""
TagSet = Annotated[str, Meta(max_length=MAX_BYTES, description="tags by key, as the JSON text of an object")]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, object]).decode


class Kept(NamedTuple):
    """Those tags of a row that count, as text, None if it has none; and how many were left out since they are no tags."""

    text: str | None
    n_left_out: int = 0


def kept(raw: bytes, keys: Sequence[str]) -> Kept:
    """Return what counts of a row's tags: of these keys, in their order, the values that are text of 1 to MAX_CHARS characters.

    A value of null is none. Tags that are no object, or too many bytes, are left out as one. Never raises.
    """
    if raw in (b"", b"null"):
        return Kept(None)
    try:
        found = _decode(raw) if len(raw) <= MAX_BYTES else None
    except Exception:  # foreign bytes; msgspec raises more than its own errors
        found = None
    if found is None:
        return Kept(None, 1)
    given = {key: value for key in keys if (value := found.get(key)) is not None}
    fitting = {key: value for key, value in given.items() if _fits(value)}
    return Kept(_encode(fitting).decode() if fitting else None, len(given) - len(fitting))


def written(value: object) -> msgspec.Raw:
    """Return a row's tags as they came in other forms than our own, whatever they are: what no JSON can hold is left out, too."""
    try:
        return msgspec.Raw(_encode(value))
    except UnicodeError:  # half a character
        return _NO_OBJECT


def bounded(raw: msgspec.Raw) -> msgspec.Raw:
    """Return a row's tags, to be written again with it; those that nobody would read as something short that is left out, too.

    A row is otherwise short, but anybody's tags may be as long as a Kafka record: with them it might fit into none.
    """
    return raw if len(raw) <= MAX_BYTES else _NO_OBJECT


def _fits(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_CHARS
        and not any("\ud800" <= sign <= "\udfff" for sign in value)
    )


@lru_cache(maxsize=4096)
def parsed(text: str) -> Mapping[str, object]:
    """Return the tags that a text holds; none if somebody else wrote it. Never raises."""
    try:
        return _decode(text)
    except Exception:
        return {}
