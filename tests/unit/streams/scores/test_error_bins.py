"""Sparse histograms of signed errors: counts are exact, whatever the order they were merged in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores import histogram
from streams.scores.error_bins import MAX_EXACT, ErrorBins
from streams.scores.histogram import TINIEST, Histogram

error = st.one_of(st.just(0.0), st.floats(TINIEST, 1e100), st.floats(-1e100, -TINIEST), st.integers(-3, 3).map(float))
batches = st.lists(st.lists(st.tuples(st.integers(0, 3), error), max_size=40), min_size=1, max_size=5)


def of(batch: list[tuple[int, float]]) -> ErrorBins:
    return ErrorBins.of(np.array([owner for owner, _ in batch], np.int64), np.array([size for _, size in batch], float))


def rows(bins: ErrorBins) -> list[list[float]]:
    return [column.tolist() for column in (bins.owner, bins.code, bins.n, np.nan_to_num(bins.value, nan=1e300))]


def merged(parts: list[ErrorBins]) -> ErrorBins:
    return ErrorBins.merge(parts, [np.arange(4)] * len(parts))


@given(batches, st.randoms())
def test_merging_batches_in_any_order_equals_counting_all_at_once(batches, random):
    whole = merged([of([row for batch in batches for row in batch])])
    assert rows(merged([of(batch) for batch in random.sample(batches, len(batches))])) == rows(whole)


@given(batches)
def test_the_histograms_of_all_owners_are_those_of_the_plain_errors(batches):
    errors = np.array([size for batch in batches for _, size in batch]) + 0.0
    over, under = merged([of(batch) for batch in batches]).histograms(
        least=errors.min(initial=np.inf), largest=errors.max(initial=-np.inf)
    )
    for found, plain in ((over, Histogram.of(errors[errors >= 0])), (under, Histogram.of(-errors[errors < 0]))):
        assert (found.n, found.counts, found.largest) == (plain.n, plain.counts, plain.largest)
        assert found.smallest <= plain.smallest


def test_few_distinct_errors_have_exact_quantiles():
    errors = np.array([1.3] * 971 + [2.7] * 5 + [-4.1] * 2)
    over, under = ErrorBins.of(np.arange(len(errors)) % 7, errors).histograms(least=-4.1, largest=2.7)
    assert [over.quantile(q) for q in (0.01, 0.5, 0.9)] == pytest.approx([1.3] * 3, rel=1e-12)
    assert under.quantile(0.5) == pytest.approx(4.1, rel=1e-12)
    assert over.rebin([1.0, 1.3, 2.0, 2.7, 3.0]).tolist() == [0, 971, 0, 5]


def test_values_are_kept_only_while_they_are_few():
    few = ErrorBins.of(np.zeros(MAX_EXACT, np.int64), 2.0 ** np.arange(MAX_EXACT))
    assert few.value.tolist() == (2.0 ** np.arange(MAX_EXACT)).tolist()
    one_more = ErrorBins.of(np.zeros(1, np.int64), np.array([-1.0]))
    assert np.isnan(merged([few, one_more]).value).all()


@given(batches, st.randoms())
def test_with_too_many_bins_the_errors_nearest_to_zero_are_folded_whatever_the_order(batches, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histogram, "MAX_BINS", 3)
        whole = of([row for batch in batches for row in batch])
        parts = merged([of(batch) for batch in random.sample(batches, len(batches))])
        assert rows(parts)[:3] == rows(whole)[:3]
        for owner in range(4):
            for is_side in (whole.code >= 0, whole.code < 0):
                assert np.count_nonzero((whole.owner == owner) & is_side) <= 3
        assert whole.n.sum() == sum(map(len, batches))


few = st.sampled_from([0.0, 1.0, 1.01, -1.0, -1.01, 2.5, -7.3, 100.0])


@given(st.lists(few, min_size=1, max_size=60), st.sampled_from([0.01, 0.5, 0.9, 0.99]))
def test_the_sizes_of_few_distinct_errors_have_the_very_quantiles_unless_two_share_a_bin(errors, q):
    values = np.array(errors)
    over, under = ErrorBins.of(np.zeros(len(values), np.int64), values).histograms(
        least=values.min(), largest=values.max()
    )
    whole = over.copy()
    whole.merge(under)
    expected = np.sort(np.abs(values))[max(1, int(np.ceil(q * len(values)))) - 1]
    assert whole.n == len(values)
    if whole.knows(q):
        assert whole.quantile(q) == expected
    else:
        assert {1.0, 1.01} <= set(np.abs(values).tolist())
        assert whole.quantile(q) == pytest.approx(expected, rel=1 / 32)
    assert over.n + under.n == len(values)
