"""The losses: how wrong one prediction was. A loss is a column of sums in the cells; a new one is one entry here."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from streams.scores.histogram import Floats

LARGEST = 1e70
"""A `y` beyond it cannot be raised to the fourth power and summed in a double. Such a label is counted apart."""


class Loss(NamedTuple):
    """A loss by its name. `unit` is in terms of y; `of` takes y_true and y_pred and returns a loss of 0 or more each."""

    name: str
    unit: str
    of: Callable[[Floats, Floats], Floats]


LOSSES = (
    Loss("absolute", "y", lambda y_true, y_pred: np.abs(y_pred - y_true)),
    Loss("squared", "y²", lambda y_true, y_pred: np.square(y_pred - y_true)),
)
