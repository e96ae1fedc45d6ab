"""The scores that people read, each from the mean of a few columns of the cells. A new one is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from streams.scores.histogram import Floats

Moments = Mapping[str, Floats]
"""The mean over labels of each loss, by its name, and of `error`, `truth` and `truth_squares`; all of one shape.

`error` is y_pred - y_true. `truth` and `truth_squares` are those of y_true less a constant, the same in both.
"""
Better = Literal["lower", "higher", "nearer 0"]


class Score(NamedTuple):
    """A score by its name. `of` takes moments and returns the score, of their shape; NaN where there is none.

    `column` is the moment whose spread among labels is the score's own.
    """

    name: str
    title: str
    unit: str
    better: Better
    column: str
    of: Callable[[Moments], Floats]


def _r2(moments: Moments) -> Floats:
    variance = moments["truth_squares"] - np.square(moments["truth"])
    return 1 - np.divide(moments["squared"], variance, out=np.full_like(variance, np.nan), where=variance > 0)


SCORES = (
    Score("mae", "MAE", "y", "lower", "absolute", lambda moments: moments["absolute"]),
    Score("rmse", "RMSE", "y", "lower", "squared", lambda moments: np.sqrt(moments["squared"])),
    Score("bias", "bias", "y", "nearer 0", "error", lambda moments: moments["error"]),
    Score("r2", "R²", "", "higher", "squared", _r2),
)
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""The quantiles of the absolute error that are shown, by name."""
