"""Label outages: spans in which predictions come and no label does, and the labels that come all at once after one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.scores.delay import Ints
from streams.scores.histogram import Floats

MIN_MISSING = 14.0
"""Labels that must be missing: by chance alone, as many stay away less than once in a million times."""
_LONGER = 2
"""An outage is this many times longer than any but one silence before it, so that labels in batches soon make none."""
_N_RATE = 120
"""Slices before an outage that say how many labels are usual."""


class Outage(NamedTuple):
    """No label came from `start` to `end`, UTC epoch seconds, while `n_predictions` came; slices `first` to `last`."""

    start: float
    end: float
    n_predictions: int
    n_missing: float
    first: int
    last: int


def outages(start: Floats, width_s: float, n_predictions: Ints, n_labels: Ints) -> list[Outage]:
    """Return the label outages among consecutive slices, in order.

    Args:
        start: when each slice begins; all are there, also those in which nothing came, and have the same width.
        n_predictions: predictions that came in each; `n_labels`: labels that came in each, whenever they were predicted.
    """
    found: list[Outage] = []
    lengths = [0, 0]
    for first, end in _silences(n_labels):
        missing = float(n_labels[max(0, first - _N_RATE) : first].mean()) * (end - first)
        came = int(n_predictions[first:end].sum())
        if missing >= MIN_MISSING and came and end - first > _LONGER * sorted(lengths)[-2]:
            span = float(start[first]), float(start[end - 1]) + width_s
            found.append(Outage(*span, came, missing, first, end - 1))
        lengths.append(end - first)
    return found


def _silences(n_labels: Ints) -> list[tuple[int, int]]:
    """Return where no label came, as first slice and the one after the last, once any label has come."""
    edges = np.diff(n_labels == 0, prepend=False, append=False)
    bounds = np.flatnonzero(edges).reshape(-1, 2).tolist()
    return [(first, end) for first, end in bounds if first > 0]


def backlogs(found: list[Outage], n_labels: Ints) -> NDArray[np.bool_]:
    """Return which slices deliver what an outage held back: their labels say nothing about delays, nor at equal ones.

    It is the slice after the outage, and those that follow while twice as many labels come as usual.
    """
    held = np.zeros(len(n_labels), np.bool_)
    for outage in found:
        after = outage.last + 1
        usual = outage.n_missing / (after - outage.first)
        calm = np.flatnonzero(n_labels[after + 1 :] <= 2 * usual)
        held[after : after + 1 + (int(calm[0]) if len(calm) else len(n_labels))] = True
    return held
