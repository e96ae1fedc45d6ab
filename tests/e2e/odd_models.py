"""A model that does what its rows say; a worker opens it as a pickle."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

EXITS, INTERRUPTS, SAYS_A_MEGABYTE, HANGS = 901.0, 902.0, 903.0, 904.0


class Odd(RegressorMixin, BaseEstimator):
    """Answers the first feature, unless that is one of the numbers above."""

    n_features_in_ = 2

    def predict(self, table: Any) -> Any:
        """Do what the first column says."""
        first = np.asarray(table)[:, 0]
        if EXITS in first:
            raise SystemExit(3)
        if INTERRUPTS in first:
            raise KeyboardInterrupt
        if SAYS_A_MEGABYTE in first:
            raise ValueError("x" * 1_000_000)
        if HANGS in first:
            threading.Event().wait()
        return first


class NeverLoads(Odd):
    """Hangs as it is opened."""

    def __setstate__(self, state: Any) -> None:
        threading.Event().wait()
