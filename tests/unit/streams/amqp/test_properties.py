"""The properties of a message are read from foreign bytes: pika is the oracle where it can read them."""

from __future__ import annotations

import datetime
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.spec import BasicProperties

from streams.amqp.properties import content_encoding, ids, shown, timestamp, without_encoding
from streams.wire.times import MAX_TS_S

short = st.none() | st.text(max_size=20)
some_properties = st.fixed_dictionaries(
    {},
    optional={
        "content_type": short,
        "content_encoding": short,
        "headers": st.none() | st.dictionaries(st.text(max_size=8), st.text() | st.integers(-(2**31), 2**31 - 1)),
        "delivery_mode": st.sampled_from([1, 2]),
        "priority": st.integers(0, 255),
        "correlation_id": short,
        "reply_to": short,
        "expiration": short,
        "message_id": short,
        "timestamp": st.integers(1, int(MAX_TS_S)),
        "type": short,
        "app_id": short,
    },
)


@given(some_properties)
def test_the_timestamp_is_found_behind_any_other_property(properties: dict[str, Any]) -> None:
    raw = b"".join(BasicProperties(**properties).encode())

    assert timestamp(raw) == properties.get("timestamp")


@given(st.binary(max_size=80))
def test_foreign_bytes_never_raise(raw: bytes) -> None:
    ts = timestamp(raw)

    assert ts is None or ts > 0
    assert isinstance(shown(raw), dict)
    assert all(ids(raw).values())
    assert isinstance(content_encoding(raw), str)
    assert content_encoding(without_encoding(raw)) == ""


@pytest.mark.parametrize("epoch", [0, 1, 1700000000000, 2**64 - 1], ids=str)
def test_a_timestamp_is_as_it_came_and_0_is_none(epoch: int) -> None:
    assert timestamp(struct.pack(">HQ", BasicProperties.FLAG_TIMESTAMP, epoch)) == (float(epoch) or None)


@given(some_properties)
def test_the_ids_are_found_between_any_other_properties(properties: dict[str, Any]) -> None:
    raw = b"".join(BasicProperties(**properties).encode())

    wanted = {name: properties.get(name) for name in ("message_id", "correlation_id")}
    assert ids(raw) == {name: value for name, value in wanted.items() if value}


@given(some_properties)
def test_the_encoding_is_found_and_taken_away_and_the_rest_stays(properties: dict[str, Any]) -> None:
    raw = b"".join(BasicProperties(**properties).encode())
    encoding = properties.get("content_encoding") or ""

    assert content_encoding(raw) == encoding.encode().decode("ascii", "replace").strip().lower()
    assert shown(without_encoding(raw)) == {n: value for n, value in shown(raw).items() if n != "content_encoding"}
    assert timestamp(without_encoding(raw)) == timestamp(raw)


def test_properties_are_shown_by_name() -> None:
    when = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    raw = b"".join(BasicProperties(content_type="a/b", headers={"team": "blue", "n": 3, "when": when}).encode())

    assert shown(raw) == {"content_type": "a/b", "headers": {"team": "blue", "n": 3, "when": when}}


def test_headers_that_pika_cannot_read_are_shown_as_they_came() -> None:
    table = b"\x01hT" + struct.pack(">Q", 1_700_000_000_000)
    raw = struct.pack(">HL", BasicProperties.FLAG_HEADERS, len(table)) + table

    assert shown(raw)["undecoded"] == raw
