"""How rows become Kafka records: gathered by partition, at most so many rows and bytes in one. No sockets here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.wire.partition import partitions_of
from streams.wire.rows import Row, encode_packet


class Packet(NamedTuple):
    """One Kafka record: rows of one partition, encoded."""

    partition: int
    rows: Sequence[Row]
    value: bytes


def pack(rows: Sequence[Row], n_partitions: int, packet_rows: int, packet_bytes: int) -> Iterator[Packet]:
    """Yield the rows as packets; in each partition they keep their order. A row is never cut, however long it is."""
    by_partition: dict[int, list[Row]] = {}
    for row, partition in zip(rows, partitions_of([row.id for row in rows], n_partitions), strict=True):
        by_partition.setdefault(partition, []).append(row)
    for partition, some in by_partition.items():
        for i in range(0, len(some), packet_rows):
            chunk = some[i : i + packet_rows]
            yield from _fitting(Packet(partition, chunk, encode_packet(chunk)), packet_bytes)


def halves(packet: Packet) -> Iterator[Packet]:
    """Yield a packet of several rows as two."""
    middle = len(packet.rows) // 2
    for rows in (packet.rows[:middle], packet.rows[middle:]):
        yield Packet(packet.partition, rows, encode_packet(rows))


def _fitting(packet: Packet, packet_bytes: int) -> Iterator[Packet]:
    if len(packet.value) <= packet_bytes or len(packet.rows) == 1:
        yield packet
    else:
        for half in halves(packet):
            yield from _fitting(half, packet_bytes)
