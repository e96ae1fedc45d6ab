"""What /api/scores can be asked, and how what cannot is refused."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.insight.query import Asked
from streams.scores.figures import SPANS
from web.pairs.query import BadQuery
from web.state.scores import query_string, read

times = st.none() | st.floats(0, 1e11)
texts = st.text(max_size=20)
of_what = st.tuples(st.just("predicted"), texts, texts) | st.tuples(st.just("decided"), texts, st.just(""))
spans = st.tuples(st.sampled_from([*SPANS, "90s", "3h"]), st.none(), st.none())
ends = st.tuples(st.just("1h"), st.floats(0, 1e9), st.floats(1.1e9, 1e11) | st.none())
asked = st.builds(lambda span, of: Asked(*span, *of), spans | ends, of_what)


@given(asked)
@pytest.mark.slow
def test_what_is_asked_of_another_worker_is_what_was_asked(asked):
    assert read(dict(parse_qsl(query_string(asked)[1:], keep_blank_values=True))) == asked


def test_without_a_span_it_is_the_last_hour():
    assert read({}) == Asked("1h", None, None, "predicted", "", "")
    assert read({"to": ""}) == read({})


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31 12:00", "1769860800"]
)
def test_times_are_epoch_seconds_or_iso_8601_in_utc(text):
    assert read({"from": text}).start == 1_769_860_800.0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"last": "yesterday"}, "last is a span such as 5m, 1h, 24h, 7d, 30d, all"),
        ({"last": "0h"}, "last is a span"),
        ({"axis": "labelled"}, "axis is one of predicted, decided"),
        ({"last": "1h", "from": "1"}, "exclude each other"),
        ({"from": "2", "to": "1"}, "from must lie before to"),
        ({"from": "nan"}, "UTC epoch seconds, or ISO 8601"),
        ({"from": "tomorrow"}, "UTC epoch seconds, or ISO 8601"),
        ({"to": "0001-01-01T00:00:00+23:59"}, "UTC epoch seconds, or ISO 8601"),
        ({"form": "1"}, "Did you mean from?"),
        ({"model": "x" * 513}, "model has more than 512 characters"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(given, sentence):
    with pytest.raises(BadQuery, match=sentence.replace("?", r"\?")):
        read(given)
