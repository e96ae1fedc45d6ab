"""The scores that people read, each from the mean of a few columns of the cells. A new one is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from streams.scores.histogram import Floats

Moments = Mapping[str, Floats]
"""The mean over labels of each loss, by its name, and of what follows; all of one shape.

`error` is y_pred - y_true, `truth_size` |y_true|. In `truth`, its squares `truth_squares` and `error_truth`, the product
of both, y_true is less a constant, the same in all.
"""
Better = Literal["lower", "higher", "nearer 0", "nearer 1"]


class Score(NamedTuple):
    """A score by its name. `of` takes moments and returns the score, of their shape; NaN where there is none.

    `unit` is `y`, that of the target; `%`, or empty. `column` is the moment whose spread among labels is the score's own;
    empty: there is none such, and only slices tell how sure it is. `about` says what it is, where people read it.
    """

    name: str
    title: str
    unit: str
    better: Better
    column: str
    about: str
    of: Callable[[Moments], Floats]


def _of(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, NaN where that is not above 0."""
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _variance(moments: Moments) -> Floats:
    return np.asarray(moments["truth_squares"] - np.square(moments["truth"]), np.float64)


def _r2(moments: Moments) -> Floats:
    return 1 - _of(moments["squared"], _variance(moments))


def _wape(moments: Moments) -> Floats:
    return 100 * _of(moments["absolute"], moments["truth_size"])


def _slope(moments: Moments) -> Floats:
    """Return the slope of the line of least squares through y_pred over y_true."""
    return 1 + _of(moments["error_truth"] - moments["error"] * moments["truth"], _variance(moments))


SCORES = (
    Score("mae", "MAE", "y", "lower", "absolute", "mean |error|", lambda moments: moments["absolute"]),
    Score(
        "rmse",
        "RMSE",
        "y",
        "lower",
        "squared",
        "root of the mean squared error",
        lambda moments: np.sqrt(moments["squared"]),
    ),
    Score("bias", "bias", "y", "nearer 0", "error", "mean error: above 0, too high", lambda moments: moments["error"]),
    Score("r2", "R²", "", "higher", "squared", "skill against the mean of y_true: 0 is no better", _r2),
    Score("wape", "WAPE", "%", "lower", "absolute", "sum of |error| by sum of |y_true|", _wape),
    Score("slope", "slope", "", "nearer 1", "", "of y_pred over y_true: below 1, too near the mean", _slope),
)
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""The quantiles of the absolute error that are shown, by name."""
