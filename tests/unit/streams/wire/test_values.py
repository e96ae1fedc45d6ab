"""A number is the same however it is wrapped; what is none gets a sentence of its own."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.wire import values
from streams.wire.values import MAX_DIFFERENCE, MAX_VALUE, Unfit, difference

good = st.floats(-MAX_VALUE, MAX_VALUE)
wraps = st.sampled_from((lambda x: x, repr, lambda x: [x], lambda x: [[x]], lambda x: f" {x!r} ", lambda x: [repr(x)]))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


@given(good, wraps)
def test_a_number_is_the_same_however_it_is_wrapped(value: float, wrapped: Any) -> None:
    assert values.number(wrapped(value), "`y`", "wait") == value
    assert values.is_like_number(wrapped(value))


@given(good, good)
def test_the_difference_of_any_two_values_is_a_number(one: float, other: float) -> None:
    assert abs(one - other) < float("inf")


@given(json_values)
def test_anything_is_a_number_or_has_a_sentence(value: Any) -> None:
    said = ""
    try:
        found = values.number(value, "`y`", "wait")
    except Unfit as exc:
        found, said = 0.0, str(exc)
    assert abs(found) <= MAX_VALUE
    assert not said or (said.startswith("`y` ") and ": " in said and said.isprintable())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "`y` is null: wait"),
        (float("nan"), "`y` is NaN: NaN is not a value; wait"),
        ("NaN", "`y` is NaN: NaN is not a value; wait"),
        (True, "`y` is true or false: a number is needed, 1 or 0 if that is meant"),
        ([1.0, 2.0], "`y` holds a list of 2: one value is needed"),
        ([], "`y` holds a list of 0: one value is needed"),
        ([[[1.0]]], "`y` holds a list of 1: one value is needed"),
        ({"mean": 3}, "`y` is an object, not a number: it has `mean`"),
        ("295,0", '`y` has a comma: "295,0"; use a point for decimals, and nothing between thousands'),
        ("1,234.5", '`y` has a comma: "1,234.5"; use a point for decimals, and nothing between thousands'),
        ("twelve", '`y` is text, not a number: "twelve"'),
        ("", '`y` is text, not a number: ""'),
        (float("inf"), "`y` is too large: inf; values lie within ±8.9e+307"),
        (-1.7e308, "`y` is too large: -1.7e+308; values lie within ±8.9e+307"),
        (10**400, f"`y` is too large: 1{'0' * 39}…; values lie within ±8.9e+307"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_each_kind_of_no_number_has_its_own_sentence(value: Any, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        values.number(value, "`y`", "wait")
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("value", "row"),
    [
        ([1, 2.5], [1.0, 2.5]),
        ([[1, 2.5]], [1.0, 2.5]),
        ([None, "Riga", True], [None, "Riga", True]),
        ({"age": 3, "city": "Riga"}, {"age": 3.0, "city": "Riga"}),
    ],
    ids=["list", "matrix", "gaps", "by-name"],
)
def test_features_are_a_list_or_go_by_name(value: Any, row: Any) -> None:
    assert values.features(value, "`x`") == row


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "`x` holds no features: a list of 0; send a list of them, or an object by name"),
        ("1,2", '`x` holds no features: "1,2"; send a list of them, or an object by name'),
        ([1, [2]], "feature 2 is a list or an object: a feature is a number, text, true, false or null"),
        ([1, float("nan")], "feature 2 is NaN: send null where a feature is missing"),
        ({"age": float("inf")}, 'feature "age" is too large: inf'),
    ],
    ids=["empty", "text", "nested", "nan", "infinite"],
)
def test_what_are_no_features_has_a_sentence(value: Any, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        values.features(value, "`x`")
    assert str(caught.value) == said


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_difference_is_a_number_whatever_a_former_version_took(y, other):
    assert difference(y, other) == min(max(y - other, -MAX_DIFFERENCE), MAX_DIFFERENCE)
    assert math.isfinite(difference(y, other))


@given(good, good)
def test_values_that_are_taken_differ_by_a_number(y, other):
    assert difference(y, other) == y - other
