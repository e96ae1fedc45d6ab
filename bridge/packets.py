"""How rows become Kafka records: gathered by partition, at most so many rows and bytes in one. No sockets here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.partition import partitions_of
from streams.records import Row, encode_packet

PACKET_BYTES = 900_000
"""Kafka's default limit of a record batch is 1,048,588 bytes, its own few bytes included."""


class Packet(NamedTuple):
    """One Kafka record: rows of one partition, encoded."""

    partition: int
    rows: Sequence[Row]
    value: bytes


def pack(rows: Sequence[Row], n_partitions: int, packet_rows: int) -> Iterator[Packet]:
    """Yield the rows as packets; in each partition they keep their order."""
    by_partition: dict[int, list[Row]] = {}
    for row, partition in zip(rows, partitions_of([row.id for row in rows], n_partitions), strict=True):
        by_partition.setdefault(partition, []).append(row)
    for partition, some in by_partition.items():
        for i in range(0, len(some), packet_rows):
            yield from _fitting(partition, some[i : i + packet_rows])


def halves(packet: Packet) -> Iterator[Packet]:
    """Yield a packet of several rows as two."""
    middle = len(packet.rows) // 2
    for rows in (packet.rows[:middle], packet.rows[middle:]):
        yield Packet(packet.partition, rows, encode_packet(rows))


def _fitting(partition: int, rows: Sequence[Row]) -> Iterator[Packet]:
    packet = Packet(partition, rows, encode_packet(rows))
    if len(packet.value) <= PACKET_BYTES or len(rows) == 1:
        yield packet
    else:
        for half in halves(packet):
            yield from _fitting(partition, half.rows)
