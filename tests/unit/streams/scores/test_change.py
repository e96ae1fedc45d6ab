"""A span that holds a change is cut there; one that holds none is left whole."""

from __future__ import annotations

import numpy as np
import pytest

from streams.scores.change import last_change
from streams.scores.maturity import expected
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import BINS, MINUTE, SLICE_S, cohorts, true_scores


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.7, -0.7])
@pytest.mark.parametrize("minute", [30, 90])
def test_where_nothing_changes_it_finds_a_change_in_less_than_one_of_100_runs(rho, minute):
    rng = np.random.default_rng(1)
    now = minute * MINUTE
    found = [last_change(cohorts(rng, label_worlds.steady(rng, minute, 1, rho), now), now) for _ in range(200)]
    assert np.mean([change is not None for change in found]) <= 0.01


@pytest.mark.parametrize("rho", [0.7, -0.7])
def test_neither_a_burst_nor_young_slices_are_a_change(rho):
    rng = np.random.default_rng(2)
    world = label_worlds.burst(rng, rho, rate=20)
    for minute in (245, 250, 255, 280):
        assert last_change(cohorts(rng, world, minute * MINUTE, bins=BINS.coarse()), minute * MINUTE) is None


@pytest.mark.parametrize("by", [1.25, 0.8])
def test_a_span_that_holds_a_change_misses_the_truth_and_the_span_since_does_not(by):
    rng = np.random.default_rng(3)
    now = 160 * MINUTE
    known = cohorts(rng, label_worlds.changed(rng, 160, 20, 0.7, at_minute=120, by=by), now)
    known = known.take(known.start >= 60 * MINUTE)
    change = last_change(known, now)
    assert change.at == pytest.approx(120 * MINUTE, abs=4 * SLICE_S)
    assert change.ratio.estimate.value == pytest.approx(by, abs=0.05)
    since = expected(known.take(known.start >= change.at), now)
    truth = by * true_scores(since.horizon_s, 0.7)["mae"]
    assert since.scores["mae"].low < truth < since.scores["mae"].high
    mixed = expected(known, now).scores["mae"]
    truth = by * true_scores(3600, 0.7)["mae"]
    assert not mixed.low < truth < mixed.high


def test_of_two_changes_the_last_one_counts():
    rng = np.random.default_rng(4)
    world = label_worlds.changed(rng, 240, 20, 0.7, at_minute=100, by=2.0)
    world = world._replace(size=np.where(world.made > 180 * MINUTE, world.size / 2, world.size))
    change = last_change(cohorts(rng, world, 240 * MINUTE), 240 * MINUTE)
    assert change.at == pytest.approx(180 * MINUTE, abs=4 * SLICE_S)
    assert change.ratio.estimate.value == pytest.approx(0.5, abs=0.05)


def test_of_few_slices_it_says_nothing():
    rng = np.random.default_rng(5)
    known = cohorts(rng, label_worlds.changed(rng, 4, 50, 0.0, at_minute=2, by=9.0), 120 * MINUTE)
    assert last_change(known, 120 * MINUTE) is None
    assert last_change(known.take(slice(0)), 120 * MINUTE) is None


@pytest.mark.parametrize("size", [7.3, 1e-7, 1e60])
def test_errors_that_are_all_the_same_hold_no_change_although_their_sums_are_rounded(size):
    rng = np.random.default_rng(6)
    world = label_worlds.steady(rng, 60, 5, 0.0)
    known = cohorts(rng, world._replace(size=np.full(len(world.made), size)), 120 * MINUTE)
    assert last_change(known, 120 * MINUTE) is None
