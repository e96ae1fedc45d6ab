"""A figure with its interval, and the jackknife that most intervals come from."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from streams.scores.histogram import Floats

Z = 1.959964
"""The normal distribution's 97.5% quantile: intervals hold the truth in 95 of 100."""
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120)
_T_LAST = 2.093


class Estimate(NamedTuple):
    """A figure and its 95% interval. An end is None where nothing can be said of how far off the figure is that way."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def around(cls, value: float, half_width: float) -> Estimate:
        """Return an estimate whose interval is as wide on either side; without one if that width is not finite."""
        if not math.isfinite(half_width):
            return cls(value)
        return cls(value, value - half_width, value + half_width)


def t_quantile(n_groups: int) -> float:
    """Return Student's 97.5% quantile for a spread that was seen in so many groups; infinite for one."""
    return math.inf if n_groups < 2 else _T[n_groups - 2] if n_groups - 2 < len(_T) else _T_LAST


def jackknife_deviation(whole: Floats, without: Floats, size: Floats) -> Floats:
    """Return the standard deviation of an estimate, by leaving one group out at a time.

    Groups may differ in size (Busing, Meijer, van der Leeden: Delete-m Jackknife for Unequal m, 1999).

    Args:
        whole: the estimate from all groups, shape (...).
        without: from all but one of them, shape (..., G).
        size: how much each group weighs, shape (G,).
    """
    if np.count_nonzero(size) < 2:
        return np.full(np.shape(whole), np.inf)
    without, share = without[..., size > 0], size[size > 0] / size.sum()
    pseudo = (whole[..., None] - (1 - share) * without) / share
    centre = len(share) * whole - ((1 - share) * without).sum(axis=-1)
    deviation: Floats = np.sqrt((np.square(pseudo - centre[..., None]) * share / (1 - share)).mean(axis=-1))
    return deviation
