"""What a quarantined row looks like in Kafka: its own bytes, and where they came from."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.wire.dead_letters import (
    PART_BYTES,
    PROPERTIES_BYTES,
    Record,
    UnreadableRows,
    of_kafka,
    records,
    records_of,
    together,
)
from streams.wire.decoder import Decoder
from streams.wire.kept import Assembler, Kept
from streams.wire.resolutions import Resolution, n_open
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
        "rows": b"1",
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


def test_what_came_with_a_large_body_is_kept_once() -> None:
    parts = kept(b"x" * (2 * PART_BYTES + 1), headers={"team": "blue"})

    assert [json.loads(headers.get("properties", b"{}")) for _, headers in parts] == [
        {"headers": {"team": "blue"}},
        {},
        {},
    ]
    assert len({headers["letter"] for _, headers in parts}) == 1


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


def letter(raw: bytes, *, at: float = 1.0, n_rows: int = 1) -> list[Record]:
    unreadable = Unreadable(raw, "oversize", "too large", n_rows)
    return list(records(unreadable, source="queue y_true", at=at, properties={"headers": {"team": "blue"}}))


def assembled(written: Iterable[Record]) -> list[Kept]:
    assembling = Assembler()
    done = [row for n, record in enumerate(written) for row in assembling.add(n, record.value, record.headers)]
    return [*done, *assembling.rest()]


def test_a_row_in_parts_knows_how_many_records_hold_it() -> None:
    found = assembled(letter(b"x" * (2 * PART_BYTES + 1), n_rows=7))

    assert [(row.offset, row.n_records, row.whole, row.n_rows) for row in found] == [(0, 3, True, 7)]
    assert json.loads(found[0].properties) == {"headers": {"team": "blue"}}


@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=3))
def test_parts_come_together_in_any_order_and_more_than_once(order: list[int], again: list[int]) -> None:
    """A producer that is replaced sends again what was not confirmed."""
    bodies = [bytes([n]) * (2 * PART_BYTES + 1) for n in range(2)]
    written = [record for body in bodies for record in letter(body)]
    last = order[-1]

    found = assembled(written[n] for n in (*[n for n in order[:-1] for _ in range(1 + (n in again))], last))

    whole = [row for row in found if row.whole]
    assert sorted(row.raw for row in whole) == bodies
    assert all(json.loads(row.properties) == {"headers": {"team": "blue"}} for row in whole)


def test_a_body_that_lost_a_part_is_shown_without_it() -> None:
    written = letter(b"a" * PART_BYTES + b"b" * PART_BYTES + b"c")

    (row,) = assembled([written[0], written[2]])

    assert (row.whole, row.raw) == (False, b"a" * PART_BYTES + b"c")


@pytest.mark.parametrize(
    "headers",
    [
        [("reason", None), ("part", None)],
        [("at", b"nan")],
        [("at", b"inf"), ("rows", b"-1")],
        [("part", b"0/0")],
        [("part", b"7/3")],
        [("part", b"1/99999999999999999999")],
        [("part", "²/³".encode()), ("rows", "²".encode())],
        [("rows", b"9" * 5000)],
    ],
    ids=["null", "nan", "inf", "no-parts", "beyond", "many", "no-digits", "too-many-digits"],
)
def test_records_of_anybody_are_read_as_far_as_they_go(headers: list[tuple[str, bytes | None]]) -> None:
    (row,) = Assembler().add(4, b"x", headers)

    assert (row.offset, row.raw, row.at, row.n_rows) == (4, b"x", 0.0, 1)


def test_bodies_whose_parts_never_come_do_not_pile_up() -> None:
    written = [letter(b"x" * (PART_BYTES + 1), at=float(n))[0] for n in range(1000)]
    assembling = Assembler()

    found = [row for n, record in enumerate(written) for row in assembling.add(n, record.value, record.headers)]

    assert len(found) == 900
    assert [row.offset for row in found][:2] == [0, 1]
    assert not any(row.whole for row in found)


def test_what_came_with_a_kafka_record_is_kept() -> None:
    found = [
        UnreadableRows("topic y_true/3@17", [Unreadable(b"x", "not_json", "")], of_kafka(b"a-1", [("trace", b"\xff")]))
    ]

    (record,) = records_of(found, at=1.0)

    assert json.loads(dict(record.headers)["properties"]) == {"key": "a-1", "headers": [["trace", "\\xff"]]}


@pytest.mark.parametrize(("key", "headers"), [(None, None), (None, []), (b"", [("a", None)])])
def test_a_kafka_record_need_not_have_a_key_or_headers(key: bytes | None, headers: Any) -> None:
    assert of_kafka(key, headers) == ({} if key is None else {"key": "", "headers": [["a", None]]})


@given(st.lists(st.tuples(st.sampled_from(["bad_features", "bad_prediction"]), st.integers(0, 10**9)), max_size=50))
def test_rows_that_were_refused_one_by_one_share_records_and_none_is_lost(refused: list[tuple[Any, int]]) -> None:
    rows = [Unreadable(b'{"id":"%d","features":[1]}' % n, reason, f"because of {n}") for reason, n in refused]

    found = list(together(rows))

    read = [(one.reason, row.id) for one in found for row in Decoder("features").body(one.raw, 0.0)[0]]
    assert read == [(reason, str(n)) for reason, n in refused]
    assert sum(one.n_rows for one in found) == len(rows)


def test_rows_that_share_a_record_stay_within_a_part() -> None:
    rows = [Unreadable(b'"%s"' % (b"x" * 100_000), "bad_features", "") for _ in range(12)]

    assert [one.n_rows for one in together(rows)] == [5, 5, 2]
