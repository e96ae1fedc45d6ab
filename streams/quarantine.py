"""The form of a quarantined row in Kafka: the original bytes as the value, and where they came from as headers.

A body larger than one record may be is cut into parts; the value is always original bytes and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from streams.records import Unreadable

PART_BYTES = 512 << 10
PROPERTIES_BYTES = 256 << 10
"""With a part, still less than the 1 MiB that Kafka takes; AMQP headers grow when they are written as JSON."""


class Record(NamedTuple):
    """One Kafka record of the topic `quarantine`."""

    value: bytes
    headers: list[tuple[str, bytes]]


def records(unreadable: Unreadable, *, source: str, at: float, properties: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the records that keep one unreadable row.

    Headers: `reason`, `detail`, `source` (`queue y_true`, or `topic y_true/3@17`), `at` (UTC epoch seconds, when it
    was refused), `properties` (JSON: the AMQP properties and headers), and `part` (`1/3`).

    Args:
        source: where the row came from.
        properties: what came with the row; anything that JSON cannot hold is kept as its text.
    """
    kept = _kept(properties)
    n_parts = max(1, -(-len(unreadable.raw) // PART_BYTES))
    for i in range(n_parts):
        yield Record(
            unreadable.raw[i * PART_BYTES : (i + 1) * PART_BYTES],
            [
                ("reason", unreadable.reason.encode()),
                ("detail", unreadable.detail.encode("utf-8", "backslashreplace")),
                ("source", source.encode()),
                ("at", repr(at).encode()),
                ("properties", kept),
                ("part", b"%d/%d" % (i + 1, n_parts)),
            ],
        )


def _kept(properties: Mapping[str, Any]) -> bytes:
    """Return properties as JSON of at most PROPERTIES_BYTES; what is longer is cut, and says so."""
    try:
        kept = msgspec.json.encode(properties, enc_hook=repr)
    except Exception as exc:  # foreign values: lone surrogates, deep nesting
        kept = msgspec.json.encode({"unwritable": repr(exc)})
    if len(kept) <= PROPERTIES_BYTES:
        return kept
    return msgspec.json.encode({"cut": kept[: PROPERTIES_BYTES // 2].decode("utf-8", "ignore")})
