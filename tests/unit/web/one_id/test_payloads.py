"""The records that the rows of an id came in."""

from __future__ import annotations

import asyncio

import pytest

from streams.fields import NO_FIELDS, Fields
from streams.join.state import TRUE
from streams.settings import load
from tests.unit.web.tables import NOW
from web.one_id import payloads
from web.quarantine import newest


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b'[{"id":"a","y_true":1},{"id":"b","y_true":2},{"id":"a","y_true":1}]', ['{"id":"a","y_true":1}'] * 2),
        (b' {"id": "a", "body": 1}', [' {"id": "a", "body": 1}']),
        (b'[{"id":"b"}]', []),
        (b"", []),
        (b"\xff[", []),
    ],
    ids=str,
)
def test_the_rows_of_an_id_are_found_in_a_record(value, found):
    assert payloads.pieces(value, "a", NO_FIELDS) == found


def test_the_row_of_an_id_is_found_under_another_name_and_by_its_key():
    assert payloads.pieces(b'{"data":{"order":"a"}}', "a", Fields(id=("data.order",))) == ['{"data":{"order":"a"}}']
    assert payloads.pieces(b'{"y_true":1}', "a", NO_FIELDS, b"a") == ['{"y_true":1}']
    assert payloads.pieces(b'{"y_true":1}', "a", NO_FIELDS, b"b") == []


def test_while_kafka_is_away_nobody_waits_for_what_lies_in_it(table):
    table.put(0, TRUE, ["a"], NOW)
    nowhere = load({}), {"kafka": "Kafka at k:1 does not answer."}

    (shown,) = asyncio.run(payloads.Payloads(*nowhere).of(table.shown()[0]))
    assert (shown.topic, shown.text, shown.problem) == ("y_true", "", "Kafka at k:1 does not answer.")
    with pytest.raises(newest.QuarantineUnavailable, match=r"^Kafka at k:1 does not answer\.$"):
        asyncio.run(newest.Quarantine(*nowhere).of_id("a"))
