"""Intervals: the jackknife against the textbook, the quantiles against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from streams.scores.estimate import Estimate, Z, jackknife_deviation, t_quantile


@pytest.mark.parametrize("n_groups", range(2, 21))
def test_the_quantiles_are_students(n_groups):
    assert t_quantile(n_groups) == pytest.approx(stats.t.ppf(0.975, n_groups - 1), abs=0.02 if n_groups > 17 else 1e-3)
    assert stats.norm.ppf(0.975) == pytest.approx(Z)


def test_one_group_shows_no_spread():
    assert t_quantile(1) == math.inf
    assert jackknife_deviation(np.array([3.0]), np.array([[3.0, 3.0]]), np.array([1.0, 0.0])) == math.inf
    assert Estimate.around(3.0, math.inf) == Estimate(3.0, None, None)


@pytest.mark.parametrize("size", [1.0, 7.0])
def test_of_a_mean_over_equal_groups_it_is_the_standard_error(size):
    values = np.random.default_rng(1).normal(size=20)
    without = np.array([np.delete(values, i).mean() for i in range(20)])
    found = jackknife_deviation(np.array([values.mean()]), without[None], np.full(20, size))
    assert found == pytest.approx(stats.sem(values))


def test_of_a_mean_over_groups_that_differ_in_size_it_is_the_spread_of_that_mean():
    sizes = np.array([1.0, 2, 3, 4, 10] * 4)
    sums = np.random.default_rng(2).normal(0, np.sqrt(sizes), (4000, 20))
    whole = sums.sum(axis=1) / sizes.sum()
    without = (sums.sum(axis=1, keepdims=True) - sums) / (sizes.sum() - sizes)
    assert np.square(jackknife_deviation(whole, without, sizes)).mean() == pytest.approx(1 / sizes.sum(), rel=0.02)
