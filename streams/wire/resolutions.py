"""What was done with the rows in quarantine: the records of the topic `quarantine-resolved`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from streams.wire import versions
from streams.wire.versions import Newer

VERSION: Final = 1
"""Of these records; one without a field `version` is of version 1."""


class Resolution(msgspec.Struct, frozen=True):
    """What was done with a quarantined row: a record of the topic `quarantine-resolved`, whose key is the row's offset.

    `row_at` is the row's own `at`: a row of another topic at the same offset, as after a deletion, is another row.
    """

    what: Literal["requeued", "dropped"]
    at: float
    row_at: float
    n_records: Annotated[int, Meta(ge=1)] = 1
    version: int = VERSION


encode_resolution = msgspec.json.Encoder().encode
_decode_resolution = msgspec.json.Decoder(Resolution).decode


def decode_resolution(key: bytes | None, value: bytes | None) -> tuple[int, Resolution] | Newer | None:
    """Return the offset of a row and what was done with it; None if the Kafka record is none of ours. Never raises."""
    try:
        offset, version = int(key or b""), versions.of_json(value or b"")
        if version > VERSION:
            return Newer("the topic quarantine-resolved", version, VERSION)
        return offset, _decode_resolution(value or b"")
    except Exception:  # anybody can write to the topic, and msgspec raises more than its own errors
        return None


def n_open(first: int, end: int, done: Mapping[int, Resolution]) -> int:
    """Return how many records of the topic `quarantine`, from `first` up to `end`, nobody has dealt with."""
    return max(0, end - first - sum(each.n_records for offset, each in done.items() if first <= offset < end))
