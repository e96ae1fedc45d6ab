import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from streams.scores.histogram import TINIEST
from streams.scores.losses import LARGEST
from streams.scores.summary import ErrorSummary

ordinary = st.floats(-1e6, 1e6)
any_finite = st.floats(allow_nan=False, allow_infinity=False)
batches = st.lists(st.lists(st.tuples(ordinary, ordinary), max_size=8), max_size=8)


def columns(pairs):
    table = np.array(pairs, np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def of_all(batches):
    summary = ErrorSummary()
    for batch in batches:
        summary.update(*columns(batch))
    return summary


def figures(s):
    return [s.n, s.n_left_out, s.bias, s.mae, s.rmse, s.r2, s.min_error, s.max_error]


@given(batches)
def test_at_every_prefix_the_figures_are_those_of_scikit_learn(batches):
    summary, y_true, y_pred = ErrorSummary(), np.array([]), np.array([])
    for batch in batches:
        true, pred = columns(batch)
        summary.update(true, pred)
        y_true, y_pred = np.concatenate([y_true, true]), np.concatenate([y_pred, pred])
        assert summary.n == len(y_true)
        if not summary.n:
            continue
        assert summary.mae == pytest.approx(mean_absolute_error(y_true, y_pred), rel=1e-12, abs=1e-300)
        assert summary.rmse == pytest.approx(root_mean_squared_error(y_true, y_pred), rel=1e-12, abs=1e-150)
        assert summary.bias == pytest.approx((y_pred - y_true).mean(), rel=1e-9, abs=1e-9)
        assert summary.min_error == pytest.approx((y_pred - y_true).min(), rel=0, abs=TINIEST)
        assert summary.max_error == pytest.approx((y_pred - y_true).max(), rel=0, abs=TINIEST)
        if np.ptp(y_true) > max(1e-100, 1e-3 * np.abs(y_true).max()):
            assert summary.r2 == pytest.approx(r2_score(y_true, y_pred), rel=1e-6, abs=1e-9)


@given(batches, batches)
def test_merging_two_summaries_is_summarising_both(some, others):
    merged = of_all(some)
    merged.merge(of_all(others))
    whole = of_all(some + others)
    assert figures(merged)[:2] == figures(whole)[:2]
    if whole.n:
        assert merged.mae == pytest.approx(whole.mae, rel=1e-12)
        assert merged.true_deviation == pytest.approx(whole.true_deviation, rel=1e-9, abs=1e-9)
    assert merged.absolute == whole.absolute
    assert (merged.over, merged.under) == (whole.over, whole.under)


@given(batches, batches)
def test_a_summary_read_back_from_json_goes_on_as_if_nothing_had_been(before, after):
    kept = of_all(before)
    read_back = msgspec.json.decode(msgspec.json.encode(kept), type=ErrorSummary)
    assert read_back == kept
    for batch in after:
        kept.update(*columns(batch))
        read_back.update(*columns(batch))
    assert read_back == kept


@given(batches)
def test_a_copy_does_not_change_when_its_original_does(batches):
    summary = of_all(batches)
    copy, before = summary.copy(), msgspec.json.encode(summary)
    summary.update(np.array([1.0, 2.0]), np.array([3.0, -4.0]))
    assert msgspec.json.encode(copy) == before


@given(st.lists(st.lists(st.tuples(any_finite, any_finite), max_size=6), max_size=6))
def test_no_finite_pair_makes_a_figure_that_is_not_finite(batches):
    summary = of_all(batches)
    assert summary.n + summary.n_left_out == sum(map(len, batches))
    assert all(figure is None or math.isfinite(figure) for figure in figures(summary))
    assert msgspec.json.decode(msgspec.json.encode(summary), type=ErrorSummary) == summary


@pytest.mark.parametrize(
    ("y_true", "y_pred"), [(1e308, -1e308), (0.0, 2 * LARGEST), (math.nan, 0.0), (0.0, math.inf)], ids=str
)
def test_a_pair_too_large_to_score_is_counted_and_changes_nothing_else(y_true, y_pred):
    summary = of_all([[(1.0, 2.0), (3.0, 5.0)]])
    before = figures(summary)
    summary.update(np.array([y_true]), np.array([y_pred]))
    assert summary.n_left_out == 1
    assert figures(summary)[2:] == before[2:]


def test_r2_stays_exact_where_sums_of_squares_would_cancel():
    random = np.random.default_rng(5)
    y_true = 1e9 + random.normal(0, 0.01, 10_000)
    y_pred = y_true + random.normal(0, 0.001, 10_000)
    summary = ErrorSummary()
    for i in range(0, 10_000, 100):
        summary.update(y_true[i : i + 100], y_pred[i : i + 100])
    assert summary.r2 == pytest.approx(r2_score(y_true, y_pred), rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 295.0, 1e12])
def test_a_truth_that_never_varies_has_no_r2(value):
    assert of_all([[(value, 1.0)] * 7, [(value, 2.0)] * 3]).r2 is None


def test_without_pairs_there_are_no_figures():
    assert figures(ErrorSummary()) == [0, 0, None, None, None, None, None, None]
