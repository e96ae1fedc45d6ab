"""What was done with the rows in quarantine: the records of the topic `quarantine-resolved`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Resolution(msgspec.Struct, frozen=True):
    """What was done with a quarantined row: a record of the topic `quarantine-resolved`, whose key is the row's offset.

    `row_at` is the row's own `at`: a row of another topic at the same offset, as after a deletion, is another row.
    """

    what: Literal["requeued", "dropped"]
    at: float
    row_at: float
    n_records: Annotated[int, Meta(ge=1)] = 1


encode_resolution = msgspec.json.Encoder().encode
_decode_resolution = msgspec.json.Decoder(Resolution).decode


def resolutions(found: Iterable[tuple[bytes, bytes]]) -> dict[int, Resolution]:
    """Return what was done last with each row, by its offset, from Kafka records (key, value); strange ones are left out."""
    known: dict[int, Resolution] = {}
    for key, value in found:
        with suppress(Exception):  # anybody can write to the topic, and msgspec raises more than its own errors
            known[int(key)] = _decode_resolution(value)
    return known


def n_open(first: int, end: int, done: Mapping[int, Resolution]) -> int:
    """Return how many records of the topic `quarantine`, from `first` up to `end`, nobody has dealt with."""
    return max(0, end - first - sum(each.n_records for offset, each in done.items() if first <= offset < end))
