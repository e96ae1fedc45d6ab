"""A time is what it is in any unit and form; what is none is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.wire import times
from streams.wire.times import MAX_TS_S

AT = 1795874400
this_century = st.integers(946684800, 4102444799)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(this_century, st.sampled_from((1, 10**3, 10**6, 10**9)), st.sampled_from((int, float, str)))
def test_a_moment_of_this_century_is_the_same_in_every_unit(second: int, per_s: int, form: type) -> None:
    time = times.of(form(second * per_s))

    assert time is not None
    assert time.ts == second
    assert bool(time.note) == (per_s > 1)
    assert times.is_plain(time)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), zones, st.sampled_from("T "))
def test_a_moment_in_iso_8601_is_itself_in_any_zone(when: datetime, zone: timezone, sep: str) -> None:
    time = times.of(when.replace(tzinfo=zone).isoformat(sep))

    assert time == times.Time(when.replace(tzinfo=zone).timestamp())


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))
def test_without_a_zone_it_is_read_as_utc_and_that_is_said(when: datetime) -> None:
    assert times.of(when.isoformat()) == times.Time(
        when.replace(tzinfo=UTC).timestamp(), "times without a zone are read as UTC"
    )


@given(st.floats(0, MAX_TS_S))
def test_seconds_are_left_as_they_are(ts: float) -> None:
    assert times.of(ts) == times.Time(ts)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -0.5,
        1e21,
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        {},
        "",
        "soon",
        "2026-11-28",
        "20261128",
        "14:00",
        "-5",
    ],
    ids=repr,
)
def test_what_is_no_time_is_none(value: Any) -> None:
    assert times.of(value) is None


@given(st.text() | st.floats() | st.integers())
def test_nothing_raises(value: str | float) -> None:
    time = times.of(value)
    assert time is None or 0 <= time.ts <= MAX_TS_S


@pytest.mark.parametrize(
    "text",
    ["2026-11-28T14:00:00Z", "2026-11-28 14:00:00+00:00", "2026-11-28T15:00:00.000000000+01:00", "20261128T140000Z"],
)
def test_other_spellings_of_the_same_moment(text: str) -> None:
    assert times.of(text) == times.Time(AT)
