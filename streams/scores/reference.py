"""The reference: how wrong a model was, by label delay, when it was known to be good."""

from __future__ import annotations

from typing import Self

import msgspec
import numpy as np

from streams.scores.cells import Cells
from streams.scores.cohorts import Cohorts
from streams.scores.delay import DelayBins, Ints
from streams.scores.histogram import Floats
from streams.scores.maturity import so_far

CAP_QUANTILE = 0.995
MIN_IN_YARDSTICK = 200
"""Labels that a mean is taken over before single errors are held against it."""


class Reference(msgspec.Struct, frozen=True):
    """The mature labels of a span by bin of delay: their number, and the sums of the columns that `Cohorts` has.

    `cap` is the size of error that one in 200 of them is beyond, see `_cap`; `start` and `end` are UTC epoch seconds.
    """

    start: float
    end: float
    ends: list[float]
    n_predictions: int
    n: list[int]
    columns: dict[str, list[float]]
    cap: float

    @classmethod
    def of(cls, cells: Cells, bins: DelayBins, now: float) -> Self | None:
        """Return the reference that the cells of one series make, as far as they are mature; None if no label is."""
        mature = cells.take(now - cells.start - cells.width >= bins.ends[-1])
        if not mature.n.any():
            return None
        cohorts = Cohorts.of(mature, bins)
        over, under = mature.errors.histograms(least=mature.error_min.min(), largest=mature.error_max.max())
        over.merge(under)
        mean = float(cohorts.columns["absolute"].sum() / cohorts.n.sum())
        return cls(
            float(mature.start.min()),
            float((mature.start + mature.width).max()),
            bins.ends.tolist(),
            int(cohorts.n_predictions.sum()),
            cohorts.n.sum(axis=0).tolist(),
            {name: column.sum(axis=0).tolist() for name, column in cohorts.columns.items()},
            _cap(over.quantile(CAP_QUANTILE), mean, over.largest),
        )

    @property
    def is_without_error(self) -> bool:
        """Whether nothing can be held against it: no error is a multiple of none."""
        return not sum(self.columns["absolute"]) > 0

    def cohort(self) -> Cohorts:
        """Return the reference as one slice, to compare with."""
        columns = {name: np.array([column]) for name, column in self.columns.items()}
        sizes = np.array([self.start]), np.array([self.end - self.start]), np.array([self.n_predictions])
        return Cohorts(np.array(self.ends), *sizes, np.array([self.n]), columns)

    def scores(self, horizon_s: float) -> dict[str, float | None]:
        """Return the scores of those labels that came within so long, to stand beside others of that horizon."""
        return so_far(self.cohort().within(horizon_s))

    def yardstick(self, loss: str) -> Floats:
        """Return what one loss of each bin is held against, NaN where there are too few labels in all; shape (B,).

        It is the mean over the bin and as many after it as hold enough labels, and one standard error more: how far the
        reference itself may be off must not count against the model.
        """
        n = np.array(self.n)
        groups = _groups(n)
        if groups is None:
            return np.full(len(n), np.nan)
        sums = [np.bincount(groups, column) for column in (n, self.columns[loss], self.columns[f"{loss}_squares"])]
        mean, mean_square = sums[1] / sums[0], sums[2] / sums[0]
        error = np.sqrt(np.maximum(mean_square - np.square(mean), 0) / sums[0])
        yardstick: Floats = (mean + error)[groups]
        return yardstick


def _cap(quantile: float, mean: float, largest: float) -> float:
    """Return the cap: a quantile, but of losses that are mostly 0 or all about the same it would hide any rise."""
    return quantile if quantile >= 2 * mean else max(largest, 10 * mean)


def _groups(n: Ints) -> Ints | None:
    """Return a group for each bin, so that neighbours share one until it holds enough labels; None if even all do not."""
    groups, found, current = np.zeros(len(n), np.int64), 0, 0
    for i, count in enumerate(n.tolist()):
        groups[i] = current
        found += count
        if found >= MIN_IN_YARDSTICK:
            current, found = current + 1, 0
    if not current:
        return None
    return np.minimum(groups, current - 1)
