"""What may be asked of the table: a query is read, written as a URL, or refused in a sentence."""

from __future__ import annotations

import pytest

from web.dashboard import choice
from web.pairs.query import BadQuery, Query, read


@pytest.mark.parametrize(
    "given",
    [
        {"sort": "x"},
        {"state": "x"},
        {"partition": "-1"},
        {"min_error": "nan"},
        {"after": "zz"},
        {"after": "c1"},
        {"q": "x" * 600},
        {"nothing like it": "1"},
    ],
    ids=str,
)
def test_a_query_that_cannot_be_used_is_a_sentence(given):
    with pytest.raises(BadQuery, match=r"\.$"):
        read(given)


def test_a_name_that_is_mistyped_is_told_the_near_one():
    with pytest.raises(BadQuery, match=r"no parameter 'min_eror' here\. Did you mean min_error\?"):
        read({"min_eror": "100"})
    with pytest.raises(BadQuery, match=r"Did you mean last\?"):
        choice.read({"lasst": "1h"})
    with pytest.raises(BadQuery, match=r"Did you mean features\?"):
        read({"featurs": "1"}, beside=["features"])
    assert read({"theme": "dark", "features": "1"}, beside=["features"]) == Query()


def test_a_query_survives_its_url():
    from urllib.parse import parse_qsl

    query = Query(state="matched", q="<&'\"", partition=3, min_error=1.5, sort="-error", n=25, after=(1, "x"))
    assert read(dict(parse_qsl(query.url()[1:]))) == query


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2 h", 7200), ("1d", 86400), (" 5min ", 300)], ids=str
)
def test_an_age_is_said_as_people_do(text, seconds):
    assert read({"min_age": text}).min_age == seconds


@pytest.mark.parametrize("text", ["5 weeks", "-1", "1e3", "m", "nan"])
def test_an_age_that_is_none_is_a_sentence(text):
    with pytest.raises(BadQuery, match="is a length of time"):
        read({"max_age": text})
