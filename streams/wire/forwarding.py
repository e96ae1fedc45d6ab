"""Rows that do not lie in their id's partition: found, packed for the partition they belong to, and marked. Pure.

Whose producer partitions otherwise (librdkafka's default is CRC32), or has no key, puts rows anywhere. The owner of the
partition in which such a row lies sends it on, once: the record says which decision sent it, and a reader that has seen
that decision's record drops a second copy. Records that we packed say for how many partitions, and are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from streams.wire.partition import partitions_of
from streams.wire.rows import Row, encode_packet
from streams.wire.tags import bounded

PACKED, FORWARDED = "hindsight-partitions", "hindsight-forwarded"
PACKET_ROWS = 500
PACKET_BYTES = 900_000
"""A packet holds fewer rows where these would be more than Kafka takes at once."""
MAX_CHUNKS = 1024
T = TypeVar("T")
R = TypeVar("R", bound=Row)
Header = tuple[str, bytes]


class Origin(NamedTuple):
    """Which decision sent a record on: its log's identity, and a number that rises from one record of it to the next."""

    log: str
    number: int


class Forward(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Rows for another partition: the side that they are of, and a packet of them."""

    side: int
    partition: int
    packet: bytes


class Marks(NamedTuple):
    """What a record's headers say of it: the number of partitions it was packed for (0: nothing), and who sent it on."""

    n_partitions: int = 0
    origin: Origin | None = None


UNMARKED = Marks()


def packed_for(n_partitions: int) -> Header:
    """Return the header of a record all of whose rows lie in their ids' partition, of so many."""
    return PACKED, b"%d" % n_partitions


def forwarded_by(origin: Origin) -> Header:
    """Return the header of a record that was sent on."""
    return FORWARDED, f"{origin.log}:{origin.number}".encode()


def marks(headers: Iterable[tuple[str, bytes | None]] | None) -> Marks:
    """Read a record's headers; what cannot be read says nothing. Never raises."""
    n_partitions, origin = 0, None
    for name, value in headers or ():
        try:
            if name == PACKED:
                n_partitions = int(value or b"")
            elif name == FORWARDED:
                log, _, number = (value or b"").decode().partition(":")
                origin = Origin(log, int(number)) if log.isalnum() and 0 <= int(number) < 1 << 62 else None
        except ValueError:  # anybody may have written it
            continue
    return Marks(n_partitions, origin)


def parted(rows: Sequence[R], partition: int, n_partitions: int) -> tuple[Sequence[R], dict[int, list[R]]]:
    """Return the rows that lie in their id's partition, and the others by the partition that they belong to."""
    return parted_by(rows, partitions_of([row.id for row in rows], n_partitions), partition)


def parted_by(rows: Sequence[T], homes: Sequence[int], partition: int) -> tuple[Sequence[T], dict[int, list[T]]]:
    """Return the same of rows, or of what there is one of for each, whose partitions are known: `homes`, one a row."""
    if homes.count(partition) == len(homes):
        return rows, {}
    foreign: dict[int, list[T]] = {}
    for row, home in zip(rows, homes, strict=True):
        if home != partition:
            foreign.setdefault(home, []).append(row)
    return [row for row, home in zip(rows, homes, strict=True) if home == partition], foreign


def forwards(side: int, foreign: Mapping[int, Sequence[Row]]) -> Iterator[Forward]:
    """Yield rows for other partitions as packets."""
    for partition, rows in foreign.items():
        for i in range(0, len(rows), PACKET_ROWS):
            for packet in _packets([_bounded(row) for row in rows[i : i + PACKET_ROWS]]):
                yield Forward(side, partition, packet)


def _bounded(row: R) -> R:
    tags = bounded(row.tags)
    return row if tags is row.tags else msgspec.structs.replace(row, tags=tags)


def _packets(rows: Sequence[Row]) -> Iterator[bytes]:
    packet = encode_packet(rows)
    if len(packet) <= PACKET_BYTES or len(rows) == 1:
        yield packet
    else:
        yield from _packets(rows[: len(rows) // 2])
        yield from _packets(rows[len(rows) // 2 :])


def origin_of(log: str, offset: int, i: int) -> Origin:
    """Return the origin of the i-th packet of the decision at `offset`."""
    return Origin(log, offset * MAX_CHUNKS + i)


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Forward]).decode


def decode(value: bytes) -> list[Forward]:
    """Return the packets that a decision sends on; none if they cannot be read."""
    try:
        return _decode(value) if value else []
    except Exception:  # a log that somebody wrote to
        return []
