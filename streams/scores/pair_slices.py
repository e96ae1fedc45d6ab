"""Ids that two models have in common, by slice of the reference's prediction time: what comparisons are made from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.scores.delay import Ints
from streams.scores.histogram import Floats

LOSSES = ("absolute", "squared")
"""The losses that pairs are kept of. The first one decides: which one does has to be chosen beforehand."""


class PairSlices(NamedTuple):
    """Pairs by slice, in order of time: start and width in seconds, `n` ids, and each model's sums of LOSSES, (S, 2)."""

    start: Floats
    width: Floats
    n: Ints
    first: Floats
    second: Floats

    def before(self, end: float | None) -> PairSlices:
        """Return the slices that end at a time or before; None: none of them."""
        which = self.start + self.width <= (-np.inf if end is None else end)
        return PairSlices(self.start[which], self.width[which], self.n[which], self.first[which], self.second[which])
