"""The error summary: how wrong the predictions were so far, in a few hundred numbers. No I/O.

An error is `y_pred - y_true`: above zero, the prediction was too high.
"""

from __future__ import annotations

import math
from typing import Self

import msgspec
import numpy as np

from streams.scores.histogram import Floats, Histogram
from streams.scores.losses import LARGEST


class ErrorSummary(msgspec.Struct, gc=False):
    """Scores of all pairs so far. Its fields are its state: msgspec writes and reads it as JSON.

    `n` pairs are scored. `n_left_out` more are not, in any figure: a value was beyond `LARGEST` or not finite.
    `over` holds the errors of 0 and more, `under` the sizes of those below 0. A figure that does not exist (no pair;
    R² of a truth that never varied) is None.
    """

    n: int = 0
    n_left_out: int = 0
    mean_error: float = 0.0
    mean_absolute: float = 0.0
    mean_square: float = 0.0
    true_mean: float = 0.0
    true_deviation: float = 0.0
    """Sum of (y_true - true_mean)²."""
    over: Histogram = msgspec.field(default_factory=Histogram)
    under: Histogram = msgspec.field(default_factory=Histogram)

    @classmethod
    def of(cls, y_true: Floats, y_pred: Floats) -> Self:
        """Summarise pairs, given as two arrays of the same length."""
        usable = (np.abs(y_true) <= LARGEST) & (np.abs(y_pred) <= LARGEST)
        n = int(np.count_nonzero(usable))
        n_left_out = len(y_true) - n
        if not n:
            return cls(n_left_out=n_left_out)
        if n_left_out:
            y_true, y_pred = y_true[usable], y_pred[usable]
        error = y_pred - y_true + 0.0  # turns -0.0 into 0.0
        below_zero = error < 0
        true_mean = float(y_true.mean())
        return cls(
            n,
            n_left_out,
            float(error.mean()),
            float(np.abs(error).mean()),
            float(np.square(error).mean()),
            true_mean,
            float(np.square(y_true - true_mean).sum()),
            Histogram.of(error[~below_zero]),
            Histogram.of(-error[below_zero]),
        )

    def update(self, y_true: Floats, y_pred: Floats) -> None:
        """Add a batch of pairs, given as two arrays of the same length."""
        self.merge(ErrorSummary.of(y_true, y_pred))

    def merge(self, other: ErrorSummary) -> None:
        """Add the pairs of `other`.

        Means and squared deviations are combined pairwise, which stays exact where sums of squares cancel (Chan, Golub,
        LeVeque: Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979).
        """
        self.n_left_out += other.n_left_out
        if not other.n:
            return
        n = self.n + other.n
        share = other.n / n
        self.mean_error += (other.mean_error - self.mean_error) * share
        self.mean_absolute += (other.mean_absolute - self.mean_absolute) * share
        self.mean_square += (other.mean_square - self.mean_square) * share
        apart = other.true_mean - self.true_mean
        self.true_mean += apart * share
        self.true_deviation += other.true_deviation + apart * apart * self.n * share
        self.n = n
        self.over.merge(other.over)
        self.under.merge(other.under)

    def copy(self) -> Self:
        """Return a summary that further updates of this one do not change."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return type(self)(**fields | {"over": self.over.copy(), "under": self.under.copy()})

    @property
    def bias(self) -> float | None:
        """Mean error: above zero, the predictions are too high."""
        return self.mean_error if self.n else None

    @property
    def mae(self) -> float | None:
        """Mean absolute error."""
        return self.mean_absolute if self.n else None

    @property
    def rmse(self) -> float | None:
        """Root of the mean squared error."""
        return math.sqrt(self.mean_square) if self.n else None

    @property
    def r2(self) -> float | None:
        """Share of the truth's variance that the predictions explain; below zero, a constant would do better."""
        rounding = self.n * (4 * np.finfo(float).eps * self.true_mean) ** 2
        if self.true_deviation <= rounding:
            return None
        unexplained = self.mean_square * self.n / self.true_deviation
        return 1 - unexplained if math.isfinite(unexplained) else None

    @property
    def min_error(self) -> float | None:
        """Smallest error, which is the furthest below the truth."""
        if not self.n:
            return None
        return -self.under.largest if self.under.n else self.over.smallest

    @property
    def max_error(self) -> float | None:
        """Largest error, which is the furthest above the truth."""
        if not self.n:
            return None
        return self.over.largest if self.over.n else -self.under.smallest

    @property
    def absolute(self) -> Histogram:
        """Histogram of the absolute error; it answers quantiles too."""
        both = self.over.copy()
        both.merge(self.under)
        return both
