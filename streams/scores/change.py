"""Does a span hold a change of the model? Figures that pool what was before it and after it are of neither."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.scores.cells import means
from streams.scores.cohorts import Cohorts
from streams.scores.equal_delays import Ratio, ratio

BEYOND_CHANCE = 1.95
"""Kolmogorov's limit: a span without a change exceeds it once in a thousand times."""
_MIN_SLICES = 10
_ROUNDING = 1e-9
"""An excess of this share of all losses is none: losses that are all the same add up a little differently."""


class Change(NamedTuple):
    """From `at` (UTC epoch seconds) on, a loss is so many times what it was before in the span, at equal delays.

    `ratio` is None while the labels on both sides are of other delays.
    """

    at: float
    ratio: Ratio | None


def last_change(cohorts: Cohorts, now: float, loss: str = "absolute") -> Change | None:
    """Return the last change that a span holds beyond chance, None if it holds none."""
    found = None
    while (change := _change(cohorts, now, loss)) is not None:
        found = change
        cohorts = cohorts.take(cohorts.start >= change.at)
    return found


def _change(cohorts: Cohorts, now: float, loss: str) -> Change | None:
    """Return the largest change: where the running sum of what each slice's losses exceed their bins' means by turns.

    If nothing changes, that sum by its standard deviation is a Brownian bridge, and the largest it gets has the
    distribution of Kolmogorov (1933). Its clock is the variance, so that bursts and young slices do not matter.
    """
    matured = cohorts.matured(now)
    usual = matured.n * means(matured.columns[loss].sum(axis=0), matured.n.sum(axis=0))
    excess = matured.columns[loss].sum(axis=1) - usual.sum(axis=1)
    if np.count_nonzero(usual.sum(axis=1)) < _MIN_SLICES:
        return None
    running = np.abs(np.cumsum(excess))[:-1]  # all of it is 0 but for rounding
    by_chance = max(BEYOND_CHANCE * np.sqrt(np.square(excess).sum()), _ROUNDING * usual.sum())
    if running.max() <= by_chance:
        return None
    at = float(cohorts.start[np.argmax(running) + 1])
    before, after = cohorts.take(cohorts.start < at), cohorts.take(cohorts.start >= at)
    return Change(at, ratio(after, before, now, loss))
