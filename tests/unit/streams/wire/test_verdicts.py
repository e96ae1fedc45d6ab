"""The records of the topic `metric`: through their bytes and back, and which of them are ours."""

from __future__ import annotations

import msgspec
import pytest

from streams.wire import verdicts
from streams.wire.verdicts import Arrivals, Report, Tag, Verdict, VerdictRecord, record_bytes

TAG = Tag("log", 2, 7, 5)
ROWS = [Verdict("a", "unmatched_pred", 9.0, y_pred=1.0, ts_pred=2.0, model="ridge")]
REPORT = Report(9.0, 8.5, 3, [Arrivals("ridge", [2, 3], [1, 4], [0, 2]), Arrivals(None, [5], [1], [0])])
encode = msgspec.json.encode


def decode_report(json):
    """Return the report of a record that has it as JSON; None if it has none, or is none of ours."""
    found = verdicts.decode(record_bytes(TAG, b"", json))
    return found and found.report


def test_what_a_decision_says_comes_back():
    value = record_bytes(TAG, encode(ROWS), encode(REPORT))
    assert verdicts.decode(value) == VerdictRecord("log", 2, 7, 5, ROWS, REPORT)
    assert verdicts.decode_tag(value) == TAG
    assert decode_report(encode(REPORT)) == REPORT


def test_a_decision_without_verdicts_or_without_a_report_has_a_record_too():
    assert verdicts.decode(record_bytes(TAG, b"", encode(REPORT))) == VerdictRecord("log", 2, 7, 5, [], REPORT)
    assert verdicts.decode(record_bytes(TAG, encode(ROWS))) == VerdictRecord("log", 2, 7, 5, ROWS, None)
    assert decode_report(b"") is None


def test_a_record_of_version_1_has_no_report():
    value = b'{"version":1,"log":"log","partition":2,"offset":7,"previous":5,"rows":%s}' % encode(ROWS)
    assert verdicts.decode(value) == VerdictRecord("log", 2, 7, 5, ROWS, None)


@pytest.mark.parametrize(
    "arrivals",
    [
        ["ridge", [1, 2], [1], [0, 0]],
        ["ridge", [1], [1], []],
        ["ridge", [1], [-1], [0]],
        ["ridge", [-1], [1], [0]],
        ["ridge", [10**17], [1], [0]],
        [7, [1], [1], [0]],
    ],
)
def test_a_report_whose_columns_do_not_add_up_is_none_of_ours(arrivals):
    report = encode({"at": 9.0, "arrivals": [arrivals]})
    assert verdicts.decode(record_bytes(TAG, encode(ROWS), report)) is None
    assert decode_report(report) is None
