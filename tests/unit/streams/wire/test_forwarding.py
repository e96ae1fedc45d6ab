"""Rows of other partitions: none is left, none is taken, and what anybody writes into the marks raises nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.wire import forwarding
from streams.wire.decoder import Decoder
from streams.wire.forwarding import Forward, Marks, Origin
from streams.wire.partition import partition_of
from streams.wire.rows import TrueRow
from streams.wire.tags import kept

IDS = st.text(min_size=1, max_size=12).filter(str.isprintable)


@given(st.lists(IDS, max_size=40), st.integers(1, 8), st.data())
def test_rows_are_parted_by_the_partition_of_their_id(ids: list[str], n_partitions: int, data: st.DataObject) -> None:
    partition = data.draw(st.integers(0, n_partitions - 1))
    rows = [TrueRow(name, 1.0, float(i)) for i, name in enumerate(ids)]

    mine, foreign = forwarding.parted(rows, partition, n_partitions)

    homes = {home: [row for row in rows if partition_of(row.id, n_partitions) == home] for home in range(n_partitions)}
    assert list(mine) == homes.pop(partition)
    assert foreign == {home: some for home, some in homes.items() if some}


def test_packets_hold_every_row_in_order_and_go_through_a_decision() -> None:
    rows = [TrueRow(f"a{i}", 1.5, float(i)) for i in range(1201)]
    packets = list(forwarding.forwards(0, {3: rows}))

    assert [(packet.side, packet.partition) for packet in packets] == [(0, 3)] * 3
    assert [row for packet in packets for row in Decoder("y_true").record(packet.packet, 0.0)[0]] == rows
    assert forwarding.decode(forwarding.encode(packets)) == packets


def test_marks_say_what_they_were_told() -> None:
    origin = forwarding.origin_of("c0ffee", 17, 2)
    assert origin == Origin("c0ffee", 17 * forwarding.MAX_CHUNKS + 2)
    assert forwarding.marks([forwarding.packed_for(4)]) == Marks(4, None)
    assert forwarding.marks([("other", b"x"), forwarding.forwarded_by(origin)]) == Marks(0, origin)
    assert forwarding.marks(None) == Marks()


@pytest.mark.parametrize("name", [forwarding.PACKED, forwarding.FORWARDED, "x"])
@given(
    value=st.one_of(
        st.none(), st.binary(max_size=30), st.sampled_from([b"-1", b"a:-5", b"a:b", b":", b"\xff:1", b"a:1e9"])
    )
)
def test_foreign_marks_never_raise_and_name_no_impossible_origin(name: str, value: bytes | None) -> None:
    found = forwarding.marks([(name, value)])
    assert found.origin is None or found.origin.number >= 0


@given(st.binary(max_size=40))
def test_what_is_no_list_of_packets_sends_nothing(value: bytes) -> None:
    assert all(isinstance(one, Forward) for one in forwarding.decode(value))


def test_a_packet_is_no_larger_than_kafka_takes_whatever_tags_its_rows_bring() -> None:
    tags = [msgspec.Raw(b'{"a": "%s"}' % (b"x" * n)) for n in (10, 8000, 2_000_000)]
    rows = [TrueRow(f"a{i}", 1.5, float(i), tags=tags[i % 3]) for i in range(900)]
    packets = list(forwarding.forwards(0, {3: rows}))

    assert max(len(packet.packet) for packet in packets) <= forwarding.PACKET_BYTES
    found = [row for packet in packets for row in Decoder("y_true").record(packet.packet, 0.0)[0]]
    assert [row.id for row in found] == [row.id for row in rows]
    assert [kept(bytes(row.tags), ("a",)).n_left_out for row in found[:3]] == [0, 1, 1]
    assert [bytes(row.tags) for row in found[:2]] == [bytes(row.tags) for row in rows[:2]]
