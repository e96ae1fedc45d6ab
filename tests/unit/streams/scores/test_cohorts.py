"""The columns that estimators add up, from cells."""

from __future__ import annotations

import numpy as np
import pytest

from streams.scores.cohorts import Cohorts
from streams.scores.delay import DelayBins
from streams.scores.labels import Labels, cells_of_labels
from streams.scores.maturity import expected, so_far
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import MINUTE

BINS = DelayBins(np.array([0.0, 10.0, 100.0]))


def of(truth: np.ndarray, prediction: np.ndarray) -> Cohorts:
    n = len(truth)
    labels = Labels([""] * n, np.arange(n, dtype=float), np.linspace(-1, 99, n), truth, prediction)
    return Cohorts.of(cells_of_labels(labels, np.zeros(n, np.int64), width_s=10.0, bins=BINS), BINS)


def test_a_slice_is_mature_for_a_bin_once_its_youngest_prediction_is_older_than_the_bins_end():
    cohorts = of(np.zeros(20), np.zeros(20))
    assert cohorts.mature(now=20.0).tolist() == [[True, True, False], [True, False, False]]
    assert cohorts.mature(now=109.9).tolist() == [[True, True, False], [True, True, False]]
    assert cohorts.mature(now=120.0).all()
    assert not cohorts.mature(now=9.9).any()


def test_labels_of_bins_that_a_slice_is_not_old_enough_for_are_left_out():
    cohorts = of(np.zeros(20), np.ones(20))
    matured = cohorts.matured(now=20.0)
    assert matured.n.tolist() == np.where(cohorts.mature(20.0), cohorts.n, 0).tolist()
    assert matured.columns["absolute"].tolist() == matured.n.tolist()


def test_the_truths_squares_do_not_cancel():
    rng = np.random.default_rng(5)
    truth = 1e9 + rng.normal(0, 0.01, 5000)
    noise = rng.normal(0, 0.001, 5000)
    r2 = 1 - np.square((truth + noise) - truth).sum() / np.square(truth - truth.mean()).sum()
    assert so_far(of(truth, truth + noise))["r2"] == pytest.approx(r2, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 295.0, 1e12])
def test_a_truth_that_never_varies_has_no_r2(value):
    assert so_far(of(np.full(70, value), np.linspace(0, 1, 70)))["r2"] is None


def test_slices_can_be_taken_by_time():
    cohorts = of(np.zeros(40), np.ones(40))
    assert cohorts.take(cohorts.start >= 20.0).start.tolist() == [20.0, 30.0]
    assert cohorts.take(slice(0, 1)).n.sum() == 10


def test_neighbours_that_are_put_together_say_the_same_once_they_are_old_enough():
    rng = np.random.default_rng(9)
    now = 300 * MINUTE
    known = label_worlds.cohorts(rng, label_worlds.steady(rng, 200, 5, 0.7), now)
    wider = known.grouped((known.start // 600).astype(np.int64))
    assert (len(wider.start), set(wider.width)) == (20, {600.0})
    assert (wider.n.sum(axis=0) == known.n.sum(axis=0)).all()
    assert expected(wider, now).scores["mae"].value == pytest.approx(
        expected(known, now).scores["mae"].value, rel=1e-12
    )
    assert expected(wider, now).curve == pytest.approx(expected(known, now).curve, rel=1e-12)
    assert len(known.take(slice(0)).grouped(np.zeros(0, np.int64)).start) == 0
