"""What a quarantined row looks like in Kafka: its own bytes, and where they came from."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.wire.dead_letters import PART_BYTES, PROPERTIES_BYTES, Assembler, Resolution, n_open, records
from streams.wire.rows import Unreadable

amqp_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.just(float("inf"))
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=st.just(datetime.UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.binary(), inner, max_size=3),
    max_leaves=8,
)


def kept(raw: bytes, **properties: Any) -> list[tuple[bytes, dict[str, bytes]]]:
    unreadable = Unreadable(raw, "bad_row", "Expected `float`, got `bool` - at `$.y_true`")
    some = records(unreadable, source="queue y_true", at=1700000000.5, properties=properties)
    return [(record.value, dict(record.headers)) for record in some]


def test_the_value_is_the_original_bytes_and_the_headers_say_where_they_came_from() -> None:
    ((value, headers),) = kept(b'{"id":"a","y_true":true}', content_type="text/plain", headers={"team": "blue"})

    assert value == b'{"id":"a","y_true":true}'
    assert json.loads(headers.pop("properties")) == {"content_type": "text/plain", "headers": {"team": "blue"}}
    assert headers == {
        "reason": b"bad_row",
        "detail": b"Expected `float`, got `bool` - at `$.y_true`",
        "source": b"queue y_true",
        "at": b"1700000000.5",
        "part": b"1/1",
    }


def test_an_empty_body_is_kept_too() -> None:
    assert [value for value, _ in kept(b"")] == [b""]


def test_a_large_body_is_kept_in_parts() -> None:
    raw = bytes(range(256)) * (PART_BYTES // 256 * 2 + 1)

    parts = kept(raw)

    assert b"".join(value for value, _ in parts) == raw
    assert [headers["part"] for _, headers in parts] == [b"1/3", b"2/3", b"3/3"]
    assert all(len(value) <= PART_BYTES for value, _ in parts)


def test_what_json_cannot_hold_is_kept_as_its_text() -> None:
    ((_, headers),) = kept(b"x", headers={"price": decimal.Decimal("1.50"), "odd": object})

    assert "1.50" in json.loads(headers["properties"])["headers"]["price"]


@given(st.dictionaries(st.text(), amqp_values, max_size=4))
def test_no_properties_raise(properties: dict[str, Any]) -> None:
    unreadable = Unreadable(b"x", "not_json", "\ud800 is no text")

    (record,) = records(unreadable, source="queue y_true", at=1.0, properties=properties)

    assert json.loads(dict(record.headers)["properties"]) is not None


@pytest.mark.parametrize("header", ["\0" * 131_000, [10**308] * 14_000], ids=["nulls", "doubles"])
def test_headers_that_grow_as_json_are_cut_before_kafka_refuses_them(header: Any) -> None:
    ((_, headers),) = kept(b"x", headers={"h": header})

    assert len(headers["properties"]) <= PROPERTIES_BYTES
    assert list(json.loads(headers["properties"])) == ["cut"]


def test_what_was_dealt_with_is_not_open() -> None:
    done = {
        3: Resolution("dropped", 2.0, 1.0),
        4: Resolution("requeued", 2.0, 1.0, 2),
        90: Resolution("dropped", 2.0, 1.0),
    }
    assert n_open(0, 10, {}) == 10
    assert n_open(0, 10, done) == 7
    assert n_open(4, 10, done) == 4
    assert n_open(10, 10, done) == 0


def test_a_row_in_parts_knows_how_many_records_hold_it() -> None:
    unreadable = Unreadable(b"x" * (2 * PART_BYTES + 1), "oversize", "")
    assembling = Assembler()
    found = [
        row
        for offset, record in enumerate(records(unreadable, source="queue y_true", at=1.0, properties={}))
        for row in assembling.add(offset, record.value, record.headers)
    ]
    assert [(row.offset, row.n_records, row.whole) for row in found] == [(0, 3, True)]
