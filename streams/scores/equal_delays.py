"""How many times as large a loss is as before, at equal label delays: right as soon as the first labels are there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.scores.cohorts import Cohorts
from streams.scores.estimate import Estimate, t_quantile
from streams.scores.histogram import Floats
from streams.scores.hours import HOUR_S, Hours, hours_of

MIN_BEFORE = 20
"""Labels that a bin must hold before, or it is not compared."""


class Ratio(NamedTuple):
    """A loss by what it was before, over the `n` labels that can be compared."""

    estimate: Estimate
    n: int


def ratio(
    cohorts: Cohorts, before: Cohorts, now: float, loss: str = "absolute", hours: Hours | None = None
) -> Ratio | None:
    """Compare a span with what was before, bin by bin of delay; None if no bin can be compared.

    The interval allows for how slices differ or labels within bins do, whichever is more, and for the error of before.

    Args:
        hours: how before differed by hour of the day, if each slice is to be held against its hour; slices of which that
            is not known are left out.
    """
    level, off = _by_hour(cohorts, hours)
    after, before = cohorts.take(level > 0).matured(now), before.matured(now)
    level, off = level[level > 0], off[level > 0]
    n_before = before.n.sum(axis=0)
    known = n_before >= MIN_BEFORE
    n_before = n_before[known]
    mean = before.columns[loss].sum(axis=0)[known] / n_before
    mean_square = before.columns[f"{loss}_squares"].sum(axis=0)[known] / n_before
    n, losses = after.n[:, known], after.columns[loss][:, known].sum(axis=1)
    usual = (n * mean).sum(axis=1) * level
    if not usual.sum() > 0:
        return None
    value = losses.sum() / usual.sum()
    n_slices = int(np.count_nonzero(usual))
    of_slices = np.square(losses - value * usual).sum() * n_slices / max(n_slices - 1, 1)
    variance = np.maximum(mean_square - np.square(mean), 0)
    of_labels = np.square(value) * (np.square(level) @ n * variance).sum()
    of_before = np.square(value) * ((np.square(level @ n) * variance / n_before).sum() + np.square(usual @ off))
    deviation = float(np.sqrt(max(of_slices, of_labels) + of_before) / usual.sum())
    return Ratio(Estimate.around(float(value), t_quantile(n_slices) * deviation), int(n.sum()))


def _by_hour(cohorts: Cohorts, hours: Hours | None) -> tuple[Floats, Floats]:
    """Return by what the mean of before is multiplied for each slice, and how far off that may be, as a share of it."""
    if hours is None:
        return np.ones(len(cohorts.start)), np.zeros(len(cohorts.start))
    hour, is_known = hours_of(cohorts.start), cohorts.width <= HOUR_S
    return np.where(is_known, np.array(hours.level)[hour], 0.0), np.array(hours.off)[hour]
