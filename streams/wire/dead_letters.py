"""The form of what is quarantined, in Kafka: the original bytes as the value, and where they came from as headers.

What is larger than one record may be is cut into parts; the value is always original bytes and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from streams.wire.rows import MAX_NAMED, Unreadable

PART_BYTES = 512 << 10
PROPERTIES_BYTES = 256 << 10
"""With a part, still less than the 1 MiB that Kafka takes; AMQP headers grow when they are written as JSON."""
DETAIL_CHARS = 2000
Header = tuple[str, bytes | None]


class Record(NamedTuple):
    """One Kafka record of the topic `quarantine`."""

    value: bytes
    headers: list[tuple[str, bytes]]


class UnreadableRows(NamedTuple):
    """What one place held that cannot be used. `source` and `properties`: see `records`."""

    source: str
    rows: Sequence[Unreadable]
    properties: Mapping[str, Any] = {}


def records(unreadable: Unreadable, *, source: str, at: float, properties: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the records that keep what cannot be used of one body.

    Headers: `reason`, `detail`, `source` (`queue y_true`, or `topic y_true/3@17`), `at` (UTC epoch seconds, when it
    was refused), `rows` (how many), `model` (if a model refused them), and `part` (`1/3`). The first part has
    `properties` (JSON: what came with the body, such as the AMQP properties and headers); parts of one body have the
    same `letter`.

    Args:
        source: where the body came from.
        properties: what came with it; anything that JSON cannot hold is kept as its text.
    """
    by_model = [("model", unreadable.model.encode("utf-8", "backslashreplace"))] if unreadable.model else []
    n_parts = max(1, -(-len(unreadable.raw) // PART_BYTES))
    common = [
        ("reason", unreadable.reason.encode()),
        ("detail", unreadable.detail[:DETAIL_CHARS].encode("utf-8", "backslashreplace")),
        ("source", source.encode()),
        ("at", repr(at).encode()),
        ("rows", b"%d" % unreadable.n_rows),
        *by_model,
    ]
    if n_parts > 1:
        digest = hashlib.blake2b(unreadable.raw, digest_size=8).hexdigest()
        common.append(("letter", f"{digest}@{at!r}".encode()))
    for i in range(n_parts):
        yield Record(
            unreadable.raw[i * PART_BYTES : (i + 1) * PART_BYTES],
            [*common, *([("properties", _kept(properties))] if i == 0 else []), ("part", b"%d/%d" % (i + 1, n_parts))],
        )


def records_of(found: Iterable[UnreadableRows], *, at: float) -> Iterator[Record]:
    """Yield the records that keep what some places held; rows of one place share a record. See `records`."""
    for source, rows, properties in found:
        for one in together(rows):
            yield from records(one, source=source, at=at, properties=properties)


def together(refused: Iterable[Unreadable]) -> Iterator[Unreadable]:
    """Yield rows that were refused one by one as arrays of rows, those of one reason and model together, up to a part's size."""
    for _, some in groupby(refused, key=lambda one: (one.reason, one.model)):
        chunk: list[Unreadable] = []
        n_bytes = 0
        for one in some:
            if chunk and n_bytes + len(one.raw) >= PART_BYTES:
                yield _array(chunk)
                chunk, n_bytes = [], 0
            chunk.append(one)
            n_bytes += len(one.raw) + 1
        yield _array(chunk)


def _array(chunk: Sequence[Unreadable]) -> Unreadable:
    if len(chunk) == 1:
        return chunk[0]
    named = dict.fromkeys(one.detail for one in chunk)
    more = f"; and {len(named) - MAX_NAMED:,} more" if len(named) > MAX_NAMED else ""
    raw = b"[%s]" % b",".join(one.raw for one in chunk)
    detail, n_rows = "; ".join([*named][:MAX_NAMED]) + more, sum(one.n_rows for one in chunk)
    return Unreadable(raw, chunk[0].reason, detail, n_rows, chunk[0].model)


def of_kafka(key: bytes | None, headers: Iterable[Header] | None) -> dict[str, Any]:
    """Return what came with a Kafka record, as `properties` of what cannot be used of it."""
    named = [[name, None if value is None else _text(value)] for name, value in headers or ()]
    return ({} if key is None else {"key": _text(key)}) | ({"headers": named} if named else {})


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _kept(properties: Mapping[str, Any]) -> bytes:
    """Return properties as JSON of at most PROPERTIES_BYTES; what is longer is cut, and says so."""
    try:
        kept = msgspec.json.encode(properties, enc_hook=repr)
    except Exception as exc:  # foreign values: lone surrogates, deep nesting
        kept = msgspec.json.encode({"unwritable": repr(exc)})
    if len(kept) <= PROPERTIES_BYTES:
        return kept
    return msgspec.json.encode({"cut": kept[: PROPERTIES_BYTES // 2].decode("utf-8", "ignore")})
