"""The form of a quarantined row in Kafka: the original bytes as the value, and where they came from as headers.

A body larger than one record may be is cut into parts; the value is always original bytes and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from streams.wire.rows import Unreadable

PART_BYTES = 512 << 10
PROPERTIES_BYTES = 256 << 10
"""With a part, still less than the 1 MiB that Kafka takes; AMQP headers grow when they are written as JSON."""


class Record(NamedTuple):
    """One Kafka record of the topic `quarantine`."""

    value: bytes
    headers: list[tuple[str, bytes]]


class UnreadableRows(NamedTuple):
    """What one place held that cannot be used. `source`: see `records`."""

    source: str
    rows: Sequence[Unreadable]


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


def records_of(found: Iterable[UnreadableRows], *, at: float) -> Iterator[Record]:
    """Yield the records that keep what Kafka records held; see `records`."""
    for source, rows in found:
        for row in rows:
            yield from records(row, source=source, at=at, properties={})


class Kept(NamedTuple):
    """One quarantined row, its parts put together. `offset` is the Kafka offset of its first part, and its number.

    `at`: when it was refused, UTC epoch seconds. `properties`: JSON. `whole`: no part is missing. `n_records`: how many
    Kafka records hold it.
    """

    offset: int
    raw: bytes
    reason: str
    detail: str
    source: str
    at: float
    properties: bytes
    whole: bool = True
    n_records: int = 1


class Assembler:
    """Puts the parts of quarantined rows together, from Kafka records in their order. Nothing here raises."""

    def __init__(self) -> None:
        self._begun: dict[tuple[Any, ...], tuple[Kept, list[bytes]]] = {}

    def add(self, offset: int, value: bytes, headers: Iterable[tuple[str, bytes]]) -> Iterator[Kept]:
        """Take one record; yield the row that it completes, or the one that its own beginning shows to be incomplete."""
        named = dict(headers)
        kept = _row(offset, value, named)
        part, _, n_parts = named.get("part", b"1/1").partition(b"/")
        if n_parts in (b"", b"1"):
            yield kept
            return
        key = (kept.source, kept.at, kept.reason, kept.properties, n_parts)
        first, values = self._begun.pop(key, (kept, []))
        if part == b"1" and values:
            yield _joined(first, values)._replace(whole=False)
            first, values = kept, []
        if part != b"%d" % (len(values) + 1):
            first = first._replace(whole=False)
        values.append(value)
        if part == n_parts:
            yield _joined(first, values)
        else:
            self._begun[key] = (first, values)

    def rest(self) -> Iterator[Kept]:
        """Yield the rows whose last parts never came."""
        for first, values in self._begun.values():
            yield _joined(first, values)._replace(whole=False)


def _joined(first: Kept, values: Sequence[bytes]) -> Kept:
    return first._replace(raw=b"".join(values), n_records=len(values))


def _row(offset: int, value: bytes, named: Mapping[str, bytes]) -> Kept:
    text = {name: given.decode("utf-8", "replace") for name, given in named.items()}
    try:
        at = float(text.get("at", ""))
    except ValueError:
        at = 0.0
    return Kept(
        offset,
        value,
        text.get("reason", ""),
        text.get("detail", ""),
        text.get("source", ""),
        at,
        named.get("properties", b"{}"),
    )


class Resolution(msgspec.Struct, frozen=True):
    """What was done with a quarantined row: a record of the topic `quarantine-resolved`, whose key is the row's offset.

    `row_at` is the row's own `at`: a row of another topic at the same offset, as after a deletion, is another row.
    """

    what: Literal["requeued", "dropped"]
    at: float
    row_at: float
    n_records: int = 1


encode_resolution = msgspec.json.Encoder().encode
_decode_resolution = msgspec.json.Decoder(Resolution).decode


def resolutions(found: Iterable[tuple[bytes, bytes]]) -> dict[int, Resolution]:
    """Return what was done last with each row, by its offset, from Kafka records (key, value); strange ones are left out."""
    known: dict[int, Resolution] = {}
    for key, value in found:
        try:
            known[int(key)] = _decode_resolution(value)
        except (ValueError, msgspec.MsgspecError):  # anybody can write to the topic
            continue
    return known


def n_open(first: int, end: int, done: Mapping[int, Resolution]) -> int:
    """Return how many records of the topic `quarantine`, from `first` up to `end`, nobody has dealt with."""
    return max(0, end - first - sum(each.n_records for offset, each in done.items() if first <= offset < end))


def _kept(properties: Mapping[str, Any]) -> bytes:
    """Return properties as JSON of at most PROPERTIES_BYTES; what is longer is cut, and says so."""
    try:
        kept = msgspec.json.encode(properties, enc_hook=repr)
    except Exception as exc:  # foreign values: lone surrogates, deep nesting
        kept = msgspec.json.encode({"unwritable": repr(exc)})
    if len(kept) <= PROPERTIES_BYTES:
        return kept
    return msgspec.json.encode({"cut": kept[: PROPERTIES_BYTES // 2].decode("utf-8", "ignore")})
