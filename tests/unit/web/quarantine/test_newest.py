"""The newest refused rows: which id each is of, and what is said while Kafka is away."""

from __future__ import annotations

import pytest

from streams.fields import NO_FIELDS, Fields
from web.quarantine import newest


@pytest.mark.parametrize(
    ("raw", "row_id", "is_of"),
    [
        (b'{"id":"a1","y_true":"x"}', "a1", True),
        (b'{"id":"a12","y_true":"x"}', "a1", False),
        (b'{"id":5.0,"y_true":"x"}', "5.0", True),
        (b'{"id":5,"y_true":"x"}', "5.0", False),
        (b'{"id":"\\u202ex"', "\u202ex", True),
        (b'{"id": "a1", "y_true": 1', "a1", True),
        (b"\xff a1", "a1", False),
        (b"", "", False),
    ],
    ids=str,
)
def test_a_quarantined_row_is_known_by_its_id(raw, row_id, is_of):
    assert newest.is_of(raw, row_id, NO_FIELDS) is is_of


def test_a_quarantined_row_is_known_by_the_names_that_the_settings_give():
    raw = b'{"id":"e","data":{"order":"a1"},"y_true":"x"}'
    assert newest.is_of(raw, "a1", Fields(id=("data.order",)))
    assert not newest.is_of(raw, "e", Fields(id=("data.order",)))
    assert newest.is_of(b'{"request_id":"a1","y_true":"x"}', "a1", NO_FIELDS)
