"""The corrected scores: against scipy's Kaplan–Meier, and against worlds of which the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from streams.scores.cohorts import COLUMNS, Cohorts
from streams.scores.maturity import MIN_LABELS, MIN_PREDICTIONS, expected, so_far
from streams.scores.metrics import SCORES
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import BINS, MINUTE, WINDOW_S, cohorts, true_coverage, true_scores

ENDS = np.array([0.0, 1.0, 2.0, 4.0])
labels_by_bin = st.lists(st.integers(0, 30), min_size=len(ENDS), max_size=len(ENDS))
slices = st.lists(st.tuples(st.integers(60, 300), labels_by_bin), min_size=4, max_size=30)


def of_counts(rows: list[tuple[int, list[int]]]) -> Cohorts:
    """Return slices of one second each, from their predictions and labels by bin; no error anywhere."""
    n = np.array([labels for _, labels in rows], np.int64)
    columns = {name: np.zeros(n.shape) for name in COLUMNS}
    size = np.maximum([predictions for predictions, _ in rows], n.sum(axis=1))
    return Cohorts(ENDS, np.arange(len(rows), dtype=float), np.ones(len(rows)), size, n, columns)


@given(slices)
def test_the_coverage_by_age_is_kaplan_and_meiers_as_scipy_has_it(rows):
    given_slices, now = of_counts(rows), float(len(rows))
    found = expected(given_slices, now)
    assert found.horizon_s is not None
    came, censored = [], []
    mature = given_slices.mature(now)
    for c, n_predictions in enumerate(given_slices.n_predictions.tolist()):
        known = np.where(mature[c], given_slices.n[c], 0)
        came += np.repeat(ENDS, known).tolist()
        censored += [ENDS[mature[c]].max(initial=-1.0)] * (n_predictions - int(known.sum()))
    oracle = ecdf(CensoredData(uncensored=came, right=censored)).cdf
    up_to = found.horizon_s >= ENDS
    assert found.curve == pytest.approx(oracle.evaluate(ENDS[up_to]), abs=1e-12)


@pytest.mark.parametrize("rho", [0.7, 0.0, -0.7])
@pytest.mark.parametrize("minute", [62, 90, 180])
def test_from_one_window_on_it_is_within_two_per_cent_of_the_truth(rho, minute):
    rng = np.random.default_rng(minute)
    found = expected(cohorts(rng, label_worlds.steady(rng, minute, 20, rho), minute * MINUTE), minute * MINUTE)
    assert found.horizon_s == WINDOW_S
    assert found.scores["mae"].value == pytest.approx(true_scores(WINDOW_S, rho)["mae"], rel=0.02)
    assert found.coverage.value == pytest.approx(true_coverage(WINDOW_S), abs=0.02)


def test_at_minute_ten_it_speaks_of_nine_minutes():
    rng = np.random.default_rng(10)
    known = cohorts(rng, label_worlds.steady(rng, 10, 20, 0.7), 10 * MINUTE)
    found = expected(known, 10 * MINUTE)
    assert found.horizon_s == pytest.approx(9 * MINUTE, abs=10)
    assert found.scores["mae"].value == pytest.approx(0.641, abs=0.03)
    assert found.coverage.value == pytest.approx(true_coverage(found.horizon_s), abs=0.02)
    assert so_far(known)["mae"] < 0.6


@pytest.mark.parametrize("minute", [245, 250, 255, 265, 280])
def test_a_tenfold_burst_moves_it_by_less_than_one_per_cent(minute):
    rng = np.random.default_rng(1)
    known = cohorts(rng, label_worlds.burst(rng, 0.7, rate=10), minute * MINUTE)
    found = expected(known.take(known.start >= (minute - 120) * MINUTE), minute * MINUTE)
    assert found.scores["mae"].value == pytest.approx(true_scores(WINDOW_S, 0.7)["mae"], rel=0.01)
    assert found.coverage.value == pytest.approx(true_coverage(WINDOW_S), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("coarse", [False, True], ids=["32 bins", "8 bins"])
@pytest.mark.parametrize(("rho", "minute"), [(0.7, 10), (0.7, 75), (-0.7, 30), (-0.7, 120)])
def test_the_intervals_hold_the_truth_in_92_to_98_of_100_runs(rho, minute, coarse):
    bins = BINS.coarse() if coarse else BINS
    rng = np.random.default_rng(300)
    held: dict[str, list[bool]] = {"mae": [], "bias": [], "coverage": []}
    for _ in range(300):
        world = label_worlds.steady(rng, minute, 3, rho)
        found = expected(cohorts(rng, world, minute * MINUTE, bins=bins), minute * MINUTE)
        truth = true_scores(found.horizon_s, rho) | {"coverage": true_coverage(found.horizon_s)}
        for name, hits in held.items():
            estimate = found.coverage if name == "coverage" else found.scores[name]
            hits.append(estimate.low <= truth[name] <= estimate.high)
    assert {name: np.mean(hits) for name, hits in held.items()} == pytest.approx(dict.fromkeys(held, 0.95), abs=0.03)


def test_rmse_and_r2_are_corrected_too():
    rng = np.random.default_rng(4)
    found = expected(cohorts(rng, label_worlds.steady(rng, 120, 60, 0.7), 120 * MINUTE), 120 * MINUTE)
    truth = true_scores(WINDOW_S, 0.7)
    assert set(found.scores) == {score.name for score in SCORES} == set(truth)
    assert {name: estimate.value for name, estimate in found.scores.items()} == pytest.approx(truth, abs=0.05)


def test_once_all_slices_are_as_old_as_the_window_the_corrected_scores_are_those_so_far():
    rng = np.random.default_rng(5)
    known = cohorts(rng, label_worlds.steady(rng, 30, 5, 0.7), 90 * MINUTE)
    found = expected(known, 90 * MINUTE)
    assert {name: estimate.value for name, estimate in found.scores.items()} == pytest.approx(so_far(known), rel=1e-9)
    assert found.coverage.value == pytest.approx(known.n.sum() / known.n_predictions.sum(), rel=1e-12)
    assert found.n_expected == pytest.approx(found.n_labels)


def test_labels_that_all_come_early_do_not_shorten_the_horizon():
    found = expected(of_counts([(100, [0, 100, 0, 0])] * 20), 100.0)
    assert (found.horizon_s, found.coverage.value) == (4.0, 1.0)


def test_of_few_predictions_that_are_old_enough_nothing_is_said():
    found = expected(of_counts([(5, [0, 1, 0, 0])] * 5), 100.0)
    assert (found.horizon_s, found.coverage, dict(found.scores)) == (None, None, {})
    assert str(MIN_PREDICTIONS) in found.why


def test_one_slice_alone_is_not_enough_however_large():
    assert expected(of_counts([(10_000, [0, 1000, 1000, 1000])]), 100.0).horizon_s is None


def test_without_any_label_the_coverage_is_zero_and_there_is_no_score():
    found = expected(of_counts([(100, [0, 0, 0, 0])] * 5), 100.0)
    assert (found.coverage.value, dict(found.scores)) == (0.0, {})
    assert "no prediction has got its label within 4 s" in found.why


def test_of_few_labels_it_does_not_say_how_sure_it_is():
    found = expected(of_counts([(100, [0, 1, 0, 0])] * (MIN_LABELS - 1)), 100.0)
    assert (found.coverage.low, found.scores["mae"].low) == (None, None)
    assert expected(of_counts([(100, [0, 1, 0, 0])] * MIN_LABELS), 100.0).coverage.low is not None


def test_where_rows_are_missing_and_more_labels_came_than_predictions_shares_stay_shares():
    labels = of_counts([(60, [0, 50, 30, 20]), (60, [0, 40, 50, 10])])
    found = expected(labels._replace(n_predictions=np.array([60, 60])), 1e9)
    assert found.coverage.value == 1
    assert (np.diff(found.curve) >= 0).all()
    assert found.curve[-1] == 1


def test_of_no_slices_nothing_is_said():
    nothing = of_counts([(100, [0, 1, 0, 0])]).take(slice(0))
    assert expected(nothing, 1.0).horizon_s is None
    assert set(so_far(nothing).values()) == {None}


def test_a_truth_that_never_varies_has_no_r2():
    found = expected(of_counts([(100, [10, 10, 10, 10])] * 20), 100.0)
    assert found.scores["r2"] is None
    assert found.scores["mae"].value == 0
    assert math.isfinite(found.scores["mae"].high)
