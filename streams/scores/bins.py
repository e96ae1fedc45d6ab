"""Which bars a histogram of errors is drawn in: as many as the pairs can fill. No drawing here.

Bars are counts, not estimates: their edges are edges of the bins that are kept, which are powers of two in 32 parts.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from streams.scores.histogram import TINIEST, Floats, Histogram, keys, opening

MOST_BINS = 40
FEWEST_BINS = 10
_TAIL = 1.6
"""A largest error beyond this many times p99 is not drawn to: the bars end soon after p99, and the rest is counted."""
_ROOM = 1.25
"""The axis goes on for a quarter after p99, which leaves room for its label."""
_LEAST = 1e-280
"""Logarithmic bars begin no lower: what is a little smaller counts as 0, which has no logarithm."""
_MOST_POWER = 100.0
"""The room after p99 ends at this power of ten: a page can hold no number much larger."""
_SKEW = 25.0
"""From p99 = 25 medians on, most pairs would be in the first two bars: the axis becomes logarithmic."""


class Bins(NamedTuple):
    """Edges of the bars and the pairs in each; the pairs that lie below and beyond them; whether edges are a ratio."""

    edges: Floats
    counts: list[int]
    n_below: int
    n_beyond: int
    is_log: bool


def bins(errors: Histogram) -> Bins:
    """Choose the bars for at least one absolute error."""
    median, p99 = errors.quantile(0.5), errors.quantile(0.99)
    n_wanted = min(MOST_BINS, max(FEWEST_BINS, round(2 * errors.n ** (1 / 3))))  # Rice's rule
    is_log = median > _LEAST and p99 > _SKEW * median
    edges = _ratio_edges(errors, n_wanted) if is_log else _linear_edges(errors.largest, p99, n_wanted)
    counts = errors.rebin(edges)
    n_below = int(errors.rebin([0.0, edges[0]])[0]) if is_log else 0
    return Bins(edges, counts.tolist(), n_below, errors.n - n_below - int(counts.sum()), is_log)


def _linear_edges(largest: float, p99: float, n_wanted: int) -> Floats:
    end = max(largest, _ROOM * p99) if largest <= _TAIL * p99 else _ROOM * p99
    end = next((each for each in (end, largest) if each >= TINIEST), 1.0)
    width = 2.0 ** round(
        math.log2(end / n_wanted)
    )  # 64 multiples of a power of two are edges of the bins that are kept
    n_bins = math.floor(end / width) + 1  # a value on the last edge would lie outside
    return np.linspace(0.0, n_bins * width, n_bins + 1)


def _ratio_edges(errors: Histogram, n_wanted: int) -> Floats:
    """Return edges that split powers of ten about evenly, from the smallest half per cent to the largest error."""
    first = math.floor(math.log10(max(errors.quantile(0.005) or errors.quantile(0.5) / 1e3, _LEAST)))
    roomy = first + _ROOM * (math.log10(errors.quantile(0.99)) - first)
    last = math.floor(max(math.log10(errors.largest), min(roomy, _MOST_POWER))) + 1
    n_powers = last - first
    n_bins = n_wanted // n_powers * n_powers or n_wanted
    kept = keys(np.logspace(first, last, n_bins + 1))
    kept[-1] += 1
    return opening(np.unique(kept))
