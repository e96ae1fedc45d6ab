"""Each slice is in one cell at any time, and becomes part of a wider one when it is old."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.delay import CLEAN_SPANS_S, segment_width
from streams.scores.levels import DAY_S, Level, due, levels, placed

HOUR_S = 3600.0
widths = st.sampled_from(CLEAN_SPANS_S).map(float)


def test_by_default_two_days_are_kept_as_they_are_hours_for_sixty_days_and_days_for_ever():
    assert levels(30, 3660, is_segment=False) == (
        Level(30, 2 * DAY_S),
        Level(HOUR_S, 60 * DAY_S),
        Level(DAY_S, math.inf),
    )
    assert levels(300, 3660, is_segment=True) == (Level(300, DAY_S), Level(HOUR_S, 14 * DAY_S), Level(DAY_S, math.inf))


def test_narrow_slices_become_minutes_first():
    assert [level.width_s for level in levels(1, 120, is_segment=False)] == [1, 60, HOUR_S, DAY_S]
    assert levels(1, 120, is_segment=False)[0].keep_s == 5760


@given(widths, st.floats(1, 1e8), st.booleans())
def test_levels_fill_each_other_and_none_is_rolled_up_before_it_is_closed(width, closed_s, is_segment):
    found = levels(segment_width(width) if is_segment else width, closed_s, is_segment=is_segment)
    assert all(wider.width_s % level.width_s == 0 for level, wider in pairwise(found))
    assert all(wider.keep_s > level.keep_s >= closed_s for level, wider in pairwise(found))
    assert found[-1] == Level(DAY_S, math.inf)


@pytest.mark.parametrize("width", CLEAN_SPANS_S)
def test_a_segments_slices_are_filled_by_whole_slices(width):
    assert segment_width(width) % width == 0


def test_a_slice_belongs_to_the_widest_level_that_has_been_rolled_up_past_it():
    start = np.array([0.0, DAY_S, 2 * DAY_S, 2 * DAY_S + 90, 3 * DAY_S + 30])
    found = placed(start, levels(30, 3660, is_segment=False), [3 * DAY_S, 2 * DAY_S])
    assert found[1].tolist() == [DAY_S, DAY_S, HOUR_S, HOUR_S, 30]
    assert found[0].tolist() == [0, DAY_S, 2 * DAY_S, 2 * DAY_S, 3 * DAY_S + 30]


@given(widths, st.floats(1e6, 2e9), st.lists(st.floats(0, 1e7), min_size=1))
def test_no_place_overlaps_another_one(width, now, ages):
    own = levels(width, 3660, is_segment=False)
    starts = np.maximum(now - np.array(ages), 0) // width * width
    start, wide = placed(starts, own, due(own, now))
    assert np.all((start <= starts) & (starts < start + wide))
    order = np.argsort(start)
    for i, j in pairwise(order.tolist()):
        assert start[i] == start[j] or start[i] + wide[i] <= start[j]
