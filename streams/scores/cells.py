"""Cells: sums by series, slice of time and bin of label delay. Every figure is read from them.

Sums add over batches, partitions and restarts, in any order: counts exactly, sums to rounding.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streams.scores.delay import Ints
from streams.scores.error_bins import ErrorBins
from streams.scores.histogram import Floats
from streams.scores.losses import LOSSES

COUNTS = ("n_predictions", "n_unmatched_pred", "n_unmatched_true", "n_late", "n_refused", "n_left_out")
"""What a cell counts whatever the delay. `n_left_out`: labels that no sum holds, since a value is beyond LARGEST."""
SUMS = (
    *(loss.name for loss in LOSSES),
    *(f"{loss.name}_squares" for loss in LOSSES),
    "error",
    "truth",
    "truth_deviation",
)
"""What a cell sums by delay. `truth_deviation` is the sum of (y_true - mean)² about the mean of its own cell and bin."""
_TRUTH, _DEVIATION = SUMS.index("truth"), SUMS.index("truth_deviation")
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
    def merge(cls, parts: Sequence[Self]) -> Self:
        """Add up cells: those of one series and start become one. There is at least one part; all have the same bins."""
        series, start, width, counts, n, sums, low, high = (
            np.concatenate([part[i] for part in parts]) for i in range(_N_ARRAYS)
        )
        order = np.lexsort((start, series))
        is_new = (np.diff(series[order], prepend=-1) != 0) | (np.diff(start[order], prepend=-1.0) != 0)
        first = np.flatnonzero(is_new)
        group = np.empty(len(order), np.int64)
        group[order] = np.cumsum(is_new) - 1
        owners = np.split(group, np.cumsum([len(part.series) for part in parts])[:-1])
        return cls(
            series[order[first]],
            start[order[first]],
            width[order[first]],
            np.add.reduceat(counts[order], first),
            np.add.reduceat(n[order], first),
            _added(n, sums, order, first, group),
            np.minimum.reduceat(low[order], first),
            np.maximum.reduceat(high[order], first),
            ErrorBins.merge([part.errors for part in parts], owners),
            _worst_of([rows for part in parts for rows in part.worst], group, len(first)),
        )


_N_ARRAYS = Cells._fields.index("errors")


def _added(n: Ints, sums: Floats, order: Ints, first: Ints, group: Ints) -> Floats:
    """Return the sums of each group.

    Squared deviations are combined pairwise, which stays exact where sums of squares cancel (Chan, Golub, LeVeque:
    Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979).
    """
    added = np.add.reduceat(sums[order], first)
    mean, whole = means(sums[:, _TRUTH], n), means(added[:, _TRUTH], np.add.reduceat(n[order], first))
    between = n * np.square(mean - whole[group])
    added[:, _DEVIATION] += np.add.reduceat(between[order], first)
    return added


def means(sums: Floats, n: Floats | Ints) -> Floats:
    """Return sums / n, 0 where n is 0."""
    return np.divide(sums, n, out=np.zeros(np.broadcast_shapes(sums.shape, n.shape)), where=n > 0)


def _worst_of(rows: list[list[Worst]], group: Ints, n_groups: int) -> list[list[Worst]]:
    gathered: list[list[Worst]] = [[] for _ in range(n_groups)]
    for index, found in zip(group.tolist(), rows, strict=True):
        gathered[index] += found
    return [heapq.nlargest(N_WORST, found) for found in gathered]
