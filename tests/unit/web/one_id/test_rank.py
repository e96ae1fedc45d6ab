"""How an error stands among others, in words; and the numbers behind them, against all errors sorted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.histogram import Histogram
from streams.scores.rank import Rank
from web.one_id.rank import ordinal, said

SIZES = st.just(0.0) | st.floats(1e-6, 1e6)
DAY = 1_795_824_000.0


@pytest.mark.parametrize(
    ("n", "n_smaller", "place", "words"),
    [
        (5321, 5320, 1, "the largest of the 5,321 errors of predictions of today"),
        (5321, 5315, 6, "the 6th largest of the 5,321 errors of predictions of today"),
        (5321, 5248, None, "larger than 98% of the 5,321 errors of predictions of today"),
        (10_000, 9_999, None, "larger than 99.9% of the 10,000 errors of predictions of today"),
        (10_000, 42, None, "larger than 0.4% of the 10,000 errors of predictions of today"),
        (10_000, 1, None, "among the smallest of the 10,000 errors of predictions of today"),
        (12, 5, None, "larger than 5 of the 12 errors of predictions of today"),
        (12, 0, None, "among the smallest of the 12 errors of predictions of today"),
        (1, 0, 1, "the only error of a prediction of today"),
    ],
)
def test_a_rank_is_the_end_of_a_sentence(n, n_smaller, place, words):
    assert said(Rank(DAY, DAY + 86_400, "", n, n_smaller, place), DAY + 3600) == words


def test_a_rank_of_another_day_names_it():
    assert said(Rank(DAY, DAY + 86_400, "", 40, 20, None), DAY + 90_000).endswith("of 28 Nov 2026")


@pytest.mark.parametrize(
    ("n", "words"), [(2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (21, "21st"), (113, "113th")]
)
def test_a_place_has_its_ending(n, words):
    assert ordinal(n) == words


@given(st.lists(SIZES, min_size=1, max_size=300), SIZES)
def test_as_many_values_are_smaller_as_there_are_but_for_those_of_its_bin(values, size):
    found = Histogram.of(np.array(values)).n_below(size)
    assert sum(v < size * (1 - 1 / 32) for v in values) <= found <= sum(v <= size * (1 + 1 / 32) for v in values)


def test_the_smallest_and_what_is_beyond_the_largest_are_exact():
    histogram = Histogram.of(np.arange(1.0, 101.0))
    assert [histogram.n_below(at) for at in (0.5, 1.0, 100.5)] == [0, 0, 100]
    assert Histogram().n_below(1.0) == 0
