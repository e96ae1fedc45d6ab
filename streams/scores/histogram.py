"""A histogram whose range nobody has to know: counts per magnitude, in a few hundred bins, mergeable. No I/O.

A bin is one 32nd of a power of two, so that it is at most 1/32 of its values wide, from the smallest double to the
largest. Its key is the top of the double itself: sign and exponent (12 bits) and the first 5 bits of the fraction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_DROPPED_BITS = 52 - 5
"""Bits of a double's fraction that a key leaves out."""
TINIEST = 1e-290
"""A value below it counts as zero: one count over the width of its bin would overflow."""
MAX_BINS = 2048
"""64 powers of two, if every bin is in use. Beyond that, the values nearest to zero share the lowest bin."""


def keys(sizes: Floats) -> NDArray[np.int64]:
    """Return the key of each value's bin. Values are those that a `Histogram` counts."""
    return np.where(sizes < TINIEST, 0.0, sizes).view(np.int64) >> _DROPPED_BITS


def opening(bin_keys: NDArray[np.int64]) -> Floats:
    """Return the smallest value of each bin."""
    return (bin_keys << _DROPPED_BITS).view(np.float64)


class Histogram(msgspec.Struct, gc=False):
    """How often values from 0 to 1e300 came: exact counts, and the exact smallest and largest value.

    The bins are those of HdrHistogram (Tene 2012). With too many of them the lowest are folded together as in
    DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019), so that the order of updates and merges never matters.
    """

    n: int = 0
    smallest: float = 0.0
    largest: float = 0.0
    counts: dict[int, int] = {}

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Count `values`, each 0 or more (not negative zero) and at most 1e300."""
        if not len(values):
            return cls()
        values = np.where(values < TINIEST, 0.0, values)
        unique, counts = np.unique(keys(values), return_counts=True)
        tally = dict(zip(unique.tolist(), counts.tolist(), strict=True))
        histogram = cls(len(values), float(values.min()), float(values.max()), tally)
        histogram._fold()
        return histogram

    def copy(self) -> Self:
        """Return a histogram that further merges into this one do not change."""
        return type(self)(self.n, self.smallest, self.largest, self.counts.copy())

    def merge(self, other: Histogram) -> None:
        """Add the values of `other`."""
        if not other.n:
            return
        self.smallest = min(self.smallest, other.smallest) if self.n else other.smallest
        self.largest = max(self.largest, other.largest)
        self.n += other.n
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        self._fold()

    def quantile(self, q: float) -> float:
        """Return the smallest value that at least the share `q` of all values does not exceed, at most 1/32 off.

        Inside a bin it reads off a straight line: 100,000 values of smooth data give it to 0.1%. At the same size of
        state a t-digest (k=200) gave their median to 4%, and mixed up the sides of a gap.

        Raises:
            ValueError: the histogram is empty, or `q` is outside 0 to 1.
        """
        if not self.n or not 0 <= q <= 1:
            raise ValueError(f"no quantile {q} of {self.n} values")
        rank = max(1, math.ceil(q * self.n))
        if rank in (1, self.n):
            return self.smallest if rank == 1 else self.largest
        ends, below = self._ladder()
        value = float(np.interp(rank - 0.5, below, ends))
        return min(value, self.largest) if value >= TINIEST else 0.0

    def n_below(self, value: float) -> int:
        """Return how many values are smaller; inside a bin it reads off a straight line, as `quantile`."""
        if not self.n or value <= self.smallest:
            return 0
        if value > self.largest:
            return self.n
        ends, below = self._ladder()
        return round(float(np.interp(value, ends, below)))

    def rebin(self, edges: Sequence[float] | Floats) -> NDArray[np.int64]:
        """Return how many values lie in each of the bins between `edges`, which increase; an edge opens its bin.

        Whole numbers that miss no value between the outer edges. One close to an edge (1/32) may be counted next door.
        """
        if not self.n:
            return np.zeros(len(edges) - 1, np.int64)
        ends, below = self._ladder()
        upto: NDArray[np.int64] = np.rint(np.interp(edges, ends, below)).astype(np.int64)
        return upto[1:] - upto[:-1]

    def beyond(self, limit: float, power: int = 1) -> float:
        """Return by how much values beyond a limit, to a power, are larger than it is, added up: as exact as the bins."""
        if not self.n:
            return 0.0
        ends, below = self._ladder()
        middle, counts = (ends[::2] + ends[1::2]) / 2, below[1::2] - below[::2]
        return float((counts * np.maximum(middle**power - limit**power, 0)).sum())

    def _ladder(self) -> tuple[Floats, Floats]:
        """Return both ends of every bin in rising order, and how many values lie below each."""
        keys = np.array(sorted(self.counts), np.int64)
        ends = np.stack([keys, keys + 1], axis=1).ravel() << _DROPPED_BITS
        counts = np.array([self.counts[key] for key in keys.tolist()], np.float64)
        upto = np.cumsum(counts)
        below = np.stack([upto - counts, upto], axis=1).ravel()
        values: Any = ends.view(np.float64)
        values[0], values[-1] = self.smallest, np.nextafter(self.largest, np.inf)
        np.maximum(values[1:], TINIEST, out=values[1:])
        return values, below

    def _fold(self) -> None:
        n_excess = len(self.counts) - MAX_BINS
        if n_excess <= 0:
            return
        *lowest, kept = sorted(self.counts)[: n_excess + 1]
        for key in lowest:
            self.counts[kept] += self.counts.pop(key)
