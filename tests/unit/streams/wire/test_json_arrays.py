"""Arrays of foreign bytes are parted into their elements, whatever these hold, and never slowly."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.wire.decoder import Decoder
from streams.wire.json_arrays import elements
from streams.wire.rows import TrueRow

NOW = 1700000000.5
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def test_the_good_rows_of_an_array_go_on_and_the_bad_ones_are_refused_together() -> None:
    body = b'[{"id":"a","y_true":1}, {"id":"b","y_true":true}, {"id":"c","body":3}, 7]'

    rows, refused = Decoder("y_true").body(body, NOW)

    assert rows == [TrueRow("a", NOW, 1.0), TrueRow("c", NOW, 3.0)]
    (one,) = refused
    assert (one.raw, one.n_rows) == (b'[{"id":"b","y_true":true},7]', 2)
    assert one.detail == (
        "`y_true` is true or false: a number is needed, 1 or 0 if that is meant (1 of 4 rows); "
        "no object among rows: 7; each row is one, with an id and a value (1 of 4 rows)"
    )


@given(st.lists(json_values | st.just({"id": "good", "body": 1.0}), max_size=12))
def test_refused_elements_can_be_read_again_as_the_array_that_they_are_kept_as(values: list[Any]) -> None:
    _, refused = Decoder("y_true").body(json.dumps(values).encode(), NOW)

    for one in refused:
        rows, again = Decoder("y_true").body(one.raw, NOW)
        assert (rows, [each.raw for each in again]) == ([], [one.raw])
        assert one.n_rows == 1 or one.n_rows == len(elements(one.raw) or ())


@pytest.mark.parametrize("element", [b"5", b'"x"', b"[1,2]", b"nope"], ids=["number", "text", "array", "word"])
def test_an_array_without_any_row_is_refused_once_and_whole(element: bytes) -> None:
    body = b"[" + b",".join([element] * 100_000) + b"]"

    rows, (one,) = Decoder("y_true").body(body, NOW)

    assert (rows, one.raw, one.n_rows) == ([], body, 1)


def test_of_many_bad_rows_some_are_named_and_all_are_counted_and_kept() -> None:
    body = b"[" + b",".join(b'{"id":"r-%d"}' % i for i in range(30_000)) + b"]"

    rows, (one,) = Decoder("y_true").body(body, NOW)

    assert (rows, one.raw, one.n_rows) == ([], body, 30_000)
    assert one.detail == (
        "no field `y_true`; it has `id`: send a value under `y_true` (1,000 of 30,000 rows); and 29,000 more"
    )


def test_of_many_kinds_of_bad_rows_some_are_named() -> None:
    body = b"[" + b",".join(b'{"id":"r","y_true":"%d;"}' % i for i in range(30_000)) + b"]"

    _, (one,) = Decoder("y_true").body(body, NOW)

    assert one.detail.startswith('`y_true` is text, not a number: "0;" (1 of 30,000 rows); ')
    assert one.detail.endswith("; and 29,995 more")


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id":"b","y_true":NaN}',
        b'{"id":"b","y_true":-Infinity}',
        b'{"id":"\\ud800","y_true":1}',
        b'{"id":"\xff","y_true":1}',
        b'{"id":"b","y_true":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id":"], {","y_true":"\\"}]"}',
        b'{"id":"b","y_true":1} {"id":"c","y_true":1}',
        b"nope",
        b"",
    ],
    ids=["nan", "infinity", "surrogate", "no-utf8", "deep", "signs-in-strings", "two-in-one", "word", "nothing"],
)
def test_an_element_that_is_no_json_does_not_spoil_its_array(bad: bytes) -> None:
    body = b' [{"id":"a","y_true":1},\n' + bad + b' , {"id":"z","y_true":2}]\n'

    rows, refused = Decoder("y_true").body(body, NOW)

    assert rows == [TrueRow("a", NOW, 1.0), TrueRow("z", NOW, 2.0)]
    assert [one.raw for one in refused] == [b"[%s]" % (bad or b",")]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id":"a","y_true":1},{"id":"b","y_tr',
        b'[{"id":"a","y_true":1}',
        b'[{"id":"a","y_true":1}] and more',
        b'[{"id":"a","y_true":1},"',
        b"[}",
        b'[{"id":"a","y_true":1}}',
    ],
    ids=["cut", "unclosed", "followed", "open-string", "nothing-and-a-brace", "a-brace"],
)
def test_an_array_without_its_end_is_refused_whole(body: bytes) -> None:
    rows, refused = Decoder("y_true").body(body, NOW)

    assert rows == []
    assert [(one.raw, one.reason) for one in refused] == [(body, "not_json")]


@pytest.mark.parametrize(
    "body",
    [
        b'["' + b'\\"' * 500_000,
        b"[" + b"{" * 1_000_000,
        b"[" + b'{"a",' * 200_000,
        b'[{"' + b'a","' * 250_000,
        b"[" + b"[1," * 330_000,
        b"[" + b'{"\\' * 330_000,
    ],
    ids=["quotes", "braces", "open-objects", "open-object", "open-arrays", "backslashes"],
)
def test_a_body_that_is_made_to_be_slow_is_refused_in_one_pass(body: bytes) -> None:
    started = time.process_time()
    _, refused = Decoder("y_true").body(body, NOW)

    assert [one.raw for one in refused] == [body]
    assert time.process_time() - started < 2.0


nested_rows = st.lists(st.dictionaries(st.text(), json_values, max_size=4) | json_values, max_size=6)


@given(nested_rows, st.integers(0, 6))
def test_an_array_is_parted_alike_with_and_without_an_element_that_is_no_json(some: list[Any], at: int) -> None:
    good = [msgspec.json.encode(one) for one in some]
    spoilt = [*good[:at], b"NaN", *good[at:]]

    assert elements(b"[" + b",".join(good) + b"]") == good
    assert elements(b"[" + b" ,\n".join(spoilt) + b"]") == spoilt
