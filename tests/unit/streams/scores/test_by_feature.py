"""Errors by feature, against the same worked out over plain rows; and no more is called worse than chance allows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.by_feature import (
    MIN_BIN,
    MIN_IDS,
    MISSING,
    MOST_FEATURES,
    MOST_VALUES,
    ByFeature,
    Sample,
    by_feature,
)

CELLS = st.none() | st.floats(-100, 100) | st.sampled_from([0.0, 1.0])
WORDS = st.none() | st.booleans() | st.sampled_from(["DE", "FR", "LV"]) | st.integers(0, 30).map(str)


def found(errors, **columns) -> dict[str, ByFeature]:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {one.name: one for one in by_feature(Sample(np.asarray(errors, np.float64), rows))}


def is_in(one, value) -> bool:
    """Tell whether a value lies in a bin, by what the bin says of itself."""
    if value is None or one.name == MISSING:
        return value is None and one.name == MISSING
    return (one.low is None or value >= one.low) and (one.high is None or value < one.high)


@given(st.data(), st.integers(MIN_IDS, 160))
def test_each_bin_has_the_ids_that_it_says_and_their_figures(data, n):
    errors = np.array(data.draw(st.lists(st.floats(-1e3, 1e3), min_size=n, max_size=n)))
    values = data.draw(st.lists(CELLS, min_size=n, max_size=n).filter(lambda some: any(v is not None for v in some)))
    one = found(errors, x=values)["x"]
    assert sum(each.n for each in one.bins) == n
    for each in one.bins:
        inside = np.array([is_in(each, value) for value in values])
        assert each.n == inside.sum()
        assert each.mae == pytest.approx(np.abs(errors[inside]).mean())
        assert each.bias == pytest.approx(errors[inside].mean())
        if np.abs(errors).sum() > 0:
            assert each.share_of_loss == pytest.approx(np.abs(errors[inside]).sum() / np.abs(errors).sum())
        if min(each.n, n - each.n) >= MIN_BIN:
            assert each.excess == pytest.approx(np.abs(errors[inside]).mean() - np.abs(errors[~inside]).mean())
        else:
            assert each.excess is None


@given(st.data(), st.integers(MIN_IDS, 160))
def test_values_are_told_apart_the_most_frequent_ones_and_all_others_together(data, n):
    words = data.draw(st.lists(WORDS, min_size=n, max_size=n).filter(lambda some: any(v is not None for v in some)))
    one = found(np.ones(n), x=words)["x"]
    assert sum(each.n for each in one.bins) == n
    spelled = [MISSING if word is None else str(word).lower() if isinstance(word, bool) else word for word in words]
    counted = {each.name: each.n for each in one.bins if each.name != "other"}
    assert len(counted) <= MOST_VALUES
    assert counted == {name: spelled.count(name) for name in counted}
    assert min(counted.values()) >= max((spelled.count(word) for word in spelled if word not in counted), default=0)
    assert (one.spread, all(each.low is None for each in one.bins)) == (None, True)


def test_the_groups_are_the_twentieths_with_the_lowest_and_the_highest_errors():
    errors = np.arange(-100.0, 100.0)
    one = found(errors, x=errors * 2, country=["DE"] * 10 + ["FR"] * 180 + ["LV"] * 10)
    lowest, majority, highest = np.split(errors * 2, [10, 190])
    assert (one["x"].lowest, one["x"].majority, one["x"].highest) == (lowest.mean(), majority.mean(), highest.mean())
    assert one["x"].spread == pytest.approx((highest.mean() - lowest.mean()) / (2 * 199))
    assert (one["country"].lowest, one["country"].majority, one["country"].highest) == ("DE", "FR", "LV")


def test_the_feature_that_the_error_hangs_on_stands_first_and_its_part_is_named():
    rng = np.random.default_rng(1)
    x, noise = rng.uniform(0, 1, 2000), rng.normal(0, 1, 2000)
    (first, *rest) = found(rng.normal(0, np.where(x > 0.9, 40, 10)), noise=noise, x=x).values()
    assert first.name == "x"
    assert first.is_worse
    assert first.worst is not None
    assert first.bins[first.worst].high is None
    assert first.bins[first.worst].low == pytest.approx(0.875, abs=0.03)
    assert [one.is_worse for one in rest] == [False]


@pytest.mark.slow
def test_of_features_that_tell_nothing_hardly_any_is_called_worse():
    rng, n_wrong = np.random.default_rng(2), 0
    for _ in range(200):
        columns = {f"x{i}": rng.normal(0, 1, 1000) for i in range(10)}
        n_wrong += any(one.is_worse for one in found(rng.normal(0, 1, 1000), **columns).values())
    assert n_wrong <= 12, "one in twenty worlds, by both sides together"


def test_of_few_ids_and_of_no_feature_nothing_is_said():
    assert found(np.ones(MIN_IDS - 1), x=np.ones(MIN_IDS - 1)) == {}
    assert by_feature(Sample(np.ones(MIN_IDS), [{}] * MIN_IDS)) == []


def test_no_value_is_too_large_and_no_row_has_too_many_features():
    rng = np.random.default_rng(3)
    huge = np.where(rng.random(200) < 0.5, 8e307, -8e307)
    one = found(rng.normal(0, 1, 200), x=huge)["x"]
    assert all(math.isfinite(each) for each in (one.lowest, one.majority, one.highest, one.spread))
    many = {f"x{i}": np.ones(MIN_IDS) for i in range(MOST_FEATURES + 5)}
    assert len(found(np.ones(MIN_IDS), **many)) == MOST_FEATURES
