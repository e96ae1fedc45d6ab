"""Rows become packets: every row in one, in its partition, in order, no packet too long or too large."""

from __future__ import annotations

import json

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.batch import Batch, decoder
from bridge.kafka import RECORD_BYTES
from bridge.packets import halves, pack
from streams.settings import Settings
from streams.wire.decoder import Decoder
from streams.wire.partition import partition_of
from streams.wire.rows import FeaturesRow, TrueRow

rows = st.lists(st.builds(TrueRow, st.text(min_size=1, max_size=8), st.floats(0, 1e9), st.floats(-1e9, 1e9)))


@given(rows, st.integers(1, 8), st.integers(1, 7))
def test_every_row_is_in_one_packet_of_its_partition_in_order(
    some: list[TrueRow], n_partitions: int, most: int
) -> None:
    packets = list(pack(some, n_partitions, most, RECORD_BYTES))

    assert all(len(packet.rows) <= most for packet in packets)
    assert all(packet.partition == partition_of(row.id, n_partitions) for packet in packets for row in packet.rows)
    for partition in range(n_partitions):
        packed = [row for packet in packets if packet.partition == partition for row in packet.rows]
        assert packed == [row for row in some if partition_of(row.id, n_partitions) == partition]


@given(rows)
def test_a_packet_holds_its_rows(some: list[TrueRow]) -> None:
    for packet in pack(some, 3, 500, RECORD_BYTES):
        assert Decoder("y_true").record(packet.value, 0.0) == (list(packet.rows), [])


def test_long_rows_are_packed_fewer_at_once() -> None:
    some = [FeaturesRow(str(i), 0.0, [0.123456789] * 8000) for i in range(100)]

    packets = list(pack(some, 1, 500, RECORD_BYTES))

    assert all(len(packet.value) <= RECORD_BYTES for packet in packets)
    assert [row for packet in packets for row in packet.rows] == some


def test_a_packet_is_halved_without_loss() -> None:
    (packet,) = pack([TrueRow(str(i), 0.0, 1.0) for i in range(7)], 1, 500, RECORD_BYTES)

    one, two = halves(packet)

    assert [*one.rows, *two.rows] == packet.rows


def taken(*bodies: bytes, properties: bytes = b"\0\0") -> Batch:
    batch = Batch(decoder("y_true", Settings()), 1 << 20)
    for tag, body in enumerate(bodies, 1):
        batch.add((tag, False, properties, body, 7.5))
    return batch


def test_a_batch_knows_the_tag_that_acknowledges_it() -> None:
    batch = taken(b'{"id":"a","y_true":1}', b'[{"id":"b","y_true":1},{"id":"c","y_true":2}]', b"bad")

    assert (batch.tag, batch.n_messages, len(batch.rows), len(batch.refused)) == (3, 3, 3, 1)


@pytest.mark.parametrize(
    ("body", "properties", "ts"),
    [
        (b'{"id":"a","ts":5.5,"y_true":1}', b"\x00\x40" + (9).to_bytes(8, "big"), 5.5),
        (b'{"id":"a","y_true":1}', b"\x00\x40" + (9).to_bytes(8, "big"), 9.0),
        (b'{"id":"a","y_true":1}', b"\0\0", 7.5),
        (b'{"id":"a","y_true":1}', b"\x00\x40" + (1700000000000).to_bytes(8, "big"), 1700000000.0),
    ],
    ids=["its-own", "the-message's", "arrival", "milliseconds"],
)
def test_a_row_happened_when_it_says_or_its_message_does_or_when_it_came(
    body: bytes, properties: bytes, ts: float
) -> None:
    (row,) = taken(body, properties=properties).rows

    assert row.ts == ts


@pytest.mark.parametrize("field", ["message_id", "correlation_id"])
def test_a_body_without_an_id_has_its_messages(field: str) -> None:
    properties = b"".join(pika.BasicProperties(content_type="text/plain", headers={"a": 1}, **{field: "m"}).encode())

    assert [row.id for row in taken(b"295.0", b'{"id":"own","y_true":1}', properties=properties).rows] == ["m", "own"]


def test_two_ids_of_a_message_that_differ_are_none_unless_one_is_named() -> None:
    properties = b"".join(pika.BasicProperties(message_id="m", correlation_id="c").encode())

    ((refused, _),) = taken(b"295.0", properties=properties).refused
    assert refused.detail == (
        "correlation_id and message_id could both be the id: they differ; "
        "set HINDSIGHT_FIELD_ID=@correlation_id or =@message_id"
    )
    batch = Batch(decoder("y_true", Settings(field_id=("@message_id",))), 1 << 20)
    batch.add((1, False, properties, b"295.0", 7.5))
    assert [row.id for row in batch.rows] == ["m"]


def test_a_row_too_large_for_kafka_is_refused_and_the_rest_of_its_array_goes_on() -> None:
    giant, small = {"id": "giant", "features": [1] * 240_000}, {"id": "small", "features": [1]}
    batch = Batch(decoder("features", Settings()), 1 << 20)

    batch.add((1, False, b"\0\0", json.dumps([giant, small]).encode(), 7.5))

    assert [row.id for row in batch.rows] == ["small"]
    ((unreadable, _),) = batch.refused
    assert (unreadable.reason, json.loads(unreadable.raw)[0]["id"]) == ("oversize", "giant")


def test_a_single_row_too_large_for_kafka_keeps_its_original_bytes() -> None:
    body = json.dumps({"id": "giant", "body": [1] * 240_000}).encode()
    batch = Batch(decoder("features", Settings()), 1 << 20)

    batch.add((1, False, b"\0\0", body, 7.5))

    assert [unreadable.raw for unreadable, _ in batch.refused] == [body]
