"""Ticks are round, and labels do not lie on each other."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from web.dashboard import axes
from web.dashboard.axes import apart, apart_on_lines, tick_words, ticks, ticks_between, time_step, time_ticks

SIZES = st.floats(-1e150, 1e150)


@given(st.integers(1, 10**15))
@example(10_000_000_000_001)
def test_counts_have_ticks_at_whole_numbers_alone_each_once(most: int) -> None:
    found = ticks(most, is_whole=True)
    assert all(n == int(n) for n in found)
    assert found == sorted(set(found))
    assert found[-1] >= most


def test_one_pair_has_two_ticks() -> None:
    assert ticks(1, is_whole=True) == [0, 1]


@given(SIZES, SIZES)
def test_ticks_hold_all_values_between_them(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    found = ticks_between(low, high)
    slack = 1e-6 * max(abs(low), abs(high))
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert 2 <= len(found) <= 12
    assert all(math.isfinite(tick) for tick in found)
    assert all(before < after for before, after in itertools.pairwise(found))


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9))
@example(1_371_939.0, 56.0)
@example(23.0854, 1.8e-5)
def test_no_two_ticks_say_the_same_however_near_they_lie_to_each_other(low: float, width: float) -> None:
    found = ticks_between(low, low + width)
    words, taken_off = tick_words(found)
    assert len(set(words)) == len(words) == len(found)
    if taken_off:
        assert words[0] == "0"
        assert float(taken_off.replace(",", "").replace("−", "-")) == pytest.approx(found[0], rel=1e-11)


def test_an_axis_that_would_begin_near_zero_begins_there_and_one_far_from_it_does_not() -> None:
    assert ticks_between(3.0, 10.0)[0] == 0
    assert ticks_between(-10.0, -3.0)[-1] == 0
    assert ticks_between(90.0, 100.0)[0] > 0


@given(st.floats(1e-3, 1e12), st.integers(2, 12))
def test_a_step_of_time_parts_a_span_in_as_many_parts_as_are_asked_for_at_most(seconds: float, n: int) -> None:
    assert seconds / time_step(seconds, n) <= n * (1 + 1e-9)


@given(st.floats(0, 1e11), st.floats(1e-3, 1e11))
def test_times_on_an_axis_lie_on_it(start: float, seconds: float) -> None:
    found = time_ticks(start, start + seconds, 8)
    assert len(found) <= 10
    assert all(-1e-6 <= share <= 1 + 1e-6 for share, _ in found)


@pytest.mark.parametrize(
    ("start", "seconds", "words"),
    [
        (1_795_824_000, 3600, ["00:00", "00:10", "00:20", "00:30", "00:40", "00:50", "01:00"]),
        (
            1_795_824_000 - 7200,
            14_400,
            ["22:00", "22:30", "23:00", "23:30", "28 Nov", "00:30", "01:00", "01:30", "02:00"],
        ),
        (1_795_824_000, 7 * 86_400, ["28 Nov", "29 Nov", "30 Nov", "1 Dec", "2 Dec", "3 Dec", "4 Dec", "5 Dec"]),
    ],
)
def test_times_are_said_as_finely_as_they_differ(start: int, seconds: int, words: list[str]) -> None:
    assert [said for _, said in time_ticks(start, start + seconds, 8)] == words


@given(st.lists(st.tuples(st.floats(0, 800), st.floats(5, 80)), max_size=8))
def test_labels_on_one_line_do_not_touch(labels: list[tuple[float, float]]) -> None:
    lines = apart_on_lines([centre for centre, _ in labels], [half for _, half in labels])
    for (a, line_a), (b, line_b) in itertools.combinations(zip(labels, lines, strict=True), 2):
        assert line_a != line_b or abs(a[0] - b[0]) >= a[1] + b[1]


@pytest.mark.parametrize(
    "wanted", [[200.0, 100.0, 100.0], [200.0, 30.0, 30.0], [26.0, 26.0, 26.0], [256.0, 256.0, 256.0], [200, 150, 50]]
)
def test_labels_above_each_other_keep_their_distance_and_stay_inside(wanted: list[float]) -> None:
    placed = apart(wanted, 13, 256, 26)
    assert all(below - above >= 13 for below, above in itertools.pairwise(placed))
    assert 26 <= min(placed) <= max(placed) <= 256


def test_labels_that_have_room_stay_where_they_are_wanted() -> None:
    assert axes.apart([200, 150, 50], 13, 256, 26) == [200, 150, 50]
