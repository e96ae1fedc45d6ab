"""Cells: sums by series, slice of time and bin of label delay. Every figure is read from them.

Sums add over batches, partitions and restarts, in any order: counts exactly, sums to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.scores.delay import Ints
from streams.scores.error_bins import ErrorBins
from streams.scores.histogram import Floats
from streams.scores.losses import LOSSES
from streams.scores.numbering import is_first

T = TypeVar("T", np.int64, np.float64)
COUNTS = ("n_predictions", "n_unmatched_pred", "n_unmatched_true", "n_late", "n_refused", "n_left_out")
"""What a cell counts whatever the delay. `n_left_out`: labels that no sum holds, since a value is beyond LARGEST."""
SUMS = (
    *(loss.name for loss in LOSSES),
    *(f"{loss.name}_squares" for loss in LOSSES),
    "error",
    "truth",
    "truth_size",
    "truth_deviation",
    "error_truth",
)
"""What a cell sums by delay; `truth_size` is |y_true|.

About the means of its own cell and bin, `truth_deviation` is the sum of (y_true - mean)², and `error_truth` that of
(error - mean) × (y_true - mean).
"""
_ERROR, _TRUTH, _DEVIATION, _TOGETHER = map(SUMS.index, ("error", "truth", "truth_deviation", "error_truth"))
N_WORST = 10


class Worst(NamedTuple):
    """A label with a large error."""

    absolute_error: float
    id: str
    y_true: float
    y_pred: float


class Cells(NamedTuple):
    """C cells, by series and then by time, each series and start once; B bins of delay.

    `series` is a number that the caller gives to what the cells are of: a model, a segment, an axis. `start` is in UTC
    epoch seconds, `width` in seconds. `counts` has the shape (C, len(COUNTS)), `n` (labels) (C, B), `sums` (C,
    len(SUMS), B). `error_min` and `error_max` are infinite where there is no label. `worst` has the largest error first.
    """

    series: Ints
    start: Floats
    width: Floats
    counts: Ints
    n: Ints
    sums: Floats
    error_min: Floats
    error_max: Floats
    errors: ErrorBins
    worst: list[list[Worst]]

    def count_of(self, name: str) -> Ints:
        """Return the counts of that name, shape (C,)."""
        return self.counts[:, COUNTS.index(name)]

    def sum_of(self, name: str) -> Floats:
        """Return the sums of that name by bin of delay, shape (C, B)."""
        return self.sums[:, SUMS.index(name)]

    @classmethod
    def none(cls, n_bins: int) -> Self:
        """Return no cells."""
        series, times = np.zeros(0, np.int64), np.zeros(0)
        counts, n = np.zeros((0, len(COUNTS)), np.int64), np.zeros((0, n_bins), np.int64)
        sums = np.zeros((0, len(SUMS), n_bins))
        return cls(series, times, times, counts, n, sums, times, times, ErrorBins.merge([], []), [])

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return those cells for which `kept`, shape (C,), is true."""
        return type(self)(
            self.series[kept],
            self.start[kept],
            self.width[kept],
            self.counts[kept],
            self.n[kept],
            self.sums[kept],
            self.error_min[kept],
            self.error_max[kept],
            self.errors.take(kept),
            [rows for rows, is_kept in zip(self.worst, kept.tolist(), strict=True) if is_kept],
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the cells of parts, at least one, behind each other; no two are of one series and start."""
        series, start, width, counts, n, sums, low, high = (
            np.concatenate(columns) for columns in zip(*(part[:8] for part in parts), strict=True)
        )
        errors = ErrorBins.joined([part.errors for part in parts], [len(part.series) for part in parts])
        worst = [labels for part in parts for labels in part.worst]
        return cls(series, start, width, counts, n, sums, low, high, errors, worst)

    @classmethod
    def merge(cls, parts: Sequence[Self]) -> Self:
        """Add up cells: those of one series and start become one. There is at least one part; all have the same bins.

        Deviations are combined pairwise, which stays exact where sums of squares cancel (Chan, Golub, LeVeque:
        Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979).
        """
        series, start, width, low, high = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("series", "start", "width", "error_min", "error_max")
        )
        order = np.lexsort((start, series))
        is_new = is_first(series[order]) | is_first(start[order])
        if len(parts) == 1 and is_new.all() and np.array_equal(order, np.arange(len(order))):
            return parts[0]
        first = order[is_new]
        group = np.empty(len(order), np.int64)
        group[order] = np.cumsum(is_new) - 1
        groups = np.split(group, np.cumsum([len(part.series) for part in parts])[:-1])
        n = _added([part.n for part in parts], groups, len(first))
        sums = _added([part.sums for part in parts], groups, len(first))
        truth, error = means(sums[:, _TRUTH], n), means(sums[:, _ERROR], n)
        apart = [_apart(part.n, part.sums, truth[own], error[own]) for part, own in zip(parts, groups, strict=True)]
        sums[:, [_DEVIATION, _TOGETHER]] += _added(apart, groups, len(first))
        lowest, highest = np.full(len(first), np.inf), np.full(len(first), -np.inf)
        np.minimum.at(lowest, group, low)
        np.maximum.at(highest, group, high)
        return cls(
            series[first],
            start[first],
            width[first],
            _added([part.counts for part in parts], groups, len(first)),
            n,
            sums,
            lowest,
            highest,
            ErrorBins.merge([part.errors for part in parts], groups),
            _worst_of([rows for part in parts for rows in part.worst], group, len(first)),
        )

    @classmethod
    def together(cls, parts: Iterable[Self], n_bins: int) -> Self:
        """Add up the cells of several series as if they were of one, which has the number 0; there may be none."""
        found = [part._replace(series=np.zeros_like(part.series)) for part in parts if len(part.series)]
        return cls.merge(found) if found else cls.none(n_bins)

    def rebin(self, bins: Ints, n_bins: int) -> Self:
        """Return the same cells with other bins of delay: what is in bin k goes to `bins[k]` of `n_bins`."""
        n, sums = _gathered(self.n, bins, n_bins), _gathered(self.sums, bins, n_bins)
        truth, error = means(sums[:, _TRUTH], n), means(sums[:, _ERROR], n)
        apart = _apart(self.n, self.sums, truth[:, bins], error[:, bins])
        sums[:, [_DEVIATION, _TOGETHER]] += _gathered(apart, bins, n_bins)
        return self._replace(n=n, sums=sums)


def _apart(n: Ints, sums: Floats, truth: Floats, error: Floats) -> Floats:
    """Return what deviations about other means are more than about their own: of y_true, and of error and y_true together.

    Args:
        sums: of n labels each, shape (C, len(SUMS), B); `truth` and `error` are the other means, shape (C, B).
    """
    of_truth, of_error = means(sums[:, _TRUTH], n) - truth, means(sums[:, _ERROR], n) - error
    return np.stack((n * np.square(of_truth), n * of_error * of_truth), axis=1)


def _added(parts: Sequence[NDArray[T]], groups: Sequence[Ints], n_groups: int) -> NDArray[T]:
    """Return the sums of each group, over cells whose groups come with them."""
    added = np.zeros((n_groups, *parts[0].shape[1:]), parts[0].dtype)
    for part, own in zip(parts, groups, strict=True):
        if np.bincount(own, minlength=1).max() == 1:
            added[own] += part  # six times as fast
        else:
            np.add.at(added, own, part)
    return added


def _gathered(values: NDArray[T], bins: Ints, n_bins: int) -> NDArray[T]:
    gathered = np.zeros((*values.shape[:-1], n_bins), values.dtype)
    for old, new in enumerate(bins.tolist()):
        gathered[..., new] += values[..., old]
    return gathered


def means(sums: Floats, n: Floats | Ints) -> Floats:
    """Return sums / n, 0 where n is 0."""
    shape = sums.shape if sums.shape == n.shape else np.broadcast_shapes(sums.shape, n.shape)
    return np.divide(sums, n, out=np.zeros(shape), where=n > 0)


def _worst_of(rows: list[list[Worst]], group: Ints, n_groups: int) -> list[list[Worst]]:
    gathered: list[list[Worst]] = [[] for _ in range(n_groups)]
    for index, found in zip(group.tolist(), rows, strict=True):
        gathered[index] = sorted(gathered[index] + found, reverse=True)[:N_WORST] if gathered[index] else found
    return gathered
