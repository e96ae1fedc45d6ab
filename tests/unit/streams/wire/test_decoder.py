"""What may come from RabbitMQ, and what becomes of it: rows, or named refusals, and never an exception."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fields import Fields
from streams.kinds import KINDS, Kind
from streams.wire.decoder import MAX_NOTES, Decoder
from streams.wire.json_arrays import elements
from streams.wire.rows import FeaturesRow, PredRow, TrueRow, Unreadable, encode_packet
from streams.wire.values import MAX_ID_CHARS, MAX_VALUE

NOW = 1700000000.5
kinds = st.sampled_from(KINDS)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
OWN_NAMES = ("id", "ts", "body", "features", "y_true", "y_pred", "model", "version", "tags", "other")
OTHER_NAMES = ("requestId", "message_id", "timestamp", "time", "value", "data", "label", "prediction", "x", "Y_True")
row_like = st.fixed_dictionaries({}, optional=dict.fromkeys(OWN_NAMES + OTHER_NAMES, json_values))
paths = st.lists(st.sampled_from(("x", "data.id", "other", "data.0", "@key", "@message_id"))).map(tuple)
some_fields = st.builds(Fields, *([paths] * len(Fields._fields)))
besides = st.fixed_dictionaries({}, optional=dict.fromkeys(("key", "message_id"), st.text(min_size=1, max_size=200)))
foreign = (
    st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | row_like.map(lambda row: json.dumps(row).encode())
    | st.lists(row_like, max_size=5).map(lambda rows: json.dumps(rows).encode())
)


def is_usable(row: FeaturesRow | TrueRow | PredRow) -> bool:
    """Tell whether a row holds what it promises, by other means than the decoder's."""
    values = [row.ts]
    if isinstance(row, FeaturesRow):
        cells = row.features.values() if isinstance(row.features, dict) else row.features
        values += [cell for cell in cells if not isinstance(cell, str | bool | None)]
    else:
        values.append(row.y_true if isinstance(row, TrueRow) else row.y_pred)
    return (
        isinstance(row.id, str)
        and 1 <= len(row.id) <= MAX_ID_CHARS
        and all(type(value) is float and math.isfinite(value) for value in values)
        and row.ts >= 0
    )


@given(kinds, foreign)
def test_foreign_bytes_never_raise_and_rows_are_usable(kind: Kind, body: bytes) -> None:
    rows, refused = Decoder(kind).body(body, NOW)

    assert all(is_usable(row) for row in rows)
    for one in refused:
        pieces = elements(one.raw) if one.n_rows > 1 else [one.raw]
        assert one.detail
        assert pieces
        assert all(piece in body for piece in pieces)
    assert rows or refused or re.fullmatch(rb"\s*\[\s*\]\s*", body)


@given(kinds, foreign, some_fields, besides)
def test_names_of_ones_own_and_what_came_beside_change_nothing_of_that(
    kind: Kind, body: bytes, fields: Fields, beside: dict[str, str]
) -> None:
    rows, refused = Decoder(kind, fields, ids_of=lambda given: given).body(body, NOW, beside=beside)

    assert all(is_usable(row) for row in rows)
    assert sum(one.n_rows for one in refused) + len(rows) >= 1 or re.fullmatch(rb"\s*\[\s*\]\s*", body)


@pytest.mark.slow
@given(kinds, foreign)
def test_no_sentence_is_a_parsers(kind: Kind, body: bytes) -> None:
    _, refused = Decoder(kind).body(body, NOW)

    for one in refused:
        assert one.detail.isprintable()
        assert not re.search(r"Expected|invalid character|byte \d+\)|\| null|at `\$|codec can't|Traceback", one.detail)


@given(kinds, row_like)
def test_reading_field_by_field_says_what_reading_by_type_says(kind: Kind, row: dict[str, Any]) -> None:
    """A name of one's own that nobody uses turns reading by type off, and must change nothing else."""
    body = json.dumps(row).encode()
    rows, _ = Decoder(kind).body(body, NOW)

    assert Decoder(kind, Fields(model=("nobody's",))).body(body, NOW)[0] == rows


@given(kinds, foreign)
def test_every_row_that_is_read_survives_its_packet(kind: Kind, body: bytes) -> None:
    rows, _ = Decoder(kind).body(body, NOW)

    assert Decoder(kind).record(encode_packet(rows), 0.0) == (rows, [])


@pytest.mark.slow
@given(kinds, st.lists(row_like, max_size=6))
def test_of_an_array_each_row_is_read_or_refused(kind: Kind, some: list[dict[str, Any]]) -> None:
    rows, refused = Decoder(kind).body(json.dumps(some).encode(), NOW)
    alone = [Decoder(kind).body(json.dumps(one).encode(), NOW) for one in some]

    assert rows == [row for one, _ in alone for row in one]
    assert sum(one.n_rows for one in refused) == sum(len(bad) for _, bad in alone)
    assert len(refused) <= 1


@pytest.mark.parametrize(
    ("kind", "body", "row"),
    [
        ("y_true", b'{"id": "a1", "ts": 5.25, "y_true": 295.0}', TrueRow("a1", 5.25, 295.0)),
        ("y_true", b'{"id": 1669147134.196809, "body": 295.0}', TrueRow("1669147134.196809", NOW, 295.0)),
        ("y_true", b' \n{"id": 7, "y_true": 3}', TrueRow("7", NOW, 3.0)),
        ("y_pred", b'{"id": "a1", "ts": 5, "y_pred": 1, "model": "r"}', PredRow("a1", 5.0, 1.0, "r")),
        ("y_pred", b'{"id": "a1", "body": -0.5}', PredRow("a1", NOW, -0.5)),
        ("features", b'{"id": "a1", "ts": 5, "features": [1, 2.5]}', FeaturesRow("a1", 5.0, [1.0, 2.5])),
        ("features", b'{"id": 12, "body": [0.25]}', FeaturesRow("12", NOW, [0.25])),
        (
            "features",
            b'{"id": "a", "features": {"age": null, "city": "Riga", "new": true}}',
            FeaturesRow("a", NOW, {"age": None, "city": "Riga", "new": True}),
        ),
        ("y_pred", b'{"id": "a", "y_pred": 1, "version": 7}', PredRow("a", NOW, 1.0, None, "7")),
        ("y_pred", b'{"id": "a", "y_pred": 1, "version": [7]}', PredRow("a", NOW, 1.0)),
        ("y_true", b'{"id": "\\u00e9", "y_true": 1, "unit": {"any": [1]}}', TrueRow("é", NOW, 1.0)),
    ],
    ids=[
        "native",
        "simple",
        "number-id",
        "prediction",
        "simple-prediction",
        "features",
        "simple-features",
        "named-features",
        "version",
        "no-version",
        "extra",
    ],
)
def test_each_form_is_read(kind: Kind, body: bytes, row: object) -> None:
    assert Decoder(kind).body(body, NOW) == ([row], [])


def test_a_row_of_a_redelivered_message_says_so() -> None:
    rows, _ = Decoder("y_true").body(b'{"id": "a", "y_true": 1}', NOW, True)

    assert rows == [TrueRow("a", NOW, 1.0, redelivered=True)]
    assert b"redelivered" in encode_packet(rows)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "a", "y_true": true}',
        b'{"id": true, "y_true": 1}',
        b'{"id": "a", "y_true": "one"}',
        b'{"id": "a", "y_true": null}',
        b'{"id": "a", "y_true": NaN}',
        b'{"id": "a", "y_true": Infinity}',
        b'{"id": "a", "y_true": 1e999}',
        b'{"id": "a", "y_true": -1.7e308}',
        b'{"id": "\\ud800", "y_true": 1}',
        b'{"id": "a"}',
        b'{"y_true": 1}',
        b'{"id": "", "y_true": 1}',
        b'{"id": "%s", "y_true": 1}' % (b"x" * 129),
        b'{"id": 1%s, "y_true": 1}' % (b"0" * 128),
        b'{"id": "a", "ts": -1, "y_true": 1}',
        b'{"id": "a", "ts": 1e21, "y_true": 1}',
        b'{"id": "a", "ts": "now", "y_true": 1}',
        b'{"id": "a", "y_pred": 1}',
        b"3",
        b'"a"',
        b"null",
    ],
    ids=lambda body: body.decode()[:40],
)
def test_json_that_is_no_row_is_a_bad_row(body: bytes) -> None:
    rows, refused = Decoder("y_true").body(body, NOW)

    assert rows == []
    assert [(one.raw, one.reason) for one in refused] == [(body, "bad_row")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"not json",
        b'{"id": "a", "y_true": 1} trailing',
        b'{"id": "\xed\xa0\x80", "y_true": 1}',
        b'{"id": "a", "y_true": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
    ],
    ids=["empty", "utf-16", "words", "trailing", "raw-surrogate", "deep", "deeper"],
)
def test_what_is_no_json_is_refused_whole(body: bytes) -> None:
    rows, refused = Decoder("y_true").body(body, NOW)

    assert rows == []
    assert [one.raw for one in refused] == [body]
    assert [one.reason for one in refused] == ["not_json"]


def test_a_body_over_the_limit_is_refused_unparsed() -> None:
    body = b'{"id": "a", "y_true": 1}'

    assert Decoder("y_true", max_body_bytes=len(body)).body(body, NOW)[1] == []
    assert Decoder("y_true", max_body_bytes=len(body) - 1).body(body, NOW) == (
        [],
        [
            Unreadable(
                body,
                "oversize",
                "larger than HINDSIGHT_MAX_BODY_BYTES: 24 bytes, and 23 may come; send fewer rows in a message, or raise it",
            )
        ],
    )


def test_what_is_read_otherwise_than_it_was_sent_is_counted() -> None:
    decoder = Decoder("y_pred")
    for body in (
        b'{"id": "a", "ts": 1795874400000, "y_pred": 1}',
        b'{"id": "b", "ts": 1795874400000, "y_pred": 1, "model": ["x"]}',
        b'{"id": "c", "timestamp": "soon", "y_pred": 1}',
    ):
        assert decoder.body(body, NOW)[1] == []
    assert decoder.notes == {
        "times in milliseconds are read as such": 2,
        "`model` is left out: it is no text of at most 128 characters": 1,
        "`timestamp` is not read: it holds no time of this century": 1,
    }


def test_strangers_cannot_fill_the_memory_with_notes() -> None:
    decoder = Decoder("y_true", Fields(ts=("a", "b")))
    for i in range(2 * MAX_NOTES):
        decoder._note(str(i))
    assert len(decoder.notes) == MAX_NOTES


def test_what_came_beside_several_rows_is_the_id_of_none() -> None:
    decoder = Decoder("y_true", ids_of=lambda beside: {"message_id": beside})

    assert decoder.body(b'{"y_true": 1}', NOW, beside="m")[0] == [TrueRow("m", NOW, 1.0)]
    rows, (one,) = decoder.body(b'[{"y_true": 1}, {"y_true": 2}]', NOW, beside="m")
    assert (rows, one.n_rows) == ([], 2)
    assert decoder.body(b'[{"y_true": 1}]', NOW, beside="m")[0] == []


def test_a_packet_is_read_as_one_whatever_names_are_set() -> None:
    rows = [TrueRow("a", 1.0, 2.0), TrueRow("b", 1.0, 3.0)]

    assert Decoder("y_true", Fields(id=("order",))).record(encode_packet(rows), NOW) == (rows, [])
    named = b'{"id": "a", "ts": 1.0, "y_true": 2.0, "order": "o"}'
    assert Decoder("y_true", Fields(id=("order",))).record(named, NOW) == ([TrueRow("o", 1.0, 2.0)], [])


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"\0\0\0\5"], ids=["none", "empty", "bytes", "binary"])
def test_a_key_that_is_no_text_is_no_id(key: bytes | None) -> None:
    assert Decoder("y_true").record(b'{"y_true": 1}', NOW, key)[0] == []
    assert Decoder("y_true").record(b'{"y_true": 1}', NOW, b"k") == ([TrueRow("k", NOW, 1.0)], [])


def test_a_single_row_that_anybody_produced_is_read_from_kafka() -> None:
    assert Decoder("y_true").record(b'{"id": "a", "y_true": 1}', NOW) == ([TrueRow("a", NOW, 1.0)], [])


def test_a_packet_is_a_json_array_of_row_objects() -> None:
    packet = encode_packet([PredRow("a", 1.0, 2.5, "ridge"), PredRow("b", 1.5, 3.0)])

    assert json.loads(packet) == [
        {"id": "a", "ts": 1.0, "y_pred": 2.5, "model": "ridge"},
        {"id": "b", "ts": 1.5, "y_pred": 3.0},
    ]


@given(st.floats(-MAX_VALUE, MAX_VALUE))
def test_a_float_comes_through_as_it_was(value: float) -> None:
    (row,), _ = Decoder("y_true").body(msgspec.json.encode({"id": "a", "y_true": value}), NOW)

    assert isinstance(row, TrueRow)
    assert Decoder("y_true").record(encode_packet([row]), 0.0)[0] == [row]
    assert row.y_true == value
    assert math.copysign(1, row.y_true) == math.copysign(1, value)


TAGS = ({"country": "DE"}, {}, None, "DE", 7, ["DE"], {"country": {"deep": [1, None]}}, {"country": "\u00e9"})


@pytest.mark.parametrize("tags", TAGS, ids=repr)
@pytest.mark.parametrize("renamed", [False, True], ids=["own form", "with names of one's own"])
@pytest.mark.parametrize("kind", KINDS)
def test_tags_come_through_whatever_they_are(kind: Kind, renamed: bool, tags: Any) -> None:
    value = [1.0, 2.0] if kind == "features" else 3.5
    decoder = Decoder(kind, Fields(id=("order",))) if renamed else Decoder(kind)
    row = {"order" if renamed else "id": "a", "ts": NOW, kind: value, "tags": tags}
    for body in (json.dumps(row), json.dumps([row, row])):
        rows, refused = decoder.body(body.encode(), NOW)
        assert not refused
        sent = encode_packet(rows)
        assert [each["tags"] for each in json.loads(sent)] == [tags] * len(rows)
        again, refused = Decoder(kind).record(sent, NOW)
        assert (again, refused) == (rows, [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_tags_is_the_same_bytes_as_before(kind: Kind) -> None:
    value = [1.0] if kind == "features" else 3.5
    rows, _ = Decoder(kind).body(json.dumps({"id": "a", "ts": 1.5, kind: value}).encode(), NOW)
    assert json.loads(encode_packet(rows)) == [{"id": "a", "ts": 1.5, kind: value}]


def test_tags_that_no_json_can_hold_cost_the_tags() -> None:
    body = b'{"order": "a", "ts": 1, "y_true": 2, "tags": {"country": "\\ud800"}}'
    rows, refused = Decoder("y_true", Fields(id=("order",))).body(body, NOW)
    assert not refused
    assert [row.id for row in Decoder("y_true").record(encode_packet(rows), NOW)[0]] == ["a"]
