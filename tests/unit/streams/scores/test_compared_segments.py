"""Two models compared by segment: one budget for all, sums that add up, the worst first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.compared_segments import MIN_SLICES, MOST, compare_segments
from streams.scores.pair_slices import PairSlices
from streams.scores.paired import ALPHA, paired
from streams.scores.segments import MAX_VALUES
from tests.unit.streams.scores.test_paired import equal_models, first_decision


def slices(difference, *, n_slices=100, n=50, seed=1):
    """Return slices of models whose errors differ by so much: above 0, the second is better."""
    rng = np.random.default_rng(seed)
    first = np.full((n_slices, 2), 4.0 * n)
    second = first - rng.normal(difference * n, 0.5 * np.sqrt(n), (n_slices, 2))
    of, width = np.full(n_slices, n), np.full(n_slices, 300.0)
    return PairSlices(300.0 * np.arange(n_slices), width, of, first, second)


def of_country(found):
    return compare_segments({f"country:{name}": each for name, each in found.items()}, "country", ["country"], 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "heavy", "skewed"])
def test_over_a_thousand_looks_no_segment_of_equal_models_is_decided_in_95_of_100_comparisons(kind):
    """16 comparisons of as many segments as a key can have are drawn a thousand runs at a time."""
    rng, n_runs, n_decided = np.random.default_rng(3), 0, 0
    for _ in range(16):
        decisions = first_decision(equal_models(kind, rng), ALPHA / MOST, MIN_SLICES)
        n_runs, n_decided = n_runs + len(decisions), n_decided + int(np.isfinite(decisions).sum())
    assert MOST * n_decided / n_runs <= ALPHA


def test_a_key_has_no_more_segments_than_share_the_budget():
    assert MAX_VALUES + len(["other", "no tag"]) == MOST


def test_each_segment_is_decided_with_its_share_and_the_worst_comes_first():
    found = of_country({"DE": slices(0.3), "FR": slices(-0.2), "NL": slices(0.0), "": slices(-0.1, n=500)})
    assert [(one.value, one.verdict) for one in found.segments] == [
        ("", "worse"),
        ("FR", "worse"),
        ("NL", "open"),
        ("DE", "better"),
    ]
    assert found.sentence == "By country: worse for no country, FR; better for DE; open for NL."
    one, of = found.segments[-1], slices(0.3)
    alone = paired(of.first[:, 0] - of.second[:, 0], of.n, ALPHA / MOST, MIN_SLICES)
    assert (one.difference, one.low, one.high) == (
        pytest.approx(alone.difference.value),
        alone.difference.low,
        alone.difference.high,
    )
    by_itself = paired(of.first[:, 0] - of.second[:, 0], of.n)
    assert one.low < by_itself.difference.low < by_itself.difference.high < one.high


def test_nothing_is_decided_before_so_many_slices():
    young = of_country({"DE": slices(1.0, n_slices=MIN_SLICES - 1)}).segments[0]
    assert (young.verdict, young.n_more) == ("open", 50)
    assert of_country({"DE": slices(1.0, n_slices=MIN_SLICES)}).segments[0].verdict == "better"
    single = of_country({"DE": slices(1.0, n_slices=1)}).segments[0]
    assert (single.verdict, single.low, single.n_more) == ("open", None, None)


counts = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50), st.integers(0, 50)), max_size=5)


@given(st.dictionaries(st.sampled_from(["DE", "FR", "NL", "", "other"]), counts))
def test_the_segments_add_up_to_all_together(given_counts):
    found = {}
    for name, rows in given_counts.items():
        n = np.array([row[0] for row in rows], np.int64)
        first, second = (np.array([[row[i], 0.0] for row in rows], float).reshape(-1, 2) for i in (1, 2))
        start = 300.0 * np.arange(len(rows))
        found[name] = PairSlices(start, np.full(len(rows), 300.0), n, first, second)
    by = of_country(found)
    n = sum(int(each.n.sum()) for each in found.values())
    if not n:
        assert (by.total, by.segments, by.sentence) == (None, [], "By country: no slice of time is mature yet.")
        return
    assert by.total.n_pairs == sum(one.n_pairs for one in by.segments) == n
    for name in ("first", "second", "difference"):
        whole = sum(getattr(one, name) * one.n_pairs for one in by.segments)
        assert getattr(by.total, name) * n == pytest.approx(whole)
    lost = [one.difference * one.n_pairs for one in by.segments]
    assert lost == sorted(lost)


def test_many_names_are_counted_and_not_all_listed():
    found = of_country({f"c{i}": slices(0.0, n_slices=3, seed=i) for i in range(9)})
    assert found.sentence.endswith(" and 4 more.")
