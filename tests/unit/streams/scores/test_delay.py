"""Slices, bins of delay, and what each clock says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.delay import CLEAN_SPANS_S, DelayBins, decided, delays, event_now, slice_width

windows = st.floats(1e-3, 1e8)


@pytest.mark.parametrize(
    ("window_s", "width_s"),
    [(1, 1), (60, 1), (300, 2), (3600, 30), (86400, 600), (7 * 86400, 5400 / 1.5), (30 * 86400, 21600), (1e9, 21600)],
)
def test_a_slice_is_about_a_120th_of_the_window(window_s, width_s):
    assert slice_width(window_s) == width_s


@pytest.mark.parametrize("width", CLEAN_SPANS_S)
def test_every_slice_fills_wider_ones(width):
    assert any(wider % width == 0 for wider in (60, 3600, 86400))


@given(windows, st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_a_delay_lies_in_the_bin_whose_ends_enclose_it(window_s, some):
    bins = DelayBins.of_window(window_s)
    delay = np.array(some)
    found = bins.of(delay)
    assert np.all((found == 0) == (delay <= 0))
    assert np.all((delay <= bins.ends[found]) | (delay > window_s))
    assert np.all((found == 0) | (delay > bins.ends[found - 1]))


@given(windows)
def test_there_are_32_bins_up_to_the_window_evenly_spaced_in_the_logarithm(window_s):
    ends = DelayBins.of_window(window_s).ends
    assert (len(ends), ends[0], ends[-1]) == (33, 0, pytest.approx(window_s))
    assert np.diff(np.log(ends[1:])) == pytest.approx(np.log(360) / 31)


@given(windows, st.lists(st.floats(0, 1e9), min_size=1))
def test_a_coarse_bin_holds_four_fine_ones(window_s, some):
    bins = DelayBins.of_window(window_s)
    assert len(bins.coarse().ends) == 9
    assert bins.coarse().of(np.array(some)).tolist() == [-(-k // 4) for k in bins.of(np.array(some)).tolist()]


def test_the_clock_says_what_a_delay_is():
    times = {"ts_true": np.array([100.0, 40.0]), "ts_pred": np.array([50.0, 50.0]), "at": np.array([170.0, 60.0])}
    assert delays("arrival", **times).tolist() == [120, 10]
    assert delays("event", **times).tolist() == [50, -10]
    assert decided("arrival", **times).tolist() == [170, 60]
    assert decided("event", **times).tolist() == [100, 50]


def test_by_events_it_is_as_late_as_the_partition_that_is_furthest_behind():
    assert event_now([30.0, None, 20.0]) == 20.0
    assert event_now([None]) is None
