"""What was predicted in a span, slice by slice, as the estimators need it: columns that add up, and what is old enough."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streams.scores.cells import SUMS, Cells, means
from streams.scores.delay import DelayBins, Ints
from streams.scores.histogram import Floats
from streams.scores.numbering import is_first

COLUMNS = tuple("truth_squares" if name == "truth_deviation" else name for name in SUMS)
"""The columns of `Cohorts`."""
_EPS = 4 * np.finfo(np.float64).eps


class Cohorts(NamedTuple):
    """C slices of prediction time, in order, by B bins of label delay.

    `ends` are the bins' ends in seconds. `n` are labels, shape (C, B); each of `columns` has that shape: the sums of
    SUMS, but with `truth_squares` in place of `truth_deviation`, and `error_truth` about 0. In `truth` and these two
    y_true is less a constant, about the mean of all, so that nothing cancels.
    """

    ends: Floats
    start: Floats
    width: Floats
    n_predictions: Ints
    n: Ints
    columns: dict[str, Floats]

    @classmethod
    def of(cls, cells: Cells, bins: DelayBins) -> Self:
        """Take the cells of one series."""
        columns = {name: cells.sum_of(name) for name in SUMS if name != "truth_deviation"} | _centred(cells)
        return cls(bins.ends, cells.start, cells.width, cells.count_of("n_predictions"), cells.n, columns)

    def take(self, rows: NDArray[np.bool_] | slice) -> Self:
        """Return these slices."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return type(self)(
            self.ends, self.start[rows], self.width[rows], self.n_predictions[rows], self.n[rows], columns
        )

    def grouped(self, group: Ints) -> Self:
        """Return wider slices: neighbours with the same number are one. `group` never falls, shape (C,)."""
        first = np.flatnonzero(is_first(group))
        if not len(first):
            return self
        last = np.append(first[1:], len(group)) - 1
        columns = {name: np.add.reduceat(column, first) for name, column in self.columns.items()}
        return type(self)(
            self.ends,
            self.start[first],
            self.start[last] + self.width[last] - self.start[first],
            np.add.reduceat(self.n_predictions, first),
            np.add.reduceat(self.n, first),
            columns,
        )

    def within(self, horizon_s: float) -> Self:
        """Return the same slices without the labels of bins that end later than so long after the prediction."""
        return self._kept(self.ends <= horizon_s)

    def mature(self, now: float) -> NDArray[np.bool_]:
        """Return of which slices all labels of a bin are there: the youngest prediction is older than the bin's end."""
        return (now - self.start - self.width)[:, None] >= self.ends

    def matured(self, now: float) -> Self:
        """Return the same slices without the labels of bins that they are not old enough for."""
        return self._kept(self.mature(now))

    def _kept(self, kept: NDArray[np.bool_]) -> Self:
        columns = {name: np.where(kept, column, 0.0) for name, column in self.columns.items()}
        return self._replace(n=np.where(kept, self.n, 0), columns=columns)


def _centred(cells: Cells) -> dict[str, Floats]:
    n, truth, deviation = cells.n, cells.sum_of("truth"), cells.sum_of("truth_deviation")
    pivot = float(truth.sum() / max(n.sum(), 1))
    mean = means(truth, n)
    apart = np.where(n > 0, mean - pivot, 0.0)
    apart[np.abs(apart) <= _EPS * abs(pivot)] = 0.0
    deviation = np.where(deviation <= n * np.square(_EPS * mean), 0.0, deviation)
    return {
        "truth": apart * n,
        "truth_squares": deviation + np.square(apart) * n,
        "error_truth": cells.sum_of("error_truth") + cells.sum_of("error") * apart,
    }
