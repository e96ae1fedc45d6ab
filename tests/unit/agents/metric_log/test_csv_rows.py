"""The lines of the metric log: what csv and `repr` write, however the batch is made."""

from __future__ import annotations

import csv
import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.metric_log.csv_rows import metric_lines
from streams.wire.verdicts import Verdict

MAX = sys.float_info.max
values = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e3, 1e3)
ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8) | st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True)


def written(pairs):
    rows = []
    for name, true, pred in pairs:
        text = io.StringIO()
        csv.writer(text).writerow([name, repr(true), repr(pred), repr(min(abs(pred - true), MAX))])
        rows.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(rows).encode()


def lines(pairs):
    return metric_lines([Verdict(name, "matched", 0.0, true, pred) for name, true, pred in pairs])


@given(st.lists(st.tuples(ids, values, values), max_size=4))
def test_the_lines_are_those_that_csv_and_repr_write(pairs):
    assert lines(pairs) == written(pairs)


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1e-4, 9.999999999999999e-05, 9999999999999998.0, 1e16, 1e22, 5e-324, -1e308]
)
def test_a_number_at_the_edge_of_its_notation_is_written_as_repr_does(value):
    pairs = [("a", value, 1.0), ("b", 1e308, value), ("c", value, value)]
    assert lines(pairs) == written(pairs)


@pytest.mark.parametrize(
    "name",
    [
        'say "a"',
        "a,b",
        "back\\slash",
        "tab\there",
        "line\nbreak",
        "carriage\rreturn",
        "],[",
        "\x7f",
        "é\u2028",
        "\U0001f600",
    ],
)
def test_an_odd_id_is_written_as_csv_does(name):
    pairs = [("plain", 1.0, 2.0), (name, 1.0, 2.5)]
    assert lines(pairs) == written(pairs)
