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

from streams.kinds import KINDS, Kind
from streams.wire.json_arrays import elements
from streams.wire.rows import (
    MAX_ID_CHARS,
    FeaturesRow,
    PredRow,
    TrueRow,
    Unreadable,
    decode_body,
    decode_record,
    encode_packet,
)

NOW = 1700000000.5
kinds = st.sampled_from(KINDS)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
row_like = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "ts", "body", "features", "y_true", "y_pred", "model", "other"), json_values)
)
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
    rows, refused = decode_body(kind, body, ts=NOW)

    assert all(is_usable(row) for row in rows)
    for one in refused:
        pieces = elements(one.raw) if one.n_rows > 1 else [one.raw]
        assert one.detail
        assert pieces
        assert all(piece in body for piece in pieces)
    assert rows or refused or re.fullmatch(rb"\s*\[\s*\]\s*", body)


@given(kinds, foreign)
def test_every_row_that_is_read_survives_its_packet(kind: Kind, body: bytes) -> None:
    rows, _ = decode_body(kind, body, ts=NOW)

    assert decode_record(kind, encode_packet(rows), ts=0.0) == (rows, [])


@given(kinds, st.lists(row_like, max_size=6))
def test_of_an_array_each_row_is_read_or_refused(kind: Kind, some: list[dict[str, Any]]) -> None:
    rows, refused = decode_body(kind, json.dumps(some).encode(), ts=NOW)
    alone = [decode_body(kind, json.dumps(one).encode(), ts=NOW) for one in some]

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
    assert decode_body(kind, body, ts=NOW) == ([row], [])


def test_a_row_of_a_redelivered_message_says_so() -> None:
    rows, _ = decode_body("y_true", b'{"id": "a", "y_true": 1}', ts=NOW, redelivered=True)

    assert rows == [TrueRow("a", NOW, 1.0, redelivered=True)]
    assert b"redelivered" in encode_packet(rows)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "a", "y_true": true}',
        b'{"id": true, "y_true": 1}',
        b'{"id": "a", "y_true": "1"}',
        b'{"id": "a", "y_true": null}',
        b'{"id": "a"}',
        b'{"y_true": 1}',
        b'{"id": "", "y_true": 1}',
        b'{"id": "%s", "y_true": 1}' % (b"x" * 129),
        b'{"id": 1%s, "y_true": 1}' % (b"0" * 128),
        b'{"id": "a", "ts": -1, "y_true": 1}',
        b'{"id": "a", "ts": 1700000000000, "y_true": 1}',
        b'{"id": "a", "ts": "now", "y_true": 1}',
        b'{"id": "a", "y_pred": 1}',
        b"3",
        b'"a"',
        b"null",
    ],
    ids=lambda body: body.decode()[:40],
)
def test_json_that_is_no_row_is_a_bad_row(body: bytes) -> None:
    rows, refused = decode_body("y_true", body, ts=NOW)

    assert rows == []
    assert [(one.raw, one.reason) for one in refused] == [(body, "bad_row")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"not json",
        b'{"id": "a", "y_true": NaN}',
        b'{"id": "a", "y_true": Infinity}',
        b'{"id": "a", "y_true": 1} trailing',
        b'{"id": "\\ud800", "y_true": 1}',
        b'{"id": "\xed\xa0\x80", "y_true": 1}',
        b'{"id": "a", "y_true": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
    ],
    ids=["empty", "utf-16", "words", "nan", "infinity", "trailing", "surrogate", "raw-surrogate", "deep", "deeper"],
)
def test_what_is_no_json_is_refused_whole(body: bytes) -> None:
    rows, refused = decode_body("y_true", body, ts=NOW)

    assert rows == []
    assert [one.raw for one in refused] == [body]
    assert {one.reason for one in refused} <= {"not_json", "bad_row"}


def test_a_number_beyond_the_floats_is_refused() -> None:
    rows, refused = decode_body("y_true", b'{"id": "a", "y_true": 1e999}', ts=NOW)

    assert (rows, len(refused)) == ([], 1)


def test_a_body_over_the_limit_is_refused_unparsed() -> None:
    body = b'{"id": "a", "y_true": 1}'

    assert decode_body("y_true", body, ts=NOW, max_bytes=len(body))[1] == []
    assert decode_body("y_true", body, ts=NOW, max_bytes=len(body) - 1) == (
        [],
        [Unreadable(body, "oversize", "24 bytes, more than HINDSIGHT_MAX_BODY_BYTES=23")],
    )


def test_a_single_row_that_anybody_produced_is_read_from_kafka() -> None:
    assert decode_record("y_true", b'{"id": "a", "y_true": 1}', ts=NOW) == ([TrueRow("a", NOW, 1.0)], [])


def test_a_packet_is_a_json_array_of_row_objects() -> None:
    packet = encode_packet([PredRow("a", 1.0, 2.5, "ridge"), PredRow("b", 1.5, 3.0)])

    assert json.loads(packet) == [
        {"id": "a", "ts": 1.0, "y_pred": 2.5, "model": "ridge"},
        {"id": "b", "ts": 1.5, "y_pred": 3.0},
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_comes_through_as_it_was(value: float) -> None:
    (row,), _ = decode_body("y_true", msgspec.json.encode({"id": "a", "y_true": value}), ts=NOW)

    assert isinstance(row, TrueRow)
    assert decode_record("y_true", encode_packet([row]), ts=0.0)[0] == [row]
    assert row.y_true == value
    assert math.copysign(1, row.y_true) == math.copysign(1, value)
