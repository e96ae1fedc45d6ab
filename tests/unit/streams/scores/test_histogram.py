import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores import histogram as module
from streams.scores.histogram import TINIEST, Histogram

size = st.one_of(st.just(0.0), st.floats(TINIEST, 1e300), st.floats(0.01, 1000))
sizes = st.lists(size, max_size=60).map(lambda values: np.array(values, np.float64))
quantiles = st.floats(0, 1)


def of_all(batches):
    whole = Histogram()
    for batch in batches:
        whole.merge(Histogram.of(batch))
    return whole


@given(st.lists(sizes, max_size=6), st.randoms())
def test_merging_batches_in_any_order_equals_counting_all_values_at_once(batches, random):
    shuffled = random.sample(batches, len(batches))
    assert of_all(shuffled) == Histogram.of(np.concatenate([np.array([]), *batches]))


@given(sizes.filter(len), quantiles)
def test_a_quantile_is_at_most_one_32nd_off_the_value_of_its_rank(values, q):
    exact = np.sort(values)[max(1, math.ceil(q * len(values))) - 1]
    assert Histogram.of(values).quantile(q) == pytest.approx(exact, rel=1 / 32, abs=TINIEST)


@given(sizes.filter(len))
def test_the_first_and_the_last_quantile_are_exact(values):
    histogram = Histogram.of(values)
    assert (histogram.quantile(0), histogram.quantile(1)) == (values.min(), values.max())


@pytest.mark.parametrize("name", ["normal", "exponential", "lognormal"])
def test_quantiles_of_smooth_data_are_within_half_a_per_cent(name):
    values = np.abs(getattr(np.random.default_rng(7), name)(size=100_000))
    histogram = Histogram.of(values)
    for q in (0.1, 0.5, 0.9, 0.99):
        assert histogram.quantile(q) == pytest.approx(np.quantile(values, q), rel=0.005)


def test_equal_values_have_exact_quantiles():
    assert {Histogram.of(np.full(1000, 7.3)).quantile(q) for q in (0.01, 0.5, 0.99)} == {7.3}


def test_what_is_too_small_to_divide_by_counts_as_zero():
    histogram = Histogram.of(np.array([5e-324, 1e-300, 2.0]))
    assert histogram == Histogram.of(np.array([0.0, 0.0, 2.0]))
    assert histogram.rebin([0.0, 1e-308, 1.0, 3.0]).sum() == 3


@given(sizes, st.lists(st.floats(0, 1e300), min_size=2, max_size=10, unique=True).map(sorted))
def test_rebinning_counts_every_value_between_the_outer_edges_once(values, edges):
    histogram = Histogram.of(values)
    counts = histogram.rebin([0.0, *edges, math.inf])
    assert counts.min() >= 0
    assert counts.sum() == len(values)


@given(sizes.filter(len), st.floats(2 * TINIEST, 1e300))
def test_rebinning_puts_a_value_on_the_wrong_side_only_within_one_32nd_of_the_edge(values, edge):
    below = int(Histogram.of(values).rebin([0.0, edge])[0])
    assert np.count_nonzero(values < edge / (1 + 1 / 32)) <= below <= np.count_nonzero(values < edge * (1 + 1 / 32))


def test_whole_numbers_up_to_64_fall_in_the_bin_that_they_open():
    values = np.arange(65.0)
    assert Histogram.of(values).rebin(np.arange(66.0)).tolist() == [1] * 65


@given(st.lists(sizes, min_size=1, max_size=4), st.randoms())
def test_with_too_many_bins_the_lowest_are_folded_whatever_the_order(batches, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_BINS", 5)
        folded = of_all(batches)
        assert folded == of_all(random.sample(batches, len(batches)))
        assert len(folded.counts) <= 5
        assert sum(folded.counts.values()) == folded.n == sum(map(len, batches))


def test_no_quantile_of_nothing():
    with pytest.raises(ValueError, match="of 0 values"):
        Histogram().quantile(0.5)
    with pytest.raises(ValueError, match=r"quantile 1\.5"):
        Histogram.of(np.array([1.0])).quantile(1.5)


def test_nothing_rebinned_is_zeros():
    assert Histogram().rebin([0.0, 1.0, 2.0]).tolist() == [0, 0]
