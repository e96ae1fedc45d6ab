"""The reference: how wrong a model was, by label delay, when it was known to be good."""

from __future__ import annotations

import math
from typing import Self

import msgspec
import numpy as np

from streams.scores.cells import Cells
from streams.scores.cohorts import COLUMNS, Cohorts
from streams.scores.delay import DelayBins, Ints
from streams.scores.histogram import TINIEST, Floats, Histogram
from streams.scores.hours import HOUR_S, Hours
from streams.scores.maturity import so_far

CAP_QUANTILE = 0.995
MIN_IN_YARDSTICK = 200
"""Labels that a mean is taken over before single errors are held against it."""


class Yardstick(msgspec.Struct, frozen=True):
    """What errors of one segment are held against: by coarse bin of delay, 0 where too little is known; and their cap."""

    usual: list[float]
    cap: float


class Reference(msgspec.Struct, frozen=True):
    """The mature labels of a span by bin of delay: their number, and the sums of the columns that `Cohorts` has.

    `cap` is the size of error that one in 200 of them is beyond, see `_cap`; `beyond` by how much these are larger than
    it, added up, and `beyond_squares` by how much their squares are larger than its. `start` and `end` are UTC epoch
    seconds. `hours` is how errors swing over the day, None if they are held against one yardstick at all hours.
    `segments` are the yardsticks of those of which enough is known, by name.
    """

    start: float
    end: float
    ends: list[float]
    n_predictions: int
    n: list[int]
    columns: dict[str, list[float]]
    cap: float
    beyond: float = 0.0
    beyond_squares: float = 0.0
    hours: Hours | None = None
    segments: dict[str, Yardstick] = {}

    @classmethod
    def of(cls, cells: Cells, bins: DelayBins, now: float) -> Self | None:
        """Return the reference that the cells of one series make, as far as they are mature; None if no label is."""
        mature = cells.take(now - cells.start - cells.width >= bins.ends[-1])
        if not mature.n.any():
            return None
        cohorts = Cohorts.of(mature, bins)
        over, under = mature.errors.histograms(least=mature.error_min.min(), largest=mature.error_max.max())
        over.merge(under)
        cap = _cap(over, float(cohorts.columns["absolute"].sum()))
        return cls(
            float(mature.start.min()),
            float((mature.start + mature.width).max()),
            bins.ends.tolist(),
            int(cohorts.n_predictions.sum()),
            cohorts.n.sum(axis=0).tolist(),
            {name: column.sum(axis=0).tolist() for name, column in cohorts.columns.items()},
            cap,
            over.beyond(cap),
            over.beyond(cap, power=2),
        )

    def by_hour(self, cells: Cells) -> Self | None:
        """Return the reference that holds each error against its hour of the day; None if enough is known of no hour.

        Args:
            cells: those that it was made of. What is wider than an hour says nothing of hours.
        """
        groups = _groups(np.array(self.n))
        if groups is None:
            return None
        mean, variance = (column[groups] for column in self._moments(groups)[1:])
        within = (cells.width <= HOUR_S) & (cells.start >= self.start) & (cells.start + cells.width <= self.end)
        hours = Hours.of(cells.take(within), self.cap, mean, variance)
        return None if hours is None else msgspec.structs.replace(self, hours=hours)

    def as_segment(self) -> Yardstick | None:
        """Return this reference, of the cells of a segment, as one of its yardsticks; None if too little is known."""
        usual = np.nan_to_num(self.yardstick())
        return Yardstick(usual.tolist(), self.cap) if usual.any() else None

    @property
    def is_without_error(self) -> bool:
        """Whether nothing can be held against it: no error is a multiple of none."""
        return not sum(self.columns["absolute"]) > 0

    def cohort(self) -> Cohorts:
        """Return the reference as one slice, to compare with."""
        unknown = [math.nan] * len(self.n)  # of a column that was not kept when it was made
        columns = {name: np.array([self.columns.get(name, unknown)]) for name in COLUMNS}
        sizes = np.array([self.start]), np.array([self.end - self.start]), np.array([self.n_predictions])
        return Cohorts(np.array(self.ends), *sizes, np.array([self.n]), columns)

    def scores(self, horizon_s: float) -> dict[str, float | None]:
        """Return the scores of those labels that came within so long, to stand beside others of that horizon."""
        return so_far(self.cohort().within(horizon_s))

    def yardstick(self) -> Floats:
        """Return what one absolute error of each bin is held against, capped as it is; NaN where there are too few labels.

        It is the mean of the capped errors of the bin and of as many after it as hold enough labels, and one standard
        error more: how far the reference itself may be off must not count against the model. Shape (B,).
        """
        groups = _groups(np.array(self.n))
        if groups is None:
            return np.full(len(self.n), np.nan)
        n, mean, variance = self._moments(groups)
        yardstick: Floats = (mean + np.sqrt(variance / n))[groups]
        return yardstick

    def usual(self, bins: Ints, ts_pred: Floats) -> Floats:
        """Return what the absolute error of each prediction is held against; NaN or 0 where too little is known.

        Args:
            bins: of the labels' delays; `ts_pred`: when the predictions were made, UTC epoch seconds.
        """
        usual = self.yardstick()[bins]
        return usual if self.hours is None else usual * self.hours.usual(ts_pred)

    def _moments(self, groups: Ints) -> tuple[Ints, Floats, Floats]:
        """Return the number of labels of each group of bins, and the mean and the variance of their capped errors."""
        n, capped, squares = (np.bincount(groups, column) for column in (np.array(self.n), *self._capped()))
        mean = capped / n
        return n, mean, np.maximum(squares / n - np.square(mean), 0)

    def _capped(self) -> tuple[Floats, Floats]:
        """Return the sums of the capped absolute errors of each bin, and of their squares.

        What is beyond the cap is known of all bins together. It is taken to be where the sums of squares are, as the
        largest errors are: no bin then loses more than what its squares allow, a quarter of them by the cap.
        """
        sums, squares = np.array(self.columns["absolute"]), np.array(self.columns["absolute_squares"])
        share = squares / max(squares.sum(), TINIEST)
        return np.maximum(sums - self.beyond * share, 0), np.maximum(squares - self.beyond_squares * share, 0)


def _cap(errors: Histogram, total: float) -> float:
    """Return the cap: a quantile, but of errors that are mostly 0 or all about the same it would hide any rise."""
    quantile = errors.quantile(CAP_QUANTILE)
    mean = (total - errors.beyond(quantile)) / errors.n
    return quantile if 0 < 2 * mean <= quantile else max(errors.largest, 10 * total / errors.n)


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
