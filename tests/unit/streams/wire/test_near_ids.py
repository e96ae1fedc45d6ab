"""Ids that somebody meant as one are near each other, and others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.wire.near_ids import canonical, near_ids

ids = st.text(min_size=1, max_size=20) | st.integers(0, 10**18).map(str) | st.floats(0, 1e6).map(repr)


@given(ids)
def test_every_near_id_has_the_same_canonical_form_and_is_another_one(row_id: str) -> None:
    for near in near_ids(row_id):
        assert near != row_id
        assert canonical(near) == canonical(row_id) or near.lower() == row_id.strip().strip("\"'`").strip().lower()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("43", "43.0"),
        ("43.0", "43"),
        (" 43", "43"),
        ("Order-17", "order-17"),
        ("order-17", "ORDER-17"),
        ('"a"', "a"),
        ("a", '"a"'),
        ("a\n", "a"),
    ],
)
def test_what_producers_really_mix_up_is_found(one: str, other: str) -> None:
    assert other in near_ids(one)
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), [("43", "43.5"), ("43", "430"), ("a", "b"), ("1" * 16, "1" * 15 + "2")])
def test_other_ids_are_not_near(one: str, other: str) -> None:
    assert other not in near_ids(one)
    assert canonical(one) != canonical(other)
