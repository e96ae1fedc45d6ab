"""The data that the model is trained on and that the data driver draws its rows from: scikit-learn's load_diabetes.

The features go in the form that `load_diabetes()` gives by default: each column centred and scaled to a sum of squares
of 1. It is what most services and pickled models that use this data set were written against, and it spares the
model a scaler. Both sides of a pipeline must use one form, so both read it here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes

TARGET = "disease progression one year after baseline"
UNIT = "points"
"""The target is a score without a physical unit, from 25 to 346."""


class Data(NamedTuple):
    """442 patients: `x` of shape (442, 10) in the order of `features`, and the target `y` of shape (442,)."""

    features: list[str]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def diabetes() -> Data:
    """Return the whole data set; it comes with scikit-learn, nothing is downloaded."""
    loaded = load_diabetes()
    return Data(list(loaded.feature_names), loaded.data, loaded.target)
