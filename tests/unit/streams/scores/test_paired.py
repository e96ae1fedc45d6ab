"""Two models compared at any time: how often it decides wrongly, how fast it decides rightly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streams.scores.histogram import Floats
from streams.scores.paired import ALPHA, MIN_SLICES, paired, reaches
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import MINUTE, WINDOW_S

N_RUNS, N_LOOKS = 1000, 1000


def losses(kind: str, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    if kind == "normal":
        return rng.standard_normal(shape)
    if kind == "heavy":  # two models share the truth's heavy-tailed noise, each has its own
        common, first, second = rng.standard_t(3, (3, *shape))
        return np.abs(common + first / 2) - np.abs(common + second / 2)
    return rng.lognormal(0, 1.5, shape)


def equal_models(kind: str, rng: np.random.Generator, n_ids: int = 50) -> Floats:
    """Return sums of slices of models whose mean difference is 0, shape (N_RUNS, N_LOOKS): drawn from 40,000 slices."""
    pool = np.concatenate([losses(kind, rng, (10_000, n_ids)).sum(axis=1) for _ in range(4)])
    return rng.choice(pool - pool.mean(), (N_RUNS, N_LOOKS))


def dependent_rows(rng: np.random.Generator, phi: float, n_slices: int, n_ids: int, n_runs: int) -> Floats:
    """Return sums of slices whose rows follow an autoregression."""
    row, sums = rng.standard_normal(n_runs) / math.sqrt(1 - phi**2), np.zeros((n_runs, n_slices))
    for i in range(n_slices * n_ids):
        row = phi * row + rng.standard_normal(n_runs)
        sums[:, i // n_ids] += row
    return sums


def first_decision(sums: Floats, alpha: float = ALPHA, min_slices: int = MIN_SLICES) -> Floats:
    """Return the number of slices at the first look at which 0 is left out, infinite if there is none."""
    n_slices = np.arange(1, sums.shape[1] + 1)
    mean, square, cube = (np.cumsum(sums**power, axis=1) / n_slices for power in (1, 2, 3))
    cube = cube - 3 * mean * square + 2 * mean**3
    square = square - mean**2
    looks = slice(min_slices - 1, None)
    mean, square, cube, n_slices = mean[:, looks], square[:, looks], cube[:, looks], n_slices[looks]
    below, above = (reaches(n_slices, square, skewed, alpha) for skewed in (-cube, cube))
    decided = (mean > below) | (-mean > above)
    return np.where(decided.any(axis=1), np.argmax(decided, axis=1) + min_slices, np.inf)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "heavy", "skewed"])
def test_over_a_thousand_looks_equal_models_are_told_apart_in_at_most_five_per_cent_of_runs(kind):
    decisions = first_decision(equal_models(kind, np.random.default_rng(1)))
    assert np.isfinite(decisions).mean() <= ALPHA


@pytest.mark.slow
def test_rows_that_depend_on_each_other_do_no_harm_in_slices_that_are_wide_enough():
    sums = dependent_rows(np.random.default_rng(2), 0.9, n_slices=100, n_ids=500, n_runs=N_RUNS)
    assert np.isfinite(first_decision(sums)).mean() <= ALPHA


@pytest.mark.parametrize("difference", [0.05, 0.1])
def test_a_real_difference_is_found_nearly_as_fast_as_by_a_test_of_fixed_size(difference):
    rng = np.random.default_rng(3)
    sums = rng.normal(25 * difference, 5, (500, 1000))  # slices of 25 ids whose differences have the deviation 1
    fixed = (1.96 + 0.84) ** 2 / difference**2
    assert 25 * np.median(first_decision(sums)) <= 1.3 * fixed


@pytest.mark.parametrize(("true_mean", "share"), [(0.0, (0, 0.05)), (0.1, (0.95, 1))])
@pytest.mark.slow
def test_only_mature_slices_are_fair_to_a_model_that_is_good_at_fast_labels(true_mean, share):
    """Of what is labelled so far, the challenger seems better in every run."""
    rng = np.random.default_rng(4)
    decisions, flattered, n_slices = [], [], 240
    for _ in range(100):
        world = label_worlds.steady(rng, n_slices, 5, 0.0)
        labelled = np.isfinite(world.delay)
        slowness = np.log(world.delay[labelled] / 900)
        difference = 0.3 * (slowness.mean() - slowness) + true_mean + rng.standard_normal(len(slowness))
        made = world.made[labelled] // MINUTE
        sums = np.bincount(made.astype(int), difference, minlength=n_slices)
        n = np.bincount(made.astype(int), minlength=n_slices)
        mature = slice(0, n_slices - int(WINDOW_S // MINUTE))
        decisions.append(paired(sums[mature], n[mature]).verdict)
        here = world.made[labelled] + world.delay[labelled] <= n_slices * MINUTE
        flattered.append(difference[here].mean() > difference.mean())
    assert share[0] <= np.mean([verdict == "better" for verdict in decisions]) <= share[1]
    assert "worse" not in decisions
    assert all(flattered)


def test_the_interval_is_that_of_a_look():
    rng = np.random.default_rng(5)
    sums, n = rng.normal(6, 7, 60), np.full(60, 50)
    found = paired(sums, n)
    assert (found.n, found.n_slices, found.difference.value) == (3000, 60, pytest.approx(sums.sum() / 3000))
    assert (found.verdict, found.n_more) == ("better", 0)
    assert 0 < found.difference.low < found.difference.value
    assert paired(-sums, n).verdict == "worse"
    assert paired(-sums, n).difference.low == pytest.approx(-found.difference.high)


def test_ids_that_come_unevenly_weigh_by_their_number():
    rng = np.random.default_rng(6)
    n = rng.integers(0, 100, 200)
    sums = rng.normal(0.5 * n, np.sqrt(n))
    found = paired(sums, n)
    assert (found.n, found.n_slices) == (n.sum(), np.count_nonzero(n))
    assert found.difference.low < 0.5 < found.difference.high


def test_how_many_ids_more_it_takes_is_about_right():
    """Each guess alone is a rough one; in the middle it is right."""
    rng = np.random.default_rng(7)
    sums = rng.normal(25 * 0.1, 5, (200, 600))
    decided = first_decision(sums)
    guesses = [paired(row[:MIN_SLICES], np.full(MIN_SLICES, 25)).n_more for row in sums]
    assert np.median([np.inf if more is None else more for more in guesses]) == pytest.approx(
        25 * np.median(decided - MIN_SLICES), rel=0.5
    )


def test_under_twenty_slices_nothing_is_decided():
    sums, n = np.full(MIN_SLICES - 1, 5.0), np.full(MIN_SLICES - 1, 50)
    assert paired(sums, n).verdict == "open"
    assert paired(sums, n).n_more == 50
    assert paired(np.full(MIN_SLICES, 5.0), np.full(MIN_SLICES, 50)).verdict == "better"


def test_models_that_never_differ_stay_open_for_ever():
    found = paired(np.zeros(50), np.full(50, 10))
    assert (found.verdict, found.difference.value, found.n_more) == ("open", 0, None)


def test_one_slice_is_no_comparison():
    assert paired(np.array([1.0, 0.0]), np.array([5, 0])) is None


def test_the_interval_is_open_on_the_side_of_a_long_tail():
    rng = np.random.default_rng(8)
    found = paired(rng.lognormal(0, 2, 25), np.full(25, 10))
    assert found.difference.high is None
    assert found.difference.low < found.difference.value
